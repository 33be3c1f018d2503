"""What must not be read by whoever has a copy of the database or of the log: the tables of a filled office are searched for it."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from postoffice.compose.trial import trial_letters
from postoffice.model.channel import Channel
from postoffice.model.people import Role
from postoffice.store import carriers, factors, hooks, people, printers
from postoffice.store.schema import metadata
from tests.conftest import FixedClock
from tests.desk import house
from tests.desk.house import Office
from tests.desk.offices import ALL, add_printer, with_carriers


@pytest.fixture
async def office(tmp_path: Path, clock: FixedClock) -> AsyncIterator[Office]:
    built = await with_carriers(tmp_path, clock)
    yield built
    await built.house.database.close()


async def _found(office: Office, words: dict[str, bytes]) -> list[str]:
    """`name in table.column` for each word that stands in clear in any cell."""
    found = []
    async with office.house.database.read() as connection:
        for table in metadata.sorted_tables:
            for row in (await connection.execute(sa.select(table))).mappings():
                for column, value in row.items():
                    held = value if isinstance(value, bytes) else str(value).encode()
                    found += [f"{name} in {table.name}.{column}" for name, word in words.items() if word in held]
    return found


async def _filled(office: Office) -> dict[str, bytes]:
    """Secrets of every kind, kept as the office keeps them: name -> the secret."""
    base, keyring, now = office.house.database, office.house.keyring, office.house.clock.now()
    user = await office.add_user("anne@example.org", ALL)
    printer_id = await add_printer(office)
    settings: dict[str, Any] = {"host": "relay-host.example", "username": "relay-user", "password": "relay-PASSWORD"}
    made = {"carrier's host": b"relay-host", "carrier's user": b"relay-user", "carrier's password": b"relay-PASSWORD"}
    async with base.write() as connection:
        await carriers.add(
            connection,
            organisation_id=office.organisation_id,
            name="relay",
            kind="smtp",
            channel=Channel.EMAIL,
            settings=carriers.seal(keyring, settings),
            now=now,
        )
        _, key = await people.add_api_key(
            connection, organisation_id=office.organisation_id, name="x", live=True, role=Role.SENDER, created_by=user.id, now=now
        )
        where = {"organisation_id": office.organisation_id, "url": "https://crm.example/h", "label": "x", "kinds": ["*"], "live": True}
        _, hook = await hooks.add(connection, keyring, **where, now=now)
        await factors.set_app(connection, keyring, user.id, b"TOTP-secret-of-20-by", 1)
        codes = await factors.new_recovery_codes(connection, keyring, user, now)
        row = await printers.get(connection, printer_id, office.organisation_id)
        token = await printers.add_token(connection, keyring, row, label="x", now=now)
        session, _ = await people.open_session(connection, user, now, house.timedelta(hours=1))
    made |= {"api key": key.encode(), "hook's secret": hook.removeprefix("whsec_").encode(), "totp": b"TOTP-secret-of-20-by"}
    made |= {f"recovery code {number}": code.encode() for number, code in enumerate(codes)}
    made |= {"printer's token": str(token).encode(), "session": session.encode(), "password": house.PASSWORD.encode()}
    made |= {"hook address": keyring.hook_token(printer_id).encode(), "return key": keyring.return_path_key()}
    return made


async def test_no_secret_lies_in_the_database_in_clear(office: Office) -> None:
    secrets = await _filled(office)
    assert all(len(word) > 5 for word in secrets.values())
    assert await _found(office, secrets) == []
    assert await _found(office, {"what is no secret": b"crm.example"}), "the search finds what is there"


@pytest.mark.slow
async def test_neither_log_nor_addresses_tell_secrets_or_people(office: Office) -> None:
    """Signing in rightly and wrongly, mistakes in settings, an unknown page: what is logged names nobody."""
    await office.add_user("anne@example.org", ALL)
    async with house.browser(office, await office.add_user("root@example.org", ALL)) as browser:
        locations = []
        for path, form in (
            ("/sign-in", {"email": "anne@example.org", "password": "a wrong PASSPHRASE"}),
            ("/sign-in", {"email": "nobody@secret.example", "password": "a wrong PASSPHRASE"}),
            ("/admin/carriers", {"kind": "smtp", "name": "relay", "host": "h.example", "password": "relay-PASSWORD", "port": "x"}),
            ("/admin/hooks", {"url": "https://127.0.0.1/token-of-CRM", "label": "x"}),
            ("/suppressions/search", {"address": "anne@example.org"}),
            ("/password", {"old": "old PASSPHRASE", "new": "new PASSPHRASE", "again": "other"}),
        ):
            _status, _text, location = await browser.post(path, form)
            locations.append(location or "")
        await browser.get("/nothing/anne@example.org")
        mailing = await office.add_mailing([house.piece(1, 1)], trial_letters(1, 1))
        await browser.get(f"/m/{mailing.id}")
    told = "\n".join(str(line) for line in office.log.lines) + "\n".join(locations)
    for word in ("PASSPHRASE", "relay-PASSWORD", "anne@", "nobody@", "token-of-CRM", "DUPONT", house.PASSWORD):
        assert word not in told, word
