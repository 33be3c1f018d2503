"""What a campaign brought, counted on both databases; and the rates at which it stops by itself."""

from dataclasses import replace
from datetime import timedelta

import pytest

from postoffice.actions import campaigns as acting
from postoffice.actions import conversions
from postoffice.actions.actor import Actor
from postoffice.actions.conversions import Conversion
from postoffice.campaigns.alerts import ENOUGH, alarm
from postoffice.model.campaign import Campaign, Tally
from postoffice.model.clicks import Clicker
from postoffice.model.states import CampaignState, EventKind
from postoffice.store import campaigns_results, clicks, events
from postoffice.store.campaigns_results import Results
from tests.pipeline import campaigning
from tests.pipeline.house import Office

SHOP = Actor("key:shop")


async def _results(office: Office, made: Campaign) -> Results:
    async with office.house.database.read() as connection:
        return await campaigns_results.of_campaign(connection, made, "Europe/Paris")


async def _said(office: Office, made: Campaign, kind: EventKind, number: int) -> None:
    """So many recipients of a campaign's wave say something."""
    (wave,) = await campaigning.waves_of(office, made)
    now = office.clock.now()
    async with office.house.database.write() as connection:
        rows = await connection.execute(
            campaigning.schema.items.select().where(campaigning.schema.items.c.mailing_id == wave.mailing_id)
        )
        some = list(rows.mappings())[:number]
        new = [
            events.NewEvent(
                made.organisation_id,
                kind,
                "recipient",
                now,
                mailing_id=wave.mailing_id,
                item_id=row["id"],
                contact_id=row["contact_id"],
            )
            for row in some
        ]
        await events.add(connection, new, now)


async def test_sums_links_days_and_conversions(office: Office) -> None:
    people = await campaigning.crowd(office, 6)
    made = await campaigning.launched(office)
    await office.follow(4)
    (wave,) = await campaigning.waves_of(office, made)
    async with office.house.database.write() as connection:
        now = office.clock.now()
        link = clicks.Link(1, "fr", "html", "https://example.org/offer", "The offer", True)
        await clicks.register(connection, made.organisation_id, wave.mailing_id, [link])
        for clicker, number in ((Clicker.PERSON, 2), (Clicker.SOMEBODY, 3), (Clicker.MACHINE, 40)):
            await clicks.count(connection, made.organisation_id, wave.mailing_id, 1, clicker, now, number)
    await _said(office, made, EventKind.CLICKED, 2)
    await _said(office, made, EventKind.OPTED_OUT, 1)
    office.clock.pass_by(hours=1)
    at = office.clock.now()
    lines = [
        Conversion("order-1", at, 120_000_000, campaign_id=made.id, contact_id=people[0]),
        Conversion("order-2", at, 30_000_000, campaign_id=made.id, contact_id=people[0]),
        Conversion("order-1", at, 120_000_000, campaign_id=made.id, contact_id=people[0]),
        Conversion("order-3", at, campaign_id=made.id, contact_id=made.id),
        Conversion("order-4", at - timedelta(days=9), campaign_id=made.id, contact_id=people[1]),
    ]
    told = await conversions.tell(office.house, made.organisation_id, True, lines, SHOP)
    assert (told.written, told.known, list(told.refused)) == (2, 1, [(3, "no-item"), (4, "not-sent-yet")])
    again = await conversions.tell(office.house, made.organisation_id, True, lines[:1], SHOP)
    assert (again.written, again.known) == (0, 1)
    assert (await conversions.tell(office.house, made.organisation_id, False, lines[:1], SHOP)).refused, (
        "a test key tells of trials only"
    )

    found = await _results(office, made)
    assert (found.total.sent, found.total.delivered, found.total.unsubscribed) == (6, 6, 1)
    assert (found.clicked, found.clicks, found.machines) == (2, 5, 40)
    assert (found.converted, found.value) == (1, 150_000_000), "two orders of one recipient: one person, both sums"
    assert [one.day for one in found.days] == sorted({one.day for one in found.days})
    assert sum(one.sent for one in found.days) == 6 and sum(one.converted for one in found.days) == 1
    async with office.house.database.read() as connection:
        ((_, sums, clicked),) = await campaigns_results.beside(connection, [made])
    assert (sums.sent, clicked) == (6, 2)


@pytest.mark.slow
async def test_too_many_who_want_no_more_stop_it_until_a_person_has_looked(office: Office) -> None:
    await campaigning.crowd(office, 240)
    made = await campaigning.launched(office, options=replace(campaigning.OPTIONS, per_hour=220))
    while (await _results(office, made)).tally.sent < ENOUGH:
        assert (await campaigning.again(office, made)).state is not CampaignState.FINISHED
        await office.follow(1, minutes=3)
    await _said(office, made, EventKind.COMPLAINED, 3)
    office.clock.pass_by(minutes=1)
    await office.work()
    made = await campaigning.again(office, made)
    assert (made.state, made.pause_reason) == (CampaignState.PAUSED, "too-many-complaints")
    await acting.resume(office.house, made, campaigning.AUTHOR)
    office.clock.pass_by(minutes=1)
    await office.follow(4)
    assert (await campaigning.again(office, made)).state in (CampaignState.RUNNING, CampaignState.FINISHED), (
        "who let it go on is not asked again"
    )


def test_the_gravest_alarm_and_none_of_few() -> None:
    assert alarm(Tally(199, 50, 50, 50)) == "", "too few messages say nothing"
    assert alarm(Tally(100_000, 0, 2, 0)) == "", "two angry people are no trend"
    assert alarm(Tally(100_000, 299, 100, 2_000)) == "", "at the limit, not over it"
    assert alarm(Tally(1_000, 4, 0, 0)) == "too-many-unsubscribes"
    assert alarm(Tally(1_000, 4, 0, 21)) == "too-many-dead"
    assert alarm(Tally(1_000, 4, 3, 21)) == "too-many-complaints"
