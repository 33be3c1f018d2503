"""Whether text can be read at all: what a font without, or with a wrong, Unicode table yields is none."""

import unicodedata
from collections import Counter
from functools import lru_cache

#: from so many letters on, their frequency tells more sharply: 0.65 and more in French, English and German, 0.51 at most of shifted
_MANY = 100


def is_bad(code: int) -> bool:
    """Control, private, unassigned and replacement characters: never meant to be read."""
    return code < 0x20 or code == 0xFFFD or unicodedata.category(chr(code)) in ("Cc", "Co", "Cn", "Cs")


def is_plausible(text: str) -> bool:
    """Whether `text` can be language at all; False for what a font without Unicode table yields.

    Short texts pass unless plainly bad.
    """
    kinds: Counter[str] = Counter()
    for letter, times in Counter(text).items():
        kinds[_kind(letter)] += times
    total = kinds.total() - kinds["space"]
    if kinds["bad"] > max(1, 0.05 * total):
        return False
    if total >= 40 and kinds["mark"] > 0.45 * total:
        return False
    latin = kinds["frequent"] + kinds["rare"]
    return not (latin >= 40 and kinds["frequent"] < (0.57 if latin >= _MANY else 0.5) * latin)


@lru_cache(maxsize=4096)
def _kind(letter: str) -> str:
    """What a character adds to the look of a language: space, bad, mark, frequent or rare (Latin letters, accents aside), other.

    The ten frequent letters make three quarters of French, English and German, and half as much of text whose letters are swapped.
    """
    if letter.isspace():
        return "space"
    if is_bad(ord(letter)):
        return "bad"
    if unicodedata.category(letter)[0] in "PS":
        return "mark"
    base = unicodedata.normalize("NFD", letter.lower())[0]
    if "a" <= base <= "z":
        return "frequent" if base in "eaionstrul" else "rare"
    return "other"
