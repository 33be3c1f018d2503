"""What a mail that came back says, as values."""

from dataclasses import dataclass, field
from enum import StrEnum


class Kind(StrEnum):
    """What sort of mail came back."""

    BOUNCE = "bounce"  #: somebody could not or would not deliver, for good or for now
    FEEDBACK = "feedback"  #: a complaint, or a mailbox program that unsubscribes for its owner
    VACATION = "vacation"  #: a machine answered for its owner
    DELIVERED = "delivered"  #: a notice of success
    OTHER = "other"  #: people, and everything else


class Reason(StrEnum):
    """Why a mail did not arrive, in the words of the trade."""

    USERUNKNOWN = "userunknown"  #: nobody has this address
    HOSTUNKNOWN = "hostunknown"  #: the domain does not exist
    HASMOVED = "hasmoved"  #: the mailbox went away and left no new address
    NOTACCEPT = "notaccept"  #: the domain says that it takes no mail at all
    FILTERED = "filtered"  #: the recipient's filter turned it away, perhaps by pretending that the user is unknown
    MAILBOXFULL = "mailboxfull"  #: no room left
    SUSPEND = "suspend"  #: the account is closed for now
    EXCEEDLIMIT = "exceedlimit"  #: larger than this recipient allows
    MESGTOOBIG = "mesgtoobig"  #: larger than the server allows
    EXPIRED = "expired"  #: could not be delivered in time, or not yet
    BLOCKED = "blocked"  #: our server's address or name is refused
    BADREPUTATION = "badreputation"  #: our server's reputation is too low
    REQUIREPTR = "requireptr"  #: our server has no reverse DNS
    AUTHFAILURE = "authfailure"  #: SPF, DKIM or DMARC failed
    REJECTED = "rejected"  #: our sender address is refused
    SPAMDETECTED = "spamdetected"  #: looks like spam to them
    VIRUSDETECTED = "virusdetected"  #: looks like a virus to them
    CONTENTERROR = "contenterror"  #: the message's form was refused
    POLICYVIOLATION = "policyviolation"  #: refused by a policy of theirs
    NOTCOMPLIANTRFC = "notcompliantrfc"  #: breaks a rule of RFC 5322
    NORELAYING = "norelaying"  #: their server does not take mail for this domain, or not from us
    SECURITYERROR = "securityerror"  #: signing in or encryption failed
    FAILEDSTARTTLS = "failedstarttls"  #: no encrypted connection came about
    SPEEDING = "speeding"  #: too many mails in a short time
    TOOMANYCONN = "toomanyconn"  #: too many connections or recipients at once
    NETWORKERROR = "networkerror"  #: DNS, routes or loops
    SYSTEMERROR = "systemerror"  #: their server is broken or badly set up
    SYSTEMFULL = "systemfull"  #: their disk is full
    MAILERERROR = "mailererror"  #: a program behind the mailbox failed
    SYNTAXERROR = "syntaxerror"  #: a command or an address was not understood
    ONHOLD = "onhold"  #: kept back, nobody says why
    UNDEFINED = "undefined"  #: a failure without a reason that we understand
    FEEDBACK = "feedback"
    VACATION = "vacation"
    DELIVERED = "delivered"


#: only these say that the address itself is dead and stays so; everything else may pass
HARD = frozenset({Reason.USERUNKNOWN, Reason.HOSTUNKNOWN, Reason.HASMOVED, Reason.NOTACCEPT})


@dataclass(frozen=True, slots=True)
class Recipient:
    """One address that the mail speaks of."""

    address: str
    reason: Reason
    status: str = ""  #: enhanced status code (RFC 3463), "" where none was told
    code: str = ""  #: SMTP reply code, three digits
    text: str = ""  #: the teller's words, at most 500 characters, line breaks removed
    final: bool = True  #: False for "delayed": the teller goes on trying

    @property
    def hard(self) -> bool:
        """Whether the address is truly dead."""
        return self.reason in HARD


@dataclass(frozen=True, slots=True)
class Links:
    """What ties the mail to a delivery of ours. All of it is the teller's word.

    Whoever acts on it checks the return path's HMAC first.
    """

    message_ids: tuple[str, ...] = ()  #: of the mail that it is about, without the angle brackets; the likeliest first
    key: str = ""  #: the delivery id: the Message-ID's local part, or found in the return path; "" where neither has its form
    return_path: str = ""  #: our opaque envelope sender
    unsubscribe: str = ""  #: the HTTPS address of its List-Unsubscribe
    feedback_id: str = ""  #: its Feedback-ID

    @property
    def message_id(self) -> str:
        """The likeliest of the Message-IDs, or an empty string."""
        return self.message_ids[0] if self.message_ids else ""


@dataclass(frozen=True, slots=True)
class Reading:
    """What `read_mail` makes of a mail."""

    kind: Kind
    recipients: tuple[Recipient, ...] = ()
    links: Links = field(default_factory=Links)
