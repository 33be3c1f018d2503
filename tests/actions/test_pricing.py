"""What a letter costs and how it goes, whatever is known and chosen: always a price and a rung, or a reason that people can read."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postoffice.actions import pricing
from postoffice.compose.findings import FINDINGS
from postoffice.model.channel import Channel
from postoffice.model.mailing import Options, Postage
from postoffice.routing import tariff
from postoffice.routing.ladder import FORMS, Step, written
from postoffice.routing.plan import Facts, options_on
from postoffice.words.terms import REASONS

RATES = tariff.load(date(2026, 11, 23))
channels = st.sampled_from(Channel)
ladders = st.lists(st.sampled_from([*FORMS, "preferred"]), max_size=5, unique=True).map(
    lambda words: written([Step(word) for word in [*words, "cheapest"]])
)
facts = st.builds(
    lambda reach, suppressed, refused, preferred: Facts(
        dict.fromkeys(reach, "there"), {}, frozenset(suppressed), dict.fromkeys(refused, "opted-out"), preferred
    ),
    st.sets(channels),
    st.sets(channels),
    st.sets(channels),
    st.none() | channels,
)


@pytest.mark.slow
@given(
    facts,
    ladders | st.just(""),
    st.none() | channels,
    st.none() | channels,
    st.integers(1, 200),
    st.sampled_from(Postage),
    st.sets(channels),
)
def test_an_item_has_a_priced_rung_or_an_explained_reason(
    known: Facts, ladder: str, channel: Channel | None, own: Channel | None, pages: int, postage: Postage, carried: set[Channel]
) -> None:
    options = Options(channel=channel, ladder=ladder, postage=postage)
    carriers = {one: f"my-{one.value}" for one in carried}
    made, price, fault = pricing.planned(known, options, own, carriers, pages, RATES)
    for why in (*made.passed_over.values(), *([made.held] if made.held else [])):
        assert why in REASONS or why in FINDINGS, why
    if not made.rungs:
        assert made.held and price == 0 and (fault is None or fault.code == made.held)
        return
    assert not made.held and fault is None and price > 0
    first = made.rungs[0]
    assert price == pricing.price_of(options_on(first, options), first.channel, pages, RATES)
    for rung in made.rungs:
        assert rung.channel in known.reach and rung.channel not in known.suppressed and rung.channel not in known.refused
