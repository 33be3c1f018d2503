"""The text by which an item finds its contact: the same person at the same place gives the same text. Pure."""

import unicodedata
from functools import lru_cache

from postoffice.model.item import Item


def match_text(item: Item) -> str:
    """Letters and digits of name and place, or of the e-mail, mobile or fax where there is no postal address; "" for nobody."""
    if item.address and item.address.lines:
        return place_text(item.address.lines)
    for channel, value in (("email", item.email), ("mobile", item.mobile), ("fax", item.fax)):
        if value:
            return f"{channel}|{value.strip().lower()}"
    return ""


@lru_cache(maxsize=4_000)  # asked for when an item is matched and again when its contact is made
def place_text(lines: tuple[str, ...]) -> str:
    """The text of a name and place as printed."""
    return "post|" + "|".join(map(plain, lines))


def plain(text: str) -> str:
    """Without accents, signs, spaces and capitals: "12, rue de l'Église" -> "12ruedeleglise"."""
    spread = text.casefold()
    if not spread.isascii():
        spread = unicodedata.normalize("NFKD", spread)
    return "".join(filter(str.isalnum, spread))
