"""Delivery status fields (RFC 3464, 2.3), from the part made for them or out of plain text."""

import re
from dataclasses import dataclass

from postoffice.tracking.mail.mime import Fields

_IN_BRACKETS = re.compile(r"<((?:\"[^\"\n]{1,64}\"|[^\s<>\"]{1,64})@[^\s<>\"@]{1,255})>")
_BARE = re.compile(r"(?:\"[^\"\n]{1,64}\"|[^\s<>\"'(),;:\[\]\\]{1,64})@[^\s<>\"'(),;:\\@]{1,255}")
#: X-Actual-Recipient is where an alias led and is nobody whom we wrote to
_NAMES = ("final-recipient", "original-recipient")


@dataclass(frozen=True, slots=True)
class Status:
    """One recipient's fields."""

    address: str
    action: str  #: failed, delayed, delivered, relayed, expanded or "" (lower case)
    status: str
    diagnostic: str
    comment: str  #: what stands behind the status code, in brackets

    @property
    def succeeded(self) -> bool:
        """Whether this recipient's mail went on or arrived."""
        return self.action in ("delivered", "relayed", "expanded") or (not self.action and self.status.startswith("2."))


def read_status(block: Fields) -> Status | None:
    """The recipient of a field group; None for the group about the whole message, or where no address can be read."""
    address = next(
        (found for name in _NAMES for value in block.all(name) if (found := address_in(value.partition(";")[2] or value))), ""
    )
    if not address:
        return None
    status = block.get("status")
    return Status(
        address=address,
        action=block.get("action").partition("(")[0].strip().lower(),
        status=status.split()[0] if status.split() else "",
        diagnostic=_diagnostic(block),
        comment=status.partition("(")[2].rstrip(") "),
    )


def _diagnostic(block: Fields) -> str:
    """The words of the diagnostic codes, without their type ("smtp;")."""
    return " ".join(re.sub(r"^[\w-]{1,20}\s*;\s*", "", value) for value in block.all("diagnostic-code")).strip()


def address_in(text: str) -> str:
    """The first address in a text, without angle brackets or a final dot; "" where there is none."""
    found = _IN_BRACKETS.search(text[:2000]) or _BARE.search(text[:2000])
    return tidy(found[1] if found and found.re is _IN_BRACKETS else found[0]) if found else ""


def tidy(address: str) -> str:
    """An address as found in a text, without what clings to it."""
    address = re.sub(r"^(?:mailto|smtp|rfc822|rcpt):", "", address.strip("<>'`*,;:! \t"), flags=re.IGNORECASE)
    return address.rstrip(".)]>")
