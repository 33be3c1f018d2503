"""What lies behind a secure link, found by its token or by the cookie of a visit: one short statement, for database.look.

A link that is unknown, and one that was blocked or shared from one that was, are the same nothing after the same look-up.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any, NamedTuple

import sqlalchemy as sa

from postoffice.model.item import Item
from postoffice.model.mailing import Mailing
from postoffice.model.people import Organisation
from postoffice.store import rows
from postoffice.store.contacts import Contact
from postoffice.store.keys import hash_token
from postoffice.store.links import Link
from postoffice.store.prepared import Prepared
from postoffice.store.schema import contacts, items, link_sessions, links, mailings, organisations


class Behind(NamedTuple):
    """A link that works, or did until it expired, with its letter."""

    link: Link
    item: Item
    mailing: Mailing
    organisation: Organisation
    contact: Contact | None


class Session(NamedTuple):
    """A visit that is still good, and how the recipient was proven."""

    behind: Behind
    level: str  #: typed | code | preview (by staff)
    seen_at: datetime


class Parts:
    """The columns of several tables in one query, and its rows taken apart again."""

    def __init__(self, *parts: Sequence[sa.Column[Any]]) -> None:
        self.columns = [column.label(f"{column.table.name}_{column.name}") for part in parts for column in part]
        self._names = [column.name for part in parts for column in part]
        ends = [sum(map(len, parts[:number])) for number in range(len(parts) + 1)]
        self._spans = [slice(start, end) for start, end in pairwise(ends)]

    def of(self, row: Sequence[Any]) -> list[dict[str, Any]]:
        """Each table's columns by name; what follows them in the row is left out."""
        return [dict(zip(self._names[span], row[span], strict=True)) for span in self._spans]


def _columns(table: sa.Table, names: Sequence[str]) -> list[sa.Column[Any]]:
    return [table.c[name] for name in names]


_PARTS = Parts(
    _columns(links, Link.__slots__),
    list(items.c),
    list(mailings.c),
    _columns(organisations, Organisation.__slots__),
    _columns(contacts, Contact.__slots__),
)


def _query(*more: Any) -> Any:
    parents, whose = links.alias(), links.c.organisation_id
    return (
        sa.select(*_PARTS.columns, *more)
        .join_from(links, items, sa.and_(items.c.id == links.c.item_id, items.c.organisation_id == whose))
        .join(mailings, sa.and_(mailings.c.id == items.c.mailing_id, mailings.c.organisation_id == whose))
        .join(organisations, organisations.c.id == whose)
        .outerjoin(contacts, sa.and_(contacts.c.id == items.c.contact_id, contacts.c.organisation_id == whose))
        .where(
            links.c.revoked_at.is_(None),
            ~sa.exists().where(parents.c.id == links.c.parent_id, parents.c.revoked_at.is_not(None)),
        )
    )


def _visited(_connection: sa.Connection) -> Any:
    """The visit's own end, the end of one in which nothing happens, and the link's."""
    now: sa.BindParameter[datetime] = sa.bindparam("now")
    return (
        _query(link_sessions.c.level, link_sessions.c.seen_at)
        .join(link_sessions, link_sessions.c.link_id == links.c.id)
        .where(
            link_sessions.c.token_hash == sa.bindparam("token"),
            link_sessions.c.expires_at > now,
            link_sessions.c.seen_at > sa.bindparam("busy"),
            links.c.expires_at > now,
        )
    )


_BY_TOKEN = Prepared(lambda _connection: _query().where(links.c.token_hash == sa.bindparam("token")))
_BY_SESSION = Prepared(_visited)


def by_token(connection: sa.Connection, token: str) -> Behind | None:
    """What lies behind the link with this token; None where it is unknown or blocked. It may have expired."""
    found = _BY_TOKEN.rows(connection, {"token": hash_token(token)})
    return _behind(found[0]) if found else None


def by_session(connection: sa.Connection, token: str, now: datetime, idle: timedelta = timedelta(days=1)) -> Session | None:
    """The visit of a cookie; None where it or its link ended or was blocked. `idle`: so long may nothing happen in it."""
    found = _BY_SESSION.rows(connection, {"token": hash_token(token), "now": now, "busy": now - idle})
    return Session(_behind(found[0]), *found[0][-2:]) if found else None


def _behind(row: Sequence[Any]) -> Behind:
    link, item, mailing, organisation, contact = _PARTS.of(row)
    return Behind(
        Link(**link),
        rows.item(item),
        rows.mailing(mailing),
        Organisation(**organisation),
        Contact(**contact) if contact["id"] else None,
    )
