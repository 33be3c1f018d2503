"""Tells a document's kind by its first bytes: what a program announces is often wrong.

CUPS sends PostScript for some seconds after a queue was made, whatever it announced; Windows programs announce octet-stream.
"""

from typing import NamedTuple

PDF = "application/pdf"
POSTSCRIPT = "application/postscript"
JPEG = "image/jpeg"
PNG = "image/png"
TIFF = "image/tiff"
PWG_RASTER = "image/pwg-raster"
URF = "image/urf"

ENOUGH = 4096  #: bytes after which the kind can be told; a longer PJL preamble is refused
_PDF_WITHIN = 1024  # readers accept a PDF whose header stands within the first kilobyte (ISO 32000-1, annex H.3.4.1)

_UEL = b"\x1b%-12345X"  # Universal Exit Language: begins and ends a PJL job
_BEFORE_POSTSCRIPT = b"\x04\0\t\r\n "  # Windows drivers put an end-of-transmission in front
_MAGIC: tuple[tuple[bytes, str], ...] = (
    (b"%PDF-", PDF),
    (b"%!", POSTSCRIPT),
    (b"\xff\xd8\xff", JPEG),
    (b"\x89PNG\r\n\x1a\n", PNG),
    (b"II*\0", TIFF),
    (b"MM\0*", TIFF),
    (b"RaS2", PWG_RASTER),
    (b"UNIRAST\0", URF),
)


class Kind(NamedTuple):
    """What the bytes are, and where the document begins behind a PJL preamble."""

    media_type: str
    begins_at: int


def sniff(head: bytes) -> Kind | None:
    """The kind of a document by its first `ENOUGH` bytes (or all of a shorter one); None for an unknown kind."""
    begins_at = _after_pjl(head)
    if begins_at is None:
        return None
    body = head[begins_at:]
    for magic, media_type in _MAGIC:
        if body.startswith(magic):
            return Kind(media_type, begins_at)
    if body.lstrip(_BEFORE_POSTSCRIPT).startswith(b"%!"):
        return Kind(POSTSCRIPT, begins_at)
    if b"%PDF-" in body[:_PDF_WITHIN]:
        return Kind(PDF, begins_at)
    return None


def _after_pjl(head: bytes) -> int | None:
    """Where the document begins: 0 without PJL, behind `@PJL ENTER LANGUAGE=...` or the last PJL line with it."""
    at = 0
    while head.startswith(_UEL, at):
        at += len(_UEL)
        while head.startswith(b"@PJL", at):
            end = head.find(b"\n", at)
            if end < 0:
                return None
            line = head[at:end].upper()
            at = end + 1
            if b"ENTER" in line and b"LANGUAGE" in line:
                return at
    return at
