"""A person's hand on what was cut: typed addresses are checked again, neighbours merged, an item cut in two. Pure but `read_again`."""

from collections.abc import Sequence
from pathlib import Path

from postoffice.compose.findings_merge import HOLDS
from postoffice.compose.pages import read_pages
from postoffice.compose.read_address import check_typed
from postoffice.compose.split import cut, parse_rule
from postoffice.compose.values import check_email, check_number
from postoffice.model.address import PostalAddress
from postoffice.model.errors import Conflict
from postoffice.model.finding import Finding
from postoffice.model.item import Item, NewItem
from postoffice.model.layout import LAYOUTS, Layout

#: findings that speak of the address: a correction answers all of them
_OF_ADDRESS = ("address-", "no-address", "ocr-address", "window-")


def check_rule(rule: str) -> None:
    """PostOfficeError where a split rule cannot be understood."""
    parse_rule(rule)


def check_release(item: Item) -> None:
    """Conflict row-not-made where there is no letter that could go: its page only stands for a row that has to be corrected."""
    if item.held_reason.startswith(HOLDS):
        raise Conflict(
            "row-not-made",
            "No letter was made of this row: there is nothing that could be released.",
            help="Correct the row in the spreadsheet and bring it in again, or leave it out.",
        )


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
        found["email"] = check_email(email)
    for name, typed in (("mobile", mobile), ("fax", fax)):
        if typed is not None:
            found[name] = check_number(name, typed, country)
    return found


def unchanged(item: Item) -> NewItem:
    """An item as the proposal that it came from."""
    return NewItem(
        item.first_page,
        item.pages,
        item.address,
        item.findings,
        item.email,
        item.mobile,
        item.fax,
        item.reference,
        item.channel,
        item.fields,
        item.parts,
        item.digest,
    )


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
        first.channel or second.channel,
        {**second.fields, **first.fields},
    )


def read_again(path: Path, first_page: int, pages: int, layout_name: str) -> NewItem:
    """A run of pages read as one item, for the second half of a cut by hand. Runs in a child process."""
    facts = read_pages(path, first_page, pages, layout_name)
    return cut(facts, parse_rule("whole"), LAYOUTS[layout_name])[0]
