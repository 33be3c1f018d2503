"""A template and its rows walk the whole road: letters made, bad rows held, the others sent with their own words."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest
import sqlalchemy as sa

from postoffice.actions import steering, templating
from postoffice.actions.actor import OFFICE
from postoffice.compose.merge.content import Content, Parts
from postoffice.model.channel import Channel
from postoffice.model.errors import Conflict, PostOfficeError
from postoffice.model.mailing import Mailing, Options, Source
from postoffice.model.states import ItemState, MailingState
from postoffice.store import items, people, schema, templates
from postoffice.store.templates import Version
from tests.pipeline.house import Office, people_items

pytestmark = pytest.mark.slow

LETTER = """<!doctype html><style>{% include "style.css" %}</style><div class="address">{{ address | address }}</div>
<p>{{ greeting }}, {{ amount | money }} le {{ due | date }}.</p>{% if bomb %}{{ "x" * 10 ** 12 }}{% endif %}"""
STYLE = "@page { size: A4; margin: 20mm }"
STYLE += ".address { position: absolute; left: 90mm; top: 37mm; width: 80mm; height: 30mm; font-size: 10pt }"
CONTENT = Content(
    {
        "fr": Parts(
            LETTER, "Facture de {{ name }}", "Bonjour {{ name }} : {{ amount | money }}", "", "{{ name }} doit {{ amount }} {{ link }}"
        ),
        "en": Parts(LETTER.replace("le ", "on "), "Invoice of {{ name }}", "Hello {{ name }}: {{ amount | money }}"),
    },
    STYLE,
    {"name": "Régie"},
)


def row(number: int, **more: Any) -> dict[str, Any]:
    base = {"name": f"Client {number}", "street": f"{number} rue du Port", "postcode": "29200", "town": "Brest"}
    return {**base, "email": f"c{number}@example.org", "greeting": "Bonjour", "amount": "12,50", "due": "31/03/2026", **more}


async def published(office: Office, content: Content = CONTENT) -> Version:
    async with office.house.database.read() as connection:
        organisation = await people.organisation(connection, office.organisation_id)
    made = await templating.create(office.house, organisation, "Facture", content, [row(0)], OFFICE)
    return await templating.publish(office.house, made, OFFICE)


async def merged(office: Office, rows: Sequence[Mapping[str, Any]], content: Content = CONTENT, **more: Any) -> Mailing:
    version = await published(office, content)
    new = templating.new_mailing(version, office.organisation_id, Source.UPLOAD, "Factures", **more)
    mailing = await templating.begin_from_rows(office.house, version, rows, new)
    await office.work()
    return await office.mailing(mailing)


async def test_one_broken_record_is_held_and_the_others_go(office: Office) -> None:
    rows = [row(1), row(2, amount="12,3x", email="nobody"), row(3, language="en"), row(4, greeting=""), row(5)]
    mailing = await merged(office, rows)
    assert mailing.state is MailingState.WAITING, mailing.error
    found = await office.items(mailing)
    assert [item.state.value for item in found] == ["draft", "held", "draft", "held", "draft"]
    assert {(one.code, one.text) for one in found[1].findings} == {
        ("row-bad-amount", "2 · amount = 12,3x"),
        ("row-bad-email", "2 · email = nobody"),
    }
    assert [one.code for one in found[3].findings] == ["row-missing"] and found[3].held_reason == "row-missing"
    assert found[0].address is not None and found[0].address.lines == ("Client 1", "1 rue du Port", "29200 BREST")
    assert found[0].email == "c1@example.org" and found[0].fields == {"amount": "12.50", "due": "2026-03-31"}
    assert sorted(item.first_page for item in found) == [1, 2, 3, 4, 5] and mailing.pages == 5
    with pytest.raises(Conflict):
        await steering.release(office.house, found[1], OFFICE)
    await steering.exclude(office.house, mailing, [found[1].id], OFFICE)
    assert await steering.exclude(office.house, mailing, [found[1].id], OFFICE, include=True) == 0
    await steering.send(office.house, mailing, mailing.options, OFFICE)
    await office.follow()
    assert (await office.states(mailing))["delivered"] == 3


async def test_items_are_written_in_pieces_and_what_died_in_between_is_written_anew(office: Office) -> None:
    version = await published(office)
    new = templating.new_mailing(version, office.organisation_id, Source.UPLOAD, "Factures")
    mailing = await templating.begin_from_rows(office.house, version, [row(1), row(2)], new)
    left = people_items(7)
    async with office.house.database.write() as connection:  # of one who died after a few pieces of a longer run
        await items.add_all(connection, office.organisation_id, mailing.id, left, office.clock.now())
        shapes = [(one.first_page, one.first_page, {"data": {}}) for one in left]
        await templates.add_rows(connection, office.organisation_id, mailing.id, shapes)
    await office.work()
    assert [one.email for one in await office.items(mailing)] == ["c1@example.org", "c2@example.org"]
    async with office.house.database.read() as connection:
        assert len((await connection.execute(schema.merge_rows.select())).all()) == 2
    assert (await office.mailing(mailing)).items == 2


async def test_making_twice_changes_nothing(office: Office) -> None:
    mailing = await merged(office, [row(1), row(2, due="never")])
    first = [replace(item, id="") for item in await office.items(mailing)]
    await office.reopen("read")
    await office.work()
    assert [replace(item, id="", updated_at=first[0].updated_at) for item in await office.items(mailing)] == [
        replace(item, updated_at=first[0].updated_at) for item in first
    ]
    async with office.house.database.read() as connection:
        assert len((await connection.execute(schema.merge_rows.select())).all()) == 1


@pytest.mark.parametrize("channel", [Channel.EMAIL, Channel.SMS])
async def test_its_own_words_go_by_email_and_sms(office: Office, channel: Channel) -> None:
    mailing = await merged(office, [row(1, mobile="33612345678.0"), row(2, mobile="06 12 34 56 79", language="en")])
    await steering.send(office.house, mailing, Options(channel=channel), OFFICE)
    await office.follow()
    async with office.house.database.read() as connection:
        box = (await connection.execute(sa.select(schema.sandbox_box).order_by(schema.sandbox_box.c.text))).mappings().all()
    if channel is Channel.EMAIL:
        assert [one["subject"] for one in box] == ["Facture de Client 1", "Invoice of Client 2"]
        assert "12,50\xa0€" in box[0]["text"] and "€12.50" in box[1]["text"]
        assert all("/l/" in one["text"] for one in box)  # the template forgot the link
    else:
        assert box[0]["text"].startswith("Client 1 doit 12.50 http")
        assert "/l/" in box[1]["text"]  # no SMS in English: the office's own


async def test_a_template_that_is_unusable_fails_the_mailing_in_words(office: Office) -> None:
    version = await published(office)
    async with office.house.database.write() as connection:
        broken = replace(CONTENT, parts={"fr": Parts("{% for %}")}).as_dict()
        await connection.execute(schema.template_versions.update().values(content=broken))
    new = templating.new_mailing(version, office.organisation_id, Source.UPLOAD, "Factures")
    mailing = await templating.begin_from_rows(office.house, version, [row(1)], new)
    await office.work()
    mailing = await office.mailing(mailing)
    assert mailing.state is MailingState.FAILED and mailing.error and mailing.error["code"] == "template-syntax"


@pytest.mark.parametrize(
    ("source", "code"),
    [
        ("{{ ''.__class__.__mro__ }}", "template-forbidden"),
        ("{{ name.__class__ }}", "template-forbidden"),
        ('<img src="logo.png">', "asset-missing"),
        ('<img src="file:///etc/passwd">', "asset-missing"),
        ('{% include "/etc/passwd" %}', "template-failed"),
        ("<p>\n{{ nom | money }}", "field-not-number"),
        ("", "no-letter"),
    ],
)
async def test_what_cannot_be_published(office: Office, source: str, code: str) -> None:
    with pytest.raises(PostOfficeError) as refused:
        await published(office, Content({"fr": Parts(source)}))
    assert refused.value.code == code
    async with office.house.database.read() as connection:
        assert [one.published for one in await templates.all_of(connection, office.organisation_id)] == [None]


async def test_hard_names_and_long_fields(office: Office) -> None:
    rows = [
        row(1, name="محمد الأمين", greeting="مرحبا"),
        row(2, name="山田 太郎", greeting="こんにちは"),
        row(3, greeting="Très long " * 1000),
        row(4, name="Łukasz Żółć"),
    ]
    mailing = await merged(office, rows)
    found = await office.items(mailing)
    assert [item.state for item in found] == [ItemState.DRAFT] * 4, [item.findings for item in found]
    assert [item.pages > 1 for item in found] == [False, False, True, False]
    assert found[0].address is not None and found[0].address.name == "محمد الأمين"
