"""Text of our own on a PDF: a TrueType font of this machine, cut to the letters that are needed, always embedded."""

from __future__ import annotations

import io
import shutil
import subprocess
from collections.abc import Iterable
from functools import lru_cache
from typing import Any

from postoffice.later import Later, pikepdf
from postoffice.model.errors import PostOfficeError

#: the fonts that are asked for, the first that has every letter is taken
_WANTED = "Liberation Sans,DejaVu Sans,sans"
_POINTS = 25.4 / 72
_subset: Any = Later("fontTools.subset")
_ttlib: Any = Later("fontTools.ttLib")


@lru_cache(maxsize=64)
def _file(letters: str) -> tuple[str, int]:
    """File and index of a font that has these letters (fontconfig chooses). PostOfficeError no-font."""
    program = shutil.which("fc-match")
    if program is None:
        raise PostOfficeError("no-font", "No font can be found on this machine.", help="Install fontconfig and fonts-dejavu-core.")
    codes = " ".join(f"{ord(letter):x}" for letter in letters)
    for pattern in (f"{_WANTED}:fontformat=TrueType:charset={codes}", f"sans:charset={codes}"):
        said = subprocess.run(
            [program, "-f", "%{file}\t%{index}", pattern], capture_output=True, text=True, timeout=20, check=False
        ).stdout.split("\t")
        if len(said) == 2 and said[0]:
            return said[0], int(said[1])
    raise PostOfficeError("no-font", "No font can be found on this machine.", help="Install fontconfig and fonts-dejavu-core.")


class Typeface:
    """A font in a PDF in the making, with the letters of `texts`. `object` goes into a page's resources."""

    def __init__(self, pdf: pikepdf.Pdf, texts: Iterable[str]) -> None:
        letters = "".join(sorted({*"".join(texts), " "} - {"\n", "\r", "\t"}))
        font, self._glyphs, self._widths = _cut(letters)
        self.object: Any = _embedded(pdf, font, self._glyphs, self._widths)

    def encode(self, text: str) -> bytes:
        """A string operand (hexadecimal, in angle brackets)."""
        return b"<" + b"".join(b"%04X" % self._glyphs.get(letter, 0) for letter in text) + b">"

    def width(self, text: str, size: float) -> float:
        """Width in mm at a size in points."""
        return sum(self._widths.get(self._glyphs.get(letter, 0), 600) for letter in text) / 1000 * size * _POINTS


@lru_cache(maxsize=64)
def _cut(letters: str) -> tuple[bytes, dict[str, int], dict[int, int]]:
    """(font program, letter -> glyph number, glyph number -> width in thousandths) of a subset."""
    file, index = _file(letters)
    options = _subset.Options(drop_tables=["GSUB", "GPOS", "GDEF", "kern", "FFTM"], notdef_outline=True, glyph_names=False)
    cutter = _subset.Subsetter(options)
    cutter.populate(text=letters)
    target = io.BytesIO()
    with _ttlib.TTFont(file, fontNumber=index if file.endswith((".ttc", ".otc")) else -1) as font:
        cutter.subset(font)
        font.save(target)
    made = _ttlib.TTFont(io.BytesIO(target.getvalue()))
    units, numbers, cmap = made["head"].unitsPerEm, made.getReverseGlyphMap(), made.getBestCmap() or {}
    glyphs = {letter: numbers[cmap[ord(letter)]] for letter in letters if ord(letter) in cmap}
    widths = {numbers[name]: round(1000 * made["hmtx"][name][0] / units) for name in made.getGlyphOrder()}
    return target.getvalue(), glyphs, widths


def _embedded(pdf: pikepdf.Pdf, program: bytes, glyphs: dict[str, int], widths: dict[int, int]) -> Any:
    """A composite font with the numbers of its glyphs as codes (ISO 32000-1, 9.7), with its table of letters."""
    outlines = program[:4] == b"OTTO"
    file = pdf.make_stream(program)
    about = pikepdf.Dictionary(
        Type=pikepdf.Name.FontDescriptor, FontName=pikepdf.Name("/PSTOFF+PostOfficeSans"), Flags=4,
        FontBBox=[-500, -300, 1500, 1100], ItalicAngle=0, Ascent=905, Descent=-212, CapHeight=716, StemV=80,
    )  # fmt: skip
    if outlines:
        file.Subtype = pikepdf.Name.OpenType
        about.FontFile3 = file
    else:
        about.FontFile2 = file
    below = pikepdf.Dictionary(
        Type=pikepdf.Name.Font, Subtype=pikepdf.Name.CIDFontType0 if outlines else pikepdf.Name.CIDFontType2,
        CIDSystemInfo=pikepdf.Dictionary(Registry=pikepdf.String("Adobe"), Ordering=pikepdf.String("Identity"), Supplement=0),
        BaseFont=about.FontName, FontDescriptor=pdf.make_indirect(about), DW=600,
        W=pikepdf.Array([one for number in widths for one in (number, [widths[number]])]),
    )  # fmt: skip
    if not outlines:
        below.CIDToGIDMap = pikepdf.Name.Identity
    return pdf.make_indirect(
        pikepdf.Dictionary(
            Type=pikepdf.Name.Font,
            Subtype=pikepdf.Name.Type0,
            BaseFont=about.FontName,
            Encoding=pikepdf.Name("/Identity-H"),
            DescendantFonts=pikepdf.Array([pdf.make_indirect(below)]),
            ToUnicode=pdf.make_stream(_letters(glyphs)),
        )  # fmt: skip
    )


def _letters(glyphs: dict[str, int]) -> bytes:
    """The table from codes to letters, so that the text can be read and searched."""
    lines = [b"<%04X> <%s>" % (number, letter.encode("utf-16-be").hex().upper().encode()) for letter, number in glyphs.items()]
    blocks = [lines[start : start + 100] for start in range(0, len(lines), 100)]
    body = b"\n".join(b"%d beginbfchar\n%s\nendbfchar" % (len(block), b"\n".join(block)) for block in blocks)
    return (
        b"/CIDInit /ProcSet findresource begin 12 dict begin begincmap /CMapName /Adobe-Identity-UCS def /CMapType 2 def\n"
        b"1 begincodespacerange <0000> <FFFF> endcodespacerange\n" + body + b"\nendcmap end end"
    )
