"""The options page: is it right, what will it cost, when does it go?"""

from dataclasses import dataclass
from typing import Any

from aiohttp import web

from postoffice.actions import duplicates, pricing, steering
from postoffice.actions.pricing import Quote
from postoffice.desk import cutting, fixes, ladders
from postoffice.desk.choices import SHOWS, filter_of, rule_fields, text_of, unknown_word
from postoffice.desk.page import go, is_partial, render
from postoffice.desk.visit import VISIT, house_of, load_mailing
from postoffice.model.channel import Channel, Purpose
from postoffice.model.errors import Conflict
from postoffice.model.ids import is_id
from postoffice.model.layout import LAYOUTS
from postoffice.model.mailing import EmailForm, Envelope, Mailing, Options, Postage
from postoffice.model.people import Right
from postoffice.model.states import MAILING_COMMANDS, MailingState
from postoffice.store import items, plans, twins
from postoffice.store.items import Filter

GRID = 60  # thumbnails per page
COMING = (MailingState.RECEIVING, MailingState.RECEIVED, MailingState.READING)
CHOOSABLE = (*COMING, MailingState.WAITING)


@dataclass(frozen=True, slots=True)
class Leaf:
    """One page of a long list."""

    items: list[Any]
    total: int  #: that the filter shows
    number: int  #: of this page, from 1
    pages: int

    @property
    def first(self) -> int:
        """Number of the first one shown, from 1."""
        return (self.number - 1) * GRID + 1 if self.items else 0


async def leaf(request: web.Request, mailing: Mailing, chosen: Filter, size: int = GRID) -> Leaf:
    """The page of the list that the address names (`page`, from 1)."""
    wanted = request.query.get("page", "1")
    async with house_of(request).database.read() as connection:
        places = await items.positions(connection, mailing.id, chosen)
        pages = max(1, -(-len(places) // size))
        number = min(max(1, int(wanted[:6]) if wanted.isdigit() else 1), pages)
        start = (number - 1) * size
        after = places[start] - 1 if places else 0
        found = await items.page(connection, mailing.id, chosen, after=after, limit=size)
    return Leaf(found, len(places), number, pages)


async def page(request: web.Request, mailing: Mailing) -> web.StreamResponse:
    """The page, or only its grid where htmx asks for that."""
    show, chosen = filter_of(request.query, SHOWS)
    context: dict[str, Any] = {"mailing": mailing, "show": show, "shows": SHOWS, "q": chosen.search, "layout": LAYOUTS[mailing.layout]}
    context["leaf"] = await leaf(request, mailing, chosen)
    async with house_of(request).database.read() as connection:
        states = await items.count_by_state(connection, mailing.id)
        levels = await items.count_by_level(connection, mailing.id)
    context["counts"] = {name: _count(one, states, levels) for name, one in SHOWS.items()}
    if is_partial(request) and request.headers.get("HX-Target") == "grid":
        return render(request, "grid.html", context)
    context |= await _choices(request, mailing)
    return render(request, "options.html", context)


def _count(chosen: Filter, states: Any, levels: Any) -> int:
    if chosen.states:
        return sum(states.get(state, 0) for state in chosen.states)
    if chosen.levels:
        return sum(levels.get(level, 0) for level in chosen.levels)
    return sum(states.values())


async def _choices(request: web.Request, mailing: Mailing) -> dict[str, Any]:
    visit = request[VISIT]
    async with house_of(request).database.read() as connection:
        saved = await plans.all_of(connection, mailing.organisation_id)
        like = (
            await twins.likeness(connection, mailing, house_of(request).clock.now()) if mailing.state is MailingState.WAITING else None
        )
        twice = await twins.count(connection, mailing.id)
    return {
        "options": mailing.options,
        "by_plan": ladders.by_plan(mailing.options),
        "plan_form": ladders.form_context(mailing.options.ladder, saved),
        "plan_name": mailing.options.plan or ("" if mailing.options.ladder or not saved else saved[0].name),
        "like": like,
        "twice": twice,
        "fixes": fixes.offers(request, mailing, mailing.findings),
        "mended": fixes.applied(request, mailing),
        "channels": list(Channel),
        "purposes": list(Purpose),
        "postages": list(Postage),
        "envelopes": list(Envelope),
        "email_forms": list(EmailForm),
        "layouts": LAYOUTS,
        "rule": rule_fields(mailing.split_rule),
        "coming": mailing.state in COMING,
        "can_choose": mailing.state in CHOOSABLE and visit.may(Right.SUBMIT, mailing),
        "can_send": may_send(request, mailing),
        "can_recut": mailing.state in MAILING_COMMANDS["recut"][0] and visit.may(Right.SUBMIT, mailing),
        **cutting.context(mailing),
        "can_cancel": mailing.state in MAILING_COMMANDS["cancel"][0] and visit.may(Right.SUBMIT, mailing),
        **await _price(request, mailing, mailing.options),
    }


def may_send(request: web.Request, mailing: Mailing) -> bool:
    """Whether the button is there for this person; what waits for approval needs the right to approve."""
    visit = request[VISIT]
    if mailing.state is MailingState.APPROVING:
        return visit.may(Right.APPROVE, mailing)
    return mailing.state is MailingState.WAITING and visit.may(Right.SEND, mailing)


async def _price(request: web.Request, mailing: Mailing, chosen: Options) -> dict[str, Any]:
    quote = await pricing.quote(house_of(request), mailing, chosen)
    words = request[VISIT].words
    return {
        "sentence": ladders.sentence(words, quote.ladder),
        "quote": quote,
        "unreached": quote.unreached,
        "chosen": chosen,
        "problems": [words.problem(problem) for problem in quote.problems],
        "each": _each(quote),
    }


def _each(quote: Quote) -> list[tuple[int, int, int]]:
    """(pages, how many items, price of one), the most frequent first."""
    return sorted(((line.pages, line.items, line.price) for line in quote.lines), key=lambda one: -one[1])


async def choose(request: web.Request) -> web.StreamResponse:
    """POST /m/{mailing}/options: keep what was chosen and show what it costs."""
    mailing, visit = await load_mailing(request), request[VISIT]
    chosen = ladders.chosen_of(await request.post(), mailing.options, visit.words.zone)
    if chosen != mailing.options and mailing.state in CHOOSABLE:
        await steering.set_options(house_of(request), mailing, chosen, visit.actor)
    if await cutting.regrouped(request, mailing, chosen):
        return go(request, f"/m/{mailing.id}?done=together")
    if not is_partial(request):
        return go(request, f"/m/{mailing.id}?done=kept")
    context = {"mailing": mailing, "can_send": may_send(request, mailing), "coming": mailing.state in COMING}
    return render(request, "price.html", context | await _price(request, mailing, chosen))


async def confirm(request: web.Request) -> web.StreamResponse:
    """POST /m/{mailing}/confirm: what, how many, how much, before anything is sent."""
    mailing, visit = await load_mailing(request), request[VISIT]
    chosen = ladders.chosen_of(await request.post(), mailing.options, visit.words.zone)
    if chosen != mailing.options and mailing.state in CHOOSABLE:
        await steering.set_options(house_of(request), mailing, chosen, visit.actor)
    context = {"mailing": mailing, "carriers": await _carriers(request, mailing)}
    return render(request, "confirm-send.html", context | await _price(request, mailing, chosen))


async def _carriers(request: web.Request, mailing: Mailing) -> Any:
    return await house_of(request).carriers.names(mailing.organisation_id, live=mailing.live)


async def send(request: web.Request) -> web.StreamResponse:
    """POST /m/{mailing}/send: with the figures that were confirmed. A second press only shows the board."""
    mailing, visit, house = await load_mailing(request), request[VISIT], house_of(request)
    form = await request.post()
    if mailing.state in (MailingState.PLANNING, MailingState.SENDING, MailingState.FINISHED):
        return go(request, f"/m/{mailing.id}")
    if not may_send(request, mailing):
        raise Conflict("mailing-state", "This mailing cannot be sent now.", help="Reload the page to see where it stands.")
    quote = await pricing.quote(house, mailing, mailing.options)
    if (text_of(form, "items"), text_of(form, "total")) != (str(quote.items), str(quote.total)):
        raise Conflict(
            "price-changed",
            "What would be sent has changed since this page was shown: nothing was sent.",
            help="Look at the new figures and confirm again.",
        )
    try:
        await steering.send(house, mailing, mailing.options, visit.actor)
    except Conflict as conflict:
        if conflict.code != "mailing-state":
            raise
    return go(request, f"/m/{mailing.id}")


async def again(request: web.Request) -> web.StreamResponse:
    """POST /m/{mailing}/again: all that is held since it went before may go once more."""
    mailing = await load_mailing(request)
    number = await duplicates.release(house_of(request), mailing, request[VISIT].actor)
    return go(request, f"/m/{mailing.id}?done=again&n={number}")


async def exclude(request: web.Request) -> web.StreamResponse:
    """POST /m/{mailing}/exclude and /include: the ticked items."""
    mailing = await load_mailing(request)
    form = await request.post()
    chosen = [str(one) for one in form.getall("chosen", [])]
    if not chosen or not all(is_id(one) for one in chosen):
        raise unknown_word()
    include = request.path.endswith("/include")
    number = await steering.exclude(house_of(request), mailing, chosen, request[VISIT].actor, include=include)
    return go(request, f"/m/{mailing.id}?done={'included' if include else 'excluded'}&n={number}")
