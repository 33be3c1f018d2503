"""Person or machine: what gives a scanner away, and what must not be taken for one."""

from datetime import UTC, datetime, timedelta

import pytest

from postoffice.tracking.clicks import Recent, Visit, is_machine, sweeps

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"
IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 Version/18.0 Safari/604.1"


def visit(method: str = "GET", agent: str = FIREFOX, *, after: float | None = 60, **headers: str) -> Visit:
    named = {"user-agent": agent, **{name.replace("_", "-"): value for name, value in headers.items()}}
    return Visit(method, named, NOON, None if after is None else NOON - timedelta(seconds=after), known=True)


@pytest.mark.parametrize("one", [visit(), visit(agent=IPHONE), visit(sec_fetch_dest="document", sec_fetch_mode="navigate")])
def test_browsers_are_persons(one: Visit) -> None:
    assert not is_machine(one)


@pytest.mark.parametrize(
    "one",
    [
        visit("HEAD"),
        visit(agent=""),
        visit(agent="Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"),
        visit(agent="Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 HeadlessChrome/129.0 Safari/537.36"),
        visit(agent="WhatsApp/2.23.20.0"),
        visit(agent="BarracudaCentral"),
        visit(agent="python-requests/2.32"),
        visit(purpose="prefetch"),
        visit(sec_purpose="prefetch;prerender"),
        visit(sec_fetch_dest="image"),
        visit(after=2),
        visit(after=-10),
        visit(after=None),
    ],
)
def test_machines_give_themselves_away(one: Visit) -> None:
    assert is_machine(one)


def at(*hits: tuple[int, float]) -> list[tuple[int, datetime]]:
    return [(number, NOON + timedelta(seconds=second)) for number, second in hits]


def test_all_links_within_seconds_are_a_sweep() -> None:
    assert sweeps(at((1, 0), (2, 1), (3, 2), (4, 8)), 4) == {0, 1, 2, 3}
    assert sweeps(at((1, 0), (2, 3)), 2) == {0, 1}, "a mail with two links"
    assert sweeps(at((1, 0), (2, 3)), 9) == set(), "two of nine: somebody looks around"
    assert sweeps(at((1, 0), (2, 40), (3, 80)), 3) == set(), "slowly, as people do"
    assert sweeps(at((1, 0), (1, 1), (1, 2)), 3) == set(), "one link, clicked impatiently"
    assert sweeps(at((1, 0)), 1) == set()
    assert sweeps(at((7, -300), (1, 0), (2, 1), (3, 2)), 7) == {1, 2, 3}, "what a person clicked before stays"


def test_a_sweep_by_nobody_takes_back_what_was_counted() -> None:
    recent = Recent()
    assert [recent.add("a", *one, 3) for one in at((1, 0), (2, 1))] == [(False, []), (False, [])]
    assert recent.add("a", *at((3, 2))[0], 3) == (True, at((1, 0), (2, 1)))
    assert recent.add("a", *at((1, 4))[0], 3) == (True, [])
    assert recent.add("b", *at((1, 4))[0], 3) == (False, [])
    assert recent.add("a", *at((1, 60))[0], 3) == (False, []), "later the same network has a person"


def test_memory_of_callers_has_an_end() -> None:
    recent = Recent()
    recent.MOST = 10
    for number in range(100):
        recent.add(str(number), 1, NOON, 3)
    assert len(recent._seen) == 10
