"""When prospecting may reach a recipient, and whether a prior consent is needed: a dated table by country. Pure.

What is not prospecting (invoices, contracts, service messages) goes at any hour and needs no consent.
"""

import tomllib
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from postoffice.model.channel import Channel, Purpose
from postoffice.routing.holidays import is_holiday

TABLE = Path(__file__).with_name("messaging.toml")
ANY = "*"
_SEARCH = 400  #: days that are looked through for an allowed one: no rule forbids a whole year


@dataclass(frozen=True, slots=True)
class Hours:
    """Days (1 Monday to 7 Sunday) and local hours at which prospecting may arrive; `to` is the first moment that it may not."""

    days: frozenset[int]
    begin: time
    end: time
    holidays: bool  #: also on public holidays


@dataclass(frozen=True, slots=True)
class Rule:
    """The rule that holds in a country from `valid_from` on."""

    country: str
    valid_from: date
    zone: str
    consent: frozenset[Channel]
    hours: dict[Channel, Hours] = field(default_factory=dict)


def rule_of(country: str, on: date) -> Rule:
    """The newest rule of a country that holds on a day; that of every other country where it has none."""
    valid = [rule for rule in _rules() if rule.valid_from <= on]
    own = [rule for rule in valid if rule.country == country] or [rule for rule in valid if rule.country == ANY]
    return max(own, key=lambda rule: rule.valid_from)


def needs_consent(purpose: Purpose, channel: Channel, country: str, on: date, *, person: bool) -> bool:
    """Whether a prior consent is needed; a company only has to be able to object (and may have done so: see the ledger)."""
    return purpose.is_promotional and person and channel in rule_of(country, on).consent


def next_allowed(purpose: Purpose, channel: Channel, country: str, moment: datetime, zone: str) -> datetime:
    """The first instant from `moment` (aware) on at which it may arrive, in UTC; `moment` itself where nothing forbids it.

    `zone`: the organisation's own, for countries whose zone is not known here. On the night the clocks change, hours are still the
    wall clock's: an hour that does not exist is the one after it.
    """
    rule = rule_of(country, moment.date())
    hours = rule.hours.get(channel)
    if not purpose.is_promotional or hours is None:
        return moment
    local = moment.astimezone(ZoneInfo(rule.zone or zone))
    for ahead in range(_SEARCH):
        day = local.date() + timedelta(days=ahead)
        if day.isoweekday() not in hours.days or (not hours.holidays and is_holiday(country, day)):
            continue
        opens = datetime.combine(day, hours.begin, local.tzinfo)
        closes = datetime.combine(day, hours.end, local.tzinfo)
        if moment < opens:
            return opens.astimezone(moment.tzinfo)
        if moment < closes:
            return moment
    return moment


@lru_cache(maxsize=1)
def _rules() -> tuple[Rule, ...]:
    with open(TABLE, "rb") as file:
        return tuple(_rule(table) for table in tomllib.load(file)["rule"])


def _rule(table: dict[str, Any]) -> Rule:
    hours = {
        channel: Hours(
            frozenset(table[channel.value]["days"]),
            table[channel.value]["from"],
            table[channel.value]["to"],
            table[channel.value]["holidays"],
        )
        for channel in Channel
        if channel.value in table
    }
    return Rule(table["country"], table["valid_from"], table["zone"], frozenset(Channel(word) for word in table["consent"]), hours)
