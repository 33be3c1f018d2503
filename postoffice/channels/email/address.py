"""E-mail addresses as the wire wants them."""

import re
from dataclasses import dataclass

import idna

from postoffice.model.errors import Refused

_ATOMS = re.compile(r"[^\s()<>@,;:\\\".\[\]\x00-\x1f\x7f]+(\.[^\s()<>@,;:\\\".\[\]\x00-\x1f\x7f]+)*")
_QUOTED = re.compile(r'"([^"\\\x00-\x1f\x7f]|\\[ -~])*"')
_LABEL = re.compile(r"[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?", re.IGNORECASE)
_LOCAL_OCTETS = 64  #: RFC 5321, 4.5.3.1.1
_PATH_OCTETS = 254  #: RFC 5321, 4.5.3.1.3, without the angle brackets


@dataclass(frozen=True, slots=True)
class Mailbox:
    """An address that was checked. The domain is in its ASCII form (IDNA 2008)."""

    local: str
    domain: str

    @property
    def needs_utf8(self) -> bool:
        """Whether the relay must speak SMTPUTF8 (RFC 6531): only for a local part beyond ASCII."""
        return not self.local.isascii()

    def __str__(self) -> str:
        return f"{self.local}@{self.domain}"


def read_mailbox(address: str) -> Mailbox:
    """One bare address. Refused, with `address_dead`, for what never can be one; the reason does not repeat the address."""
    local, at, domain = address.rpartition("@")
    if not at or not local or not domain:
        raise _bad("it has no @ with something on both sides")
    if not address.isprintable():
        raise _bad("it holds a line break or another control character")
    if len(local.encode()) > _LOCAL_OCTETS:
        raise _bad(f"the part before the @ is longer than {_LOCAL_OCTETS} bytes")
    if not (_ATOMS.fullmatch(local) or _QUOTED.fullmatch(local)):
        raise _bad("the part before the @ holds characters that must not stand there")
    mailbox = Mailbox(local, _ascii_domain(domain))
    if len(str(mailbox).encode()) > _PATH_OCTETS:
        raise _bad(f"it is longer than {_PATH_OCTETS} bytes")
    return mailbox


def _ascii_domain(domain: str) -> str:
    if not domain.isascii():
        try:
            domain = idna.encode(domain, uts46=True).decode()
        except idna.IDNAError:
            raise _bad("its domain is no valid name") from None
    labels = domain.split(".")
    if len(domain) > 253 or not all(len(label) <= 63 and _LABEL.fullmatch(label) for label in labels):
        raise _bad("its domain is no valid name")
    return domain.lower()


def _bad(why: str) -> Refused:
    return Refused(f"This is no e-mail address: {why}", code="5.1.3", address_dead=True)
