"""Whatever the facts: a plan never takes what is closed, never forgets why, and keeps the order that was written."""

from dataclasses import replace
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from postoffice.model.channel import Channel
from postoffice.model.mailing import Options
from postoffice.routing.ladder import CHEAPEST, FORMS, PREFERRED, Step, written
from postoffice.routing.plan import BY_ITSELF, Facts, Rung, make_plan, options_on

channels = st.sampled_from(Channel)
facts = st.builds(
    Facts,
    reach=st.dictionaries(channels, st.sampled_from(["", "somewhere"])),
    unfit=st.dictionaries(channels, st.just("address-too-long")),
    suppressed=st.frozensets(channels),
    refused=st.dictionaries(channels, st.sampled_from(["opted-out", "no-consent"])),
    preferred=st.none() | channels,
)
carriers = st.dictionaries(channels, st.sampled_from(["one", "two"]))
prices = st.dictionaries(channels, st.integers(0, 5_000_000))
waits = st.sampled_from([timedelta(), timedelta(days=3), timedelta(hours=36)])
steps = st.lists(
    st.builds(Step, st.sampled_from([*sorted(FORMS), PREFERRED]), waits), min_size=1, max_size=7, unique_by=lambda one: one.word
)
ladders = st.builds(lambda some, last: [*some, Step(CHEAPEST)] if last else some, steps, st.booleans())


@given(facts, ladders, carriers, prices)
def test_a_ladder_takes_only_what_is_open_in_the_order_written(
    known: Facts, ladder: list[Step], ours: dict[Channel, str], cost: dict[Channel, int]
) -> None:
    plan = make_plan(known, Options(channel=None, ladder=written(ladder)), None, ours, cost)
    closed = set(known.unfit) | known.suppressed | set(known.refused)
    for rung in plan.rungs:
        assert rung.channel not in closed and rung.channel in ours
        assert rung.to == known.reach[rung.channel] != ""
        assert Rung.from_dict(rung.as_dict()) == rung
        assert options_on(rung, Options()).purpose == Options().purpose
    explained = {rung.channel for rung in plan.rungs} | set(plan.passed_over)
    asked = {FORMS[step.word].channel for step in ladder if step.word in FORMS}
    asked |= {known.preferred} if PREFERRED in [step.word for step in ladder] and known.preferred else set()
    assert explained == (set(Channel) if ladder[-1].word == CHEAPEST else asked), "each channel was taken or has its reason"
    assert plan.held == ("" if plan.rungs else next(iter(plan.passed_over.values()), "no-preferred-channel"))
    written_order = [step.word for step in ladder if step.word in FORMS]
    taken = [rung.form or rung.channel.value for rung in plan.rungs if rung.why == "ladder"]
    positions = [written_order.index(word) for word in taken]
    assert positions == sorted(positions)


@given(facts, carriers, prices)
def test_the_cheapest_comes_first_where_nothing_was_chosen(known: Facts, ours: dict[Channel, str], cost: dict[Channel, int]) -> None:
    plan = make_plan(known, Options(channel=None), None, ours, cost)
    if plan.rungs and plan.rungs[0].why == "preferred":
        assert plan.rungs[0].channel is known.preferred
    by_price = [(cost.get(rung.channel, 0), BY_ITSELF.index(rung.channel)) for rung in plan.rungs if rung.why == "cheapest"]
    assert by_price == sorted(by_price)
    assert len({rung.channel for rung in plan.rungs}) == len(plan.rungs), "no channel twice"


@given(facts, ladders, carriers, prices, st.none() | channels)
def test_recipients_alike_in_kind_have_the_same_plan_but_for_where_it_goes(
    known: Facts, ladder: list[Step], ours: dict[Channel, str], cost: dict[Channel, int], chosen: Channel | None
) -> None:
    """Planning makes one plan for each kind, so whatever decides must be part of the kind."""
    options = Options(channel=None, ladder=written(ladder))
    elsewhere = replace(known, reach={channel: to and f"another {to}" for channel, to in known.reach.items()})
    assert elsewhere.kind == known.kind
    plan = make_plan(known, options, chosen, ours, cost).towards(elsewhere.reach)
    assert plan == make_plan(elsewhere, options, chosen, ours, cost)
