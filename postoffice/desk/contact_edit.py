"""From a contact's page: write down, correct, consent, merge, part, erase; and what a contact may ask for, as a ZIP."""

from collections.abc import Mapping
from typing import Any

from aiohttp import web

from postoffice.actions import access, addressbook
from postoffice.compose.recheck import address as checked_address
from postoffice.desk.choices import text_of, unknown_word
from postoffice.desk.contacts import contact_id_of
from postoffice.desk.page import go, render
from postoffice.desk.visit import VISIT, WORDS, house_of
from postoffice.model.address import PostalAddress
from postoffice.model.channel import Channel, Purpose
from postoffice.model.consent import ALL, Means
from postoffice.model.errors import PostOfficeError
from postoffice.model.ids import is_id
from postoffice.model.layout import LAYOUTS
from postoffice.store import contact_book, people
from postoffice.words import LANGUAGES

_LISTS = {"emails": "email", "mobiles": "sms", "faxes": "fax"}
_SYSTEM = "crm"


async def new_page(request: web.Request) -> web.StreamResponse:
    """GET /contacts/new"""
    return _form(request, None, {})


async def edit_page(request: web.Request) -> web.StreamResponse:
    """GET /contacts/{contact}/edit"""
    one = await _known(request)
    address = next((point.address for point in one.points if point.address), None)
    filled = {name: getattr(one, name) for name in ("name", "company", "kind", "language")}
    filled |= {"preferred": one.preferred_channel or "", "tags": ", ".join(one.tags)}
    filled |= {"address": "\n".join(address.lines) if address else ""}
    filled |= {name: "\n".join(one.values(channel)) for name, channel in _LISTS.items()}
    filled |= {"numbers": "\n".join(f"{system}: {number}" for system, number in one.external_ids.items())}
    return _form(request, one.id, filled)


async def _known(request: web.Request) -> contact_book.FullContact:
    """The contact of the address, before anything of the form is looked at; NotFound where there is none."""
    async with house_of(request).database.read() as connection:
        return await contact_book.get(connection, request[VISIT].organisation.id, contact_id_of(request))


def _form(
    request: web.Request, contact_id: str | None, filled: Mapping[str, Any], error: PostOfficeError | None = None
) -> web.StreamResponse:
    context = {
        "contact_id": contact_id,
        "filled": filled,
        "wrong": request[WORDS].problem(error) if error else None,
        "channels": list(Channel),
        "languages_known": LANGUAGES,
    }
    return render(request, "contact-edit.html", context, status=error.status if error else 200)


async def create(request: web.Request) -> web.StreamResponse:
    """POST /contacts/new"""
    visit, house = request[VISIT], house_of(request)
    form = await request.post()
    try:
        values, points = _told(form)
        contact_id = await addressbook.create(house, visit.organisation.id, values, points, visit.actor)
    except PostOfficeError as error:
        return _form(request, None, {name: str(value) for name, value in form.items()}, error)
    return go(request, f"/contacts/{contact_id}?done=written")


async def edit(request: web.Request) -> web.StreamResponse:
    """POST /contacts/{contact}/edit"""
    visit, house, one = request[VISIT], house_of(request), await _known(request)
    contact_id, form = one.id, await request.post()
    try:
        values, points = _told(form)
        others = [point.address for point in one.points if point.address][1:]
        points["post"] = [*points["post"], *others]  # the form shows the first one only
        await addressbook.update(house, visit.organisation.id, contact_id, values, points, visit.actor)
    except PostOfficeError as error:
        return _form(request, contact_id, {name: str(value) for name, value in form.items()}, error)
    return go(request, f"/contacts/{contact_id}?done=kept-contact")


def _told(form: Any) -> tuple[dict[str, Any], dict[str, list[addressbook.Value]]]:
    kind, language, preferred = (text_of(form, name) for name in ("kind", "language", "preferred"))
    if kind not in ("person", "company") or language not in ("", *LANGUAGES) or preferred not in ("", *Channel):
        raise unknown_word()
    numbers = dict(_number(line) for line in text_of(form, "numbers").splitlines() if line.strip())
    values = {
        "name": text_of(form, "name"),
        "company": text_of(form, "company"),
        "kind": kind,
        "language": language,
        "preferred_channel": preferred,
        "external_ids": numbers,
        "tags": text_of(form, "tags").split(","),
    }
    points: dict[str, list[addressbook.Value]] = {
        channel: [line.strip() for line in text_of(form, name).splitlines() if line.strip()] for name, channel in _LISTS.items()
    }
    lines = [line.strip() for line in text_of(form, "address").splitlines() if line.strip()]
    points["post"] = [_address(lines)] if lines else []
    return values, points


def _number(line: str) -> tuple[str, str]:
    system, colon, number = line.partition(":")
    return (system.strip()[:20] or _SYSTEM, number.strip()[:58]) if colon else (_SYSTEM, line.strip()[:58])


def _address(lines: list[str]) -> PostalAddress:
    """The lines with what the reader of addresses makes of them."""
    found, _findings = checked_address(lines, LAYOUTS["fr"], 1, ())
    return found or PostalAddress(tuple(lines))


async def consent(request: web.Request) -> web.StreamResponse:
    """POST /contacts/{contact}/consent: `purpose`, `channel` (empty for all), `means`, `note` as proof."""
    visit, contact_id = request[VISIT], (await _known(request)).id
    form = await request.post()
    purpose, channel, means = (text_of(form, name) for name in ("purpose", "channel", "means"))
    if purpose not in ("", *Purpose) or channel not in ("", *Channel) or means not in addressbook.GIVEN_BY:
        raise unknown_word()
    await addressbook.give_consent(
        house_of(request),
        visit.organisation.id,
        contact_id,
        visit.actor,
        purpose=purpose or ALL,
        channel=channel or ALL,
        means=Means(means),
        proof={"note": text_of(form, "note")[:300]},
    )
    return go(request, f"/contacts/{contact_id}?done=consent")


async def merge(request: web.Request) -> web.StreamResponse:
    """POST /contacts/{contact}/merge: `gone` is the other one's id or the address of its page."""
    visit, contact_id = request[VISIT], (await _known(request)).id
    gone = text_of(await request.post(), "gone").split("?")[0].rstrip("/").rsplit("/", 1)[-1]
    if not is_id(gone):
        raise PostOfficeError("not-a-contact", "This names no contact.", help="Copy the address of the other contact's page.")
    await addressbook.merge(house_of(request), visit.organisation.id, contact_id, gone, visit.actor)
    return go(request, f"/contacts/{contact_id}?done=merged")


async def part(request: web.Request) -> web.StreamResponse:
    """POST /contacts/{contact}/part/{merge}"""
    visit, contact_id = request[VISIT], contact_id_of(request)
    await addressbook.part(house_of(request), visit.organisation.id, request.match_info["merge"], visit.actor)
    return go(request, f"/contacts/{contact_id}?done=parted")


async def erase(request: web.Request) -> web.StreamResponse:
    """POST /contacts/{contact}/erase: `reason`, and `sure` ticked."""
    visit, contact_id = request[VISIT], (await _known(request)).id
    form = await request.post()
    if text_of(form, "sure") != "1" or len(text_of(form, "reason")) < 3:
        raise PostOfficeError("not-sure", "Nothing was erased: the box was not ticked, or no reason was given.", help="Give both.")
    await addressbook.erase(house_of(request), visit.organisation.id, contact_id, visit.actor, text_of(form, "reason"))
    return go(request, f"/contacts/{contact_id}?done=erased")


async def export(request: web.Request) -> web.StreamResponse:
    """GET /contacts/{contact}/everything.zip: all that is kept of one person, streamed."""
    visit, house, contact_id = request[VISIT], house_of(request), contact_id_of(request)
    pieces = access.export(house, visit.organisation.id, contact_id)
    first = await anext(pieces)  # what is not there is told before the answer begins
    async with house.database.write() as connection:
        await people.note(
            connection,
            organisation_id=visit.organisation.id,
            actor=visit.actor.name,
            action="contact.access",
            subject=contact_id,
            now=house.clock.now(),
        )
    headers = {"Content-Type": "application/zip", "Content-Disposition": f'attachment; filename="contact-{contact_id}.zip"'}
    response = web.StreamResponse(headers=headers | {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"})
    await response.prepare(request)
    await response.write(first)
    async for piece in pieces:
        if piece:
            await response.write(piece)
    await response.write_eof()
    return response
