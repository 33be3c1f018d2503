"""The sandbox box: what it shows of each channel, to whom, and that an e-mail in it can do nothing."""

import re
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from postoffice.channels.sandbox import OUTCOMES
from postoffice.desk.sandbox import MAGIC
from postoffice.model.channel import Channel
from postoffice.model.ids import new_id
from postoffice.model.mailing import Mailing
from postoffice.model.people import Grant, Role
from postoffice.model.ports import Sent
from postoffice.model.states import EventKind
from postoffice.store import sandbox
from postoffice.store.sandbox import DatabaseSandboxBox
from postoffice.store.schema import deliveries
from tests.conftest import FixedClock
from tests.desk.house import Browser, Office, piece
from tests.desk.offices import ALL, add_printer, other_organisation, signed_in, with_carriers

HTML = '<p style="color:red">Bonjour</p><script>alert(1)</script><img src="https://evil.example/x.png">'


@pytest.fixture
async def office(tmp_path: Path, clock: FixedClock) -> AsyncIterator[Office]:
    built = await with_carriers(tmp_path, clock)
    yield built
    await built.house.database.close()


@pytest.fixture
async def admin(office: Office) -> AsyncIterator[Browser]:
    async with signed_in(office, ALL) as browser:
        yield browser


def sent(office: Office, channel: Channel, **more: object) -> Sent:
    """A piece of two pages that was delivered."""
    plain = Sent(
        new_id(), office.organisation_id, channel, "zoe@example.org", "Facture 12", "Bonjour", "", (), "", 0, 0, "delivered",
        office.house.clock.now(),
    )  # fmt: skip
    return replace(plain, **more)  # type: ignore[arg-type]


async def keep(office: Office, *pieces: Sent) -> None:
    await DatabaseSandboxBox(office.house.database).keep(pieces)


async def delivered(office: Office, mailing: Mailing) -> str:
    """The id of a delivery of the mailing's first item."""
    item = (await office.items_of(mailing))[0]
    key, now = new_id(), office.house.clock.now()
    values = {column.name: None for column in deliveries.c if column.nullable}
    values |= {column.name: 0 for column in deliveries.c if not column.nullable and column.type.python_type is int}
    values |= {column.name: "" for column in deliveries.c if not column.nullable and column.type.python_type is str}
    values |= {
        "id": key,
        "organisation_id": office.organisation_id,
        "mailing_id": mailing.id,
        "item_id": item.id,
        "channel": "email",
        "carrier": "sandbox-email",
        "state": "delivered",
        "created_at": now,
        "detail": {},
    }
    async with office.house.database.write() as connection:
        known = {column.name for column in deliveries.c}
        await connection.execute(deliveries.insert(), {name: value for name, value in values.items() if name in known})
    return key


async def test_an_e_mail_is_shown_in_a_frame_that_can_do_nothing(office: Office, admin: Browser) -> None:
    one = sent(office, Channel.EMAIL, html=HTML, text="Bonjour http://post.example:8025/l/" + "a" * 32)
    await keep(office, one)
    page = (await admin.get(f"/sandbox/{one.key}"))[1]
    assert f'<iframe class="mail" sandbox src="/sandbox/{one.key}/mail.html"' in page and "alert(1)" not in page
    assert f'href="http://post.example:8025/l/{"a" * 32}" target="_blank" rel="noopener noreferrer"' in page
    answer = await admin.client.get(f"/sandbox/{one.key}/mail.html")
    policy = answer.headers["Content-Security-Policy"]
    assert await answer.text() == HTML
    assert policy.startswith("sandbox;") and "default-src 'none'" in policy and "img-src data:" in policy and "script" not in policy
    assert "frame-ancestors 'self'" in policy and answer.headers["X-Frame-Options"] == "SAMEORIGIN"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


async def test_an_sms_is_a_bubble_and_has_no_mail(office: Office, admin: Browser) -> None:
    one = sent(office, Channel.SMS, to="+33612345601", subject="", text="Bonjour <b>", outcome="bounced")
    await keep(office, one)
    status, page = await admin.get(f"/sandbox/{one.key}")
    assert status == 200 and 'class="bubble">Bonjour &lt;b&gt;' in page and "Bounced" in page
    assert (await admin.get(f"/sandbox/{one.key}/mail.html"))[0] == 404


async def test_letters_are_pictures_of_their_own_pages(office: Office, admin: Browser, letters: bytes) -> None:
    document = (await office.house.documents.put(office.organisation_id, letters)).sha256
    one = sent(office, Channel.POST, document=document, first_page=2, pages=1, address_lines=("Mme Zoé", "69003 LYON"))
    await keep(office, one)
    page = (await admin.get(f"/sandbox/{one.key}"))[1]
    assert f"/sandbox/{one.key}/page-1.png" in page and "69003 LYON" in page
    answer = await admin.client.get(f"/sandbox/{one.key}/thumb-1.png")
    assert (await answer.read()).startswith(b"\x89PNG")
    assert (await admin.client.get(f"/sandbox/{one.key}/page-2.png")).status == 404


async def test_a_repeat_is_counted_aloud(office: Office, admin: Browser) -> None:
    one = sent(office, Channel.FAX, to="+33139980000")
    for _ in range(3):
        await keep(office, one)
    assert "handed over 3 times, kept once" in (await admin.get("/sandbox"))[1]
    assert "handed over 3 times" in (await admin.get(f"/sandbox/{one.key}"))[1]


async def test_every_outcome_has_a_word(office: Office, admin: Browser) -> None:
    await keep(office, *[sent(office, Channel.EMAIL, outcome=kind.value) for kind in EventKind], sent(office, Channel.SMS, outcome="?"))
    assert (await admin.get("/sandbox"))[0] == 200


async def test_the_box_pages_through_pieces_of_the_same_moment(office: Office, admin: Browser, clock: FixedClock) -> None:
    chunk = [sent(office, Channel.EMAIL, to=f"n{number}@example.org") for number in range(70)]
    late = [sent(office, Channel.SMS, to=f"+336{number}", sent_at=clock.now() + timedelta(seconds=1)) for number in range(70)]
    await keep(office, *chunk, *late)
    keys: list[str] = []
    address = "/sandbox"
    while address:
        page = (await admin.get(address))[1]
        keys += re.findall(r'data-row href="/sandbox/([a-z0-9]{26})"', page)
        older = re.search(r'rel="next" href="([^"]+)"', page)
        address = "/sandbox" + older[1].replace("&amp;", "&") if older else ""
    assert len(keys) == len(set(keys)) == 140
    only = (await admin.get("/sandbox?channel=sms"))[1]
    assert "+33669" in only and "n1@example.org" not in only
    assert (await admin.get("/sandbox?before=nonsense&channel=pigeon"))[0] == 200


async def test_narrowed_people_see_their_printers_mail_alone(office: Office, letters: bytes) -> None:
    mine, other = await add_printer(office, "Mine"), await add_printer(office, "Other")
    keys = []
    for printer_id in (mine, other):
        mailing = await office.add_mailing([piece(1, 1)], letters, printer_id=printer_id)
        keys.append(await delivered(office, mailing))
    trial = sent(office, Channel.EMAIL, to="trial@example.org")
    await keep(office, sent(office, Channel.EMAIL, key=keys[0]), sent(office, Channel.EMAIL, key=keys[1]), trial)
    async with signed_in(office, Grant(Role.SENDER, mine), email="bob@example.org") as bob:
        page = (await bob.get("/sandbox"))[1]
        assert keys[0] in page and keys[1] not in page and trial.key not in page
        assert (await bob.get(f"/sandbox/{keys[0]}"))[0] == 200
        for key in (keys[1], trial.key):
            for path in ("", "/mail.html", "/page-1.png"):
                assert (await bob.get(f"/sandbox/{key}{path}"))[0] == 404
    async with office.house.database.read() as connection:
        assert len(await sandbox.page(connection, office.organisation_id)) == 3


async def test_other_organisations_mail_does_not_exist(office: Office, admin: Browser) -> None:
    theirs = sent(office, Channel.EMAIL, organisation_id=await other_organisation(office), html=HTML, subject="Their secret")
    await keep(office, theirs)
    for path in ("", "/mail.html", "/page-1.png"):
        assert (await admin.get(f"/sandbox/{theirs.key}{path}"))[0] == 404
    assert "Their secret" not in (await admin.get("/sandbox"))[1]


async def test_an_empty_box_says_what_it_is_for_and_how_to_play(office: Office, admin: Browser) -> None:
    page = (await admin.get("/sandbox"))[1]
    assert "The box is empty." in page and "bounce@example.org" in page
    async with signed_in(office, ALL, email="fr@example.org", language="fr") as french:
        assert "Le bac est vide." in (await french.get("/sandbox"))[1]


def test_the_table_of_addresses_is_the_carriers_own() -> None:
    assert [(one.word, one.digits) for one in MAGIC] == [(one.word, one.digits) for one in OUTCOMES]
