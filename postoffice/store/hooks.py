"""Queries about webhooks to the organisation's own programs: who wants to hear, and what waits to be told (an outbox).

A message is written in the transaction of its event. The caller owns the transaction.
"""

import base64
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from postoffice.model.errors import NotFound
from postoffice.model.ids import new_id
from postoffice.model.states import EventKind
from postoffice.store import people
from postoffice.store.keys import Keyring
from postoffice.store.plain import Plain
from postoffice.store.prepared import Prepared, insert_now
from postoffice.store.schema import contacts, deliveries, events, hook_endpoints, hook_messages, items, mailings, organisations

#: what a program may want to hear of; the rest are steps within the office
TOLD = (
    EventKind.HELD,
    EventKind.HANDED_OVER,
    EventKind.DEFERRED,
    EventKind.IN_DOUBT,
    EventKind.IN_PRODUCTION,
    EventKind.MAILED,
    EventKind.DELIVERED,
    EventKind.EXPIRED,
    EventKind.REFUSED,
    EventKind.BOUNCED,
    EventKind.RETURNED,
    EventKind.PROVEN,
    EventKind.OPENED,
    EventKind.CLICKED,
    EventKind.DOWNLOADED,
    EventKind.REPLIED,
    EventKind.AUTO_REPLIED,
    EventKind.COMPLAINED,
    EventKind.OPTED_OUT,
    EventKind.CANCELLED,
    EventKind.ALERTED,
    EventKind.UNKNOWN,
)
_TOLD = frozenset(kind.value for kind in TOLD)
TEST = "test"  #: the kind of a message that a person asked for
#: how long a secret that was replaced still signs
OVERLAP = timedelta(hours=24)
#: what waited so long is set aside, tried often or never (a paused endpoint, one that fails with much before it)
IN_VAIN = timedelta(days=4)
INSIDE = "webhooks_inside"  #: word in the organisation's settings
KEPT_DONE = timedelta(days=7)
KEPT_DEAD = timedelta(days=90)


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where an organisation wants to hear. `state`: on, paused, gone (it answered 410)."""

    id: str
    organisation_id: str
    url: str
    label: str
    kinds: Sequence[str]
    live: bool
    secrets: bytes
    state: str
    failures: int
    last_status: int | None
    last_error: str
    last_at: datetime | None
    last_ok_at: datetime | None
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Message:
    """One thing to tell one endpoint. Its id is the webhook-id, the same at every try."""

    id: str
    organisation_id: str
    endpoint_id: str
    event_id: str | None
    kind: str
    state: str
    attempts: int
    next_at: datetime
    since: datetime
    status: int | None
    answer: str
    created_at: datetime
    tried_at: datetime | None


# --- the outbox


async def announce(connection: AsyncConnection, written: Sequence[Mapping[str, Any]]) -> None:
    """See `announce_now`."""
    await connection.run_sync(announce_now, written)


def announce_now(connection: sa.Connection, written: Sequence[Mapping[str, Any]]) -> None:
    """Write a message for each endpoint that wants to hear of these rows of `events`; cheap where nobody listens."""
    told = [row for row in written if row["kind"] in _TOLD]
    if not told:
        return
    told_of = sorted({row["organisation_id"] for row in told})
    listening = [Endpoint(*row) for one in told_of for row in _LISTENING.rows(connection, {"organisation": one})]
    if not listening:
        return
    ids = sorted({row["mailing_id"] for row in told if row["mailing_id"]})
    modes = {mailing_id: bool(live) for mailing_id, live in _MODES.rows(connection, mailings=ids)}
    fresh = [
        _fresh(endpoint, row["kind"], row["recorded_at"], row["id"])
        for row in told
        for endpoint in listening
        if endpoint.organisation_id == row["organisation_id"]
        and (not endpoint.kinds or row["kind"] in endpoint.kinds)
        and modes.get(row["mailing_id"] or "", True) is endpoint.live
    ]
    insert_now(connection, hook_messages, fresh)


def _listening(_connection: sa.Connection) -> Any:
    """Kept from being removed until the message stands: what is told of must not fail because somebody removes a listener."""
    whose = hook_endpoints.c.organisation_id == sa.bindparam("organisation"), hook_endpoints.c.state != "gone"
    query = sa.select(*(hook_endpoints.c[name] for name in Endpoint.__slots__)).where(*whose)
    return query.order_by(hook_endpoints.c.id).with_for_update(read=True, key_share=True)


_LISTENING = Prepared(_listening)
_MODES = Plain("SELECT id, live FROM mailings WHERE id IN :mailings")


def _fresh(endpoint: Endpoint, kind: str, now: datetime, event_id: str | None) -> dict[str, Any]:
    return {
        "id": new_id(),
        "organisation_id": endpoint.organisation_id,
        "endpoint_id": endpoint.id,
        "event_id": event_id,
        "kind": kind,
        "state": "waiting",
        "attempts": 0,
        "next_at": now,
        "since": now,
        "answer": "",
        "created_at": now,
    }


async def try_out(connection: AsyncConnection, endpoint: Endpoint, now: datetime) -> str:
    """A message that says nothing, to see whether it arrives; its id."""
    values = _fresh(endpoint, TEST, now, None)
    await connection.execute(hook_messages.insert(), values)
    return str(values["id"])


# --- telling


async def due_endpoints(connection: AsyncConnection, now: datetime, limit: int) -> list[Endpoint]:
    """Endpoints that something waits for and that nobody tells right now; those that work before those that fail."""
    waits = sa.exists().where(
        hook_messages.c.endpoint_id == hook_endpoints.c.id, hook_messages.c.state == "waiting", hook_messages.c.next_at <= now
    )
    query = hook_endpoints.select().where(*_free(now), waits).order_by(hook_endpoints.c.failures, hook_endpoints.c.last_at).limit(limit)
    return [_endpoint(row) for row in (await connection.execute(query)).mappings()]


def _free(now: datetime) -> tuple[sa.ColumnElement[bool], ...]:
    ends, pause = hook_endpoints.c.lease_until, hook_endpoints.c.not_before
    return hook_endpoints.c.state == "on", sa.or_(ends.is_(None), ends < now), sa.or_(pause.is_(None), pause <= now)


async def claim(connection: AsyncConnection, endpoint_id: str, owner: str, now: datetime, lease: timedelta) -> Endpoint | None:
    """Take an endpoint to tell it; None where somebody else does, or it is not to be told now."""
    claimed = hook_endpoints.update().where(hook_endpoints.c.id == endpoint_id, *_free(now))
    found = await connection.execute(claimed.values(lease_owner=owner, lease_until=now + lease).returning(*hook_endpoints.c))
    row = found.mappings().first()
    return _endpoint(row) if row else None


async def due_messages(connection: AsyncConnection, endpoint_id: str, now: datetime, limit: int) -> list[Message]:
    """What waits for an endpoint, the oldest first."""
    query = hook_messages.select().where(
        hook_messages.c.endpoint_id == endpoint_id, hook_messages.c.state == "waiting", hook_messages.c.next_at <= now
    )
    query = query.order_by(hook_messages.c.next_at, hook_messages.c.id).limit(limit)
    return [_message(row) for row in (await connection.execute(query)).mappings()]


async def record(connection: AsyncConnection, message_id: str, now: datetime, **values: Any) -> None:
    """Write how a try went."""
    await connection.execute(
        hook_messages.update()
        .where(hook_messages.c.id == message_id)
        .values(attempts=hook_messages.c.attempts + 1, tried_at=now, **values)
    )


async def release(connection: AsyncConnection, endpoint_id: str, owner: str, **values: Any) -> None:
    """Give an endpoint back, with what was learned of it."""
    ours = (hook_endpoints.c.id == endpoint_id, hook_endpoints.c.lease_owner == owner)
    await connection.execute(hook_endpoints.update().where(*ours).values(lease_owner=None, lease_until=None, **values))


async def bury(connection: AsyncConnection, endpoint_id: str, now: datetime, reason: str) -> None:
    """Nothing more goes to an endpoint: all that waits for it is set aside."""
    waiting = (hook_messages.c.endpoint_id == endpoint_id, hook_messages.c.state == "waiting")
    await connection.execute(hook_messages.update().where(*waiting).values(state="dead", answer=reason, done_at=now))
    await connection.execute(hook_endpoints.update().where(hook_endpoints.c.id == endpoint_id).values(state="gone"))


async def facts(connection: AsyncConnection, some: Sequence[Message]) -> dict[str, Mapping[Any, Any]]:
    """What may be told of each message's event, by event id: ids, words and the organisation's own references, no content."""
    query = (
        sa.select(
            events.c.id,
            events.c.kind,
            events.c.at,
            events.c.code,
            events.c.source,
            events.c.mailing_id,
            events.c.item_id,
            events.c.delivery_id,
            events.c.contact_id,
            items.c.reference,
            deliveries.c.channel,
            deliveries.c.carrier,
            contacts.c.external_ids,
            mailings.c.live,
        )
        .select_from(events)
        .outerjoin(items, items.c.id == events.c.item_id)
        .outerjoin(deliveries, deliveries.c.id == events.c.delivery_id)
        .outerjoin(contacts, contacts.c.id == events.c.contact_id)
        .outerjoin(mailings, mailings.c.id == events.c.mailing_id)
        .where(events.c.id.in_([one.event_id for one in some if one.event_id]))
    )
    return {row["id"]: row for row in (await connection.execute(query)).mappings()}


# --- keeping them


def new_secret() -> str:
    """A signing secret of the Standard Webhooks: whsec_ and 24 to 64 bytes in base64."""
    return "whsec_" + base64.b64encode(os.urandom(32)).decode()


def open_secrets(keyring: Keyring, endpoint: Endpoint, now: datetime) -> list[str]:
    """The secrets that sign now, the present one first."""
    kept = json.loads(keyring.unwrap(endpoint.secrets))
    return [secret for secret, until in kept if until is None or datetime.fromisoformat(until) > now]


async def add(
    connection: AsyncConnection,
    keyring: Keyring,
    *,
    organisation_id: str,
    url: str,
    label: str,
    kinds: Sequence[str],
    live: bool,
    now: datetime,
) -> tuple[str, str]:
    """A new endpoint: (id, secret). The secret can be shown only now."""
    endpoint_id, secret = new_id(), new_secret()
    values = {
        "id": endpoint_id,
        "organisation_id": organisation_id,
        "url": url,
        "label": label,
        "kinds": list(kinds),
        "live": live,
        "secrets": keyring.wrap(json.dumps([[secret, None]]).encode()),
        "state": "on",
        "failures": 0,
        "last_error": "",
        "created_at": now,
    }
    await connection.execute(hook_endpoints.insert(), values)
    return endpoint_id, secret


async def rotate(connection: AsyncConnection, keyring: Keyring, endpoint: Endpoint, now: datetime) -> str:
    """A new secret; those before it sign beside it for a day, one that was made this moment, too."""
    secret = new_secret()
    which = sa.select(hook_endpoints.c.secrets).where(hook_endpoints.c.id == endpoint.id)
    sealed = await connection.scalar(which.with_for_update(key_share=True)) or endpoint.secrets
    ends = (now + OVERLAP).isoformat()
    old = [[one, until or ends] for one, until in json.loads(keyring.unwrap(sealed)) if until is None or until > now.isoformat()]
    await update(connection, endpoint.id, secrets=keyring.wrap(json.dumps([[secret, None], *old[:2]]).encode()))
    return secret


async def update(connection: AsyncConnection, endpoint_id: str, **values: Any) -> None:
    """Change an endpoint's columns."""
    await connection.execute(hook_endpoints.update().where(hook_endpoints.c.id == endpoint_id).values(**values))


async def get(connection: AsyncConnection, organisation_id: str, endpoint_id: str) -> Endpoint:
    """One endpoint; NotFound otherwise."""
    which = (hook_endpoints.c.organisation_id == organisation_id, hook_endpoints.c.id == endpoint_id)
    row = (await connection.execute(hook_endpoints.select().where(*which))).mappings().first()
    if row is None:
        raise NotFound("no-such-webhook", "There is no such webhook.", help="Look for it in the list of webhooks.")
    return _endpoint(row)


async def all_of(connection: AsyncConnection, organisation_id: str) -> list[Endpoint]:
    """An organisation's endpoints, the oldest first."""
    query = hook_endpoints.select().where(hook_endpoints.c.organisation_id == organisation_id).order_by(hook_endpoints.c.id)
    return [_endpoint(row) for row in (await connection.execute(query)).mappings()]


async def remove(connection: AsyncConnection, endpoint_id: str) -> None:
    """Forget an endpoint and all that was to be told to it; what is being written for it is waited for."""
    await connection.execute(sa.select(hook_endpoints.c.id).where(hook_endpoints.c.id == endpoint_id).with_for_update())
    await connection.execute(hook_messages.delete().where(hook_messages.c.endpoint_id == endpoint_id))
    await connection.execute(hook_endpoints.delete().where(hook_endpoints.c.id == endpoint_id))


async def messages(connection: AsyncConnection, endpoint_id: str, state: str = "", limit: int = 50) -> list[Message]:
    """The last messages of an endpoint, newest first; only those in `state` where one is named."""
    query = hook_messages.select().where(hook_messages.c.endpoint_id == endpoint_id)
    if state:
        query = query.where(hook_messages.c.state == state)
    query = query.order_by(hook_messages.c.id.desc()).limit(limit)
    return [_message(row) for row in (await connection.execute(query)).mappings()]


async def counts(connection: AsyncConnection, organisation_id: str) -> dict[str, dict[str, int]]:
    """{endpoint id: {state: how many messages}}"""
    query = (
        sa.select(hook_messages.c.endpoint_id, hook_messages.c.state, sa.func.count())
        .where(hook_messages.c.organisation_id == organisation_id)
        .group_by(hook_messages.c.endpoint_id, hook_messages.c.state)
    )
    found: dict[str, dict[str, int]] = {}
    for endpoint_id, state, count in await connection.execute(query):
        found.setdefault(endpoint_id, {})[state] = int(count)
    return found


async def replay(connection: AsyncConnection, endpoint_id: str, now: datetime, message_id: str = "") -> int:
    """Tell again, with tries counted anew: one message of any state, or all that were set aside; how many."""
    which = hook_messages.c.id == message_id if message_id else hook_messages.c.state == "dead"
    anew = hook_messages.update().where(hook_messages.c.endpoint_id == endpoint_id, which)
    found = await connection.execute(anew.values(state="waiting", attempts=0, next_at=now, since=now, done_at=None))
    return int(found.rowcount)


async def may_call_inside(connection: AsyncConnection, organisation_id: str) -> bool:
    """Whether an organisation's webhooks may go into private networks: said on the machine itself, never at the desk."""
    settings = await connection.scalar(sa.select(organisations.c.settings).where(organisations.c.id == organisation_id))
    return bool((settings or {}).get(INSIDE))


async def allow_inside(connection: AsyncConnection, organisation_id: str, allowed: bool) -> None:
    """Say so."""
    held = await people.hold_organisation(connection, organisation_id)
    await people.update_organisation(connection, organisation_id, settings={**held.settings, INSIDE: allowed})


async def sweep(connection: AsyncConnection, now: datetime) -> None:
    """Set aside what waited in vain; forget what was told a while ago, and what was set aside long ago."""
    vain = (hook_messages.c.state == "waiting", hook_messages.c.since < now - IN_VAIN)
    await connection.execute(hook_messages.update().where(*vain).values(state="dead", done_at=now))
    for state, kept in (("done", KEPT_DONE), ("dead", KEPT_DEAD)):
        await connection.execute(hook_messages.delete().where(hook_messages.c.state == state, hook_messages.c.created_at < now - kept))


def _endpoint(row: Mapping[Any, Any]) -> Endpoint:
    return Endpoint(**{name: row[name] for name in Endpoint.__slots__})


def _message(row: Mapping[Any, Any]) -> Message:
    return Message(**{name: row[name] for name in Message.__slots__})
