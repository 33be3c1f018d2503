"""A form that others' pages embed: what it asks, in whose language, and the words that a person agrees to."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from postoffice.model.channel import Channel, Purpose


class FormKind(StrEnum):
    """What a form is for."""

    SIGN_UP = "sign-up"  #: somebody asks for messages; nothing counts until it is confirmed
    PREFERENCES = "preferences"  #: somebody asks for the way to their choices


@dataclass(frozen=True, slots=True)
class Extra:
    """A field beside the address. `name`: `name`, `company`, or the contact's attribute that it fills."""

    name: str
    label: str
    required: bool = False


@dataclass(frozen=True, slots=True)
class FormDesign:
    """All that a person writes of a form."""

    name: str = ""
    kind: FormKind = FormKind.SIGN_UP
    language: str = "fr"
    channel: Channel = Channel.EMAIL  #: e-mail or SMS: what is typed, confirmed, and allowed
    purposes: tuple[Purpose, ...] = (Purpose.PROMOTION,)
    title: str = ""
    text: str = ""  #: above the fields
    consent: str = ""  #: what the person agrees to; empty: the office's own sentence
    thanks: str = ""  #: after the confirmation
    tag: str = ""  #: the contact gets it
    extras: tuple[Extra, ...] = ()
    sites: tuple[str, ...] = ()  #: origins that may frame it, `https://www.example.org`; none: everybody

    def as_dict(self) -> dict[str, Any]:
        """JSON shape kept in the database."""
        plain = {name: getattr(self, name) for name in ("name", "language", "title", "text", "consent", "thanks", "tag")}
        extras = [{"name": one.name, "label": one.label, "required": one.required} for one in self.extras]
        listed = {"purposes": [one.value for one in self.purposes], "extras": extras, "sites": list(self.sites)}
        return {**plain, "kind": self.kind.value, "channel": self.channel.value, **listed}

    @staticmethod
    def from_dict(shape: Mapping[str, Any]) -> "FormDesign":
        """The inverse of `as_dict`. ValueError on an unknown word."""
        given = dict(shape)
        given["kind"], given["channel"] = FormKind(shape["kind"]), Channel(shape["channel"])
        given["purposes"] = tuple(Purpose(one) for one in shape["purposes"])
        given["extras"] = tuple(Extra(**one) for one in shape["extras"])
        return FormDesign(**{**given, "sites": tuple(shape["sites"])})


@dataclass(frozen=True, slots=True)
class Form:
    """A form as it stands in the database."""

    id: str
    organisation_id: str
    token: str
    name: str
    design: FormDesign
    version: int
    asked: int
    confirmed: int
    created_at: datetime
    updated_at: datetime
    closed_at: datetime | None


@dataclass(frozen=True, slots=True)
class FormEntry:
    """What somebody typed, until it is confirmed or forgotten."""

    id: str
    organisation_id: str
    form_id: str
    sealed: bytes | None
    created_at: datetime
    expires_at: datetime
    confirmed_at: datetime | None
    proof: Mapping[str, Any] = field(default_factory=dict)
