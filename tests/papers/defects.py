"""PDFs named by what is wrong with them, made when a test asks for them."""

import io
from collections.abc import Callable
from pathlib import Path

import pikepdf

_ADDRESS = ("Mme Zoé LEFÈVRE", "3 RUE DU PUITS", "67000 STRASBOURG")
_MM = 72 / 25.4


def page_of_text(
    pdf: pikepdf.Pdf,
    texts: list[tuple[float, float, str]],
    *,
    size: tuple[float, float] = (210, 297),
    points: float = 10,
    extra: bytes = b"",
) -> None:
    """Append a page with texts at (x, baseline y) in mm from the top left corner."""
    parts = [extra]
    for x, y, text in texts:
        letters = text.encode("cp1252").replace(b"\\", b"\\\\").replace(b"(", b"\\(").replace(b")", b"\\)")
        parts.append(b"BT /F %.1f Tf %.2f %.2f Td (%s) Tj ET" % (points, x * _MM, (size[1] - y) * _MM, letters))
    pdf.add_blank_page(page_size=(size[0] * _MM, size[1] * _MM))
    page = pdf.pages[-1]
    font = pikepdf.Dictionary(
        Type=pikepdf.Name.Font, Subtype=pikepdf.Name.Type1, BaseFont=pikepdf.Name.Helvetica, Encoding=pikepdf.Name.WinAnsiEncoding
    )
    page.obj.Resources = pikepdf.Dictionary(Font=pikepdf.Dictionary(F=font))
    page.obj.Contents = pdf.make_stream(b"\n".join(parts))


def letter(
    lines: tuple[str, ...] = _ADDRESS, *, x: float = 113, y: float = 61, body: str = "Madame, Monsieur,"
) -> list[tuple[float, float, str]]:
    """The texts of a plain letter's first page: address lines at x, y and a line of body."""
    return [(x, y + 4.5 * step, line) for step, line in enumerate(lines)] + [(22, 110, body), (22, 20, "Aubrac SA")]


def document(*pages: list[tuple[float, float, str]]) -> bytes:
    """A PDF of pages of texts."""
    pdf = pikepdf.new()
    for texts in pages:
        page_of_text(pdf, texts)
    return saved(pdf)


def saved(pdf: pikepdf.Pdf, **how: object) -> bytes:
    """The bytes of a document."""
    target = io.BytesIO()
    pdf.save(target, **how)  # type: ignore[arg-type]
    return target.getvalue()


def encrypted() -> bytes:
    """Needs a password to be opened."""
    with pikepdf.open(io.BytesIO(document(letter()))) as pdf:
        return saved(pdf, encryption=pikepdf.Encryption(owner="owner", user="user"))


def restricted() -> bytes:
    """Opens without a password, but has an owner's one."""
    with pikepdf.open(io.BytesIO(document(letter()))) as pdf:
        return saved(pdf, encryption=pikepdf.Encryption(owner="owner", user=""))


def truncated() -> bytes:
    """Ends in the middle."""
    whole = document(*(letter() for _ in range(20)))
    return whole[: len(whole) // 2]


def no_pages() -> bytes:
    """A PDF without a page."""
    return saved(pikepdf.new())


def damaged() -> bytes:
    """Says that it is a PDF, and is noise."""
    return b"%PDF-1.7\n" + bytes(range(256)) * 20 + b"\n%%EOF\n"


def rotated_and_cropped() -> bytes:
    """Drawn on its side on a larger sheet; upright A4 once rotation and crop box are obeyed."""
    pdf = pikepdf.new()
    margin = 20 * _MM
    width, height = 210 * _MM, 297 * _MM
    pdf.add_blank_page(page_size=(height + 2 * margin, width + 2 * margin))
    source = pikepdf.open(io.BytesIO(document(letter())))
    page = pdf.pages[0]
    form = pdf.copy_foreign(source.pages[0].as_form_xobject())
    page.obj.Resources = pikepdf.Dictionary(XObject=pikepdf.Dictionary(L=form))
    # seen with /Rotate 90 (clockwise) the drawing must be turned a quarter anticlockwise
    page.obj.Contents = pdf.make_stream(b"q 0 1 -1 0 %.3f %.3f cm /L Do Q" % (height + margin, margin))
    page.obj.CropBox = pikepdf.Array([margin, margin, margin + height, margin + width])
    page.obj.Rotate = 90
    return saved(pdf)


def one_damaged_page() -> bytes:
    """The second of three pages refers to nothing."""
    pdf = pikepdf.open(
        io.BytesIO(document(letter(), letter(("M. A", "1 RUE B", "75001 PARIS")), letter(("M. C", "2 RUE D", "69001 LYON"))))
    )
    pdf.Root.Pages.Kids[1] = pdf.make_indirect(pikepdf.Dictionary(Type=pikepdf.Name.Nothing))
    return saved(pdf)


def garbage_text() -> bytes:
    """Letters are there to see, but the font's codes mean nothing (a subset font by glyph numbers, without a Unicode table)."""
    pdf = pikepdf.new()
    page_of_text(pdf, letter())
    page = pdf.pages[0]
    differences = pikepdf.Array([1, *(pikepdf.Name(f"/{name}") for name in _GLYPHS)])
    font = page.obj.Resources.Font.F
    font.Encoding = pikepdf.Dictionary(Type=pikepdf.Name.Encoding, Differences=differences)
    font.ToUnicode = pdf.make_stream(_NONSENSE)
    codes = {letter: bytes([number]) for number, letter in enumerate(_LETTERS, 1)}
    parts = []
    for x, y, text in letter(("MME ZOE LEFEVRE", "RUE DU PUITS", "STRASBOURG"), body="MADAME MONSIEUR"):
        coded = b"".join(codes.get(one, codes[" "]) for one in text.upper()).hex().encode()
        parts.append(b"BT /F 10 Tf %.2f %.2f Td <%s> Tj ET" % (x * _MM, (297 - y) * _MM, coded))
    page.obj.Contents = pdf.make_stream(b"\n".join(parts))
    return saved(pdf)


_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ "
_GLYPHS = [*"ABCDEFGHIJKLMNOPQRSTUVWXYZ", "space"]
_NONSENSE = (
    b"/CIDInit /ProcSet findresource begin 12 dict begin begincmap /CMapName /X def /CMapType 2 def 1 begincodespacerange <01> <1B> "
    b"endcodespacerange 1 beginbfrange <01> <1B> <E001> endbfrange endcmap end end"
)

#: file name: maker, and the code that opening it must give
UNREADABLE: dict[str, tuple[Callable[[], bytes], str]] = {
    "encrypted.pdf": (encrypted, "pdf-encrypted"),
    "truncated.pdf": (truncated, "pdf-truncated"),
    "no_pages.pdf": (no_pages, "pdf-empty"),
    "no_bytes.pdf": (bytes, "pdf-empty"),
    "damaged.pdf": (damaged, "pdf-damaged"),
    "a_picture.pdf": (lambda: b"GIF89a" + b"\0" * 50, "not-a-pdf"),
}


def put(folder: Path, name: str, content: bytes) -> Path:
    """Write a paper into a folder."""
    path = folder / name
    path.write_bytes(content)
    return path
