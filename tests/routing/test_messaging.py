"""Quiet hours by country: also on holidays and on the nights the clocks change."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postoffice.model.channel import Channel, Purpose
from postoffice.routing.holidays import easter, is_holiday
from postoffice.routing.messaging import needs_consent, next_allowed, rule_of

PARIS = ZoneInfo("Europe/Paris")
PROMOTION, SMS = Purpose.PROMOTION, Channel.SMS


def _at(text: str, zone: ZoneInfo = PARIS) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=zone).astimezone(UTC)


@pytest.mark.parametrize(
    ("asked", "allowed"),
    [
        ("2026-11-23T07:59", "2026-11-23T08:00"),  # Monday
        ("2026-11-23T08:00", "2026-11-23T08:00"),
        ("2026-11-23T19:59", "2026-11-23T19:59"),
        ("2026-11-23T20:00", "2026-11-24T08:00"),
        ("2026-11-21T20:00", "2026-11-23T08:00"),  # Saturday evening: not on Sunday
        ("2026-12-24T21:00", "2026-12-26T08:00"),  # over Christmas
        ("2026-05-13T20:30", "2026-05-15T08:00"),  # over Ascension
        ("2026-03-29T02:30", "2026-03-30T08:00"),  # the hour that does not exist, on a Sunday
        ("2026-10-25T02:30", "2026-10-26T08:00"),  # the hour that exists twice
    ],
)
def test_french_short_messages_rest_at_night_on_sundays_and_holidays(asked: str, allowed: str) -> None:
    assert next_allowed(PROMOTION, SMS, "FR", _at(asked), "UTC") == _at(allowed)


def test_what_is_no_prospecting_goes_at_any_hour() -> None:
    night = _at("2026-11-22T03:00")
    assert next_allowed(Purpose.INVOICE, SMS, "FR", night, "UTC") == night
    assert next_allowed(PROMOTION, Channel.EMAIL, "FR", night, "UTC") == night
    assert next_allowed(PROMOTION, Channel.POST, "FR", night, "UTC") == night


def test_a_country_without_a_rule_follows_the_general_one_in_our_own_zone() -> None:
    night = _at("2026-11-23T03:00", ZoneInfo("Asia/Tokyo"))
    assert next_allowed(PROMOTION, SMS, "JP", night, "Asia/Tokyo") == _at("2026-11-23T08:00", ZoneInfo("Asia/Tokyo"))


@given(st.datetimes(datetime(2024, 1, 1), datetime(2030, 1, 1)), st.sampled_from(["FR", "DE", "GB", "ES"]), st.sampled_from(Channel))
def test_the_next_allowed_moment_is_allowed_and_not_before(naive: datetime, country: str, channel: Channel) -> None:
    moment = naive.replace(tzinfo=UTC)
    found = next_allowed(PROMOTION, channel, country, moment, "Europe/Madrid")
    assert moment <= found < moment + timedelta(days=6)
    assert next_allowed(PROMOTION, channel, country, found, "Europe/Madrid") == found


def test_consent_is_for_prospecting_of_persons() -> None:
    today = date(2026, 11, 22)
    assert needs_consent(PROMOTION, Channel.EMAIL, "FR", today, person=True)
    assert not needs_consent(PROMOTION, Channel.EMAIL, "FR", today, person=False)
    assert not needs_consent(PROMOTION, Channel.POST, "FR", today, person=True)
    assert not needs_consent(Purpose.INVOICE, Channel.EMAIL, "FR", today, person=True)
    assert rule_of("ZZ", today).country == "*"


def test_easter_and_what_hangs_on_it() -> None:
    assert [easter(year) for year in (2024, 2025, 2026, 2027)] == [
        date(2024, 3, 31), date(2025, 4, 20), date(2026, 4, 5), date(2027, 3, 28),
    ]  # fmt: skip
    assert is_holiday("FR", date(2026, 4, 6)) and is_holiday("FR", date(2026, 5, 25)) and not is_holiday("FR", date(2026, 4, 7))
    assert not is_holiday("JP", date(2026, 1, 1))
