"""A person's hand on what was cut: typed addresses are checked again, neighbours merged, an item cut in two. Pure but `read_again`."""

from collections.abc import Sequence
from pathlib import Path

import phonenumbers

from postoffice.compose.pages import read_pages
from postoffice.compose.read_address import check_typed
from postoffice.compose.split import cut, parse_rule
from postoffice.model.address import PostalAddress
from postoffice.model.errors import PostOfficeError
from postoffice.model.finding import Finding
from postoffice.model.item import Item, NewItem
from postoffice.model.layout import LAYOUTS, Layout

#: findings that speak of the address: a correction answers all of them
_OF_ADDRESS = ("address-", "no-address", "ocr-address", "window-")


def check_rule(rule: str) -> None:
    """PostOfficeError where a split rule cannot be understood."""
    parse_rule(rule)


def address(
    lines: Sequence[str], layout: Layout, page: int, known: Sequence[Finding]
) -> tuple[PostalAddress | None, tuple[Finding, ...]]:
    """A typed address and the item's findings: those of its pages stay, those of its address are made anew."""
    reading = check_typed(lines, layout)
    of_pages = [one for one in known if not one.code.startswith(_OF_ADDRESS)]
    fresh = [Finding(one.code, one.severity, page, None, one.text, one.help) for one in reading.findings]
    return reading.address, (*fresh, *of_pages)


def points(*, email: str | None, mobile: str | None, fax: str | None, country: str) -> dict[str, str]:
    """Typed addresses of the other channels, normalised (numbers as E.164); None is left out, "" stays ""."""
    found: dict[str, str] = {}
    if email is not None:
        found["email"] = _email(email)
    for name, typed in (("mobile", mobile), ("fax", fax)):
        if typed is not None:
            found[name] = _number(name, typed, country)
    return found


def _email(typed: str) -> str:
    typed = typed.strip()
    local, at, domain = typed.rpartition("@")
    broken = any(letter.isspace() or not letter.isprintable() for letter in typed) or len(typed) > 254
    if typed and (broken or not at or not local or "." not in domain.strip(".") or "@" in local):
        raise PostOfficeError("bad-email", f"{typed[:80]!r} is not an e-mail address.", help="Write it like name@example.org.")
    return typed


def _number(name: str, typed: str, country: str) -> str:
    if not typed.strip():
        return ""
    try:
        number = phonenumbers.parse(typed, country)
    except phonenumbers.NumberParseException:
        number = None
    if number is None or not phonenumbers.is_valid_number(number):
        raise PostOfficeError(
            f"bad-{name}", f"{typed[:40]!r} is not a valid {name} number.", help="Write it like +33 6 12 34 56 78, with its country."
        )
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def unchanged(item: Item) -> NewItem:
    """An item as the proposal that it came from."""
    return NewItem(item.first_page, item.pages, item.address, item.findings, item.email, item.mobile, item.fax, item.reference)


def merged(first: Item, second: Item) -> NewItem:
    """Two neighbours as one: the first one's recipient, both one's pages, the second one's findings of its pages."""
    of_pages = [one for one in second.findings if not one.code.startswith(_OF_ADDRESS)]
    return NewItem(
        first.first_page,
        first.pages + second.pages,
        first.address,
        (*first.findings, *of_pages),
        first.email or second.email,
        first.mobile or second.mobile,
        first.fax or second.fax,
        first.reference or second.reference,
    )


def read_again(path: Path, first_page: int, pages: int, layout_name: str) -> NewItem:
    """A run of pages read as one item, for the second half of a cut by hand. Runs in a child process."""
    facts = read_pages(path, first_page, pages, layout_name)
    return cut(facts, parse_rule("whole"), LAYOUTS[layout_name])[0]
