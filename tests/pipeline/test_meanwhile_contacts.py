"""What meets at the same moment about a person: refusal and consent, two who write the same one down."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncConnection

from postoffice.actions import addressbook, optins, optouts
from postoffice.actions.actor import OFFICE
from postoffice.model.address import PostalAddress
from postoffice.model.channel import Channel, Purpose
from postoffice.model.consent import Entry, Means
from postoffice.model.item import NewItem
from postoffice.model.states import EventKind
from postoffice.privacy import ledger
from postoffice.store import consents, contact_book, doubts, events, suppressions
from tests.pipeline.at_once import AT_ONCE, ONE_BY_ONE, waits
from tests.pipeline.house import Office

pytestmark = pytest.mark.slow

HOME = PostalAddress(("Anne Durand", "12 rue de l'Église", "69002 LYON"), "69002", "LYON", "FR")
ADVERTISING, MAIL = Purpose.PROMOTION, Channel.EMAIL


async def _anne(office: Office, **points: Any) -> str:
    values = {"name": "Anne Durand"}
    return await addressbook.create(office.house, office.organisation_id, values, points or {"email": ["anne@example.fr"]}, OFFICE)


async def _refuse(office: Office, contact_id: str) -> int:
    return await optouts.opt_out(
        office.house, office.organisation_id, contact_id, OFFICE, means=Means.PHONE, purposes=(ADVERTISING,), channel=MAIL
    )


async def _standing(office: Office, contact_id: str, purpose: str = ADVERTISING, channel: str = MAIL) -> bool | None:
    async with office.house.database.read() as connection:
        known = await consents.of_contacts(connection, office.organisation_id, [contact_id])
    return ledger.standing(known.get(contact_id, []), purpose, channel)


def _blind(office: Office, channel: Channel, to: str) -> str:
    return office.house.keyring.blind(suppressions.normal(channel, to, None))


async def _blocked(office: Office, channel: Channel, to: str) -> bool:
    blind = _blind(office, channel, to)
    async with office.house.database.read() as connection:
        return bool(await suppressions.among(connection, office.organisation_id, ADVERTISING, {blind}, office.clock.now()))


@AT_ONCE
async def test_a_refusal_that_comes_while_consent_is_given_again_is_kept(office: Office) -> None:
    anne = await _anne(office)
    await _refuse(office, anne)
    office.clock.pass_by(days=1)
    async with office.house.database.write() as connection:  # she signs up again, as a form writes it
        await contact_book.hold(connection, office.organisation_id, [anne])
        line = Entry(ADVERTISING, MAIL, True, office.clock.now(), Means.FORM, {})
        await consents.add(connection, office.organisation_id, [(anne, line)])
        for one in await suppressions.page(connection, office.organisation_id, suppressions.Filter(state="active"), office.clock.now()):
            await suppressions.lift(connection, office.organisation_id, one.id, "signed up", "form", office.clock.now())
        office.clock.pass_by(minutes=1)
        refusing = await waits(office, _refuse(office, anne))
    await refusing
    assert await _standing(office, anne) is False and await _blocked(office, MAIL, "anne@example.fr")


NUMBER = "+33612345678"


async def _stop(office: Office, connection: AsyncConnection, contact_id: str | None, at: datetime) -> None:
    """STOP is heard, as news of its carrier."""
    address, proof = optouts.Address(Channel.SMS, NUMBER), {"carrier": "smsc"}
    wish = optouts.Wish(office.organisation_id, Means.SMS, at, "smsc", contact_id, None, Channel.SMS, (address,), proof=proof)
    news = events.NewEvent(office.organisation_id, EventKind.OPTED_OUT, "smsc", at, detail={"from": NUMBER}, once=f"stop {at}")
    await events.add(connection, [news], office.clock.now())
    await optouts.record(connection, office.house, wish)


@AT_ONCE
async def test_a_stop_that_comes_while_start_is_heard_is_kept(office: Office) -> None:
    anne, at = await _anne(office, sms=[NUMBER]), office.clock.now()

    async def stop(minutes: int) -> None:
        async with office.house.database.write() as connection:
            await _stop(office, connection, anne, at + timedelta(minutes=minutes))

    await stop(0)
    async with office.house.database.write() as connection:
        restart = optins.Restart(office.organisation_id, "smsc", NUMBER, at + timedelta(minutes=1), anne)
        assert await optins.record(connection, office.house, restart) == 1
        stopping = await waits(office, stop(2))
    await stopping
    assert await _standing(office, anne, channel=Channel.SMS) is False and await _blocked(office, Channel.SMS, NUMBER)


@AT_ONCE
@pytest.mark.parametrize("known", [True, False])
async def test_a_start_that_is_heard_late_while_a_newer_stop_is_changes_nothing(office: Office, known: bool) -> None:
    anne, at = await _anne(office, sms=[NUMBER]) if known else None, office.clock.now()
    async with office.house.database.write() as connection:
        await _stop(office, connection, anne, at)

    async def start() -> int:
        restart = optins.Restart(office.organisation_id, "smsc", NUMBER, at + timedelta(minutes=1), anne)
        async with office.house.database.write() as connection:
            return await optins.record(connection, office.house, restart)

    async with office.house.database.write() as connection:
        await _stop(office, connection, anne, at + timedelta(minutes=2))
        starting = await waits(office, start())
    assert await starting == 0 and await _blocked(office, Channel.SMS, NUMBER)


@AT_ONCE
async def test_a_block_that_is_told_again_while_it_is_lifted_holds(office: Office) -> None:
    blind = _blind(office, MAIL, "nobody.known@example.fr")

    async def block() -> str | None:
        async with office.house.database.write() as connection:
            return await suppressions.add(
                connection,
                organisation_id=office.organisation_id,
                channel=MAIL,
                address_hash=blind,
                reason="unsubscribed",
                origin="recipient",
                now=office.clock.now(),
            )

    first = await block()
    assert first is not None and await block() is None
    async with office.house.database.write() as connection:
        await suppressions.lift(connection, office.organisation_id, first, "a mistake", "user:x", office.clock.now())
        blocking = await waits(office, block())
    assert await blocking is not None and await _blocked(office, MAIL, "nobody.known@example.fr")


@ONE_BY_ONE
async def test_a_refusal_holds_for_letters_of_a_contact_that_was_merged(office: Office) -> None:
    anne, other = await _anne(office, email=["anne@example.fr"]), await _anne(office, email=["a.durand@example.fr"])
    await addressbook.merge(office.house, office.organisation_id, other, anne, OFFICE)
    await _refuse(office, other)
    assert await _standing(office, anne) is False, "items that were laid to her before the merge are asked by her own number"
    assert await _blocked(office, MAIL, "anne@example.fr") and await _blocked(office, MAIL, "a.durand@example.fr")


@AT_ONCE
async def test_two_who_write_down_the_same_address_at_once_both_succeed(office: Office) -> None:
    async with office.house.database.write() as connection:
        first = await addressbook.add(
            office.house, connection, office.organisation_id, {"name": "Anne Durand"}, {"post": [HOME]}, OFFICE
        )
        writing = await waits(office, _anne(office, post=[HOME]))
    second = await writing
    async with office.house.database.read() as connection:
        found = await contact_book.by_ids(connection, office.organisation_id, [first, second])
    assert [one.values("post") for one in found.values()] == [(", ".join(HOME.lines),)] * 2


@ONE_BY_ONE
async def test_two_doubtful_letters_to_the_same_stranger_are_both_decided(office: Office) -> None:
    jeanne = PostalAddress(("Jeanne Durand", *HOME.lines[1:]), "69002", "LYON", "FR")
    await _anne(office, post=[HOME])
    mailing = await office.drafts([NewItem(number, 1, jeanne) for number in (1, 2)])
    some = await office.items(mailing)
    async with office.house.database.write() as connection:
        new = [{"item_id": one.id, "mailing_id": mailing.id, "candidates": []} for one in some]
        await doubts.add(connection, office.organisation_id, new, office.clock.now())
    for one in some:
        await addressbook.decide(office.house, office.organisation_id, one.id, "", OFFICE)
    contact_ids = {one.contact_id for one in await office.items(mailing)}
    assert len(contact_ids) == 1 and None not in contact_ids
