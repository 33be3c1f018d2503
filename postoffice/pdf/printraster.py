"""PWG raster and URF, the page images of driverless printing, as PDF; read in a stream, with caps against bombs.

PWG 5102.4 (PWG Raster Format): `RaS2`, then per page a header of 1,796 bytes, big endian, and lines. URF ("UNIRAST") has a header of
12 bytes and 32 per page. Both repeat lines and pixels in the manner of PackBits: a byte tells how often the line comes, then a byte
0..127 repeats the next pixel, 129..255 announces pixels as they are; 128 ends the line in white.
"""

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from postoffice.model.errors import TooLarge, Unreadable
from postoffice.pdf.document import MAX_SIDE

MAX_PAGES = 10_000
#: bytes of one page once unpacked: A3 at 600 dpi in four colours
MAX_PAGE_BYTES = 300_000_000
#: bytes of all pages once unpacked
MAX_BYTES = 20_000_000_000

_PWG_HEADER = 1796


@dataclass(frozen=True, slots=True)
class _Image:
    """What a page header tells."""

    width: int
    height: int
    dpi: tuple[int, int]
    components: int
    bits: int  #: of one component
    line_bytes: int
    pixel_bytes: int
    space: str  #: PDF colour space
    inverted: bool = False  #: 0 is white

    @property
    def white(self) -> bytes:
        """A pixel of blank paper."""
        subtractive = self.inverted or self.space == "/DeviceCMYK"
        return (b"\x00" if subtractive else b"\xff") * self.pixel_bytes


#: PWG's cupsColorSpace: components, PDF colour space, inverted
_PWG_SPACES = {
    0: (1, "/DeviceGray", False),
    1: (3, "/DeviceRGB", False),
    3: (1, "/DeviceGray", True),
    6: (4, "/DeviceCMYK", False),
    18: (1, "/DeviceGray", False),
    19: (3, "/DeviceRGB", False),
    20: (3, "/DeviceRGB", False),
}
_URF_SPACES = {0: 18, 1: 19, 3: 20, 4: 0, 5: 1, 6: 6}


def raster_to_pdf(source: Path, target: Path) -> None:
    """Write a PWG raster or URF file as a PDF with one deflated image a page. Raises Unreadable raster-damaged, TooLarge."""
    with source.open("rb") as file, target.open("wb") as out:
        magic = file.read(4)
        pages = _pwg_pages(file) if magic == b"RaS2" else _urf_pages(file)
        writer = _Writer(out)
        unpacked = 0
        for image in pages:
            unpacked += image.line_bytes * image.height
            _check(image, len(writer.pages) + 1, unpacked)
            writer.page(image, _lines(file, image))
        if not writer.pages:
            raise _damaged("it has no page")
        writer.finish()


def _damaged(why: str) -> Unreadable:
    return Unreadable("raster-damaged", f"This print raster is damaged: {why}.", help="Print it again; the job may have been cut off.")


def _check(image: _Image, pages: int, unpacked: int) -> None:
    if pages > MAX_PAGES or unpacked > MAX_BYTES or image.line_bytes * image.height > MAX_PAGE_BYTES:
        raise TooLarge("raster-too-large", "This print raster is larger than can be taken.", help="Print it in parts, or as PDF.")
    if not (image.width and image.height and image.dpi[0] and image.dpi[1]):
        raise _damaged(f"page {pages} has no size or no resolution")
    if max(image.width / image.dpi[0], image.height / image.dpi[1]) * 25.4 > MAX_SIDE:
        raise _damaged(f"page {pages} would be longer than {MAX_SIDE / 1000:.0f} m")


def _exactly(file: BinaryIO, count: int) -> bytes:
    data = file.read(count)
    if len(data) < count:
        raise _damaged("it ends in the middle of a page")
    return data


def _pwg_pages(file: BinaryIO) -> Iterator[_Image]:
    while header := file.read(_PWG_HEADER):
        if len(header) < _PWG_HEADER:
            raise _damaged("it ends in the middle of a page header")
        dpi = struct.unpack_from(">2I", header, 276)
        width, height, _, bits, pixel_bits, line_bytes, order, space = struct.unpack_from(">8I", header, 372)
        if space not in _PWG_SPACES or order != 0 or bits not in (1, 8, 16):
            raise _damaged(f"colour space {space} with {bits} bits is none that we know")
        components, name, inverted = _PWG_SPACES[space]
        if pixel_bits != bits * components or line_bytes != (width * pixel_bits + 7) // 8:
            raise _damaged("its page header contradicts itself")
        yield _Image(width, height, dpi, components, bits, line_bytes, max(1, pixel_bits // 8), name, inverted)


def _urf_pages(file: BinaryIO) -> Iterator[_Image]:
    _exactly(file, 8)  # the rest of the magic, and a page count that may be 0
    while header := file.read(32):
        if len(header) < 32:
            raise _damaged("it ends in the middle of a page header")
        pixel_bits, space = header[0], _URF_SPACES.get(header[1])
        width, height, dpi = struct.unpack_from(">3I", header, 12)
        if space is None:
            raise _damaged(f"colour space {header[1]} is none that we know")
        components, name, inverted = _PWG_SPACES[space]
        bits = pixel_bits // components
        if bits not in (8, 16) or bits * components != pixel_bits:
            raise _damaged(f"{pixel_bits} bits a pixel are none that we know")
        yield _Image(width, height, (dpi, dpi), components, bits, width * pixel_bits // 8, pixel_bits // 8, name, inverted)


def _lines(file: BinaryIO, image: _Image) -> Iterator[tuple[bytes, int]]:
    """(line, how often) from top to bottom."""
    left = image.height
    while left:
        repeat = min(left, _exactly(file, 1)[0] + 1)
        yield _line(file, image), repeat
        left -= repeat


def _line(file: BinaryIO, image: _Image) -> bytes:
    line = bytearray()
    size, whole = image.pixel_bytes, image.line_bytes
    while len(line) < whole:
        code = file.read(1)
        if not code:
            raise _damaged("it ends in the middle of a page")
        count = code[0]
        if count < 128:
            line += _exactly(file, size) * (count + 1)
        elif count == 128:
            line += image.white * ((whole - len(line)) // size)
            break
        else:
            line += _exactly(file, size * (257 - count))
    if len(line) != whole:
        raise _damaged("a line is longer than its page is wide")
    return bytes(line)


class _Writer:
    """A PDF of images, written as it comes: only the places of its objects are kept in memory."""

    def __init__(self, out: BinaryIO) -> None:
        self._out = out
        self._places: dict[int, int] = {}
        self._next = 3  # 1 is the catalogue, 2 the page tree
        self.pages: list[int] = []
        out.write(b"%PDF-1.5\n%\xe2\xe3\xcf\xd3\n")

    def page(self, image: _Image, lines: Iterator[tuple[bytes, int]]) -> None:
        """One page that shows one image, at the size its resolution gives."""
        picture, length, content, page = range(self._next, self._next + 4)
        self._next += 4
        width, height = image.width / image.dpi[0] * 72, image.height / image.dpi[1] * 72
        decode = " /Decode [1 0]" if image.inverted else ""
        self._begin(picture)
        self._out.write(
            f"<< /Type /XObject /Subtype /Image /Width {image.width} /Height {image.height} /ColorSpace {image.space} "
            f"/BitsPerComponent {image.bits}{decode} /Filter /FlateDecode /Length {length} 0 R >>\nstream\n".encode()
        )
        size = self._deflate(lines)
        self._out.write(b"\nendstream\nendobj\n")
        self._object(length, str(size))
        draw = f"q {width:.3f} 0 0 {height:.3f} 0 0 cm /I Do Q"
        self._object(content, f"<< /Length {len(draw)} >>\nstream\n{draw}\nendstream")
        self._object(
            page,
            f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 {width:.3f} {height:.3f}] "
            f"/Resources << /XObject << /I {picture} 0 R >> >> /Contents {content} 0 R >>",
        )
        self.pages.append(page)

    def finish(self) -> None:
        """Page tree, catalogue, cross-reference table."""
        kids = " ".join(f"{page} 0 R" for page in self.pages)
        self._object(2, f"<< /Type /Pages /Count {len(self.pages)} /Kids [{kids}] >>")
        self._object(1, "<< /Type /Catalog /Pages 2 0 R >>")
        start = self._out.tell()
        table = b"".join(b"%010d 00000 n \n" % self._places[number] for number in range(1, self._next))
        self._out.write(b"xref\n0 %d\n0000000000 65535 f \n" % self._next + table)
        self._out.write(b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (self._next, start))

    def _deflate(self, lines: Iterator[tuple[bytes, int]]) -> int:
        packer = zlib.compressobj(4)
        size = 0
        for line, repeat in lines:
            for _ in range(repeat):
                size += self._out.write(packer.compress(line))
        return size + self._out.write(packer.flush())

    def _begin(self, number: int) -> None:
        self._places[number] = self._out.tell()
        self._out.write(b"%d 0 obj\n" % number)

    def _object(self, number: int, body: str) -> None:
        self._begin(number)
        self._out.write(body.encode("ascii") + b"\nendobj\n")
