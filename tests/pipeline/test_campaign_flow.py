"""Approval, tests of two versions, follow-ups, recurring and triggered campaigns, sums, spreadsheets, paper."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from postoffice.actions import campaign_money
from postoffice.actions import campaigns as acting
from postoffice.actions.actor import Actor
from postoffice.compose.merge.content import Content, Parts
from postoffice.model.campaign import Caps, FollowUp, Measure, Repeat, RepeatKind, Rule, Schedule, Test, VariantKind
from postoffice.model.channel import Channel, Purpose
from postoffice.model.consent import Entry, Means
from postoffice.model.errors import Conflict, NotAllowed
from postoffice.model.mailing import Ground, Options
from postoffice.model.people import Grant, Role
from postoffice.model.segment import Segment
from postoffice.model.states import CampaignState, EventKind
from postoffice.store import campaigns, consents, events, mailings, people, schema, segments
from tests.pipeline.campaigning import AUTHOR, again, campaign, crowd, launched, sent, told, version_of, waves_of
from tests.pipeline.house import Office

pytestmark = pytest.mark.slow

OPTIONS = Options(channel=Channel.EMAIL, purpose=Purpose.PROMOTION, ground=Ground.CUSTOMERS)


async def asked_for(office: Office) -> None:
    async with office.house.database.write() as connection:
        found = await people.organisation(connection, office.organisation_id)
        await people.update_organisation(connection, office.organisation_id, settings={**found.settings, acting.APPROVAL: True})


async def user(office: Office, name: str) -> Actor:
    async with office.house.database.write() as connection:
        made = await people.add_user(
            connection,
            organisation_id=office.organisation_id,
            email=f"{name}@example.org",
            name=name,
            password=people.hash_now("not so secret 1"),
            now=office.clock.now(),
            roles=[Grant(Role.SENDER), Grant(Role.APPROVER)],
        )
    user_id = made if isinstance(made, str) else made.id
    return Actor(f"user:{user_id}", user_id)


async def test_another_person_approves_exactly_this_and_a_change_voids_it(office: Office) -> None:
    await crowd(office, 3)
    await asked_for(office)
    author, other = await user(office, "anne"), await user(office, "zoe")
    made = await campaign(office)
    async with office.house.database.write() as connection:
        await campaigns.update(connection, made.id, created_by=author.name, user_id=author.user_id)
    with pytest.raises(Conflict, match="approved"):
        await acting.launch(office.house, await again(office, made), author)
    await acting.submit(office.house, await again(office, made), author)
    for wrong in (author, AUTHOR):  # the author, a program
        with pytest.raises(NotAllowed):
            await acting.approve(office.house, await again(office, made), wrong, yes=True)
    await acting.approve(office.house, await again(office, made), other, yes=True, note="bien")
    approved = await again(office, made)
    assert approved.state is CampaignState.APPROVED
    await acting.change(office.house, approved, replace(approved.design, name="Décembre"), author)
    changed = await again(office, made)
    assert changed.state is CampaignState.DRAFT
    with pytest.raises(Conflict) as missing:
        await acting.launch(office.house, changed, author)
    assert missing.value.code == "approval-missing"
    async with office.house.database.read() as connection:
        (said,) = await campaigns.approvals(connection, made.id)
    assert said.voided_at is not None and said.user_id == other.user_id and said.note == "bien"


async def test_a_segment_that_changed_after_the_approval_is_not_what_was_approved(office: Office) -> None:
    await crowd(office, 3)
    await asked_for(office)
    other = await user(office, "zoe")
    now = office.clock.now()
    async with office.house.database.write() as connection:
        segment_id = await segments.add(connection, Segment("", office.organisation_id, "Tous", {"all": []}), now)
    made = await campaign(office, segment_id=segment_id)
    await acting.submit(office.house, made, AUTHOR)
    await acting.approve(office.house, await again(office, made), other, yes=True)
    async with office.house.database.write() as connection:
        table = schema.segments
        rules = {"all": [{"on": "kind", "value": "person"}]}
        await connection.execute(table.update().where(table.c.id == segment_id).values(rules=rules))
    with pytest.raises(Conflict) as void:
        await acting.launch(office.house, await again(office, made), AUTHOR)
    assert void.value.code == "approval-void"


async def click(office: Office, kind: str, count: int) -> None:
    """So many people of the wave of this kind follow the link."""
    items, waves = schema.items, schema.campaign_waves
    query = sa.select(items.c.id, items.c.mailing_id).join(waves, waves.c.mailing_id == items.c.mailing_id)
    async with office.house.database.write() as connection:
        rows = (await connection.execute(query.where(waves.c.kind == kind).limit(count))).all()
        now = office.clock.now()
        new = [
            events.NewEvent(office.organisation_id, EventKind.CLICKED, "recipient", now, mailing_id=row.mailing_id, item_id=row.id)
            for row in rows
        ]
        await events.add(connection, new, now)


@pytest.mark.parametrize("rule", list(Rule))
async def test_the_better_subject_goes_to_all_others_and_nobody_gets_both(office: Office, rule: Rule) -> None:
    ids = await crowd(office, 200)
    test = Test(VariantKind.SUBJECT, "Vite, {{ name }}", 60, hours=24, rule=rule)
    made = await launched(office, test=test)
    await office.work()
    halves = {wave.kind.value: wave.filled for wave in await waves_of(office, made)}
    assert set(halves) == {"test-a", "test-b"} and 60 < sum(halves.values()) < 180
    await click(office, "test-b", 45)
    office.clock.pass_by(minutes=30)
    await office.work()
    early = "winner" in (await again(office, made)).outcome
    assert early is (rule is Rule.SEQUENTIAL)
    await office.follow(4, hours=12)
    assert await sent(office, made) == dict.fromkeys(ids, 1)
    outcome = (await again(office, made)).outcome
    assert outcome["winner"] == "b" and outcome["by"] == "rule" and outcome["low"] > 0
    subjects = [row["subject"] for row in await told(office, made)]
    assert sum(one.startswith("Vite") for one in subjects) == 200 - halves["test-a"]


async def test_where_no_difference_is_shown_a_person_may_decide(office: Office) -> None:
    ids = await crowd(office, 60)
    made = await launched(office, test=Test(VariantKind.SUBJECT, "Vite", 10, measure=Measure.PERSON))
    await office.follow(3, hours=13)
    resting = await again(office, made)
    assert resting.state is CampaignState.PAUSED and resting.pause_reason == "test-over"
    assert len(await sent(office, made)) < 60
    await acting.choose(office.house, resting, "b", AUTHOR)
    await office.follow(3, minutes=1)
    assert await sent(office, made) == dict.fromkeys(ids, 1)
    assert (await again(office, made)).outcome["by"] == "person"


async def test_a_follow_up_goes_by_sms_to_those_who_did_not_react(office: Office) -> None:
    await crowd(office, 6)
    made = await launched(office, follow_up=FollowUp(Channel.SMS, 3))
    await office.follow(3, minutes=1)
    await click(office, "main", 2)
    await office.follow(8, hours=12)
    kinds = {wave.kind.value: wave for wave in await waves_of(office, made)}
    got = [row["channel"] for row in await told(office, made)]
    assert kinds["main"].filled == 6 and kinds["follow-up"].filled + sum(kinds["follow-up"].left_out.values()) == 4
    assert got.count("email") == 6 and got.count("sms") == kinds["follow-up"].filled


async def test_a_birthday_is_kept_once_a_year_and_a_missed_day_is_made_up_for(office: Office) -> None:
    office.clock.time = datetime(2026, 5, 15, 6, tzinfo=UTC)
    first = await crowd(office, 1, born="1980-05-17")
    second = await crowd(office, 1, first=5, born="18/05/1990")
    await crowd(office, 2, first=10, born="1980-06-17")
    repeat = Repeat(RepeatKind.DATE, attribute="born")
    made = await launched(office, repeat=repeat, schedule=Schedule("2026-05-15T09:00"))
    for _ in range(2):
        await office.work()
        office.clock.pass_by(days=1)
    office.clock.pass_by(days=2)  # nobody worked on the 17th and 18th
    await office.follow(3, hours=3)
    assert await sent(office, made) == {first[0]: 1, second[0]: 1}
    async with office.house.database.write() as connection:  # corrected: not a second time in this year
        table = schema.contacts
        await connection.execute(
            table.update().where(table.c.id == first[0]).values(attributes={"born": "1980-05-25", "city": "Paris"})
        )
    await office.follow(10, days=1)
    assert await sent(office, made) == {first[0]: 1, second[0]: 1}


async def test_those_who_opted_out_a_minute_ago_get_nothing(office: Office) -> None:
    ids = await crowd(office, 40)
    made = await launched(office, schedule=Schedule(spread_days=2))
    await office.work()
    before = await sent(office, made)
    now = office.clock.now()
    async with office.house.database.write() as connection:
        entry = Entry("*", "*", False, now, Means.PORTAL, {})
        await consents.add(connection, office.organisation_id, [(one, entry) for one in ids if one not in before])
    await office.follow(3, days=1)
    assert len(before) == 20 and await sent(office, made) == before


async def test_it_pauses_where_its_sum_ends_and_a_person_lets_it_go_on(office: Office) -> None:
    await crowd(office, 5, first=11)  # none of them is a number of which the sandbox says that it is dead
    options = Options(channel=Channel.SMS, purpose=Purpose.SERVICE)
    made = await launched(office, options=options)
    await office.follow(2)
    async with office.house.database.read() as connection:
        price = int(await connection.scalar(sa.select(sa.func.max(schema.items.c.cost))) or 0)
    assert price > 0
    made = await launched(office, options=options, caps=Caps(ceiling=3 * price))
    await office.follow(2)
    resting = await again(office, made)
    assert resting.state is CampaignState.PAUSED and resting.pause_reason == "ceiling"
    await campaign_money.raise_ceiling(office.house, resting, 10 * price, AUTHOR)
    assert (await waves_of(office, made))[0].filled == 3
    await acting.resume(office.house, await again(office, made), AUTHOR)
    await office.follow(4)
    (wave,) = await waves_of(office, made)
    assert wave.filled == 5 and wave.left_out == {} and len(await told(office, made)) == 10


async def test_the_spreadsheet_that_was_approved_is_sent_whatever_replaces_it(office: Office) -> None:
    old = b"name;email;city\nAnne;anne@example.fr;Brest\nZoe;zoe@example.fr;Lyon\nAnne;anne@example.fr;Brest\nNemo;;Paris\n"
    async with office.house.database.write() as connection:
        stored = await office.house.documents.put(office.organisation_id, old)
        await mailings.note_document(connection, office.organisation_id, stored, "text/csv", office.clock.now())
    mapping = {"name": "name", "email": "email", "city": "city"}
    made = await launched(office, sheet=stored.sha256, sheet_name="clients.csv", mapping=mapping)
    await office.work()
    running = await again(office, made)
    with pytest.raises(Conflict):  # another file is another campaign
        await acting.change(office.house, running, replace(made.design, sheet="0" * 64), AUTHOR)
    await office.follow(3)
    assert sorted(row["to"] for row in await told(office, made)) == ["anne@example.fr", "zoe@example.fr"]
    assert "Lyon" in "".join(row["text"] for row in await told(office, made))
    (wave,) = await waves_of(office, made)
    assert wave.left_out == {"in-it-already": 1, "missing-field": 1}


async def test_paper_is_printed_from_the_templates_letter(office: Office) -> None:
    ids = await crowd(office, 3)
    letter = "<!doctype html><style>@page { size: A4 }</style><p>{{ address | address }}</p><p>{{ name }}</p>"
    version_id = await version_of(office, Content({"fr": Parts(letter)}, purpose="promotion"))
    made = await launched(office, version_id=version_id, options=replace(OPTIONS, channel=Channel.POST))
    await office.follow(6, seconds=10)
    assert await sent(office, made) == dict.fromkeys(ids, 1)
    assert all(row["pages"] == 1 for row in await told(office, made))


async def test_a_campaign_that_is_taken_back_goes_by_no_other_way(office: Office) -> None:
    ids = await crowd(office, 3)
    letter = "<!doctype html><style>@page { size: A4 }</style><p>{{ address | address }}</p><p>{{ name }}</p>"
    version_id = await version_of(office, Content({"fr": Parts(letter, "Pour {{ name }}", "Bonjour {{ name }}")}, purpose="promotion"))
    made = await launched(office, version_id=version_id, options=replace(OPTIONS, channel=None, ladder="email-link 3d > post"))
    while not await told(office, made):
        await office.follow(1, seconds=10)
    assert await sent(office, made) == dict.fromkeys(ids, 1) and (await again(office, made)).state is CampaignState.RUNNING
    assert [row["channel"] for row in await told(office, made)] == ["email"] * 3
    await acting.cancel(office.house, await again(office, made), AUTHOR)
    office.clock.pass_by(days=4)
    await office.follow(4, seconds=10)
    assert len(await told(office, made)) == 3


async def test_each_recipients_own_clock(office: Office) -> None:
    office.clock.time = datetime(2026, 11, 30, 6, tzinfo=UTC)
    await crowd(office, 1, timezone="Asia/Tokyo")
    await crowd(office, 1, first=5)
    await crowd(office, 1, first=9, timezone="America/New_York")
    made = await launched(office, schedule=Schedule("2026-12-01T10:00", recipient_zone=True))
    seen = []
    for hour in (1, 9, 15):  # ten o'clock in Tokyo, Paris, New York
        office.clock.time = datetime(2026, 12, 1, hour, tzinfo=UTC) - timedelta(minutes=1)
        await office.work()
        early = len(await sent(office, made))
        office.clock.time = datetime(2026, 12, 1, hour, tzinfo=UTC) + timedelta(minutes=1)
        await office.work()
        seen.append((early, len(await sent(office, made))))
    assert seen == [(0, 1), (1, 2), (2, 3)]
