"""Organisations, the people who work at the desk, and what each may do."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Role(StrEnum):
    """What a person or a program is trusted with."""

    ADMINISTRATOR = "administrator"  #: users, rights, printers, carriers, settings
    SENDER = "sender"  #: prints, chooses, sends
    APPROVER = "approver"  #: sends what others prepared, where approval is asked for
    CLERK = "clerk"  #: enters returned mail
    VIEWER = "viewer"  #: looks on
    PRIVACY = "privacy"  #: data-protection officer: consents, exports, erasure, audit


class Right(StrEnum):
    """One thing that can be done; every route names the one that it needs."""

    SEE = "see"  #: mailings, items, contacts
    SUBMIT = "submit"  #: bring mailings in and change their options
    SEND = "send"  #: press the button that costs money
    APPROVE = "approve"  #: press it for somebody else
    RETURNED = "returned"  #: enter returned mail
    MANAGE = "manage"  #: printers, carriers, users, keys
    PRIVACY = "privacy"  #: consents, exports, erasure
    AUDIT = "audit"  #: who did what


RIGHTS: dict[Role, frozenset[Right]] = {
    Role.ADMINISTRATOR: frozenset(Right) - {Right.PRIVACY},
    Role.SENDER: frozenset({Right.SEE, Right.SUBMIT, Right.SEND}),
    Role.APPROVER: frozenset({Right.SEE, Right.APPROVE, Right.SEND}),
    Role.CLERK: frozenset({Right.SEE, Right.RETURNED}),
    Role.VIEWER: frozenset({Right.SEE}),
    Role.PRIVACY: frozenset({Right.SEE, Right.PRIVACY, Right.AUDIT}),
}


@dataclass(frozen=True, slots=True)
class Grant:
    """A role, for all printers or for one."""

    role: Role
    printer_id: str | None = None


@dataclass(frozen=True, slots=True)
class Organisation:
    """The company that sends."""

    id: str
    name: str
    slug: str
    country: str  #: ISO 3166-1 alpha-2
    language: str
    timezone: str
    currency: str
    settings: dict[str, object]


@dataclass(frozen=True, slots=True)
class User:
    """A person at the desk."""

    id: str
    organisation_id: str
    email: str
    name: str
    language: str
    must_change_password: bool
    disabled: bool
    grants: tuple[Grant, ...]
    has_app: bool = False  #: an app makes one-time codes for this account
    has_passkey: bool = False

    @property
    def second_factor(self) -> bool:
        """Whether a password alone does not open the account."""
        return self.has_app or self.has_passkey

    def may(self, right: Right, printer_id: str | None = None) -> bool:
        """Whether a grant gives `right`, for everything or for this printer."""
        return any(
            right in RIGHTS[grant.role] and (grant.printer_id is None or grant.printer_id == printer_id) for grant in self.grants
        )

    def may_somewhere(self, right: Right) -> bool:
        """Whether a grant gives `right` for anything at all."""
        return any(right in RIGHTS[grant.role] for grant in self.grants)

    def printers(self, right: Right) -> frozenset[str] | None:
        """The printers that `right` is narrowed to; None: all."""
        giving = [grant for grant in self.grants if right in RIGHTS[grant.role]]
        if any(grant.printer_id is None for grant in giving):
            return None
        return frozenset(grant.printer_id for grant in giving if grant.printer_id)


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A program's key, without its secret."""

    id: str
    organisation_id: str
    name: str
    prefix: str
    live: bool
    role: Role
    created_at: datetime
    last_used_at: datetime | None
    revoked_at: datetime | None
