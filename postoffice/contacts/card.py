"""A contact as files and programs tell it: everything optional, already checked and normalised. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from postoffice.model.address import PostalAddress

PERSON, COMPANY = "person", "company"


@dataclass(frozen=True, slots=True)
class Card:
    """What is told of a person or company. An empty field tells nothing: it never empties what is known."""

    name: str = ""
    company: str = ""
    kind: str = ""  #: person | company
    address: PostalAddress | None = None
    emails: tuple[str, ...] = ()
    mobiles: tuple[str, ...] = ()  #: E.164
    faxes: tuple[str, ...] = ()  #: E.164
    language: str = ""  #: two letters
    preferred_channel: str = ""  #: word of model.channel
    external_ids: Mapping[str, str] = field(default_factory=dict)  #: system -> its own number for this contact
    attributes: Mapping[str, Any] = field(default_factory=dict)  #: anything else, typed as JSON has it
    tags: tuple[str, ...] = ()
    consents: tuple[tuple[str, str, bool], ...] = ()  #: (purpose, channel, given)

    @property
    def shown_name(self) -> str:
        """The name in lists: the person's, else the company's, else an address."""
        return self.name or self.company or next(iter((*self.emails, *self.mobiles, *self.faxes)), "")

    @property
    def is_empty(self) -> bool:
        """Whether nothing in it says who it is."""
        return not (self.name or self.company or self.emails or self.mobiles or self.faxes or self.external_ids)

    def values(self) -> dict[str, tuple[str, ...]]:
        """Addresses by channel, but for the postal one."""
        return {"email": self.emails, "sms": self.mobiles, "fax": self.faxes}


def sender_lines(card_name: str, company: str, lines: tuple[str, ...]) -> tuple[str, ...]:
    """The lines of an envelope: company, person, then the rest of the address."""
    return tuple(line for line in (company if company != card_name else "", card_name, *lines) if line)


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a row cannot be used. `field`: the name of the column; the value itself is never kept."""

    code: str
    field: str = ""
