"""The sandbox box: what would have gone out? Like a mailbox of everything that the sandbox carriers took."""

import re
from datetime import datetime
from typing import NamedTuple

from aiohttp import web

from postoffice.desk.page import render
from postoffice.desk.pictures import PICTURES, SIZES
from postoffice.desk.visit import VISIT, house_of
from postoffice.model.channel import Channel
from postoffice.model.errors import NotFound
from postoffice.model.ids import is_id
from postoffice.model.mailing import Mailing
from postoffice.model.ports import Sent
from postoffice.model.states import EventKind, Tone
from postoffice.store import deliveries, mailings, sandbox
from postoffice.words import N_

PAGE = 50
SHOWN_PAGES = 12  # of one letter
BETWEEN = "_"  # in the address of the next page: between time and key
#: an e-mail is shown as its reader would see it: its own inline style, pictures that it carries, nothing from anywhere else
MAIL_POLICY = (
    "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; form-action 'none'; base-uri 'none'; frame-ancestors 'self'"
)

#: how the last news of a piece looks
TONES: dict[EventKind, Tone] = {
    EventKind.HANDED_OVER: Tone.MOVING,
    EventKind.IN_PRODUCTION: Tone.MOVING,
    EventKind.MAILED: Tone.MOVING,
    EventKind.DELIVERED: Tone.ARRIVED,
    EventKind.OPENED: Tone.ARRIVED,
    EventKind.CLICKED: Tone.ARRIVED,
    EventKind.REPLIED: Tone.ARRIVED,
    EventKind.AUTO_REPLIED: Tone.ARRIVED,
    EventKind.UNKNOWN: Tone.NEEDS_YOU,
    EventKind.OPTED_OUT: Tone.NEEDS_YOU,
    EventKind.COMPLAINED: Tone.NEEDS_YOU,
}


class Magic(NamedTuple):
    """An outcome that can be asked for: the word of an e-mail address, the last two digits of a number or postcode."""

    word: str
    digits: str
    wire: str  #: what happens to e-mails, SMS and faxes
    paper: str  #: what happens to letters


#: the sandbox carriers' own table is `channels.sandbox.OUTCOMES`; a test compares the two
MAGIC: tuple[Magic, ...] = (
    Magic("delivered", "00", N_("is delivered"), N_("is delivered")),
    Magic("bounce", "01", N_("bounces: the address does not exist"), N_("comes back: unknown at the address")),
    Magic("expired", "02", N_("is given up after a while"), N_("comes back: not claimed")),
    Magic("rejected", "03", N_("is taken, then refused"), N_("is refused by the print house")),
    Magic("full", "04", N_("bounces: the mailbox is full"), N_("comes back: refused by the recipient")),
    Magic("unknown", "05", N_("news in words that nobody knows"), N_("news in words that nobody knows")),
    Magic("silent", "06", N_("no news ever comes"), N_("is posted, then no news comes")),
    Magic("opened", "10", N_("is delivered and opened"), N_("is delivered")),
    Magic("complaint", "20", N_("is delivered and reported as unwanted"), N_("is delivered")),
    Magic("reply", "21", N_("is delivered and answered"), N_("is delivered")),
    Magic("autoreply", "22", N_("is delivered and answered by a machine"), N_("is delivered")),
    Magic("stop", "55", N_("is delivered and answered STOP"), N_("is delivered")),
    Magic("blocked", "97", N_("is refused at once: the sender"), N_("is refused at once: the sender")),
    Magic("refused", "98", N_("is refused at once: the address"), N_("is refused at once: the address")),
    Magic("later", "99", N_("is put off, then delivered"), N_("is put off, then delivered")),
)


async def box(request: web.Request) -> web.StreamResponse:
    """GET /sandbox?channel=&before="""
    visit = request[VISIT]
    word = request.query.get("channel", "")
    channel = Channel(word) if word in set(Channel) else None
    async with house_of(request).database.read() as connection:
        found = await sandbox.page(
            connection,
            visit.organisation.id,
            channel=channel,
            before=_before(request.query.get("before", "")),
            printer_ids=visit.printer_ids,
            user_id=visit.user.id,
            limit=PAGE + 1,
        )
    last = found[PAGE - 1][0] if len(found) > PAGE else None
    context = {
        "found": found[:PAGE],
        "channel": channel,
        "channels": list(Channel),
        "more": f"{last.sent_at.isoformat()}{BETWEEN}{last.key}" if last else "",
        "first": "before" not in request.query,
        "magic": MAGIC,
        "kind_of": kind_of,
        "tone_of": lambda outcome: TONES.get(kind_of(outcome), Tone.FAILED),
    }
    return render(request, "sandbox.html", context)


def _before(text: str) -> tuple[datetime, str] | None:
    moment, _, key = text.partition(BETWEEN)
    try:
        at = datetime.fromisoformat(moment)
    except ValueError:
        return None
    return (at, key) if at.tzinfo is not None and is_id(key) else None


def kind_of(outcome: str) -> EventKind:
    """The outcome's word as one of ours."""
    return EventKind(outcome) if outcome in set(EventKind) else EventKind.UNKNOWN


async def _load(request: web.Request) -> tuple[Sent, int, Mailing | None, str]:
    """The piece that the address names, how often it came, its mailing and item id ("" for a carrier's test); NotFound otherwise."""
    visit, key = request[VISIT], request.match_info["key"]
    if is_id(key):
        async with house_of(request).database.read() as connection:
            found = await sandbox.get(connection, visit.organisation.id, key)
            delivery = await deliveries.get(connection, key) if found else None
            mailing = await mailings.get(connection, delivery.mailing_id, visit.organisation.id) if delivery else None
        allowed = visit.printer_ids is None or (mailing is not None and visit.right is not None and visit.may(visit.right, mailing))
        if found and allowed:
            return *found, mailing, delivery.item_id if delivery else ""
    raise NotFound("not-in-the-box", "This is not in the sandbox box.", help="Look for it in the list.")


async def piece(request: web.Request) -> web.StreamResponse:
    """GET /sandbox/{key}"""
    sent, copies, mailing, item_id = await _load(request)
    context = {
        "sent": sent,
        "copies": copies,
        "mailing": mailing,
        "item_id": item_id,
        "kind": kind_of(sent.outcome),
        "tone_of_it": TONES.get(kind_of(sent.outcome), Tone.FAILED),
        "shown_pages": min(sent.pages, SHOWN_PAGES) if sent.document else 0,
        "link": _link(house_of(request).url, sent.text),
    }
    return render(request, "sandbox-piece.html", context)


def _link(url: str, text: str) -> str:
    """The secure link in a message, so that it can be followed from here."""
    found = re.search(re.escape(url) + r"/l/[a-z2-7]{16,64}", text)
    return found[0] if found else ""


async def mail(request: web.Request) -> web.StreamResponse:
    """GET /sandbox/{key}/mail.html: the e-mail itself, for a frame that may do nothing."""
    sent, _copies, _mailing, _item = await _load(request)
    if not sent.html:
        raise NotFound("not-in-the-box", "This is not in the sandbox box.", help="Look for it in the list.")
    headers = {"Content-Security-Policy": MAIL_POLICY, "X-Frame-Options": "SAMEORIGIN"}
    return web.Response(text=sent.html, content_type="text/html", charset="utf-8", headers=headers)


async def picture(request: web.Request) -> web.StreamResponse:
    """GET /sandbox/{key}/{size}-{page}.png; the page counts within the piece, from 1."""
    sent, _copies, _mailing, _item = await _load(request)
    page = int(request.match_info["page"])
    if not sent.document or not 1 <= page <= sent.pages:
        raise NotFound("page-out-of-range", "This letter has no such page.", help="Reload the page.")
    width = SIZES[request.match_info["size"]]
    made = await request.app[PICTURES].get(request[VISIT].organisation.id, sent.document, sent.first_page + page - 1, width)
    return web.Response(body=made, content_type="image/png")
