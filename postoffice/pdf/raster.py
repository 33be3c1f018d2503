"""Pages as pictures, and where a page bears ink."""

import ctypes
import io
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from PIL import Image

from postoffice.model.finding import Box
from postoffice.pdf.document import MAX_SIDE, Frame, frame_of, open_page, open_pdf
from postoffice.pdf.engine import Page, pdfium

#: a picture of a page never has more pixels than this, whatever size the page claims
MAX_PIXELS = 40_000_000
#: grey value below which a pixel counts as ink (printers swallow paler tones)
_INK = 236
#: page objects looked at one by one; a page with more (maps, drawings) is taken as covered with graphics
MOST_OBJECTS = 1500


@dataclass(frozen=True, slots=True)
class Graphic:
    """Something drawn that is no text: kind is image, path, shading or form; the box is in mm on the page as seen, before clipping."""

    kind: str
    box: Box


def kind_of(number: int) -> str:
    """Our word for pdfium's kind of a page object; empty for text and what is unknown."""
    return _kinds().get(number, "")


@cache
def _kinds() -> dict[int, str]:
    return {
        pdfium.FPDF_PAGEOBJ_PATH: "path",
        pdfium.FPDF_PAGEOBJ_IMAGE: "image",
        pdfium.FPDF_PAGEOBJ_SHADING: "shading",
        pdfium.FPDF_PAGEOBJ_FORM: "form",
    }


def picture(page: Page, frame: Frame, dpi: float, box: Box | None = None, *, grey: bool = False) -> Image.Image:
    """An open page, or a box of it (mm), as an image: L or RGB, white paper, annotations drawn. Never above MAX_PIXELS."""
    x, y, width, height = box or (0.0, 0.0, frame.width, frame.height)
    width, height = min(width, MAX_SIDE), min(height, MAX_SIDE)
    scale = min(dpi / 25.4, (MAX_PIXELS / max(1.0, width * height)) ** 0.5)
    across, down = max(1, round(width * scale)), max(1, round(height * scale))
    if grey:
        bitmap = pdfium.FPDFBitmap_CreateEx(across, down, pdfium.FPDFBitmap_Gray, None, 0)
    else:
        bitmap = pdfium.FPDFBitmap_Create(across, down, 0)
    try:
        pdfium.FPDFBitmap_FillRect(bitmap, 0, 0, across, down, 0xFFFFFFFF)
        whole = (round(frame.width * scale), round(frame.height * scale))
        pdfium.FPDF_RenderPageBitmap(bitmap, page, -round(x * scale), -round(y * scale), *whole, 0, pdfium.FPDF_ANNOT)
        return _image(bitmap, across, down, grey)
    finally:
        pdfium.FPDFBitmap_Destroy(bitmap)


def _image(bitmap: Any, across: int, down: int, grey: bool) -> Image.Image:
    stride = pdfium.FPDFBitmap_GetStride(bitmap)
    start = ctypes.cast(pdfium.FPDFBitmap_GetBuffer(bitmap), ctypes.POINTER(ctypes.c_ubyte * (stride * down)))
    if grey:
        return Image.frombytes("L", (across, down), bytes(start.contents), "raw", "L", stride, 1)
    return Image.frombytes("RGB", (across, down), bytes(start.contents), "raw", "BGRX", stride, 1)


def ink(page: Page, frame: Frame, boxes: Sequence[Box], dpi: float = 50) -> list[Box | None]:
    """For each box (mm): the smallest box around what is drawn in it, None where it is blank."""
    grey = picture(page, frame, dpi, grey=True).point([255 if tone < _INK else 0 for tone in range(256)])
    across, down = grey.width / frame.width, grey.height / frame.height
    found: list[Box | None] = []
    for x, y, width, height in boxes:
        left, top = max(0, round(x * across)), max(0, round(y * down))
        right, bottom = min(grey.width, round((x + width) * across)), min(grey.height, round((y + height) * down))
        spot = grey.crop((left, top, right, bottom)).getbbox() if right > left and bottom > top else None
        found.append(_millimetres(spot, left, top, across, down) if spot else None)
    return found


def _millimetres(spot: tuple[int, int, int, int], left: int, top: int, across: float, down: float) -> Box:
    x, y = (left + spot[0]) / across, (top + spot[1]) / down
    return (round(x, 1), round(y, 1), round((spot[2] - spot[0]) / across, 1), round((spot[3] - spot[1]) / down, 1))


def thumbnails(path: Path, pages: Sequence[int], width: int = 220, kind: str = "png") -> list[bytes]:
    """Pictures of these pages (from 1), `width` pixels wide, as PNG or JPEG bytes. Raises as `open_pdf` and `open_page`."""
    made = []
    with open_pdf(path) as document:
        for number in pages:
            with open_page(document, number - 1) as page:
                frame = frame_of(page)
                image = picture(page, frame, width / max(1.0, frame.width) * 25.4)
                made.append(encode(image, kind))
    return made


def page_image(path: Path, page: int, dpi: float = 100, kind: str = "png") -> bytes:
    """One page (from 1) as PNG or JPEG bytes."""
    with open_pdf(path) as document, open_page(document, page - 1) as leaf:
        return encode(picture(leaf, frame_of(leaf), dpi), kind)


def encode(image: Image.Image, kind: str = "png") -> bytes:
    """PNG (few colours become a palette: text compresses to a third) or JPEG bytes."""
    target = io.BytesIO()
    if kind == "jpeg":
        image.convert("RGB").save(target, "JPEG", quality=80)
    else:
        few = image.getcolors(256)
        palette = image.quantize(len(few), dither=Image.Dither.NONE) if few and image.mode == "RGB" else image
        palette.save(target, "PNG", compress_level=4)
    return target.getvalue()
