"""The day on which paper leaves: until the last hour, past it, over a weekend, a holiday, and the night the clocks change."""

from datetime import UTC, datetime

import pytest

from postoffice.model.errors import PostOfficeError
from postoffice.routing.cutoffs import leaves_on, read

WEEK = ("16:00", "16:00", "16:00", "16:00", "15:00", "", "")


@pytest.mark.parametrize(
    ("moment", "day"),
    [
        ((2026, 11, 23, 14, 59), "2026-11-23"),  # Monday 15:59 in Paris
        ((2026, 11, 23, 15, 0), "2026-11-23"),  # the last hour itself still counts
        ((2026, 11, 23, 15, 1), "2026-11-24"),
        ((2026, 11, 27, 14, 30), "2026-11-30"),  # Friday 15:30: over the weekend
        ((2026, 12, 24, 20, 0), "2026-12-28"),  # Christmas rests
        ((2026, 3, 29, 1, 30), "2026-03-30"),  # the night without an hour
    ],
)
def test_the_day_it_leaves(moment: tuple[int, int, int, int, int], day: str) -> None:
    found = leaves_on(WEEK, datetime(*moment, tzinfo=UTC), "Europe/Paris", "FR")
    assert found and found.isoformat() == day


def test_no_hours_no_day() -> None:
    assert leaves_on((), datetime(2026, 11, 23, tzinfo=UTC), "Europe/Paris") is None
    assert read([""] * 7) == ()
    assert read([*WEEK]) == WEEK


@pytest.mark.parametrize("texts", [["16:00"], ["25:00", *[""] * 6], ["16h", *[""] * 6], ["16:00:00+01:00", *[""] * 6]])
def test_what_is_no_hour(texts: list[str]) -> None:
    with pytest.raises(PostOfficeError):
        read(texts)
