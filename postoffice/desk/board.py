"""The board of a mailing: where are they? And what to do about those that failed."""

import csv
import io
from collections import defaultdict
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

from aiohttp import web

from postoffice.actions import pricing, steering
from postoffice.desk.choices import channel_of, filter_of, text_of, unknown_word
from postoffice.desk.live import Look, look
from postoffice.desk.options import leaf
from postoffice.desk.page import go, held_words, is_partial, render
from postoffice.desk.visit import VISIT, WORDS, house_of, load_mailing
from postoffice.model.channel import Channel
from postoffice.model.delivery import Delivery
from postoffice.model.errors import Conflict, PostOfficeError
from postoffice.model.ids import is_id
from postoffice.model.item import Item
from postoffice.model.layout import LAYOUTS
from postoffice.model.mailing import Mailing
from postoffice.model.people import Right
from postoffice.model.states import ITEM_COMMANDS, ITEM_LOOK, ItemState, Tone, item_state_of
from postoffice.routing import tariff
from postoffice.store import deliveries, events, items, ladders, overview, printers
from postoffice.store.items import Filter
from postoffice.words import Words

LIST = 60
SLICE = 500  # rows of an export fetched at a time
#: states in the order of the road
ORDER = (
    ItemState.DRAFT,
    ItemState.QUEUED,
    ItemState.SENDING,
    ItemState.IN_DOUBT,
    ItemState.HANDED_OVER,
    ItemState.IN_PRODUCTION,
    ItemState.MAILED,
    ItemState.DELIVERED,
    ItemState.HELD,
    ItemState.FAILED,
    ItemState.RETURNED,
    ItemState.CANCELLED,
    ItemState.EXCLUDED,
)
#: word in the address -> what the list shows; in the order of the buttons. Each state is a word as well.
GROUPS: dict[str, Filter] = {
    "all": Filter(),
    "needy": Filter(states=(ItemState.HELD, ItemState.IN_DOUBT)),
    "moving": Filter(
        states=(ItemState.DRAFT, ItemState.QUEUED, ItemState.SENDING, ItemState.HANDED_OVER, ItemState.IN_PRODUCTION, ItemState.MAILED)
    ),
    "delivered": Filter(states=(ItemState.DELIVERED,)),
    "failed": Filter(states=(ItemState.FAILED, ItemState.RETURNED)),
    "out": Filter(states=(ItemState.CANCELLED, ItemState.EXCLUDED)),
}
SHOWS = GROUPS | {state.value: Filter(states=(state,)) for state in ItemState if state.value not in GROUPS}
RESENDABLE = ITEM_COMMANDS["resend"][0]


def live_context(seen: Look) -> Mapping[str, Any]:
    """What the moving part of the board shows."""
    total = sum(seen.states.values())
    by_tone: dict[Tone, int] = defaultdict(int)
    for state, number in seen.states.items():
        by_tone[ITEM_LOOK[state].tone] += number
    return {
        "mailing": seen.mailing,
        "total": total,
        "bars": [(state, seen.states[state]) for state in ORDER if seen.states.get(state)],
        "by_tone": [(tone, by_tone[tone]) for tone in (Tone.ARRIVED, Tone.MOVING, Tone.WAITING, Tone.NEEDS_YOU, Tone.FAILED)],
        "roads": _roads(seen),
        "cost": seen.cost,
        "drafts": seen.states.get(ItemState.DRAFT, 0),
        "held": seen.states.get(ItemState.HELD, 0),
        "queued": seen.states.get(ItemState.QUEUED, 0),
    }


def _roads(seen: Look) -> list[tuple[Channel, str, int, list[tuple[ItemState, int]]]]:
    """(channel, carrier, how many deliveries, their states in order)."""
    found: dict[tuple[str, str], dict[ItemState, int]] = defaultdict(dict)
    for channel, carrier, state, number in seen.carriers:
        found[channel, carrier][item_state_of(state)] = number
    return [
        (Channel(channel), carrier, sum(states.values()), [(state, states[state]) for state in ORDER if state in states])
        for (channel, carrier), states in found.items()
    ]


async def page(request: web.Request, mailing: Mailing) -> web.StreamResponse:
    """The board, or only its list where htmx asks for that."""
    visit, house = request[VISIT], house_of(request)
    show, chosen = filter_of(request.query, SHOWS)
    seen = await look(house, mailing.id)
    shown = await leaf(request, mailing, chosen, LIST)
    async with house.database.read() as connection:
        sent = await deliveries.by_ids(connection, [item.delivery_id for item in shown.items if item.delivery_id])
        reasons = await overview.reasons(connection, mailing.id)
        history = await events.of_mailing(connection, mailing.id)
        climbing = await ladders.count(connection, mailing.id) if mailing.options.channel is None else 0
        known = {one.id: one.name for one in await printers.all_of(connection, mailing.organisation_id)}
    context = {
        **live_context(seen),
        "leaf": shown,
        "show": show,
        "groups": {name: sum(seen.states.get(state, 0) for state in one.states or ItemState) for name, one in GROUPS.items()},
        "q": chosen.search,
        "sent": sent,
        "why": lambda item: why(visit.words, item, sent.get(item.delivery_id or "")),
        "reasons": reasons,
        "history": history,
        "climbing": climbing,
        "printer": known.get(mailing.printer_id or "", ""),
        "layout": LAYOUTS[mailing.layout],
        "may_send": visit.may(Right.SEND, mailing),
        "may_submit": visit.may(Right.SUBMIT, mailing),
        "resendable": RESENDABLE,
    }
    part = is_partial(request) and request.headers.get("HX-Target") == "list"
    return render(request, "board-list.html" if part else "board.html", context)


def why(words: Words, item: Item, delivery: Delivery | None) -> str:
    """Why an item stands where it stands, where somebody would ask."""
    if item.state is ItemState.HELD:
        return held_words(words, item.held_reason)
    if delivery is not None and item.state in (ItemState.FAILED, ItemState.RETURNED, ItemState.IN_DOUBT, ItemState.QUEUED):
        return delivery.error
    return ""


async def _chosen(request: web.Request, mailing: Mailing) -> list[Item]:
    """The ticked items, or all that the filter shows where the box "all of them" was ticked; only those that can be sent again."""
    form = await request.post()
    house = house_of(request)
    async with house.database.read() as connection:
        if text_of(form, "all") == "1":
            _word, chosen = filter_of({"show": text_of(form, "show"), "q": text_of(form, "q")}, SHOWS)
            found = await items.page(connection, mailing.id, chosen, limit=max(1, mailing.items))
        else:
            ids = [str(one) for one in form.getall("chosen", [])]
            if not all(is_id(one) for one in ids):
                raise unknown_word()
            found = [item for item in (await items.by_ids(connection, ids)).values() if item.mailing_id == mailing.id]
    able = sorted((item for item in found if item.state in RESENDABLE), key=lambda item: item.position)
    if not able:
        raise Conflict("nothing-to-send", "No letter that was chosen can be sent again.", help="Choose some that failed.")
    return able


async def resend(request: web.Request) -> web.StreamResponse:
    """POST /m/{mailing}/resend: first asks, with number and price; then, with `sure`, sends."""
    mailing, house, visit = await load_mailing(request), house_of(request), request[VISIT]
    form = await request.post()
    try:
        channel = channel_of(form)
    except ValueError:
        raise unknown_word() from None
    chosen = await _chosen(request, mailing)
    if text_of(form, "sure") == str(len(chosen)):
        number = await steering.resend(house, mailing, chosen, visit.actor, channel)
        return go(request, f"/m/{mailing.id}?done=resent&n={number}")
    context = {
        "mailing": mailing,
        "chosen": chosen,
        "delivered": sum(item.state is ItemState.DELIVERED for item in chosen),
        "doubtful": sum(item.state is ItemState.IN_DOUBT for item in chosen),
        "channel": channel,
        "form": form,
        **_price_of(request, mailing, chosen, channel),
    }
    return render(request, "confirm-resend.html", context)


def _price_of(request: web.Request, mailing: Mailing, chosen: Sequence[Item], channel: Channel | None) -> dict[str, Any]:
    """What sending these once more costs; None and the reason where it cannot be told."""
    table = tariff.load(house_of(request).clock.now().date())
    total = 0
    for item in chosen:
        by = channel or item.channel or mailing.options.channel or Channel.POST
        try:
            total += table.price(by, mailing.options, pricing.paper_of(item.pages, mailing.options))
        except PostOfficeError as problem:
            return {"total": None, "problem": request[WORDS].problem(problem)}
    return {"total": total, "problem": None}


async def send_more(request: web.Request) -> web.StreamResponse:
    """POST /m/{mailing}/send-more: what was corrected after the button was pressed."""
    mailing = await load_mailing(request)
    await steering.send_more(house_of(request), mailing, request[VISIT].actor)
    return go(request, f"/m/{mailing.id}?done=more")


async def export(request: web.Request) -> web.StreamResponse:
    """GET /m/{mailing}/export.csv?show=&q=: what the filter shows, streamed; a spreadsheet opens it in the reader's language."""
    mailing, words, house = await load_mailing(request), request[WORDS], house_of(request)
    _word, chosen = filter_of(request.query, SHOWS)
    name = f"{'envoi' if words.language == 'fr' else 'mailing'}-{mailing.number}.csv"
    response = web.StreamResponse(
        headers={"Content-Type": "text/csv; charset=utf-8", "Content-Disposition": f'attachment; filename="{name}"'}
    )
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Cache-Control"] = "no-store"
    await response.prepare(request)
    await response.write("\ufeff".encode() + _line(words, _titles(words)))
    async for some, sent in _slices(request, mailing, chosen):
        await response.write(b"".join(_line(words, _cells(words, item, sent.get(item.delivery_id or ""))) for item in some))
    house.log.info("desk.exported", mailing=mailing.id)
    await response.write_eof()
    return response


async def _slices(request: web.Request, mailing: Mailing, chosen: Filter) -> AsyncIterator[tuple[list[Item], dict[str, Delivery]]]:
    after = 0
    while True:
        async with house_of(request).database.read() as connection:
            some = await items.page(connection, mailing.id, chosen, after=after, limit=SLICE)
            sent = await deliveries.by_ids(connection, [item.delivery_id for item in some if item.delivery_id])
        if not some:
            return
        yield some, sent
        after = some[-1].position


def _titles(words: Words) -> list[str]:
    _ = words.gettext
    return [
        _("Number"),
        _("Name"),
        _("Address"),
        _("E-mail"),
        _("Mobile"),
        _("Fax"),
        _("Reference"),
        _("Pages"),
        _("State"),
        _("Channel"),
        _("Carrier"),
        _("Carrier's reference"),
        _("Handed over"),
        _("Price"),
        _("Why"),
    ]


def _cells(words: Words, item: Item, delivery: Delivery | None) -> list[str]:
    lines = item.address.lines if item.address else ()
    price = f"{item.cost / 1_000_000:.4f}"
    return [
        str(item.position),
        lines[0] if lines else item.email,
        ", ".join(lines[1:]),
        item.email,
        item.mobile,
        item.fax,
        item.reference,
        str(item.pages),
        words.word(item.state),
        words.word(delivery.channel) if delivery else "",
        delivery.carrier if delivery else "",
        delivery.reference if delivery else "",
        words.moment(delivery.handed_over_at) if delivery and delivery.handed_over_at else "",
        price.replace(".", ",") if words.language == "fr" else price,
        why(words, item, delivery),
    ]


def _line(words: Words, cells: Sequence[str]) -> bytes:
    """A line of CSV; a cell that a spreadsheet would take for a formula gets an apostrophe in front."""
    target = io.StringIO()
    safe = ["'" + cell if cell.startswith(("=", "+", "-", "@", "\t", "\r")) else cell for cell in cells]
    csv.writer(target, delimiter=";" if words.language == "fr" else ",").writerow(safe)
    return target.getvalue().encode()
