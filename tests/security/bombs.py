# ruff: noqa: E501, UP031 - parts of files as they are written
"""Files made to exhaust whoever reads them: small on the disk, endless when unpacked, walked through or drawn."""

import struct
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

_SIDE = 60_000


def pdf(objects: list[bytes], root: int = 1) -> bytes:
    """A PDF of these objects, numbered from 1."""
    made, places = bytearray(b"%PDF-1.7\n"), []
    for number, body in enumerate(objects, 1):
        places.append(len(made))
        made += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    start = len(made)
    made += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    made += b"".join(b"%010d 00000 n \n" % place for place in places)
    return bytes(made + b"trailer\n<</Size %d/Root %d 0 R>>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, root, start))


def stream(content: bytes, more: bytes = b"") -> bytes:
    """A stream object."""
    return b"<</Length %d%s>>\nstream\n%s\nendstream" % (len(content), more, content)


def _one_page(contents: bytes, resources: bytes = b"", *others: bytes) -> bytes:
    page = b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Contents 4 0 R/Resources<<%s>>>>" % resources
    return pdf([b"<</Type/Catalog/Pages 2 0 R>>", b"<</Type/Pages/Kids[3 0 R]/Count 1>>", page, contents, *others])


def nested() -> bytes:
    """Arrays within arrays, 200,000 deep."""
    return _one_page(stream(b"q Q"), b"", b"[" * 200_000 + b"]" * 200_000)


def nested_contents() -> bytes:
    """The same within the drawing of a page."""
    return _one_page(stream(b"/A " + b"[" * 200_000 + b"]" * 200_000 + b" DP"))


def huge_stream() -> bytes:
    """A page whose drawing unpacks to 600 MB, through two layers of deflate."""
    packer, inner = zlib.compressobj(1), bytearray()
    for _ in range(600):
        inner += packer.compress(b" " * 1_000_000)
    packed = zlib.compress(bytes(inner + packer.flush()), 9)
    return _one_page(stream(packed, b"/Filter[/FlateDecode/FlateDecode]"))


def shared_pages() -> bytes:
    """A tree of ten levels of ten kids, each level the same object: ten thousand million pages of one."""
    levels = [b"<</Type/Pages/Kids[%s]/Count %d>>" % (b"%d 0 R " % (number + 1) * 10, 10 ** (12 - number)) for number in range(2, 12)]
    page = b"<</Type/Page/Parent 11 0 R/MediaBox[0 0 595 842]>>"
    return pdf([b"<</Type/Catalog/Pages 2 0 R>>", *levels, page])


def circle() -> bytes:
    """A tree of pages that is its own kid."""
    return pdf([b"<</Type/Catalog/Pages 2 0 R>>", b"<</Type/Pages/Kids[2 0 R]/Count 1/Parent 2 0 R>>"])


def recursive_form() -> bytes:
    """A form that draws itself."""
    form = stream(b"/F Do /F Do", b"/Type/XObject/Subtype/Form/BBox[0 0 595 842]/Resources<</XObject<</F 5 0 R>>>>")
    return _one_page(stream(b"/F Do"), b"/XObject<</F 5 0 R>>", form)


def laughing_forms() -> bytes:
    """Twelve forms, each draws the next one ten times: a million million lines."""
    forms = []
    for number in range(5, 17):
        named = b"/Type/XObject/Subtype/Form/BBox[0 0 595 842]/Resources<</XObject<</F %d 0 R>>>>" % (number + 1)
        forms.append(stream(b"/F Do " * 10, named))
    forms.append(stream(b"0 0 m 9 9 l S", b"/Type/XObject/Subtype/Form/BBox[0 0 595 842]"))
    return _one_page(stream(b"/F Do"), b"/XObject<</F 5 0 R>>", *forms)


def huge_picture() -> bytes:
    """A page with a picture of 60,000 x 60,000 pixels in a few bytes."""
    look = b"/Type/XObject/Subtype/Image/Width 60000/Height 60000/BitsPerComponent 8/ColorSpace/DeviceRGB/Filter/FlateDecode"
    return _one_page(stream(b"595 0 0 842 0 0 cm /I Do"), b"/XObject<</I 5 0 R>>", stream(zlib.compress(bytes(1_000_000), 9), look))


PDFS: dict[str, Callable[[], bytes]] = {
    one.__name__: one
    for one in (nested, nested_contents, huge_stream, shared_pages, circle, recursive_form, laughing_forms, huge_picture)
}


def _chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def png() -> bytes:
    """A PNG that says 60,000 x 60,000."""
    head = _chunk(b"IHDR", struct.pack(">IIBBBBB", _SIDE, _SIDE, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + _chunk(b"IDAT", zlib.compress(bytes(1_000_000), 9)) + _chunk(b"IEND", b"")


def png_of_words() -> bytes:
    """A small PNG whose note unpacks to 300 MB."""
    packer = zlib.compressobj(9)
    note = b"".join(packer.compress(bytes(1_000_000)) for _ in range(300)) + packer.flush()
    head = _chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0))
    return (
        b"\x89PNG\r\n\x1a\n" + head + _chunk(b"zTXt", b"a\0\0" + note) + _chunk(b"IDAT", zlib.compress(b"\0\0")) + _chunk(b"IEND", b"")
    )


def jpeg() -> bytes:
    """A JPEG that says 60,000 x 60,000."""
    frame = b"\xff\xc0" + struct.pack(">HBHHB", 17, 8, _SIDE, _SIDE, 3) + b"\x01\x11\x00\x02\x11\x00\x03\x11\x00"
    return b"\xff\xd8" + b"\xff\xdb" + struct.pack(">HB", 67, 0) + bytes([1] * 64) + frame + b"\xff\xd9"


def tiff(frames: int = 1, side: int = _SIDE) -> bytes:
    """A TIFF of so many frames, all of the same directory's shape; the last one leads back to the first."""
    tags = [
        (256, 4, side),
        (257, 4, side),
        (258, 3, 8),
        (259, 3, 1),
        (262, 3, 1),
        (273, 4, 8),
        (277, 3, 1),
        (278, 4, side),
        (279, 4, 9),
    ]
    made, place = bytearray(b"II*\0" + struct.pack("<I", 8)), 8
    for number in range(frames):
        following = 8 if number == frames - 1 else place + 2 + 12 * len(tags) + 4
        made += struct.pack("<H", len(tags)) + b"".join(struct.pack("<HHII", tag, kind, 1, value) for tag, kind, value in tags)
        made += struct.pack("<I", following)
        place = following
    return bytes(made)


PICTURES: dict[str, tuple[str, Callable[[], bytes]]] = {
    "png": ("image/png", png),
    "png_of_words": ("image/png", png_of_words),
    "jpeg": ("image/jpeg", jpeg),
    "tiff": ("image/tiff", tiff),
    "tiff_circle": ("image/tiff", lambda: tiff(5_000, 100)),
}

_BOOK = '<workbook xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main" xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"><sheets><sheet name="A" sheetId="1" r:id="rId1"/></sheets></workbook>'
_RELATIONS = '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="rId1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/worksheet" Target="worksheets/sheet1.xml"/></Relationships>'
_SHEET = '<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>%s</sheetData></worksheet>'


def xlsx(path: Path, sheet: str, *, before: str = "", millions: int = 0) -> None:
    """A workbook whose sheet is `sheet`, with a document type in front and `millions` of spaces' bytes behind it."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as book:
        book.writestr("xl/workbook.xml", _BOOK)
        book.writestr("xl/_rels/workbook.xml.rels", _RELATIONS)
        with book.open("xl/worksheets/sheet1.xml", "w", force_zip64=True) as file:
            head, tail = (before + _SHEET % (sheet + "<!-- -->")).encode().split(b"<!-- -->", 1)
            file.write(head)
            for _ in range(millions):
                file.write(b'<row><c t="str"><v>aaaaaaaaaaaaaaa</v></c></row>' * 20_000)
            file.write(tail)


def ods(path: Path, content: str) -> None:
    """An ODS with this content.xml."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as book:
        book.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        book.writestr("META-INF/manifest.xml", "<manifest/>")
        book.writestr("content.xml", content)


#: an entity of a file, one that grows to 3 GB, and one from a network
XXE = '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/hostname">]>'
LAUGHS = "<!DOCTYPE a [<!ENTITY a0 'ha'>%s]>" % "".join(f"<!ENTITY a{n} '{f'&a{n - 1};' * 10}'>" for n in range(1, 10))


def ods_repeated() -> str:
    """A table that says that one cell is repeated 16,384 times in each of a million rows."""
    names = ":".join(("urn:oasis:names:tc:opendocument:xmlns", "%s:1.0"))
    spaces = " ".join(f'xmlns:{name}="{names % name}"' for name in ("office", "table", "text"))
    cell = '<table:table-cell table:number-columns-repeated="16384" office:value-type="string"><text:p>a</text:p></table:table-cell>'
    row = f'<table:table-row table:number-rows-repeated="1048576">{cell}</table:table-row>'
    table = f'<table:table table:name="A">{row}</table:table>'
    return f"<office:document-content {spaces}><office:body><office:spreadsheet>{table}</office:spreadsheet></office:body></office:document-content>"
