"""Queries about forms, what waits there for confirmation, and the archive of campaigns. The caller owns the transaction."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from postoffice.model.errors import NotFound
from postoffice.model.form import Form, FormDesign, FormEntry
from postoffice.model.ids import new_id
from postoffice.store.keys import hash_token, new_token
from postoffice.store.schema import campaign_archive, form_entries, forms, items, links, organisations
from postoffice.store.upsert import insert_into


async def add(connection: AsyncConnection, organisation_id: str, design: FormDesign, now: datetime) -> Form:
    """A fresh form with an address of its own."""
    row: dict[str, Any] = {"id": new_id(), "organisation_id": organisation_id, "token": new_token(), "name": design.name[:200]}
    row |= {"design": design.as_dict(), "version": 1, "asked": 0, "confirmed": 0}
    row |= {"created_at": now, "updated_at": now, "closed_at": None}
    await connection.execute(forms.insert(), row)
    return _form(row)


async def change(connection: AsyncConnection, form: Form, design: FormDesign, now: datetime) -> None:
    """Other words: another version."""
    values = {"name": design.name[:200], "design": design.as_dict(), "version": forms.c.version + 1, "updated_at": now}
    await connection.execute(forms.update().where(forms.c.id == form.id).values(**values))


async def close(connection: AsyncConnection, form: Form, now: datetime | None) -> None:
    """Take no more; None: open again."""
    await connection.execute(forms.update().where(forms.c.id == form.id).values(closed_at=now))


async def get(connection: AsyncConnection, organisation_id: str, form_id: str) -> Form:
    """One form; NotFound otherwise."""
    found = await _one(connection, (forms.c.id == form_id) & (forms.c.organisation_id == organisation_id))
    if found is None:
        raise NotFound("no-such-form", "There is no such form.", help="Look for it in the list of forms.")
    return found


async def by_token(connection: AsyncConnection, token: str) -> Form | None:
    """The form with this public address."""
    return await _one(connection, forms.c.token == token)


async def all_of(connection: AsyncConnection, organisation_id: str) -> list[Form]:
    """All forms, newest first."""
    found = await connection.execute(forms.select().where(forms.c.organisation_id == organisation_id).order_by(forms.c.id.desc()))
    return [_form(row) for row in found.mappings()]


async def _one(connection: AsyncConnection, which: Any) -> Form | None:
    row = (await connection.execute(forms.select().where(which))).mappings().first()
    return _form(row) if row else None


def _form(row: Mapping[Any, Any]) -> Form:
    plain: dict[str, Any] = {name: row[name] for name in Form.__slots__ if name != "design"}
    return Form(**plain, design=FormDesign.from_dict(row["design"]))


async def wait(
    connection: AsyncConnection, form: Form, code: str, sealed: bytes, proof: Mapping[str, Any], now: datetime, expires_at: datetime
) -> None:
    """Keep what was typed until it is confirmed."""
    row: dict[str, Any] = {"id": new_id(), "organisation_id": form.organisation_id, "form_id": form.id, "code_hash": hash_token(code)}
    row |= {"sealed": sealed, "proof": dict(proof), "created_at": now, "expires_at": expires_at, "confirmed_at": None}
    await connection.execute(form_entries.insert(), row)
    await connection.execute(forms.update().where(forms.c.id == form.id).values(asked=forms.c.asked + 1))


async def waiting(connection: AsyncConnection, code: str, now: datetime) -> tuple[Form, FormEntry] | None:
    """What a confirming link stands for; None where it is unknown or over."""
    which = form_entries.c.code_hash == hash_token(code), form_entries.c.expires_at > now
    row = (await connection.execute(form_entries.select().where(*which))).mappings().first()
    if row is None:
        return None
    form = await _one(connection, forms.c.id == row["form_id"])
    assert form is not None
    return form, FormEntry(**{name: row[name] for name in FormEntry.__slots__})


async def confirm(connection: AsyncConnection, entry: FormEntry, now: datetime) -> bool:
    """Take what waits, and forget what was typed; False where somebody else took it this moment."""
    which = form_entries.c.id == entry.id, form_entries.c.confirmed_at.is_(None)
    done = await connection.execute(form_entries.update().where(*which).values(confirmed_at=now, sealed=None))
    if done.rowcount != 1:
        return False
    await connection.execute(forms.update().where(forms.c.id == entry.form_id).values(confirmed=forms.c.confirmed + 1))
    return True


async def sweep(connection: AsyncConnection, now: datetime) -> None:
    """Nothing is left of what nobody confirmed."""
    await connection.execute(form_entries.delete().where(form_entries.c.expires_at <= now))


async def last_delivery_with_link(connection: AsyncConnection, organisation_id: str, contact_id: str, now: datetime) -> str | None:
    """The delivery whose link to the contact's own letters is the newest that still opens."""
    query = (
        sa.select(links.c.delivery_id)
        .join(items, items.c.id == links.c.item_id)
        .where(
            items.c.organisation_id == organisation_id,
            items.c.contact_id == contact_id,
            links.c.delivery_id.is_not(None),
            links.c.parent_id.is_(None),
            links.c.revoked_at.is_(None),
            links.c.expires_at > now,
        )
    )
    found: str | None = await connection.scalar(query.order_by(links.c.id.desc()).limit(1))
    return found


async def show_in_archive(connection: AsyncConnection, organisation_id: str, campaign_id: str, since: datetime | None) -> None:
    """Put a campaign into the public archive; None takes it out."""
    if since is None:
        await connection.execute(campaign_archive.delete().where(campaign_archive.c.campaign_id == campaign_id))
        return
    row = {"campaign_id": campaign_id, "organisation_id": organisation_id, "since": since}
    await connection.execute(insert_into(connection, campaign_archive).on_conflict_do_nothing(), row)


async def archived(connection: AsyncConnection, organisation_id: str) -> set[str]:
    """The campaigns that stand in the archive."""
    query = sa.select(campaign_archive.c.campaign_id).where(campaign_archive.c.organisation_id == organisation_id)
    return set(await connection.scalars(query))


async def organisation_by_slug(connection: AsyncConnection, slug: str) -> str | None:
    """The id of the organisation whose public archive this is."""
    found: str | None = await connection.scalar(sa.select(organisations.c.id).where(organisations.c.slug == slug))
    return found
