"""A house for the desk's tests: real database and documents, a workshop in the same process, a bell that nobody hears."""

import json
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from postoffice.compose.findings import finding
from postoffice.desk import add_desk
from postoffice.house import HOUSE, CarrierKind, House, Limits
from postoffice.intake.reception import Reception
from postoffice.model.address import PostalAddress
from postoffice.model.channel import Channel
from postoffice.model.errors import NotFound
from postoffice.model.item import Item, NewItem
from postoffice.model.mailing import Mailing, NewMailing, Options, Source
from postoffice.model.people import Grant, Role, User
from postoffice.store import items, mailings, people
from postoffice.store.book import MailingBook
from postoffice.store.documents import FileDocuments
from postoffice.store.keys import Keyring
from tests.migrated import sqlite_at

TEMPLATES = Path(__file__).resolve().parents[2] / "templates"
PASSWORD = "une phrase facile à garder"


class HereWorkshop:
    """ports.Workshop without child processes."""

    async def run(self, work: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        return work(*args, **kwargs)


class SilentBell:
    """ports.Bell that remembers who was rung for."""

    def __init__(self) -> None:
        self.rung: list[str] = []

    async def ring(self, queue: str, batch_id: str, attempt: int) -> None:
        self.rung.append(queue)


class KeptLog:
    """ports.Log that keeps its lines."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def info(self, event: str, **facts: Any) -> None:
        self.lines.append(json.dumps([event, facts], default=str))

    warning = error = info


class NamedCarriers:
    """house.Carriers that only has names."""

    def kinds(self) -> Sequence[CarrierKind]:
        return ()

    async def names(self, organisation_id: str, *, live: bool) -> Mapping[Channel, str]:
        return {channel: f"sandbox-{channel.value}" for channel in Channel}

    async def get(self, organisation_id: str, name: str, *, even_off: bool = False) -> Any:
        raise NotFound("no-such-carrier", "There is no such carrier.")

    def check(self, kind: str, settings: Mapping[str, Any]) -> Mapping[str, Any]:
        return settings

    async def forget(self, organisation_id: str, name: str) -> None:
        return None


@dataclass
class Office:
    """What a test holds: the house, its application, and an organisation with a first user."""

    house: House
    app: web.Application
    organisation_id: str
    bell: SilentBell
    log: KeptLog
    users: dict[str, User] = field(default_factory=dict)

    async def add_user(self, email: str, *roles: Grant, language: str = "en", must_change: bool = False) -> User:
        """A user whose password is PASSWORD."""
        async with self.house.database.write() as connection:
            user_id = await people.add_user(
                connection,
                organisation_id=self.organisation_id,
                email=email,
                name=email.split("@")[0].title(),
                password=PASSWORD,
                roles=roles,
                now=self.house.clock.now(),
                language=language,
                must_change=must_change,
            )
            user = await people.user(connection, user_id)
        assert user is not None
        return user

    async def cookie_of(self, user: User) -> tuple[str, str]:
        """A session's cookie value and CSRF word, without the sign-in page."""
        async with self.house.database.write() as connection:
            return await people.open_session(connection, user, self.house.clock.now(), timedelta(hours=12))

    async def add_mailing(self, new_items: Sequence[NewItem], pdf: bytes, **more: Any) -> Mailing:
        """A mailing that waits for options, with these items."""
        values = {"source": Source.UPLOAD, "name": "Factures mars", "options": Options()} | more
        new = NewMailing(self.organisation_id, **values)
        async with self.house.reception.intake(new) as intake:
            await intake.write(pdf)
            mailing = await intake.accept("application/pdf")
        now = self.house.clock.now()
        async with self.house.database.write() as connection:
            await mailings.command(connection, mailing, "read")
            await items.add_all(connection, self.organisation_id, mailing.id, new_items, now)
            pages = sum(item.pages for item in new_items)
            facts = {"document": mailing.original, "pages": pages, "pages_read": pages, "items": len(new_items)}
            await mailings.command(connection, mailing, "offer", ready_at=now, **facts)
            return await mailings.get(connection, mailing.id)

    async def items_of(self, mailing: Mailing) -> list[Item]:
        """All items of a mailing."""
        async with self.house.database.read() as connection:
            return await items.page(connection, mailing.id, items.Filter(), limit=20_000)

    async def again(self, mailing: Mailing) -> Mailing:
        """The mailing as it stands now."""
        async with self.house.database.read() as connection:
            return await mailings.get(connection, mailing.id)


class Browser:
    """A signed-in person: follows nothing by itself, sends the CSRF word with everything unsafe."""

    def __init__(self, client: TestClient[Any, Any], csrf: str) -> None:
        self.client = client
        self.csrf = csrf

    async def get(self, path: str, **headers: str) -> tuple[int, str]:
        answer = await self.client.get(path, headers=headers, allow_redirects=False)
        return answer.status, await answer.text()

    async def post(self, path: str, data: Any = None, *, csrf: str | None = None, **headers: str) -> tuple[int, str, str]:
        """Status, text, and where it leads."""
        answer = await self.client.post(
            path, data=data or {}, headers={"X-CSRF": self.csrf if csrf is None else csrf} | headers, allow_redirects=False
        )
        return answer.status, await answer.text(), answer.headers.get("Location") or answer.headers.get("HX-Redirect", "")


async def build(folder: Path, clock: Any, *, max_upload: int = 5_000_000, url: str = "http://localhost") -> Office:
    """An office with an organisation and no user yet."""
    database = sqlite_at(folder / "office.db")
    keyring, bell, log = Keyring(bytes(range(32))), SilentBell(), KeptLog()
    async with database.write() as connection:
        organisation_id = await people.add_organisation(
            connection, name="Mairie de Test", slug="test", document_key=keyring.wrap(bytes(32)), now=clock.now()
        )

    async def key_of(_organisation_id: str) -> bytes:
        return bytes(32)

    documents = FileDocuments(folder / "documents", key_of)
    house = House(
        url=url,
        database=database,
        documents=documents,
        keyring=keyring,
        reception=Reception(MailingBook(database, clock), documents, bell),
        bell=bell,
        workshop=HereWorkshop(),
        carriers=NamedCarriers(),
        clock=clock,
        log=log,
        templates=TEMPLATES,
        limits=Limits(max_upload, 20_000, 12 * 3600, 2 * 3600, 90, 60, 0),
        secure=False,
    )
    app = web.Application()
    app[HOUSE] = house
    add_desk(app)
    return Office(house, app, organisation_id, bell, log)


@asynccontextmanager
async def browser(office: Office, user: User) -> AsyncIterator[Browser]:
    """A signed-in browser on a server of its own."""
    token, csrf = await office.cookie_of(user)
    async with TestClient(TestServer(office.app), cookies={"postoffice": token}) as client:
        yield Browser(client, csrf)


def administrator() -> Grant:
    """All rights but privacy."""
    return Grant(Role.ADMINISTRATOR)


def piece(number: int, first_page: int, pages: int = 1, *codes: str, lines: Sequence[str] | None = None, email: str = "") -> NewItem:
    """A proposal of the cutter with an address and findings of these codes on its first page."""
    address = PostalAddress(
        tuple(lines) if lines is not None else (f"Mme Zoé LEFÈVRE {number}", f"{number} RUE DE LA RÉPUBLIQUE", "69003 LYON"),
        "69003",
        "LYON",
        "FR",
    )
    found = tuple(finding(code, first_page, (110.0, 55.0, 85.0, 33.0), "69OO3 LYON") for code in codes)
    return NewItem(first_page, pages, address if address.lines else None, found, email=email)
