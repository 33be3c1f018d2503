"""What the office keeps of a recipient: to see, to take away, and to ask to be erased (GDPR, articles 15, 17 and 20)."""

import io
import json
import zipfile
from typing import Any

from aiohttp import web

from postoffice.house import HOUSE
from postoffice.model.disposition import safe_name
from postoffice.model.states import EventKind
from postoffice.portal.forms import from_own_page, proof_of
from postoffice.portal.found import event, note
from postoffice.portal.letters import content_of, letters_of, name_of
from postoffice.portal.pages import CHOICES, missing, page
from postoffice.portal.visit import Visit, no_visit, visit_of
from postoffice.store import consents, contacts, events, portal
from postoffice.words import N_

MOST_BYTES = 60_000_000  #: of letters in one archive; it names those that did not fit
ASKED = N_("Please erase what you keep of me, as far as the law allows.")


async def show(request: web.Request) -> web.Response:
    """GET /l/data"""
    visit = await visit_of(request)
    if visit is None:
        return no_visit(request)
    if not visit.whole:
        return missing(request)
    found, data = visit.found, await data_of(request, visit)
    async with request.app[HOUSE].database.read() as connection:
        asked = await portal.requests(connection, found.organisation.id, str(found.item.contact_id))
    return page(
        request,
        "data.html",
        found.words,
        brand=found.brand,
        sender=found.organisation.name,
        data=data,
        asked=asked[0].created_at if asked else None,
    )


async def archive(request: web.Request) -> web.Response:
    """GET /l/data.zip: everything as JSON, and the letters as PDF."""
    visit = await visit_of(request)
    if visit is None:
        return no_visit(request)
    if not visit.whole:
        return missing(request)
    headers = {"Content-Disposition": 'attachment; filename="data.zip"'}
    if request.method == "HEAD":
        return web.Response(content_type="application/zip", headers=headers)
    house, found = request.app[HOUSE], visit.found
    content = await _zipped(request, visit)
    async with house.database.write() as connection:
        await note(connection, request, found.link, "contact.data-taken", str(found.item.contact_id))
    return web.Response(body=content, content_type="application/zip", headers=headers)


async def erase(request: web.Request) -> web.Response:
    """POST /l/data/erase: a request to the data-protection officer; nothing is erased by a click."""
    visit = await visit_of(request)
    if visit is None:
        return no_visit(request)
    if not visit.whole or not from_own_page(request):
        return missing(request)
    house, found = request.app[HOUSE], visit.found
    contact_id, now = str(found.item.contact_id), house.clock.now()
    proof = proof_of(request, found.link.id, found.words.gettext(ASKED))
    async with house.database.write() as connection:
        fresh = await portal.ask(connection, found.organisation.id, contact_id, "erasure", proof, now)
        if fresh:
            await note(connection, request, found.link, "contact.erasure-asked", contact_id)
            await events.add(connection, [event(found, EventKind.EDITED, house, what="erasure")], now)
    return web.Response(status=303, headers={"Location": f"{CHOICES}?done={'asked' if fresh else 'asked-before'}"})


async def data_of(request: web.Request, visit: Visit) -> dict[str, Any]:
    """What is kept of the recipient, as JSON."""
    found = visit.found
    contact_id = str(found.item.contact_id)
    async with request.app[HOUSE].database.read() as connection:
        known = await contacts.points(connection, contact_id)
        lines = (await consents.of_contacts(connection, found.organisation.id, [contact_id])).get(contact_id, [])
    contact = found.contact
    return {
        "sender": found.organisation.name,
        "name": contact.name if contact else "",
        "language": contact.language if contact else "",
        "preferred_channel": contact.preferred_channel if contact else None,
        "known_since": contact.created_at.isoformat() if contact else None,
        "addresses": [{"channel": one.channel, "address": one.value, "health": one.health} for one in known],
        "choices": [
            {"purpose": one.purpose, "channel": one.channel, "given": one.given, "at": one.at.isoformat(), "means": one.means.value}
            for one in lines
        ],
        "letters": [
            {
                "id": one.item.id,
                "subject": name_of(found, one.mailing),
                "sent": one.mailing.sent_at.isoformat() if one.mailing.sent_at else None,
                "purpose": one.mailing.options.purpose.value,
                "pages": one.item.pages,
                "address": list(one.item.address.lines) if one.item.address else [],
                "reference": one.item.reference,
            }
            for one in await letters_of(request, visit)
        ],
    }


async def _zipped(request: web.Request, visit: Visit) -> bytes:
    data, target, size = await data_of(request, visit), io.BytesIO(), 0
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as made:
        for number, one in enumerate(await letters_of(request, visit), start=1):
            entry = data["letters"][number - 1]
            if size > MOST_BYTES:
                entry["file"] = None
                continue
            try:
                content = await content_of(request, one.mailing, one.item)
            except Exception as error:  # one letter whose document is gone must not keep the others back
                request.app[HOUSE].log.warning("portal.no_document", item=one.item.id, kind=type(error).__name__)
                entry["file"] = None
                continue
            entry["file"] = f"{number:03d} {safe_name(name_of(visit.found, one.mailing))}"
            size += len(content)
            made.writestr(entry["file"], content)
        made.writestr("data.json", json.dumps(data, ensure_ascii=False, indent=2))
    return target.getvalue()
