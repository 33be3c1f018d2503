"""Returned mail: which letters came back? Reason bins first, then camera, hand-held scanner, typing or uploaded scans."""

import csv
import io
from collections.abc import AsyncIterator, Sequence
from typing import Any

from aiohttp import web
from sqlalchemy.ext.asyncio import AsyncConnection

from postoffice.actions import returned
from postoffice.desk.choices import text_of, unknown_word
from postoffice.desk.page import is_partial, render
from postoffice.desk.visit import VISIT, Visit, house_of
from postoffice.house import House
from postoffice.model.errors import NotFound, PostOfficeError, TooLarge
from postoffice.model.ids import is_id
from postoffice.model.people import Right
from postoffice.model.returned import Reason, Way
from postoffice.store import items, scans
from postoffice.store import returned as entries
from postoffice.store.returned import Entry, Found
from postoffice.tracking.returned.matching import plain
from postoffice.tracking.returned.recognition import look_at_frame, typed_id
from postoffice.words import Words

LAST = 10
MOST_OFFERED = 12
MOST_FRAME = 4_000_000  #: bytes of one picture of the camera


def reason_of(word: str) -> Reason:
    """The bin that a form names; PostOfficeError for a word that is none."""
    try:
        return Reason(word)
    except ValueError:
        raise unknown_word() from None


async def station(request: web.Request) -> web.StreamResponse:
    """GET /returned: bins, camera, typing, scans; at the right what was recognised, and the last ten."""
    return await _station(request)


async def _station(request: web.Request, **more: Any) -> web.Response:
    visit, house = request[VISIT], house_of(request)
    word = request.query.get("reason", "")
    async with house.database.read() as connection:
        context = {
            "reasons": list(Reason),
            "reason": Reason(word) if word in set(Reason) else Reason.UNKNOWN,
            "last": await last_ten(connection, visit),
            "came": None,
            "found": None,
            "typed": "",
            **await scans_context(connection, visit),
            **more,
        }
    return render(request, "returned.html", context)


async def last_ten(connection: AsyncConnection, visit: Visit) -> list[tuple[Entry, str]]:
    """The visitor's last entries that can be undone, with the names on their letters."""
    some = await entries.last(connection, visit.organisation.id, actor=visit.actor.name, limit=LAST)
    letters = await items.by_ids(connection, [one.item_id for one in some])
    named = {key: item.address.name if item.address else item.reference for key, item in letters.items()}
    return [(one, named.get(one.item_id, "")) for one in some]


async def scans_context(connection: AsyncConnection, visit: Visit) -> dict[str, Any]:
    """The last scans, how far they are read, and what became of their pages."""
    known = await scans.lately(connection, visit.organisation.id)
    counts = await scans.counts(connection, [one.id for one in known])
    return {"scans": known, "outcomes": counts, "reading": any(one.state == "reading" for one in known)}


async def frame(request: web.Request) -> web.StreamResponse:
    """POST /returned/frame?reason=: one picture of the camera. 204 where no code is seen: the next one comes in a moment."""
    visit, house = request[VISIT], house_of(request)
    reason = reason_of(request.query.get("reason", ""))
    content = bytearray()
    async for chunk in request.content.iter_chunked(65536):
        content += chunk
        if len(content) > MOST_FRAME:
            raise TooLarge("picture-too-large", "This picture is too large.", help="Send one of 2,000 pixels or less.")
    sight = await house.workshop.run(look_at_frame, bytes(content))
    for key in sight.ids:
        if await _one(house, visit, key) is not None:
            proof = await returned.keep_picture(house, visit.organisation.id, sight.proof)
            came = await returned.enter(house, visit.organisation.id, key, reason, visit.actor, Way.CODE, document=proof)
            return await _answer(request, came=came)
    if sight.ids:
        raise returned.unknown()
    return web.Response(status=204)


async def enter(request: web.Request) -> web.StreamResponse:
    """POST /returned/enter: what a scanner or a person typed, or the letter that a person chose among those found."""
    visit, house = request[VISIT], house_of(request)
    form = await request.post()
    reason, typed, chosen = reason_of(text_of(form, "reason")), text_of(form, "typed"), text_of(form, "delivery")
    key = chosen or typed_id(typed) or ""
    if key:
        if await _one(house, visit, key) is None:
            raise returned.unknown()
        came = await returned.enter(house, visit.organisation.id, key, reason, visit.actor, Way.TYPED if chosen else Way.CODE)
        return await _answer(request, came=came, reason=reason)
    if len(typed) < 3:
        raise PostOfficeError("too-short", "This is too short to look for.", help="Type a name, a reference or a postcode.")
    since = house.clock.now() - entries.LOOK_BACK
    async with house.database.read() as connection:
        some = await entries.by_text(connection, visit.organisation.id, typed[:100], since)
    return await _answer(
        request, found=[one for one in some if _may(visit, one) and _fits(one, typed)][:MOST_OFFERED], typed=typed, reason=reason
    )


def _fits(one: Found, typed: str) -> bool:
    """Whether a letter bears every word that was typed, whatever their accents."""
    item = one.item
    lines = item.address.lines if item.address else ()
    return (
        item.reference == typed
        or set(plain(typed).split()) <= set(plain(" ".join((*lines, item.reference))).split())
        or (bool(lines) and plain(typed) in plain(lines[0]))
    )


def _may(visit: Visit, one: Found) -> bool:
    return one.user_id == visit.user.id or visit.user.may(Right.RETURNED, one.printer_id)


async def _one(house: House, visit: Visit, key: str) -> Found | None:
    """The letter of this id, where the visitor may enter it."""
    async with house.database.read() as connection:
        found = (await entries.by_delivery(connection, visit.organisation.id, [key])).get(key)
    return found if found and _may(visit, found) else None


async def _answer(request: web.Request, **more: Any) -> web.StreamResponse:
    """The right-hand side anew where htmx or the camera asks; the whole station for a plain browser."""
    if not is_partial(request):
        return await _station(request, **more)
    async with house_of(request).database.read() as connection:
        context = {"last": await last_ten(connection, request[VISIT]), "came": None, "found": None, "typed": "", "reason": None}
    return render(request, "returned-came.html", {**context, **more})


async def undo(request: web.Request) -> web.StreamResponse:
    """POST /returned/{entry}/undo"""
    visit, house = request[VISIT], house_of(request)
    entry = await _entry(request)
    whole = await returned.undo(house, visit.organisation.id, entry.id, visit.actor)
    return await _answer(request, undone="whole" if whole else "partly")


async def _entry(request: web.Request) -> Entry:
    visit, house, entry_id = request[VISIT], house_of(request), request.match_info["entry"]
    async with house.database.read() as connection:
        entry = await entries.get(connection, visit.organisation.id, entry_id if is_id(entry_id) else "")
    if await _one(house, visit, entry.delivery_id) is None:
        raise NotFound("no-such-return", "There is no such returned letter.", help="Look for it in the list.")
    return entry


async def picture(request: web.Request) -> web.StreamResponse:
    """GET /returned/{entry}/picture: the envelope, kept as proof."""
    entry = await _entry(request)
    if entry.document is None:
        raise NotFound("no-proof", "There is no such document about this letter.", help="Reload the page.")
    return await jpeg(house_of(request), entry.organisation_id, entry.document)


async def jpeg(house: House, organisation_id: str, document: str) -> web.Response:
    """A kept picture."""
    content = await house.documents.get(organisation_id, document)
    return web.Response(body=content, content_type="image/jpeg", headers={"X-Content-Type-Options": "nosniff"})


async def export(request: web.Request) -> web.StreamResponse:
    """GET /returned/export: all that came back, as CSV for the CRM."""
    visit, house = request[VISIT], house_of(request)
    words = visit.words
    headers = {"Content-Disposition": 'attachment; filename="returned.csv"', "X-Content-Type-Options": "nosniff"}
    response = web.StreamResponse(headers=headers)
    response.content_type = "text/csv"
    response.charset = "utf-8"
    await response.prepare(request)
    await response.write("\ufeff".encode() + line(words, _titles(words)))
    async for some in _slices(house, visit):
        await response.write(b"".join(line(words, cells) for cells in some))
    await response.write_eof()
    return response


async def _slices(house: House, visit: Visit) -> AsyncIterator[list[list[str]]]:
    async with house.database.read() as connection:
        async for some in entries.export(connection, visit.organisation.id):
            seen = await entries.by_delivery(connection, visit.organisation.id, [entry.delivery_id for entry, _, _ in some])
            allowed = [row for row in some if row[0].delivery_id in seen and _may(visit, seen[row[0].delivery_id])]
            yield [_cells(visit.words, entry, seen[entry.delivery_id]) for entry, _, _ in allowed]


def _titles(words: Words) -> list[str]:
    _ = words.gettext
    return [
        _("Came back"),
        _("Reason"),
        _("Name"),
        _("Address"),
        _("Reference"),
        _("Contact"),
        _("Mailing"),
        _("Carrier"),
        _("Code"),
        _("New address"),
    ]


def _cells(words: Words, entry: Entry, found: Found) -> list[str]:
    lines = found.item.address.lines if found.item.address else ()
    return [
        words.moment(entry.created_at),
        words.word(entry.reason),
        lines[0] if lines else "",
        ", ".join(lines[1:]),
        found.item.reference,
        entry.contact_id or "",
        found.mailing_name,
        found.delivery.carrier,
        entry.code,
        ", ".join(entry.corrected.lines) if entry.corrected else "",
    ]


def line(words: Words, cells: Sequence[str]) -> bytes:
    """A line of CSV; a cell that a spreadsheet would take for a formula gets an apostrophe in front."""
    target = io.StringIO()
    safe = ["'" + cell if cell.startswith(("=", "+", "-", "@", "\t", "\r")) else cell for cell in cells]
    csv.writer(target, delimiter=";" if words.language == "fr" else ",").writerow(safe)
    return target.getvalue().encode()
