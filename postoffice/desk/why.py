"""Why this channel, why not the others: an item's plan in sentences."""

from collections.abc import Sequence
from typing import NamedTuple

from aiohttp import web

from postoffice.actions import pricing
from postoffice.desk.ladders import WAYS, waited
from postoffice.desk.page import held_words
from postoffice.desk.visit import VISIT, house_of
from postoffice.model.channel import Channel
from postoffice.model.errors import PostOfficeError
from postoffice.model.item import Item
from postoffice.model.mailing import Mailing
from postoffice.model.states import EventKind
from postoffice.routing import tariff
from postoffice.routing.plan import Facts, Rung
from postoffice.store import plans
from postoffice.store.events import Line
from postoffice.words import N_, Words


class Taken(NamedTuple):
    """A rung, in words."""

    way: str
    why: str
    then: str  #: when the one behind it follows; empty for the last one


class Why(NamedTuple):
    """What is said of an item's channels."""

    taken: Sequence[Taken]
    passed_over: Sequence[tuple[str, str]]  #: (channel, reason)
    preview: bool  #: it was not planned yet: who objected is only looked up when it is sent


def of_events(words: Words, item: Item, timeline: Sequence[Line]) -> Why:
    """Of an item that was planned: what its events say was passed over, the latest word for each channel."""
    closed: dict[str, str] = {}
    for line in timeline:
        if line.kind in (EventKind.PLANNED, EventKind.HELD):
            closed |= {str(channel): str(why) for channel, why in (line.detail.get("passed_over") or {}).items()}
    return _said(words, [Rung.from_dict(shape) for shape in item.plan], closed, preview=False)


async def preview(request: web.Request, mailing: Mailing, item: Item) -> Why | None:
    """Of an item that waits: the plan that the mailing's options give it today. None where the options cannot make one."""
    house = house_of(request)
    there = {Channel.POST: item.address is not None, Channel.EMAIL: item.email, Channel.SMS: item.mobile, Channel.FAX: item.fax}
    names = await house.carriers.names(mailing.organisation_id, live=mailing.live)
    try:
        async with house.database.read() as connection:
            options = await plans.resolved(connection, mailing.organisation_id, mailing.options)
        rates = tariff.load(tariff.day(options, house.clock.now()))
        facts = Facts({channel: "there" for channel, known in there.items() if known})
        made, _price, _fault = pricing.planned(facts, options, item.channel, names, item.pages, rates)
    except PostOfficeError:  # the page says what is wrong with the options
        return None
    closed = {channel.value: why for channel, why in made.passed_over.items()}
    return _said(request[VISIT].words, made.rungs, closed, preview=True)


def _said(words: Words, rungs: Sequence[Rung], closed: dict[str, str], *, preview: bool) -> Why:
    taken = []
    for number, rung in enumerate(rungs):
        then = _then(words, rung) if number + 1 < len(rungs) else ""
        taken.append(Taken(words.gettext(WAYS.get(rung.form or rung.channel.value, rung.channel.value)), words.reason(rung.why), then))
    used = {rung.channel.value for rung in rungs}
    others: list[tuple[str, str]] = []
    for channel in Channel:
        if channel.value in closed:
            others.append((words.word(channel), held_words(words, closed[channel.value])))
        elif channel.value not in used:
            others.append((words.word(channel), words.gettext(REST)))
    return Why(taken, others, preview)


#: of a channel that nobody asked for
REST = N_("the plan does not ask for it")


def _then(words: Words, rung: Rung) -> str:
    if not rung.wait:
        return words._("if that fails")
    wait = waited(words, rung.wait)
    if rung.way.is_link:
        return words._("if it is not read after {wait}", wait=wait)
    return words._("if it has not arrived after {wait}", wait=wait)
