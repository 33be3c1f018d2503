"""Queries about templates, their versions, and the rows that letters were made of. The caller owns the transaction."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from postoffice.model.errors import Conflict, NotFound
from postoffice.model.ids import new_id
from postoffice.store.prepared import insert_rows
from postoffice.store.schema import merge_rows, merges, template_versions, templates

_INSERT_ROWS = 500


@dataclass(frozen=True, slots=True)
class Template:
    """A template as it stands in the database. `draft`: see compose.merge.content; `sample`: rows, field -> value."""

    id: str
    organisation_id: str
    name: str
    draft: Mapping[str, Any]
    revision: int  #: of the draft
    published: int | None  #: number of the version in use
    mapping: Mapping[str, str]
    sample: Sequence[Mapping[str, Any]]
    created_at: datetime
    updated_at: datetime
    updated_by: str


@dataclass(frozen=True, slots=True)
class Version:
    """What was published once; never changed afterwards."""

    id: str
    organisation_id: str
    template_id: str
    number: int
    content: Mapping[str, Any]
    note: str
    created_at: datetime
    created_by: str


@dataclass(frozen=True, slots=True)
class Merge:
    """How a mailing was made of a template."""

    mailing_id: str
    version_id: str
    day: str
    faulty: int


def _template(row: Mapping[Any, Any]) -> Template:
    return Template(**{name: row[name] for name in Template.__slots__})


def _version(row: Mapping[Any, Any]) -> Version:
    return Version(**{name: row[name] for name in Version.__slots__})


async def add(
    connection: AsyncConnection, *, organisation_id: str, name: str, draft: Mapping[str, Any], now: datetime, actor: str, **more: Any
) -> Template:
    """A fresh template without a published version. `more`: mapping, sample."""
    values = {
        "id": new_id(),
        "organisation_id": organisation_id,
        "name": name,
        "draft": dict(draft),
        "revision": 1,
        "published": None,
        "mapping": {},
        "sample": [],
        "created_at": now,
        "updated_at": now,
        "updated_by": actor,
        **more,
    }
    await connection.execute(templates.insert(), values)
    return _template(values)


async def all_of(connection: AsyncConnection, organisation_id: str) -> list[Template]:
    """All that were not removed, by name."""
    query = templates.select().where(templates.c.organisation_id == organisation_id, templates.c.removed_at.is_(None))
    found = await connection.execute(query.order_by(sa.func.lower(templates.c.name), templates.c.id))
    return [_template(row) for row in found.mappings()]


async def get(connection: AsyncConnection, template_id: str, organisation_id: str) -> Template:
    """One template; NotFound no-such-template."""
    query = templates.select().where(
        templates.c.id == template_id, templates.c.organisation_id == organisation_id, templates.c.removed_at.is_(None)
    )
    row = (await connection.execute(query)).mappings().first()
    if row is None:
        raise missing()
    return _template(row)


def missing() -> NotFound:
    """There is no such template, or version of one."""
    return NotFound("no-such-template", "There is no such template.", help="Look for it in the list of templates.")


async def save_draft(
    connection: AsyncConnection, template: Template, now: datetime, actor: str, *, revision: int | None = None, **values: Any
) -> int:
    """Change the draft (and name, mapping, sample); its new revision. Conflict where somebody else changed `revision` meanwhile."""
    expected = template.revision if revision is None else revision
    result = await connection.execute(
        templates.update()
        .where(templates.c.id == template.id, templates.c.revision == expected, templates.c.removed_at.is_(None))
        .values(revision=expected + 1, updated_at=now, updated_by=actor, **values)
    )
    if result.rowcount != 1:
        raise Conflict(
            "template-changed",
            "Somebody changed this template meanwhile: nothing was kept of your change.",
            help="Copy what you typed, reload the page, and bring it in again.",
        )
    return expected + 1


async def update(connection: AsyncConnection, template_id: str, **values: Any) -> None:
    """Change what is beside the draft: mapping, sample, removed_at."""
    assert not {"draft", "published", "revision"} & set(values)
    await connection.execute(templates.update().where(templates.c.id == template_id).values(**values))


async def publish(
    connection: AsyncConnection, template: Template, content: Mapping[str, Any], now: datetime, actor: str, note: str
) -> Version:
    """A new version, in use from now on. Conflict where two publish at once."""
    last = await connection.scalar(
        sa.select(sa.func.max(template_versions.c.number)).where(template_versions.c.template_id == template.id)
    )
    values = {
        "id": new_id(),
        "organisation_id": template.organisation_id,
        "template_id": template.id,
        "number": int(last or 0) + 1,
        "content": dict(content),
        "note": note[:500],
        "created_at": now,
        "created_by": actor,
    }
    await connection.execute(template_versions.insert(), values)
    await connection.execute(templates.update().where(templates.c.id == template.id).values(published=values["number"], updated_at=now))
    return _version(values)


async def versions(connection: AsyncConnection, template_id: str) -> list[Version]:
    """All versions, newest first."""
    query = template_versions.select().where(template_versions.c.template_id == template_id)
    return [_version(row) for row in (await connection.execute(query.order_by(template_versions.c.number.desc()))).mappings()]


async def version(
    connection: AsyncConnection, organisation_id: str, *, version_id: str = "", template_id: str = "", number: int = 0
) -> Version:
    """A version by id, or by template and number; NotFound no-such-template."""
    query = template_versions.select().where(template_versions.c.organisation_id == organisation_id)
    if version_id:
        query = query.where(template_versions.c.id == version_id)
    else:
        query = query.where(template_versions.c.template_id == template_id, template_versions.c.number == number)
    row = (await connection.execute(query)).mappings().first()
    if row is None:
        raise missing()
    return _version(row)


async def merge_of(connection: AsyncConnection, mailing_id: str) -> Merge | None:
    """How a mailing was made of a template; None where it was not."""
    row = (await connection.execute(merges.select().where(merges.c.mailing_id == mailing_id))).mappings().first()
    return Merge(**{name: row[name] for name in Merge.__slots__}) if row else None


async def begin_merge(
    connection: AsyncConnection, organisation_id: str, mailing_id: str, version_id: str, day: str, faulty: int
) -> None:
    """Write how a mailing was made; what an earlier run left goes first, so that making it twice changes nothing."""
    await connection.execute(merge_rows.delete().where(merge_rows.c.mailing_id == mailing_id))
    await connection.execute(merges.delete().where(merges.c.mailing_id == mailing_id))
    values = {"mailing_id": mailing_id, "organisation_id": organisation_id, "version_id": version_id, "day": day, "faulty": faulty}
    await connection.execute(merges.insert(), values)


async def add_rows(
    connection: AsyncConnection, organisation_id: str, mailing_id: str, rows: Sequence[tuple[int, int, Mapping[str, Any]]]
) -> None:
    """(first page, row number, data) of letters that were made."""
    values = [
        {"mailing_id": mailing_id, "first_page": page, "organisation_id": organisation_id, "number": number, "data": dict(data)}
        for page, number, data in rows
    ]
    for start in range(0, len(values), _INSERT_ROWS):
        await insert_rows(connection, merge_rows, values[start : start + _INSERT_ROWS])


async def clear_rows(connection: AsyncConnection, mailing_id: str, most: int) -> int:
    """Remove up to `most` of what an earlier run wrote with `add_rows`; how many went."""
    some = sa.select(merge_rows.c.first_page).where(merge_rows.c.mailing_id == mailing_id).limit(most)
    gone = merge_rows.delete().where(merge_rows.c.mailing_id == mailing_id, merge_rows.c.first_page.in_(some))
    return int((await connection.execute(gone)).rowcount)


async def rows_of(connection: AsyncConnection, mailing_id: str, first_pages: Sequence[int]) -> dict[int, Mapping[str, Any]]:
    """Data of letters by their first page."""
    query = sa.select(merge_rows.c.first_page, merge_rows.c.data).where(
        merge_rows.c.mailing_id == mailing_id, merge_rows.c.first_page.in_(first_pages)
    )
    return {row.first_page: row.data for row in await connection.execute(query)}
