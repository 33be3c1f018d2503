"""The first day of an office: an organisation, an administrator, a printer with its token, and the sandbox carriers."""

import os
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy.ext.asyncio import AsyncConnection

from postoffice.channels.catalogue import KINDS
from postoffice.model.people import Grant, Role
from postoffice.settings import Settings
from postoffice.store import carriers, people, printers
from postoffice.store.database import Database
from postoffice.store.keys import Keyring

ADMINISTRATOR = "admin@postoffice.local"


@dataclass(frozen=True, slots=True)
class First:
    """What a newcomer needs. `password` is empty once it was changed."""

    email: str
    password: str
    printer_token: str


async def found_office(settings: Settings) -> First:
    """Make what is missing of a first office, and tell how to sign in. Running it again changes nothing."""
    database = Database(settings.database)
    keyring = Keyring(settings.key)
    note = settings.data / "first-sign-in.txt"
    now = datetime.now(UTC)
    try:
        async with database.write() as connection:
            organisation = await people.first_organisation(connection)
            if organisation is None:
                organisation_id = await people.add_organisation(
                    connection,
                    name="My organisation",
                    slug="office",
                    document_key=keyring.wrap(secrets.token_bytes(32)),
                    now=now,
                )
                password = secrets.token_urlsafe(12)
                await people.add_user(
                    connection,
                    organisation_id=organisation_id,
                    email=ADMINISTRATOR,
                    name="Administrator",
                    password=password,
                    roles=[Grant(Role.ADMINISTRATOR), Grant(Role.SENDER), Grant(Role.PRIVACY)],
                    now=now,
                    must_change=True,
                    language="",  # that of the newcomer's browser, until one is chosen
                )
                printer_id = await printers.add(connection, organisation_id=organisation_id, name="Post office", now=now)
                printer = await printers.get(connection, printer_id)
                await printers.add_token(connection, keyring, printer, label="first", now=now)
                for kind in KINDS:
                    if kind.word.startswith("sandbox"):
                        await carriers.add(
                            connection,
                            organisation_id=organisation_id,
                            name=kind.word,
                            kind=kind.word,
                            channel=kind.channel,
                            settings=carriers.seal(keyring, {}),
                            now=now,
                            preferred=-1,
                        )
                _write_private(note, f"{ADMINISTRATOR}\n{password}\n")
        return await _first(database, keyring, note)
    finally:
        await database.close()


async def _first(database: Database, keyring: Keyring, note: Path) -> First:
    async with database.read() as connection:
        organisation = await people.first_organisation(connection)
        assert organisation is not None
        user = await people.user_by_email(connection, ADMINISTRATOR)
        token = await first_token(connection, keyring, organisation.id)
    email, password = ADMINISTRATOR, ""
    if note.exists():
        if user is not None and user.must_change_password:
            email, password = note.read_text().split()
        else:
            note.unlink()  # it says nothing true any more
    return First(email, password, token)


async def first_token(connection: AsyncConnection, keyring: Keyring, organisation_id: str) -> str:
    """A token of the oldest printer that has one; "" where none has."""
    for printer in await printers.all_of(connection, organisation_id):
        for token in await printers.tokens(connection, printer.id):
            if token.revoked_at is None:
                return keyring.printer_token(token.id)
    return ""


def _write_private(path: Path, text: str) -> None:
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(text)
