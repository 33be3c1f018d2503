"""What an item costs, from a dated table. Prices are millionths of the currency; nothing here is rounded away."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from typing import Any

from postoffice.model.channel import Channel
from postoffice.model.errors import PostOfficeError
from postoffice.model.mailing import Options

TABLE = Path(__file__).with_name("tariff.toml")
MILLION = 1_000_000


@dataclass(frozen=True, slots=True)
class Paper:
    """What an item is on paper: sheets, printed sides, grams with envelope, and the envelope's name (dl or c4)."""

    sheets: int
    sides: int
    grams: int
    envelope: str


@dataclass(frozen=True, slots=True)
class Tariff:
    """The prices that hold from `valid_from` on."""

    valid_from: date
    currency: str
    table: Mapping[str, Any]
    source: str = ""  #: whose prices these are, for those who check them

    def price(self, channel: Channel, options: Options, paper: Paper) -> int:
        """The price of one item, in millionths of the currency."""
        if channel is Channel.POST:
            return self._post(options, paper)
        if channel is Channel.FAX:
            return _micros(self.table["fax"]["page"]) * paper.sides
        return _micros(self.table[channel.value]["item"])

    def _post(self, options: Options, paper: Paper) -> int:
        table = self.table["post"]
        if paper.envelope not in table["envelope"]:
            raise PostOfficeError(
                "no-envelope-price",
                f"The tariff of {self.valid_from.isoformat()} has no price for a {paper.envelope.upper()} envelope.",
                help="Choose another envelope, or add its price to the tariff.",
                envelope=paper.envelope,
            )
        side = "colour_side" if options.colour else "black_side"
        production = (
            _micros(table["envelope"][paper.envelope]) + _micros(table["sheet"]) * paper.sheets + _micros(table[side]) * paper.sides
        )
        steps = table["postage"][options.postage.value]
        for step in steps:
            if paper.grams <= step["grams"]:
                return production + _micros(step["price"])
        raise PostOfficeError(
            "too-heavy",
            f"{paper.grams} g is more than the {steps[-1]['grams']} g that {options.postage.value} postage takes.",
            help="Choose another postage, print on both sides, or split the letter.",
            grams=paper.grams,
        )


def _micros(price: object) -> int:
    return int(Decimal(str(price)) * MILLION)


@lru_cache(maxsize=4)
def _tables(path: Path, _changed: int) -> list[dict[str, Any]]:
    """The file's tables; read again only when it was changed, since planning asks once per item."""
    with open(path, "rb") as file:
        tables: list[dict[str, Any]] = tomllib.load(file)["tariff"]
    return tables


def day(options: Options, now: datetime) -> date:
    """The day whose prices hold: that of the hour that the sender chose, today where it is past or none."""
    return max(now, options.send_at or now).date()


def load(on: date, path: Path = TABLE) -> Tariff:
    """The tariff that holds on a day: the newest whose `valid_from` is not after it."""
    tables = _tables(path, path.stat().st_mtime_ns)
    valid = [table for table in tables if table["valid_from"] <= on]
    if not valid:
        raise PostOfficeError("no-tariff", f"No tariff holds on {on.isoformat()}.", help=f"Add one to {path.name}.")
    newest = max(valid, key=lambda table: table["valid_from"])
    return Tariff(newest["valid_from"], newest["currency"], newest, newest.get("source", ""))
