"""Scans and photographs as PDF pages."""

import io
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from PIL import Image, ImageOps, UnidentifiedImageError

from postoffice.later import Later
from postoffice.model.errors import TooLarge, Unreadable

img2pdf: Any = Later("img2pdf")  # bears no type hints

#: a page scanned at 1200 dpi has 140 million pixels; beyond it is a bomb
MAX_PIXELS = 150_000_000
MAX_FRAMES = 2_000
_A4 = (210.0, 297.0)
#: the decoders that a file may wake: others start programs (EPS) or are hardly ever looked after
_FORMATS = ("JPEG", "PNG", "TIFF")


def picture_to_pdf(source: Path, target: Path) -> None:
    """A JPEG, PNG or TIFF (each frame a page) on A4 pages.

    A JPEG goes in untouched. Scans that say their resolution and fill an A4 sheet keep their size; all else is fitted to A4, turned
    where it is wider than high. Raises Unreadable image-damaged, TooLarge image-too-large.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # our own caps are stricter than Pillow's warning
            frames = list(_frames(source))
            layout = img2pdf.get_layout_fun(
                (img2pdf.mm_to_pt(_A4[0]), img2pdf.mm_to_pt(_A4[1])), fit=img2pdf.FitMode.into, auto_orient=True
            )
            with target.open("wb") as file:
                img2pdf.convert(frames, outputstream=file, layout_fun=layout, rotation=img2pdf.Rotation.ifvalid)
    except TooLarge:
        raise
    except Exception as error:  # decoders raise whatever they like on damaged data
        raise Unreadable(
            "image-damaged",
            f"This picture is damaged or of an unusual kind ({type(error).__name__}).",
            help="Open it in a picture program and save it as PDF, PNG or JPEG.",
        ) from None


def _frames(source: Path) -> Iterator[bytes]:
    """The picture's frames as bytes that img2pdf takes as they are."""
    try:
        image = Image.open(source, formats=_FORMATS)
    except UnidentifiedImageError:
        raise Unreadable("image-damaged", "This picture cannot be read.", help="Save it again as PNG or JPEG.") from None
    with image:
        count = getattr(image, "n_frames", 1)
        _check(image, count)
        if image.format == "JPEG" and image.mode in ("L", "RGB"):
            image.load()  # a JPEG cut short fails here, not at the print house
            yield source.read_bytes()
            return
        for number in range(count):
            image.seek(number)
            _check(image, count)
            yield _plain(image)


def _check(image: Image.Image, count: int) -> None:
    if image.width * image.height > MAX_PIXELS or count > MAX_FRAMES:
        raise TooLarge(
            "image-too-large",
            f"This picture has {image.width} x {image.height} pixels and {count} pages: more than can be taken.",
            help="Scan it at 300 dpi, or in parts.",
        )


def _plain(image: Image.Image) -> bytes:
    """One frame without transparency, turned as its camera says, as PNG bytes."""
    upright = ImageOps.exif_transpose(image)
    if upright.mode in ("RGBA", "LA", "PA") or "transparency" in upright.info:
        paper = Image.new("RGBA", upright.size, "white")
        paper.alpha_composite(upright.convert("RGBA"))
        upright = paper.convert("RGB")
    elif upright.mode not in ("1", "L", "RGB"):
        upright = upright.convert("L" if upright.mode.startswith("I") else "RGB")
    target = io.BytesIO()
    upright.save(target, "PNG", compress_level=3)
    return target.getvalue()
