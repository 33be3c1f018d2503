"""Campaigns in people's hands: one writes, another approves, a third launches; what is missing is said, and nobody gets round it."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import pytest

from postoffice.actions import campaign_money
from postoffice.actions import campaigns as acting
from postoffice.model.campaign import Campaign, Caps
from postoffice.model.channel import Channel
from postoffice.model.people import Grant, Role
from postoffice.store import campaigns, items, people
from tests.conftest import FixedClock
from tests.desk.house import Browser, Office
from tests.desk.offices import signed_in, with_carriers
from tests.pipeline import campaigning
from tests.pipeline.house import Office as Road

FORM = {"channel": "email", "purpose": "promotion", "ground": "customers", "repeat": "once", "spread_days": "1", "cap_within": "7"}


@pytest.fixture
async def office(tmp_path: Path, clock: FixedClock) -> AsyncIterator[Office]:
    built = await with_carriers(tmp_path, clock)
    yield built
    await built.house.database.close()


class Page(NamedTuple):
    """What a person sees in the end."""

    status: int
    text: str


async def press(person: Browser, path: str, form: dict[str, str]) -> Page:
    """Send a form, and go where that leads."""
    status, text, leads = await person.post(path, form)
    return await look(person, leads) if leads else Page(status, text)


async def look(person: Browser, path: str) -> Page:
    """Open a page."""
    return Page(*await person.get(path))


async def only_campaign(office: Office) -> Campaign:
    async with office.house.database.read() as connection:
        (found,) = await campaigns.some(connection, office.organisation_id)
        return found


async def test_written_by_one_approved_by_another_launched_and_paused(office: Office) -> None:
    road = Road(office.house, office.organisation_id)
    await campaigning.crowd(road, 6)
    version_id = await campaigning.version_of(road)
    async with office.house.database.write() as connection:
        await people.update_organisation(connection, office.organisation_id, settings={acting.APPROVAL: True})
    async with signed_in(office, Grant(Role.SENDER), email="anne@example.org") as author:
        page = await press(author, "/campaigns/new", {**FORM, "name": "Noël", "version": version_id})
        assert page.status == 200 and "Hand in for approval" in page.text
        made = await only_campaign(office)
        url = f"/campaigns/{made.id}"
        assert (await press(author, f"{url}/launch", {})).status == 409
        assert (await press(author, f"{url}/submit", {})).status == 200
        assert (await press(author, f"{url}/decision", {"decision": "yes"})).status == 403
    async with signed_in(office, Grant(Role.APPROVER), email="zoe@example.org", language="fr") as approver:
        page = await look(approver, url)
        assert "Approuver exactement ceci" in page.text
        stale = await press(approver, f"{url}/decision", {"decision": "yes", "revision": "7"})
        assert stale.status == 409
        page = await press(approver, f"{url}/decision", {"decision": "yes", "revision": "1", "note": "très bien"})
        assert "très bien" in page.text
        assert (await press(approver, f"{url}/launch", {})).status == 200
        assert (await only_campaign(office)).state.value == "scheduled"
        await road.work(1)
        page = await press(approver, f"{url}/pause", {})
        assert "en pause" in page.text and await road.work(1) == 0
        assert (await press(approver, f"{url}/resume", {})).status == 200
        await road.work()
        live = await look(approver, f"{url}?part=live")
        assert "6 sur 6" in live.text and "<html" not in live.text
        assert "Noël" in (await look(approver, "/campaigns")).text
        (wave,) = await campaigning.waves_of(road, made)
        assert (await look(approver, f"/m/{wave.mailing_id}")).status == 200  # messages without pages, on the pages of every mailing
        async with office.house.database.read() as connection:
            item = (await items.page(connection, wave.mailing_id, items.Filter(), limit=1))[0]
        assert (await look(approver, f"/i/{item.id}")).status == 200
        assert (await look(approver, f"/i/{item.id}/letter.pdf")).status == 409


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"name": ""}, "no name"),
        ({"at": "soon"}, "hour of the campaign cannot be read"),
        ({"ceiling": "much"}, "not an amount"),
        ({"sample": "x", "test": "subject", "other_subject": "B"}, "no whole number"),
        ({"test": "subject", "other_subject": ""}, "what the other half gets"),
        ({"repeat": "weekly"}, "No day of the week"),
    ],
)
async def test_what_cannot_be_is_said_and_what_was_typed_stays(office: Office, more: dict[str, str], said: str) -> None:
    async with signed_in(office, Grant(Role.SENDER)) as author:
        page = await press(author, "/campaigns/new", {**FORM, "name": "Noël", **more})
        assert page.status == 400 and said in page.text
    async with office.house.database.read() as connection:
        assert await campaigns.some(connection, office.organisation_id) == []


async def test_nobody_and_nothing_are_said_before_it_is_sent(office: Office) -> None:
    async with signed_in(office, Grant(Role.SENDER)) as author:
        page = await press(author, "/campaigns/new", {**FORM, "name": "Noël"})
        assert "No template is chosen" in page.text and "Nobody is in this audience" in page.text
        made = await only_campaign(office)
        assert (await press(author, f"/campaigns/{made.id}/launch", {})).status == 400


async def test_a_campaign_at_its_limit_says_what_is_left_and_another_person_lets_it_go_on(office: Office) -> None:
    road = Road(office.house, office.organisation_id)
    await campaigning.crowd(road, 4, first=11)
    sms = replace(campaigning.OPTIONS, channel=Channel.SMS)
    made = await campaigning.launched(road, options=sms, caps=Caps(ceiling=150_000))
    await road.follow(3)
    async with office.house.database.write() as connection:
        await people.update_organisation(connection, office.organisation_id, settings={acting.APPROVAL: True})
        spent = await campaign_money.spending(office.house, connection, made)
    assert 0 < spent.sent < 4 and spent.sent + (spent.left or 0) == 4 and spent.spent <= 150_000 < spent.needed
    url = f"/campaigns/{made.id}"
    async with signed_in(office, Grant(Role.SENDER), email="anne@example.org", language="fr") as sender:
        page = await look(sender, url)
        assert "Reste à envoyer" in page.text and "Relever et continuer" not in page.text
        assert (await press(sender, f"{url}/ceiling", {"ceiling": "10"})).status == 403
    async with signed_in(office, Grant(Role.APPROVER), email="zoe@example.org", language="fr") as approver:
        assert "Relever et continuer" in (await look(approver, url)).text
        low = await press(approver, f"{url}/ceiling", {"ceiling": "0,10"})
        assert low.status == 409 and "pas plus haut" in low.text
        assert (await press(approver, f"{url}/ceiling", {"ceiling": "10"})).status == 200
    await road.follow(3)
    async with office.house.database.read() as connection:
        assert (await campaign_money.spending(office.house, connection, await campaigning.again(road, made))).sent == 4
    async with signed_in(office, Grant(Role.SENDER), email="paul@example.org", language="fr") as author:
        page = await press(author, "/campaigns/new", {**FORM, "name": "Noël"})
        assert "Aucun modèle" in page.text and "No template" not in page.text
