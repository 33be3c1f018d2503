"""The only file that knows every room: settings -> stores, carriers, queue -> house -> web application and worker."""

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from postoffice.channels import catalogue
from postoffice.channels.email.dns import DnsTools
from postoffice.channels.kind import DkimKey, Kind, read_settings
from postoffice.channels.reach import Reach
from postoffice.house import CarrierKind, House, Limits, SettingField
from postoffice.intake.folder import Folders
from postoffice.intake.mail import MailDoor
from postoffice.intake.reception import Reception
from postoffice.model.channel import Channel
from postoffice.model.errors import NotFound
from postoffice.model.ports import Carrier, Clock, Log, PrinterCard, SandboxBox, Tracer, Workshop
from postoffice.model.tracing import NO_TRACES
from postoffice.pipeline.mailroom import Mailroom
from postoffice.settings import Settings
from postoffice.store import carriers, dkim, folders, mailings, people
from postoffice.store.bell import ArqBell
from postoffice.store.book import MailingBook
from postoffice.store.database import Database
from postoffice.store.documents import FileDocuments
from postoffice.store.documents_s3 import Place, S3Documents, place_from
from postoffice.store.keys import Keyring
from postoffice.store.sandbox import DatabaseSandboxBox
from postoffice.workshop import ProcessWorkshop


class SystemClock:
    """ports.Clock: the machine's."""

    def now(self) -> datetime:
        """See ports.Clock."""
        return datetime.now(UTC)


class CatalogueCarriers:
    """house.Carriers over the catalogue: built from their rows when first asked for, kept while their settings stay."""

    def __init__(
        self,
        database: Database,
        keyring: Keyring,
        box: SandboxBox,
        log: Log,
        folder: Path | None = None,
        workshop: Workshop | None = None,
        *,
        inside: bool = True,
    ) -> None:
        self._reach = Reach(inside)
        self._folder = folder
        self._workshop = workshop
        self._database = database
        self._keyring = keyring
        self._box = box
        self._log = log
        self._built: dict[tuple[str, str], tuple[Mapping[str, Any], Carrier]] = {}

    def kinds(self) -> Sequence[CarrierKind]:
        """See house.Carriers."""
        return [_shown(kind) for kind in catalogue.KINDS]

    async def names(self, organisation_id: str, *, live: bool) -> Mapping[Channel, str]:
        """See house.Carriers."""
        chosen: dict[Channel, str] = {}
        async with self._database.read() as connection:
            rows = await carriers.all_of(connection, organisation_id)
        for row in rows:  # the preferred ones first
            if row.enabled and (live or row.kind.startswith("sandbox")):
                chosen.setdefault(row.channel, row.name)
        return chosen

    async def get(self, organisation_id: str, name: str, *, even_off: bool = False) -> Carrier:
        """See house.Carriers."""
        async with self._database.read() as connection:
            row = await carriers.by_name(connection, organisation_id, name)
            signing = dkim.signing(await dkim.all_of(connection, organisation_id)) if row.channel is Channel.EMAIL else []
        if not row.enabled and not even_off:
            raise NotFound("carrier-off", f"The carrier {name} is switched off.", help="Switch it on at the desk.")
        known = self._built.get((organisation_id, name))
        made_of = {**row.sealed, "dkim": [one.id for one in signing]}
        if known is not None and known[0] == made_of:
            return known[1]
        opened = carriers.unseal(self._keyring, row.sealed)
        folder = self._folder / row.id if self._folder else None
        seals: dict[str, Any] = {
            "return_key": self._keyring.return_path_key(),
            "dkim": tuple(DkimKey(one.domain, one.selector, one.pem(self._keyring)) for one in signing),
        }
        parts: dict[str, Any] = {"folder": folder, "workshop": self._workshop, "reach": self._reach}
        carrier = catalogue.build(row.kind, name, opened, box=self._box, log=self._log, **parts, **seals)
        await self.forget(organisation_id, name)
        self._built[organisation_id, name] = (made_of, carrier)
        return carrier

    def check(self, kind: str, settings: Mapping[str, Any]) -> Mapping[str, Any]:
        """See house.Carriers."""
        if kind not in catalogue.CATALOGUE:
            raise NotFound("carrier-kind", f"There is no carrier kind '{kind}'.", help="Choose one of the list.")
        typed = read_settings(catalogue.CATALOGUE[kind], settings)
        # connects nothing: only judges what belongs together
        catalogue.build(kind, "check", typed, box=self._box, log=self._log, reach=self._reach)
        return typed

    async def forget(self, organisation_id: str, name: str) -> None:
        """See house.Carriers."""
        known = self._built.pop((organisation_id, name), None)
        if known is not None:
            await known[1].close()

    async def close(self) -> None:
        """Let go of all connections."""
        for organisation_id, name in list(self._built):
            await self.forget(organisation_id, name)


def _shown(kind: Kind) -> CarrierKind:
    fields = [
        SettingField(
            field.name,
            field.label._asdict(),
            field.hint._asdict(),
            field.kind.value,
            field.default,
            field.required,
            field.secret,
            field.choices,
        )
        for field in kind.fields
    ]
    return CarrierKind(kind.word, kind.channel, kind.label._asdict(), fields)


class DocumentKeys:
    """organisation id -> its document key, unwrapped once."""

    def __init__(self, database: Database, keyring: Keyring) -> None:
        self._database = database
        self._keyring = keyring
        self._known: dict[str, bytes] = {}

    async def __call__(self, organisation_id: str) -> bytes:
        """The 32 bytes of an organisation's document key; NotFound for an unknown organisation."""
        if organisation_id not in self._known:
            async with self._database.read() as connection:
                wrapped = await people.document_key(connection, organisation_id)
            self._known[organisation_id] = self._keyring.unwrap(wrapped)
        return self._known[organisation_id]


async def row_content(database: Database, organisation_id: str, sha256: str) -> bytes | None:
    """documents.RowOf over the database."""
    async with database.read() as connection:
        return await mailings.document_content(connection, organisation_id, sha256)


def owner_name() -> str:
    """A name for this process in leases and heartbeats: host, process id, and a nonce since ids are used again."""
    return f"{socket.gethostname()[:40]}:{os.getpid()}:{os.urandom(4).hex()}"


def open_tracer(settings: Settings, log: Log) -> Tracer:
    """What times journeys: nothing, unless a collector is named and the extra `traces` is installed."""
    if not settings.traces_url:
        return NO_TRACES
    try:
        from postoffice.traces import open_traces  # not there without the extra, and some megabytes with it
    except ModuleNotFoundError:
        log.warning("traces.not_installed", help="The office works without; `postoffice doctor` says how to install them.")
        return NO_TRACES
    return open_traces(settings.traces_url, log, share=settings.traces_share)


@asynccontextmanager
async def open_house(settings: Settings, log: Log, clock: Clock | None = None) -> AsyncIterator[House]:
    """All parts of the house, ready; closed in the opposite order. `clock`: another one than the machine's, for trials."""
    database = Database(settings.database)
    keyring = Keyring(settings.key)
    documents = _documents(settings, database, keyring)
    bell = ArqBell(settings.redis, log)
    workshop = ProcessWorkshop(children=settings.child_processes, seconds=settings.child_seconds, megabytes=settings.child_megabytes)
    clock = clock or SystemClock()
    box, folder = DatabaseSandboxBox(database), settings.data / "carriers"
    registry = CatalogueCarriers(database, keyring, box, log, folder, workshop, inside=settings.carriers_inside)
    traces = open_tracer(settings, log)
    try:
        yield House(
            url=settings.url,
            database=database,
            documents=documents,
            keyring=keyring,
            reception=Reception(MailingBook(database, clock), documents, bell, traces=traces),
            bell=bell,
            workshop=workshop,
            carriers=registry,
            clock=clock,
            log=log,
            templates=settings.template_folder,
            limits=_limits(settings),
            secure=settings.url.startswith("https://"),
            tls_port=settings.tls_port,
            sending=DnsTools(settings.dns),
            rspamd=settings.rspamd_url,
            traces=traces,
        )
    finally:
        await registry.close()
        await documents.close()
        await bell.close()
        await asyncio.to_thread(workshop.close)
        await database.close()
        await asyncio.to_thread(traces.close)


def _documents(settings: Settings, database: Database, keyring: Keyring) -> FileDocuments:
    folder, key_of, row_of = settings.data / "documents", DocumentKeys(database, keyring), partial(row_content, database)
    min_free = settings.min_free_megabytes * 1_000_000
    if place := documents_place(settings):
        return S3Documents(folder, place, key_of, row_of=row_of, min_free=min_free)
    return FileDocuments(folder, key_of, row_of=row_of, min_free=min_free)


def documents_place(settings: Settings) -> Place | None:
    """The S3 store of documents; None where they are kept in the data folder. PostOfficeError: it is not rightly named."""
    if not settings.documents_url:
        return None
    return place_from(settings.documents_url, settings.documents_key, settings.documents_secret)


def _limits(settings: Settings) -> Limits:
    return Limits(
        max_upload=settings.max_upload_megabytes * 1_000_000,
        max_pages=settings.max_pages,
        session_seconds=settings.session_hours * 3600,
        idle_seconds=settings.session_idle_minutes * 60,
        link_days=settings.link_days,
        lease_seconds=settings.lease_seconds,
        chunk_delay=settings.chunk_delay_ms / 1000,
        give_up=timedelta(days=settings.give_up_days),
    )


def watched_folders(house: House, root: Path) -> Folders:
    """The watcher of a folder: one sub-folder per printer of any organisation."""
    memory = folders.FolderMemory(house.database, house.clock)

    async def cards() -> list[PrinterCard]:
        async with house.database.read() as connection:
            ids = await people.all_organisation_ids(connection)
        return [card for organisation_id in ids for card in await memory.printers(organisation_id)]

    return Folders(
        root,
        cards,
        house.reception,
        memory,
        house.clock,
        house.log,
    )


def mail_door(house: House, settings: Settings) -> MailDoor:
    """The door for mail that comes back, to be opened."""
    return MailDoor(
        Mailroom(house),
        house.log,
        max_bytes=settings.mail_max_megabytes * 1_000_000,
        name=urlsplit(settings.url).hostname or "localhost",
    )


def tls_folder(settings: Settings) -> Path:
    """Where the printer's own certificate lies."""
    return settings.data / "tls"
