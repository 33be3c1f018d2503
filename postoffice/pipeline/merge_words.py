"""The words of a mailing that was made of a template: its own e-mail and short message for each letter, rendered in a child process."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from postoffice.compose.merge.content import Content
from postoffice.compose.merge.records import MEDIA_TYPE
from postoffice.compose.merge.wording import Situation, Wording
from postoffice.compose.message import Message
from postoffice.compose.render import TemplateFault
from postoffice.house import House
from postoffice.model.channel import Channel
from postoffice.model.mailing import Mailing
from postoffice.store import templates

__all__ = ["MEDIA_TYPE", "Situation", "Telling", "find"]


@dataclass(frozen=True, slots=True)
class Telling:
    """Words that are wanted: for which delivery, of the letter that begins on this page of the mailing's document."""

    delivery_id: str
    channel: Channel
    first_page: int
    situation: Situation


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
    found, failed = await house.workshop.run(_render, Content.from_dict(version.content), merge.day, sender, list(told), rows)
    if failed:
        house.log.warning("merge.words_failed", mailing=mailing.id, number=len(failed), codes=sorted(set(failed)))
    return found


def _render(
    content: Content, day: str, sender: str, told: Sequence[Telling], rows: Mapping[int, Mapping[str, Any]]
) -> tuple[dict[str, Message], list[str]]:
    """In a child process: (words by delivery, codes of faults)."""
    wording = Wording(content, day, sender)
    found: dict[str, Message] = {}
    failed: list[str] = []
    for one in told:
        row = rows.get(one.first_page)
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
