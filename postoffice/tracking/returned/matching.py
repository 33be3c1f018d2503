"""The text of an envelope against the addresses of letters that were posted: scores, never a decision. Pure."""

import re
import unicodedata
from collections.abc import Sequence
from difflib import SequenceMatcher

from postoffice.model.address import PostalAddress

#: below it a candidate is not worth showing; from SURE on it is the one, where no other comes near
WORTH, SURE, APART = 55, 80, 8


def plain(text: str) -> str:
    """Capitals without accents, one blank between words: what OCR and people agree on."""
    letters = unicodedata.normalize("NFKD", text.upper().replace("Œ", "OE"))
    return " ".join(re.findall(r"[A-Z0-9]+", "".join(one for one in letters if not unicodedata.combining(one))))


def score(lines: Sequence[str], address: PostalAddress) -> int:
    """How well an address is found among the lines as read, 0..100: each of its lines by its likeliest, weighed by its length.

    The first line, the name, counts twice: neighbours share all the others.
    """
    read = [plain(line) for line in lines]
    read = [line for line in read if len(line) > 2]
    wanted = [one for line in address.lines if (one := plain(line))]
    if not read or not wanted:
        return 0
    total = weight = 0.0
    for number, line in enumerate(wanted):
        heavy = len(line) * (2 if number == 0 else 1)
        total += heavy * max(_like(line, one) for one in read)
        weight += heavy
    return round(100 * total / weight)


def _like(wanted: str, read: str) -> float:
    """1.0 the same. OCR joins neighbours into a line: what was wanted may be a part of what was read."""
    if wanted in read:
        return 1.0
    whole = SequenceMatcher(None, wanted, read, autojunk=False)
    if whole.quick_ratio() < 0.4 and len(read) < 2 * len(wanted):
        return 0.0
    if len(read) <= len(wanted) * 1.3:
        return whole.ratio()
    start = whole.find_longest_match()
    begin = max(0, start.b - start.a - 1)
    return SequenceMatcher(None, wanted, read[begin : begin + len(wanted) + 2], autojunk=False).ratio()


def ranked(lines: Sequence[str], known: Sequence[tuple[str, PostalAddress]], most: int = 5) -> list[tuple[str, int]]:
    """(key, score) of the addresses worth showing, the best first; of equals the one named first (the newest)."""
    scores: dict[tuple[str, ...], int] = {}
    found = []
    for order, (key, address) in enumerate(known):
        if address.lines not in scores:
            scores[address.lines] = score(lines, address)
        if scores[address.lines] >= WORTH:
            found.append((-scores[address.lines], order, key))
    return [(key, -negative) for negative, _, key in sorted(found)[:most]]
