"""One item: what happened to this letter?"""

from aiohttp import web

from postoffice.actions import outgoing, steering
from postoffice.desk.audit import DEEDS
from postoffice.desk.choices import channel_of, unknown_word
from postoffice.desk.links import MARKS, SPANS, accesses, opening_of
from postoffice.desk.page import go, render
from postoffice.desk.returned_mail import answers_on
from postoffice.desk.taken import recallable
from postoffice.desk.visit import VISIT, house_of, load_item
from postoffice.desk.why import of_events, preview
from postoffice.model.channel import Channel
from postoffice.model.errors import Conflict
from postoffice.model.layout import LAYOUTS
from postoffice.model.people import Right
from postoffice.model.states import ITEM_COMMANDS, MAILING_COMMANDS
from postoffice.pdf.cut import cut_together
from postoffice.store import contacts, deliveries, events, links, people


async def item_page(request: web.Request) -> web.StreamResponse:
    """GET /i/{item}"""
    mailing, item = await load_item(request)
    visit, house = request[VISIT], house_of(request)
    async with house.database.read() as connection:
        timeline = await events.of_item(connection, item.id)
        attempts = await deliveries.of_item(connection, item.id)
        secure_links = await links.of_item(connection, item.id)
        staff = {one.id: one.name for one in await people.all_users(connection, item.organisation_id)}
        contact = await contacts.get(connection, item.contact_id, item.organisation_id) if item.contact_id else None
    open_links = [one for one in secure_links if one.revoked_at is None and one.expires_at > house.clock.now()]
    resendable = item.state in ITEM_COMMANDS["resend"][0] and mailing.state in MAILING_COMMANDS["resume"][0]
    context = {
        "mailing": mailing,
        "item": item,
        "layout": LAYOUTS[mailing.layout],
        "timeline": timeline,
        "attempts": attempts,
        "links": secure_links,
        "open_links": open_links,
        "staff": staff,
        "said_back": await answers_on(house, item, timeline),
        "contact": contact,
        "why": of_events(visit.words, item, timeline) if item.plan or item.held_reason else await preview(request, mailing, item),
        "channels": list(Channel),
        "can_resend": resendable and visit.may(Right.SEND, mailing),
        "can_cancel": item.state in ITEM_COMMANDS["cancel"][0] and visit.may(Right.SUBMIT, mailing),
        "can_recall": visit.may(Right.SUBMIT, mailing) and await recallable(house, item) is not None,
        "opening": opening_of(item, secure_links, timeline),
        "accesses": await accesses(request, item) if secure_links else [],
        "deeds": DEEDS,
        "marks": MARKS,
        "spans": SPANS,
        "can_mark": visit.may(Right.SUBMIT, mailing),
        "can_change_links": visit.may(Right.SUBMIT, mailing),
        "can_send_links": visit.may(Right.SEND, mailing),
        "can_block": bool(open_links) and visit.may(Right.SUBMIT, mailing),
    }
    return render(request, "item.html", context)


async def item_pdf(request: web.Request) -> web.StreamResponse:
    """GET /i/{item}/letter.pdf: the item's own pages."""
    mailing, item = await load_item(request)
    house = house_of(request)
    if mailing.document is None:
        raise Conflict("document-missing", "This document is not in the store.", help="Restore it from a backup.")
    async with house.documents.as_file(mailing.organisation_id, mailing.document) as path:
        content = (await house.workshop.run(cut_together, path, [item.runs]))[0]
    content = await outgoing.dressed(house, mailing, mailing.options, content)
    name = f"{mailing.number}-{item.position}.pdf"
    return web.Response(body=content, content_type="application/pdf", headers={"Content-Disposition": f'attachment; filename="{name}"'})


async def resend(request: web.Request) -> web.StreamResponse:
    """POST /i/{item}/resend"""
    mailing, item = await load_item(request)
    try:
        channel = channel_of(await request.post())
    except ValueError:
        raise unknown_word() from None
    await steering.resend(house_of(request), mailing, [item], request[VISIT].actor, channel)
    return go(request, f"/i/{item.id}?done=resent&n=1")


async def cancel(request: web.Request) -> web.StreamResponse:
    """POST /i/{item}/cancel"""
    _mailing, item = await load_item(request)
    await steering.cancel_item(house_of(request), item, request[VISIT].actor)
    return go(request, f"/i/{item.id}?done=cancelled&n=1")


async def block(request: web.Request) -> web.StreamResponse:
    """POST /i/{item}/block: its secure links open nothing from now on."""
    _mailing, item = await load_item(request)
    house, visit = house_of(request), request[VISIT]
    async with house.database.write() as connection:
        number = await links.revoke_item(connection, item.organisation_id, item.id, house.clock.now())
        await people.note(
            connection,
            organisation_id=item.organisation_id,
            actor=visit.actor.name,
            action="item.links-blocked",
            subject=item.id,
            now=house.clock.now(),
            detail={"links": number},
        )
    return go(request, f"/i/{item.id}?done=blocked&n={number}")
