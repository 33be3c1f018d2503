"""What letters' PDFs are turned into after they were made, and PDFs written object by object: pages turned and cropped, fonts without
their Unicode tables, letters as drawings, text under pictures."""

import io
import random
import re
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import pikepdf
from fontTools.pens.basePen import BasePen
from fontTools.ttLib import TTFont
from pikepdf import Array, Dictionary, Name

from tests.papers.faults import font_file

_MM = 72 / 25.4
_A4 = (595.276, 841.89)


def _content(page: pikepdf.Page) -> bytes:
    page.contents_coalesce()
    return bytes(page.Contents.read_bytes())


def _wrapped(pdf: pikepdf.Pdf, matrix: str, page: pikepdf.Page) -> None:
    page.Contents = pdf.make_stream(f"q {matrix} cm\n".encode() + _content(page) + b"\nQ")


def turn_90(pdf: pikepdf.Pdf, chance: random.Random) -> None:
    """Drawn lying, shown upright by /Rotate 90."""
    _turn(pdf, 90, f"0 1 -1 0 {_A4[1]} 0", (_A4[1], _A4[0]))


def turn_180(pdf: pikepdf.Pdf, chance: random.Random) -> None:
    """Drawn upside down, shown upright."""
    _turn(pdf, 180, f"-1 0 0 -1 {_A4[0]} {_A4[1]}", _A4)


def turn_270(pdf: pikepdf.Pdf, chance: random.Random) -> None:
    """Drawn lying the other way, shown upright."""
    _turn(pdf, 270, f"0 -1 1 0 0 {_A4[0]}", (_A4[1], _A4[0]))


def _turn(pdf: pikepdf.Pdf, angle: int, matrix: str, size: tuple[float, float]) -> None:
    for page in pdf.pages:
        _wrapped(pdf, matrix, page)
        page.obj.MediaBox = Array([0, 0, *size])
        page.obj.Rotate = angle


def crop(pdf: pikepdf.Pdf, chance: random.Random) -> None:
    """A sheet with printer's marks around, its visible part in the middle, its origin elsewhere."""
    for page in pdf.pages:
        _wrapped(pdf, "1 0 0 1 -37 61", page)
        page.obj.MediaBox = Array([-100, -20, _A4[0] + 80, _A4[1] + 150])
        page.obj.CropBox = Array([-37, 61, _A4[0] - 37, _A4[1] + 61])


def wrap(pdf: pikepdf.Pdf, chance: random.Random) -> None:
    """Each page's content in a form within a form, drawn at half its size and doubled."""
    for page in pdf.pages:
        inner = pdf.make_stream(_content(page), Type=Name.XObject, Subtype=Name.Form, BBox=[0, 0, *_A4], Resources=page.Resources)
        outer = pdf.make_stream(
            b"q 2 0 0 2 0 0 cm /I Do Q", Type=Name.XObject, Subtype=Name.Form, BBox=[0, 0, 1200, 1700],
            Resources=Dictionary(XObject=Dictionary(I=inner)),
        )  # fmt: skip
        page.obj.Resources = Dictionary(XObject=Dictionary(O=outer))
        page.obj.Contents = pdf.make_stream(b"q 0.5 0 0 0.5 0 0 cm /O Do Q")


def twice(pdf: pikepdf.Pdf, chance: random.Random) -> None:
    """All text drawn again a little to the right: the boldness of old drivers."""
    for page in pdf.pages:
        drawn = _content(page)
        page.obj.Contents = pdf.make_stream(b"q " + drawn + b" Q q 1 0 0 1 0.3 0 cm " + drawn + b" Q")


def under_picture(pdf: pikepdf.Pdf, chance: random.Random) -> None:
    """A scan with its recognised text under it: the letters are invisible, the picture shows them."""
    from postoffice.pdf.raster import picture

    target = io.BytesIO()
    pdf.save(target)
    import pypdfium2

    from postoffice.pdf.document import frame_of

    shown = pypdfium2.PdfDocument(target.getvalue())
    for number, page in enumerate(pdf.pages):
        sheet = shown[number]
        image = picture(sheet, frame_of(sheet), 150, grey=True)
        sheet.close()
        made = pdf.make_stream(
            image.tobytes(), Type=Name.XObject, Subtype=Name.Image, Width=image.width, Height=image.height, ColorSpace=Name.DeviceGray,
            BitsPerComponent=8,
        )  # fmt: skip
        text = re.sub(rb"\bBT\b", b"BT 3 Tr", _content(page))
        page.add_resource(made, Name.XObject, Name(f"/Scan{number}"))  # pages may share their resources
        page.obj.Contents = pdf.make_stream(b"q " + text + b" Q q %.3f 0 0 %.3f 0 0 cm /Scan%d Do Q" % (*_A4, number))
    shown.close()


def _fonts(pdf: pikepdf.Pdf) -> list[Any]:
    return [one for one in pdf.objects if isinstance(one, Dictionary) and one.get("/Type") == Name.Font and "/ToUnicode" in one]


def strip_unicode(pdf: pikepdf.Pdf, chance: random.Random) -> None:
    """Subset fonts without their tables: codes mean nothing."""
    for one in _fonts(pdf):
        del one["/ToUnicode"]


def shift_unicode(pdf: pikepdf.Pdf, chance: random.Random) -> None:
    """Tables whose letters are all off by some places of the alphabet."""

    def off(match: re.Match[bytes]) -> bytes:
        code = int(match[2], 16)
        moved = code + 7 if 0x41 <= code <= 0x53 or 0x61 <= code <= 0x73 else code
        return b"<%s> <%04x>" % (match[1], moved)

    for one in _fonts(pdf):
        table = one.ToUnicode.read_bytes()
        one.ToUnicode = pdf.make_stream(re.sub(rb"<([0-9a-fA-F]+)>\s*<([0-9a-fA-F]{4})>", off, table))


def private_unicode(pdf: pikepdf.Pdf, chance: random.Random) -> None:
    """Tables that name private characters, as some subsetters write."""
    for one in _fonts(pdf):
        table = one.ToUnicode.read_bytes()
        private = re.sub(
            rb"<([0-9a-fA-F]+)>\s*<([0-9a-fA-F]{4})>",
            lambda match: b"<%s> <%04x>" % (match[1], 0xE000 + int(match[2], 16) % 0x1000),
            table,
        )
        one.ToUnicode = pdf.make_stream(private)


def two_up(pdf: pikepdf.Pdf, chance: random.Random) -> None:
    """Two pages beside each other on a lying A4 sheet, each as large as A5: one sheet in place of each page."""
    for page in pdf.pages:
        drawn = _content(page)
        half = b"q 0.707 0 0 0.707 %.2f 0 cm " + drawn + b" Q "
        page.obj.Contents = pdf.make_stream(half % 0.0 + half % (_A4[1] / 2))
        page.obj.MediaBox = Array([0, 0, _A4[1], _A4[0]])


def outlined(path: Path) -> None:
    """Every letter as a drawing, by Ghostscript."""
    with tempfile.TemporaryDirectory(prefix="postoffice-outlines-") as folder:
        made = Path(folder, "made.pdf")
        subprocess.run(
            ["gs", "-q", "-dBATCH", "-dNOPAUSE", "-dSAFER", "-sDEVICE=pdfwrite", "-dNoOutputFonts", f"-sOutputFile={made}", path],
            check=True, capture_output=True, timeout=600,
        )  # fmt: skip
        shutil.move(made, path)


# --- written object by object


class _Operators(BasePen):  # type: ignore[misc]
    """A glyph as PDF operators."""

    def __init__(self, glyphs: Any) -> None:
        super().__init__(glyphs)
        self.parts: list[str] = []

    def _moveTo(self, point: tuple[float, float]) -> None:
        self.parts.append(f"{point[0]:.0f} {point[1]:.0f} m")

    def _lineTo(self, point: tuple[float, float]) -> None:
        self.parts.append(f"{point[0]:.0f} {point[1]:.0f} l")

    def _curveToOne(self, a: tuple[float, float], b: tuple[float, float], c: tuple[float, float]) -> None:
        self.parts.append(" ".join(f"{x:.0f} {y:.0f}" for x, y in (a, b, c)) + " c")

    def _closePath(self) -> None:
        self.parts.append("h")


class _Drawn:
    """A Type 3 font of the letters of some texts, coded from 33 on in the order of their first use."""

    def __init__(self, pdf: pikepdf.Pdf, texts: list[str], *, unicode: bool) -> None:
        letters = list(dict.fromkeys(letter for text in texts for letter in text if letter != " "))[:220]
        self.codes = {letter: 33 + number for number, letter in enumerate(letters)}
        with TTFont(font_file()) as font:
            glyphs, cmap, advances, units = font.getGlyphSet(), font.getBestCmap(), font["hmtx"], font["head"].unitsPerEm
            self.widths = {letter: advances[cmap[ord(letter)]][0] / units for letter in letters}
            self.space = advances[cmap[32]][0] / units
            procs = Dictionary()
            for letter in letters:
                pen = _Operators(glyphs)
                glyphs[cmap[ord(letter)]].draw(pen)
                wide = round(self.widths[letter] * units)
                procs[f"/g{self.codes[letter]}"] = pdf.make_stream(f"{wide} 0 0 -500 {wide} 2200 d1 {' '.join(pen.parts)} f".encode())
        names = [Name(f"/g{code}") for code in self.codes.values()]
        made = Dictionary(
            Type=Name.Font, Subtype=Name.Type3, FontBBox=[0, -500, 2500, 2200], FontMatrix=[1 / units, 0, 0, 1 / units, 0, 0],
            CharProcs=procs, Encoding=Dictionary(Type=Name.Encoding, Differences=[33, *names]),
            FirstChar=33, LastChar=32 + len(letters), Widths=[round(self.widths[letter] * units) for letter in letters],
            Resources=Dictionary(),
        )  # fmt: skip
        if unicode:
            rows = "\n".join(f"<{code:02X}> <{letter.encode('utf-16-be').hex()}>" for letter, code in self.codes.items())
            head = "/CIDInit /ProcSet findresource begin 12 dict begin begincmap /CMapName /X def /CMapType 2 def 1 begincodespacerange"
            table = f"{head} <00> <FF> endcodespacerange {len(self.codes)} beginbfchar\n{rows}\nendbfchar endcmap end end"
            made.ToUnicode = pdf.make_stream(table.encode())
        self.made = pdf.make_indirect(made)

    def place(self, x: float, y: float, text: str, size: float = 10.0) -> list[bytes]:
        """Operators for each letter by itself."""
        parts = []
        at = x * _MM
        for letter in text:
            if letter in self.codes:
                parts.append(b"BT /F %.1f Tf %.2f %.2f Td <%02X> Tj ET" % (size, at, _A4[1] - y * _MM, self.codes[letter]))
            at += size * (self.space if letter == " " else self.widths.get(letter, self.space))
        return parts


def write(letters: list[tuple[list[str], list[str], int]], how: str, target: Path) -> None:
    """Letters in a Type 3 font (with its table or, `bare`, without), or letter by letter in any order in an ordinary one."""
    pdf = pikepdf.new()
    body = ["Madame, Monsieur,", "nous vous remercions de votre demande et vous répondons ci-après.", "Suite de notre lettre"]
    chance = random.Random(len(letters))
    for number, (lines, above, pages) in enumerate(letters):
        drawn = _Drawn(pdf, [*lines, *above, *body, "0123456789"], unicode="bare" not in how)
        for page in range(pages):
            texts = (
                [(22.0, 100 + 6.0 * row, text) for row, text in enumerate(body[:2])]
                if not page
                else [(22.0, 40.0, f"{body[2]} {page + 1} {number}")]
            )
            if not page:
                texts += [(112.0, 62 + 4.4 * row, text) for row, text in enumerate([*above, *lines])]
            parts = [part for x, y, text in texts for part in drawn.place(x, y, text)]
            if how == "written":
                chance.shuffle(parts)
            pdf.add_blank_page(page_size=_A4)
            pdf.pages[-1].obj.Resources = Dictionary(Font=Dictionary(F=drawn.made))
            pdf.pages[-1].obj.Contents = pdf.make_stream(b"\n".join(parts))
    pdf.save(target)
