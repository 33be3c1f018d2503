"""Whatever a printer driver sends, as a PDF: PostScript, JPEG, PNG, TIFF, PWG raster, URF.

The bytes decide, not the name that came with them: a queue that is being set up sends PostScript as PDF.
"""

import shutil
from collections.abc import Callable
from pathlib import Path

from postoffice.model.errors import Unreadable
from postoffice.pdf import ghostscript
from postoffice.pdf.document import page_count
from postoffice.pdf.pictures import picture_to_pdf
from postoffice.pdf.printraster import raster_to_pdf
from postoffice.pdf.sniff import ENOUGH, JPEG, PDF, PNG, POSTSCRIPT, PWG_RASTER, TIFF, URF, sniff


def to_pdf(source: Path, media_type: str, target: Path) -> None:
    """Write `source` as a PDF to `target`.

    `media_type` is what the sender said; the bytes decide where they are plain, and `media_type` only matters to the message
    otherwise. Raises Unreadable (unknown-format, empty, postscript-damaged, image-damaged, raster-damaged ...), TimedOut. On an error
    nothing is left at `target`.
    """
    with source.open("rb") as file:
        head = file.read(ENOUGH)
    if not head:
        raise Unreadable("empty", "The document is empty: not a single byte came in.", help="Print or upload it again.")
    kind = sniff(head)
    if kind is None:
        raise Unreadable(
            "unknown-format",
            f"This is no document that the post office can read (it came as {media_type or 'an unknown type'}).",
            help="Send a PDF, PostScript, JPEG, PNG, TIFF, PWG or URF document.",
            media_type=media_type,
        )
    try:
        _WAYS[kind.media_type](source, target)
    except BaseException:
        target.unlink(missing_ok=True)
        raise


def _copy(source: Path, target: Path) -> None:
    shutil.copyfile(source, target)


def _postscript(source: Path, target: Path) -> None:
    """PostScript by Ghostscript."""
    done = ghostscript.run(
        ["-sPAPERSIZE=a4"],
        source,
        target,
        what="Turning this PostScript into a PDF",
        missing="PostScript cannot be read here: Ghostscript is not installed.",
    )
    if done.status != 0 or not target.exists() or page_count_or_none(target) is None:
        raise Unreadable(
            "postscript-damaged",
            f"Ghostscript could not read this PostScript (status {done.status}: {done.complaint}).",
            help="Print it again, or as PDF; a job that was cancelled half way ends like this.",
        )


def page_count_or_none(path: Path) -> int | None:
    """Pages of a PDF, None where it is none."""
    try:
        return page_count(path)
    except Unreadable:
        return None


_WAYS: dict[str, Callable[[Path, Path], None]] = {
    PDF: _copy,
    POSTSCRIPT: _postscript,
    JPEG: picture_to_pdf,
    PNG: picture_to_pdf,
    TIFF: picture_to_pdf,
    PWG_RASTER: raster_to_pdf,
    URF: raster_to_pdf,
}
