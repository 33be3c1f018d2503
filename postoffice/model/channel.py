"""The ways by which an item can travel, and what a mailing can be for."""

from enum import StrEnum


class Channel(StrEnum):
    """A kind of road to a recipient."""

    EMAIL = "email"  #: an e-mail, with the letter as secure link or attachment
    SMS = "sms"  #: a short message that carries a secure link
    FAX = "fax"  #: pages over the telephone
    POST = "post"  #: paper, through a print house


class Purpose(StrEnum):
    """What a mailing is for; opt-outs and law hang on it."""

    INVOICE = "invoice"
    CONTRACT = "contract"
    SERVICE = "service"  #: a message that the recipient needs (appointment, incident, reminder)
    PROMOTION = "promotion"  #: prospecting: needs consent or an existing customer, and an opt-out
    OTHER = "other"

    @property
    def is_promotional(self) -> bool:
        """Whether the rules for prospecting apply (quiet hours, STOP, prior consent)."""
        return self is Purpose.PROMOTION
