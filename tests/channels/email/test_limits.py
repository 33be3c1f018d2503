"""Limits, warm-up and back-off by hand-moved clocks: over processes and restarts, never more than was agreed."""

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest

from postoffice.channels.email.backoff import Backoff
from postoffice.channels.email.domains import DomainLimit, Domains, provider_of, read_limits
from postoffice.channels.email.ledger import DAY, HOUR, Allowance, Ledger, limits_of
from postoffice.model.errors import TryLater

NOON = 1_800_000_000.0 - 1_800_000_000.0 % DAY + 12 * HOUR


class Hand:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> float:
        return self.now


def taken(*allowances: Allowance, most: int = 10_000) -> int:
    """How many go now, each in its turn."""
    count, open_ = 0, list(allowances)
    while open_ and count < most:
        open_ = [one for one in open_ if not one.take() and (count := count + 1)]
    return count


def test_a_limit_holds_for_all_processes_of_a_machine_and_over_a_restart(tmp_path: Path) -> None:
    clock = Hand()
    two = [Allowance(Ledger(tmp_path), "relay", limits_of(per_hour=100), clock=clock) for _ in range(2)]
    assert 90 <= taken(*two) <= 100
    assert taken(Allowance(Ledger(tmp_path), "relay", limits_of(per_hour=100), clock=clock)) == 0, "a restart is no fresh hour"
    assert two[0].wait() == HOUR - clock.now % HOUR
    clock.now += two[0].wait()
    assert taken(*two) == 100


def test_a_minutes_share_does_not_leave_in_its_first_second() -> None:
    clock = Hand()
    one = Allowance(Ledger(None), "relay", limits_of(per_minute=60), clock=clock)
    went = []
    for _ in range(12):
        went.append(taken(one))
        clock.now += 10
    assert went == [10] * 12
    assert taken(Allowance(Ledger(None), "few", limits_of(per_minute=3), clock=clock)) == 3


def test_warm_up_grows_by_days_of_use_and_survives_a_restart(tmp_path: Path) -> None:
    clock = Hand()
    went = []
    for _ in range(5):
        one = Allowance(Ledger(tmp_path), "relay", (), ramp=(5, 20, 100), clock=clock)
        went.append(taken(one, most=300))
        again = Allowance(Ledger(tmp_path), "relay", (), ramp=(5, 20, 100), clock=clock)
        assert taken(again, most=300) in (0, 300)
        clock.now += DAY if len(went) != 2 else 30 * DAY  # a month of silence is no step of the ramp
    assert went == [5, 20, 100, 300, 300]


def test_a_file_that_cannot_be_written_is_later_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "limits.db").mkdir()
    with pytest.raises(TryLater):
        Allowance(Ledger(tmp_path), "relay", limits_of(per_hour=1)).take()


def test_backoff_doubles_and_ends_with_the_first_success() -> None:
    clock = Hand()
    one = Backoff(patience=3, first=10, longest=60, clock=clock)
    pauses = []
    for _ in range(9):
        one.failed("421 too busy")
        pauses.append(one.wait())
        one.failed("what was under way fails too")
        assert one.wait() == pauses[-1] or not pauses[-1]
        clock.now += pauses[-1]
    assert pauses[-4:] == [60, 60, 60, 60] and pauses[0] == 0 and 10 in pauses and 20 in pauses
    one.well()
    one.failed("once more")
    assert one.wait() == 0


@pytest.mark.parametrize(
    ("domain", "provider"),
    [
        ("gmail.com", "google"),
        ("hotmail.co.uk", "microsoft"),
        ("outlook.fr", "microsoft"),
        ("yahoo.fr", "yahoo"),
        ("wanadoo.fr", "orange"),
        ("orange.fr", "orange"),
        ("live.company.example.org", ""),
        ("notgmail.com", ""),
        ("mairie.example", ""),
    ],
)
def test_who_is_behind_a_domain(domain: str, provider: str) -> None:
    assert provider_of(domain) == provider


def test_limits_as_people_write_them() -> None:
    assert read_limits("\nExample.com connections=2 per_minute=30\n* per_hour=500\n") == {
        "example.com": DomainLimit(2, 30),
        "*": DomainLimit(per_hour=500),
    }
    for wrong in ("example.com per_day=1", "example.com connections=many", "example.com connections=-1", "a b c", "x per_hour="):
        with pytest.raises(ValueError, match="line 1"):
            read_limits(wrong)


async def test_a_provider_gets_its_connections_and_no_more() -> None:
    domains = Domains(Ledger(None), {"client.example": DomainLimit(connections=2)})
    at_once, most = 0, 0

    async def mail(number: int) -> None:
        nonlocal at_once, most
        async with domains.of("client.example").turn(str(number)):
            at_once += 1
            most = max(most, at_once)
            await asyncio.sleep(0.001)
            at_once -= 1

    await asyncio.gather(*(mail(number) for number in range(20)))
    assert most == 2
    assert domains.of("orange.fr") is domains.of("wanadoo.fr"), "one provider, one share"


async def test_mails_beyond_a_providers_limit_get_turns_of_their_own() -> None:
    domains = Domains(Ledger(None), {"client.example": DomainLimit(per_hour=5)})
    after = []
    for number in range(5):
        async with domains.of("client.example").turn(str(number)):
            pass
    for number in range(7):
        with pytest.raises(TryLater) as caught:
            await domains.of("client.example").turn(str(number)).__aenter__()
        after.append(caught.value.after or timedelta())
    gaps = [second - first for first, second in zip(after, after[1:], strict=False)]
    assert all(timedelta(minutes=11) < gap < timedelta(minutes=13) for gap in gaps), "an hour's five, one every twelve minutes"


async def test_a_storm_of_later_at_a_provider_gives_it_rest() -> None:
    clock = Hand()
    domains = Domains(Ledger(None), {}, clock=clock)
    one = domains.of("client.example")
    for _ in range(5):
        async with one.turn("key"):
            one.later("The relay asks to come back later: 451 4.7.0 too much mail")
    with pytest.raises(TryLater, match="too much mail") as caught:
        async with one.turn("key"):
            raise AssertionError("it was to be left alone")
    assert caught.value.after and timedelta(seconds=60) <= caught.value.after <= timedelta(seconds=75)
    async with domains.of("other.example").turn("key"):
        pass
    clock.now += 60
    async with one.turn("key"):
        one.well()
