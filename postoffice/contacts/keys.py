"""By what a contact is found: the entries of the index that stands beside it. Pure."""

from collections.abc import Iterable, Mapping
from enum import StrEnum

from postoffice.contacts.match import place_text
from postoffice.contacts.score import blocks, search_words, traits_of
from postoffice.model.address import PostalAddress
from postoffice.model.item import Item

SPLIT = "\x1f"
_LONGEST = 80
Key = tuple[str, str]


class KeyKind(StrEnum):
    """What an entry of the index is; one letter in the database."""

    WORD = "w"  #: a word that people search by
    EXTERNAL = "x"  #: number and system, of one contact alone
    TAG = "t"
    BLOCK = "b"  #: see contacts.score.blocks
    LEARNT = "m"  #: the match key of an item that a person said to be for this contact


def keys_of(
    name: str, company: str, addresses: Iterable[PostalAddress], external_ids: Mapping[str, str], tags: Iterable[str]
) -> frozenset[Key]:
    """All entries that follow from a contact itself."""
    known = list(addresses)
    places = [part for address in known for part in (address.town, address.postcode)]
    found = {(KeyKind.WORD.value, word) for word in search_words(name, company, *places)}
    found |= {(KeyKind.EXTERNAL.value, external(system, number)) for system, number in external_ids.items() if number}
    found |= {(KeyKind.TAG.value, tag[:_LONGEST]) for tag in tags}
    for address in known:
        found |= {(KeyKind.BLOCK.value, block) for block in blocks(traits_of(address, name, company))}
    return frozenset(found)


def external(system: str, number: str) -> str:
    """The entry of another program's number: the number stands first, so that a search for it alone finds it."""
    return f"{number[: _LONGEST - 22]}{SPLIT}{system[:20]}"


def card_text(address: PostalAddress | None, emails: Iterable[str], mobiles: Iterable[str], faxes: Iterable[str]) -> str:
    """What contacts.match.match_text makes of an item with these addresses; "" for none."""
    if address and address.lines:
        return place_text(address.lines)
    for channel, values in (("email", emails), ("mobile", mobiles), ("fax", faxes)):
        for value in values:
            return f"{channel}|{value.strip().lower()}"
    return ""


def references_of(item: Item) -> list[str]:
    """The numbers on an item that may be a customer's, the surest first."""
    return [number for number in dict.fromkeys((item.fields.get("customer", "").strip(), item.reference.strip())) if number]
