"""Pages of a PDF in memory for people who read it on a telephone, or have it read out: light pictures, and the words."""

import io

from PIL import Image

from postoffice.pdf.document import frame_of, open_page
from postoffice.pdf.engine import Document, pypdfium2
from postoffice.pdf.raster import picture
from postoffice.pdf.text import PageText

COLOURS = 32  #: of a picture: letters stay sharp, and it is a third of the size
_MOST_WORDS = 20_000  #: letters of text of one page


def light_picture(content: bytes, page: int, width: int) -> bytes:
    """A page (from 1) as PNG, `width` pixels wide, in few colours: 20-40 kB for a page of text. Raises as `open_page`."""
    document = _opened(content)
    try:
        with open_page(document, page - 1) as leaf:
            frame = frame_of(leaf)
            image = picture(leaf, frame, width / max(1.0, frame.width) * 25.4)
    finally:
        document.close()
    target = io.BytesIO()
    image.quantize(COLOURS, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE).save(target, "PNG", optimize=True)
    return target.getvalue()


def words_of(content: bytes, most_pages: int) -> list[str]:
    """The text of the first pages, in the order of reading; empty for a page that is a picture."""
    document = _opened(content)
    try:
        found = []
        for number in range(min(len(document), most_pages)):
            with open_page(document, number) as leaf:
                frame = frame_of(leaf)
                with PageText(leaf, frame) as text:
                    found.append(text.zone((0.0, 0.0, frame.width, frame.height)).text[:_MOST_WORDS])
        return found
    finally:
        document.close()


def _opened(content: bytes) -> Document:
    return pypdfium2.PdfDocument(content)
