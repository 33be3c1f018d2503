"""The words of a mailing that was made of a template: its own e-mail and short message for each letter, rendered in a child process.

A campaign's message has no letter: where no row was kept of it, its fields are those of the contact at this moment.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from postoffice.actions import contact_rows
from postoffice.compose.merge.checks import check_record
from postoffice.compose.merge.content import Content
from postoffice.compose.merge.records import MEDIA_TYPE, Record
from postoffice.compose.merge.wording import Situation, Wording
from postoffice.compose.message import Message
from postoffice.compose.render import TemplateFault
from postoffice.house import House
from postoffice.model.channel import Channel
from postoffice.model.mailing import Mailing, Source
from postoffice.store import contact_book, templates

__all__ = ["MEDIA_TYPE", "Situation", "Telling", "find"]


@dataclass(frozen=True, slots=True)
class Telling:
    """Words that are wanted: for which delivery, of the letter that begins on this page of the mailing's document."""

    delivery_id: str
    channel: Channel
    first_page: int
    situation: Situation
    contact_id: str = ""  #: of a message without a letter: its fields come from the contact


async def find(house: House, mailing: Mailing, sender: str, told: Sequence[Telling]) -> dict[str, Message]:
    """Words by delivery; those for which the template has none, or fails on now, are left out: the house's own words go instead."""
    if not told:
        return {}
    async with house.database.read() as connection:
        merge = await templates.merge_of(connection, mailing.id)
        if merge is None:
            return {}
        version = await templates.version(connection, mailing.organisation_id, version_id=merge.version_id)
        rows = await templates.rows_of(connection, mailing.id, [one.first_page for one in told])
        asked = {one.contact_id for one in told if one.contact_id and one.first_page not in rows}
        people = await contact_book.by_ids(connection, mailing.organisation_id, asked) if asked else {}
    fresh = {one.first_page: contact_rows.row_of(people[one.contact_id]) for one in told if one.contact_id in people}
    content = spoken(Content.from_dict(version.content), mailing)
    found, failed = await house.workshop.run(_render, content, merge.day, sender, list(told), rows, fresh)
    if failed:
        house.log.warning("merge.words_failed", mailing=mailing.id, number=len(failed), codes=sorted(set(failed)))
    return found


def spoken(content: Content, mailing: Mailing) -> Content:
    """The template as this mailing says it: one half of a campaign's test may have another subject."""
    subject = mailing.options.subject
    if mailing.source is not Source.CAMPAIGN or not subject:
        return content
    for language in content.parts:
        content = content.with_part(language, "subject", subject)
    return content


def _render(
    content: Content,
    day: str,
    sender: str,
    told: Sequence[Telling],
    rows: Mapping[int, Mapping[str, Any]],
    fresh: Mapping[int, Mapping[str, Any]],
) -> tuple[dict[str, Message], list[str]]:
    """In a child process: (words by delivery, codes of faults). `fresh`: fields of contacts, not yet checked."""
    wording = Wording(contact_rows.without_letter(content) if fresh else content, day, sender)
    found: dict[str, Message] = {}
    failed: list[str] = []
    for one in told:
        row = rows.get(one.first_page)
        if row is None and one.first_page in fresh:
            checked = check_record(Record(0, dict(fresh[one.first_page]), exact=True), wording.uses, wording.content)
            failed += [problem.code for problem in checked.problems]
            row = None if checked.problems else {"data": checked.data, "language": checked.language, "lines": checked.lines}
        if row is None:
            continue
        make = wording.email if one.channel is Channel.EMAIL else wording.sms
        try:
            made = make(row["data"], row["language"], row["lines"], one.situation)
        except TemplateFault as fault:
            failed.append(fault.code)
            continue
        if made is not None:
            found[one.delivery_id] = made
    return found, failed
