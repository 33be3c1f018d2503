"""What Maileva tells of recipients, in our vocabulary: asked for, or by webhook (notification center 2.8)."""

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple

from postoffice.channels.rest import hide
from postoffice.model.delivery import Event, Knock
from postoffice.model.states import EventKind

#: statuses of a recipient, and of a whole sending
STATUSES: dict[str, EventKind | None] = {
    "DRAFT": None,
    "PENDING": EventKind.HANDED_OVER,
    "BLOCKED": EventKind.DEFERRED,  #: waits for Maileva's accounting
    "ACCEPTED": EventKind.IN_PRODUCTION,
    "PREPARING": EventKind.IN_PRODUCTION,
    "PROCESSED": EventKind.MAILED,  #: in its envelope and given to the post
    "PROCESSED_WITH_ERRORS": None,  #: of a sending: its recipients say which
    "REJECTED": EventKind.REFUSED,
    "SENDING_REJECTED": EventKind.REFUSED,
    "CANCELED": EventKind.REFUSED,  #: by somebody at the house: it will not come
}
#: how La Poste delivers a registered letter, and N10, which is all that is told of simple mail
DELIVERY: dict[str, EventKind] = {
    **dict.fromkeys(("LP01", "LP03", "LP04", "LP05", "LP06", "LP07", "LP14", "LP23", "LP26"), EventKind.MAILED),
    "LP02": EventKind.IN_PRODUCTION,
    **dict.fromkeys(("LP08", "LP09", "LP10", "LP11", "LP12", "LP13"), EventKind.DEFERRED),
    **dict.fromkeys(("LP15", "LP16", "LP18", "LP28", "LP29"), EventKind.DELIVERED),
    **dict.fromkeys(("LP17", "LP19", "LP20", "LP21", "LP22", "LP24", "LP25", "LP27"), EventKind.RETURNED),
    **dict.fromkeys(("N02", "N03", "N05", "N07", "N10"), EventKind.RETURNED),
}
#: reasons that condemn the address: nobody of that name there, or no such place. Not claimed and refused do not; N10 tells none
DEAD = frozenset({"LP20", "LP21", "N02"})
#: what the returned letter's scan is labelled with, where the list of statuses does not say it
REASONS = {
    "N02": "Destinataire inconnu à l'adresse (NPAI)",
    "N03": "Pli avisé et non réclamé",
    "N05": "Pli refusé par le destinataire",
    "N07": "Défaut d'accès ou d'adressage",
    "N10": "Pli non distribuable (PND)",
}
#: documents that come back: our word, the field with its date, the field with its address, the word of its download
PROOFS = (
    ("deposit", "deposit_proof_date", "deposit_proof_url", "deposit_proof"),
    ("content", "content_proof_date", "content_proof_url", "content_proof"),
    ("acknowledgement", "acknowledgement_of_receipt_date", "acknowledgement_of_receipt_url", "acknowledgement_of_receipt"),
    ("returned-scan", "undelivered_mail_date", "undelivered_mail_url", "undelivered_mail"),
)
#: webhooks about a whole sending or one recipient
EVENTS: dict[str, EventKind] = {
    "ON_STATUS_ACCEPTED": EventKind.IN_PRODUCTION,
    "ON_STATUS_REJECTED": EventKind.REFUSED,
    "ON_STATUS_PROCESSED": EventKind.MAILED,
    "ON_MAIN_DELIVERY_STATUS_FIRST_PRESENTATION": EventKind.DEFERRED,
    "ON_MAIN_DELIVERY_STATUS_DELIVERED": EventKind.DELIVERED,
    "ON_MAIN_DELIVERY_STATUS_UNDELIVERED": EventKind.RETURNED,
}
#: webhooks that announce what only a question can tell of each letter
HINTS = frozenset(
    {
        "ON_STATUS_PROCESSED_WITH_ERRORS",
        "ON_STATUS_ARCHIVED",
        "ON_GLOBAL_DEPOSIT_PROOF_RECEIVED",
        "ON_DEPOSIT_PROOF_RECEIVED",
        "ON_CONTENT_PROOF_RECEIVED",
        "ON_ACKNOWLEDGEMENT_OF_RECEIPT_RECEIVED",
        "ON_UNDELIVERED_MAIL_RECEIVED",
    }
)


def told_of(sending: Mapping[str, Any], recipient: Mapping[str, Any], reference: str) -> list[Event]:
    """All that is known of one letter by now. The times are the house's, so that the same news told again is the same."""
    key = str(recipient.get("custom_id") or "")
    told = [*_statuses(sending, recipient), *_deliveries(recipient), *_proofs(recipient)]
    return [Event(one.kind, one.at, key, reference, one.code, one.text, one.dead) for one in told]


class _Told(NamedTuple):
    kind: EventKind
    at: datetime
    code: str = ""
    text: str = ""
    dead: bool = False


def _statuses(sending: Mapping[str, Any], recipient: Mapping[str, Any]) -> Iterator[_Told]:
    """Where production stands: of the recipient, or of the sending where that was refused as a whole."""
    listed = [one for one in _objects(recipient.get("statuses")) if date(one.get("date"))]
    for one in listed:
        yield from _status(str(one.get("code") or ""), date(one.get("date")), one.get("details"))
    submitted = date(sending.get("submission_date")) or date(sending.get("creation_date"))
    word, detail = str(recipient.get("status") or ""), recipient.get("status_detail")
    if sending.get("status") in ("REJECTED", "CANCELED") and STATUSES.get(word) is not EventKind.REFUSED:
        word, detail = str(sending["status"]), sending.get("status_detail")
    elif sending.get("status") in ("ACCEPTED", "PREPARING") and word == "PENDING":
        word = str(sending["status"])
    if not listed or word not in {str(one.get("code")) for one in listed}:
        yield from _status(word, (date(sending.get("processed_date")) if word == "PROCESSED" else None) or submitted, detail)


def _status(word: str, at: datetime | None, detail: Any) -> Iterator[_Told]:
    kind = STATUSES.get(word, EventKind.UNKNOWN)
    if kind is None or not word:
        return
    plain = kind in (EventKind.HANDED_OVER, EventKind.IN_PRODUCTION, EventKind.MAILED)
    yield _Told(kind, at or _ages_ago(), "" if plain else word, "" if plain else hide(f"{word} {detail or ''}"))


def _deliveries(recipient: Mapping[str, Any]) -> Iterator[_Told]:
    seen = set()
    for one in (*_objects(recipient.get("delivery_statuses")), *_objects(recipient.get("main_delivery_statuses"))):
        code = str(one.get("code") or one.get("status") or "")
        if code and code not in seen and (at := date(one.get("date"))):
            seen.add(code)
            yield delivery(code, at, str(one.get("label") or ""))
    last, at = str(recipient.get("last_delivery_status") or ""), date(recipient.get("last_delivery_status_date"))
    if last and at and last not in seen:
        yield delivery(last, at, "")
    reason, at = str(recipient.get("undelivered_mail_reason") or ""), date(recipient.get("undelivered_mail_date"))
    if at and (reason or not (last or seen)):
        yield delivery(reason or "N10", at, "")


def delivery(code: str, at: datetime, label: str) -> _Told:
    """One step of the post's."""
    text = hide(label) or REASONS.get(code, "")
    return _Told(DELIVERY.get(code, EventKind.UNKNOWN), at, code[:60], text or code[:60], code in DEAD)


def _proofs(recipient: Mapping[str, Any]) -> Iterator[_Told]:
    for word, when, where, _ in PROOFS:
        if recipient.get(where) and (at := date(recipient.get(when))):
            yield _Told(EventKind.PROVEN, at, word)


class Notice(NamedTuple):
    """A webhook, read. `name`: what we called the resource, a sending or a letter."""

    event: str
    at: datetime
    name: str
    resource: str
    is_recipient: bool


def read_notice(knock: Knock) -> Notice | None:
    """None where the body has another form than the notification center describes."""
    try:
        shape = json.loads(knock.body)
    except (ValueError, RecursionError):
        return None
    if not isinstance(shape, dict) or not shape.get("event_type"):
        return None
    return Notice(
        str(shape["event_type"])[:60],
        date(shape.get("event_date")) or knock.received_at,
        str(shape.get("resource_custom_id") or ""),
        str(shape.get("resource_id") or ""),
        str(shape.get("resource_type") or "").endswith("/recipients"),
    )


def date(value: Any) -> datetime | None:
    """A moment as Maileva writes it, aware."""
    try:
        found = datetime.fromisoformat(str(value or ""))
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _ages_ago() -> datetime:
    """For a status without any date: always the same, so that it is told once."""
    return datetime.fromtimestamp(0, UTC)


def _objects(value: Any) -> list[Mapping[str, Any]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []
