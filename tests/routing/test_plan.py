"""Plans: never a suppressed or missing channel, never another than the one that was chosen, always a reason."""

from hypothesis import given
from hypothesis import strategies as st

from postoffice.model.channel import Channel
from postoffice.model.mailing import Options
from postoffice.routing.plan import BY_ITSELF, Facts, make_plan

channels = st.sampled_from(Channel)
facts = st.builds(
    Facts,
    reach=st.dictionaries(channels, st.sampled_from(["", "somewhere"])),
    unfit=st.dictionaries(channels, st.just("address-too-long")),
    suppressed=st.frozensets(channels),
    preferred=st.none() | channels,
)
carriers = st.dictionaries(channels, st.sampled_from(["one", "two"]))


@given(facts, st.builds(Options, channel=st.none() | channels), st.none() | channels, carriers)
def test_a_plan_uses_only_what_can_be_used(known: Facts, options: Options, chosen: Channel | None, ours: dict[Channel, str]) -> None:
    plan = make_plan(known, options, chosen, ours)
    for rung in plan.rungs:
        assert known.reach[rung.channel] == rung.to != ""
        assert rung.channel not in known.suppressed and rung.channel not in known.unfit
        assert ours[rung.channel] == rung.carrier and rung.why
        assert not plan.held
    if not plan.rungs:
        assert plan.held and plan.held in plan.passed_over.values()
    wanted = chosen or options.channel
    if wanted:
        assert {rung.channel for rung in plan.rungs} <= {wanted}, "a channel that was chosen is never replaced"
    elif not plan.rungs:
        assert set(plan.passed_over) == set(Channel), "every channel was looked at, and each has its reason"


def test_reasons() -> None:
    everything = dict.fromkeys(Channel, "there")
    names = dict.fromkeys(Channel, "c")
    post = Options(channel=Channel.POST)
    assert make_plan(Facts({}), post, None, names).held == "no-post-address"
    assert make_plan(Facts(everything), post, None, {}).held == "no-post-carrier"
    assert make_plan(Facts(everything, suppressed=frozenset({Channel.POST})), post, None, names).held == "suppressed"
    assert make_plan(Facts(everything, unfit={Channel.POST: "abroad"}), post, None, names).held == "abroad"
    assert make_plan(Facts(everything), post, None, names).rungs[0].why == "chosen-for-mailing"
    assert make_plan(Facts(everything), post, Channel.FAX, names).rungs[0].channel is Channel.FAX


def test_where_nothing_was_chosen_cheap_and_quick_first() -> None:
    free = Options(channel=None)
    names = dict.fromkeys(Channel, "c")
    reach = dict.fromkeys(Channel, "there")
    for channel in BY_ITSELF:
        assert make_plan(Facts(reach), free, None, names).rungs[0].channel is channel
        reach.pop(channel)
    liked = make_plan(Facts(dict.fromkeys(Channel, "there"), preferred=Channel.FAX), free, None, names)
    assert (liked.rungs[0].channel, liked.rungs[0].why) == (Channel.FAX, "preferred")
    assert liked.rungs[0].as_dict() == {"channel": "fax", "carrier": "c", "to": "there", "why": "preferred"}
