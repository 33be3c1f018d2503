"""A PDF for each thing that preflight finds, named by its code, and beside it a control that lacks only that.

The pages are French letters with their address in the window; fonts are embedded except where that is the defect.
"""

import io
import subprocess
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import pikepdf
from fontTools import subset
from fontTools.ttLib import TTFont
from pikepdf import Array, Dictionary, Name

from tests.papers.defects import letter, page_of_text, saved

_MM = 72 / 25.4
Texts = list[tuple[float, float, str]]


@lru_cache(maxsize=1)
def font_file() -> str:
    """A TrueType font of this machine."""
    return subprocess.run(["fc-match", "-f", "%{file}", "DejaVu Sans"], capture_output=True, check=True, text=True).stdout


@lru_cache(maxsize=1)
def _font_program() -> tuple[bytes, tuple[int, ...]]:
    """A font program of the Latin letters, and the widths of codes 32 to 255."""
    codes = [ord(bytes([code]).decode("cp1252", "replace")) for code in range(32, 256)]
    cutter = subset.Subsetter(subset.Options(drop_tables=["GSUB", "GPOS", "GDEF", "FFTM"], notdef_outline=True))
    cutter.populate(unicodes=codes)
    target = io.BytesIO()
    with TTFont(font_file()) as font:
        units, cmap, advances = font["head"].unitsPerEm, font.getBestCmap(), font["hmtx"]
        widths = tuple(round(1000 * advances[cmap[code]][0] / units) if code in cmap else 600 for code in codes)
        cutter.subset(font)
        font.save(target)
    return target.getvalue(), widths


def _letters() -> bytes:
    """The table from the codes of the Windows encoding to letters."""
    pairs = [(code, bytes([code]).decode("cp1252", "replace").encode("utf-16-be").hex().encode()) for code in range(32, 256)]
    lines = [b"<%02X> <%s>" % pair for pair in pairs]
    parts = [lines[start : start + 100] for start in range(0, len(lines), 100)]
    blocks = [b"%d beginbfchar\n%s\nendbfchar" % (len(part), b"\n".join(part)) for part in parts]
    head = b"/CIDInit /ProcSet findresource begin 12 dict begin begincmap /CMapName /X def /CMapType 2 def\n"
    return head + b"1 begincodespacerange <00> <FF> endcodespacerange\n" + b"\n".join(blocks) + b"\nendcmap end end"


def font(pdf: pikepdf.Pdf, *, embedded: bool = True, name: str = "Somewhere-Sans") -> Any:
    """A TrueType font with the Windows encoding."""
    program, widths = _font_program()
    about = Dictionary(
        Type=Name.FontDescriptor, FontName=Name(f"/{name}"), Flags=32, FontBBox=[-200, -250, 1200, 1000], ItalicAngle=0,
        Ascent=900, Descent=-240, CapHeight=730, StemV=80,
    )  # fmt: skip
    if embedded:
        about.FontFile2 = pdf.make_stream(program, Length1=len(program))
    made = Dictionary(
        Type=Name.Font, Subtype=Name.TrueType, BaseFont=Name(f"/{name}"), Encoding=Name.WinAnsiEncoding, FirstChar=32, LastChar=255,
        Widths=Array(list(widths)), FontDescriptor=pdf.make_indirect(about), ToUnicode=pdf.make_stream(_letters()),
    )  # fmt: skip
    return pdf.make_indirect(made)


def paper(
    *, pages: int = 1, texts: Texts | None = None, extra: bytes = b"", size: tuple[float, float] = (210, 297), embedded: bool = True,
    points: float = 10,
) -> pikepdf.Pdf:  # fmt: skip
    """A letter of so many pages in an embedded font; `extra` is drawn first on its first page (`/X`: see `with_thing`)."""
    pdf = pikepdf.new()
    used = font(pdf, embedded=embedded)
    for number in range(pages):
        shown = letter() if texts is None else texts
        page_of_text(pdf, shown if number == 0 else [(22, 40, f"Suite, feuille {number + 1}")], size=size, points=points)
        pdf.pages[-1].obj.Resources = Dictionary(Font=Dictionary(F=used))
    if extra:
        first = pdf.pages[0]
        first.obj.Contents = pdf.make_stream(extra + b"\n" + first.obj.Contents.read_bytes())
    return pdf


def picture(pdf: pikepdf.Pdf, pixels: int, *, colour: bool = False, mask: bool = False, space: Name = Name.DeviceRGB) -> Any:
    """A square picture, grey or red, with a soft mask or without."""
    tone = {Name.DeviceRGB: b"\xd0\x20\x20" if colour else b"\x60\x60\x60", Name.DeviceCMYK: b"\0\0\0\x99"}[space]
    image = pdf.make_stream(
        tone * pixels * pixels, Type=Name.XObject, Subtype=Name.Image, Width=pixels, Height=pixels, ColorSpace=space, BitsPerComponent=8
    )
    if mask:
        image.SMask = pdf.make_stream(
            bytes(range(256))[:pixels] * pixels, Type=Name.XObject, Subtype=Name.Image, Width=pixels, Height=pixels,
            ColorSpace=Name.DeviceGray, BitsPerComponent=8,
        )  # fmt: skip
    return image


def placed(x: float, y: float, width: float, height: float, name: str = "X") -> bytes:
    """Operators that draw an image in a box in mm from the top left corner."""
    return b"q %.2f 0 0 %.2f %.2f %.2f cm /%s Do Q" % (width * _MM, height * _MM, x * _MM, (297 - y - height) * _MM, name.encode())


def area(x: float, y: float, width: float, height: float, how: bytes = b"0 g") -> bytes:
    """Operators that fill a box in mm from the top left corner."""
    return b"q %s %.2f %.2f %.2f %.2f re f Q" % (how, x * _MM, (297 - y - height) * _MM, width * _MM, height * _MM)


def line(width: float) -> bytes:
    """Operators that draw a line of so many points across the page."""
    return b"q %.3f w 60 300 m 500 300 l S Q" % width


def with_picture(pixels: int, millimetres: float, **kind: Any) -> bytes:
    """A letter with a picture below its address."""
    pdf = paper(extra=placed(30, 130, millimetres, millimetres))
    pdf.pages[0].obj.Resources.XObject = Dictionary(X=picture(pdf, pixels, **kind))
    return saved(pdf)


def with_state(**state: Any) -> bytes:
    """A letter with an area drawn in a graphics state."""
    pdf = paper(extra=b"q /G gs 0.5 g 100 300 200 100 re f Q")
    pdf.pages[0].obj.Resources.ExtGState = Dictionary(G=Dictionary(Type=Name.ExtGState, **state))
    return saved(pdf)


def type3(*, drawn: bool) -> bytes:
    """A letter with text in a font of drawings, or in an ordinary one."""
    pdf = paper(extra=b"BT /T 12 Tf 60 400 Td (aaa) Tj ET" if drawn else b"BT /F 12 Tf 60 400 Td (aaa) Tj ET")
    glyph = pdf.make_stream(b"700 0 0 0 600 700 d1 0 0 600 700 re f")
    made = Dictionary(
        Type=Name.Font, Subtype=Name.Type3, FontBBox=[0, 0, 700, 700], FontMatrix=[0.001, 0, 0, 0.001, 0, 0],
        CharProcs=Dictionary(a=glyph), Encoding=Dictionary(Type=Name.Encoding, Differences=[97, Name.a]), FirstChar=97, LastChar=97,
        Widths=[700], Resources=Dictionary(),
    )  # fmt: skip
    if drawn:
        pdf.pages[0].obj.Resources.Font.T = pdf.make_indirect(made)
    return saved(pdf)


def vector_beside_cmyk(tone: bytes) -> bytes:
    """A CMYK picture in black, and an RGB area beside it."""
    pdf = paper(extra=placed(30, 130, 40, 40) + b" " + area(100, 130, 40, 40, tone))
    pdf.pages[0].obj.Resources.XObject = Dictionary(X=picture(pdf, 300, space=Name.DeviceCMYK))
    return saved(pdf)


def form(*, xfa: bool = False, script: bool = False, attached: bool = False) -> bytes:
    """A letter with a form field that shows a value; with XFA, a script or a file where told."""
    pdf = paper()
    look = pdf.make_stream(
        b"/Tx BMC q BT /F 10 Tf 0 g 2 4 Td (Montant 120,00) Tj ET Q EMC", Type=Name.XObject, Subtype=Name.Form, BBox=[0, 0, 150, 16],
        Resources=Dictionary(Font=Dictionary(F=pdf.pages[0].obj.Resources.Font.F)),
    )  # fmt: skip
    field = pdf.make_indirect(
        Dictionary(
            Type=Name.Annot,
            Subtype=Name.Widget,
            FT=Name.Tx,
            T="montant",
            V="Montant 120,00",
            F=4,
            Rect=[70, 400, 220, 416],
            AP=Dictionary(N=look),
            DA="/F 10 Tf 0 g",
        )  # fmt: skip
    )
    if script:
        field.A = Dictionary(S=Name.JavaScript, JS="app.alert(1)")
    pdf.pages[0].obj.Annots = Array([field])
    pdf.Root.AcroForm = Dictionary(Fields=Array([field]), DR=Dictionary(Font=Dictionary(F=pdf.pages[0].obj.Resources.Font.F)))
    if xfa:
        pdf.Root.AcroForm.XFA = pdf.make_stream(b"<xdp:xdp xmlns:xdp='http://ns.adobe.com/xdp/'/>")
    if attached:
        pdf.attachments["devis.xml"] = b"<x/>"
    return saved(pdf)


def plain(**how: Any) -> bytes:
    """A letter with nothing wrong."""
    return saved(paper(**how))


def _opened(script: str) -> bytes:
    pdf = paper()
    pdf.Root.OpenAction = Dictionary(S=Name(script), JS="app.alert(1)", D=Array([pdf.pages[0].obj, Name.Fit]))
    return saved(pdf)


def _attached() -> bytes:
    pdf = paper()
    pdf.attachments["devis.xml"] = b"<x/>"
    return saved(pdf)


def _turned() -> bytes:
    pdf = paper(size=(297, 210), texts=[(113, 61, "M. A"), (113, 66, "1 RUE B"), (113, 71, "75001 PARIS")])
    return saved(pdf)


def _twice(*, same: bool) -> bytes:
    pdf = paper(pages=3)
    if same:
        pdf.pages[2] = pdf.pages[1]
    return saved(pdf)


def _blank_last(*, blank: bool) -> bytes:
    pdf = paper(pages=2)
    if blank:
        pdf.pages[1].obj.Contents = pdf.make_stream(b"1 g 0 0 100 100 re f")
    return saved(pdf)


_OUTSIDE = [*letter(), (1.5, 150, "En marge")]
_INSIDE = [*letter(), (12, 150, "En marge")]

#: code of the finding: (paper with the defect, the same without it)
FAULTS: dict[str, tuple[Callable[[], bytes], Callable[[], bytes]]] = {
    "page-not-a4": (lambda: plain(size=(215.9, 279.4)), lambda: plain(size=(211.5, 296))),
    "page-landscape": (_turned, plain),
    "content-outside-printable-area": (lambda: plain(texts=_OUTSIDE), lambda: plain(texts=_INSIDE)),
    "window-not-clear": (lambda: plain(extra=area(170, 60, 20, 10)), lambda: plain(extra=area(170, 35, 20, 10))),
    "window-crossed": (
        lambda: plain(texts=[*letter(), (70, 75, "un texte qui court jusque dans la fenêtre")]),
        lambda: plain(texts=[*letter(), (22, 75, "un texte qui s'arrête")]),
    ),
    "no-address": (lambda: plain(texts=[(22, 110, "Madame, Monsieur,")]), plain),
    "font-not-embedded": (lambda: plain(embedded=False), plain),
    "font-type3": (lambda: type3(drawn=True), lambda: type3(drawn=False)),
    "text-tiny": (
        lambda: plain(extra=b"BT /F 4 Tf 60 200 Td (Conditions au verso) Tj ET"),
        lambda: plain(extra=b"BT /F 5.5 Tf 60 200 Td (Conditions au verso) Tj ET"),
    ),
    "line-thin": (lambda: plain(extra=line(0.1)), lambda: plain(extra=line(0.25))),
    "image-coarse": (lambda: with_picture(150, 60), lambda: with_picture(300, 60)),
    "transparency": (lambda: with_state(ca=0.4), lambda: with_state(ca=1)),
    "colour": (lambda: vector_beside_cmyk(b"1 0 0 rg"), lambda: vector_beside_cmyk(b"0.5 0.5 0.5 rg")),
    "page-blank": (lambda: _blank_last(blank=True), lambda: _blank_last(blank=False)),
    "page-duplicate": (lambda: _twice(same=True), lambda: _twice(same=False)),
    "too-many-sheets": (lambda: plain(pages=91), lambda: plain(pages=90)),
    "only-duplex-fits": (lambda: plain(pages=46), lambda: plain(pages=45)),
    "pdf-forms": (form, plain),
    "pdf-xfa": (lambda: form(xfa=True), form),
    "pdf-scripts": (lambda: form(script=True), form),
    "pdf-attachments": (_attached, plain),
}

#: the same defects in other clothes: name: (code, paper)
DISGUISED: dict[str, tuple[str, Callable[[], bytes]]] = {
    "coloured picture": ("colour", lambda: with_picture(300, 40, colour=True)),
    "coloured text": ("colour", lambda: plain(extra=b"BT 0 0 1 rg /F 10 Tf 60 200 Td (lien) Tj ET 0 g")),
    "coloured line": ("colour", lambda: plain(extra=b"q 0 1 1 0 K 1 w 60 300 m 500 300 l S Q")),
    "soft mask of a picture": ("transparency", lambda: with_picture(200, 40, mask=True)),
    "blending": ("transparency", lambda: with_state(BM=Name.Multiply)),
    "line made of an area": ("line-thin", lambda: plain(extra=area(30, 150, 100, 0.04))),
    "script at opening": ("pdf-scripts", lambda: _opened("/JavaScript")),
}
