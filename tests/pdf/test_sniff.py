"""Documents are known by their bytes, also behind a printer-language preamble."""

import pytest

from postoffice.pdf.sniff import ENOUGH, Kind, sniff

UEL = b"\x1b%-12345X"
PJL = UEL + b"@PJL SET COPIES=1\r\n@PJL ENTER LANGUAGE=PDF\r\n"


@pytest.mark.parametrize(
    ("head", "kind"),
    [
        (b"%PDF-1.7\n", Kind("application/pdf", 0)),
        (b"\xef\xbb\xbf\r\n%PDF-1.4", Kind("application/pdf", 0)),
        (b"%!PS-Adobe-3.0\n", Kind("application/postscript", 0)),
        (b"\x04%!PS-Adobe-3.0\n", Kind("application/postscript", 0)),
        (b"\xff\xd8\xff\xe0JFIF", Kind("image/jpeg", 0)),
        (b"\x89PNG\r\n\x1a\n", Kind("image/png", 0)),
        (b"II*\0", Kind("image/tiff", 0)),
        (b"MM\0*", Kind("image/tiff", 0)),
        (b"RaS2PwgRaster", Kind("image/pwg-raster", 0)),
        (b"UNIRAST\0\0\0\0\1", Kind("image/urf", 0)),
        (PJL + b"%PDF-1.7", Kind("application/pdf", len(PJL))),
        (UEL + b"%!PS\n", Kind("application/postscript", len(UEL))),
        (UEL + b"@PJL JOB\n" + UEL + b"@PJL ENTER LANGUAGE=POSTSCRIPT\n%!PS", Kind("application/postscript", 58)),
    ],
)
def test_known_kinds(head: bytes, kind: Kind) -> None:
    assert sniff(head) == kind


@pytest.mark.parametrize(
    "head",
    [b"", b"%", b"PK\x03\x04", b"Dear Madam,", b"\x1bE\x1b&l0O", b"GIF89a", b"<html>", b"RaS3", UEL, UEL + b"@PJL SET X", PJL],
)
def test_unknown_kinds(head: bytes) -> None:
    assert sniff(head) is None


def test_a_pdf_begins_within_the_first_kilobyte() -> None:
    assert sniff(b" " * 1000 + b"%PDF-1.4") is not None
    assert sniff((b" " * 1024 + b"%PDF-1.4")[:ENOUGH]) is None
