"""The options page's ways to cut: cards, another rule, a spreadsheet, shared envelopes, and the way back; fields."""

from dataclasses import replace

import pytest
from aiohttp import FormData

from postoffice.actions import recutting
from postoffice.actions.actor import OFFICE
from postoffice.compose import kept
from postoffice.compose.fields import field_rules
from postoffice.compose.trial import trial_merge
from postoffice.model.mailing import Mailing, Options, Together
from postoffice.model.states import ItemState, MailingState
from postoffice.pipeline.reading import read
from postoffice.pipeline.stop import Stop
from postoffice.store import batches, mailings, printers
from tests.desk import house
from tests.desk.house import Browser, Office


async def brought(office: Office, content: bytes, **more: object) -> Mailing:
    """A mailing that was read by the pipeline itself."""
    mailing = await office.add_mailing([house.piece(1, 1)], content, **more)
    async with office.house.database.write() as connection:
        await mailings.command(connection, mailing, "recut")
        batch_id = await batches.add(
            connection,
            organisation_id=mailing.organisation_id,
            step="read",
            subject_id=mailing.id,
            queue="compose",
            now=office.house.clock.now(),
        )
    async with office.house.database.write() as connection:
        batch = await batches.claim(connection, batch_id, "me", office.house.clock.now(), office.house.lease)
    assert batch is not None
    await read(office.house, batch, Stop())
    return await office.again(mailing)


async def spans(office: Office, mailing: Mailing) -> list[tuple[int, int]]:
    return [(item.first_page, item.pages) for item in await office.items_of(mailing)]


@pytest.mark.slow
async def test_cards_cut_anew_without_reading_and_the_way_back(office: Office, alice: Browser) -> None:
    content, known = trial_merge(6, seed=4)
    mailing = await brought(office, content)
    before = [(one.first_page, one.pages) for one in known]
    assert (mailing.state, await spans(office, mailing)) == (MailingState.WAITING, before)
    text = (await alice.get(f"/m/{mailing.id}"))[1]
    assert "as it is cut now" in text
    assert "6 begin with an address" in text
    chosen = (await office.items_of(mailing))[2]
    await alice.post(f"/m/{mailing.id}/items/{chosen.id}", {"reference": "by hand", "channel": "plan"})
    status, _, where = await alice.post(f"/m/{mailing.id}/recut", {"rule": "pages:1"})
    assert (status, where) == (303, f"/m/{mailing.id}?done=recut")
    assert len(await spans(office, mailing)) == mailing.pages
    assert (await office.again(mailing)).automatic is False
    assert "Undo the last cut" in (await alice.get(f"/m/{mailing.id}"))[1]
    await alice.post(f"/m/{mailing.id}/undo")
    assert await spans(office, mailing) == before
    again = (await office.items_of(mailing))[2]
    assert (again.id, again.reference) == (chosen.id, "by hand")
    status, _, _ = await alice.post(f"/m/{mailing.id}/undo")
    assert status == 409


async def test_a_rule_that_needs_other_zones_is_read_again(office: Office, alice: Browser) -> None:
    mailing = await brought(office, trial_merge(3, seed=4)[0])
    _, _, where = await alice.post(f"/m/{mailing.id}/recut", {"split": "text", "split_zone": "20,90,100,20", "split_word": "n°"})
    assert where == f"/m/{mailing.id}"
    assert (await office.again(mailing)).state is MailingState.RECEIVED


async def test_a_spreadsheet_cuts_and_one_that_does_not_fit_changes_nothing(office: Office, alice: Browser) -> None:
    content, known = trial_merge(4, seed=4)
    mailing = await brought(office, content)
    rows = "Pages;Email\n" + "".join(f"{one.pages};p{number}@example.org\n" for number, one in enumerate(known, 1))
    for text, expected in ((rows.replace("p2@", "p2b@"), 303), (rows + "1;x@example.org\n", 400)):
        form = FormData()
        form.add_field("csrf", alice.csrf)
        form.add_field("order", text.encode(), filename="rows.csv", content_type="text/csv")
        status, said, _ = await alice.post(f"/m/{mailing.id}/order", form)
        assert status == expected, said
    assert [item.email for item in await office.items_of(mailing)] == [
        "p1@example.org",
        "p2b@example.org",
        "p3@example.org",
        "p4@example.org",
    ]


async def test_letters_of_one_recipient_share_an_envelope_and_part_again(office: Office, alice: Browser, letters: bytes) -> None:
    lines = ["Mme Zoé LEFÈVRE", "3 RUE DU PUITS", "67000 STRASBOURG"]
    other = ["M. A", "1 RUE B", "75001 PARIS"]
    new = [
        replace(house.piece(1, 1, lines=lines), reference="F1"),
        replace(house.piece(2, 2, lines=other), reference="F2"),
        replace(house.piece(3, 3, lines=[line.lower() for line in lines]), reference="F3"),
    ]
    mailing = await office.add_mailing(new, letters)
    await alice.post(f"/m/{mailing.id}/options", {"channel": "post", "duplex": "1", "together": "address"})
    first, second = await office.items_of(mailing)
    assert (first.runs, first.reference, first.pages, second.reference) == (((1, 1), (0, 1), (3, 1)), "F1, F3", 3, "F2")
    assert (await office.again(mailing)).items == 2
    assert (first.document_page(3), first.document_page(2), first.own_page(3)) == (3, 0, 3)
    assert "F3" in (await alice.get(f"/m/{mailing.id}/items/{first.id}"))[1]
    assert (await alice.get(f"/m/{mailing.id}?q=F3"))[1].count('class="leaf"') == 1
    await alice.post(f"/m/{mailing.id}/options", {"channel": "post", "duplex": "1", "together": ""})
    assert [(item.first_page, item.reference) for item in await office.items_of(mailing)] == [(1, "F1"), (2, "F2"), (3, "F3")]


async def test_held_and_excluded_letters_travel_alone(office: Office, alice: Browser, letters: bytes) -> None:
    new = [house.piece(number, number, lines=["A", "1 RUE B", "75001 PARIS"]) for number in (1, 2, 3)]
    mailing = await office.add_mailing(new, letters)
    out = (await office.items_of(mailing))[1]
    await alice.post(f"/m/{mailing.id}/items/{out.id}/exclude")
    options = Options(together=Together.ADDRESS, duplex=False)
    await recutting.share_envelopes(office.house, await office.again(mailing), options, OFFICE)
    found = await office.items_of(mailing)
    assert [(item.runs, item.state) for item in found] == [
        (((1, 1), (3, 1)), ItemState.DRAFT),
        (((2, 1),), ItemState.EXCLUDED),
    ]


async def test_fields_are_tried_on_all_letters_and_kept_with_the_printer(office: Office, alice: Browser) -> None:
    content, _ = trial_merge(3, seed=4)
    async with office.house.database.write() as connection:
        printer = await printers.add(connection, organisation_id=office.organisation_id, name="A", now=office.house.clock.now())
    mailing = await brought(office, content, printer_id=printer)
    assert "Invoice number" in (await alice.get(f"/m/{mailing.id}/fields"))[1]
    form = {"invoice-pattern": r"n° (2026-\d+)", "customer-zone": "1,1,5,5", "customer-must": "1"}
    status, text, _ = await alice.post(f"/m/{mailing.id}/fields/try", form)
    assert status == 200
    assert ("2026-00001" in text, "found on all" in text, "not found on 3" in text) == (True, True, True)
    status, text, _ = await alice.post(f"/m/{mailing.id}/fields", {"invoice-pattern": "(a+)+"})
    assert (status, "Invoice number" in text) == (400, True)
    await alice.post(f"/m/{mailing.id}/fields", {"invoice-pattern": r"n° (2026-\d+)", "printer": "1"})
    found = await office.items_of(mailing)
    assert [item.reference for item in found] == ["2026-00001", "2026-00002", "2026-00003"]
    assert found[0].fields == {"invoice": "2026-00001"}
    next_one = await brought(office, trial_merge(2, seed=9)[0], printer_id=printer)
    assert [item.reference for item in await office.items_of(next_one)] == ["2026-00001", "2026-00002"]
    async with office.house.database.read() as connection:
        assert field_rules(await printers.fields_of(connection, printer))[0].name == "invoice"


async def test_kept_pages_are_a_document_of_the_organisation(office: Office) -> None:
    mailing = await brought(office, trial_merge(2, seed=4)[0])
    assert mailing.kept is not None
    whole = kept.unpack(await office.house.documents.get(mailing.organisation_id, mailing.kept))
    assert whole is not None
    assert len(whole.pages()) == mailing.pages


@pytest.mark.slow
async def test_an_uncertain_cut_never_leaves_by_itself(office: Office) -> None:
    pdf = trial_merge(3, seed=4)[0]
    sure = await brought(office, pdf, automatic=True, split_rule="auto")
    assert (sure.state, sure.cuts["sure"]) == (MailingState.PLANNING, True)
    doubtful = await brought(
        office, pdf, automatic=True, split_rule="auto", layout="din"
    )  # only the sender's address stands in this window
    assert (doubtful.state, doubtful.automatic, doubtful.cuts["sure"]) == (MailingState.WAITING, False, False)
    assert "cut-uncertain" in {one.code for one in doubtful.findings}
    nothing = await brought(office, pdf, automatic=True, split_rule="marker")
    assert (nothing.state, {one.code for one in nothing.findings} >= {"rule-matches-nothing"}) == (MailingState.WAITING, True)
