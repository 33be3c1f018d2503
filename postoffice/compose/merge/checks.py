"""A record is judged before anything is made of it: what is missing or cannot be what it should be, with row, column and value."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any

from postoffice.compose.merge.addressee import address_lines, has_address
from postoffice.compose.merge.content import Content
from postoffice.compose.merge.records import Record
from postoffice.compose.merge.uses import Use
from postoffice.compose.values import check_email, check_number, check_value, parse_amount, parse_date
from postoffice.model.channel import Channel
from postoffice.model.errors import PostOfficeError
from postoffice.model.layout import LAYOUTS

#: characters of a field
LONGEST = 20_000
#: what spreadsheet programs write where a formula has no result, in French and English
_ERRORS = re.compile(r"#(?:N/A|REF|VALUE|VALEUR|DIV/0|NAME|NOM|NUM|NOMBRE|NULL|NUL|SPILL|CALC|GETTING_DATA)[!?]?", re.IGNORECASE)
_FORMULA = re.compile(r"=\s*[A-Za-zÀ-ÿ$+(][\w.$]*\s*[(:+*/!-]")
#: `="06 12"`: a trick that keeps spreadsheet programs from taking a text as a number
_QUOTED = re.compile(r'="([^"]*)"')
#: a telephone number that went through a number's cell
_FLOAT = re.compile(r"(\+?\d{6,15})[.,]0+")
_PLAIN = re.compile(r"-?\d{1,15}(\.\d+)?")
#: fields of items that are kept as they are read elsewhere; see compose.values
_ITEM_FIELDS = ("customer", "invoice", "amount", "due")


@dataclass(frozen=True, slots=True)
class Problem:
    """What speaks against a row: a code of findings_merge, the column (or field), and the value as it stands there."""

    code: str
    column: str
    value: str = ""

    def text(self, number: int) -> str:
        """What stands beside the finding: where, and what is there."""
        shown = f" = {self.value[:80]}" if self.value else ""
        return f"{number} · {self.column}{shown}"


@dataclass(slots=True)
class Checked:
    """A record after the checks. `data`: what the template is filled with, as JSON (numbers as plain decimals, dates as ISO 8601)."""

    number: int
    data: dict[str, Any]
    language: str
    lines: tuple[str, ...]  #: of the address; () where the row has none
    email: str = ""
    mobile: str = ""
    fax: str = ""
    reference: str = ""
    channel: Channel | None = None
    fields: dict[str, str] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)


def check_record(record: Record, uses: Sequence[Use], content: Content) -> Checked:
    """Judge a record; never raises for what stands in it."""
    country = LAYOUTS[content.layout].country
    problems: list[Problem] = []
    values = _tidy(record, problems)
    judge = _Judge(record, country, problems)
    data = dict(values)
    for use in uses:
        if use.name in ("address", *_CONTACT):
            continue
        data[use.name] = judge.use(use, values.get(use.name))
    made = Checked(record.number, data, content.spoken(values.get("language")), (), problems=problems)
    made.email, made.mobile, made.fax = (judge.contact(name, _text(values.get(name))) for name in _CONTACT)
    data |= {"email": made.email, "mobile": made.mobile, "fax": made.fax}
    made.reference = _text(values.get("reference"))[:200]
    made.channel = judge.channel(_text(values.get("channel")))
    made.lines = tuple(address_lines(data, LAYOUTS[content.layout])) if has_address(data) else ()
    if not made.lines and not made.email and not made.mobile and not made.fax:
        judge.say("row-missing", "name" if not values.get("name") else "postcode")
    for name in _ITEM_FIELDS:
        found = check_value(name, _text(data.get(name)), country)
        if found:
            made.fields[name] = found.text
    return made


_CONTACT = ("email", "mobile", "fax")


def typed(data: Mapping[str, Any], uses: Sequence[Use]) -> dict[str, Any]:
    """The data as the template calculates with it: numbers as Decimal, dates as date. Empty fields stay empty texts."""
    made = dict(data)
    for use in uses:
        if use.kind == "list" and isinstance(made.get(use.name), list):
            made[use.name] = [typed(one, list(use.children.values())) if isinstance(one, Mapping) else one for one in made[use.name]]
        elif use.children and isinstance(made.get(use.name), Mapping):
            made[use.name] = typed(made[use.name], list(use.children.values()))
        elif made.get(use.name) not in (None, ""):
            made[use.name] = _typed(made[use.name], use.kind)
    return made


def _typed(value: Any, kind: str) -> Any:
    try:
        if kind == "number":
            return Decimal(str(value))
        if kind == "date":
            return date.fromisoformat(str(value))
    except (InvalidOperation, ValueError):
        return value
    return value


def _text(value: Any) -> str:
    return "" if value is None or isinstance(value, dict | list) else str(value).strip()


def _tidy(record: Record, problems: list[Problem]) -> dict[str, Any]:
    """Values without the traces of spreadsheet programs; formulas without a result and endless texts are told."""

    def tidy(name: str, value: Any) -> Any:
        if isinstance(value, dict):
            return {key: tidy(f"{name}.{key}", one) for key, one in value.items()}
        if isinstance(value, list):
            return [tidy(name, one) for one in value]
        if not isinstance(value, str):
            return value
        text = value.strip()
        if quoted := _QUOTED.fullmatch(text):
            text = quoted[1].strip()
        if _ERRORS.fullmatch(text) or _FORMULA.match(text):
            problems.append(Problem("row-formula", record.columns.get(name, name), text))
        elif len(text) > LONGEST:
            problems.append(Problem("row-too-long", record.columns.get(name, name), text[:40]))
            text = text[:LONGEST]
        return text

    return {name: tidy(name, value) for name, value in record.values.items()}


@dataclass(slots=True)
class _Judge:
    """Checks values of one record and writes down what is wrong."""

    record: Record
    country: str
    problems: list[Problem]

    def say(self, code: str, name: str, value: str = "") -> None:
        """Another problem; a column that was told of already is not told again."""
        column = self.record.columns.get(name, name)
        if not any(one.column == column for one in self.problems):
            self.problems.append(Problem(code, column, value))

    def use(self, use: Use, value: Any, prefix: str = "") -> Any:
        """The value of a field that the template uses."""
        name = prefix + use.name
        if use.kind == "list":
            return self._list(use, value, name)
        if use.children:
            inner = value if isinstance(value, Mapping) else {}
            return {**inner, **{one.name: self.use(one, inner.get(one.name), f"{name}.") for one in use.children.values()}}
        if value is None or value == "":
            if use.required:
                self.say("row-missing", name)
            return ""
        if isinstance(value, bool):
            return value
        if use.kind == "number":
            return self._number(name, value)
        return self._date(name, value) if use.kind == "date" else value

    def _list(self, use: Use, value: Any, name: str) -> list[Any]:
        entries = value if isinstance(value, list) else []
        if not entries and use.required:
            self.say("row-missing", name)
        made: list[Any] = []
        for entry in entries:
            if isinstance(entry, Mapping):
                made.append({**entry, **{one.name: self.use(one, entry.get(one.name), f"{name}.") for one in use.children.values()}})
            else:
                made.append(entry)
        return made

    def _number(self, name: str, value: Any) -> str:
        text = str(value).strip()
        share = text.endswith("%")
        text = text.rstrip("% \u00a0\u202f")
        found = self._decimal(text)
        if found is None or not found.is_finite():
            self.say("row-bad-amount", name, str(value))
            return ""
        return f"{found / 100 if share else found:f}"

    def _decimal(self, text: str) -> Decimal | None:
        plain = _PLAIN.fullmatch(text)
        try:
            if self.record.exact or (plain and (not plain[1] or len(plain[1]) != 4)):
                return Decimal(text)
        except InvalidOperation:
            pass
        return parse_amount(text, self.country)

    def _date(self, name: str, value: Any) -> str:
        found = parse_date(str(value))
        if found is None:
            self.say("row-bad-date", name, str(value))
            return ""
        return found.isoformat()

    def contact(self, name: str, text: str) -> str:
        """An e-mail address or a number, "" where there is none or it is no good."""
        if not text:
            return ""
        try:
            if name == "email":
                return check_email(text)
            if spoilt := _FLOAT.fullmatch(text):
                text = spoilt[1]
            return check_number(name, text, self.country)
        except PostOfficeError:
            self.say("row-bad-email" if name == "email" else "row-bad-number", name, text)
            return ""

    def channel(self, text: str) -> Channel | None:
        """The channel that a row asks for."""
        word = {"courrier": "post", "letter": "post", "lettre": "post", "e-mail": "email", "courriel": "email"}.get(
            text.lower(), text.lower()
        )
        if not word:
            return None
        if word not in set(Channel):
            self.say("row-bad-word", "channel", text)
            return None
        return Channel(word)
