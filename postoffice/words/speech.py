"""Words: one reader's language, time zone and currency. Doors make one per request; it knows no page."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from babel import dates, numbers

from postoffice.model.channel import Channel, Purpose
from postoffice.model.errors import PostOfficeError
from postoffice.words import catalogue
from postoffice.words.marks import N_
from postoffice.words.problems import PROBLEMS
from postoffice.words.terms import BARRED, PROOFS, REASONS, TERMS

__all__ = ["LANGUAGES", "N_", "Said", "Words"]

#: language -> its own name for itself
LANGUAGES = {"fr": "Français", "en": "English"}
_LOCALES = {"fr": "fr_FR", "en": "en_GB"}
_MEGABYTE = 1_000_000
_INSTANT = timedelta(seconds=10)


@dataclass(frozen=True, slots=True)
class Said:
    """A failure in the reader's language: what and where, and what to do."""

    code: str
    message: str
    help: str


class Words:
    """Speaks one language. An unknown language is English."""

    def __init__(self, language: str, timezone: str = "Europe/Paris", currency: str = "EUR") -> None:
        self.language = language if language in LANGUAGES else "en"
        self.locale = _LOCALES[self.language]
        self.zone = ZoneInfo(timezone)
        self.currency = currency
        self._texts = catalogue.texts(self.language)

    def gettext(self, text: str, /, **facts: object) -> str:
        """`text` in this language; `{name}` takes the fact of this name, whole numbers in the reader's way."""
        return self._filled(self._texts.get(text, (text,))[0] or text, facts)

    _ = gettext

    def ngettext(self, one: str, many: str, n: int, /, **facts: object) -> str:
        """`one` or `many` by the language's own rule; `{n}` is the number."""
        forms = self._texts.get(one) or (one, many)
        index = min(catalogue.form(self.language, n), len(forms) - 1)
        return self._filled(forms[index] or many, {"n": n, **facts})

    def _filled(self, text: str, facts: Mapping[str, object]) -> str:
        if not facts:
            return text
        return text.format(**{name: self.number(fact) if _is_count(fact) else fact for name, fact in facts.items()})

    def number(self, value: Any) -> str:
        """A number with the reader's separators."""
        if type(value) is int:
            return _whole(value, self.locale)
        return numbers.format_decimal(value, locale=self.locale)

    def percent(self, share: float) -> str:
        """A share of 1 as a percentage."""
        return numbers.format_percent(share, "#,##0.#" + ("\u00a0%" if self.language == "fr" else "%"), locale=self.locale)

    def money(self, micros: int, currency: str | None = None) -> str:
        """Millionths of the currency as an amount: to the cent, or finer for prices under a cent's accuracy."""
        amount = Decimal(micros) / 1_000_000
        exact = micros % 10_000 == 0 or abs(amount) >= 10
        pattern = ("#,##0.00" if exact else "#,##0.00##") + "\u00a0¤"
        pattern = pattern if self.language == "fr" else "¤" + pattern.removesuffix("\u00a0¤")
        return numbers.format_currency(amount, currency or self.currency, pattern, locale=self.locale, currency_digits=False)

    def weekday(self, day: date) -> str:
        """A day with its name: mardi 1 décembre."""
        return dates.format_date(day, "EEEE d MMMM", locale=self.locale)

    def date(self, moment: datetime | date) -> str:
        """A day: 3 mars 2025."""
        day = moment.astimezone(self.zone).date() if isinstance(moment, datetime) else moment
        return _day(day, self.locale)

    def time(self, moment: datetime, *, seconds: bool = False) -> str:
        """An hour: 09:30."""
        return dates.format_time(moment.astimezone(self.zone), "HH:mm:ss" if seconds else "HH:mm", locale=self.locale)

    def moment(self, moment: datetime, *, seconds: bool = False) -> str:
        """A day and an hour."""
        return f"{self.date(moment)} {self.time(moment, seconds=seconds)}"

    def kept(self, text: str) -> str:
        """What is kept as text without a zone: a month (2026-11), a day (2026-11-23), or an hour of it (2026-11-23T10:00)."""
        if len(text) == len("2026-11"):
            return str(dates.format_date(date.fromisoformat(f"{text}-01"), "LLLL y", locale=self.locale))
        at = datetime.fromisoformat(text)
        return _day(at.date(), self.locale) + (f" {at:%H:%M}" if "T" in text else "")

    def since(self, moment: datetime, now: datetime) -> str:
        """How long ago: "à l'instant", "il y a 5 minutes"; the day itself after a week."""
        if timedelta() <= now - moment < _INSTANT:
            return self._("just now")
        if now - moment > timedelta(days=7):
            return self.date(moment)
        return dates.format_timedelta(moment - now, add_direction=True, locale=self.locale)

    def size(self, count: int) -> str:
        """Bytes as kB or MB."""
        unit = {"fr": ("Ko", "Mo"), "en": ("kB", "MB")}[self.language]
        if count < _MEGABYTE:
            return f"{self.number(max(1, round(count / 1000)))}\u00a0{unit[0]}"
        return f"{self.number(round(count / _MEGABYTE, 1))}\u00a0{unit[1]}"

    def length(self, millimetres: float) -> str:
        """Millimetres, to the millimetre."""
        return f"{self.number(round(millimetres))}\u00a0mm"

    def word(self, member: StrEnum) -> str:
        """The word for a state, a channel, a purpose ... (see terms.TERMS)."""
        return self.gettext(TERMS[type(member)][member.value])

    def channel(self, word: str) -> str:
        """The word for a channel that was kept as text (in plans)."""
        return self.gettext(TERMS[Channel].get(word, word))

    def purpose(self, word: str) -> str:
        """The word for a purpose that was kept as text (in the ledger)."""
        return self.gettext(TERMS[Purpose].get(word, word))

    def reason(self, code: str) -> str:
        """Why a channel was taken or passed over, or a campaign rests; a failure's sentence; the code itself where it is unknown."""
        known = REASONS.get(code) or PROBLEMS.get(code, ("", ""))[0]
        return self.gettext(known) if known and "{" not in known else code

    def barred(self, reason: str) -> str:
        """Why an address is on the suppression list; a carrier's code as it is."""
        return self.gettext(BARRED[reason]) if reason in BARRED else reason

    def proof(self, word: str) -> str:
        """What a document proves; the carrier's word where it is unknown."""
        return self.gettext(PROOFS[word]) if word in PROOFS else word

    def problem(self, error: PostOfficeError) -> Said:
        """A failure in this language; English where the catalogue does not know its code or its facts."""
        return self._said(error.code, error.message, error.help, error.facts)

    def stored_problem(self, shape: Mapping[str, Any]) -> Said:
        """The same for a failure that was kept in the database (code, message, help, facts)."""
        return self._said(shape.get("code", ""), shape.get("message", ""), shape.get("help", ""), shape.get("facts") or {})

    def _said(self, code: str, message: str, help: str, facts: Mapping[str, Any]) -> Said:
        if self.language == "en":
            return Said(code, message, help)
        if message in self._texts:  # a sentence of its own says more than that of its code
            return Said(code, self.gettext(message), self.gettext(help) if help else "")
        if code not in PROBLEMS:
            return Said(code, message, help)
        ours = {"code": code, **_with_megabytes(facts)}
        ours |= {name: say(str(ours[name])) for name, say in (("why", self.gettext), ("channel", self.channel)) if name in ours}
        try:
            return Said(code, *(self.gettext(text, **ours) if text else "" for text in PROBLEMS[code]))
        except KeyError:  # a fact that the sentence needs was not told
            return Said(code, message, help)


@lru_cache(maxsize=10_000)  # a page says the same few again and again, and babel takes its pattern apart each time
def _whole(value: int, locale: str) -> str:
    return numbers.format_decimal(value, locale=locale)


@lru_cache(maxsize=2_000)
def _day(day: date, locale: str) -> str:
    return dates.format_date(day, "d MMM yyyy", locale=locale)


def _is_count(fact: object) -> bool:
    return isinstance(fact, int) and not isinstance(fact, bool)


def _with_megabytes(facts: Mapping[str, Any]) -> dict[str, Any]:
    """Facts for a sentence; a limit in bytes can also be said in megabytes."""
    limit = str(facts.get("limit", ""))
    return {**facts, "megabytes": int(limit) // _MEGABYTE} if limit.isdigit() else dict(facts)
