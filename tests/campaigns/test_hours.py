"""When campaigns go: clock changes, recipients' own clocks, days of a spread, dates that trigger."""

from datetime import UTC, date, datetime, time, timedelta
from fnmatch import fnmatchcase

import pytest

from postoffice.campaigns import schedule, spread, triggers
from postoffice.campaigns.approval import fingerprint, what_of
from postoffice.model.campaign import Design, Repeat, RepeatKind, Schedule
from postoffice.model.errors import PostOfficeError

PARIS = "Europe/Paris"


@pytest.mark.parametrize(
    ("wall", "utc"),
    [
        ("2026-03-29T01:59", "2026-03-29T00:59"),
        ("2026-03-29T02:30", "2026-03-29T01:30"),  # there is no half past two that night: it is half past three
        ("2026-03-29T03:00", "2026-03-29T01:00"),
        ("2026-10-25T02:30", "2026-10-25T00:30"),  # it is half past two twice: the first time
        ("2026-10-25T03:00", "2026-10-25T02:00"),
    ],
)
def test_nights_of_clock_change(wall: str, utc: str) -> None:
    found = schedule.instant(datetime.fromisoformat(wall), PARIS)
    assert found == datetime.fromisoformat(utc).replace(tzinfo=UTC)


def test_a_week_that_has_a_clock_change_keeps_its_hour() -> None:
    repeat, now = Repeat(RepeatKind.WEEKLY, (7,)), datetime(2026, 10, 26, 12, tzinfo=UTC)
    days, then = schedule.due(repeat, time(10), date(2026, 10, 18), PARIS, date(2026, 10, 18), now)
    assert days == [date(2026, 10, 25)] and then == datetime(2026, 11, 1, 9, tzinfo=UTC)
    assert schedule.due(repeat, time(10), date(2026, 10, 18), PARIS, date(2026, 10, 25), now)[0] == []


def test_what_was_missed_is_made_up_for_but_not_for_ever() -> None:
    repeat, now = Repeat(RepeatKind.DAILY), datetime(2026, 6, 30, 12, tzinfo=UTC)
    days, _ = schedule.due(repeat, time(10), date(2026, 1, 1), PARIS, date(2026, 2, 1), now)
    assert days == [date(2026, 6, 23) + timedelta(days=number) for number in range(8)]
    over = Repeat(RepeatKind.DAILY, until="2026-06-25")
    assert schedule.due(over, time(10), date(2026, 1, 1), PARIS, date(2026, 6, 25), now) == ([], None)


def test_a_month_without_a_31st_takes_its_last_day() -> None:
    days = schedule.days_of(Repeat(RepeatKind.MONTHLY, (31,)), date(2027, 1, 1))
    assert [next(days) for _ in range(3)] == [date(2027, 1, 31), date(2027, 2, 28), date(2027, 3, 31)]


def test_the_same_hour_on_each_clock() -> None:
    plan, now = Schedule("2026-12-01T10:00", recipient_zone=True), datetime(2026, 11, 20, tzinfo=UTC)
    first = schedule.first_instant(plan, PARIS, now)
    wall = datetime(2026, 12, 1, 10)
    for zone in ("Pacific/Kiritimati", "Asia/Tokyo", PARIS, "America/Los_Angeles"):
        assert schedule.instant_for(wall, zone, 0, first) >= first
    late = datetime(2026, 12, 1, 9, 30, tzinfo=UTC)  # half past ten in Paris, half past six in the evening in Tokyo
    assert schedule.instant_for(wall, PARIS, 0, late) == datetime(2026, 12, 1, 9, tzinfo=UTC)  # at once
    assert schedule.instant_for(wall, "Asia/Tokyo", 0, late) == datetime(2026, 12, 2, 1, tzinfo=UTC)  # tomorrow at ten


@pytest.mark.parametrize("text", ["tomorrow", "2026-12-01T10:00Z", "10:00"])
def test_an_hour_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(PostOfficeError) as refused:
        schedule.wall_of(Schedule(text))
    assert refused.value.code == "bad-hour"


def test_days_of_a_spread_and_of_a_warm_up() -> None:
    assert spread.steps(10, 3, 0) == [4, 4, 2]
    assert spread.steps(1000, 1, 100) == [100, 200, 400, 300]
    assert spread.steps(0, 3, 100) == [] and spread.day_of(50, 10, 3, 0) == 2
    assert sum(spread.steps(123_456, 7, 1000)) == 123_456


def test_birthdays_and_ends_of_contracts() -> None:
    birthday = Repeat(RepeatKind.DATE, attribute="born")
    assert triggers.is_meant(birthday, date(1980, 5, 17), date(2026, 5, 17))
    assert triggers.is_meant(birthday, date(1980, 2, 29), date(2027, 2, 28))  # no 29th that year
    assert not triggers.is_meant(birthday, date(1980, 2, 29), date(2028, 2, 28))
    before = Repeat(RepeatKind.DATE, attribute="ends", offset=-30, yearly=False)
    assert triggers.is_meant(before, date(2026, 12, 31), date(2026, 12, 1))
    assert not triggers.is_meant(before, date(2025, 12, 31), date(2026, 12, 1))
    assert triggers.key_of(birthday, date(2026, 5, 17)) == "2026" and triggers.key_of(before, date(2026, 12, 1)) == "2026-12-31"
    assert triggers.key_of(Repeat(RepeatKind.INVOICE), date(2026, 5, 17)) == "first"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("1980-05-17", date(1980, 5, 17)),
        ("17/05/1980", date(1980, 5, 17)),
        ("7.5.1980", date(1980, 5, 7)),
        ("30/02/1980", None),
        ("", None),
    ],
)
def test_dates_as_attributes_have_them(text: str, found: date | None) -> None:
    assert triggers.read_date(text) == found
    if found is not None:
        patterns = triggers.spellings(Repeat(RepeatKind.DATE, attribute="born"), found.replace(year=2026))
        assert any(fnmatchcase(text, pattern.replace("%", "*").replace("_", "?")) for pattern in patterns)


def test_the_fingerprint_is_of_exactly_what_was_approved() -> None:
    design = Design(name="Noël", version_id="v" * 26)
    one = fingerprint(what_of(design, {"rules": {"all": []}, "id": "s"}, {"v": 3}))
    assert one == fingerprint(what_of(Design.from_dict(design.as_dict()), {"id": "s", "rules": {"all": []}}, {"v": 3}))
    for changed in (
        what_of(design, {"rules": {"all": [{}]}, "id": "s"}, {"v": 3}),
        what_of(design, {"rules": {"all": []}, "id": "s"}, {"v": 4}),
        what_of(Design(name="Noel", version_id="v" * 26), {"rules": {"all": []}, "id": "s"}, {"v": 3}),
    ):
        assert fingerprint(changed) != one
