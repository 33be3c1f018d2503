"""A reader that was asleep while another one read its mailing, and a person mended it, changes nothing of it when it wakes up."""

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest

from postoffice.actions import templating
from postoffice.model.mailing import Source
from postoffice.model.states import MailingState
from postoffice.store import mailings
from postoffice.store.database import Database
from postoffice.store.documents import FileDocuments
from postoffice.store.keys import Keyring
from tests.doors import letters
from tests.meanwhile import Seams
from tests.pipeline.house import Office, dead_owner, open_office
from tests.pipeline.test_merging import CONTENT, LETTER, published, row

pytestmark = pytest.mark.slow

MENDED = {"document": "f" * 64, "kept": None}


@pytest.fixture
async def office(
    database: Database, documents: FileDocuments, keyring: Keyring, clock: Any, organisation_id: str
) -> AsyncIterator[Office]:
    seams = Seams(database)
    opened = await open_office(seams, documents, keyring, clock, organisation_id)
    yield opened
    await opened.carriers.real.close()
    await seams.close()


async def test_a_reader_that_lost_its_lease_takes_nothing_back(office: Office) -> None:
    seams = office.house.database
    assert isinstance(seams, Seams)
    for number in range(2, 7):  # before whichever of its first transactions it falls asleep
        mailing = await office.submit(letters(1))
        (batch_id,) = await office.due()

        async def meanwhile(mailing_id: str = mailing.id, batch_id: str = batch_id) -> None:
            dead_owner(office)
            assert await office.pipeline("quick").work(batch_id)
            async with seams.write() as connection:
                await mailings.update(connection, mailing_id, **MENDED)

        seams.before(number, meanwhile)
        await office.pipeline("asleep").work(batch_id)
        found = await office.mailing(mailing)
        assert (found.state, found.document, found.kept, found.pages_read) == (MailingState.WAITING, "f" * 64, None, found.pages), (
            number
        )


@pytest.mark.parametrize("number", [3, 4])
async def test_a_merge_that_lost_its_lease_takes_nothing_back(office: Office, number: int) -> None:
    seams, two_pages = office.house.database, LETTER + '<p style="page-break-before: always">2</p>'
    assert isinstance(seams, Seams)
    parts = {"fr": replace(CONTENT.parts["fr"], letter=two_pages)}
    version = await published(office, replace(CONTENT, parts=parts))
    new = templating.new_mailing(version, office.organisation_id, Source.UPLOAD, "Factures")
    mailing = await templating.begin_from_rows(office.house, version, [row(1)], new)
    (batch_id,) = await office.due()

    async def meanwhile() -> None:
        dead_owner(office)
        assert await office.pipeline("quick").work(batch_id)

    seams.before(number, meanwhile)
    await office.pipeline("asleep").work(batch_id)
    found = await office.mailing(mailing)
    assert (found.state, found.pages, found.pages_read) == (MailingState.WAITING, 2, 2)
