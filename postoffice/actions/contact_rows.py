"""What fills a template where there is no spreadsheet: the fields of a contact, by the names that templates use."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from postoffice.compose.merge.checks import Checked, check_record
from postoffice.compose.merge.content import Content
from postoffice.compose.merge.records import Record
from postoffice.compose.merge.uses import Use
from postoffice.store.contact_book import FullContact

_POINTS = {"email": "email", "mobile": "sms", "fax": "fax"}


def row_of(contact: FullContact) -> dict[str, Any]:
    """Field -> value: the contact's attributes under their own names, its name, company, language, number, and its best addresses.

    `first_name`: as an import told it, else the whole name.
    """
    row: dict[str, Any] = {
        str(name): value for name, value in contact.attributes.items() if isinstance(value, str | int | float | bool)
    }
    number = next(iter(contact.external_ids.values()), "")
    row |= {"name": contact.name, "company": contact.company, "reference": number, "customer": row.get("customer") or number}
    row.setdefault("first_name", contact.name)  # where only the whole name is known, that is what a greeting says
    row["language"] = contact.language
    for field, channel in _POINTS.items():
        row[field] = best(contact, channel)
    point = next((one for one in contact.points if one.channel == "post" and one.health != "dead" and one.address), None)
    if point is not None and point.address is not None:
        row["address"] = list(point.address.lines)
    return row


def judged(row: Mapping[str, Any], uses: Sequence[Use], content: Content) -> Checked:
    """The checks of a spreadsheet's row, but that a number which is no good only closes its channel."""
    checked = check_record(Record(0, dict(row), exact=True), uses, content)
    checked.problems = [problem for problem in checked.problems if problem.column not in _POINTS]
    return checked


def best(contact: FullContact, channel: str) -> str:
    """The contact's address on a channel that is used first: a good one before a doubtful one, none that is dead."""
    usable = [point for point in contact.points if point.channel == channel and point.health != "dead"]
    return next((point.value for point in usable if point.health == "good"), usable[0].value if usable else "")


def without_letter(content: Content) -> Content:
    """The template without its letter: what only the letter names is not missed in a message."""
    parts: Mapping[str, Any] = {language: replace(one, letter="") for language, one in content.parts.items()}
    return replace(content, parts=parts, style="")
