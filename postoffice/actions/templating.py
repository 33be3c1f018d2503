"""Templates and mailings that are made of them: keep, publish, restore, adopt a sample, begin a merge. Whichever door asks."""

import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from postoffice.actions import mail_pictures
from postoffice.actions.actor import Actor
from postoffice.compose.merge import printing, records
from postoffice.compose.merge.columns import plain
from postoffice.compose.merge.content import Content, check_content
from postoffice.compose.merge.records import Record
from postoffice.compose.merge.samples import made_up
from postoffice.compose.merge.sheets import SAMPLE_ROWS, pack_rows, pack_sheet
from postoffice.compose.merge.wording import TRIED_LINK, Situation
from postoffice.compose.render import TemplateFault
from postoffice.house import House
from postoffice.later import pikepdf
from postoffice.model.channel import Purpose
from postoffice.model.errors import NotFound, PostOfficeError
from postoffice.model.mailing import Mailing, NewMailing, Options, Source
from postoffice.model.people import Organisation
from postoffice.pdf import raster
from postoffice.store import mailings, people, templates
from postoffice.store.templates import Template, Version

PICTURE_TYPES = {
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".gif": "image/gif",
    ".webp": "image/webp",
    ".svg": "image/svg+xml",
}
MOST_PICTURE_BYTES = 12_000_000
MOST_PICTURES = 20


async def create(house: House, organisation: Organisation, name: str, content: Content, rows: Sequence[Any], actor: Actor) -> Template:
    """A template with a first draft. The sender of a sample becomes the organisation."""
    check_content(content)
    content = replace(content, sender={**content.sender, "name": content.sender.get("name") or organisation.name})
    async with house.database.write() as connection:
        made = await templates.add(
            connection,
            organisation_id=organisation.id,
            name=_named(name),
            draft=content.as_dict(),
            sample=list(rows)[:SAMPLE_ROWS],
            now=house.clock.now(),
            actor=actor.name,
        )
        await _note(connection, house, made, actor, "template.create")
    return made


def _named(name: str) -> str:
    tidy = " ".join(name.split())[:200]
    if not tidy:
        raise PostOfficeError("bad-template", "The template has no name.", help="Give it one.", why="no name")
    return tidy


async def save(
    house: House, template: Template, content: Content, actor: Actor, *, name: str | None = None, revision: int | None = None
) -> int:
    """Keep a draft, however unfinished; its new revision. Conflict template-changed."""
    check_content(content)
    values: dict[str, Any] = {"draft": content.as_dict()}
    if name is not None:
        values["name"] = _named(name)
    async with house.database.write() as connection:
        return await templates.save_draft(connection, template, house.clock.now(), actor.name, revision=revision, **values)


async def publish(house: House, template: Template, actor: Actor, note: str = "") -> Version:
    """The draft becomes a version that mailings can be made of. It must print its sample row, in every language and part.

    Raises TemplateFault with `part` and `line`.
    """
    content = Content.from_dict(template.draft)
    await trial(house, template.organisation_id, content, sample_row(template))
    kept = (await house.workshop.run(content.with_compiled)).as_dict()
    async with house.database.write() as connection:
        made = await templates.publish(connection, template, kept, house.clock.now(), actor.name, note.strip())
        await _note(connection, house, template, actor, "template.publish", version=made.number)
    return made


async def restore(house: House, template: Template, number: int, actor: Actor) -> int:
    """The content of an old version becomes the draft again; the draft's new revision."""
    async with house.database.write() as connection:
        old = await templates.version(connection, template.organisation_id, template_id=template.id, number=number)
        draft = replace(Content.from_dict(old.content), compiled={}).as_dict()
        revision = await templates.save_draft(connection, template, house.clock.now(), actor.name, draft=draft)
        await _note(connection, house, template, actor, "template.restore", version=number)
    return revision


async def remove(house: House, template: Template, actor: Actor) -> None:
    """Take a template out of the lists; mailings that were made of it keep their version."""
    now = house.clock.now()
    async with house.database.write() as connection:
        await templates.update(connection, template.id, removed_at=now)
        await _note(connection, house, template, actor, "template.remove")


async def trial(house: House, organisation_id: str, content: Content, row: Mapping[str, Any]) -> None:
    """Print one row in every language and try all words. TemplateFault with `part` and `line`; missing pictures too; no-letter where
    there is no message either."""
    with_letter = any(parts.letter.strip() for parts in content.parts.values()) or not any(
        parts.sms or parts.subject for parts in content.parts.values()
    )
    async with pictures(house, organisation_id, content) as folder:
        for language in content.parts:
            record = Record(1, {**row, "language": language}, exact=True)
            if with_letter:
                await house.workshop.run(printing.preview, content, folder, record, _today(house), "")
            situation = Situation(link=TRIED_LINK, unsubscribe=TRIED_LINK, preferences=TRIED_LINK)
            shown = await mail_pictures.hosted(house, organisation_id, content)
            told = await house.workshop.run(printing.words_of, content, record, _today(house), "", situation, shown)
            for fault in told["faults"].values():
                raise fault


def sample_row(template: Template, number: int = 0) -> Mapping[str, Any]:
    """A row for the preview: of the sample, or made up by the names of the fields where there is none."""
    if template.sample:
        return template.sample[number % len(template.sample)]
    try:
        return made_up(Content.from_dict(template.draft))
    except TemplateFault:
        return {}


@asynccontextmanager
async def pictures(house: House, organisation_id: str, content: Content) -> AsyncIterator[Path | None]:
    """A folder with the template's files for as long as letters are printed; None where it has none."""
    if not content.pictures:
        yield None
        return
    with tempfile.TemporaryDirectory(prefix="po-template-") as made:
        for name, sha256 in content.pictures.items():
            (Path(made) / Path(name).name).write_bytes(await house.documents.get(organisation_id, sha256))
        yield Path(made)


async def add_picture(house: House, organisation_id: str, content: Content, file_name: str, data: bytes) -> Content:
    """The content with another file. PostOfficeError bad-picture."""
    name = Path(file_name.replace("\\", "/")).name.strip()
    kind = PICTURE_TYPES.get(Path(name).suffix.lower())
    if kind is None or not data or len(data) > MOST_PICTURE_BYTES or len(content.pictures) >= MOST_PICTURES or len(name) > 100:
        raise PostOfficeError(
            "bad-picture",
            "This picture cannot be used.",
            help=f"Use PNG, JPEG, GIF, WebP or SVG up to {MOST_PICTURE_BYTES // 1_000_000} MB; "
            f"a template has at most {MOST_PICTURES} pictures.",
        )
    stored = await house.documents.put(organisation_id, data)
    async with house.database.write() as connection:
        await mailings.note_document(connection, organisation_id, stored, kind, house.clock.now())
    return replace(content, pictures={**content.pictures, name: stored.sha256})


async def remember(house: House, template: Template, mapping: Mapping[str, str], sample: Sequence[Mapping[str, Any]] = ()) -> None:
    """Keep which column fills which field for the next spreadsheet, and some rows for the preview."""
    values: dict[str, Any] = {"mapping": {**template.mapping, **{plain(header): field for header, field in mapping.items()}}}
    if sample:
        values["sample"] = [dict(row) for row in sample][:SAMPLE_ROWS]
    async with house.database.write() as connection:
        await templates.update(connection, template.id, **values)


async def begin_from_sheet(house: House, version: Version, sheet: str, mapping: Mapping[str, str], new: NewMailing) -> Mailing:
    """A mailing of a spreadsheet (SHA-256 of a document) and a version; the worker makes its letters."""
    content = Content.from_dict(version.content)
    with tempfile.TemporaryDirectory(prefix="po-merge-") as folder:
        packed = Path(folder) / "rows.gz"
        async with house.documents.as_file(new.organisation_id, sheet) as path:
            await house.workshop.run(pack_sheet, path, packed, version.id, _today(house), content, dict(mapping))
        return await _receive(house, packed, new)


async def begin_from_rows(house: House, version: Version, rows: Sequence[Mapping[str, Any]], new: NewMailing) -> Mailing:
    """The same of JSON rows."""
    with tempfile.TemporaryDirectory(prefix="po-merge-") as folder:
        packed = Path(folder) / "rows.gz"
        pack_rows(packed, version.id, _today(house), rows)
        return await _receive(house, packed, new)


async def _receive(house: House, packed: Path, new: NewMailing) -> Mailing:
    async with house.reception.intake(new) as intake:
        with packed.open("rb") as file:
            while chunk := file.read(256 * 1024):
                await intake.write(chunk)
        return await intake.accept(records.MEDIA_TYPE)


def new_mailing(version: Version, organisation_id: str, source: Source, name: str, **more: Any) -> NewMailing:
    """The mailing that a version's letters become; `more`: who brought it, whether it is live."""
    content = Content.from_dict(version.content)
    options = more.pop("options", None) or Options(purpose=Purpose(content.purpose))
    return NewMailing(organisation_id, source, name, layout=content.layout, split_rule="address", options=options, **more)


async def published(connection: AsyncConnection, template: Template) -> Version:
    """The version in use. NotFound not-published."""
    if template.published is None:
        raise NotFound("not-published", "No version of this template is published yet.", help="Publish it in its editor first.")
    return await templates.version(connection, template.organisation_id, template_id=template.id, number=template.published)


async def page_pictures(
    house: House, organisation_id: str, content: Content, row: Mapping[str, Any], sender: str, width: int = 620
) -> list[bytes]:
    """The pages of one row's letter as PNG. TemplateFault with `part` and `line`."""
    async with pictures(house, organisation_id, content) as folder:
        return await house.workshop.run(_drawn, content, folder, Record(1, dict(row), exact=True), _today(house), sender, width)


def _drawn(content: Content, folder: Path | None, record: Record, day: str, sender: str, width: int) -> list[bytes]:
    pdf = printing.preview(content, folder, record, day, sender)
    with tempfile.TemporaryDirectory(prefix="po-preview-") as made:
        path = Path(made) / "letter.pdf"
        path.write_bytes(pdf)
        with pikepdf.open(path) as opened:
            count = len(opened.pages)
        return raster.thumbnails(path, range(1, min(count, MOST_PREVIEW) + 1), width)


#: pages of a letter that a preview shows
MOST_PREVIEW = 8


def _today(house: House) -> str:
    return house.clock.now().date().isoformat()


async def _note(connection: AsyncConnection, house: House, template: Template, actor: Actor, action: str, **detail: Any) -> None:
    await people.note(
        connection,
        organisation_id=template.organisation_id,
        actor=actor.name,
        action=action,
        subject=template.id,
        now=house.clock.now(),
        detail=detail,
    )
