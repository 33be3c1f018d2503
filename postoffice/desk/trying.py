"""Test sending: one small letter to an address that the administrator types, through the carrier itself, and what it answers."""

from dataclasses import dataclass
from html import escape
from typing import Any

from aiohttp import web

from postoffice.compose import recheck
from postoffice.desk.admin import note
from postoffice.desk.carriers import carrier_page_of, kept_settings, kind_of, load_carrier
from postoffice.desk.choices import text_of
from postoffice.desk.page import finding_words
from postoffice.desk.visit import VISIT, Visit, house_of
from postoffice.house import House
from postoffice.model.address import PostalAddress
from postoffice.model.channel import Channel, Purpose
from postoffice.model.delivery import Attachment, Pages, Piece, Receipt
from postoffice.model.errors import AlreadySent, CarrierError, Conflict, InDoubt, PostOfficeError, Refused, TryLater
from postoffice.model.finding import Severity
from postoffice.model.ids import new_id
from postoffice.model.layout import LAYOUTS
from postoffice.model.mailing import Options
from postoffice.model.ports import Carrier
from postoffice.store import carriers
from postoffice.store.carriers import CarrierRow
from postoffice.words import N_

#: where a country's envelopes have their window; elsewhere the French one
WINDOWS = {"DE": "din", "AT": "din", "CH": "din", "GB": "uk"}
ANSWERS: dict[type[CarrierError], str] = {
    TryLater: N_("The carrier could not take it now: nothing was sent."),
    Refused: N_("The carrier refused it: nothing was sent."),
    InDoubt: N_("The line broke at the end: perhaps it was sent, perhaps not."),
    AlreadySent: N_("The carrier says that it has this piece already."),
}


@dataclass(frozen=True, slots=True)
class Tried:
    """What a test sending came to."""

    good: bool
    words: str
    reason: str = ""  #: the carrier's own words
    code: str = ""
    reference: str = ""
    key: str = ""  #: of the piece, for a look into the sandbox box


async def try_carrier(request: web.Request) -> web.StreamResponse:
    """POST /admin/carriers/{carrier}/test"""
    carrier, form = await load_carrier(request), await request.post()
    typed = text_of(form, "to", 1_000)
    settings, kind = kept_settings(request, carrier), kind_of(request, carrier.kind)
    try:
        tried = await _try(request, carrier, typed)
    except PostOfficeError as wrong:
        return await carrier_page_of(request, carrier, kind, settings, wrong=wrong, typed_to=typed)
    fresh = await load_carrier(request)
    return await carrier_page_of(request, fresh, kind, settings, tried=tried, typed_to=typed)


async def _try(request: web.Request, row: CarrierRow, typed: str) -> Tried:
    """No transaction is open while the carrier is asked."""
    house, visit = house_of(request), request[VISIT]
    if not row.enabled:
        raise Conflict("carrier-off", f"The carrier {row.name} is switched off.", help="Switch it on first.")
    piece = await _piece(house, visit, row.channel, typed)
    carrier = await house.carriers.get(row.organisation_id, row.name)
    async with house.database.write() as connection:
        await note(request, connection, "carrier.test", row.id, name=row.name)
    began = house.clock.now()
    tried, trouble = await _hand_over(visit, carrier, piece)
    async with house.database.write() as connection:
        await carriers.note_health(connection, row.organisation_id, row.name, house.clock.now(), trouble)
    house.log.info("carrier.tested", carrier=row.name, good=tried.good, seconds=(house.clock.now() - began).total_seconds())
    return tried


async def _hand_over(visit: Visit, carrier: Carrier, piece: Piece) -> tuple[Tried, str]:
    """The carrier's answer, and what is wrong with the carrier itself (a refused address is not its fault)."""
    try:
        receipt: Receipt = await carrier.send(piece)
    except AlreadySent as known:
        return Tried(True, visit.words.gettext(ANSWERS[AlreadySent]), known.reason, "", known.reference, piece.key), ""
    except CarrierError as error:
        words = visit.words.gettext(ANSWERS.get(type(error), ANSWERS[Refused]))
        trouble = error.reason if isinstance(error, TryLater | InDoubt) else ""
        return Tried(False, words, error.reason, error.code, "", piece.key), trouble
    words = visit.words._("The carrier took it.")
    return Tried(True, words, "", "", receipt.reference, piece.key), ""


async def _piece(house: House, visit: Visit, channel: Channel, typed: str) -> Piece:
    """A letter of one page, complete. PostOfficeError where what was typed is no address of this channel."""
    words, organisation = visit.words, visit.organisation
    to, address = _address(visit, channel, typed)
    subject = words._("Test of the post office of {name}", name=organisation.name)
    reassurance = words._("Nothing needs to be done.")
    text = words._("This is a test: somebody at the desk of {name} tried whether letters arrive.", name=organisation.name)
    text = f"{text} {reassurance}"
    layout = WINDOWS.get(organisation.country, "fr")
    pdf = await house.workshop.run(trial_page, address.lines if address else (to,), subject, text, layout)
    stored = await house.documents.put(organisation.id, pdf)

    async def page() -> bytes:
        return pdf

    return Piece(
        key=new_id(),
        organisation_id=organisation.id,
        channel=channel,
        to=to,
        address=address,
        sender=str(organisation.settings.get("sender_email", "")),
        sender_name=organisation.name,
        purpose=Purpose.OTHER,
        language=words.language,
        subject=subject,
        text=f"{subject}. {text}" if channel is Channel.SMS else text,
        html=f"<p>{escape(text)}</p>" if channel is Channel.EMAIL else "",
        pages=Pages(stored.sha256, 1, 1, page),
        attachments=(Attachment("test.pdf", "application/pdf", pdf),) if channel is Channel.EMAIL else (),
        options=Options(channel=channel),
    )


def _address(visit: Visit, channel: Channel, typed: str) -> tuple[str, PostalAddress | None]:
    """Where the test goes, as carriers want it."""
    country = visit.organisation.country
    if not typed:
        raise PostOfficeError("address-missing", "An address is needed.", help="Type where the test should go.", field="to")
    if channel is Channel.POST:
        layout = LAYOUTS[WINDOWS.get(country, "fr")]
        address, findings = recheck.address([line.strip() for line in typed.splitlines() if line.strip()], layout, 1, [])
        errors = [finding_words(visit.words, one)[0] for one in findings if one.severity is Severity.ERROR]
        if address is None or errors:
            why = ", ".join(errors)
            wrong = f"This postal address cannot be used: {why}"
            raise PostOfficeError("address-bad", wrong, help="Correct its lines and try again.", field="to", why=why)
        return address.name, address
    name = {Channel.EMAIL: "email", Channel.SMS: "mobile", Channel.FAX: "fax"}[channel]
    given: dict[str, str | None] = {"email": None, "mobile": None, "fax": None, name: typed}
    return recheck.points(email=given["email"], mobile=given["mobile"], fax=given["fax"], country=country)[name], None


def trial_page(lines: tuple[str, ...], subject: str, text: str, layout: str) -> bytes:
    """A letter of one A4 page with the address in the window, as PDF. Runs in a child process; fetches nothing."""
    import weasyprint  # a second's import, needed by nobody else at the desk

    make: Any = weasyprint.HTML
    x, y, width, height = LAYOUTS[layout].window
    window = f"left: {x + 2}mm; top: {y + 2}mm; width: {width - 4}mm; height: {height - 4}mm"
    style = (
        "@page { size: A4; margin: 0 } body { margin: 0; font: 10.5pt sans-serif } h1 { font-size: 13pt }"
        f".to {{ position: absolute; {window}; line-height: 1.25 }}"
        ".text { position: absolute; left: 22mm; top: 105mm; width: 166mm; line-height: 1.5 }"
    )
    address = "<br>".join(escape(line) for line in lines)
    letter = f'<div class="text"><h1>{escape(subject)}</h1><p>{escape(text)}</p></div>'
    made: bytes = make(string=f'<style>{style}</style><div class="to">{address}</div>{letter}', url_fetcher=_nothing).write_pdf()
    return made


def _nothing(address: str) -> dict[str, object]:
    raise ValueError("a test page refers to nothing outside itself")
