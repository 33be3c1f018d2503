"""What meets an import: somebody corrects a contact while its rows are written, or uses one while the import is taken back."""

from collections.abc import Awaitable, Callable

import pytest

from postoffice.actions import optouts
from postoffice.actions import purchases as buying
from postoffice.actions.actor import OFFICE
from postoffice.campaigns.segment_purchases import Bought
from postoffice.model.channel import Channel, Purpose
from postoffice.model.consent import Means
from postoffice.model.segment import Segment, SegmentKind
from postoffice.privacy import ledger
from postoffice.store import consents, contact_book, imports, segments
from postoffice.store.imports import ImportState
from tests.pipeline.at_once import AT_ONCE, ONE_BY_ONE, waits
from tests.pipeline.house import Office
from tests.pipeline.test_importing import HEAD, JEAN, MARIE, Importer

pytestmark = pytest.mark.slow
FILE = "\n".join((HEAD, JEAN, MARIE)).encode()


async def _jean(office: Office) -> contact_book.FullContact:
    return next(one for one in (await Importer(office).everybody()).values() if one.external_ids == {"crm": "C-1"})


async def _write_something(office: Office, connection: object) -> str:
    """A person corrects Jean; the caller's transaction is open until its end."""
    jean = await _jean(office)
    await contact_book.hold(connection, office.organisation_id, [jean.id])  # type: ignore[arg-type]
    values = {"attributes": {**jean.attributes, "memo": "call him"}, "tags": ["vip"]}
    office.clock.pass_by(minutes=1)
    await contact_book.change(connection, office.organisation_id, jean.id, values, [], office.clock.now())  # type: ignore[arg-type]
    return jean.id


@AT_ONCE
async def test_what_a_person_writes_while_rows_are_written_stays(office: Office) -> None:
    importer = Importer(office)
    await importer.applied(FILE)
    again = await importer.tried(FILE.replace(b"12,5", b"99"))
    async with office.house.database.write() as connection:
        await imports.command(connection, again, "apply", next_row=0)
    async with office.house.database.write() as connection:
        await _write_something(office, connection)
        applying = await waits(office, importer.work(again.id))
    assert (await applying).state is ImportState.DONE
    jean = await _jean(office)
    assert jean.attributes["memo"] == "call him" and jean.attributes["Solde"] == 99 and "vip" in jean.tags


@AT_ONCE
async def test_who_is_changed_while_the_import_is_taken_back_stays(office: Office) -> None:
    importer = Importer(office)
    one = await importer.applied(FILE)
    async with office.house.database.write() as connection:
        await _write_something(office, connection)
        undoing = await waits(office, importer.undone(one))
    undone = await undoing
    assert (undone.state, undone.outcome["removed"], undone.outcome["left"]) == (ImportState.UNDONE, 1, 1)
    assert (await _jean(office)).attributes["memo"] == "call him"


@AT_ONCE
async def test_who_refuses_while_the_import_is_taken_back_stays(office: Office) -> None:
    importer = Importer(office)
    one = await importer.applied(FILE)
    jean = (await _jean(office)).id
    async with office.house.database.write() as connection:
        wish = optouts.Wish(office.organisation_id, Means.PHONE, office.clock.now(), "staff", jean, (Purpose.PROMOTION,), Channel.EMAIL)
        await optouts.record(connection, office.house, wish)
        undoing = await waits(office, importer.undone(one))
    assert (await undoing).outcome["left"] == 1
    assert await _standing(office, jean) is False


async def _bought(office: Office, contact_id: str) -> None:
    bought = Bought("order-1", office.clock.now(), 1_000, "EUR", contact_id=contact_id)
    await buying.tell(office.house, office.organisation_id, [(1, bought)], OFFICE, buying.Outcome())


async def _frozen(office: Office, contact_id: str) -> None:
    now = office.clock.now()
    async with office.house.database.write() as connection:
        kept = Segment("", office.organisation_id, "Tous", {"all": []}, kind=SegmentKind.FROZEN, filled_at=now)
        await segments.fill(connection, office.organisation_id, await segments.add(connection, kept, now), [contact_id])


async def _refused_in_a_file(office: Office, contact_id: str) -> None:
    await Importer(office).applied(FILE.replace(b";oui;", b";non;"))


@ONE_BY_ONE
@pytest.mark.parametrize("use", [_bought, _frozen, _refused_in_a_file])
async def test_an_import_is_taken_back_but_for_whom_something_used(
    office: Office, use: Callable[[Office, str], Awaitable[None]]
) -> None:
    importer = Importer(office)
    one = await importer.applied(FILE)
    jean = (await _jean(office)).id
    await use(office, jean)
    undone = await importer.undone(one)
    assert (undone.state, undone.outcome["removed"], undone.outcome["left"]) == (ImportState.UNDONE, 1, 1)
    assert (await _jean(office)).id == jean
    if use is _refused_in_a_file:
        assert await _standing(office, jean) is False


async def _standing(office: Office, contact_id: str) -> bool | None:
    async with office.house.database.read() as connection:
        known = await consents.of_contacts(connection, office.organisation_id, [contact_id])
    return ledger.standing(known.get(contact_id, []), Purpose.PROMOTION, Channel.EMAIL)
