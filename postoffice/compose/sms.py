"""A short message before it is sent: what it will cost in parts, and which characters could be said more cheaply."""

import unicodedata
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from postoffice.model import gsm7


class Encoding(StrEnum):
    """The alphabet that a text needs."""

    GSM7 = "gsm7"  #: 160 characters, 153 in each of several parts
    UCS2 = "ucs2"  #: 70 characters, 67 in each of several parts


@dataclass(frozen=True, slots=True)
class Segments:
    """What a text takes. `units`: septets or UTF-16 units used; `left`: units until one more part is needed."""

    encoding: Encoding
    parts: int
    units: int
    left: int


@dataclass(frozen=True, slots=True)
class Replacement:
    """A character (or an accent written apart) outside the GSM alphabet, and what may stand for it. `times`: how often."""

    found: str
    put: str
    times: int


#: what normalising does not find; everything else loses its accent
_STANDS_FOR = {
    **dict.fromkeys("\u2018\u2019\u201a\u201b\u2032\u00b4`\u02bc", "'"),
    **dict.fromkeys("\u201c\u201d\u201e\u201f\u2033\u00ab\u00bb", '"'),
    **dict.fromkeys("\u2039\u203a", "'"),
    **dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2015\u2212\u2022\u00b7\u2043", "-"),
    **dict.fromkeys("\u00a0\u202f\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u205f\u3000\t", " "),
    **dict.fromkeys("\u200b\u200c\u2060\ufeff\u00ad", ""),
    **dict.fromkeys("\u2028\u2029\u0085\v", "\n"),
    "\u2026": "...",
    "œ": "oe",
    "Œ": "OE",
    "ẞ": "SS",
    "ł": "l",
    "Ł": "L",
    "đ": "d",
    "Đ": "D",
    "ð": "d",
    "Ð": "D",
    "þ": "th",
    "Þ": "Th",
    "ı": "i",
    "\u2044": "/",
    "×": "x",
    "÷": "/",
    "°": "o",
    "©": "(c)",
    "®": "(R)",
    "™": "(TM)",
    "№": "No",
}


def count(text: str) -> Segments:
    """What the text takes as it stands. An empty text takes one part, as it would on the bill."""
    gsm = gsm7.fits(text)
    room = gsm7.GSM if gsm else gsm7.UCS
    used = gsm7.units(text)
    texts = gsm7.split(text)
    left = room.single - used if len(texts) == 1 else room.part - _in(texts[-1], gsm)
    return Segments(Encoding.GSM7 if gsm else Encoding.UCS2, len(texts), used, left)


def _in(text: str, gsm: bool) -> int:
    return gsm7.units(text) if gsm else len(text.encode("utf-16-be", "surrogatepass")) // 2


def split(text: str) -> list[str]:
    """The texts of the parts; see model.gsm7."""
    return gsm7.split(text)


def suggest(text: str) -> list[Replacement]:
    """Replacements to offer for what makes the text costly, in the order in which it stands there; never made unasked.

    Empty for a text in the GSM alphabet. A character that nothing can stand for (an emoji, another script) has none: the text
    then stays UCS-2 whatever is replaced, and so nothing is offered for a text of another script alone.
    """
    places = Counter(cluster for cluster in _clusters(text) if not gsm7.fits(cluster))
    offers = ((found, _stand_in(found), times) for found, times in places.items())
    return [Replacement(found, put, times) for found, put, times in offers if put is not None]


def apply(text: str, chosen: Iterable[Replacement]) -> str:
    """The text with the chosen replacements made."""
    table = {one.found: one.put for one in chosen}
    return "".join(table.get(cluster, cluster) for cluster in _clusters(text))


def _clusters(text: str) -> list[str]:
    """Characters, each with the accents that follow it."""
    clusters: list[str] = []
    for sign in text:
        if clusters and unicodedata.combining(sign):
            clusters[-1] += sign
        else:
            clusters.append(sign)
    return clusters


def _stand_in(found: str) -> str | None:
    """What the GSM alphabet has for it: the same letter in one piece, the sign of the table, or the letter without accent."""
    whole = unicodedata.normalize("NFC", found)
    if gsm7.fits(whole):
        return whole
    if whole in _STANDS_FOR:
        return _STANDS_FOR[whole]
    plain = unicodedata.normalize("NFKD", found)
    bare = "".join(_STANDS_FOR.get(sign, sign) for sign in plain if not unicodedata.combining(sign))
    return bare if bare and gsm7.fits(bare) else None
