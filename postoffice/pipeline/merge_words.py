"""The words of a mailing that was made of a template: its own e-mail and short message for each letter, rendered in a child process.

A campaign's message has no letter: where no row was kept of it, its fields are those of the contact at this moment.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from postoffice.actions import click_tracking, contact_rows, mail_pictures
from postoffice.compose.merge.content import Content
from postoffice.compose.merge.records import MEDIA_TYPE
from postoffice.compose.merge.wording import Situation, Wording
from postoffice.compose.message import Message
from postoffice.compose.render import TemplateFault
from postoffice.house import House
from postoffice.model.channel import Channel
from postoffice.model.clicks import ClickMode
from postoffice.model.delivery import Attachment
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
    names, carried = await pictures(house, mailing, content)
    told = await counted(house, mailing, content, told)
    found, failed = await house.workshop.run(_render, content, merge.day, sender, list(told), rows, fresh, names)
    if carried:
        found = {key: replace(one, carried=tuple(each for each in carried if each.cid in one.html)) for key, one in found.items()}
    if failed:
        house.log.warning("merge.words_failed", mailing=mailing.id, number=len(failed), codes=sorted(set(failed)))
    return found


async def pictures(house: House, mailing: Mailing, content: Content) -> tuple[Mapping[str, str], tuple[Attachment, ...]]:
    """(file name -> address of each picture that the template's mail shows, what the mail carries of them)."""
    if not content.pictures:
        return {}, ()
    if mailing.options.carry_pictures:
        return await mail_pictures.carried(house, mailing.organisation_id, content)
    return await mail_pictures.hosted(house, mailing.organisation_id, content), ()


async def counted(house: House, mailing: Mailing, content: Content, told: Sequence[Telling]) -> Sequence[Telling]:
    """The same with what counts each recipient's clicks, where the mailing wants it: by name only of those who agreed."""
    mode = mailing.options.clicks
    if mode is ClickMode.OFF:
        return told
    async with house.database.read() as connection:
        tracking = await click_tracking.load(connection, house, mailing.id, mode)
        who = {one.contact_id for one in told if one.contact_id}
        agreed = await click_tracking.agreed(connection, mailing.organisation_id, who, mailing.options.purpose)
    if tracking.mode is ClickMode.OFF:  # the first of its mail
        async with house.database.write() as connection:
            tracking = await click_tracking.begin(connection, house, mailing.organisation_id, mailing.id, content, mode)
    return [
        replace(one, situation=replace(one.situation, clicks=tracking.of(one.delivery_id, agreed=one.contact_id in agreed)))
        for one in told
    ]


def spoken(content: Content, mailing: Mailing) -> Content:
    """The template as this mailing says it: one half of a campaign's test may have another subject."""
    subject = mailing.options.subject
    if mailing.source is not Source.CAMPAIGN or not subject:
        return content
    for language in content.parts:
        content = content.with_part(language, "subject", subject)
    return content


_last: Wording | None = None  #: of this process: one mailing's chunks come one after the other, and compiling costs more than filling


def _compiled(content: Content, day: str, sender: str, names: Mapping[str, str]) -> Wording:
    """The template's words, compiled as they were for the chunk before where nothing of it changed."""
    global _last
    if _last is None or (_last.content, _last.day, _last.sender_name, _last.pictures) != (content, day, sender, names):
        _last = Wording(content, day, sender, names)
    return _last


def _render(
    content: Content,
    day: str,
    sender: str,
    told: Sequence[Telling],
    rows: Mapping[int, Mapping[str, Any]],
    fresh: Mapping[int, Mapping[str, Any]],
    names: Mapping[str, str],
) -> tuple[dict[str, Message], list[str]]:
    """In a child process: (words by delivery, codes of faults). `fresh`: fields of contacts, not yet checked."""
    wording = _compiled(contact_rows.without_letter(content) if fresh else content, day, sender, names)
    found: dict[str, Message] = {}
    failed: list[str] = []
    for one in told:
        row = rows.get(one.first_page)
        if row is None and one.first_page in fresh:
            checked = contact_rows.judged(fresh[one.first_page], wording.uses, wording.content)
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
