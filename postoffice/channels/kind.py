"""What a carrier says of itself to the catalogue: its word, its channel, its settings, and how it is built."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, NamedTuple

from postoffice.channels.reach import Reach
from postoffice.model.channel import Channel
from postoffice.model.errors import PostOfficeError
from postoffice.model.ports import Carrier, Log, SandboxBox, Workshop


class Label(NamedTuple):
    """Words on the desk, in its two languages."""

    en: str
    fr: str


class FieldKind(StrEnum):
    """How a setting is typed, and so how a form shows it."""

    TEXT = "text"  #: one line
    BLOCK = "block"  #: several lines (a certificate, a key)
    NUMBER = "number"  #: whole, not negative
    SECONDS = "seconds"  #: may have a fraction
    SWITCH = "switch"  #: yes or no
    CHOICE = "choice"  #: one of `choices`


@dataclass(frozen=True, slots=True)
class Field:
    """One setting of a carrier. `secret`: never shown again once stored, never logged."""

    name: str
    label: Label
    kind: FieldKind = FieldKind.TEXT
    default: str | int | float | bool = ""
    required: bool = False
    secret: bool = False
    choices: tuple[str, ...] = ()
    hint: Label = Label("", "")


class DkimKey(NamedTuple):
    """A key that signs for a domain; its DNS record was seen."""

    domain: str
    selector: str
    pem: str


class Parts(NamedTuple):
    """What wiring hands to every carrier that it has built."""

    name: str
    box: SandboxBox
    log: Log
    folder: Path | None = None  #: the carrier's own, to be made when it is first needed; None: keep nothing
    return_key: bytes = b""  #: of model.return_path
    dkim: tuple[DkimKey, ...] = ()  #: of the organisation's sending domains
    workshop: Workshop | None = None  #: for PDF work; None: do it where you are
    reach: Reach = Reach()  #: where its connections may go


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of carrier: what stands in the catalogue. `build` gets settings that `read_settings` has typed."""

    word: str  #: key in the settings, e.g. "smtp"
    channel: Channel
    label: Label
    fields: tuple[Field, ...]
    build: Callable[[Mapping[str, Any], Parts], Carrier]


class BadSetting(PostOfficeError):
    """A carrier's setting is missing, of the wrong type, or unknown."""


_YES = frozenset({"1", "true", "yes", "on", "oui"})
_NO = frozenset({"", "0", "false", "no", "off", "non"})


def read_settings(kind: Kind, given: Mapping[str, Any]) -> dict[str, Any]:
    """Every field of `kind` with a typed value, defaults filled in. BadSetting names the field, never the value."""
    known = {field.name for field in kind.fields}
    for name in given:
        if name not in known:
            raise _bad(kind, name, "there is no such setting", f"The settings are: {', '.join(sorted(known))}.")
    return {field.name: _read_field(kind, field, given.get(field.name)) for field in kind.fields}


def _read_field(kind: Kind, field: Field, value: Any) -> Any:
    if value is None or value == "":
        if field.required:
            raise _bad(kind, field.name, "it must be given", "Fill it in and save again.")
        return field.default
    try:
        return _convert(field, value)
    except ValueError as error:
        raise _bad(kind, field.name, f"it must be {error}", "Correct it and save again.") from None


def _convert(field: Field, value: Any) -> str | int | float | bool:
    """The value in the field's type; ValueError says in words what it must be."""
    match field.kind:
        case FieldKind.SWITCH:
            return _switch(value)
        case FieldKind.NUMBER:
            return _number(value, int, "a whole number, 0 or more")
        case FieldKind.SECONDS:
            return _number(value, float, "a number of seconds, 0 or more")
        case FieldKind.CHOICE:
            if str(value) not in field.choices:
                raise ValueError(f"one of {', '.join(field.choices)}")
            return str(value)
        case FieldKind.TEXT:
            text = str(value).strip()
            if not text.isprintable():
                raise ValueError("one line without control characters")
            return text
        case FieldKind.BLOCK:
            return str(value)


def _switch(value: Any) -> bool:
    word = str(value).strip().lower()
    if word in _YES or word in _NO:
        return word in _YES
    raise ValueError("yes or no")


def _number(value: Any, make: type[int] | type[float], wanted: str) -> int | float:
    try:
        number = make(str(value).strip())
    except ValueError:
        raise ValueError(wanted) from None
    if not 0 <= number < 1e9:
        raise ValueError(wanted)
    return number


def _bad(kind: Kind, field: str, what: str, help: str) -> BadSetting:
    return BadSetting(
        "carrier-setting",
        f"The setting '{field}' of the carrier kind '{kind.word}' cannot be used: {what}.",
        help=help,
        kind=kind.word,
        field=field,
    )
