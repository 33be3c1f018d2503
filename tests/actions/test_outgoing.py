"""What leaves the house: dressed as the options say, on paper and elsewhere."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from postoffice.actions import outgoing
from postoffice.model.ids import new_id, to_bytes
from postoffice.model.mailing import Insert, Mailing, Options
from postoffice.pdf import datamatrix
from postoffice.pdf.datamatrix import Code
from postoffice.pdf.document import frame_of, open_page, open_pdf
from postoffice.pdf.raster import picture
from tests.conftest import FixedClock
from tests.desk import house
from tests.desk.house import Office
from tests.papers import faults
from tests.papers.defects import put

LINES = ("Mme Zoé LEFÈVRE", "3 RUE DU PUITS", "67000 STRASBOURG")


@pytest.fixture
async def office(tmp_path: Path, clock: FixedClock) -> AsyncIterator[Office]:
    built = await house.build(tmp_path, clock)
    yield built
    await built.house.database.close()


def codes(folder: Path, content: bytes) -> list[list[Code]]:
    """The codes on each page."""
    found = []
    with open_pdf(put(folder, "out.pdf", content)) as document:
        for index in range(len(document)):
            with open_page(document, index) as page:
                found.append([one.code for one in datamatrix.read(picture(page, frame_of(page), 200, grey=True))])
    return found


@pytest.mark.slow
async def test_paper_has_its_sheet_inserts_and_codes_and_an_email_has_none_but_the_inserts(office: Office, tmp_path: Path) -> None:
    content = faults.plain()
    mailing: Mailing = await office.add_mailing([house.piece(1, 1)], content)
    insert = await office.house.documents.put(mailing.organisation_id, faults.plain(texts=[(22, 40, "Conditions")]))
    options = Options(address_sheet=True, sheet_codes=True, inserts=(Insert(insert.sha256, 1),))
    assert Options.from_dict(options.as_dict()) == options
    key = new_id()
    paper = await outgoing.dressed(office.house, mailing, options, content, lines=LINES, key=key)
    expected = [[Code(to_bytes(key), sheet, 3)] for sheet in (1, 2, 3)]
    assert codes(tmp_path, paper) == [expected[0], [], expected[1], [], expected[2]]
    mail = await outgoing.dressed(office.house, mailing, options, content)
    assert codes(tmp_path, mail) == [[], []]
    assert await outgoing.dressed(office.house, mailing, Options(), content, lines=LINES, key=key) == content
    assert outgoing.wears(replace(options, inserts=()), paper=False) is False
