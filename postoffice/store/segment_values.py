"""Values that stand in attributes as text, compared as text, numbers or days on both databases alike. Expressions, no queries.

What cannot be read as a number or a day is none: it fulfils no test but "is empty" does not take it for missing either.
"""

from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql import expression

from postoffice.model.errors import PostOfficeError

Condition = sa.ColumnElement[bool]


class as_number(expression.FunctionElement[float]):
    """A text as a number: "1 200,50" -> 1200.5; NULL where it is none."""

    inherit_cache = True
    type = sa.Float()


@compiles(as_number, "postgresql")
def _number_postgresql(element: Any, compiler: Any, **facts: Any) -> str:
    text = _bare(compiler.process(element.clauses, **facts))
    return f"(CASE WHEN {text} ~ '^-?[0-9]{{1,30}}([.][0-9]{{1,30}})?$' THEN CAST({text} AS DOUBLE PRECISION) END)"


@compiles(as_number)
def _number_sqlite(element: Any, compiler: Any, **facts: Any) -> str:
    plain = compiler.process(element.clauses, **facts)  # nearly all are: each naming of it is a look into the JSON
    text = _bare(plain)
    digits = f"ltrim(substr({text}, 1, 1), '-') || substr({text}, 2)"
    whole = f"{plain} NOT GLOB '*[^0-9]*' AND {plain} <> ''"
    other = f"{digits} GLOB '[0-9]*[0-9]' AND {digits} NOT GLOB '*[^0-9.]*' AND {digits} NOT GLOB '*.*.*' OR {digits} GLOB '[0-9]'"
    return f"(CASE WHEN {whole} THEN CAST({plain} AS REAL) WHEN {other} THEN CAST({text} AS REAL) END)"


def _bare(text: str) -> str:
    """Without blanks, with a point before the decimals."""
    return f"replace(replace(replace(replace({text}, ' ', ''), '\u00a0', ''), '\u202f', ''), ',', '.')"


def as_day(text: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
    """A text as an ISO day: "2026-11-22..." and "22/11/2026" alike; NULL for what is none."""
    digit = "0123456789"
    iso = sa.func.substr(text, 1, 10)
    turned = sa.func.substr(text, 7, 4) + "-" + sa.func.substr(text, 4, 2) + "-" + sa.func.substr(text, 1, 2)

    def is_day(value: sa.ColumnElement[Any]) -> Condition:
        shape = sa.func.length(value) == 10
        signs = sa.and_(sa.func.substr(value, 5, 1) == "-", sa.func.substr(value, 8, 1) == "-")
        rest = sa.func.trim(sa.func.replace(value, "-", ""), digit)
        return sa.and_(shape, signs, rest == "", sa.func.length(sa.func.replace(value, "-", "")) == 8)

    french = sa.and_(sa.func.substr(text, 3, 1) == "/", sa.func.substr(text, 6, 1) == "/")
    return sa.case((is_day(iso), iso), (sa.and_(french, is_day(turned)), turned))


def text_test(column: sa.ColumnElement[Any], rule: Mapping[str, Any]) -> Condition:
    """is, is_not, contains, starts, empty, filled; upper and lower case are one, accented letters included."""
    test, wanted = rule["test"], str(rule.get("value", ""))
    missing = sa.func.coalesce(sa.func.trim(column), "") == ""
    if test == "empty":
        return missing
    if test == "filled":
        return sa.not_(missing)
    spelt = sorted({_plain_lower(one) for one in (wanted, wanted.lower(), wanted.upper(), wanted.title(), wanted.capitalize())})
    lowered = sa.func.coalesce(sa.func.lower(column), "")
    if test in ("is", "is_not"):
        same = sa.func.trim(lowered).in_(spelt)
        return same if test == "is" else sa.not_(same)
    ends = {"contains": ("%", "%"), "starts": ("", "%")}[test]
    return sa.or_(*(lowered.like(ends[0] + _escaped(one) + ends[1], escape="\\") for one in spelt))


def _plain_lower(text: str) -> str:
    """SQLite lowers unaccented letters only: É stays É. PostgreSQL lowers all, which is one of the spellings."""
    return "".join(letter.lower() if letter.isascii() else letter for letter in text)


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


def number_test(number: sa.ColumnElement[Any], rule: Mapping[str, Any]) -> Condition:
    """is, is_not, over (at least), under (at most)."""
    test, wanted = rule["test"], float(rule["value"])
    made: dict[str, Any] = {
        "is": number == wanted,
        "is_not": sa.func.coalesce(number != wanted, sa.true()),
        "over": number >= wanted,
        "under": number <= wanted,
    }
    return sa.func.coalesce(made[test], sa.false())


def day_test(day: sa.ColumnElement[Any], rule: Mapping[str, Any], today: date) -> Condition:
    """before, after, within (the last N days), ahead (the next N days) of a column of ISO days."""
    first, last = _days(rule, today)
    bounds = [day >= first.isoformat()] if first else []
    bounds += [day <= last.isoformat()] if last else []
    return sa.func.coalesce(sa.and_(*bounds), sa.false())


def time_test(at: sa.ColumnElement[Any], rule: Mapping[str, Any], now: datetime, zone: ZoneInfo) -> Condition:
    """The same for a column of times, whose days are those of the organisation's zone."""
    if rule["test"] == "within":
        return sa.func.coalesce(sa.and_(at > now - timedelta(days=int(rule["days"])), at <= now), sa.false())
    first, last = _days(rule, now.astimezone(zone).date())
    bounds = [at >= _midnight(first, zone)] if first else []
    bounds += [at < _midnight(last + timedelta(days=1), zone)] if last else []
    return sa.func.coalesce(sa.and_(*bounds), sa.false())


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time(), zone).astimezone(UTC)


def _days(rule: Mapping[str, Any], today: date) -> tuple[date | None, date | None]:
    """The first and the last day that a test allows."""
    test = rule["test"]
    if test == "within":
        return today - timedelta(days=int(rule["days"])), today
    if test == "ahead":
        return today, today + timedelta(days=int(rule["days"]))
    day = date.fromisoformat(str(rule["value"]))
    if test == "before":
        return None, day - timedelta(days=1)
    if test == "after":
        return day + timedelta(days=1), None
    if test == "is":
        return day, day
    raise PostOfficeError("segment-broken", "A rule of this segment cannot be read.", help="Open the segment and save it again.")
