"""Our shortened coding is bit for bit what libtiff makes of the whole page."""

import random
import struct
from io import BytesIO

import pytest
from PIL import Image

from postoffice.pdf import g4

WIDTH, HEIGHT = 1728, 300


def page(seed: int, blots: int) -> bytearray:
    """White with some rectangles of greys and blacks, up to the edges."""
    chance = random.Random(seed)
    dots = bytearray(b"\xff") * (WIDTH * HEIGHT)
    for _ in range(blots):
        top, left = chance.randrange(HEIGHT), chance.randrange(WIDTH)
        line = bytes(chance.randrange(256) for _ in range(min(chance.randrange(1, 200), WIDTH - left)))
        for row in range(top, min(HEIGHT, top + chance.randrange(1, 20))):
            dots[row * WIDTH + left : row * WIDTH + left + len(line)] = line
    return dots


def decoded(strip: bytes, rows: int) -> Image.Image:
    """By libtiff, from a file around the strip."""
    tags = [
        (256, 4, WIDTH),
        (257, 4, rows),
        (258, 3, 1),
        (259, 3, 4),
        (262, 3, 0),
        (273, 4, 0),
        (277, 3, 1),
        (278, 4, rows),
        (279, 4, len(strip)),
    ]
    behind = 8 + 2 + 12 * len(tags) + 4
    body = b"".join(struct.pack("<HHII", tag, kind, 1, behind if tag == 273 else value) for tag, kind, value in tags)
    image = Image.open(BytesIO(b"II*\0" + struct.pack("<IH", 8, len(tags)) + body + struct.pack("<I", 0) + strip))
    image.load()
    return image


def wanted(dots: bytearray, threshold: int) -> bytes:
    return Image.frombytes("L", (WIDTH, HEIGHT), bytes(dots)).point([0] * threshold + [255] * (256 - threshold), "1").tobytes()


@pytest.mark.parametrize("blots", [0, 1, 2, 5, 12, 60])
@pytest.mark.parametrize("seed", range(4))
def test_the_page_comes_back_as_it_was(blots: int, seed: int) -> None:
    dots = page(seed, blots)
    strip = g4.encode(dots, WIDTH, HEIGHT, 128)
    assert decoded(strip, HEIGHT).tobytes() == wanted(dots, 128)


def test_a_white_page_is_one_bit_a_row() -> None:
    strip = g4.encode(bytearray(b"\xff") * (WIDTH * HEIGHT), WIDTH, HEIGHT, 128)
    assert len(strip) == -(-(HEIGHT + 24) // 8)
    assert decoded(strip, HEIGHT).getextrema() == (255, 255)


def test_a_page_that_bears_the_marker_itself() -> None:
    """Then nothing is left out, and nothing is lost."""
    dots = page(1, 4)
    for row in (20, 100, 200):
        dots[(row - 1) * WIDTH : (row + 2) * WIDTH] = b"\xff" * WIDTH + g4._marker(WIDTH).row + b"\xff" * WIDTH
    assert decoded(g4.encode(dots, WIDTH, HEIGHT, 128), HEIGHT).tobytes() == wanted(dots, 128)


def test_what_stood_on_an_earlier_page_is_not_coded_again() -> None:
    """The same bands at other heights, beside others, and at another threshold."""
    kept, first = g4.Kept(1_000_000), page(7, 4)
    strip = g4.encode(first, WIDTH, HEIGHT, 128, kept)
    known = kept.bytes
    assert g4.encode(first, WIDTH, HEIGHT, 128, kept) == strip
    assert kept.bytes == known > 0
    lower = bytearray(b"\xff" * (WIDTH * 40)) + first[: WIDTH * (HEIGHT - 40)]
    for other in (lower, page(8, 3)[: WIDTH * 100] + first[WIDTH * 100 :]):
        assert decoded(g4.encode(other, WIDTH, HEIGHT, 128, kept), HEIGHT).tobytes() == wanted(other, 128)
    assert decoded(g4.encode(first, WIDTH, HEIGHT, 30, kept), HEIGHT).tobytes() == wanted(first, 30)


def test_what_is_kept_has_an_end() -> None:
    kept, most = g4.Kept(6_000), 0
    for seed in range(40):
        g4.encode(page(seed, 5), WIDTH, HEIGHT, 128, kept)
        most = max(most, kept.bytes)
    assert 3_000 < most <= 6_000
    kept.forget()
    assert kept.bytes == 0
