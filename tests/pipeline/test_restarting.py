"""START after STOP: exactly the block that STOP set is lifted, and no other."""

from datetime import timedelta

import pytest

from postoffice.actions import optouts, steering
from postoffice.actions.actor import OFFICE, Actor
from postoffice.actions.optins import Restart, taken_back
from postoffice.channels.sms import rules
from postoffice.model.channel import Channel, Purpose
from postoffice.model.consent import ALL, Entry, Means
from postoffice.model.mailing import Options
from postoffice.model.ports import Abilities
from postoffice.pipeline.news import apply_news
from postoffice.privacy import ledger
from postoffice.store import consents, suppressions
from tests.pipeline.house import Office, PlannedCarrier, people_items

NUMBER = "+33639980000"
NEWS = Options(channel=Channel.SMS, purpose=Purpose.SERVICE)


class Phone:
    """A recipient's telephone: what is written from it reaches the office through the carrier that sent to it."""

    def __init__(self, office: Office) -> None:
        self.office, self.carrier = office, PlannedCarrier("my-sms", Abilities(Channel.SMS))
        office.carriers.mine[Channel.SMS] = self.carrier

    async def start(self) -> str:
        mailing = await self.office.drafts(people_items(1), NEWS)
        await steering.send(self.office.house, mailing, NEWS, OFFICE)
        await self.office.work()
        (item,) = await self.office.items(mailing)
        assert item.contact_id
        return item.contact_id

    async def write(self, text: str, *, ago: timedelta = timedelta(0)) -> None:
        self.office.clock.pass_by(hours=1)
        told = rules.answer(NUMBER, "+33700000000", text, self.office.clock.now() - ago, key=self.carrier.calls[-1])
        for _ in range(2):  # told twice
            await apply_news(self.office.house, self.office.organisation_id, self.carrier.name, [told])

    async def blocked(self) -> list[tuple[str, str]]:
        office = self.office
        async with office.house.database.read() as connection:
            chosen = suppressions.Filter(state="active")
            some = await suppressions.page(connection, office.organisation_id, chosen, office.clock.now(), limit=100)
        return sorted((one.purpose or ALL, one.origin) for one in some)

    async def standing(self, contact_id: str, purpose: Purpose) -> bool | None:
        async with self.office.house.database.read() as connection:
            lines = (await consents.of_contacts(connection, self.office.organisation_id, [contact_id])).get(contact_id, [])
        return ledger.standing(lines, purpose, Channel.SMS)


@pytest.fixture
def phone(office: Office) -> Phone:
    return Phone(office)


async def test_start_takes_stop_back(phone: Phone) -> None:
    contact_id = await phone.start()
    await phone.write("STOP")
    assert await phone.blocked() == [("promotion", "my-sms"), ("service", "my-sms")]
    assert await phone.standing(contact_id, Purpose.SERVICE) is False
    await phone.write("Start!")
    assert await phone.blocked() == []
    assert await phone.standing(contact_id, Purpose.SERVICE) is True
    await phone.write("ARRET")
    assert len(await phone.blocked()) == 2, "and STOP holds again"
    assert await phone.standing(contact_id, Purpose.SERVICE) is False


async def test_what_was_refused_elsewhere_stays_refused(phone: Phone, office: Office) -> None:
    contact_id = await phone.start()
    await optouts.opt_out(
        office.house,
        office.organisation_id,
        contact_id,
        Actor("user:clerk", None),
        means=Means.LETTER,
        purposes=(Purpose.PROMOTION,),
    )
    before = await phone.blocked()
    await phone.write("STOP")
    await phone.write("START")
    assert await phone.blocked() == before and before
    assert await phone.standing(contact_id, Purpose.PROMOTION) is False
    assert await phone.standing(contact_id, Purpose.SERVICE) is True


async def test_a_start_that_comes_after_a_newer_stop_is_too_late(phone: Phone) -> None:
    contact_id = await phone.start()
    await phone.write("STOP")
    await phone.write("START", ago=timedelta(minutes=90))
    assert len(await phone.blocked()) == 2
    assert await phone.standing(contact_id, Purpose.SERVICE) is False


async def test_start_without_stop_gives_no_consent(phone: Phone) -> None:
    contact_id = await phone.start()
    await phone.write("START")
    assert await phone.standing(contact_id, Purpose.PROMOTION) is None


def test_a_wide_stop_is_answered_narrowly_where_something_else_is_refused(phone: Phone, office: Office) -> None:
    now = office.clock.now()
    stop = Entry(ALL, "sms", False, now, Means.SMS, {"carrier": "my-sms"}, "2")
    portal = Entry("promotion", ALL, False, now - timedelta(days=1), Means.PORTAL, {}, "1")
    restart = Restart(office.organisation_id, "my-sms", NUMBER, now + timedelta(hours=1))
    assert [one.purpose for one in taken_back([stop], restart)] == [ALL]
    narrow = taken_back([portal, stop], restart)
    assert "promotion" not in {one.purpose for one in narrow} and "invoice" in {one.purpose for one in narrow}
    other = Restart(office.organisation_id, "another", NUMBER, now + timedelta(hours=1))
    assert taken_back([stop], other) == []
