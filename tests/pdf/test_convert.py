"""Whatever a driver sends becomes a PDF, or is refused with a reason."""

import shutil
import struct
import subprocess
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from postoffice.model.errors import PostOfficeError, Unreadable
from postoffice.pdf import ocr
from postoffice.pdf.convert import to_pdf
from postoffice.pdf.document import frame_of, open_page, open_pdf, page_count
from postoffice.pdf.raster import ink, picture
from tests.papers import defects

needs_ghostscript = pytest.mark.skipif(shutil.which("gs") is None, reason="ghostscript is not installed")
WINDOW = (110.0, 55.0, 85.0, 33.0)


def by_ghostscript(folder: Path, device: str, *options: str, pages: int = 2) -> Path:
    source = defects.put(folder, "source.pdf", defects.document(*(defects.letter() for _ in range(pages))))
    target = folder / f"made.{device}"
    command = ["gs", "-q", "-dBATCH", "-dNOPAUSE", f"-sDEVICE={device}", "-r100", *options, "-o", target, source]
    done = subprocess.run(command, capture_output=True, timeout=60)
    if done.returncode != 0:
        pytest.skip(f"this Ghostscript has no device {device}")
    return target


def assert_is_the_letter(path: Path, pages: int) -> None:
    with open_pdf(path) as document:
        assert len(document) == pages
        with open_page(document, 0) as page:
            frame = frame_of(page)
            assert (frame.width, frame.height) == (pytest.approx(210, abs=1), pytest.approx(297, abs=1))
            spot, nothing = ink(page, frame, [WINDOW, (110, 130, 80, 100)])
    assert nothing is None
    assert spot is not None
    assert spot[:2] == (pytest.approx(113, abs=1.5), pytest.approx(58, abs=2))


@needs_ghostscript
@pytest.mark.parametrize(
    ("device", "options", "pages"),
    [
        ("pwgraster", ("-dcupsColorSpace=18", "-dcupsBitsPerColor=8"), 2),
        ("pwgraster", ("-dcupsColorSpace=19", "-dcupsBitsPerColor=8"), 2),
        ("pwgraster", ("-dcupsColorSpace=3", "-dcupsBitsPerColor=1"), 2),
        ("urf", ("-dcupsColorSpace=18", "-dcupsBitsPerColor=8"), 2),
        ("urf", ("-dcupsColorSpace=19", "-dcupsBitsPerColor=8"), 2),
        ("ps2write", (), 2),
        ("tiffg4", (), 2),
        ("jpeg", ("-dLastPage=1",), 1),
        ("png16m", ("-dLastPage=1",), 1),
        ("pngalpha", ("-dLastPage=1",), 1),
    ],
)
def test_real_documents_of_each_kind(tmp_path: Path, device: str, options: tuple[str, ...], pages: int) -> None:
    source = by_ghostscript(tmp_path, device, *options)
    target = tmp_path / "out.pdf"
    to_pdf(source, "application/octet-stream", target)
    assert_is_the_letter(target, pages)


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "empty"),
        (b"PK\x03\x04 a word processor's file", "unknown-format"),
        (b"RaS2" + b"\0" * 100, "raster-damaged"),
        (b"UNIRAST\0\0\0\0\0", "raster-damaged"),
        (b"\xff\xd8\xff\xe0 no picture", "image-damaged"),
        (b"\x89PNG\r\n\x1a\n no picture", "image-damaged"),
    ],
)
def test_bad_input_is_refused_and_leaves_nothing(tmp_path: Path, content: bytes, code: str) -> None:
    target = tmp_path / "out.pdf"
    with pytest.raises(Unreadable) as caught:
        to_pdf(defects.put(tmp_path, "bad", content), "image/png", target)
    assert caught.value.code == code
    assert not target.exists()


@needs_ghostscript
def test_bad_postscript_is_refused_and_cannot_read_files(tmp_path: Path) -> None:
    for program in (b"%!PS\n(/etc/passwd) (r) file pop showpage", b"%!PS\nnonsense"):
        with pytest.raises(Unreadable) as caught:
            to_pdf(defects.put(tmp_path, "bad.ps", program), "application/postscript", tmp_path / "out.pdf")
        assert caught.value.code == "postscript-damaged"


def test_a_raster_that_ends_early_or_lies_of_its_size_is_refused(tmp_path: Path) -> None:
    header = bytearray(1796)
    struct.pack_into(">2I", header, 276, 300, 300)
    struct.pack_into(">8I", header, 372, 1_000_000, 1_000_000, 0, 8, 24, 3_000_000, 0, 19)
    with pytest.raises(PostOfficeError) as caught:
        to_pdf(defects.put(tmp_path, "bomb.pwg", b"RaS2" + bytes(header)), "image/pwg-raster", tmp_path / "out.pdf")
    assert caught.value.code in ("raster-too-large", "raster-damaged")
    struct.pack_into(">8I", header, 372, 10, 10, 0, 8, 8, 10, 0, 18)
    with pytest.raises(Unreadable):
        to_pdf(defects.put(tmp_path, "short.pwg", b"RaS2" + bytes(header) + b"\x00\x09"), "image/pwg-raster", tmp_path / "out.pdf")


@given(noise=st.binary(max_size=400), kind=st.sampled_from([b"RaS2", b"UNIRAST\x00"]))
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_noise_never_breaks_the_decoder(tmp_path: Path, noise: bytes, kind: bytes) -> None:
    header = bytearray(1796)
    struct.pack_into(">2I", header, 276, 300, 300)
    struct.pack_into(">8I", header, 372, 7, 9, 0, 8, 8, 7, 0, 18)
    source = defects.put(tmp_path, "noise", kind + (bytes(header) if kind == b"RaS2" else b"\0\0\0\1") + noise)
    try:
        to_pdf(source, "", tmp_path / "out.pdf")
    except PostOfficeError:
        assert not (tmp_path / "out.pdf").exists()
    else:
        assert page_count(tmp_path / "out.pdf") >= 1


@pytest.mark.skipif(not ocr.languages(), reason="tesseract is not installed")
def test_a_window_is_read_from_its_picture(tmp_path: Path) -> None:
    path = defects.put(tmp_path, "letter.pdf", defects.document(defects.letter(("M. DUPONT", "3 RUE DU PUITS", "67000 STRASBOURG"))))
    with open_pdf(path) as document, open_page(document, 0) as page:
        image = picture(page, frame_of(page), ocr.DPI, WINDOW, grey=True)
    blank = Image.new("L", (800, 300), 255)
    lines, nothing = ocr.read_pictures([image, blank])
    assert [line.text for line in lines] == ["M. DUPONT", "3 RUE DU PUITS", "67000 STRASBOURG"]
    assert min(line.confidence for line in lines) > 80
    assert lines[0].box[0] == pytest.approx(3, abs=0.5)
    assert nothing == []
