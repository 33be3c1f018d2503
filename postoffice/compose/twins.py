"""What makes two letters the same: every word of their pages, and the recipient as read.

The text counts as it stands, dates and numbers included, only runs of white space are one: a reminder of next week, a corrected amount
or a new date are another letter, and the same job printed a second time is not. Of a page without text (a scan) the picture counts.
Pictures on a page that has text do not: printers' drivers draw them in their own way each time.
"""

import hashlib
from collections.abc import Sequence

from postoffice.compose.countries import plain
from postoffice.compose.pages import PageFacts
from postoffice.compose.signs import unpacked
from postoffice.model.item import NewItem


def digest_of(item: NewItem, run: Sequence[PageFacts]) -> str:
    """Hexadecimal SHA-256 of an item whose pages are `run`; empty where its pages say and show nothing."""
    pages = [" ".join(unpacked(page.text).split()) or _picture(page) for page in run]
    if not any(pages):
        return ""
    return hashlib.sha256("\f".join([_recipient(item), *pages]).encode("utf-8", "surrogatepass")).hexdigest()


def joined(digests: Sequence[str]) -> str:
    """That of letters in one envelope; empty where one of them has none."""
    return hashlib.sha256("+".join(digests).encode()).hexdigest() if all(digests) else ""


def _picture(page: PageFacts) -> str:
    return "" if page.look is None else f"look {page.look}"


def _recipient(item: NewItem) -> str:
    lines = "|".join(plain(line) for line in item.address.lines) if item.address else ""
    return "|".join((lines, item.email.lower(), item.mobile, item.fax))
