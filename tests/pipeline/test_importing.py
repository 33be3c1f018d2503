"""Importing contacts: every usual writing of a file, trials that write nothing, pieces written once, taken back."""

from collections.abc import Mapping
from typing import Any

import pytest
import sqlalchemy as sa

from postoffice.contacts.columns import guess
from postoffice.model.consent import Entry, Means
from postoffice.pipeline import importing
from postoffice.pipeline.stop import Stop, StopAsked
from postoffice.store import batches, consents, contact_book, imports, points
from postoffice.store.imports import Import, ImportState
from postoffice.store.schema import contact_points, contacts
from tests.conftest import FixedClock
from tests.pipeline.house import Office

pytestmark = pytest.mark.slow

HEAD = "Civilité;Prénom;Nom;Adresse;Code postal;Ville;E-mail;Portable;N° client;Opt-in;Solde"
JEAN = "M.;Jean;Dupont;12 rue de l'Église;1000;Bourg-en-Bresse;jean@example.org;612345678.0;C-1;oui;12,5"
MARIE = "Mme;Marie;Martin;3 place Bellecour;69002;Lyon;marie@example.org;+33 6 98 76 54 32;C-2;non;0"

KNOWN = {"Solde": 12.5, "first_name": "Jean", "last_name": "Dupont"}


class Importer:
    """A person who brings files and presses the buttons; the worker's part is done at once."""

    def __init__(self, office: Office) -> None:
        self.office, self.house = office, office.house

    async def work(self, import_id: str, stop: Stop | None = None) -> Import:
        async with self.house.database.write() as connection:
            now = self.house.clock.now()
            batch_id = await batches.add(connection, **importing.new_work(import_id, self.office.organisation_id, now))
            batch = await batches.claim(connection, batch_id, "w", now, self.house.lease)
        assert batch is not None
        await importing.run(self.house, batch, stop or Stop())
        return await self.get(import_id)

    async def get(self, import_id: str) -> Import:
        async with self.house.database.read() as connection:
            return await imports.get(connection, import_id)

    async def bring(self, content: bytes, name: str = "clients.csv") -> Import:
        stored = await self.house.documents.put(self.office.organisation_id, content)
        async with self.house.database.write() as connection:
            now = self.house.clock.now()
            import_id = await imports.add(connection, self.office.organisation_id, name, stored.sha256, "user:x", now)
        return await self.work(import_id)

    async def tried(self, content: bytes, **choices: Any) -> Import:
        one = await self.bring(content)
        assert one.state is ImportState.MAPPING, one.error
        names = one.facts["names"]
        header = one.facts["header"]
        first = one.facts["first"][header][0] + 1 if header >= 0 else 1
        chosen = {"names": names, "mapping": guess(names), "first": first, "system": "crm", "country": "FR"} | choices
        async with self.house.database.write() as connection:
            await imports.command(connection, one, "try", choices=chosen, next_row=0)
        return await self.work(one.id)

    async def applied(self, content: bytes, **choices: Any) -> Import:
        one = await self.tried(content, **choices)
        assert one.state is ImportState.TRIED
        async with self.house.database.write() as connection:
            await imports.command(connection, one, "apply", next_row=0)
        return await self.work(one.id)

    async def undone(self, one: Import) -> Import:
        async with self.house.database.write() as connection:
            await imports.command(connection, one, "undo")
        return await self.work(one.id)

    async def everybody(self) -> Mapping[str, contact_book.FullContact]:
        async with self.house.database.read() as connection:
            ids = list(await connection.scalars(sa.select(contacts.c.id)))
            found = await contact_book.by_ids(connection, self.office.organisation_id, ids)
        return {one.name: one for one in found.values()}


@pytest.fixture
def person(office: Office) -> Importer:
    return Importer(office)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252"])
@pytest.mark.parametrize("mark", [";", "\t"])
async def test_a_file_in_any_usual_writing_becomes_contacts(person: Importer, encoding: str, mark: str) -> None:
    text = "\r\n".join([HEAD, JEAN, MARIE]).replace(";", mark)
    done = await person.applied(text.encode(encoding))
    assert done.state is ImportState.DONE and done.outcome["counts"]["new"] == 2
    jean = (await person.everybody())["Jean Dupont"]
    assert jean.values("email") == ("jean@example.org",) and jean.values("sms") == ("+33612345678",)
    assert jean.values("post") == ("M. Jean Dupont, 12 rue de l'Église, 01000 Bourg-en-Bresse",)
    assert jean.external_ids == {"crm": "C-1"} and jean.attributes == KNOWN
    async with person.house.database.read() as connection:
        said = await consents.of_contacts(connection, person.office.organisation_id, [jean.id])
    assert [(one.purpose, one.channel, one.given, one.means) for one in said[jean.id]] == [("promotion", "email", True, Means.IMPORT)]


async def test_a_trial_writes_nothing_and_tells_what_the_import_then_does(person: Importer, clock: FixedClock) -> None:
    await person.applied("\n".join([HEAD, JEAN, MARIE]).encode())
    clock.pass_by(hours=1)
    moved = JEAN.replace("jean@example.org", "jean@example.net")
    again = "\n".join(
        [HEAD, moved, MARIE, ";;;;;;;;;;5", ";Paul;Petit;;;;paul@example.org;;C-3;;", ";P.;Petit;;;;paul@example.org;;C-3;;"]
    )
    tried = await person.tried(again.encode())
    counts = {name: number for name, number in tried.outcome["counts"].items() if number}
    assert counts == {"changed": 1, "unchanged": 1, "refused": 1, "new": 1, "again": 1}
    assert tried.outcome["examples"][0]["fields"] == {"email": ["jean@example.org", "jean@example.net, jean@example.org"]}
    assert len(await person.everybody()) == 2
    async with person.house.database.write() as connection:
        await imports.command(connection, tried, "apply", next_row=0)
    done = await person.work(tried.id)
    assert {name: number for name, number in done.outcome["counts"].items() if number} == counts
    assert (await person.everybody())["Jean Dupont"].values("email") == ("jean@example.net", "jean@example.org")


async def test_the_same_person_five_times_is_one_contact_with_all_that_was_told(person: Importer) -> None:
    lines = [f";Jean;Dupont;12 rue de l'Église;01000;Bourg;jean@example.org;061234567{n};;;" for n in range(5)]
    done = await person.applied("\n".join([HEAD, *lines]).encode())
    assert done.outcome["counts"]["new"] == 1 and done.outcome["counts"]["again"] == 4
    assert len((await person.everybody())["Jean Dupont"].values("sms")) == 5


async def test_a_shared_mailbox_does_not_make_two_people_one(person: Importer) -> None:
    await person.applied("\n".join([HEAD, ";Jean;Dupont;;;;famille@example.org;;;;"]).encode())
    done = await person.applied("\n".join([HEAD, ";Sophie;Bernard;;;;famille@example.org;;;;"]).encode())
    assert done.outcome["counts"]["conflict"] == 1 and done.outcome["codes"] == {"import-other-name": 1}
    assert list(await person.everybody()) == ["Jean Dupont"]


async def test_an_import_does_not_bring_back_what_was_withdrawn_nor_heal_an_address(person: Importer, clock: FixedClock) -> None:
    await person.applied("\n".join([HEAD, JEAN]).encode())
    jean = (await person.everybody())["Jean Dupont"]
    clock.pass_by(days=1)
    async with person.house.database.write() as connection:
        now, mine = clock.now(), person.office.organisation_id
        await consents.add(connection, mine, [(jean.id, Entry("promotion", "email", False, now, Means.LINK))])
        await points.mark(connection, mine, jean.id, lambda point: point.channel == "email", "dead", "bounced", now)
    clock.pass_by(days=1)
    done = await person.applied("\n".join([HEAD, JEAN]).encode())
    assert done.outcome["counts"]["kept_withdrawn"] == 1
    async with person.house.database.read() as connection:
        assert len((await consents.of_contacts(connection, mine, [jean.id]))[jean.id]) == 2
    assert [one.health for one in (await person.everybody())["Jean Dupont"].points if one.channel == "email"] == ["dead"]


class StopsAfter(Stop):
    """Asks for the end once so many pieces were begun."""

    def __init__(self, pieces: int) -> None:
        super().__init__()
        self._left = pieces

    def check(self) -> None:
        self._left -= 1
        if self._left < 0:
            raise StopAsked


async def test_a_worker_that_stops_half_way_goes_on_where_it_was(person: Importer) -> None:
    lines = [f";Jean{n};Dupont;;;;jean{n}@example.org;;C-{n};;" for n in range(2_500)]
    tried = await person.tried("\n".join([HEAD, *lines]).encode())
    async with person.house.database.write() as connection:
        await imports.command(connection, tried, "apply", next_row=0)
    with pytest.raises(StopAsked):
        await person.work(tried.id, StopsAfter(1))
    assert (await person.get(tried.id)).next_row == 2_000
    done = await person.work(tried.id)
    assert done.outcome["counts"]["new"] == 2_500
    async with person.house.database.read() as connection:
        assert await connection.scalar(sa.select(sa.func.count()).select_from(contacts)) == 2_500
        assert await connection.scalar(sa.select(sa.func.count()).select_from(contact_points)) == 2_500


async def test_taking_back_leaves_what_somebody_changed_since(person: Importer, clock: FixedClock) -> None:
    await person.applied("\n".join([HEAD, JEAN]).encode())
    clock.pass_by(hours=1)
    done = await person.applied("\n".join([HEAD, JEAN.replace("12,5", "99"), MARIE, ";Paul;Petit;;;;paul@example.org;;C-3;;"]).encode())
    paul = (await person.everybody())["Paul Petit"]
    clock.pass_by(hours=1)
    async with person.house.database.write() as connection:
        await contact_book.change(connection, person.office.organisation_id, paul.id, {"language": "fr"}, (), clock.now())
    undone = await person.undone(done)
    assert (undone.outcome["removed"], undone.outcome["restored"], undone.outcome["left"]) == (1, 1, 1)
    left = await person.everybody()
    assert sorted(left) == ["Jean Dupont", "Paul Petit"] and left["Jean Dupont"].attributes == KNOWN


CARDS = (
    "BEGIN:VCARD\r\nVERSION:4.0\r\nN:Dupont;Jean;;;\r\nFN:Jean Dupont\r\nORG:Mairie\\, service;Eau\r\n"
    'ADR;LABEL="x:y":;;12 rue de l\'Ég\r\n lise;Lyon;;69002;France\r\nEMAIL;TYPE=work:jean@example.org\r\n'
    "item1.TEL;VALUE=uri;TYPE=cell:tel:+33612345678\r\nTEL;TYPE=fax:+33 4 78 12 34 56\r\nCATEGORIES:client,eau\r\nEND:VCARD\r\n"
    "BEGIN:VCARD\r\nVERSION:3.0\r\nN:Martin;Marie;;;\r\nEMAIL:marie@example.org\r\nEND:VCARD\r\n"
)


async def test_vcards(person: Importer) -> None:
    done = await person.applied(CARDS.encode(), mapping=_vcard_mapping())
    assert done.outcome["counts"]["new"] == 2
    everybody = await person.everybody()
    jean = everybody["Jean Dupont"]
    assert (jean.company, jean.tags, jean.values("fax")) == ("Mairie, service", ("client", "eau"), ("+33478123456",))
    assert jean.values("post") == ("Mairie, service, Jean Dupont, 12 rue de l'Église, 69002 Lyon",)
    assert everybody["Marie Martin"].values("email") == ("marie@example.org",)


def _vcard_mapping() -> dict[str, str]:
    from postoffice.contacts.vcard import COLUMNS

    return dict(COLUMNS)


@pytest.mark.parametrize("content", [b"", b"\n\n\n", b"%PDF-1.7\n\x00\x01", b"PK\x03\x04 no workbook"])
async def test_a_file_that_is_no_table_ends_with_words(person: Importer, content: bytes) -> None:
    one = await person.bring(content)
    assert one.state is ImportState.FAILED and one.error and one.error["code"] == "unreadable-spreadsheet"
