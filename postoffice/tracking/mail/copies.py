"""Whether two mails are copies of one another, when a mail was written, and whether a machine wrote it."""

import hashlib
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from postoffice.tracking.mail import automatic
from postoffice.tracking.mail.mime import Fields, cut_head, read_fields

#: what its writer wrote; Received, Delivered-To and the like differ from copy to copy
_WRITTEN = ("message-id", "date", "from", "subject", "auto-submitted", "content-type")
_OLDEST = timedelta(days=30)  #: a clock that is further behind is wrong, or the mail is


def fingerprint(raw: bytes) -> str:
    """64 hex digits: the same for copies that differ only in their trace, in line ends and in blanks."""
    head, body = cut_head(raw)
    fields = read_fields(head)
    digest = hashlib.sha256()
    for name in _WRITTEN:
        digest.update("".join(fields.get(name).split()).encode("utf-8", "replace") + b"\n")
    digest.update(body.translate(None, b" \t\r\n"))
    return digest.hexdigest()


def written_at(raw: bytes, received_at: datetime) -> datetime:
    """The Date field, so that copies tell one time; `received_at` where it is missing, unreadable, in the future or long past."""
    try:
        told = parsedate_to_datetime(_head(raw).get("date")[:100])
        told = (told if told.tzinfo else told.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, TypeError, OverflowError):
        return received_at
    return told if received_at - _OLDEST <= told <= received_at else received_at


def by_a_machine(raw: bytes) -> bool:
    """Whether a program wrote it for nobody in particular (RFC 3834, lists, bulk): no person's answer."""
    head = _head(raw)
    return (
        automatic.shows(automatic.REPLIES, head)
        or head.get("auto-submitted").strip().lower() not in ("", "no")
        or head.get("precedence").strip().lower() in ("bulk", "list", "junk")
        or head.get("return-path").strip() == "<>"
        or bool(head.get("list-id"))
        or head.get("content-type").strip().lower().startswith("multipart/report")
        or automatic.shows(automatic.DAEMONS[:1], head)
    )


def _head(raw: bytes) -> Fields:
    return read_fields(cut_head(raw[: 256 * 1024])[0])
