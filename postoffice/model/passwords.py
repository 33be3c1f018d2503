"""Which passwords are good enough: long, not among those that everybody tries first; no rule on what they are made of (ASVS 5.0, 6.2).

A list of whole passwords would need to be long. What people really do is to take a common word and dress it up, so words are kept
and the dress is taken off: capitals, digits and signs around them, digits that look like letters, and repetitions.
"""

import re
import unicodedata
from collections.abc import Iterable
from functools import cache
from pathlib import Path

SHORTEST = 12  # characters; ASVS asks for eight and recommends fifteen
LONGEST = 200  # hashing time grows with length: nobody types more
_FEWEST_DIFFERENT = 5  # "aaaaaaaaaaaa", "121212121212"
_RUNS = ("abcdefghijklmnopqrstuvwxyz", "qwertyuiopasdfghjklzxcvbnm", "azertyuiopqsdfghjklmwxcvbn", "01234567890123456789")
_LOOKS_LIKE = str.maketrans("0134578@$!", "oleastbasi")


@cache
def common_words() -> frozenset[str]:
    """Words that common passwords are made of, in lower case: English, French, keyboards, this trade."""
    text = Path(__file__).with_name("common_passwords.txt").read_text(encoding="utf-8")
    return frozenset(line for line in text.splitlines() if line and not line.startswith("#"))


def is_common(password: str, about: Iterable[str] = ()) -> bool:
    """Whether it would be among the first that somebody tries. `about`: words that belong to its owner (name, address, company)."""
    plain = _plain(password)
    if len(set(plain)) < _FEWEST_DIFFERENT or any(plain in run * 2 or plain in run[::-1] * 2 for run in _RUNS):
        return True
    words = common_words() | {_plain(word) for word in about if len(_plain(word)) > 2}
    forms = {plain, re.sub(r"^[\W\d_]+|[\d!?.*#_-]+$", "", plain).translate(_LOOKS_LIKE)}
    return any(_made_of(_undressed(form), words) for form in forms)


def _plain(text: str) -> str:
    """Small letters without accents or blanks."""
    apart = unicodedata.normalize("NFKD", text.lower())
    return "".join(letter for letter in apart if not unicodedata.combining(letter) and not letter.isspace())


def _undressed(text: str) -> str:
    """Without digits and signs at both ends and in the seams."""
    return re.sub(r"[\W\d_]+", "", text)


def _made_of(text: str, words: frozenset[str] | set[str]) -> bool:
    """Whether it is one word, or the same or two of them in a row; nothing left counts as common: digits and signs only."""
    if not text or text in words:
        return True
    return any(text[:at] in words and (text[at:] in words or text[at:] == text[:at]) for at in range(1, len(text)))
