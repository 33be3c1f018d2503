"""Raw news: kept, translated, applied; answers without key find their letter; STOP holds before the next item leaves; replay."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import pytest
import sqlalchemy as sa

from postoffice.actions import steering
from postoffice.actions.actor import OFFICE
from postoffice.model.channel import Channel, Purpose
from postoffice.model.delivery import Event, Knock
from postoffice.model.mailing import Ground, Mailing, Options
from postoffice.model.ports import Abilities
from postoffice.model.states import EventKind
from postoffice.pipeline.hearing import OF_NOTHING, hear, replay
from postoffice.store import carriers, events, news
from postoffice.store import schema as tables
from tests.pipeline.house import Office, PlannedCarrier, people_items

SMS = Options(channel=Channel.SMS, purpose=Purpose.SERVICE)
PROMOTION = Options(channel=Channel.SMS, purpose=Purpose.PROMOTION, ground=Ground.CUSTOMERS)
ANNE = "+33639980001"


class Reader(PlannedCarrier):
    """A carrier whose knocks mean what the test says."""

    def __init__(self) -> None:
        super().__init__("gateway", Abilities(Channel.SMS, keeps_keys=True, chunk=1))
        self.means: Sequence[Event] | Exception = ()

    def read(self, knock: Knock) -> Sequence[Event]:
        if isinstance(self.means, Exception):
            raise self.means
        return self.means


@pytest.fixture
async def gateway(office: Office) -> Reader:
    carrier = Reader()
    office.carriers.mine[Channel.SMS] = carrier
    async with office.house.database.write() as connection:
        await carriers.add(
            connection,
            organisation_id=office.organisation_id,
            name="gateway",
            kind="smpp",
            channel=Channel.SMS,
            settings={},
            now=office.clock.now(),
        )
    return carrier


async def sent(office: Office, options: Options = SMS, *, live: bool = True, **more: Any) -> tuple[Mailing, Any]:
    """A mailing of one SMS to Anne that the gateway has."""
    mailing = await office.drafts(people_items(1, mobile=ANNE, **more), options, live=live)
    await steering.send(office.house, mailing, options, OFFICE)
    await office.work()
    (item,) = await office.items(mailing)
    return mailing, item


def said(office: Office, text: str = "Merci", kind: EventKind = EventKind.REPLIED, sender: str = ANNE) -> Event:
    return Event(kind, office.clock.now(), text=text, detail={"from": sender, "to": "+33199000000"})


async def blocked(office: Office) -> set[tuple[str | None, str, str]]:
    async with office.house.database.read() as connection:
        rows = (await connection.execute(tables.suppressions.select())).mappings()
        return {(row["purpose"], row["reason"], row["origin"]) for row in rows}


async def keep(office: Office, words: str = "knock", minutes: float = 0) -> str:
    knock = Knock("POST", "/", {}, {}, words.encode(), office.clock.now())
    async with office.house.database.write() as connection:
        news_id, _ = await news.keep(
            connection,
            organisation_id=office.organisation_id,
            carrier="gateway",
            way="knock",
            digest=news.digest_of_knock(knock),
            body=news.seal_knock(office.house.keyring, knock),
            request={},
            now=office.clock.now(),
        )
    return news_id


async def states(office: Office) -> list[tuple[str, str]]:
    async with office.house.database.read() as connection:
        rows = await connection.execute(sa.select(tables.news.c.state, tables.news.c.error).order_by(tables.news.c.id))
        return [(row.state, row.error) for row in rows]


async def test_an_answer_is_laid_to_the_last_letter_to_its_sender(office: Office, gateway: Reader) -> None:
    _, first = await sent(office)
    office.clock.pass_by(hours=1)
    _, last = await sent(office)
    office.clock.pass_by(hours=1)
    answer = said(office, sender="33639980001")  # as gateways write it
    assert await hear(office.house, office.organisation_id, "gateway", [answer]) == 1
    office.clock.pass_by(hours=1)
    await sent(office)  # a later letter changes nothing when the same answer is told again
    assert await hear(office.house, office.organisation_id, "gateway", [answer]) == 0
    async with office.house.database.read() as connection:
        (line,) = [one for one in await events.of_item(connection, last.id) if one.kind is EventKind.REPLIED]
        assert [one.text for one in await events.of_contact(connection, last.contact_id) if one.kind is EventKind.REPLIED] == ["Merci"]
        assert not [one for one in await events.of_item(connection, first.id) if one.kind is EventKind.REPLIED]
    assert line.detail["to"] == "+33199000000"
    assert await states(office) == [("read", "")]


async def test_an_answer_told_with_its_key_and_without_is_one(office: Office, gateway: Reader) -> None:
    """The process that sent an SMS knows whom an answer belongs to, the one that listens does not."""
    from dataclasses import replace

    _, item = await sent(office)
    answer = said(office)
    assert await hear(office.house, office.organisation_id, "gateway", [replace(answer, key=item.delivery_id)]) == 1
    assert await hear(office.house, office.organisation_id, "gateway", [answer]) == 0


async def test_an_answer_that_came_before_any_letter_is_kept_apart(office: Office, gateway: Reader) -> None:
    answer = said(office)
    office.clock.pass_by(hours=1)
    await sent(office)
    assert await hear(office.house, office.organisation_id, "gateway", [answer, said(office, "Qui ?", sender="SHORTY")]) == 2
    async with office.house.database.read() as connection:
        loose = await events.loose(connection, office.organisation_id)
        assert await events.count_loose(connection, office.organisation_id, answer.at) == 2
    assert {line.text for line in loose} == {"Merci", "Qui ?"}


@pytest.mark.parametrize(
    ("options", "purposes"),
    [(PROMOTION, {"promotion"}), (SMS, {"service", "promotion"})],
)
async def test_stop_blocks_the_purposes_concerned(office: Office, gateway: Reader, options: Options, purposes: set[str]) -> None:
    office.clock.time = datetime(2026, 11, 23, 10, tzinfo=UTC)  # a Monday morning: offers may go
    await sent(office, options)
    assert await hear(office.house, office.organisation_id, "gateway", [said(office, "STOP", EventKind.OPTED_OUT)]) == 1
    assert await blocked(office) == {(purpose, "opt-out", "gateway") for purpose in purposes}
    after = await office.drafts(people_items(1, mobile=ANNE), options)
    await steering.send(office.house, after, options, OFFICE)
    await office.work()
    assert await office.states(after) == {"held": 1}


async def test_stop_holds_before_the_next_item_is_handed_over(office: Office, gateway: Reader) -> None:
    await sent(office)
    mailing = await office.drafts([*people_items(1, mobile="+33639980002"), *people_items(1, mobile=ANNE)], SMS)

    async def stop(_piece: Any) -> None:
        await hear(office.house, office.organisation_id, "gateway", [said(office, "ARRET", EventKind.OPTED_OUT)])

    gateway.say["+33639980002"] = [stop]  # while the first of two leaves, the recipient of the second writes STOP
    await steering.send(office.house, mailing, SMS, OFFICE)
    await office.work()
    assert await office.states(mailing) == {"handed_over": 1, "failed": 1}
    (refused,) = [item for item in await office.items(mailing) if item.mobile == ANNE]
    assert refused.delivery_id not in gateway.taken
    async with office.house.database.read() as connection:
        line = (await events.of_item(connection, refused.id))[-1]
    assert (line.kind, line.source, line.code) == (EventKind.REFUSED, "office", "opted-out")


async def test_stop_of_a_stranger_blocks_everything_and_a_trial_blocks_nothing(office: Office, gateway: Reader) -> None:
    await sent(office, live=False)
    await hear(office.house, office.organisation_id, "gateway", [said(office, "STOP", EventKind.OPTED_OUT)])
    assert await blocked(office) == set()
    await hear(office.house, office.organisation_id, "gateway", [said(office, "STOP", EventKind.OPTED_OUT, "33639980077")])
    assert await blocked(office) == {(None, "opt-out", "gateway")}
    mailing = await office.drafts(people_items(1, mobile="+33639980077"), SMS)
    await steering.send(office.house, mailing, SMS, OFFICE)
    await office.work()
    assert await office.states(mailing) == {"held": 1}


async def test_a_block_that_a_person_lifted_stays_lifted_on_replay(office: Office, gateway: Reader) -> None:
    await sent(office)
    gateway.means = [said(office, "STOP", EventKind.OPTED_OUT)]
    await keep(office)
    assert await replay(office.house) == (1, 1, 0)
    async with office.house.database.write() as connection:
        await connection.execute(tables.suppressions.update().values(lifted_at=office.clock.now()))
    assert await replay(office.house) == (1, 0, 0)
    assert len(await blocked(office)) == 2, "no third one"


async def test_email_answers_match_in_any_case(office: Office) -> None:
    options = Options(channel=Channel.EMAIL)
    mailing = await office.drafts(people_items(1, email="Anne.Martin@Example.fr"), options)
    await steering.send(office.house, mailing, options, OFFICE)
    await office.work()
    answer = said(office, sender="anne.martin@example.fr")
    assert await hear(office.house, office.organisation_id, "sandbox-email", [answer]) == 1
    (item,) = await office.items(mailing)
    async with office.house.database.read() as connection:
        assert EventKind.REPLIED in [line.kind for line in await events.of_item(connection, item.id)]


async def test_other_organisations_hear_nothing(office: Office, gateway: Reader) -> None:
    _, item = await sent(office)
    from postoffice.store import people

    async with office.house.database.write() as connection:
        other = await people.add_organisation(
            connection, name="Other", slug="other", document_key=office.house.keyring.wrap(bytes(32)), now=office.clock.now()
        )
    await hear(office.house, other, "gateway", [said(office, "STOP", EventKind.OPTED_OUT)])
    async with office.house.database.read() as connection:
        assert EventKind.OPTED_OUT not in [line.kind for line in await events.of_item(connection, item.id)]
    assert await blocked(office) == set()


async def test_a_receipt_that_outran_our_record_is_read_again(office: Office, gateway: Reader) -> None:
    from postoffice.store import batches

    gateway.means = [Event(EventKind.DELIVERED, office.clock.now(), reference="early")]
    await keep(office)
    async with office.house.database.write() as connection:
        row = await carriers.by_name(connection, office.organisation_id, "gateway")
        await batches.add(
            connection,
            organisation_id=office.organisation_id,
            step="news",
            subject_id=row.id,
            queue="sms",
            now=office.clock.now(),
            data={"carrier": "gateway"},
        )
    await office.work()
    assert await states(office) == [("partly", OF_NOTHING)]
    mailing, item = await sent(office)
    async with office.house.database.write() as connection:
        await connection.execute(tables.deliveries.update().where(tables.deliveries.c.id == item.delivery_id).values(reference="early"))
    office.clock.pass_by(seconds=3)
    await office.work()
    assert await states(office) == [("read", "")]
    assert await office.states(mailing) == {"delivered": 1}
    assert await office.open_batches("news") == []


async def test_news_of_nothing_is_given_up_and_can_be_replayed(office: Office, gateway: Reader) -> None:
    gateway.means = [Event(EventKind.DELIVERED, office.clock.now(), reference="never ours")]
    await keep(office)
    assert await replay(office.house) == (1, 0, 0)
    assert await states(office) == [("read", OF_NOTHING)]
    assert await replay(office.house, failed=True) == (1, 0, 0)


async def test_replay_after_the_carrier_was_mended(office: Office, gateway: Reader) -> None:
    mailing, item = await sent(office)
    good = [Event(EventKind.DELIVERED, office.clock.now(), key=item.delivery_id)]
    gateway.means = KeyError("Anne Martin")
    for number in range(3):
        await keep(office, str(number))
    assert await replay(office.house, carrier="gateway") == (3, 0, 3)
    assert await states(office) == [("failed", "Its translation failed (KeyError).")] * 3
    gateway.means = good
    assert await replay(office.house, failed=True) == (3, 1, 0)
    assert await states(office) == [("read", "")] * 3
    assert await office.states(mailing) == {"delivered": 1}
    gateway.means = KeyError()  # broken again: what was understood stays understood
    assert await replay(office.house) == (3, 0, 3)
    assert {state for state, _ in await states(office)} == {"read"}
    assert await replay(office.house, carrier="another") == (0, 0, 0)


async def test_a_webhook_and_a_poll_tell_one_event(office: Office, gateway: Reader) -> None:
    """They name different moments for the same step."""
    _, item = await sent(office)
    for _ in range(3):
        await hear(
            office.house, office.organisation_id, "gateway", [Event(EventKind.DELIVERED, office.clock.now(), key=item.delivery_id)]
        )
        office.clock.pass_by(seconds=7)
    async with office.house.database.read() as connection:
        kinds = [line.kind for line in await events.of_item(connection, item.id)]
    assert kinds.count(EventKind.DELIVERED) == 1


@pytest.mark.parametrize(("channel", "days"), [(Channel.SMS, 7), (Channel.FAX, 3)])
async def test_asking_ends_after_a_time_that_fits_the_channel(office: Office, channel: Channel, days: int) -> None:
    """Counted from the hand-over: a mailing may be planned weeks before it leaves."""
    from datetime import timedelta

    from postoffice.pipeline.asking import ask
    from postoffice.store import batches

    carrier = PlannedCarrier("silent", Abilities(channel, can_be_asked=True, keeps_keys=True))
    office.carriers.mine[channel] = carrier
    options = Options(channel=channel, send_at=office.clock.now() + timedelta(days=20))
    mailing = await office.drafts(people_items(1), options)
    await steering.send(office.house, mailing, options, OFFICE)
    await office.work()
    office.clock.pass_by(days=20, seconds=1)
    await office.work()
    (batch_id,) = await office.open_batches("ask")

    async def ask_once() -> None:
        async with office.house.database.write() as connection:
            batch = await batches.claim(connection, batch_id, "worker", office.clock.now(), timedelta(minutes=1))
        assert batch
        await ask(office.house, batch, office.pipeline().stop)

    office.clock.pass_by(days=days - 1)
    await ask_once()
    assert await office.open_batches("ask") and carrier.asked == 1
    office.clock.pass_by(days=1, hours=1)
    await ask_once()
    assert await office.open_batches("ask") == []
