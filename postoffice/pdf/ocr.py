"""Reading pictures of text with Tesseract, run as a program."""

import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TypeAlias

from PIL import Image

from postoffice.model.errors import PostOfficeError, TimedOut
from postoffice.model.finding import Box
from postoffice.pdf.accents import with_accents

DPI = 300
#: seconds for one picture of an address window; it takes 0.3
_SECONDS = 30
#: words below this confidence are specks
_NOISE = 15.0
#: words of nothing but these are specks and edges
_JUNK = " \t\\|_~`"
#: Sauvola's threshold in place of one for the whole picture
_TINTED = ("-c", "thresholding_method=2")


#: text, confidence, left, top, width, height in pixels
_Word: TypeAlias = tuple[str, float, int, int, int, int]


@dataclass(frozen=True, slots=True)
class OcrLine:
    """A line as read: its box in mm within the picture, and the mean confidence of its letters, 0..100."""

    text: str
    box: Box
    confidence: float


@lru_cache(maxsize=1)
def languages() -> frozenset[str]:
    """The languages installed; empty where Tesseract is not."""
    program = shutil.which("tesseract")
    if program is None:
        return frozenset()
    listed = subprocess.run([program, "--list-langs"], capture_output=True, text=True, timeout=20, check=False)
    return frozenset(listed.stdout.split()[1:]) & {"fra", "eng", "deu", "ita", "spa", "nld", "por"}


def read_pictures(
    pictures: Sequence[Image.Image], wanted: Sequence[str] = ("fra", "eng", "deu"), *, tinted: bool = False
) -> list[list[OcrLine]]:
    """The lines of each picture (made at `DPI`), top to bottom.

    One run of the program for all of them: loading a language costs more than reading a window.

    `wanted`: languages, the likeliest first; those that are not installed are left out. `tinted`: look at the paper place by place,
    for text on a coloured ground (twice as slow). Raises PostOfficeError no-tesseract,
    ocr-failed; TimedOut ocr-timeout.
    """
    chosen = [one for one in wanted if one in languages()]
    program = shutil.which("tesseract")
    if program is None or not chosen:
        raise PostOfficeError(
            "no-tesseract",
            "Pictures of text cannot be read here: Tesseract is not installed.",
            help="Install tesseract-ocr-fra, -eng, -deu.",
        )
    if not pictures:
        return []
    with tempfile.TemporaryDirectory(prefix="postoffice-ocr-") as folder:
        names = []
        for number, image in enumerate(pictures):
            names.append(Path(folder, f"{number}.png"))
            image.save(names[-1], "PNG", compress_level=1, dpi=(DPI, DPI))
        listing = Path(folder, "list.txt")
        listing.write_text("\n".join(str(name) for name in names), encoding="utf-8")
        return _lines(_run(program, listing, chosen, len(pictures), tinted), pictures)


def _run(program: str, listing: Path, chosen: Sequence[str], count: int, tinted: bool) -> str:
    command = [
        program,
        str(listing),
        "stdout",
        "-l",
        "+".join(chosen),
        "--psm",
        "6",
        "--dpi",
        str(DPI),
        *(_TINTED if tinted else ()),
        "tsv",
    ]
    try:
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_SECONDS + 5 * count,
            check=False,
            # one thread: several windows are read side by side, Tesseract's own threads only wait for one another
            env={"OMP_THREAD_LIMIT": "1", "PATH": "/usr/bin:/bin:/usr/local/bin:/opt/homebrew/bin"},
        )
    except subprocess.TimeoutExpired:
        raise TimedOut("ocr-timeout", "Reading the picture of an address took too long.", help="Type the address by hand.") from None
    if done.returncode != 0:
        raise PostOfficeError("ocr-failed", f"Tesseract ended with status {done.returncode}.", help="Check its language files.")
    return done.stdout


def _lines(table: str, pictures: Sequence[Image.Image]) -> list[list[OcrLine]]:
    """Tesseract's table of words (level 5) put together by page, block, paragraph and line; accents as the pictures show them."""
    words: dict[tuple[int, ...], list[_Word]] = {}
    for row in table.splitlines()[1:]:
        cells = row.split("\t")
        if len(cells) < 12 or cells[0] != "5" or not cells[11].strip(_JUNK) or float(cells[10]) < _NOISE:
            continue
        page_key = (int(cells[1]), int(cells[2]), int(cells[3]), int(cells[4]))
        place = (int(cells[6]), int(cells[7]), int(cells[8]), int(cells[9]))
        words.setdefault(page_key, []).append((cells[11].strip(), float(cells[10]), *place))
    pages: list[list[OcrLine]] = [[] for _ in pictures]
    for key, found in words.items():
        if 1 <= key[0] <= len(pictures):
            seen = [_looked_at(word, pictures[key[0] - 1]) for word in found]
            pages[key[0] - 1] += [_line(run) for run in _columns(seen)]
    return [sorted(page, key=lambda line: line.box[1]) for page in pages]


def _looked_at(word: _Word, picture: Image.Image) -> _Word:
    """A word with its accents looked at again; each part that a hyphen, an apostrophe or a point sets apart would be cut at guess."""
    text, sure, left, top, width, height = word
    room = max(2, height // 2)  # accents of capitals are often left out of the word.s box
    box = (max(0, left - 2), max(0, top - room), min(picture.width, left + width + 2), min(picture.height, top + height + 1))
    grey = picture if picture.mode == "L" else picture.convert("L")
    return (with_accents(text, grey.crop(box)), sure, left, top, width, height)


def _columns(words: list[_Word]) -> list[list[_Word]]:
    """A line cut where the gap is wider than any space: texts side by side are no sentence."""
    runs: list[list[_Word]] = []
    edge = 0
    for word in sorted(words, key=lambda one: one[2]):
        if runs and word[2] - edge <= 2 * _usual_height(words):
            runs[-1].append(word)
        else:
            runs.append([word])
        edge = max(edge, word[2] + word[4])
    return runs


def _usual_height(words: list[_Word]) -> int:
    return sorted(word[5] for word in words)[len(words) // 2]


def _line(words: list[_Word]) -> OcrLine:
    left, top = min(word[2] for word in words), min(word[3] for word in words)
    right, bottom = max(word[2] + word[4] for word in words), max(word[3] + word[5] for word in words)
    letters = sum(len(word[0]) for word in words)
    confidence = sum(word[1] * len(word[0]) for word in words) / letters
    scale = 25.4 / DPI
    box = (round(left * scale, 1), round(top * scale, 1), round((right - left) * scale, 1), round((bottom - top) * scale, 1))
    return OcrLine(" ".join(word[0] for word in words), box, round(confidence, 1))
