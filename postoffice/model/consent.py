"""Consent: an entry of the append-only ledger. The state is what the ledger folds to (see privacy.ledger), never a column."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

ALL = "*"  #: every purpose, or every channel


class Means(StrEnum):
    """How a consent was given or withdrawn."""

    IMPORT = "import"  #: a file of contacts; never brings back what a person withdrew
    API = "api"  #: the organisation's own program, on the person's word
    PORTAL = "portal"  #: the recipient's preference page
    ONE_CLICK = "one-click"  #: the mail program's unsubscribe button (RFC 8058)
    LINK = "link"  #: the unsubscribe page behind a link
    SMS = "sms"  #: STOP by short message
    EMAIL = "email"  #: a reply that says so
    FAX = "fax"  #: the code on a fax
    PHONE = "phone"  #: noted by staff during a call
    LETTER = "letter"  #: noted by staff from a letter
    FORM = "form"  #: a signed form, or one on a web page that was confirmed from the address itself
    COMPLAINT = "complaint"  #: reported as unwanted mail


#: means by which a person speaks, also after a complaint
OWN_WORD = frozenset({Means.PORTAL, Means.FORM, Means.LETTER, Means.PHONE, Means.SMS, Means.EMAIL})


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the ledger. `purpose` and `channel` are words of model.channel, tracking_open or tracking_click, or ALL."""

    purpose: str
    channel: str
    given: bool
    at: datetime
    means: Means
    proof: Mapping[str, Any] = field(default_factory=dict)  #: text shown (hash, version), address, program or operator
    id: str = ""  #: grows with the order of writing
