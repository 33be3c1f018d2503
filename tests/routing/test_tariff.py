"""Prices in millionths, from a dated table; nothing is rounded away."""

from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from postoffice.model.channel import Channel
from postoffice.model.errors import PostOfficeError
from postoffice.model.mailing import Options, Postage
from postoffice.routing.tariff import Paper, day, load

TABLE = """
[[tariff]]
valid_from = 2023-01-01
currency = "EUR"
email = { item = "0.0025" }
sms = { item = "0.05" }
fax = { page = "0.06" }
[tariff.post]
sheet = "0.02"
black_side = "0.03"
colour_side = "0.09"
envelope = { dl = "0.05", c4 = "0.14" }
[tariff.post.postage]
economy = [{ grams = 20, price = "1.14" }]
standard = [{ grams = 20, price = "1.16" }, { grams = 100, price = "2.32" }]
priority = [{ grams = 20, price = "1.49" }]
registered = [{ grams = 20, price = "4.83" }]
[[tariff]]
valid_from = 2026-01-01
currency = "EUR"
email = { item = "0.003" }
"""
ON = date(2025, 6, 1)


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "tariff.toml"
    path.write_text(TABLE)
    return path


def test_figures(table: Path) -> None:
    tariff = load(ON, table)
    dl = Paper(1, 2, 10, "dl")
    assert tariff.price(Channel.EMAIL, Options(), dl) == 2_500
    assert tariff.price(Channel.SMS, Options(), dl) == 50_000
    assert tariff.price(Channel.FAX, Options(), dl) == 120_000
    assert tariff.price(Channel.POST, Options(), dl) == 50_000 + 20_000 + 60_000 + 1_160_000
    assert tariff.price(Channel.POST, Options(colour=True, postage=Postage.PRIORITY), dl) == 50_000 + 20_000 + 180_000 + 1_490_000
    assert tariff.price(Channel.POST, Options(), Paper(9, 18, 50, "c4")) == 140_000 + 180_000 + 540_000 + 2_320_000
    assert tariff.price(Channel.POST, Options(), Paper(1, 1, 20, "dl")) < tariff.price(Channel.POST, Options(), Paper(1, 1, 21, "dl"))


def test_too_heavy_says_what_to_do(table: Path) -> None:
    with pytest.raises(PostOfficeError) as caught:
        load(ON, table).price(Channel.POST, Options(), Paper(40, 80, 205, "c4"))
    assert caught.value.code == "too-heavy" and "205 g" in caught.value.message and caught.value.help


def test_the_day_decides(table: Path) -> None:
    assert load(date(2025, 12, 31), table).valid_from == date(2023, 1, 1)
    assert load(date(2026, 1, 1), table).price(Channel.EMAIL, Options(), Paper(1, 1, 10, "dl")) == 3_000
    with pytest.raises(PostOfficeError) as caught:
        load(date(2022, 12, 31), table)
    assert caught.value.code == "no-tariff" and "2022-12-31" in caught.value.message


def test_our_own_table_prices_everything() -> None:
    tariff = load(date(2026, 11, 23))
    for channel in Channel:
        for postage in Postage:
            assert tariff.price(channel, Options(postage=postage), Paper(1, 1, 10, "dl")) > 0


def test_the_day_of_sending_chooses_the_prices_and_their_source_is_told(table: Path) -> None:
    now = datetime(2025, 12, 30, tzinfo=UTC)
    assert day(Options(), now) == date(2025, 12, 30)
    assert day(Options(send_at=datetime(2026, 1, 2, tzinfo=UTC)), now) == date(2026, 1, 2)
    assert day(Options(send_at=datetime(2025, 1, 2, tzinfo=UTC)), now) == date(2025, 12, 30)
    assert load(day(Options(send_at=datetime(2026, 1, 2, tzinfo=UTC)), now), table).valid_from == date(2026, 1, 1)
    assert "La Poste" in load(ON).source


def test_an_envelope_without_a_price_is_told(table: Path) -> None:
    with pytest.raises(PostOfficeError) as caught:
        load(ON, table).price(Channel.POST, Options(), Paper(8, 8, 60, "c5"))
    assert caught.value.code == "no-envelope-price"
    assert load(ON).price(Channel.POST, Options(), Paper(8, 8, 60, "c5"))
