"""What a mail that came back says of a delivery of ours, in the vocabulary of all carriers."""

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from postoffice.model.delivery import Event
from postoffice.model.states import EventKind
from postoffice.tracking.mail.reading import OPT_OUT
from postoffice.tracking.mail.values import Kind, Reading, Recipient


class Trust(StrEnum):
    """How the delivery was found, the surest first."""

    SIGNED = "return-path"  #: by the return path's seal, which only we can make
    NAMED = "message-id"  #: by our Message-ID, which only the recipient and those on the way know
    GUESSED = "address"  #: by the address alone: anybody could have written this


@dataclass(frozen=True, slots=True)
class Meant:
    """A delivery that a mail speaks of."""

    key: str
    to: str
    reference: str
    trust: Trust


def news_of(reading: Reading, meant: Meant, at: datetime, detail: Mapping[str, Any], *, machine: bool = False) -> list[Event]:
    """The events of one mail about one delivery; a person's answer is `REPLIED`, a machine's that is no vacation `AUTO_REPLIED`.

    A mail may name others, too: an alias that led on to a dead mailbox fails the delivery, but our own address is not dead. Nor is
    one called dead on a guess.
    """
    if reading.kind is Kind.OTHER:
        return [_event(EventKind.AUTO_REPLIED if machine else EventKind.REPLIED, meant, at, detail)]
    if reading.kind is Kind.VACATION:
        return [_event(EventKind.AUTO_REPLIED, meant, at, detail)]
    one = about(reading.recipients, meant.to)
    if one is None:
        return [_event(EventKind.UNKNOWN, meant, at, {**detail, "kind": reading.kind.value})]
    return [_told(reading.kind, one, meant, at, detail)]


def about(recipients: Sequence[Recipient], address: str) -> Recipient | None:
    """What a report says of an address, else of whom it names first: an alias leads elsewhere."""
    same = normal(address)
    return next((one for one in recipients if normal(one.address) == same), recipients[0] if recipients else None)


def _told(kind: Kind, one: Recipient, meant: Meant, at: datetime, detail: Mapping[str, Any]) -> Event:
    if kind is Kind.FEEDBACK:
        word = EventKind.OPTED_OUT if one.text == OPT_OUT else EventKind.COMPLAINED
        return _event(word, meant, at, {**detail, "feedback": one.text})
    if kind is Kind.DELIVERED:
        passed_on = one.text in ("relayed", "expanded")  # RFC 3464, 2.3.3: went on to where no notices are made
        return _event(EventKind.HANDED_OVER if passed_on else EventKind.DELIVERED, meant, at, detail, one.status, one.text)
    ours = normal(one.address) == normal(meant.to)
    more = {**detail, "reason": one.reason.value}
    if not ours:
        more["leads_to"] = one.address  # where the recipient's own server sent it on
    code = one.status or one.code or one.reason.value
    if not one.final:
        return _event(EventKind.DEFERRED, meant, at, more, code, one.text)
    dead = one.hard and ours and meant.trust is not Trust.GUESSED
    return _event(EventKind.BOUNCED, meant, at, more, code, one.text, dead=dead)


def _event(
    kind: EventKind, meant: Meant, at: datetime, detail: Mapping[str, Any], code: str = "", text: str = "", *, dead: bool = False
) -> Event:
    return Event(
        kind,
        at,
        key=meant.key,
        reference=meant.reference,
        code=code,
        text=text,
        address_dead=dead,
        detail={**detail, "found_by": meant.trust.value},
    )


def normal(address: str) -> str:
    """An address for comparison: small letters, the domain in its ASCII form, no dot at its end."""
    local, _, domain = address.strip().lower().rpartition("@")
    with contextlib.suppress(UnicodeError):  # a name that IDNA does not take is compared as it is
        domain = domain.rstrip(".").encode("idna").decode()
    return f"{local}@{domain}"
