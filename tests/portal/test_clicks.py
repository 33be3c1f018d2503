"""Counted links: by name only after a yes, otherwise together; scanners apart; nowhere but where the mail led."""

from datetime import timedelta
from urllib.parse import quote

import pytest

from postoffice.actions import click_tracking
from postoffice.actions.click_tracking import Tracking
from postoffice.compose.merge.content import Content, Parts
from postoffice.model.channel import Purpose
from postoffice.model.clicks import CONSENT, ClickMode, seal
from postoffice.model.consent import ALL, Entry, Means
from postoffice.model.ids import new_id
from postoffice.portal import mask_token
from postoffice.store import clicks, consents, deliveries, events
from postoffice.store import schema as tables
from tests.doors import Office
from tests.portal.conftest import Letter, belongs, sent

AGENT = {"User-Agent": "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"}
HTML = '<a href="https://shop.example/a?x=1&amp;y=2">A</a><a href="https://shop.example/b">B</a><a href="{{ url }}">C</a>'
CONTENT = Content({"fr": Parts(subject="S", html=HTML)})


async def mailed(office: Office, mode: ClickMode = ClickMode.MIXED, *, said: bool = True) -> tuple[Letter, str, str, Tracking]:
    """A letter that went by e-mail to a contact who agreed: (letter, delivery, contact, tracking)."""
    (letter,) = await sent(office, 1, purpose=Purpose.PROMOTION)
    contact, key, now = await belongs([letter]), new_id(), office.clock.now()
    item, organisation = letter.item, letter.item.organisation_id
    row = {"id": key, "organisation_id": organisation, "mailing_id": item.mailing_id, "item_id": item.id, "batch_id": None, "rung": 0}
    async with office.house.database.write() as connection:
        await deliveries.add_all(connection, [{**row, "channel": "email", "carrier": "relay", "to": "a@b.fr", "created_at": now}])
        done = tables.deliveries.update().where(tables.deliveries.c.id == key).values(handed_over_at=now, state="handed_over")
        await connection.execute(done)
        if said:
            await consents.add(connection, organisation, [(contact, Entry("promotion", CONSENT, True, now, Means.PORTAL))])
        tracking = await click_tracking.begin(connection, office.house, organisation, item.mailing_id, CONTENT, mode)
    office.clock.time += timedelta(minutes=1)
    return letter, key, contact, tracking


def path(tracking: Tracking, delivery: str, number: int, *, agreed: bool = True, to: str = "") -> str:
    made = tracking.of(delivery, agreed=agreed)
    assert made is not None
    return made.address(number, to or tracking.fixed[number]).removeprefix(tracking.url)


async def go(office: Office, address: str, method: str = "GET", **headers: str) -> tuple[int, str]:
    answer = await office.client.request(method, address, headers={**AGENT, **headers}, allow_redirects=False)
    return answer.status, answer.headers.get("Location", "")


async def figures(office: Office, letter: Letter) -> dict[int, tuple[int, int, int]]:
    async with office.house.database.read() as connection:
        found = await clicks.by_link(connection, letter.item.mailing_id)
    return {one.link.number: (one.people, one.somebody, one.machines) for one in found}


async def told(office: Office, letter: Letter) -> int:
    async with office.house.database.read() as connection:
        return [line.kind.value for line in await events.of_item(connection, letter.item.id)].count("clicked")


async def test_a_person_who_agreed_is_counted_once_a_link(office_on_both: Office) -> None:
    office = office_on_both
    letter, delivery, contact, tracking = await mailed(office)
    for _ in range(3):
        assert await go(office, path(tracking, delivery, 1)) == (302, "https://shop.example/a?x=1&y=2")
    assert await told(office, letter) == 0, "it may yet be a scanner"
    office.clock.time += timedelta(minutes=1)
    assert await click_tracking.settle(office.house) == 1
    assert await click_tracking.settle(office.house) == 0
    assert await told(office, letter) == 1 and (await figures(office, letter))[1] == (1, 0, 0)
    async with office.house.database.read() as connection:
        (hit,) = await clicks.people(connection, letter.item.mailing_id)
    assert (hit.contact_id, hit.number, hit.address) == (contact, 1, "https://shop.example/a?x=1&y=2")


async def test_without_a_yes_nobody_is_named(office: Office) -> None:
    letter, delivery, _, tracking = await mailed(office, said=False)
    assert (await go(office, path(tracking, delivery, 1)))[0] == 302  # an address with a name, and no yes any more
    assert (await go(office, path(tracking, delivery, 2, agreed=False)))[0] == 302
    office.clock.time += timedelta(minutes=1)
    assert await click_tracking.settle(office.house) == 0 and await told(office, letter) == 0
    assert await figures(office, letter) == {1: (0, 1, 0), 2: (0, 1, 0), 3: (0, 0, 0)}
    async with office.house.database.read() as connection:
        assert await clicks.people(connection, letter.item.mailing_id) == []


async def test_a_yes_to_everything_is_no_yes_to_being_followed(office: Office) -> None:
    letter, _, contact, _ = await mailed(office, said=False)
    wide = Entry(ALL, ALL, True, office.clock.now(), Means.PORTAL)
    narrow = Entry("promotion", CONSENT, True, office.clock.now(), Means.PORTAL)
    for entry, expected in ((wide, set()), (narrow, {contact}), (Entry(ALL, ALL, False, office.clock.now(), Means.PORTAL), set())):
        async with office.house.database.write() as connection:
            await consents.add(connection, letter.item.organisation_id, [(contact, entry)])
            assert await click_tracking.agreed(connection, letter.item.organisation_id, [contact], Purpose.PROMOTION) == expected


async def test_addresses_without_a_name_are_the_same_for_all(office: Office) -> None:
    _, delivery, _, tracking = await mailed(office)
    assert path(tracking, delivery, 1, agreed=False) == path(tracking, new_id(), 1, agreed=False)
    made = tracking.of(delivery, agreed=False)
    assert made is not None and made.address(3, "https://shop.example/?id=42") == "https://shop.example/?id=42"
    assert Tracking(ClickMode.CONSENTED, "", b"", "").of(delivery, agreed=False) is None


@pytest.mark.parametrize("agreed", [True, False])
async def test_a_scanner_that_follows_every_link_is_no_person(office_on_both: Office, agreed: bool) -> None:
    office = office_on_both
    letter, delivery, _, tracking = await mailed(office)
    content = Content({"fr": Parts(subject="S", html=HTML.replace("{{ url }}", "https://shop.example/c"))})
    async with office.house.database.write() as connection:
        await connection.execute(tables.click_links.delete())
        tracking = await click_tracking.begin(
            connection, office.house, office.organisation_id, letter.item.mailing_id, content, tracking.mode
        )
    for number in (1, 2, 3):
        office.clock.time += timedelta(seconds=1)
        assert (await go(office, path(tracking, delivery, number, agreed=agreed)))[0] == 302
    office.clock.time += timedelta(minutes=1)
    await click_tracking.settle(office.house)
    assert await figures(office, letter) == dict.fromkeys((1, 2, 3), (0, 0, 1)) and await told(office, letter) == 0
    await go(office, path(tracking, delivery, 2, agreed=agreed))  # and a person an hour later
    office.clock.time += timedelta(minutes=1)
    await click_tracking.settle(office.house)
    assert (await figures(office, letter))[2] == ((1, 0, 1) if agreed else (0, 1, 1))


async def test_heads_and_known_programs_are_set_apart(office: Office) -> None:
    letter, delivery, _, tracking = await mailed(office)
    address = path(tracking, delivery, 1)
    assert (await go(office, address, "HEAD"))[0] == 302
    assert (await go(office, address, **{"User-Agent": "Slackbot-LinkExpanding 1.0"}))[0] == 302
    office.clock.time += timedelta(minutes=1)
    assert await click_tracking.settle(office.house) == 0
    assert (await figures(office, letter))[1] == (0, 0, 2)


async def test_it_leads_nowhere_but_where_the_mail_led(office: Office) -> None:
    letter, delivery, _, tracking = await mailed(office)
    own = path(tracking, delivery, 3, to="https://shop.example/?id=42")
    assert await go(office, own) == (302, "https://shop.example/?id=42")
    key, mailing = office.house.keyring.click_key(letter.item.mailing_id), letter.item.mailing_id
    bad = [
        own.replace("42", "43"),
        own.partition("?")[0],
        path(tracking, delivery, 1) + "?to=" + quote("https://evil.example/", safe=""),
        "/c/" + seal(key, 9, delivery, person=True),
        "/c/" + seal(key, 1, new_id(), person=True),
        "/c/" + seal(bytes(32), 1, mailing, person=False),
        "/c/" + seal(key, 3, delivery, person=True, to="javascript:alert(1)") + "?to=javascript%3Aalert(1)",
        "/c/" + "x" * 36,
        "/c/short",
    ]
    for address in bad:
        status, to = await go(office, address)
        assert status == 404 and not to, address
    assert delivery not in own and mask_token(own) == "/c/***?to=" + quote("https://shop.example/?id=42", safe="")
