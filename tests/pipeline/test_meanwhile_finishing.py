"""When a mailing is finished while something else happens to it: nothing is lost, and nothing stays open for ever."""

import pytest

from postoffice.actions import steering
from postoffice.actions.actor import OFFICE
from postoffice.model.channel import Channel
from postoffice.model.delivery import Event
from postoffice.model.mailing import Mailing
from postoffice.model.ports import Abilities
from postoffice.model.states import EventKind, ItemState, MailingState
from postoffice.pipeline.news import apply_news
from postoffice.store import batches, deliveries, items, mailings
from postoffice.store.finishing import finish_if_done
from tests.pipeline.at_once import meanwhile, sent
from tests.pipeline.house import Office, PlannedCarrier

pytestmark = pytest.mark.slow


@pytest.fixture
def carrier(office: Office) -> PlannedCarrier:
    made = PlannedCarrier("my-sms", Abilities(Channel.SMS))
    office.carriers.mine[Channel.SMS] = made
    return made


async def _tell(office: Office, carrier: PlannedCarrier, kind: EventKind) -> None:
    told = [Event(kind, office.clock.now(), key=carrier.calls[0], code="told")]
    await apply_news(office.house, office.organisation_id, carrier.name, told)


async def _open_again(office: Office, mailing: Mailing) -> None:
    """As if another letter of it had been under way until now."""
    async with office.house.database.write() as connection:
        await mailings.command(connection, mailing, "resume", finished_at=None)


async def _finish(office: Office, mailing: Mailing) -> None:
    async with office.house.database.write() as connection:
        await finish_if_done(connection, mailing.id, office.clock.now())


async def test_the_last_two_letters_stopped_at_once_finish_their_mailing(office: Office, carrier: PlannedCarrier) -> None:
    mailing = await sent(office, 2, rounds=1)
    one, other = await office.items(mailing)
    async with meanwhile(office, steering.cancel_item(office.house, other, OFFICE)) as connection:
        assert await deliveries.cancel_queued(connection, mailing.id, office.clock.now(), item_id=one.id) == 1
        assert not await finish_if_done(connection, mailing.id, office.clock.now())
    assert (await office.mailing(mailing)).state is MailingState.FINISHED


async def test_a_letter_sent_again_while_its_mailing_ends_goes(office: Office, carrier: PlannedCarrier) -> None:
    mailing = await sent(office, 1)
    await _tell(office, carrier, EventKind.BOUNCED)
    await _open_again(office, mailing)
    (item,) = await office.items(mailing)
    now = office.clock.now()
    async with meanwhile(office, _finish(office, mailing)) as connection:  # as steering.resend does
        await items.command(connection, item, "resend", now, delivery_id=None)
        await mailings.command(connection, mailing, "resume")
        await batches.add(connection, organisation_id=office.organisation_id, step="plan", subject_id=mailing.id, queue="read", now=now)
    await office.work()
    assert (await office.items(mailing))[0].state is ItemState.HANDED_OVER
    assert len(carrier.calls) == 2


async def test_news_that_comes_while_a_mailing_is_finished_is_taken(office: Office, carrier: PlannedCarrier) -> None:
    mailing = await sent(office, 1)
    await _open_again(office, mailing)
    async with meanwhile(office, _tell(office, carrier, EventKind.DELIVERED)) as connection:
        assert await finish_if_done(connection, mailing.id, office.clock.now())
    assert (await office.items(mailing))[0].state is ItemState.DELIVERED
    assert (await office.mailing(mailing)).state is MailingState.FINISHED
