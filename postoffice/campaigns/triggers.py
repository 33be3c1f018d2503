"""Campaigns that something triggers: which dates are meant on a day, and the key that lets nobody get it twice. Pure."""

import re
from calendar import isleap
from datetime import date, timedelta

from postoffice.model.campaign import Repeat, RepeatKind

_ISO = re.compile(r"(\d{4})-(\d{2})-(\d{2})")
_LOCAL = re.compile(r"(\d{1,2})[./-](\d{1,2})[./-](\d{4})")


def read_date(text: object) -> date | None:
    """A date as attributes have it: 1980-05-17 (with or without an hour), 17/05/1980, 17.05.1980; None where it is none."""
    plain = str(text or "").strip()
    if found := _ISO.match(plain):
        year, month, day = (int(part) for part in found.groups())
    elif found := _LOCAL.fullmatch(plain):
        day, month, year = (int(part) for part in found.groups())
    else:
        return None
    try:
        return date(year, month, day)
    except ValueError:
        return None


def is_meant(repeat: Repeat, found: date, day: date) -> bool:
    """Whether a campaign goes on `day` to somebody with this date. Who was born on 29 February has their day on the 28th in other
    years."""
    target = day - timedelta(days=repeat.offset)
    if not repeat.yearly:
        return found == target
    if (found.month, found.day) == (2, 29) and not isleap(target.year):
        return (target.month, target.day) == (2, 28)
    return (found.month, found.day) == (target.month, target.day)


def spellings(repeat: Repeat, day: date) -> list[str]:
    """What the attribute may look like, as patterns of LIKE: a first sieve in the database, `is_meant` decides."""
    target = day - timedelta(days=repeat.offset)
    days = [target]
    if repeat.yearly and (target.month, target.day) == (2, 28) and not isleap(target.year):
        days.append(date(2000, 2, 29))
    patterns = []
    for one in days:
        year = f"{one.year:04}" if not repeat.yearly else "____"
        patterns.append(f"{year}-{one.month:02}-{one.day:02}%")
        for sign in "./-":
            patterns += [f"%{one.day}{sign}{month}{sign}{year}" for month in {f"{one.month}", f"{one.month:02}"}]
    return patterns


def key_of(repeat: Repeat, day: date) -> str:
    """Within which key nobody gets it twice: a year for a birthday, the date itself for the end of a contract, ever for a first time,
    the day for a recurring one."""
    if repeat.kind in (RepeatKind.INVOICE, RepeatKind.PURCHASE):
        return "first"
    if repeat.kind is RepeatKind.DATE:
        target = day - timedelta(days=repeat.offset)
        return str(target.year) if repeat.yearly else target.isoformat()
    return day.isoformat()
