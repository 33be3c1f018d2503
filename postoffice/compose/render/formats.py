"""Filters of templates: money, numbers, dates and addresses as the recipient's language writes them."""

import math
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from babel import Locale, UnknownLocaleError
from babel.dates import format_date
from babel.numbers import UnknownCurrencyError, format_currency, format_decimal, format_percent, validate_currency
from jinja2 import pass_context
from jinja2.runtime import Context
from markupsafe import Markup, escape

from postoffice.compose.render.faults import TemplateFault
from postoffice.compose.render.hrefs import href

#: fields of an address in the order of their lines (NF Z 10-011); `postcode` and `town` share one
_ADDRESS = ("company", "name", "department", "extra", "street", "street2", "box", ("postcode", "town"), "country")


def locale_of(language: str) -> Locale:
    """The locale of a language tag such as fr, fr-CH or en_GB; English where it is unknown."""
    try:
        return Locale.parse(language.replace("-", "_"))
    except (UnknownLocaleError, ValueError):
        return Locale.parse("en")


@pass_context
def money(context: Context, value: object, currency: str = "EUR") -> str:
    """1234.5 -> 1 234,50 € in French. Takes numbers and numerals with a point."""
    try:
        validate_currency(currency)
        return str(format_currency(_number(value), currency, locale=_locale(context)))
    except (UnknownCurrencyError, ValueError):
        raise TemplateFault("bad-currency", f"{currency} is no currency.", help="Use a code such as EUR.", currency=currency) from None


@pass_context
def number(context: Context, value: object, decimals: int | None = None) -> str:
    """1234.5 -> 1 234,5 in French; with `decimals` exactly so many."""
    pattern = None if decimals is None else "#,##0" + ("." + "0" * decimals if decimals > 0 else "")
    return str(format_decimal(_number(value), pattern, locale=_locale(context)))


@pass_context
def percent(context: Context, value: object, decimals: int = 0) -> str:
    """0.2 -> 20 % in French."""
    pattern = "#,##0" + ("." + "0" * decimals if decimals > 0 else "")
    locale = _locale(context)
    return str(format_percent(_number(value), locale.percent_formats[None].pattern.replace("#,##0", pattern), locale=locale))


@pass_context
def day(context: Context, value: object, form: str = "long") -> str:
    """A date (or its ISO 8601 form): short, medium, long, full, or a pattern of Unicode TR 35."""
    return str(format_date(_date(value), form, locale=_locale(context)))


def address(value: object) -> Markup:
    """Lines (a list, a text with line ends, or fields by name), one under the other; empty ones are left out."""
    if isinstance(value, Mapping):
        lines = [_field(value, name) for name in _ADDRESS]
    elif isinstance(value, str):
        lines = value.splitlines()
    elif isinstance(value, Iterable):
        lines = [str(line) for line in value]
    else:
        raise _bad("field-not-address", "an address", "a list of lines, or fields such as name, street, postcode and town")
    return Markup("<br>").join(escape(line.strip()) for line in lines if line.strip())


FILTERS = {"money": money, "number": number, "percent": percent, "date": day, "address": address, "href": href}


def _locale(context: Context) -> Locale:
    return locale_of(str(context.get("language", "en")))


def _number(value: object) -> Decimal:
    try:
        text = str(value).strip()  # a field that is missing says so here
        if isinstance(value, bool) or not isinstance(value, int | float | Decimal | str):
            raise ValueError
        found = Decimal(text)
    except (InvalidOperation, ValueError):
        raise _bad("field-not-number", "a number", "digits with a point before the decimals, such as 1234.50") from None
    if not found.is_finite() or math.isinf(float(found)):
        raise _bad("field-not-number", "a number", "digits with a point before the decimals, such as 1234.50")
    return found


def _date(value: object) -> date:
    if isinstance(value, datetime):
        return value.date()
    if isinstance(value, date):
        return value
    try:
        return datetime.fromisoformat(str(value).strip()).date()
    except ValueError:
        raise _bad("field-not-date", "a date", "the form 2026-03-31") from None


def _field(value: Mapping[Any, Any], name: str | tuple[str, ...]) -> str:
    if isinstance(name, tuple):
        return " ".join(filter(None, (_field(value, part) for part in name)))
    found = value.get(name)
    return "" if found is None else str(found)


def _bad(code: str, what: str, wanted: str) -> TemplateFault:
    return TemplateFault(code, f"A field that the template writes as {what} holds something else.", help=f"Give it as {wanted}.")
