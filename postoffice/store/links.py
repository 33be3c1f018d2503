"""Queries about secure links and the visits that they open. The caller owns the transaction."""

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from postoffice.model.ids import new_id
from postoffice.store.keys import hash_token, new_token
from postoffice.store.plain import Plain
from postoffice.store.prepared import Prepared, insert_now
from postoffice.store.schema import items, link_sessions, links

TRIES = 5  # wrong proofs within TRIES_WITHIN before a link answers 429
TRIES_WITHIN = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class Link:
    """A secure link as it stands in the database."""

    id: str
    organisation_id: str
    item_id: str
    delivery_id: str | None
    proof: str
    proof_hash: str
    tries: int
    tries_since: datetime | None
    expires_at: datetime
    revoked_at: datetime | None
    proven_at: datetime | None
    created_at: datetime
    parent_id: str | None  #: the link whose reader shared it; such a link opens one letter and nothing else
    label: str | None  #: for whom it was shared, masked


def normal_proof(text: str) -> str:
    """What is compared: letters and digits only, in lower case ("75 008" is "75008"); e-mail addresses keep their signs."""
    text = text.strip().lower()
    return text if "@" in text else "".join(letter for letter in text if letter.isalnum())


def proof_hash(link_token_hash: str, proof: str) -> str:
    """A hash of the expected proof, salted by the link's own (unguessable) token."""
    return hmac.digest(link_token_hash.encode(), normal_proof(proof).encode(), hashlib.sha256).hex()


def cookie_name(*, secure: bool) -> str:
    """The cookie of a visit. `__Host-` ties it to this host alone; browsers take it over https only."""
    return "__Host-po_link" if secure else "po_link"


async def add_missing(connection: AsyncConnection, values: Sequence[Mapping[str, Any]]) -> None:
    """Write the links that do not exist yet (a repeated hand-over carries the same link).

    Each mapping: organisation_id, item_id, delivery_id, token, proof, proof_text, created_at, expires_at.
    """
    hashes = {hash_token(value["token"]): value for value in values}
    known = set(await connection.scalars(sa.select(links.c.token_hash).where(links.c.token_hash.in_(hashes))))
    fresh = []
    for token_hash, value in hashes.items():
        if token_hash not in known:
            row = {key: value[key] for key in ("organisation_id", "item_id", "delivery_id", "proof", "created_at", "expires_at")}
            row |= {"id": new_id(), "token_hash": token_hash, "proof_hash": proof_hash(token_hash, value["proof_text"]), "tries": 0}
            fresh.append(row)
    if fresh:
        insert: Any = (sqlite if connection.dialect.name == "sqlite" else postgresql).insert(links)
        await connection.execute(insert.on_conflict_do_nothing(index_elements=["token_hash"]), fresh)


async def by_token(connection: AsyncConnection, token: str) -> Link | None:
    """The link with this token, whatever its state."""
    return await _one(connection, links.c.token_hash == hash_token(token))


async def get(connection: AsyncConnection, link_id: str) -> Link | None:
    """One link."""
    return await _one(connection, links.c.id == link_id)


async def of_item(connection: AsyncConnection, item_id: str) -> list[Link]:
    """All links of an item, oldest first."""
    found = await connection.execute(links.select().where(links.c.item_id == item_id).order_by(links.c.id))
    return [_link(row) for row in found.mappings()]


async def _one(connection: AsyncConnection, which: Any) -> Link | None:
    row = (await connection.execute(links.select().where(which))).mappings().first()
    return _link(row) if row else None


def _link(row: Mapping[Any, Any]) -> Link:
    return Link(**{name: row[name] for name in Link.__slots__})


def try_proof(connection: sa.Connection, link: Link, token: str, typed: str, now: datetime) -> tuple[bool, bool]:
    """(right, paused). A wrong proof is counted in the database, so that the limit survives a restart. Needs a writing transaction."""
    ((tries, since),) = _TRIES.rows(connection, {"link": link.id})
    fresh = since is None or since < now - TRIES_WITHIN
    if not fresh and tries >= TRIES:
        return False, True
    right = hmac.compare_digest(link.proof_hash, proof_hash(hash_token(token), typed))
    if right:
        note_proven(connection, link, now)
    else:
        _WRONG.count(connection, link=link.id, tries=1 if fresh else tries + 1, since=now if fresh else since)
    return right, False


def _tried(_connection: sa.Connection) -> Any:
    return sa.select(links.c.tries, links.c.tries_since).where(links.c.id == sa.bindparam("link")).with_for_update()


_TRIES = Prepared(_tried)
_WRONG = Plain("UPDATE links SET tries = :tries, tries_since = :since WHERE id = :link")
_PROVEN = Plain("UPDATE links SET proven_at = COALESCE(proven_at, :now), tries = 0, tries_since = NULL WHERE id = :link")
_OPENED = Plain("UPDATE items SET opened_at = :now WHERE id = :item AND opened_at IS NULL")


def note_proven(connection: sa.Connection, link: Link, now: datetime) -> None:
    """A person proved to be the one behind this link."""
    _PROVEN.count(connection, link=link.id, now=now)


def opened(connection: sa.Connection, item_id: str, now: datetime) -> None:
    """Note the first time that a person proved to be the recipient."""
    _OPENED.count(connection, item=item_id, now=now)


def open_session(connection: sa.Connection, link: Link, now: datetime, lifetime: timedelta, level: str = "typed") -> str:
    """A visit bound to this link; returns the cookie's value. `level`: how it was proven."""
    token = new_token()
    row = {"token_hash": hash_token(token), "organisation_id": link.organisation_id, "link_id": link.id, "level": level}
    insert_now(connection, link_sessions, [row | {"created_at": now, "seen_at": now, "expires_at": now + lifetime}])
    return token


async def touch_session(connection: AsyncConnection, token: str, now: datetime) -> None:
    """Something happened in this visit."""
    await connection.execute(link_sessions.update().where(link_sessions.c.token_hash == hash_token(token)).values(seen_at=now))


async def share(
    connection: AsyncConnection, parent: Link, item_id: str, *, email: str, label: str, now: datetime, lifetime: timedelta
) -> str:
    """A second link to one letter, to be proven with `email`; it never outlives the first. Returns its token."""
    token = new_token()
    token_hash = hash_token(token)
    row: dict[str, Any] = {
        "id": new_id(),
        "organisation_id": parent.organisation_id,
        "item_id": item_id,
        "delivery_id": None,
        "token_hash": token_hash,
    }
    row |= {"proof": "email", "proof_hash": proof_hash(token_hash, email), "tries": 0, "created_at": now, "parent_id": parent.id}
    row |= {"expires_at": min(now + lifetime, parent.expires_at), "label": label}
    await connection.execute(links.insert(), row)
    return token


def shared(connection: sa.Connection, parent_id: str, now: datetime) -> list[Link]:
    """The second links that were made from this one and still open something, oldest first."""
    return [Link(*row) for row in _SHARED.rows(connection, {"parent": parent_id, "now": now})]


def _shared(_connection: sa.Connection) -> Any:
    which = (links.c.parent_id == sa.bindparam("parent"), links.c.revoked_at.is_(None), links.c.expires_at > sa.bindparam("now"))
    return sa.select(*(links.c[name] for name in Link.__slots__)).where(*which).order_by(links.c.id)


_SHARED = Prepared(_shared)


async def revoke(connection: AsyncConnection, organisation_id: str, link_id: str, now: datetime) -> int:
    """Block one link, and those that were shared from it."""
    which = sa.or_(links.c.id == link_id, links.c.parent_id == link_id)
    query = links.update().where(which, links.c.organisation_id == organisation_id, links.c.revoked_at.is_(None))
    return int((await connection.execute(query.values(revoked_at=now))).rowcount)


async def extend(connection: AsyncConnection, organisation_id: str, link_id: str, until: datetime) -> int:
    """Let a link that is not blocked work until then; never shorter than it did."""
    which = (
        links.c.id == link_id,
        links.c.organisation_id == organisation_id,
        links.c.revoked_at.is_(None),
        links.c.expires_at < until,
    )
    return int((await connection.execute(links.update().where(*which).values(expires_at=until))).rowcount)


async def of_contact(connection: AsyncConnection, organisation_id: str, contact_id: str) -> list[Link]:
    """All links to a contact's letters, oldest first."""
    whose = sa.select(items.c.id).where(items.c.contact_id == contact_id, items.c.organisation_id == organisation_id)
    return [
        _link(row)
        for row in (await connection.execute(links.select().where(links.c.item_id.in_(whose)).order_by(links.c.id))).mappings()
    ]


async def revoke_item(connection: AsyncConnection, organisation_id: str, item_id: str, now: datetime) -> int:
    """Block all links of an item now; visits end with them."""
    result = await connection.execute(
        links.update()
        .where(links.c.item_id == item_id, links.c.organisation_id == organisation_id, links.c.revoked_at.is_(None))
        .values(revoked_at=now)
    )
    return int(result.rowcount)


async def close_session(connection: AsyncConnection, token: str) -> None:
    """End a visit."""
    await connection.execute(link_sessions.delete().where(link_sessions.c.token_hash == hash_token(token)))
