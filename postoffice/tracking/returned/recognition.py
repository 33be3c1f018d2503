"""Whose envelope is this? Codes on pictures as they come: skewed, upside down, grey, noisy, photographed; else its text.

A picture is looked at as it is, then cleaned in a few ways, cheapest first, until a code of ours is read. Pure, for child processes.
"""

import io
import math
import re
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from PIL import Image, ImageChops, ImageFilter, ImageOps, UnidentifiedImageError

from postoffice.model.errors import PostOfficeError, TooLarge, Unreadable
from postoffice.model.ids import from_bytes, is_id, to_bytes
from postoffice.pdf import datamatrix
from postoffice.pdf.document import frame_of, open_page, open_pdf
from postoffice.pdf.ocr import read_pictures
from postoffice.pdf.raster import picture

#: scans are drawn at this; a module of the code is then 4 pixels
DPI = 200.0
MOST_PIXELS = 60_000_000  #: a page at 600 dpi has 35 million
LARGEST = 3600  #: pixels along the longer side of what is looked at: more costs time and shows nothing more
_TEXT = 2300  #: pixels along the longer side for reading text
_PAPER = 170  #: lighter than this, on evened paper, is grain
_LEGIBLE = 30.0  #: Tesseract's confidence below which a line is specks
_CLEAR, _ENOUGH = 60.0, 24  #: so many letters of this confidence, and a postcode: it lies the right way up
_DARKER, _SPOTS = 28, 60  #: so much darker than around it, on so many of 20,000 spots: something is printed
#: the decoders that a file may wake: others start programs (EPS) or are hardly ever looked after
_FORMATS = ("JPEG", "PNG", "TIFF", "WEBP")
_PROOF = 1400  #: pixels along the longer side of the picture that is kept as proof


@dataclass(frozen=True, slots=True)
class Sight:
    """What a picture shows. `ids`: deliveries that its codes name; `lines`: its text, only where no code was read."""

    ids: tuple[str, ...] = ()
    lines: tuple[str, ...] = ()
    blank: bool = False
    proof: bytes = b""  #: the picture as a small JPEG


def codes(image: Image.Image) -> list[str]:
    """The delivery ids of our codes in a picture, each once, from the top."""
    grey = _fitted(image.convert("L"))
    for prepare in _WAYS:
        seen = datamatrix.read(prepare(grey))
        if seen:
            return list(dict.fromkeys(from_bytes(one.code.id) for one in seen))
    return []


def _fitted(grey: Image.Image) -> Image.Image:
    longest = max(grey.size)
    return grey.resize((grey.width * LARGEST // longest, grey.height * LARGEST // longest)) if longest > LARGEST else grey


def _plain(grey: Image.Image) -> Image.Image:
    return grey


def _calm(grey: Image.Image) -> Image.Image:
    """Specks taken out."""
    return grey.filter(ImageFilter.MedianFilter(3))


def _even(grey: Image.Image) -> Image.Image:
    """Shadows and coloured paper taken out: each spot against the brightness around it."""
    small = grey.resize((max(1, grey.width // 8), max(1, grey.height // 8)))
    ground = small.filter(ImageFilter.MaxFilter(5)).filter(ImageFilter.GaussianBlur(6)).resize(grey.size)
    return ImageOps.autocontrast(ImageChops.invert(ImageChops.subtract(ground, grey)), cutoff=1)


def _sharp(grey: Image.Image) -> Image.Image:
    """Drawn larger and sharpened, against blur."""
    factor = 2 if max(grey.size) <= LARGEST // 2 else 1
    large = grey.resize((grey.width * factor, grey.height * factor), Image.Resampling.BICUBIC)
    return ImageOps.autocontrast(large).filter(ImageFilter.UnsharpMask(4, 250, 2))


def _half(grey: Image.Image) -> Image.Image:
    """Half as large: noise of a fine scan averages out."""
    return grey.reduce(2) if min(grey.size) > 800 else grey.filter(ImageFilter.GaussianBlur(1.2))


def _fat(grey: Image.Image) -> Image.Image:
    """Black and white, gaps between dots of a tired printer closed."""
    even = _even(_calm(grey)).filter(ImageFilter.GaussianBlur(1))
    return even.point([0 if level < 150 else 255 for level in range(256)])


def _turned(degrees: float) -> Callable[[Image.Image], Image.Image]:
    def turn(grey: Image.Image) -> Image.Image:
        return _calm(grey).rotate(degrees, Image.Resampling.BICUBIC, expand=True, fillcolor=255)

    return turn


_WAYS: tuple[Callable[[Image.Image], Image.Image], ...] = (
    _plain, _calm, _even, _sharp, _half, _fat, _turned(20), _turned(-20), _turned(45),
    lambda grey: _sharp(_even(_calm(grey))),
)  # fmt: skip


def text(image: Image.Image) -> list[str]:
    """The lines of an envelope, however it lies: straightened, then read one way up and, without a postcode, the other.

    Empty where Tesseract is not installed, or has not the patience: a person types then.
    """
    grey = image.convert("L")
    scale = _TEXT / max(grey.size)
    fitted = grey.resize((max(1, round(grey.width * scale)), max(1, round(grey.height * scale))), Image.Resampling.BICUBIC)
    soft = _calm(_calm(fitted)).filter(ImageFilter.GaussianBlur(0.8))
    clean = _even(soft).point([level if level < _PAPER else 255 for level in range(256)])
    straight = clean.rotate(_skew(clean), Image.Resampling.BICUBIC, expand=True, fillcolor=255)
    best: list[str] = []
    most = 0
    for upright in (straight, straight.transpose(Image.Transpose.ROTATE_180)):
        try:
            (lines,) = read_pictures([upright], ("fra", "eng"))
        except PostOfficeError as error:
            if error.code in ("no-tesseract", "ocr-timeout"):
                return best
            raise
        read = [line.text for line in lines if line.confidence >= _LEGIBLE]
        sure = sum(len(line.text) for line in lines if line.confidence >= _CLEAR)  # upside down, letters become others by chance
        if sure > most or not best:
            best, most = read, sure
        if most >= _ENOUGH and any(len(one) == 5 for one in postcodes(best)):
            return best
    return best


def _skew(clean: Image.Image) -> float:
    """Degrees by which to turn a picture so that its lines lie level (perhaps upside down): there its rows differ most."""
    small = ImageChops.invert(clean)
    small.thumbnail((900, 900), Image.Resampling.BOX)
    coarse = max(range(-45, 135, 3), key=lambda angle: _level(small, angle))
    return max((coarse + part / 2 for part in range(-5, 6)), key=lambda angle: _level(small, angle))


def _level(small: Image.Image, angle: float) -> float:
    turned = small.rotate(angle, Image.Resampling.BILINEAR, expand=True, fillcolor=0)
    rows = turned.resize((1, turned.height), Image.Resampling.BOX).tobytes()
    # differences of neighbours, weighed by the width that they stand for: long edges of paper count less than many lines of text
    return float(turned.width**2) * sum(
        math.sqrt(min(abs(one - other), 40)) * min(abs(one - other), 40) for one, other in pairwise(rows)
    )


_POSTCODE = re.compile(r"(?<![0-9A-Z])([0-9OIlSBZ§]{4,5})(?=\s+\W?[A-ZÀ-Ý]|\s*$)")
_AS_DIGITS = str.maketrans("OIlSBZ§", "0115825")
#: digits that a tired printer makes of one another
_ALIKE = {"0": "68", "1": "7", "3": "8", "5": "6", "6": "058", "7": "1", "8": "036", "9": "0"}


def postcodes(lines: Sequence[str]) -> list[str]:
    """What may be postcodes: four or five digits before a name in capitals or at an end, letters that look like digits read as such."""
    found = [match.translate(_AS_DIGITS) for line in lines for match in _POSTCODE.findall(line) if sum(map(str.isdigit, match)) >= 3]
    return list(dict.fromkeys(found))


def likely_postcodes(lines: Sequence[str]) -> list[str]:
    """The same with those that differ by one digit easily mistaken for another."""
    read = postcodes(lines)
    near = [code[:at] + other + code[at + 1 :] for code in read[:6] for at, digit in enumerate(code) for other in _ALIKE.get(digit, "")]
    return list(dict.fromkeys((*read, *near)))


def typed_id(typed: str) -> str | None:
    """The delivery that a hand-held scanner or a person typed: a code's 24 bytes as hexadecimal digits or as they are, its id as 32
    hexadecimal digits (as manifests write it), or the id's own 26 letters. None for anything else."""
    plain = typed.strip()
    if is_id(plain.lower()):
        return plain.lower()
    try:
        content = bytes.fromhex(plain) if len(plain) in (32, 48) else plain.encode("latin-1")
    except (ValueError, UnicodeEncodeError):
        return None
    if len(content) == datamatrix.ID_BYTES and len(plain) == 32:
        return from_bytes(content)
    code = datamatrix.decode(content)
    return from_bytes(code.id) if code else None


def code_of(delivery_id: str) -> datamatrix.Code:
    """The code of a letter as a whole."""
    return datamatrix.Code(to_bytes(delivery_id))


def look(image: Image.Image, *, with_text: bool = True) -> Sight:
    """All that can be seen of one envelope."""
    proof = _proof(image)
    found = codes(image)
    if found:
        return Sight(tuple(found), proof=proof)
    if _is_blank(image):
        return Sight(blank=True)
    return Sight(lines=tuple(text(image)) if with_text else (), proof=proof)


def _is_blank(image: Image.Image) -> bool:
    """Whether nothing is printed: drawn so small that grain and dust vanish, only few spots are darker than what is around them."""
    small = image.convert("L").resize((160, 160), Image.Resampling.BOX)
    ground = small.filter(ImageFilter.MaxFilter(7)).filter(ImageFilter.GaussianBlur(4))
    darker = ImageChops.subtract(ground, small).crop((8, 8, 152, 152))  # without the edges of the paper
    return sum(darker.histogram()[_DARKER:]) < _SPOTS


def _proof(image: Image.Image) -> bytes:
    small = image.convert("L")
    small.thumbnail((_PROOF, _PROOF))
    target = io.BytesIO()
    small.save(target, "JPEG", quality=60)
    return target.getvalue()


def opened(content: bytes) -> Image.Image:
    """A camera's picture. Unreadable for what is none, TooLarge for a bomb."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # our own cap is stricter than Pillow's warning
            image = Image.open(io.BytesIO(content), formats=_FORMATS)
            _check(image)
            image.load()
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        raise Unreadable("image-damaged", "This picture cannot be read.", help="Save it again as PNG or JPEG.") from None
    return ImageOps.exif_transpose(image)


def _check(image: Image.Image) -> None:
    if image.width * image.height > MOST_PIXELS:
        raise TooLarge(
            "image-too-large",
            f"This picture has {image.width} x {image.height} pixels and 1 pages: more than can be taken.",
            help="Scan it at 300 dpi, or in parts.",
        )


def look_at_frame(content: bytes) -> Sight:
    """One picture of the station's camera: codes alone, since the next frame comes in a moment."""
    return look(opened(content), with_text=False)


def look_at_pages(path: Path, first: int, count: int) -> list[Sight]:
    """Pages (from 1) of a scan: a PDF, or a picture whose frames are pages. A damaged page is a blank one, not the end."""
    return [look(image) if image is not None else Sight(blank=True) for image in _pages(path, first, count)]


def page_count(path: Path) -> int:
    """How many pages a scan has. Unreadable for what is none."""
    if _is_pdf(path):
        with open_pdf(path) as document:
            return len(document)
    with _opened_file(path) as image:
        return getattr(image, "n_frames", 1)


def _is_pdf(path: Path) -> bool:
    with path.open("rb") as file:
        return b"%PDF-" in file.read(1024)


def _opened_file(path: Path) -> Image.Image:
    try:
        return Image.open(path, formats=_FORMATS)
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        raise Unreadable("image-damaged", "This picture cannot be read.", help="Save it again as PNG or JPEG.") from None


def _pages(path: Path, first: int, count: int) -> Iterator[Image.Image | None]:
    if _is_pdf(path):
        with open_pdf(path) as document:
            for number in range(first, first + count):
                try:
                    with open_page(document, number - 1) as page:
                        yield picture(page, frame_of(page), DPI, grey=True)
                except PostOfficeError:
                    yield None
        return
    with _opened_file(path) as image:
        for number in range(first, first + count):
            try:
                image.seek(number - 1)
                _check(image)
                yield ImageOps.exif_transpose(image).convert("L")
            except (OSError, EOFError, ValueError, SyntaxError, TooLarge):
                yield None
