"""The text by which an item finds its contact: the same person at the same place gives the same text. Pure."""

import unicodedata

from postoffice.model.item import Item


def match_text(item: Item) -> str:
    """Letters and digits of name and place, or of the e-mail, mobile or fax where there is no postal address; "" for nobody."""
    if item.address and item.address.lines:
        return "post|" + "|".join(plain(line) for line in item.address.lines)
    for channel, value in (("email", item.email), ("mobile", item.mobile), ("fax", item.fax)):
        if value:
            return f"{channel}|{value.strip().lower()}"
    return ""


def plain(text: str) -> str:
    """Without accents, signs, spaces and capitals: "12, rue de l'Église" -> "12ruedeleglise"."""
    spread = unicodedata.normalize("NFKD", text.casefold())
    return "".join(letter for letter in spread if letter.isalnum())
