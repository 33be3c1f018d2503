"""Purchases as people write them in files; and the score, line by line."""

from zoneinfo import ZoneInfo

import pytest

from postoffice.campaigns.score import Facts, contributions, total
from postoffice.campaigns.segment_purchases import Bought, Reader, cents, columns, moment

PARIS = ZoneInfo("Europe/Paris")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("1 234,50 €", 123_450),
        ("1,234.50", 123_450),
        ("1.234,50", 123_450),
        ("-12", -1_200),
        ("(12.5)", -1_250),
        ("12-", -1_200),
        ("0", 0),
        ("", None),
        ("much", None),
        ("1.2.3", None),
        ("٣", None),
        ("9" * 20, None),
    ],
)
def test_amounts(text: str, found: int | None) -> None:
    assert cents(text) == found


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("2026-11-22", "2026-11-21T23:00:00+00:00"),
        ("22/11/2026 10:30", "2026-11-22T09:30:00+00:00"),
        ("1.7.2026", "2026-06-30T22:00:00+00:00"),
        ("2026-11-22T10:00:00Z", "2026-11-22T10:00:00+00:00"),
        ("31/02/2026", None),
        ("0001-01-01", None),
        ("soon", None),
    ],
)
def test_days(text: str, found: str | None) -> None:
    at = moment(text, PARIS)
    assert (at.isoformat() if at else None) == found


def test_rows_without_a_number_are_known_by_what_they_say() -> None:
    places = columns(["N° client", "Date", "Montant TTC", "Qté"])
    assert places == {"customer": 0, "at": 1, "amount": 2, "quantity": 3}
    row = ["C1", "2026-11-22", "10", "2"]
    first, again = Reader(places, PARIS, "EUR"), Reader(places, PARIS, "EUR")
    ids = [one.external_id for one in (first.read(row), first.read(row), again.read(row)) if isinstance(one, Bought)]
    assert ids[0] == ids[2] != ids[1]
    assert [first.read(["", *row[1:]]), first.read(["C1", "", "10"]), first.read(["C1", "2026-11-22", ""])] == [
        "no-customer",
        "no-day",
        "no-amount",
    ]
    assert first.read([*row[:3], "two"]) == "no-quantity"


def test_each_point_of_the_score_is_shown_and_openings_only_as_allowed() -> None:
    warm = Facts({"clicked": 5, "opened": 2}, bought=1, bought_ever=3, reachable=frozenset({"email"}), consents=True)
    assert [one.points for one in contributions(warm)] == [20, 20, 10, 20, 10, 5] and total(contributions(warm)) == 85
    seen = Facts({"clicked": 5, "opened": 2}, 1, 3, frozenset({"email"}), consents=True, may_see_openings=True)
    assert total(contributions(seen)) == 91
    cold = Facts({"complained": 1, "bounced": 9}, suppressed=True)
    assert [one.points for one in contributions(cold)] == [20, -20, -50, -20, -20] and total(contributions(cold)) == 0
