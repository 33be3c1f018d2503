"""Clicks on the links of a campaign: how they are counted, and the addresses that stand in the mail instead of the true ones.

Without its own consent (CNIL 2026-042) nobody's clicks are laid to a name: then they are counted together, or not at all.
"""

import base64
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from postoffice.model.ids import from_bytes, to_bytes

PATH = "/c/"
CONSENT = "tracking_click"  #: the ledger's word for it, as a channel
_SEAL = 8  # bytes: tried over the network only
_TOKEN = 36  # letters: kind, number, id and seal are 27 bytes


class ClickMode(StrEnum):
    """What a campaign wants to know of clicks."""

    OFF = "off"  #: links lead straight to where they lead
    TOGETHER = "together"  #: counted, by nobody's name
    CONSENTED = "consented"  #: by name where the person agreed; of all others nothing
    MIXED = "mixed"  #: by name where the person agreed; all others together

    def by_name(self, agreed: bool) -> bool | None:
        """How a recipient's clicks are counted: True by name, False together, None not at all."""
        if agreed and self in (ClickMode.CONSENTED, ClickMode.MIXED):
            return True
        return False if self in (ClickMode.TOGETHER, ClickMode.MIXED) else None


class Clicker(StrEnum):
    """Who clicked, as far as it is known."""

    PERSON = "person"  #: somebody who agreed to be known
    SOMEBODY = "somebody"  #: a person, nobody knows who
    MACHINE = "machine"  #: a scanner, a prefetch, a link preview


@dataclass(frozen=True, slots=True)
class Clicks:
    """What makes one recipient's addresses. `delivery` "": the address is the same for all recipients."""

    url: str  #: of the office, no slash at the end
    key: bytes  #: of this mailing, see Keyring.click_key
    mailing: str
    delivery: str = ""
    fixed: Mapping[int, str] = field(default_factory=dict)  #: addresses that are the same for everybody, by number

    def address(self, number: int, address: str) -> str:
        """The address that counts and leads on. One with a recipient's data in it leads straight there where nobody may be known."""
        if self.fixed.get(number) == address:
            return f"{self.url}{PATH}{seal(self.key, number, self.delivery or self.mailing, person=bool(self.delivery))}"
        if not self.delivery:
            return address
        from urllib.parse import quote

        return f"{self.url}{PATH}{seal(self.key, number, self.delivery, person=True, to=address)}?to={quote(address, safe='')}"


@dataclass(frozen=True, slots=True)
class Token:
    """What an address says, before its seal was looked at."""

    person: bool
    number: int
    id: str  #: a delivery's, or a mailing's
    sealed: bytes


def seal(key: bytes, number: int, id: str, *, person: bool, to: str = "") -> str:
    """The last part of an address: 36 letters."""
    head = bytes([person]) + number.to_bytes(2) + to_bytes(id)
    return base64.urlsafe_b64encode(head + _digest(key, head, to)).decode()


def read(text: str) -> Token | None:
    """What stands in it; None for what cannot be one of ours."""
    try:
        content = base64.urlsafe_b64decode(text) if len(text) == _TOKEN else b""
    except ValueError:
        return None
    if len(content) != 19 + _SEAL or content[0] > 1 or base64.urlsafe_b64encode(content).decode() != text:
        return None
    return Token(bool(content[0]), int.from_bytes(content[1:3]), from_bytes(content[3:19]), content[19:])


def is_ours(key: bytes, token: Token, to: str = "") -> bool:
    """Whether the seal is that of this mailing, for this target."""
    head = bytes([token.person]) + token.number.to_bytes(2) + to_bytes(token.id)
    return hmac.compare_digest(_digest(key, head, to), token.sealed)


def _digest(key: bytes, head: bytes, to: str) -> bytes:
    return hmac.digest(key, head + b"\0" + to.encode(), "sha256")[:_SEAL]
