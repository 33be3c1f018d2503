"""Letters on the whole road through a print house: many in one sending, statuses, proofs, and what came back with its reason."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from postoffice.actions import pricing, steering
from postoffice.actions.actor import OFFICE
from postoffice.channels.print_house.maileva.carrier import MailevaCarrier
from postoffice.model.channel import Channel
from postoffice.model.errors import OptionConflict
from postoffice.model.mailing import Mailing, Options, Postage
from postoffice.model.states import EventKind
from postoffice.store import events
from postoffice.store import schema as tables
from tests.channels.print_house.maileva_house import PROOF, Bad, Maileva, carrier_of, serving
from tests.papers import defects
from tests.pipeline.house import Office, people_items

REGISTERED = Options(postage=Postage.REGISTERED)
COUNT = 25


@pytest.fixture
async def house() -> AsyncIterator[Maileva]:
    async with serving(Maileva()) as running:
        yield running


@pytest.fixture
async def carrier(house: Maileva, office: Office, tmp_path: Path) -> AsyncIterator[MailevaCarrier]:
    made = carrier_of(house.url, tmp_path / "journal")
    office.carriers.mine[Channel.POST] = made
    yield made
    await made.close()


async def letters(office: Office, options: Options) -> Mailing:
    """A mailing of 25 pages, one letter on each, waiting for the button."""
    pages = defects.document(*([(20, 20, f"letter {number}")] for number in range(1, COUNT + 1)))
    mailing = await office.drafts(people_items(COUNT), options)
    stored = await office.house.documents.put(office.organisation_id, pages)
    async with office.house.database.write() as connection:
        table = tables.mailings
        await connection.execute(table.update().where(table.c.id == mailing.id).values(document=stored.sha256, pages=COUNT))
    return await office.mailing(mailing)


async def send(office: Office, options: Options) -> Mailing:
    mailing = await letters(office, options)
    await steering.send(office.house, mailing, options, OFFICE)
    await office.work()
    return mailing


async def keys_of(office: Office, mailing: Mailing) -> list[str]:
    query = sa.select(tables.deliveries.c.id).where(tables.deliveries.c.mailing_id == mailing.id).order_by(tables.deliveries.c.id)
    async with office.house.database.read() as connection:
        return list(await connection.scalars(query))


async def timeline(office: Office, key: str) -> list[Any]:
    async with office.house.database.read() as connection:
        item_id = await connection.scalar(sa.select(tables.deliveries.c.item_id).where(tables.deliveries.c.id == key))
        return await events.of_item(connection, str(item_id))


def deliver(house: Maileva, key: str, code: str, label: str, **more: Any) -> None:
    told = {"code": code, "label": label, "date": "2026-11-27T08:00:00Z"}
    house.recipient(key).update({"delivery_statuses": [told], **more})


async def test_letters_are_posted_in_one_sending_delivered_or_returned_with_their_reason(
    office: Office, house: Maileva, carrier: MailevaCarrier
) -> None:
    mailing = await send(office, REGISTERED)
    (sending,) = house.submitted
    assert len(sending["recipients"]) == COUNT and len(sending["documents"]) == 1
    assert next(iter(sending["documents"].values()))["content"].startswith(b"%PDF")
    assert await office.states(mailing) == {"handed_over": COUNT}
    keys = await keys_of(office, mailing)
    house.produce()
    back, *rest = keys
    deliver(
        house,
        back,
        "LP21",
        "Retour à l'expéditeur pour cause de destinataire inconnu à l'adresse",
        undelivered_mail_date="2026-11-29T08:00:00Z",
        undelivered_mail_url="/y",
    )
    for key in rest:
        deliver(house, key, "LP15", "Distribué")
    await office.follow(2, hours=7)
    assert await office.states(mailing) == {"delivered": COUNT - 1, "returned": 1}
    lines = await timeline(office, back)
    (returned,) = [line for line in lines if line.kind is EventKind.RETURNED]
    assert (returned.code, "inconnu à l'adresse" in returned.text) == ("LP21", True)
    (proof,) = [line for line in lines if line.kind is EventKind.PROVEN]
    assert proof.code == "returned-scan"
    assert await office.house.documents.get(office.organisation_id, proof.detail["document"]) == PROOF
    async with office.house.database.read() as connection:
        blocked = await connection.scalar(sa.select(sa.func.count()).select_from(tables.suppressions))
    assert blocked == 1  # the address of nobody is not written to again


async def test_a_receipt_that_comes_after_the_letters_end_is_fetched_once(
    office: Office, house: Maileva, carrier: MailevaCarrier
) -> None:
    mailing = await send(office, REGISTERED)
    keys = await keys_of(office, mailing)
    house.produce()
    for key in keys:
        deliver(house, key, "LP15", "Distribué")
    await office.follow(2, hours=7)
    assert await office.states(mailing) == {"delivered": COUNT}
    house.recipient(keys[0]).update(acknowledgement_of_receipt_date="2026-11-30T08:00:00Z", acknowledgement_of_receipt_url="/a")
    house.bad.append(Bad("GET", "/download_acknowledgement", 503))
    await office.follow(3, hours=7)
    assert [line.code for line in await timeline(office, keys[0]) if line.kind is EventKind.PROVEN] == ["acknowledgement"]
    assert house.count("GET", "/download_acknowledgement") == 2  # once in vain, once for good
    await office.follow(3, days=10)
    assert await office.open_batches("ask") == []  # and after two weeks nobody asks any more


async def test_a_house_that_answers_500_after_it_accepted_prints_each_letter_once(
    office: Office, house: Maileva, carrier: MailevaCarrier
) -> None:
    house.bad += [Bad("POST", "/submit$", 0, True), Bad("GET", "/sendings/s", 503)]
    mailing = await send(office, Options())
    await office.follow(3, minutes=10)
    assert {house.posted(key) for key in await keys_of(office, mailing)} == {1}
    assert await office.states(mailing) == {"handed_over": COUNT}


async def test_what_the_house_cannot_make_stops_the_button(office: Office, house: Maileva, carrier: MailevaCarrier) -> None:
    mailing = await letters(office, REGISTERED)
    item = (await office.items(mailing))[3]
    async with office.house.database.write() as connection:
        shape = {"lines": ["Erika", "Weg 1", "10115 Berlin"], "postcode": "10115", "town": "Berlin", "country": "DE"}
        await connection.execute(tables.items.update().where(tables.items.c.id == item.id).values(address=shape))
    quote = await pricing.quote(office.house, mailing, REGISTERED)
    assert [problem.code for problem in quote.problems] == ["house-postage"]
    assert quote.items == COUNT - 1
    with pytest.raises(OptionConflict):
        await steering.send(office.house, mailing, REGISTERED, OFFICE)
    assert not house.sendings
    assert not (await pricing.quote(office.house, mailing, Options())).problems
