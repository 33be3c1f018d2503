"""The secure links of an item: who opened them, as far as that can be told; send again, extend, block; what the recipient sees."""

from collections.abc import Sequence
from datetime import timedelta
from typing import NamedTuple

from aiohttp import web

from postoffice.actions import notices
from postoffice.desk.admin import note
from postoffice.desk.choices import text_of, unknown_word
from postoffice.desk.page import go
from postoffice.desk.visit import VISIT, house_of, load_item
from postoffice.model.errors import Conflict, NotFound
from postoffice.model.ids import is_id
from postoffice.model.item import Item
from postoffice.model.mailing import Mailing
from postoffice.model.states import EventKind
from postoffice.store import audit, contacts, deliveries, events, links, portal, suppressions
from postoffice.store.audit import Line
from postoffice.store.links import Link
from postoffice.words import N_

SPANS = (30, 90, 365)  #: days from now by which a link is extended
PREVIEW = timedelta(minutes=10)
#: the sender's mark on a letter -> what staff choose from
MARKS = {
    "": N_("no mark"),
    "unpaid": N_("to be paid"),
    "paid": N_("paid"),
    "to-sign": N_("to be signed"),
    "signed": N_("signed"),
}


class Opening(NamedTuple):
    """Who opened a letter: `word` is person, machine, unknown or nobody."""

    word: str
    label: str
    why: str
    tone: str


OPENINGS = {
    "person": Opening("person", N_("Opened by a person"), N_("Somebody typed the proof, which no program knows."), "arrived"),
    "machine": Opening(
        "machine", N_("Opened by a machine"), N_("A mail program fetched it by itself, as some do with every message."), "waiting"
    ),
    "unknown": Opening(
        "unknown", N_("Perhaps opened"), N_("The carrier tells of an opening; whether by a person, nobody knows."), "moving"
    ),
    "nobody": Opening("nobody", N_("Not opened yet"), "", "waiting"),
}


def opening_of(item: Item, secure_links: Sequence[Link], timeline: Sequence[events.Line]) -> Opening:
    """Told apart by the typed proof: it makes a person. What a carrier tells of openings is a machine's where it says so."""
    own = [one for one in secure_links if one.parent_id is None]
    if item.opened_at or any(one.proven_at for one in own):
        return OPENINGS["person"]
    openings = [line for line in timeline if line.kind in (EventKind.OPENED, EventKind.CLICKED)]
    if not openings:
        return OPENINGS["nobody"]
    by_machine = all(line.code == "machine" or line.detail.get("by") == "machine" for line in openings)
    return OPENINGS["machine" if by_machine else "unknown"]


async def accesses(request: web.Request, item: Item) -> list[Line]:
    """Who did what at the item's links, newest first: link ids, cut networks, no address and no name."""
    async with house_of(request).database.read() as connection:
        lines = await audit.of_subject(connection, item.organisation_id, item.id)
    return [line for line in lines if line.actor.startswith("link:")]


async def _load(request: web.Request) -> tuple[Mailing, Item, Link]:
    mailing, item = await load_item(request)
    link_id = request.match_info["link"]
    async with house_of(request).database.read() as connection:
        link = await links.get(connection, link_id) if is_id(link_id) else None
    if link is None or link.item_id != item.id:
        raise NotFound("no-such-link", "This letter has no such link.", help="Reload the page.")
    return mailing, item, link


async def extend(request: web.Request) -> web.StreamResponse:
    """POST /i/{item}/links/{link}/extend"""
    _mailing, item, link = await _load(request)
    days = text_of(await request.post(), "days", 4)
    if days not in map(str, SPANS):
        raise unknown_word()
    house = house_of(request)
    async with house.database.write() as connection:
        changed = await links.extend(connection, item.organisation_id, link.id, house.clock.now() + timedelta(days=int(days)))
        if changed:
            await note(request, connection, "item.link-extended", item.id, link=link.id, days=int(days))
    if not changed:
        raise Conflict("link-not-extended", "This link is blocked, or works longer already.", help="Reload the page.")
    return go(request, f"/i/{item.id}?done=kept")


async def block(request: web.Request) -> web.StreamResponse:
    """POST /i/{item}/links/{link}/block: it opens nothing from this moment on, and what it opened is closed."""
    _mailing, item, link = await _load(request)
    house = house_of(request)
    async with house.database.write() as connection:
        number = await links.revoke(connection, item.organisation_id, link.id, house.clock.now())
        await note(request, connection, "item.link-blocked", item.id, link=link.id, links=number)
    return go(request, f"/i/{item.id}?done=blocked&n={number}")


async def resend(request: web.Request) -> web.StreamResponse:
    """POST /i/{item}/links/{link}/resend: the same link once more to the same address, at once and beside every plan."""
    mailing, item, link = await _load(request)
    house, visit = house_of(request), request[VISIT]
    async with house.database.read() as connection:
        delivery = await deliveries.get(connection, link.delivery_id) if link.delivery_id else None
        contact = await contacts.get(connection, item.contact_id, item.organisation_id) if item.contact_id else None
    if delivery is None or link.revoked_at or link.expires_at <= house.clock.now():
        raise Conflict(
            "link-not-sent", "This link cannot be sent: it is blocked, expired, or was made by its reader.", help="Extend it first."
        )
    blind = house.keyring.blind(suppressions.normal(delivery.channel, delivery.to, item.address))
    async with house.database.read() as connection:
        closed = await suppressions.among(connection, item.organisation_id, mailing.options.purpose, [blind], house.clock.now())
    if (delivery.channel, blind) in closed:
        raise Conflict("address-suppressed", "This address must not be used any more.", help="Choose another channel for this letter.")
    context = _words_of(request, mailing, item, link, house.keyring.link_token(delivery.id))
    language = contact.language if contact and contact.language else visit.organisation.language
    taken = await notices.send_notice(
        house, visit.organisation, delivery.channel, delivery.to, "letter", language, context, live=mailing.live
    )
    if not taken:
        raise Conflict("link-not-taken", "The carrier did not take the message.", help="Look at the carrier's page, and try again.")
    async with house.database.write() as connection:
        await note(request, connection, "item.link-resent", item.id, link=link.id, channel=delivery.channel.value)
    return go(request, f"/i/{item.id}?done=sent")


def _words_of(request: web.Request, mailing: Mailing, item: Item, link: Link, token: str) -> dict[str, object]:
    return {
        "recipient_name": item.address.name if item.address else "",
        "subject": mailing.options.subject or mailing.name,
        "message": mailing.options.message,
        "link": f"{house_of(request).url}/l/{token}",
        "attachment": False,
        "pages": item.pages,
        "purpose": mailing.options.purpose.value,
        "proof": link.proof,
        "expires_at": link.expires_at,
        "unsubscribe": "",
    }


async def preview(request: web.Request) -> web.StreamResponse:
    """POST /i/{item}/links/{link}/preview: a short visit of our own to the recipient's page; it counts as nobody's reading."""
    _mailing, item, link = await _load(request)
    house = house_of(request)
    if link.revoked_at or link.expires_at <= house.clock.now():
        raise Conflict("link-not-open", "This link opens nothing any more.", help="Extend it first, or send the letter again.")
    async with house.database.write() as connection:
        token = await connection.run_sync(links.open_session, link, house.clock.now(), PREVIEW, "preview")
        await note(request, connection, "item.previewed", item.id, link=link.id)
    response = web.Response(status=303, headers={"Location": "/l/document"})
    name, age = links.cookie_name(secure=house.secure), int(PREVIEW.total_seconds())
    response.set_cookie(name, token, max_age=age, path="/", secure=house.secure, httponly=True, samesite="Lax")
    return response


async def mark(request: web.Request) -> web.StreamResponse:
    """POST /i/{item}/mark: what the recipient reads beside the letter."""
    _mailing, item = await load_item(request)
    word = text_of(await request.post(), "mark", 20)
    if word not in MARKS:
        raise unknown_word()
    house = house_of(request)
    async with house.database.write() as connection:
        await portal.mark(connection, item.id, word, house.clock.now())
        await note(request, connection, "item.marked", item.id, mark=word)
    return go(request, f"/i/{item.id}?done=kept")
