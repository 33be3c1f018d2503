"""Pictures as mail shows them: scaled to what a mail can use, turned upright, without the camera's notes. Runs in a child process."""

import io
from dataclasses import dataclass

from PIL import Image, ImageOps, UnidentifiedImageError

from postoffice.model.errors import PostOfficeError

#: twice the width of a mail, for dense screens
WIDEST = 1200
TALLEST = 4000
#: of what is uploaded; a photo of a telephone has 12 to 50 million
MOST_PIXELS = 60_000_000
#: of an animation, which stays as it is
MOST_ANIMATED = 2_000_000
TYPES = {"PNG": "image/png", "JPEG": "image/jpeg", "GIF": "image/gif", "WEBP": "image/webp"}
SUFFIXES = {"image/png": ".png", "image/jpeg": ".jpg", "image/gif": ".gif"}
_QUALITY = 84


@dataclass(frozen=True, slots=True)
class Shown:
    """A picture that mail can show."""

    content: bytes
    media_type: str
    width: int
    height: int


def shown(data: bytes) -> Shown:
    """The picture for mail. WebP becomes PNG or JPEG, which Outlook can show. PostOfficeError bad-mail-picture."""
    try:
        with Image.open(io.BytesIO(data), formats=list(TYPES)) as opened:
            if opened.width * opened.height > MOST_PIXELS:
                raise _bad(f"it has more than {MOST_PIXELS // 1_000_000} million pixels")
            if getattr(opened, "is_animated", False):
                return _animated(opened, data)
            return _scaled(opened)
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        raise _bad("it is no PNG, JPEG, GIF or WebP, or damaged") from None


def _animated(opened: Image.Image, data: bytes) -> Shown:
    if opened.format != "GIF" or len(data) > MOST_ANIMATED:
        raise _bad(f"an animation must be a GIF of at most {MOST_ANIMATED // 1_000_000} MB")
    return Shown(data, "image/gif", opened.width, opened.height)


def _scaled(opened: Image.Image) -> Shown:
    upright = ImageOps.exif_transpose(opened)
    clear = upright.mode in ("RGBA", "LA", "PA") or "transparency" in upright.info
    image = upright.convert("RGBA" if clear else "RGB")
    image.thumbnail((WIDEST, TALLEST), Image.Resampling.LANCZOS)
    photo = opened.format in ("JPEG", "WEBP") and not clear
    made = io.BytesIO()
    if photo:
        image.save(made, "JPEG", quality=_QUALITY, optimize=True, progressive=True)
    else:
        image.save(made, "PNG", optimize=True)
    return Shown(made.getvalue(), "image/jpeg" if photo else "image/png", image.width, image.height)


def _bad(why: str) -> PostOfficeError:
    return PostOfficeError(
        "bad-mail-picture", f"This picture cannot be shown in mail: {why}.", help="Save it as PNG or JPEG and add it again.", why=why
    )
