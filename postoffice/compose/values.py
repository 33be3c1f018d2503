"""What a field of a letter may hold: amounts and dates in French, English and German, e-mail addresses, numbers. Exact or not at all.

Every value is kept as one text that any program reads: amounts as plain decimals (`1234.56`), dates as ISO 8601 (`2026-03-15`),
telephone numbers as E.164. What can be read in two ways is not read.
"""

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

import phonenumbers

from postoffice.model.channel import Channel, Purpose
from postoffice.model.errors import PostOfficeError

#: the decimal comma or point of a country's own writing; the other mark may only part thousands
_COMMA = frozenset({"FR", "DE", "BE", "LU", "AT", "IT", "ES", "NL", "PT"})
_SPACES = " \u00a0\u202f\u2009'\u2019"
_CURRENCY = r"(?:EUR|GBP|CHF|USD|€|£|\$)"
_NUMBER = rf"\d(?:[{_SPACES}.,]?\d)*"
_AMOUNT = re.compile(
    rf"(?<![\w.,/-])(\(|[-\u2212])?\s?{_CURRENCY}?\s?([-\u2212])?\s?({_NUMBER})\s?{_CURRENCY}?(\)|[-\u2212])?(?![\w/]|[.,]\d)"
)
_EMAIL = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]+@[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?\.[A-Za-z]{2,}")
_MONTHS = {
    month: number
    for number, words in enumerate(
        (
            "janvier january januar jan janv",
            "fevrier february februar feb fevr fev",
            "mars march marz maerz mar mrz",
            "avril april apr avr",
            "mai may",
            "juin june juni jun",
            "juillet july juli jul juil",
            "aout august aug",
            "septembre september sept sep",
            "octobre october oktober oct okt",
            "novembre november nov",
            "decembre december dezember dec dez",
        ),
        1,
    )
    for month in words.split()
}
_NUMERIC = re.compile(r"(?<![\d./-])(\d{1,2})([./-])(\d{1,2})\2(\d{4}|\d{2})(?![\d/-]|\.\d)")
_ISO = re.compile(r"(?<![\d-])(\d{4})-(\d{2})-(\d{2})(?![\d-])")
_DAY_FIRST = re.compile(r"(?<!\d)(\d{1,2})(?:er|st|nd|rd|th|\.)?\s+([a-z]{3,9})\.?,?\s+(\d{4})(?!\d)")
_MONTH_FIRST = re.compile(r"(?<![a-z])([a-z]{3,9})\.?\s+(\d{1,2})(?:st|nd|rd|th)?,?\s+(\d{4})(?!\d)")
#: words in front of a number: what it is of, then a word for "number"
_LABEL = re.compile(
    r"(?i)^(?:(?:facture|client|compte|dossier|contrat|r[ée]f(?:[ée]rence)?|invoice|customer|account|rechnung|rechnungsnummer|kunde"
    r"|kundennummer|kundennr|vertrag|code|votre|notre|your|our|ihre?|v/|n/)[ .]*)*(?:(?:n[o°º]|nr|num[ée]ro|number|#)[ .:]*)?"
    r"(?:client[ .:]*)?"
)
#: characters that a field may hold at most; references go to print houses that take 40 and fewer
_LONGEST = 200


@dataclass(frozen=True, slots=True)
class Value:
    """What a field holds, as the one text that stands for it."""

    text: str


def parse_amount(text: str, country: str = "FR") -> Decimal | None:
    """The one amount of money that stands in `text`; None where there is none, several different ones, or one that reads in two ways.

    "1,234" is a thousand and more in English, but no money in French: there it is not read.
    """
    found = {_decimal(match, country) for match in _AMOUNT.finditer(text)}
    return found.pop() if len(found) == 1 else None


def _decimal(match: re.Match[str], country: str) -> Decimal | None:
    digits = _plain_number(match[3], country)
    if digits is None:
        return None
    negative = (
        bool(match[2])
        or (match[1] or "") in ("-", "\u2212")
        or (match[4] or "") in ("-", "\u2212")
        or (match[1] == "(" and match[4] == ")")
    )
    return -Decimal(digits) if negative else Decimal(digits)


def _plain_number(text: str, country: str) -> str | None:
    """Digits with at most one point; None where the marks between them mean nothing certain."""
    marks = [letter for letter in text if letter in ".,"]
    tidy = "".join(" " if letter in _SPACES else letter for letter in text)
    if not marks:
        return _grouped(tidy)
    last = max(tidy.rfind("."), tidy.rfind(","))
    whole, mark, cents = tidy[:last], tidy[last], tidy[last + 1 :]
    own = "," if country in _COMMA else "."
    if len(cents) in (1, 2) and mark not in whole:
        plain = _grouped(whole)
        return f"{plain}.{cents}" if plain is not None else None
    if len(cents) == 3 and (mark != own or mark in whole):  # only thousands
        return _grouped(tidy) if len(set(marks)) == 1 and (mark != own) else None
    return None


def _grouped(text: str) -> str | None:
    """Digits in threes with one kind of mark between them, or without any."""
    marks = {letter for letter in text if not letter.isdigit()}
    if not marks:
        return text
    parts = re.split(r"[ .,]", text)
    right = len(marks) == 1 and 1 <= len(parts[0]) <= 3 and all(len(part) == 3 for part in parts[1:])
    return "".join(parts) if right else None


def parse_date(text: str) -> date | None:
    """The one date that stands in `text`, day before month where both are figures; None where there is none or several different ones.

    Years of two figures are of this century.
    """
    plain = "".join(letter for letter in unicodedata.normalize("NFD", text.lower()) if not unicodedata.combining(letter))
    found = {_date(match[1], match[2], match[3]) for match in _ISO.finditer(plain)}
    found |= {_date(match[4], match[3], match[1]) for match in _NUMERIC.finditer(plain)}
    found |= {_named(match[3], match[2], match[1]) for match in _DAY_FIRST.finditer(plain)}
    found |= {_named(match[3], match[1], match[2]) for match in _MONTH_FIRST.finditer(plain)}
    return found.pop() if len(found) == 1 else None


def _named(year: str, month: str, day: str) -> date | None:
    number = _MONTHS.get(month)
    return _date(year, str(number), day) if number else None


def _date(year: str, month: str, day: str) -> date | None:
    try:
        return date(int(year) + 2000 * (len(year) == 2), int(month), int(day))
    except ValueError:
        return None


def check_email(typed: str) -> str:
    """The address without spaces around it, "" for "". PostOfficeError bad-email."""
    typed = typed.strip()
    local, at, domain = typed.rpartition("@")
    broken = any(letter.isspace() or not letter.isprintable() for letter in typed) or len(typed) > 254
    if typed and (broken or not at or not local or "." not in domain.strip(".") or "@" in local):
        raise PostOfficeError("bad-email", f"{typed[:80]!r} is not an e-mail address.", help="Write it like name@example.org.")
    return typed


def check_number(name: str, typed: str, country: str) -> str:
    """A telephone number as E.164, "" for "". `name`: mobile or fax. PostOfficeError bad-mobile, bad-fax."""
    if not typed.strip():
        return ""
    try:
        number = phonenumbers.parse(typed, country)
    except phonenumbers.NumberParseException:
        number = None
    if number is None or not phonenumbers.is_valid_number(number):
        raise PostOfficeError(
            f"bad-{name}", f"{typed[:40]!r} is not a valid {name} number.", help="Write it like +33 6 12 34 56 78, with its country."
        )
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def check_value(name: str, text: str, country: str) -> Value | None:
    """The value of a field as its sender wrote it; None where it cannot be one."""
    checked = _CHECKS.get(name, _text)(" ".join(text.split()), country)
    return Value(checked) if checked else None


def find_value(name: str, text: str, country: str) -> Value | None:
    """The value of a field somewhere in a text of a page (a label may stand before it); None where none or several could be meant."""
    finder = _FINDERS.get(name)
    if finder is None:
        return check_value(name, _after_label(text), country)
    found = finder(text, country)
    return check_value(name, found, country) if found else None


def _after_label(text: str) -> str:
    """The text behind "Customer no.:" or "Facture n°", on the first line that has any."""
    line = next((line for line in text.splitlines() if line.strip()), "")
    label, colon, rest = line.partition(":")
    if colon and rest.strip() and not any(letter.isdigit() for letter in label):
        return rest
    bare = _LABEL.sub("", line.strip(), count=1)
    return bare if any(letter.isdigit() for letter in bare) else line


def _text(text: str, _country: str) -> str:
    return text if text.isprintable() and len(text) <= _LONGEST else ""


def _email(text: str, _country: str) -> str:
    try:
        return check_email(text) if _EMAIL.fullmatch(text) else ""
    except PostOfficeError:
        return ""


def _telephone(name: str) -> Callable[[str, str], str]:
    def check(text: str, country: str) -> str:
        try:
            return check_number(name, text, country)
        except PostOfficeError:
            return ""

    return check


def _amount(text: str, country: str) -> str:
    amount = parse_amount(text, country)
    return f"{amount:f}" if amount is not None else ""


def _due(text: str, _country: str) -> str:
    found = parse_date(text)
    return found.isoformat() if found else ""


def _one_of(words: type[Channel] | type[Purpose]) -> Callable[[str, str], str]:
    known = {one.value for one in words}
    return lambda text, _country: text if text in known else ""


def _only(found: list[str]) -> str:
    """The one thing that was found, however often."""
    return found[0] if len(set(found)) == 1 else ""


def _numbers(text: str, country: str) -> str:
    return _only([match.raw_string for match in phonenumbers.PhoneNumberMatcher(text, country)])


_CHECKS: dict[str, Callable[[str, str], str]] = {
    "email": _email,
    "mobile": _telephone("mobile"),
    "fax": _telephone("fax"),
    "amount": _amount,
    "due": _due,
    "channel": _one_of(Channel),
    "purpose": _one_of(Purpose),
}
_FINDERS: dict[str, Callable[[str, str], str]] = {
    "email": lambda text, _country: _only(_EMAIL.findall(text)),
    "mobile": _numbers,
    "fax": _numbers,
    "amount": lambda text, _country: text,
    "due": lambda text, _country: text,
}
