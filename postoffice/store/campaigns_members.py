"""Who is in which wave: the key (campaign, occurrence, contact) that lets nobody in twice; caps; who did not react; whom a trigger
means. The caller owns the transaction."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from postoffice.model.states import EventKind, ItemState
from postoffice.store.prepared import insert_of
from postoffice.store.schema import campaign_members, contacts, events, items, mailings, purchases

_AT_ONCE = 1000  #: ids in one statement
_MEMBER = insert_of(campaign_members, once=True)
#: items in these states reach nobody: they count for no cap
_NOTHING = [state.value for state in (ItemState.FAILED, ItemState.CANCELLED, ItemState.EXCLUDED)]
#: what tells that a person took notice
_REACTIONS = [kind.value for kind in (EventKind.CLICKED, EventKind.DOWNLOADED, EventKind.REPLIED, EventKind.OPTED_OUT)]
_REACTIONS += [EventKind.COMPLAINED.value]


def _slices(ids: Collection[str]) -> Iterator[list[str]]:
    wanted = sorted(ids)
    for start in range(0, len(wanted), _AT_ONCE):
        yield wanted[start : start + _AT_ONCE]


async def everybody(connection: AsyncConnection, organisation_id: str, *, after: str, limit: int) -> list[str]:
    """The next contacts of an organisation in the order of their ids."""
    query = sa.select(contacts.c.id).where(
        contacts.c.organisation_id == organisation_id,
        contacts.c.merged_into.is_(None),
        contacts.c.erased_at.is_(None),
        contacts.c.id > after,
    )
    return list(await connection.scalars(query.order_by(contacts.c.id).limit(limit)))


async def count_everybody(connection: AsyncConnection, organisation_id: str) -> int:
    """How many contacts that is."""
    live = (contacts.c.organisation_id == organisation_id, contacts.c.merged_into.is_(None), contacts.c.erased_at.is_(None))
    return int(await connection.scalar(sa.select(sa.func.count()).where(*live)) or 0)


async def known(connection: AsyncConnection, campaign_id: str, occurrence: str, ids: Collection[str]) -> set[str]:
    """Those of `ids` who were looked at within this occurrence before, or for whom somebody else got it who was merged with them."""
    found: set[str] = set()
    mine = campaign_members.c.campaign_id == campaign_id, campaign_members.c.occurrence == occurrence
    for some in _slices(ids):
        query = sa.select(campaign_members.c.contact_id).where(*mine, campaign_members.c.contact_id.in_(some))
        found |= set(await connection.scalars(query))
        behind = sa.select(contacts.c.merged_into).join(campaign_members, campaign_members.c.contact_id == contacts.c.id)
        got = campaign_members.c.reason == "", contacts.c.merged_into.in_(some)
        found |= set(await connection.scalars(behind.where(*mine, *got)))
    return found


async def add(connection: AsyncConnection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write members: campaign_id, occurrence, contact_id, organisation_id, wave_id, item_id, reason, at. Somebody who is there already
    is left alone: the caller looks first (`known`), under the lock of its wave."""
    if rows:
        await connection.run_sync(lambda sync: _MEMBER.run_all(sync, rows))


async def capped(
    connection: AsyncConnection, organisation_id: str, ids: Collection[str], most: int, within: int, at: datetime
) -> set[str]:
    """Those of `ids` who get `most` messages of campaigns or more within the `within` days around `at`, none of them failed."""
    found: set[str] = set()
    span = timedelta(days=within)
    for some in _slices(ids):
        query = (
            sa.select(campaign_members.c.contact_id)
            .join(items, items.c.id == campaign_members.c.item_id)
            .where(
                campaign_members.c.organisation_id == organisation_id,
                campaign_members.c.contact_id.in_(some),
                campaign_members.c.at > at - span,
                campaign_members.c.at < at + span,
                items.c.state.not_in(_NOTHING),
            )
            .group_by(campaign_members.c.contact_id)
            .having(sa.func.count() >= most)
        )
        found |= set(await connection.scalars(query))
    return found


async def silent(connection: AsyncConnection, campaign_id: str, occurrence: str, *, after: str, limit: int) -> list[str]:
    """Members who got it and did not react: no link followed, no document taken, no answer, no opt-out; ids in order."""
    reacted = sa.select(sa.literal(1)).where(events.c.item_id == items.c.id, events.c.kind.in_(_REACTIONS))
    query = (
        sa.select(campaign_members.c.contact_id)
        .join(items, items.c.id == campaign_members.c.item_id)
        .where(
            campaign_members.c.campaign_id == campaign_id,
            campaign_members.c.occurrence == occurrence,
            campaign_members.c.contact_id > after,
            items.c.opened_at.is_(None),
            items.c.state.not_in([*_NOTHING, ItemState.HELD.value]),
            ~reacted.exists(),
        )
    )
    return list(await connection.scalars(query.order_by(campaign_members.c.contact_id).limit(limit)))


async def dated(
    connection: AsyncConnection, organisation_id: str, ids: Collection[str], attribute: str, patterns: Sequence[str]
) -> dict[str, str]:
    """{contact id: the attribute's text} of those of `ids` whose attribute looks like one of the patterns (of LIKE)."""
    text = contacts.c.attributes[attribute].as_string()
    found: dict[str, str] = {}
    for some in _slices(ids):
        query = sa.select(contacts.c.id, text).where(
            contacts.c.organisation_id == organisation_id,
            contacts.c.id.in_(some),
            sa.or_(*(text.like(pattern) for pattern in patterns)),
        )
        found |= {row[0]: row[1] for row in await connection.execute(query)}
    return found


async def first_invoiced(
    connection: AsyncConnection, organisation_id: str, ids: Collection[str], begin: datetime, end: datetime
) -> set[str]:
    """Those of `ids` whose first invoice through the office was sent in [begin, end)."""
    found: set[str] = set()
    for some in _slices(ids):
        first = sa.func.min(mailings.c.sent_at)
        query = (
            sa.select(items.c.contact_id)
            .join(mailings, mailings.c.id == items.c.mailing_id)
            .where(
                items.c.organisation_id == organisation_id,
                items.c.contact_id.in_(some),
                mailings.c.options["purpose"].as_string() == "invoice",
                items.c.state.not_in([*_NOTHING, ItemState.DRAFT.value, ItemState.HELD.value]),
            )
            .group_by(items.c.contact_id)
            .having(first >= begin, first < end)
        )
        found |= set(await connection.scalars(query))
    return found


async def first_bought(
    connection: AsyncConnection, organisation_id: str, ids: Collection[str], begin: datetime, end: datetime
) -> set[str]:
    """Those of `ids` whose first purchase was in [begin, end)."""
    found: set[str] = set()
    first = sa.func.min(purchases.c.bought_at)
    for some in _slices(ids):
        query = sa.select(purchases.c.contact_id).where(
            purchases.c.organisation_id == organisation_id, purchases.c.contact_id.in_(some), purchases.c.amount > 0
        )
        found |= set(await connection.scalars(query.group_by(purchases.c.contact_id).having(first >= begin, first < end)))
    return found


async def responses(connection: AsyncConnection, mailing_id: str) -> dict[str, int]:
    """What a wave's mailing brought so far, people counted once: sent, clicks, conversions, unsubscribes."""
    sent = sa.select(sa.func.count()).where(
        items.c.mailing_id == mailing_id,
        items.c.state.in_([state.value for state in (ItemState.HANDED_OVER, ItemState.DELIVERED, ItemState.MAILED)]),
    )
    people = sa.func.count(sa.distinct(events.c.item_id))
    query = sa.select(events.c.kind, people).where(events.c.mailing_id == mailing_id, events.c.item_id.is_not(None))
    kinds = {row[0]: row[1] for row in await connection.execute(query.group_by(events.c.kind))}
    return {
        "sent": int(await connection.scalar(sent) or 0),
        "clicks": kinds.get(EventKind.CLICKED.value, 0),
        "conversions": kinds.get(EventKind.CONVERTED.value, 0),
        "unsubscribes": kinds.get(EventKind.OPTED_OUT.value, 0),
    }


async def reasons(connection: AsyncConnection, wave_id: str, reason: str, *, after: str = "", limit: int = 50) -> list[Any]:
    """(contact id, name) of those who were left out for a reason, in order."""
    query = (
        sa.select(campaign_members.c.contact_id, contacts.c.name)
        .join(contacts, contacts.c.id == campaign_members.c.contact_id)
        .where(campaign_members.c.wave_id == wave_id, campaign_members.c.reason == reason, campaign_members.c.contact_id > after)
    )
    return list(await connection.execute(query.order_by(campaign_members.c.contact_id).limit(limit)))
