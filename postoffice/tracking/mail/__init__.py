"""What comes back by e-mail: bounces, complaints, automatic replies and notices of delivery, read into values."""

from postoffice.tracking.mail.reading import read_mail
from postoffice.tracking.mail.values import HARD, Kind, Links, Reading, Reason, Recipient

__all__ = ["HARD", "Kind", "Links", "Reading", "Reason", "Recipient", "read_mail"]
