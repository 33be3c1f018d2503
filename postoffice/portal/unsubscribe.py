"""No more of these: the address in a mail's List-Unsubscribe header (RFC 8058), for mailbox programs and for people.

The POST takes effect at once, needs no cookie and answers without redirect; the GET, which scanners follow, changes nothing.
"""

import re
from datetime import datetime
from typing import NamedTuple

from aiohttp import web

from postoffice.actions import optouts
from postoffice.actions.optouts import Address, Wish
from postoffice.house import HOUSE, House
from postoffice.model.channel import Channel
from postoffice.model.consent import Means
from postoffice.model.delivery import Delivery
from postoffice.model.item import Item
from postoffice.model.mailing import Mailing
from postoffice.model.people import Organisation
from postoffice.model.states import EventKind
from postoffice.portal.brand import Brand, brand_of
from postoffice.portal.pages import language_of, missing, page
from postoffice.store import contacts, deliveries, events, items, links, mailings, people, suppressions
from postoffice.words import Words

PATH = "/u/{token}"
_MOST_BODY = 8192  # bytes; a program sends 26, as a form or as a part of one
#: RFC 8058, 3.2: the one field, urlencoded or multipart/form-data
_WISH = re.compile(rb'(?:^|&)List-Unsubscribe=One-Click(?:&|\s*$)|name="?List-Unsubscribe"?\r?\n(?:[^\r\n]+\r?\n)*\r?\nOne-Click\r?\n')
ORIGIN = "recipient"


class Found(NamedTuple):
    """What a token stands for, and the words of its reader."""

    delivery: Delivery
    item: Item
    mailing: Mailing
    organisation: Organisation
    words: Words
    brand: Brand
    choices: str  #: where the reader proves to be the recipient and chooses in detail; empty where no link was sent


async def show(request: web.Request) -> web.Response:
    """GET /u/{token}: what would stop, and a button."""
    found = await _find(request)
    if found is None:
        return missing(request)
    return _page(request, found, done=await _is_blocked(request.app[HOUSE], found))


async def stop(request: web.Request) -> web.Response:
    """POST /u/{token}: the address gets no more mail for this purpose by this channel. As often as one likes."""
    found = await _find(request)
    if found is None:
        return missing(request)
    if not _WISH.search(await _body(request)):
        return _page(request, found, done=False, status=422)
    house = request.app[HOUSE]
    now = house.clock.now()
    async with house.database.write() as connection:
        if found.mailing.live:  # trials of the sandbox block nothing real
            await optouts.record(connection, house, _wish(request, found, now))
        await events.add(connection, [_event(found, house)], now)
    house.log.info("portal.unsubscribed", delivery=found.delivery.id)
    return _page(request, found, done=True)


def _wish(request: web.Request, found: Found, now: datetime) -> Wish:
    """Whose word it is, with its proof: a mailbox program's button, or the page behind the link."""
    delivery, item, mailing = found.delivery, found.item, found.mailing
    by_page = "Sec-Fetch-Mode" in request.headers or "Origin" in request.headers  # browsers say so; mailbox programs do not
    proof = {"delivery": delivery.id, "agent": request.headers.get("User-Agent", "")[:200], "ip": request.remote or ""}
    address = Address(delivery.channel, delivery.to, item.address if delivery.channel is Channel.POST else None)
    return Wish(
        mailing.organisation_id,
        Means.LINK if by_page else Means.ONE_CLICK,
        now,
        ORIGIN,
        item.contact_id,
        (mailing.options.purpose,),
        delivery.channel,
        (address,),
        mailing.id,
        proof,
    )


def _event(found: Found, house: House) -> events.NewEvent:
    return events.NewEvent(
        found.mailing.organisation_id,
        EventKind.OPTED_OUT,
        ORIGIN,
        house.clock.now(),
        mailing_id=found.mailing.id,
        item_id=found.item.id,
        delivery_id=found.delivery.id,
        contact_id=found.item.contact_id,
        code=found.mailing.options.purpose.value,
        detail={"channel": found.delivery.channel.value, "purpose": found.mailing.options.purpose.value, "by": "one-click"},
        once="unsubscribed",
    )


async def _find(request: web.Request) -> Found | None:
    house = request.app[HOUSE]
    delivery_id = house.keyring.read_unsubscribe_token(request.match_info["token"])
    if delivery_id is None:
        return None
    async with house.database.read() as connection:
        delivery = await deliveries.get(connection, delivery_id)
        if delivery is None:
            return None
        item = await items.get(connection, delivery.item_id, delivery.organisation_id)
        mailing = await mailings.get(connection, delivery.mailing_id, delivery.organisation_id)
        organisation = await people.organisation(connection, delivery.organisation_id)
        contact = await contacts.get(connection, item.contact_id, delivery.organisation_id) if item.contact_id else None
        token = house.keyring.link_token(delivery.id)
        link = await links.by_token(connection, token) if item.contact_id else None
    choices = f"/l/{token}?to=choices" if link and link.revoked_at is None else ""
    language = language_of(request, [contact.language if contact else "", organisation.language])
    words = Words(language, organisation.timezone, organisation.currency)
    return Found(delivery, item, mailing, organisation, words, await brand_of(house, organisation), choices)


def _blind(house: House, found: Found) -> str:
    return house.keyring.blind(suppressions.normal(found.delivery.channel, found.delivery.to, found.item.address))


async def _is_blocked(house: House, found: Found) -> bool:
    blind, purpose = _blind(house, found), found.mailing.options.purpose
    async with house.database.read() as connection:
        blocked = await suppressions.among(connection, found.mailing.organisation_id, purpose, [blind], house.clock.now())
    return (found.delivery.channel, blind) in blocked


async def _body(request: web.Request) -> bytes:
    """The request's body; nothing where it is larger than any such wish."""
    body = b""
    async for chunk in request.content.iter_chunked(_MOST_BODY):
        body += chunk
        if len(body) > _MOST_BODY:
            return b""
    return body


def _page(request: web.Request, found: Found, *, done: bool, status: int = 200) -> web.Response:
    return page(
        request,
        "unsubscribe.html",
        found.words,
        brand=found.brand,
        status=status,
        choices=found.choices,
        sender=found.organisation.name,
        purpose=found.words.word(found.mailing.options.purpose),
        done=done,
    )
