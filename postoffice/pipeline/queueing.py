"""Deliveries on their way into batches: what each costs, its hour, and the batch of work that hands it to its carrier."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from postoffice.model.channel import Channel
from postoffice.model.mailing import Mailing, Options
from postoffice.model.people import Organisation
from postoffice.routing import messaging
from postoffice.routing.plan import Rung
from postoffice.store import batches, deliveries


@dataclass(frozen=True, slots=True)
class Queued:
    """An item that goes by one rung of its plan: its fresh delivery."""

    item_id: str
    rung: Rung
    number: int  #: of the rung in the plan, from 0
    price: int
    delivery_id: str
    hour: datetime | None  #: not before
    country: str = ""  #: whose hours of prospecting hold


def zone_of(organisation: Organisation) -> str:
    """The time zone that an organisation lives in (IANA name)."""
    return organisation.timezone


def hour_of(options: Options, channel: Channel, country: str, now: datetime, zone: str) -> datetime | None:
    """The hour from which a delivery may go: the sender's, and for prospecting one at which it may arrive. None: at once.

    Never later than `not_after`: at that hour it is looked at and ends as too late.
    """
    wanted = max(now, options.send_at or now)
    allowed = messaging.next_allowed(options.purpose, channel, country, wanted, zone)
    allowed = min(allowed, options.not_after or allowed)
    return allowed if allowed > now else None


async def queue_deliveries(
    connection: AsyncConnection, mailing: Mailing, queued: Sequence[Queued], sizes: Mapping[str, int], now: datetime
) -> list[tuple[str, str]]:
    """Write the deliveries, packed into batches by carrier and hour. Returns (queue, batch id) to ring for after the commit.

    A small mailing goes at once, by the first lane; the batches of a large one, and offers, wait for the relay's fair shares.
    """
    small = mailing.items <= batches.SMALL and not mailing.options.purpose.is_promotional
    groups: dict[tuple[Channel, str, datetime | None, str], list[Queued]] = defaultdict(list)
    for one in queued:
        country = one.country if mailing.options.purpose.is_promotional else ""  # looked at once more right before the hand-over
        groups[one.rung.channel, one.rung.carrier, one.hour, country].append(one)
    rings = []
    for (channel, carrier, hour, country), group in groups.items():
        size = sizes.get(carrier, 100)
        for start in range(0, len(group), size):
            queue = batches.lane(channel.value, small=small)
            batch_id = await _dispatch(connection, mailing, queue, channel, carrier, hour, country, now, ring_now=small)
            if small:
                rings.append((queue, batch_id))
            pack = group[start : start + size]
            await deliveries.add_all(connection, [_values(mailing, one, batch_id, now) for one in pack])
    return rings


async def _dispatch(
    connection: AsyncConnection,
    mailing: Mailing,
    queue: str,
    channel: Channel,
    carrier: str,
    hour: datetime | None,
    country: str,
    now: datetime,
    *,
    ring_now: bool,
) -> str:
    return await batches.add(
        connection,
        organisation_id=mailing.organisation_id,
        step="dispatch",
        subject_id=mailing.id,
        queue=queue,
        now=now,
        ring_now=ring_now,
        not_before=hour,
        priority=6 if mailing.options.purpose.is_promotional else 4,
        data={"channel": channel.value, "carrier": carrier} | ({"country": country} if country else {}),
    )


def _values(mailing: Mailing, one: Queued, batch_id: str, now: datetime) -> dict[str, Any]:
    return {
        "id": one.delivery_id,
        "organisation_id": mailing.organisation_id,
        "mailing_id": mailing.id,
        "item_id": one.item_id,
        "batch_id": batch_id,
        "rung": one.number,
        "channel": one.rung.channel.value,
        "carrier": one.rung.carrier,
        "to": one.rung.to[:320],
        "cost": one.price,
        "created_at": now,
        "wait": int(one.rung.wait.total_seconds()),
    }
