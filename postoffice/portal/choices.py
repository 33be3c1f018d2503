"""The preference centre: what this sender may send, by which channel. Nothing is ticked beforehand; the ledger keeps each answer."""

from collections.abc import Mapping, Sequence
from typing import Any

from aiohttp import web
from sqlalchemy.ext.asyncio import AsyncConnection

from postoffice.actions import optouts
from postoffice.house import HOUSE
from postoffice.model.channel import Channel, Purpose
from postoffice.model.consent import Entry, Means
from postoffice.model.states import EventKind
from postoffice.portal.coding import mask
from postoffice.portal.forms import fields_of, from_own_page, proof_of
from postoffice.portal.found import Found, event, note
from postoffice.portal.pages import CHOICES, missing, page
from postoffice.portal.visit import Visit, no_visit, visit_of
from postoffice.privacy import ledger
from postoffice.store import consents, contact_book, contacts, events, merges, points, portal, suppressions
from postoffice.words import N_

ELECTRONIC = (Channel.EMAIL, Channel.SMS, Channel.FAX)
#: what may be refused; the rest is mail that its recipient needs, and paper always reaches them
REFUSABLE: Mapping[Purpose, tuple[Channel, ...]] = {
    Purpose.PROMOTION: (*ELECTRONIC, Channel.POST),
    Purpose.SERVICE: ELECTRONIC,
    Purpose.OTHER: ELECTRONIC,
    Purpose.INVOICE: ELECTRONIC,
    Purpose.CONTRACT: ELECTRONIC,
}
#: what the button "all off" refuses
ALL_OFF = (Purpose.PROMOTION, Purpose.SERVICE, Purpose.OTHER)
LABELS = {
    Purpose.PROMOTION: N_("Offers and advertising"),
    Purpose.SERVICE: N_("Appointments, reminders, notices"),
    Purpose.OTHER: N_("Other letters"),
    Purpose.INVOICE: N_("Invoices"),
    Purpose.CONTRACT: N_("Contracts"),
}
#: the contact's favourite: word of the form -> label
FAVOURITES = {
    "": N_("No preference"),
    "email": N_("E-mail with a secure link"),
    "sms": N_("SMS with a secure link"),
    "post": N_("Paper, by post"),
}
DONE = {
    "kept": N_("Your choices are kept. They hold from now on."),
    "off": N_("Done: nothing of this kind reaches you any more."),
    "address": N_("Your new address is confirmed and kept."),
    "asked": N_("Your request was passed on. You will get an answer within a month."),
    "asked-before": N_("Your request waits already. You will get an answer within a month of the first."),
}


async def show(request: web.Request) -> web.Response:
    """GET /l/choices"""
    visit = await visit_of(request)
    if visit is None:
        return no_visit(request)
    if not visit.whole:
        return missing(request)
    found = visit.found
    async with request.app[HOUSE].database.read() as connection:
        known = await contacts.points(connection, str(found.item.contact_id))
        said = await _standing(connection, request, found)
    channels = [one for one in Channel if one is not Channel.FAX or any(point.channel == "fax" for point in known)]
    reach = {point.channel: mask(point.value) for point in known if point.channel in ("email", "sms") and point.health != "dead"}
    return page(
        request,
        "choices.html",
        found.words,
        brand=found.brand,
        sender=found.organisation.name,
        purposes=LABELS,
        channels=channels,
        refusable=REFUSABLE,
        said=said,
        favourites=FAVOURITES,
        favourite=(found.contact.preferred_channel if found.contact else None) or "",
        reach={"email": reach.get("email", ""), "mobile": reach.get("sms", "")},
        done=DONE.get(request.query.get("done", ""), ""),
    )


async def keep(request: web.Request) -> web.StreamResponse:
    """POST /l/choices: what was answered anew; unanswered questions and answers that stood change nothing."""
    visit = await visit_of(request)
    if visit is None:
        return no_visit(request)
    if not visit.whole or not from_own_page(request):
        return missing(request)
    fields, found = await fields_of(request), visit.found
    wanted = {
        (purpose, channel): fields[f"{purpose}.{channel}"] == "yes"
        for purpose, channels in REFUSABLE.items()
        for channel in channels
        if fields.get(f"{purpose}.{channel}") in ("yes", "no")
    }
    await _keep(request, visit, wanted)
    favourite = fields.get("favourite")
    if favourite in FAVOURITES and favourite != ((found.contact.preferred_channel if found.contact else None) or ""):
        await _prefer(request, found, favourite)
    return web.Response(status=303, headers={"Location": f"{CHOICES}?done=kept"})


async def off(request: web.Request) -> web.StreamResponse:
    """POST /l/choices/off: no to everything that may be refused altogether."""
    visit = await visit_of(request)
    if visit is None:
        return no_visit(request)
    if not visit.whole or not from_own_page(request):
        return missing(request)
    await _keep(request, visit, {(purpose, channel): False for purpose in ALL_OFF for channel in REFUSABLE[purpose]})
    return web.Response(status=303, headers={"Location": f"{CHOICES}?done=off"})


async def _keep(request: web.Request, visit: Visit, wanted: Mapping[tuple[Purpose, Channel], bool]) -> None:
    """Write what differs from what stands. One transaction: either all of it holds or nothing."""
    house, found = request.app[HOUSE], visit.found
    contact_id, now = str(found.item.contact_id), house.clock.now()
    async with house.database.write() as connection:
        await contact_book.hold(connection, found.organisation.id, await merges.whole(connection, found.organisation.id, contact_id))
        said = await _standing(connection, request, found)
        known = await points.of_contact(connection, found.organisation.id, contact_id)
        changed = {pair: given for pair, given in wanted.items() if said[pair] is not given}
        for (purpose, channel), given in changed.items():
            proof = proof_of(request, found.link.id, sentence(found, purpose, channel, given))
            addresses = [optouts.Address(one.channel, one.value, one.address) for one in known if one.channel is channel]
            if given:
                await _give(connection, request, found, purpose, channel, addresses, proof)
            else:
                wish = optouts.Wish(
                    found.organisation.id,
                    Means.PORTAL,
                    now,
                    "recipient",
                    contact_id,
                    (purpose,),
                    channel,
                    tuple(addresses),
                    proof=proof,
                )
                await optouts.record(connection, house, wish)
            kind = EventKind.EDITED if given else EventKind.OPTED_OUT
            news = event(found, kind, house, channel=channel.value, purpose=purpose.value, by="portal", given="yes" if given else "no")
            await events.add(connection, [news], now)
        if changed:
            await note(connection, request, found.link, "contact.choices", contact_id, changed=len(changed))


async def _give(
    connection: AsyncConnection,
    request: web.Request,
    found: Found,
    purpose: Purpose,
    channel: Channel,
    addresses: Sequence[optouts.Address],
    proof: Mapping[str, Any],
) -> None:
    """A consent: a line of the ledger, and an end to what an earlier refusal of theirs blocked."""
    house, contact_id = request.app[HOUSE], str(found.item.contact_id)
    now = house.clock.now()
    line = Entry(purpose.value, channel.value, True, now, Means.PORTAL, proof)
    await consents.add(connection, found.organisation.id, [(contact_id, line)])
    blinds = [house.keyring.blind(suppressions.normal(channel, one.to, one.postal)) for one in addresses]
    for blind in await portal.lift(connection, found.organisation.id, channel, blinds, purpose.value, now, f"link:{found.link.id}"):
        for other in Purpose:
            if other is not purpose:
                await suppressions.add(
                    connection,
                    organisation_id=found.organisation.id,
                    channel=channel,
                    address_hash=blind,
                    reason="opt-out",
                    origin="recipient",
                    now=now,
                    purpose=other,
                )


async def _prefer(request: web.Request, found: Found, favourite: str) -> None:
    house, contact_id = request.app[HOUSE], str(found.item.contact_id)
    now = house.clock.now()
    proof = proof_of(request, found.link.id, found.words.gettext(FAVOURITES[favourite]))
    async with house.database.write() as connection:
        channel = Channel(favourite) if favourite else None
        await portal.prefer(connection, found.organisation.id, contact_id, channel, now)
        line = Entry("preference", favourite or "none", True, now, Means.PORTAL, proof)
        await consents.add(connection, found.organisation.id, [(contact_id, line)])
        await note(connection, request, found.link, "contact.preference", contact_id, channel=favourite)
        news = event(found, EventKind.EDITED, house, what="preference", channel=favourite)
        await events.add(connection, [news], now)


async def _standing(connection: AsyncConnection, request: web.Request, found: Found) -> dict[tuple[Purpose, Channel], bool | None]:
    """What stands for each question: the ledger's fold, and no where the address itself is blocked by the recipient's word."""
    house, contact_id = request.app[HOUSE], str(found.item.contact_id)
    lines = (await consents.of_contacts(connection, found.organisation.id, [contact_id])).get(contact_id, [])
    known = await points.of_contact(connection, found.organisation.id, contact_id)
    blinds = {house.keyring.blind(suppressions.normal(one.channel, one.value, one.address)): one.channel for one in known}
    now = house.clock.now()
    said: dict[tuple[Purpose, Channel], bool | None] = {}
    for purpose, channels in REFUSABLE.items():
        blocked = {channel for channel, _ in await suppressions.among(connection, found.organisation.id, purpose, set(blinds), now)}
        for channel in channels:
            stands = ledger.standing(lines, purpose.value, channel.value)
            said[purpose, channel] = False if channel in blocked else stands
    return said


def sentence(found: Found, purpose: Purpose, channel: Channel, given: bool) -> str:
    """The question and its answer as they stood on the page, in the reader's language: what the proof is a hash of."""
    words = found.words
    answer = words._("yes") if given else words._("no")
    return f"{found.organisation.name} | {words.gettext(LABELS[purpose])} | {words.word(channel)} | {answer}"
