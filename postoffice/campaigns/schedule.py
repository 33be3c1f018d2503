"""When a campaign goes: wall clocks as instants, also on the nights when clocks change, and the times of a recurring one. Pure."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta, timezone
from zoneinfo import ZoneInfo, available_timezones

from postoffice.model.campaign import Repeat, RepeatKind, Schedule
from postoffice.model.errors import PostOfficeError

#: where a day begins first: nobody's wall clock is ahead of this one
EARLIEST = timezone(timedelta(hours=14))
#: whose hour is over by no more than this still goes at once; others go the next day at that hour
GRACE = timedelta(hours=1)
#: times of a recurring campaign that were missed (the office was off) are made up for, so many days back
CATCH_UP = timedelta(days=7)


def instant(wall: datetime, zone: str) -> datetime:
    """The UTC instant at which a wall clock (naive) of a zone shows this. An hour that the spring leaves out is the one after it; one
    that the autumn has twice is the first."""
    return wall.replace(tzinfo=ZoneInfo(zone), fold=0).astimezone(UTC)


def wall_of(schedule: Schedule) -> datetime | None:
    """The hour that was written; None for "at once". PostOfficeError bad-hour."""
    if not schedule.at:
        return None
    try:
        made = datetime.fromisoformat(schedule.at)
    except ValueError:
        made = None
    if made is None or made.tzinfo is not None:
        raise PostOfficeError("bad-hour", "The hour of the campaign cannot be read.", help="Write it like 2026-12-01T10:00.")
    return made


def first_instant(schedule: Schedule, zone: str, now: datetime) -> datetime:
    """The first instant at which anything of it may go: where recipients' own clocks count, when the first of them shows it."""
    wall = wall_of(schedule)
    if wall is None:
        return now
    return wall.replace(tzinfo=EARLIEST).astimezone(UTC) if schedule.recipient_zone else instant(wall, zone)


def instant_for(wall: datetime, zone: str, day: int, now: datetime) -> datetime:
    """When somebody in `zone` gets it on day `day` (0 is the first): at that hour of their clock, or at once where it has just
    passed, or the next day at that hour where it is long over."""
    wanted = instant(wall + timedelta(days=day), zone)
    while wanted < now - GRACE:
        day += 1
        wanted = instant(wall + timedelta(days=day), zone)
    return wanted


def is_zone(name: str) -> bool:
    """Whether this is an IANA name of a time zone."""
    return name in _zones()


def _zones() -> frozenset[str]:
    global _known
    if not _known:
        _known = frozenset(available_timezones())
    return _known


_known: frozenset[str] = frozenset()


def days_of(repeat: Repeat, first: date) -> Iterator[date]:
    """The local days of a recurring or triggered campaign from its first on, in order; endless where it has no last day. A month that
    has no such day takes its last one."""
    until = date.fromisoformat(repeat.until) if repeat.until else date.max
    day = first
    while day <= until:
        if _falls_on(repeat, day):
            yield day
        if day == date.max:
            return
        day += timedelta(days=1)


def _falls_on(repeat: Repeat, day: date) -> bool:
    if repeat.kind is RepeatKind.WEEKLY:
        return day.isoweekday() in repeat.days
    if repeat.kind is RepeatKind.MONTHLY:
        last = (day.replace(day=28) + timedelta(days=4)).replace(day=1) - timedelta(days=1)
        return any(day.day == min(wanted, last.day) for wanted in repeat.days)
    return True


def due(repeat: Repeat, hour: time, first: date, zone: str, done: date | None, now: datetime) -> tuple[list[date], datetime | None]:
    """The days whose hour has come and that were not handled yet (`done`: the last that was), and the instant of the next one; None
    where there is none any more."""
    since = first if done is None else max(first, done + timedelta(days=1))
    oldest = (now - CATCH_UP).astimezone(ZoneInfo(zone)).date()
    found: list[date] = []
    for day in days_of(repeat, max(since, oldest)):
        at = instant(datetime.combine(day, hour), zone)
        if at > now:
            return found, at
        found.append(day)
    return found, None
