"""An office in which every page of the desk has something to show, and the addresses of those things by name."""

import io
from collections.abc import Mapping
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any

from aiohttp import FormData

from postoffice.compose.reading import read_document
from postoffice.compose.trial import trial_letters
from postoffice.model.address import PostalAddress
from postoffice.model.channel import Channel
from postoffice.model.ids import to_bytes
from postoffice.model.item import Item, NewItem
from postoffice.model.returned import Reason
from postoffice.model.states import EventKind
from postoffice.pipeline import matching
from postoffice.store import campaigns, clicks, events, factors, links, news, people, portal, printers, scans, segments
from postoffice.store import schema as tables
from tests.desk import house, test_campaign_sheet, test_contacts, test_plans, test_printers, test_returned, test_segments
from tests.desk.house import Browser, Office
from tests.desk.offices import add_printer
from tests.desk.test_board import sent
from tests.desk.test_campaigns import FORM as CAMPAIGN
from tests.desk.test_campaigns import press
from tests.desk.test_figures import _sent as alarming
from tests.desk.test_fixes import merge
from tests.desk.test_forms import FORM as SIGN_UP
from tests.desk.test_mail_editor import begun as begun_mail
from tests.desk.test_mailbox import FORM as MAILBOX
from tests.desk.test_mailbox import PAGE as MAILBOX_PAGE
from tests.desk.test_mailbox import answered
from tests.desk.test_people import INVITE
from tests.desk.test_sandbox import HTML, keep
from tests.desk.test_sandbox import sent as piece_sent
from tests.desk.test_templates import SHEET, begun
from tests.papers.defects import put
from tests.pipeline import campaigning
from tests.pipeline.house import Office as Road

Things = dict[str, str]


def last(path: str) -> str:
    """The id at the end of an address."""
    return path.partition("?")[0].rstrip("/").rpartition("/")[2]


async def furnish(office: Office, browser: Browser, folder: Path) -> Things:
    """Fill the office through somebody's browser; name -> id of what now stands in it. `folder`: for files of its own."""
    things = await _campaigns(office, browser)  # first: it works on whatever is due
    for fill in (_letters_out, _came_back, _contacts, _templates, _administration, _sandbox):
        things |= await fill(office, browser)
    return things | await _waiting(office, folder)


@cache
def letters() -> bytes:
    """A merged PDF of a few letters."""
    return trial_letters(5, 7)


async def _campaigns(office: Office, browser: Browser) -> Things:
    """A draft with a date, one from a spreadsheet, one that ended with figures; a segment, a form."""
    road = Road(office.house, office.organisation_id)
    await campaigning.crowd(road, 6)
    version_id = await campaigning.version_of(road)
    async with office.house.database.write() as connection:
        await people.update_organisation(connection, office.organisation_id, settings={"sender_email": "bonjour@maison.example"})
    await browser.post(
        "/segments", {"title": "Habitants de Paris", "r.group": "all", "r.0.on": "town", "r.0.test": "is", "r.0.value": "Paris"}
    )
    asked = {**CAMPAIGN, "name": "Vœux de fin d'année", "version": version_id, "at": "2026-12-24T10:00"}
    await press(browser, "/campaigns/new", asked)
    await press(browser, "/campaigns/new", {**asked, "name": "Invitation des adhérents", "segment": "sheet"})
    async with office.house.database.read() as connection:
        drafts = {one.name: one.id for one in await campaigns.some(connection, office.organisation_id)}
        (segment,) = await segments.page(connection, office.organisation_id)
    sheet = drafts["Invitation des adhérents"]
    await test_campaign_sheet.bring(browser, f"/campaigns/{sheet}", test_campaign_sheet.ROWS)
    ended = await campaigning.launched(road, name="Soldes d'hiver")
    await road.follow(4)
    (wave,) = await campaigning.waves_of(road, ended)
    async with office.house.database.write() as connection:
        link = clicks.Link(1, "fr", "html", "https://example.org/soldes", "", True)
        await clicks.register(connection, ended.organisation_id, wave.mailing_id, [link])
    page = await press(browser, "/forms/new", {**SIGN_UP, "label0": "Votre nom", "name0": "name", "sites": "https://shop.example"})
    assert page.status == 200
    form = page.text.split("/forms/")[1][:26]
    found = {"draft": drafts["Vœux de fin d'année"], "sheet": sheet, "ended": ended.id, "wave": str(wave.mailing_id)}
    return found | {"segment": segment.id, "form": form}


async def _waiting(office: Office, folder: Path) -> Things:
    """A mailing that waits: letters with something in their window, one held without an address."""
    content = merge((True, False, True, False))
    reading = read_document(put(folder, "merge.pdf", content))
    held = house.piece(4, 4, 1, "no-address", lines=[])
    mailing = await office.add_mailing([*reading.items[:3], held], content, name="Factures de novembre")
    first, _second, _third, last_one = await office.items_of(mailing)
    return {"waiting": mailing.id, "faulty": first.id, "held": last_one.id}


async def _letters_out(office: Office, browser: Browser) -> Things:
    """A mailing that went: handed over with a link and a proof, failed, held; and one that alarms."""
    mailing, (gone, failed, *_) = await sent(office, letters())
    now = office.house.clock.now()
    link = {"organisation_id": office.organisation_id, "item_id": gone.id, "delivery_id": gone.delivery_id, "token": "a" * 32}
    link |= {"proof": "postcode", "proof_text": "69003", "created_at": now, "expires_at": now + timedelta(days=30)}
    stored = await office.house.documents.put(office.organisation_id, b"%PDF-1.4 receipt")
    proof = events.NewEvent(
        office.organisation_id,
        EventKind.PROVEN,
        "maileva",
        now,
        item_id=gone.id,
        delivery_id=gone.delivery_id,
        code="acknowledgement",
        detail={"document": stored.sha256},
    )
    async with office.house.database.write() as connection:
        await links.add_missing(connection, [link])
        await events.add(connection, [proof], now)
    await alarming(office, letters(), 10, wishes=2, centre="Ventes")
    return {"sent": mailing.id, "gone": gone.id, "failed": failed.id}


async def _came_back(office: Office, browser: Browser) -> Things:
    """A letter that came back, a scan with envelopes that a person must look at, an answer, a suppression, a wish."""
    first, second = await test_returned.posted(office)
    typed = {"typed": to_bytes(test_returned.key_of(first)).hex(), "reason": "unknown"}
    await browser.post("/returned/enter", typed)
    item, mail = await answered(office)
    await browser.post("/suppressions", {"channel": "email", "typed": "anne@example.fr", "note": "au téléphone", "days": "10"})
    house_, now = office.house, office.house.clock.now()
    stored = await house_.documents.put(office.organisation_id, letters())
    seen = await house_.documents.put(office.organisation_id, _photograph(second))
    stray = events.NewEvent(
        office.organisation_id, EventKind.REPLIED, "sandbox-sms", now, text="Qui êtes-vous ?", detail={"from": "+33639980001"}
    )
    async with house_.database.write() as connection:
        scan = await scans.add(connection, office.organisation_id, Reason.UNKNOWN, "bac.pdf", stored.sha256, "Alice", now)
        found = [scans.Page(scan, 1, scans.Outcome.DOUBTFUL, candidates=[(test_returned.key_of(second), 80)], document=seen.sha256)]
        await scans.keep(connection, office.organisation_id, [*found, scans.Page(scan, 2, scans.Outcome.NOTHING)])
        await scans.change(connection, scan, pages=2, pages_read=2, state="done")
        wish = {"words": "Merci d'effacer mes données", "network": "192.0.2.0/24"}
        await portal.ask(connection, office.organisation_id, str(first.contact_id), "erasure", wish, now)
        await events.add(connection, [stray], now)
    return {"returned": first.id, "answered": item, "mail": mail, "scan": scan}


def _photograph(item: Item) -> bytes:
    """The envelope of a letter, as a scanner sees it."""
    target = io.BytesIO()
    test_returned.shown(item).save(target, "JPEG", quality=70)
    return target.getvalue()


async def _contacts(office: Office, browser: Browser) -> Things:
    """A contact with a consent, a letter that may be somebody's, an import on trial, purchases."""
    page = await test_contacts.written(browser)
    consent = {"purpose": "promotion", "channel": "email", "means": "letter", "note": "lettre du 3 mars"}
    await browser.post(page + "/consent", consent)
    address = PostalAddress(("J. Dupont", "12 rue de l'Église", "69002 LYON"))
    doubtful = await office.add_mailing([NewItem(1, 1, address)], letters())
    async with office.house.database.write() as connection:
        now = office.house.clock.now()
        await matching.place(office.house, connection, office.organisation_id, await office.items_of(doubtful), now)
    brought = await _upload(browser, "/contacts/imports", "file", test_contacts.FILE, "clients.csv")
    await test_contacts.work(office)
    begun_import = await _upload(browser, "/contacts/imports", "file", test_contacts.FILE, "adherents.csv")
    await test_contacts.work(office)
    columns = {"col-0": "family_name", "col-1": "given_name", "col-2": "town", "col-3": "email", "col-4": "reference"}
    await browser.post(f"{brought}/choose", {"header": "0", "system": "crm"} | columns)
    await test_contacts.work(office)
    await test_segments._people(office, "Ada", "Bob")
    sales = await _upload(browser, "/segments/purchases", "file", test_segments.FILE, "ventes.csv")
    await test_contacts.work(office)
    found = {"contact": last(page), "import": last(brought), "mapping": last(begun_import), "sales": last(sales)}
    return found | {"customer": await _somebody(office, "Ada")}


async def _somebody(office: Office, name: str) -> str:
    async with office.house.database.read() as connection:
        return str(await connection.scalar(tables.contacts.select().where(tables.contacts.c.name == name)))


async def _upload(browser: Browser, path: str, field: str, text: str, name: str) -> str:
    """Where a spreadsheet leads to."""
    form = FormData()
    form.add_field("csrf", browser.csrf)
    form.add_field(field, text.encode("cp1252", "replace"), filename=name)
    status, _text, leads = await browser.post(path, form)
    assert status == 303, path
    return leads


async def _templates(office: Office, browser: Browser) -> Things:
    """A letter that is published, with a spreadsheet to merge; a mail in blocks."""
    letter = await begun(browser)
    assert (await browser.post(f"{letter}/publish"))[0] == 303
    sheet = await _upload(browser, f"{letter}/merge", "sheet", SHEET, "rappels.csv")
    mail = await begun_mail(browser)
    return {"template": last(letter), "rows": last(sheet), "newsletter": mail.split("/")[2]}


async def _administration(office: Office, browser: Browser) -> Things:
    """A printer with a token, carriers in trouble, a plan, limits, people, a key, a webhook with a failure, a sending domain."""
    printer = await add_printer(office, "Factures")
    async with office.house.database.write() as connection:
        row = await printers.get(connection, printer)
        await printers.add_token(connection, office.house.keyring, row, label="PC 12", now=office.house.clock.now())
        (token,) = await printers.tokens(connection, printer)
        values = {"organisation_id": office.organisation_id, "carrier": "sandbox-sms", "now": office.house.clock.now()}
        told, _ = await news.keep(connection, way="knock", digest="d", body=b"", request={"bytes": 120}, **values)
        await news.mark(connection, [told], "failed", office.house.clock.now(), error="The clock of the signature is wrong")
    for path, form in _FORMS.items():
        status, text, _ = await browser.post(path, form)
        assert status in (200, 303), (path, text)
    plan = await test_plans._saved(office)
    person = await _with_an_app(office)
    hook = (await browser.get("/admin/hooks"))[1].split('href="/admin/hooks/')[1][:26]
    await browser.post(f"/admin/hooks/{hook}/test")
    return {"printer": printer, "token": token.id, "plan": plan, "hook": hook, "person": person}


#: what is typed into the forms of the administration
_FORMS: Mapping[str, Mapping[str, str]] = {
    MAILBOX_PAGE: MAILBOX,
    "/admin/printers/new": test_printers.FORM,
    "/admin/people/new": {**INVITE, "email": "nouvelle@example.org"},
    "/admin/keys": {"name": "CRM", "kind": "live", "role": "sender"},
    "/admin/hooks": {"url": "https://crm.example.org/hear", "label": "CRM", "live": "1"},
    "/admin/domains": {"domain": "mairie.example"},
    "/admin/limits": {"scope": "organisation", "amount": "100"},
}


async def _with_an_app(office: Office) -> str:
    """Somebody who signs in with a second step."""
    paul = await office.add_user("paul@example.org", house.administrator(), language="fr")
    async with office.house.database.write() as connection:
        await factors.set_app(connection, office.house.keyring, paul.id, b"12345678901234567890", None)
    return paul.id


async def _sandbox(office: Office, browser: Browser) -> Things:
    """One piece of each channel."""
    document = (await office.house.documents.put(office.organisation_id, letters())).sha256
    paper: dict[str, Any] = {"document": document, "first_page": 2, "pages": 1, "address_lines": ("Mme Zoé", "69003 LYON")}
    more: dict[Channel, dict[str, Any]] = {
        Channel.EMAIL: {"html": HTML, "text": "Bonjour http://localhost/l/" + "a" * 32},
        Channel.SMS: {"to": "+33612345601", "subject": "", "outcome": "bounced"},
        Channel.FAX: {"to": "+33139980000", **paper},
        Channel.POST: paper,
    }
    pieces = {channel: piece_sent(office, channel, **values) for channel, values in more.items()}
    await keep(office, *pieces.values())
    return {f"sandbox-{channel.value}": one.key for channel, one in pieces.items()}
