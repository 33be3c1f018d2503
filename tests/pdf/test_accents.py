"""Accents seen in the picture of a word, whatever the recogniser made of them."""

import unicodedata

import pytest
from PIL import Image, ImageDraw, ImageFont

from postoffice.pdf.accents import with_accents
from tests.papers.faults import font_file


def drawn(word: str, size: int = 42) -> Image.Image:
    """A word in black, as large as ten points at 300 dots an inch."""
    image = Image.new("L", (size * len(word) + 20, 2 * size), 255)
    ImageDraw.Draw(image).text((8, size // 3), word, font=ImageFont.truetype(font_file(), size), fill=0)
    return image


def bare(word: str) -> str:
    return "".join(sign for sign in unicodedata.normalize("NFD", word) if not unicodedata.combining(sign))


@pytest.mark.parametrize("size", [28, 42])
@pytest.mark.parametrize(
    "word",
    [
        "CHÊNES",
        "RÉPUBLIQUE",
        "JAURÈS",
        "ÉGALITÉ",
        "Hélène",
        "Maëlle",
        "Anaïs",
        "GARCÍA",
        "MÜLLER",
        "SAINT-RÉMY",
        "Françoise",
        "Muñoz",
        "A",
        "12",
    ],
)
def test_accents_that_were_not_recognised_are_put_back(word: str, size: int) -> None:
    assert with_accents(bare(word), drawn(word, size)) == word
    assert with_accents(word, drawn(word, size)) == word


def test_accents_that_are_not_there_are_taken_away() -> None:
    assert with_accents("À", drawn("A")) == "A"
    assert with_accents("CHÈNES", drawn("CHENES")) == "CHENES"
    assert with_accents("Mile", drawn("Mlle")) == "Mlle"


def test_words_that_do_not_fit_their_picture_are_left_alone() -> None:
    assert with_accents("CHENE", drawn("CHÊNES")) == "CHENE"
    assert with_accents("(é)", drawn("(é)")) == "(é)"
    assert with_accents("é", Image.new("L", (40, 40), 255)) == "é"
    assert with_accents("é", Image.new("L", (1, 1), 0)) == "é"
