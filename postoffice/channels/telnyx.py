"""What Telnyx's interfaces share: the webhooks' signature, errors and moments. https://developers.telnyx.com/api"""

import base64
import binascii
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from postoffice.model.delivery import Knock
from postoffice.model.errors import Forged

URL = "https://api.telnyx.com/v2"
_TOLERANCE = timedelta(minutes=5)  #: between a webhook's signed time and its arrival


def read_key(text: str) -> Ed25519PublicKey:
    """Telnyx's public key (base64). ValueError where the text is none."""
    try:
        return Ed25519PublicKey.from_public_bytes(base64.b64decode(text, validate=True))
    except (binascii.Error, ValueError):
        raise ValueError("the public key as Telnyx's portal shows it") from None


def verify(key: Ed25519PublicKey | None, knock: Knock) -> None:
    """Forged unless telnyx-signature-ed25519 is theirs and its time is near."""
    stamp = knock.headers.get("telnyx-timestamp", "")
    try:
        signature = base64.b64decode(knock.headers.get("telnyx-signature-ed25519", ""), validate=True)
        if key is None:
            raise Forged("Without Telnyx's public key in this carrier's settings, every knock is turned away")
        key.verify(signature, stamp.encode() + b"|" + knock.body)
        signed_at = datetime.fromtimestamp(int(stamp), UTC)
    except (InvalidSignature, ValueError, OverflowError, OSError):
        raise Forged("The knock has no valid telnyx-signature-ed25519") from None
    if abs(knock.received_at - signed_at) > _TOLERANCE:
        raise Forged("The knock was signed too long before it came")


def first_error(errors: Any) -> tuple[str, str]:
    """Code and words of the first of an answer's `errors`; empty where there is none."""
    first = errors[0] if isinstance(errors, list) and errors else None
    if not isinstance(first, dict):
        return "", ""
    return str(first.get("code", ""))[:60], f"{first.get('title', '')}: {first.get('detail', '')}".strip(": ")


def moment(value: str) -> datetime | None:
    """An ISO 8601 time, UTC where it names no zone; None where it is none."""
    try:
        found = datetime.fromisoformat(value)
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)
