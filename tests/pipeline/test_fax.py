"""The whole road of a fax: a merge comes in, each item's own pages reach HylaFAX, and its news the timeline."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from io import BytesIO

import pytest
import sqlalchemy as sa
from PIL import Image

from postoffice.actions import steering
from postoffice.actions.actor import OFFICE
from postoffice.channels.fax.hfaxd import Server
from postoffice.channels.fax.hylafax import HylaFaxCarrier, Way
from postoffice.channels.fax.sheets import foot_of
from postoffice.compose.trial import trial_merge
from postoffice.model.channel import Channel, Purpose
from postoffice.model.delivery import Piece
from postoffice.model.mailing import Ground, Options
from postoffice.model.ports import Abilities
from postoffice.model.states import EventKind
from postoffice.store import people
from postoffice.store import schema as tables
from tests.channels.fakes import ListLog
from tests.channels.fax.hfaxd import FakeHfaxd, running
from tests.pipeline.house import Office, PlannedCarrier, people_items


async def test_each_item_is_faxed_with_its_own_pages(office: Office) -> None:
    async with running(FakeHfaxd()) as fake:
        carrier = HylaFaxCarrier(
            "my-fax", Server("127.0.0.1", fake.port, seconds=5.0), Way(), ListLog(), workshop=office.house.workshop
        )
        office.carriers.mine[Channel.FAX] = carrier
        content, truth = trial_merge(3)
        mailing = await office.drafts(people_items(3), Options(channel=Channel.FAX))
        stored = await office.house.documents.put(office.organisation_id, content)
        async with office.house.database.write() as connection:
            await connection.execute(tables.mailings.update().values(document=stored.sha256))
            for number, letter in enumerate(truth, 1):
                values = {"first_page": letter.first_page, "pages": letter.pages}
                await connection.execute(tables.items.update().where(tables.items.c.position == number).values(values))
        await steering.send(office.house, await office.mailing(mailing), Options(channel=Channel.FAX), OFFICE)
        await office.work()
        assert await office.states(mailing) == {"handed_over": 3}
        frames = [Image.open(BytesIO(job.document)).n_frames for job in fake.jobs]
        assert sorted(frames) == sorted(letter.pages for letter in truth)
        for job, frame in zip(fake.jobs, frames, strict=True):
            job.state, job.sent, job.pages = "D", frame, frame
        fake.jobs[0].state, fake.jobs[0].reason = "F", "Busy signal detected"
        office.clock.time += timedelta(minutes=2)
        await office.work()
        assert await office.states(mailing) == {"delivered": 2, "failed": 1}
        async with office.house.database.read() as connection:
            told = (await connection.execute(sa.select(tables.events.c.kind, tables.events.c.code))).all()
        assert (EventKind.EXPIRED.value, "busy") in {(str(kind), code) for kind, code in told}


@pytest.mark.parametrize("language", ["fr", "en"])
async def test_an_offer_tells_its_recipient_how_to_stop_offers_and_an_invoice_does_not(office: Office, language: str) -> None:
    seen: list[Piece] = []
    office.clock.time = datetime(2026, 11, 24, 10, tzinfo=UTC)  # offers have hours

    async def look(piece: Piece) -> None:
        seen.append(piece)

    carrier = PlannedCarrier("planned", Abilities(Channel.FAX))
    carrier.say["*"] = [look, look]
    office.carriers.mine[Channel.FAX] = carrier
    office.house = replace(office.house, url="https://post.example")
    async with office.house.database.write() as connection:
        await people.update_organisation(connection, office.organisation_id, language=language)
    for purpose in (Purpose.INVOICE, Purpose.PROMOTION):
        options = Options(channel=Channel.FAX, purpose=purpose, ground=Ground.COMPANIES)
        await steering.send(office.house, await office.drafts(people_items(1), options), options, OFFICE)
        await office.follow(2)
    invoice, offer = seen
    code = office.house.keyring.fax_stop_code(office.organisation_id, "+33199000000", live=True)
    assert invoice.foot == ""
    assert all(part in offer.foot for part in (" post.example/stop,", "01\u00a099\u00a000\u00a000\u00a000", code))
    assert ("publicité" in offer.foot) == (language == "fr")
    assert [line.count("\u00a0") for line in foot_of(offer)] in ([4], [0, 4], [4, 0]), "a number is not broken"
