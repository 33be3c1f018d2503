"""A/B tests: halves that never share a person, intervals by the book, and the error rate that is promised."""

import math
from bisect import bisect
from random import Random

import pytest

from postoffice.campaigns import experiment
from postoffice.campaigns.experiment import Arm
from postoffice.model.campaign import Rule


def test_nobody_is_in_both_halves_and_the_halves_are_alike() -> None:
    places = [experiment.slot(b"key", f"contact-{number}") for number in range(20_000)]
    halves = [experiment.half_of(place, 0.4) for place in places]
    assert {word: round(halves.count(word) / len(halves), 1) for word in ("a", "b", "")} == {"a": 0.2, "b": 0.2, "": 0.6}
    assert places == [experiment.slot(b"key", f"contact-{number}") for number in range(20_000)]
    other = [experiment.half_of(experiment.slot(b"another", f"contact-{number}"), 0.4) for number in range(20_000)]
    assert sum(one == "a" == two for one, two in zip(halves, other, strict=True)) < 1_000  # some 800: drawn anew for each campaign


@pytest.mark.parametrize(
    ("a", "b", "low", "high"),
    [  # Newcombe 1998, table II, method 10, the order of the two shares turned
        (Arm(70, 56), Arm(80, 48), -0.3339, -0.0524),
        (Arm(10, 9), Arm(10, 3), -0.8090, -0.1705),
        (Arm(7, 6), Arm(7, 2), -0.8062, -0.0582),
        (Arm(10, 0), Arm(20, 0), -0.2775, 0.1611),
    ],
)
def test_the_interval_is_newcombes(a: Arm, b: Arm, low: float, high: float) -> None:
    found = experiment.newcombe(a, b, 0.05)
    assert found == pytest.approx((low, high), abs=0.0002)


def test_more_is_shown_by_more_recipients_and_nothing_by_none() -> None:
    for rule in Rule:
        lifts = [experiment.smallest_lift(sample, 0.03, rule, 0.05) for sample in (1_000, 10_000, 100_000)]
        assert all(lift is not None for lift in lifts) and lifts == sorted(lifts, reverse=True, key=lambda one: one or 9)
        assert experiment.smallest_lift(5, 0.03, rule, 0.05) is None
    fixed, sequential = (experiment.smallest_lift(10_000, 0.03, rule, 0.05) or 0 for rule in Rule)
    assert fixed < sequential  # looking all the time has its price
    assert experiment.judge(Arm(0, 0), Arm(0, 0), Rule.FIXED, 0.05).winner == ""


def test_fewest_unsubscribes_win() -> None:
    verdict = experiment.judge(Arm(10_000, 80), Arm(10_000, 20), Rule.FIXED, 0.05, fewest=True)
    assert verdict.winner == "b" and verdict.difference < 0


def _hits(chance: Random, count: int, rate: float) -> int:
    """A binomial draw, by leaps from one success to the next."""
    found, place, log = 0, 0, math.log(1 - rate)
    while True:
        place += int(math.log(1 - chance.random()) / log) + 1
        if place > count:
            return found
        found += 1


@pytest.mark.slow
@pytest.mark.parametrize(("count", "rate"), [(500, 0.03), (2_000, 0.05)])
def test_of_10000_tests_of_the_same_thing_no_more_show_a_difference_than_is_promised(count: int, rate: float) -> None:
    chance, fixed, sequential = Random(count), 0, 0
    for _ in range(10_000):
        times = [sorted(chance.random() for _ in range(_hits(chance, count, rate))) for _ in "ab"]
        a, b = (Arm(count, len(one)) for one in times)
        fixed += bool(experiment.judge(a, b, Rule.FIXED, 0.05).winner)
        looks = ([Arm(count, bisect(one, hour / 24)) for one in times] for hour in range(1, 25))
        sequential += any(experiment.evidence(*look) >= 20 for look in looks)
    assert fixed / 10_000 < 0.05 + 3 * 0.0022  # three times the error of such a count
    assert sequential / 10_000 < 0.05


@pytest.mark.slow
@pytest.mark.parametrize("rule", list(Rule))
def test_the_power_that_is_told_is_there(rule: Rule) -> None:
    chance, shown = Random(4), 0
    lift = experiment.smallest_lift(4_000, 0.05, rule, 0.05)
    assert lift is not None
    for _ in range(600):
        a, b = Arm(4_000, _hits(chance, 4_000, 0.05)), Arm(4_000, _hits(chance, 4_000, 0.05 * (1 + lift)))
        shown += experiment.judge(a, b, rule, 0.05).winner == "b"
    assert shown / 600 == pytest.approx(0.8, abs=0.06)
