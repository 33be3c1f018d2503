"""Purchases as rows of a file: which column is what, and what a row says. Pure.

A refund is a negative amount. A row without a number of its own is known by what it says and how often it stood in the file before,
so that the same file brought in twice is written once.
"""

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from types import MappingProxyType
from zoneinfo import ZoneInfo

from postoffice.words import N_

MOST_CENTS = 10**15
_NAMES: Mapping[str, str] = MappingProxyType(
    {
        "customer": "reference ref client customer customerid customernumber clientid numeroclient codeclient nclient idclient "
        "externalid",
        "email": "email mail courriel emailaddress adresseemail",
        "number": "order orderid ordernumber commande numerocommande ncommande invoice invoicenumber facture numerofacture "
        "id purchaseid",
        "at": "date day boughtat purchasedat dateachat datecommande datefacture orderdate invoicedate jour",
        "amount": "amount montant total totalttc montantttc ttc prix price sum value",
        "currency": "currency devise monnaie",
        "category": "category categorie product produit famille rayon article",
        "quantity": "quantity quantite qte qty nombre",
    }
)
_BY_NAME = {name: target for target, names in _NAMES.items() for name in names.split()}
#: why a row is left out
REASONS: Mapping[str, str] = MappingProxyType(
    {
        "no-customer": N_("Nothing in the row says who bought."),
        "unknown-customer": N_("No contact has this number or e-mail address."),
        "several-customers": N_("Several contacts have this number or e-mail address."),
        "no-amount": N_("The amount is missing or is no number."),
        "no-day": N_("The day is missing or is none: 2026-11-22 or 22/11/2026."),
        "no-currency": N_("The currency is none: three letters, such as EUR."),
        "no-quantity": N_("The quantity is no whole number."),
        "in-future": N_("The day is yet to come."),
        "differs": N_(
            "A purchase of this number is there with another amount, day or buyer: book the difference as a line of its own."
        ),
    }
)


@dataclass(frozen=True, slots=True)
class Bought:
    """A purchase as it is told. `amount` in hundredths of the currency; `customer` is another program's number of the contact."""

    external_id: str
    at: datetime
    amount: int
    currency: str
    category: str = ""
    quantity: int = 1
    customer: str = ""
    email: str = ""
    contact_id: str = ""


def columns(names: Sequence[str]) -> dict[str, int]:
    """{what: place from 0} of the columns whose names are known; the first of each kind."""
    found: dict[str, int] = {}
    for place, name in enumerate(names):
        bare = "".join(_UNACCENTED.get(letter, letter) for letter in name.lower() if letter.isalnum())
        if (target := _BY_NAME.get(bare)) is not None:
            found.setdefault(target, place)
    return found


_UNACCENTED = dict(zip("àâäéèêëîïôöùûüç°", "aaaeeeeiioouuuc ", strict=True))


class Reader:
    """Reads rows in their order. `zone`: of days without an hour or an hour without a zone; `currency`: where no column tells it."""

    def __init__(self, places: Mapping[str, int], zone: ZoneInfo, currency: str) -> None:
        self._places, self._zone, self._currency = places, zone, currency
        self._seen: Counter[str] = Counter()

    def read(self, cells: Sequence[str]) -> Bought | str:
        """What a row says, or why it is left out (a word of REASONS)."""
        cell = {what: cells[place].strip() if place < len(cells) else "" for what, place in self._places.items()}
        customer, email = cell.get("customer", ""), cell.get("email", "").lower()
        if not customer and "@" not in email:
            return "no-customer"
        amount, at = cents(cell.get("amount", "")), moment(cell.get("at", ""), self._zone)
        if amount is None:
            return "no-amount"
        if at is None:
            return "no-day"
        currency = cell.get("currency", "").upper() or self._currency
        if len(currency) != 3 or not currency.isascii() or not currency.isalpha():
            return "no-currency"
        quantity = cell.get("quantity", "") or "1"
        if not quantity.lstrip("-").isdigit() or len(quantity) > 9:
            return "no-quantity"
        category = " ".join(cell.get("category", "").split())[:100]
        number = cell.get("number", "")[:200] or self._own_number(
            (customer or email, at.isoformat(), str(amount), currency, category, quantity)
        )
        return Bought(number, at, amount, currency, category, int(quantity), customer[:200], email[:320])

    def _own_number(self, facts: tuple[str, ...]) -> str:
        text = "\x1f".join(facts)
        self._seen[text] += 1
        return "row-" + hashlib.sha256(f"{text}\x1f{self._seen[text]}".encode()).hexdigest()[:40]


def cents(text: str) -> int | None:
    """An amount as people write it, in hundredths: "1 234,50 €" -> 123450; None for what is none."""
    bare = "".join(letter for letter in text if letter.isdigit() or letter in ".,-()")
    sign = -1 if bare.startswith(("-", "(")) or bare.endswith("-") else 1
    bare = bare.strip("-()")
    if "," in bare and "." in bare:  # the last one is the decimal mark
        other = "," if bare.rfind(".") > bare.rfind(",") else "."
        bare = bare.replace(other, "")
    bare = bare.replace(",", ".")
    if not bare.isascii():
        return None
    try:
        found = int((Decimal(bare) * 100).to_integral_value()) * sign
    except (InvalidOperation, ValueError):
        return None
    return found if abs(found) <= MOST_CENTS else None


def moment(text: str, zone: ZoneInfo) -> datetime | None:
    """A day or a moment, ISO or day/month/year with an hour or without."""
    day, _, rest = text.strip().replace("T", " ").partition(" ")
    for mark in "/.":
        parts = day.split(mark)
        if len(parts) == 3 and len(parts[2]) == 4:
            day = f"{parts[2]}-{parts[1]:0>2}-{parts[0]:0>2}"
    try:
        found = datetime.fromisoformat(f"{day} {rest}".strip())
    except ValueError:
        return None
    if found.year < 1970:
        return None
    return (found if found.tzinfo else found.replace(tzinfo=zone)).astimezone(UTC)
