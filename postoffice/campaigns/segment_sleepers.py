"""Whom mail does not reach any more though it arrives: who is it, as rules of a segment. Pure."""

from typing import Any

TAG = "sleeping"  #: of those who were set aside
MONTHS = (3, 6, 12, 18, 24)
_MAILS = 3  #: fewer mails than that prove nothing
_DAYS = 30.4375  # of a month, on average
_SIGNS = ("opened", "clicked", "downloaded", "replied")


def rules(months: int) -> dict[str, Any]:
    """Known for longer, written to by e-mail several times within these months, and gave no sign: no click, no answer, no purchase, and
    no opening where looking at openings is allowed. Who was set aside already is left out."""
    days = round(months * _DAYS)
    signs: list[dict[str, Any]] = [
        {"on": "event", "kind": kind, "channel": "", "days": days, "times": 1, "mailing": ""} for kind in _SIGNS
    ]
    bought = {"on": "bought", "test": "times", "at": "least", "value": 1, "days": days, "category": ""}
    return {
        "all": [
            {"on": "event", "kind": "sent", "channel": "email", "days": days, "times": _MAILS, "mailing": ""},
            {"not": {"on": "created", "test": "within", "days": days}},
            {"not": {"any": [*signs, bought]}},
            {"not": {"on": "tag", "value": TAG}},
        ]
    }
