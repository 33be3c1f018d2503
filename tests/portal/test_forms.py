"""Forms on others' pages: nothing counts before the address itself says so; whoever asks learns nothing of others."""

import asyncio
import re
from typing import Any

import pytest

from postoffice.actions import forms as acting
from postoffice.actions.actor import Actor
from postoffice.model.channel import Channel, Purpose
from postoffice.model.consent import Entry, Means
from postoffice.model.form import Extra, Form, FormDesign, FormKind
from postoffice.portal.masking import mask_token
from postoffice.privacy import ledger
from postoffice.store import consents, contact_book, forms, suppressions
from tests.doors import Office
from tests.portal.conftest import belongs, dump, sandboxed, sent

DESIGN = FormDesign(name="Site", title="Notre lettre", thanks="Merci bien.", tag="site", extras=(Extra("name", "Votre nom"),))
NEW = "Zoe@example.net"


async def form_of(office: Office, design: FormDesign = DESIGN) -> Form:
    made = await acting.keep(office.house, office.organisation_id, design, Actor("user:x"))
    async with office.house.database.read() as connection:
        return await forms.get(connection, office.organisation_id, made)


async def type_in(office: Office, form: Form, to: str = NEW, *, seconds: float = 9, **more: str) -> tuple[int, str]:
    page = await (await office.client.get(f"/f/{form.token}")).text()
    stamp = re.search(r'name="at" value="([^"]+)"', page)
    assert stamp
    office.clock.pass_by(seconds=seconds)
    answer = await office.client.post(f"/f/{form.token}", data={"at": stamp[1], "to": to, **more})
    return answer.status, await answer.text()


async def link(office: Office) -> str:
    newest = max(await sandboxed(office), key=lambda one: (one.sent_at, one.key))
    found = re.search(r"http://post\.example(/[kl]/\S+)", newest.text)
    assert found
    return found[1]


async def contact(office: Office, to: str) -> Any:
    async with office.house.database.read() as connection:
        ids = (await contact_book.by_points(connection, office.organisation_id, "email", [to])).get(to, [])
        if not ids:
            return None, []
        said = (await consents.of_contacts(connection, office.organisation_id, ids[:1])).get(ids[0], [])
        return await contact_book.get(connection, office.organisation_id, ids[0]), said


async def test_a_sign_up_counts_once_its_link_s_button_is_pressed_and_not_before(office_on_both: Office) -> None:
    office = office_on_both
    form = await form_of(office)
    framed = await office.client.get(f"/f/{form.token}")
    assert "frame-ancestors *" in framed.headers["Content-Security-Policy"] and "X-Frame-Options" not in framed.headers
    status, text = await type_in(office, form, x0="Zoé  Martin")
    assert status == 200 and "Regardez votre boîte" in text
    assert (await contact(office, NEW.lower()))[0] is None
    where = await link(office)
    for _ in range(2):  # scanners
        page = await office.client.get(where)
        assert "DENY" in page.headers["X-Frame-Options"] and NEW.lower() not in await page.text()
    assert (await contact(office, NEW.lower()))[0] is None
    for _ in range(2):  # twice is once
        assert "Merci bien." in await (await office.client.post(where)).text()
    who, said = await contact(office, NEW.lower())
    assert who.name == "Zoé Martin" and who.tags == ("site",) and who.language == "fr"
    (line,) = said
    assert (line.purpose, line.channel, line.given, line.means) == ("promotion", "email", True, Means.FORM)
    assert line.proof["form"] == form.id and line.proof["version"] == 1 and line.proof["address"] == "z•••@example.net"
    assert "Notre lettre" in line.proof["words"] and line.proof["asked"] and line.proof["confirmed"]
    assert mask_token(where) == "/k/***"


async def test_what_nobody_confirms_leaves_nothing(office: Office) -> None:
    form = await form_of(office)
    await type_in(office, form)
    where = await link(office)
    office.clock.pass_by(days=3, seconds=1)
    assert (await office.client.post(where)).status == 410
    async with office.house.database.write() as connection:
        await forms.sweep(connection, office.clock.now())
    assert (await contact(office, NEW.lower()))[0] is None
    assert "form_entries" in dump(office) and 'INSERT INTO "form_entries"' not in dump(office)


async def test_programs_haste_and_forms_on_other_sites_send_nothing(office: Office) -> None:
    form = await form_of(office)
    assert "Regardez votre boîte" in (await type_in(office, form, website="http://spam.example"))[1]
    assert (await type_in(office, form, seconds=1))[0] == 422
    assert (await type_in(office, form, "not an address"))[0] == 422
    answer = await office.client.post(f"/f/{form.token}", data={"to": NEW})
    assert f'value="{NEW}"' in await answer.text(), "a form on another page leads to ours, filled in"
    cross = {"Sec-Fetch-Site": "cross-site"}
    assert (await office.client.post(f"/f/{form.token}", data={"to": NEW}, headers=cross)).status == 200
    assert await sandboxed(office) == []


@pytest.mark.slow
async def test_one_address_gets_three_messages_a_day_and_one_network_twenty_an_hour(office_on_both: Office) -> None:
    office = office_on_both
    form = await form_of(office)
    answers = [await type_in(office, form) for _ in range(5)]
    assert {text for _status, text in answers} == {answers[0][1]}, "the answer tells nothing"
    assert len(await sandboxed(office)) == 3
    told = [(await type_in(office, form, f"p{number}@example.net"))[0] for number in range(16)]
    assert told[:15] == [200] * 15 and told[15] == 429


@pytest.mark.slow
async def test_a_refusal_a_complaint_and_a_bounce_end_only_by_the_person_s_own_confirmation(office_on_both: Office) -> None:
    office = office_on_both
    (letter,) = await sent(office, 1)
    contact_id = await belongs([letter])
    house, now = office.house, office.clock.now()
    blind = house.keyring.blind(suppressions.normal(Channel.EMAIL, "anne@example.net", None))

    async def blocked(purpose: Purpose) -> bool:
        async with house.database.read() as connection:
            return bool(await suppressions.among(connection, office.organisation_id, purpose, [blind], office.clock.now()))

    common: dict[str, Any] = {"organisation_id": office.organisation_id, "channel": Channel.EMAIL, "address_hash": blind, "now": now}
    async with house.database.write() as connection:
        complaint = Entry("*", "email", False, now, Means.COMPLAINT)
        await consents.add(connection, office.organisation_id, [(contact_id, complaint)])
        await suppressions.add(connection, **common, reason="complaint", origin="sandbox-email")
    form = await form_of(office)
    await type_in(office, form, "anne@example.net", x0="Mallory")
    assert await blocked(Purpose.PROMOTION)
    await office.client.post(await link(office))
    who, said = await contact(office, "anne@example.net")
    assert who.id == contact_id and who.name == "Anne", "what is known of a contact is not overwritten"
    assert ledger.standing(said, "promotion", "email") is True and ledger.standing(said, "service", "email") is False
    assert not await blocked(Purpose.PROMOTION) and await blocked(Purpose.SERVICE)
    async with house.database.write() as connection:
        await suppressions.add(connection, **common, reason="by-hand", origin="staff", purpose=Purpose.PROMOTION)
    await type_in(office, form, "anne@example.net")
    await office.client.post(await link(office))
    assert await blocked(Purpose.PROMOTION), "what staff blocked stays"


@pytest.mark.slow
@pytest.mark.parametrize("known", [True, False])
async def test_the_way_to_one_s_choices_comes_by_mail_to_those_who_are_known(office: Office, known: bool) -> None:
    (letter,) = await sent(office, 1)
    await belongs([letter])
    form = await form_of(office, FormDesign(name="Choix", kind=FormKind.PREFERENCES, title="Vos choix"))
    to = "anne@example.net" if known else NEW
    status, text = await type_in(office, form, to)
    assert status == 200 and "connaît cette adresse" in text
    for _ in range(50):
        await asyncio.sleep(0.01)
        if await sandboxed(office):
            break
    assert bool(await sandboxed(office)) is known
    if known:  # no link to a letter was sent yet: the page itself takes the refusal
        where = await link(office)
        assert (await office.client.post(where)).status == 422
        assert "vos choix sont" in (await (await office.client.post(where, data={"p-promotion": "no"})).text()).casefold()
        _, said = await contact(office, "anne@example.net")
        assert ledger.standing(said, "promotion", "email") is False and ledger.standing(said, "service", "email") is None
