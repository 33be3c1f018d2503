"""What letters cost: one by one as they are planned, and a whole mailing before it is sent. Both by the same rules."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from postoffice.compose import sheets
from postoffice.dispatch import advice
from postoffice.house import House
from postoffice.model.channel import Channel
from postoffice.model.errors import PostOfficeError
from postoffice.model.mailing import Mailing, Options
from postoffice.model.states import ItemState
from postoffice.routing import cutoffs, tariff
from postoffice.routing.ladder import FORMS, parse
from postoffice.routing.plan import Facts, Plan, Rung, make_plan, options_on
from postoffice.store import carriers, items, people, plans
from postoffice.store.items import Alike


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a quote: so many items of so many pages by this channel, and the price of one."""

    channel: Channel
    pages: int
    items: int
    price: int


@dataclass(frozen=True, slots=True)
class Quote:
    """What a mailing would cost with given options, in millionths of the currency."""

    items: int  #: that would be sent
    total: int  #: of each item's first rung
    currency: str
    lines: tuple[Line, ...]
    problems: tuple[PostOfficeError, ...]  #: why some cannot be priced or sent this way
    sheets: int = 0
    held: int = 0  #: items that need a person and would stay
    unreached: int = 0  #: items without an address for the channel: they would wait and cost nothing
    later: int = 0  #: what all later rungs would cost together if every item climbed to its last one: at most that much more
    ladder: str = ""  #: the steps that were priced, where the letters go by a plan
    leaves: date | None = None  #: the day on which paper leaves its print house, where its hours are known


@dataclass(slots=True)
class _Sum:
    """A quote in the making."""

    lines: dict[tuple[Channel, int, int], int] = field(default_factory=dict)
    problems: dict[str, PostOfficeError] = field(default_factory=dict)
    unreached: int = 0
    sheets: int = 0
    later: int = 0
    post: str = ""  #: carrier of paper


async def quote(house: House, mailing: Mailing, options: Options) -> Quote:
    """The price of a mailing's sendable items with `options`, for the options page; recomputed at every change.

    Items are priced in groups that are planned alike, by the same rules that plan them when they are sent. What a contact prefers is
    not looked up: where the plan asks for it, the cheapest is told.
    """
    names = await house.carriers.names(mailing.organisation_id, live=mailing.live)
    now = house.clock.now()
    made = _Sum()
    async with house.database.read() as connection:
        groups = await items.count_alike(connection, mailing.id)
        states = await items.count_by_state(connection, mailing.id)
        try:
            options = await plans.resolved(connection, mailing.organisation_id, options)
        except PostOfficeError as gone:
            made.problems[gone.code] = gone
    if options.not_after and options.not_after <= max(now, options.send_at or now):
        made.problems["last-hour-over"] = PostOfficeError(
            "last-hour-over", "The last hour for this mailing is over before it can go.", help="Choose a later one, or none."
        )
    rates = tariff.load(tariff.day(options, now))
    for group in groups:
        await _add(house, mailing, options, group, names, rates, made)
    async with house.database.read() as connection:
        leaves = await leaves_on(connection, mailing, options, made.post, now)
    return Quote(
        items=sum(made.lines.values()),
        total=sum(number * price for (_, _, price), number in made.lines.items()),
        currency=rates.currency,
        lines=tuple(Line(channel, pages, number, price) for (channel, pages, price), number in sorted(made.lines.items())),
        problems=tuple(made.problems.values()),
        sheets=made.sheets,
        held=states.get(ItemState.HELD, 0),
        unreached=made.unreached,
        later=made.later,
        ladder=options.ladder if options.channel is None else "",
        leaves=leaves,
    )


async def _add(
    house: House,
    mailing: Mailing,
    options: Options,
    group: Alike,
    names: Mapping[Channel, str],
    rates: tariff.Tariff,
    made: _Sum,
) -> None:
    plan, price, fault = planned(Facts(dict.fromkeys(group.reach, "there")), options, group.channel, names, group.pages, rates)
    if not plan.rungs:
        if fault is None:
            made.unreached += group.items
        else:
            made.problems.setdefault(fault.code, fault)
        return
    first = plan.rungs[0]
    asked = options_on(first, options)
    try:
        await advice.check(house.carriers.get(mailing.organisation_id, first.carrier), asked, group.pages, group.country)
    except PostOfficeError as problem:
        made.problems.setdefault(problem.code, problem)
        return
    key = (first.channel, group.pages, price)
    made.lines[key] = made.lines.get(key, 0) + group.items
    if first.channel is Channel.POST:
        made.post = first.carrier
        made.sheets += group.items * paper_of(group.pages, asked).sheets
    made.later += group.items * sum(_price_or_nothing(rung, options, group.pages, rates) for rung in plan.rungs[1:])


def _price_or_nothing(rung: Rung, options: Options, pages: int, rates: tariff.Tariff) -> int:
    try:
        return price_of(options_on(rung, options), rung.channel, pages, rates)
    except PostOfficeError:  # this rung will be passed over
        return 0


async def leaves_on(connection: AsyncConnection, mailing: Mailing, options: Options, carrier: str, now: datetime) -> date | None:
    """The day on which what is handed to a carrier of paper leaves it; None where there is none, or its hours are not known."""
    row = await carriers.find(connection, mailing.organisation_id, carrier) if carrier else None
    if row is None or not row.cut_offs:
        return None
    organisation = await people.organisation(connection, mailing.organisation_id)
    return cutoffs.leaves_on(row.cut_offs, max(now, options.send_at or now), organisation.timezone, organisation.country)


def paper_of(pages: int, options: Options) -> tariff.Paper:
    """What an item of so many pages is on paper with these options. PostOfficeError where its envelope cannot hold it."""
    made = sheets.bundle(
        pages,
        duplex=options.duplex,
        envelope=options.envelope,
        address_sheet=options.address_sheet,
        gsm=options.gsm,
        inserts=tuple(one.pages for one in options.inserts),
    )
    if not made.fits:
        raise PostOfficeError(
            "envelope-full",
            f"{made.sheets} sheets do not fit into one {made.envelope.value.upper()} envelope.",
            help="Choose another envelope, print on both sides, or split the letter.",
            sheets=made.sheets,
            envelope=made.envelope.value,
        )
    return tariff.Paper(made.sheets, made.sides, made.grams, made.envelope.value)


def price_of(options: Options, channel: Channel, pages: int, rates: tariff.Tariff) -> int:
    """The price of one item by one channel. PostOfficeError where its envelope or its weight has none."""
    paper = paper_of(pages, options) if channel is Channel.POST else tariff.Paper(0, pages, 0, "")
    return rates.price(channel, options, paper)


def planned(
    facts: Facts, options: Options, chosen: Channel | None, names: Mapping[Channel, str], pages: int, rates: tariff.Tariff
) -> tuple[Plan, int, PostOfficeError | None]:
    """The plan of an item of so many pages, from the first rung on that has a price, and that price; without a rung, what was wrong
    with the price, where it was that. `names`: the carrier of each channel."""
    prices, faults = _prices(options, tuple(facts.reach), pages, rates)
    if not any(
        FORMS[step.word].postage for step in parse(options.ladder) if step.word in FORMS
    ):  # else a rung may take what others do not
        facts = replace(facts, unfit={**{channel: fault.code for channel, fault in faults.items()}, **facts.unfit})
    made = make_plan(facts, options, chosen, names, prices)
    fault = next((one for one in faults.values() if one.code == made.held), None)
    while made.rungs:
        first, *others = made.rungs
        try:
            return made, price_of(options_on(first, options), first.channel, pages, rates), None
        except PostOfficeError as problem:
            fault = problem
            made = Plan(tuple(others), {**made.passed_over, first.channel: problem.code}, held="" if others else problem.code)
    return made, 0, fault


def _prices(
    options: Options, channels: Sequence[Channel], pages: int, rates: tariff.Tariff
) -> tuple[dict[Channel, int], dict[Channel, PostOfficeError]]:
    """What so many pages cost by each channel, in millionths; and for those without a price the reason."""
    prices: dict[Channel, int] = {}
    faults: dict[Channel, PostOfficeError] = {}
    for channel in channels:
        try:
            prices[channel] = price_of(options, channel, pages, rates)
        except PostOfficeError as problem:
            faults[channel] = problem
    return prices, faults
