"""Public holidays on which prospecting rests. Computed, not listed: no table to forget in December."""

from collections.abc import Callable
from datetime import date, timedelta
from functools import lru_cache


def easter(year: int) -> date:
    """Easter Sunday of the Gregorian calendar (Meeus, Astronomical Algorithms, chapter 8)."""
    a, (b, c) = year % 19, divmod(year, 100)
    d, e = divmod(b, 4)
    g = (8 * b + 13) // 25
    h = (19 * a + b - d - g + 15) % 30
    i, k = divmod(c, 4)
    m = (a + 11 * h) // 319
    r = (2 * e + 2 * i - k - h + m + 32) % 7
    month = (h - m + r + 90) // 25
    return date(year, month, (h - m + r + month + 19) % 32)


def _france(year: int) -> set[date]:
    """Code du travail, article L3133-1."""
    spring = easter(year)
    fixed = {(1, 1), (5, 1), (5, 8), (7, 14), (8, 15), (11, 1), (11, 11), (12, 25)}
    return {date(year, *one) for one in fixed} | {spring + timedelta(days) for days in (1, 39, 50)}


def _germany(year: int) -> set[date]:
    """Those that all Länder share."""
    spring = easter(year)
    return {date(year, *one) for one in ((1, 1), (5, 1), (10, 3), (12, 25), (12, 26))} | {
        spring + timedelta(d) for d in (-2, 1, 39, 50)
    }


def _britain(year: int) -> set[date]:
    """Christmas and Easter; bank holidays that are Mondays by proclamation are left out."""
    spring = easter(year)
    return {date(year, *one) for one in ((1, 1), (12, 25), (12, 26))} | {spring + timedelta(d) for d in (-2, 1)}


_COUNTRIES: dict[str, Callable[[int], set[date]]] = {"FR": _france, "DE": _germany, "GB": _britain}


@lru_cache(maxsize=64)
def _of(country: str, year: int) -> frozenset[date]:
    made = _COUNTRIES.get(country)
    return frozenset(made(year)) if made else frozenset()


def is_holiday(country: str, day: date) -> bool:
    """Whether a day is a public holiday in a country (ISO code); False for a country that is not known here."""
    return day in _of(country, day.year)
