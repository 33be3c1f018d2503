"""Amazon SES tells by SNS, and SNS may tell by mail: JSON in a text (Amazon SES developer guide, "Notification contents")."""

import json
import re
from dataclasses import dataclass
from typing import Any

from postoffice.tracking.mail.status import Status
from postoffice.tracking.mail.values import Kind

_MARK = re.compile(r'"(?:notificationType|eventType)\\?"|\\"(?:notificationType|eventType)\\"')
_FOLD = re.compile(r"!\n ")  #: where sendmail broke a line that was too long
_KINDS = {
    "bounce": (Kind.BOUNCE, "bouncedRecipients"),
    "complaint": (Kind.FEEDBACK, "complainedRecipients"),
    "delivery": (Kind.DELIVERED, "recipients"),
}


@dataclass(frozen=True, slots=True)
class Notice:
    """What the notification says."""

    kind: Kind
    recipients: tuple[Status, ...]
    headers: tuple[tuple[str, str], ...]  #: of our mail, names in lower case


def read_notice(text: str) -> Notice | None:
    """The notification in a text, or None."""
    if not _MARK.search(text):
        return None
    outer = _first_object(_FOLD.sub("", text))
    message = outer.get("Message", outer)
    inner = _first_object(message) if isinstance(message, str) else message
    kind, name = _KINDS.get(str(inner.get("notificationType", inner.get("eventType", ""))).lower(), (None, ""))
    if not isinstance(inner, dict) or kind is None:
        return None
    section = _dict(inner.get(str(inner.get("notificationType", inner.get("eventType"))).lower()))
    listed = section.get(name)
    found = [_recipient(one, kind) for one in listed[:500]] if isinstance(listed, list) else []
    return Notice(kind, tuple(one for one in found if one.address), _headers(_dict(inner.get("mail"))))


def _first_object(text: str) -> dict[str, Any]:
    """The first JSON object in a text; {} where there is none that can be read."""
    start = text.find("{")
    if start < 0:
        return {}
    try:
        found, _ = json.JSONDecoder(strict=False).raw_decode(text, start)
    except (ValueError, RecursionError):
        return {}
    return _dict(found)


def _dict(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _recipient(one: object, kind: Kind) -> Status:
    if isinstance(one, str):
        one = {"emailAddress": one}
    fields = {name: str(value) for name, value in _dict(one).items()}
    diagnostic = fields.get("diagnosticCode", "").partition("; ")
    action = fields.get("action", "delivered" if kind is Kind.DELIVERED else "failed")
    return Status(fields.get("emailAddress", ""), action, fields.get("status", ""), diagnostic[2] or diagnostic[0], "")


def _headers(mail: dict[str, Any]) -> tuple[tuple[str, str], ...]:
    listed = mail.get("headers")
    found = [_dict(one) for one in listed[:200]] if isinstance(listed, list) else []
    return tuple((str(one.get("name", "")).lower(), str(one.get("value", ""))) for one in found)
