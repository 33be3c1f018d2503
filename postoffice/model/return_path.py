"""The address that bounces of one delivery come back to: `b+ID.hmac@domain`, opaque and signed (a VERP).

A mail server may change the case of a local part, so both sides compare in lower case: ids and base32 have no upper case.
"""

import base64
import hmac

from postoffice.model.ids import is_id

_PREFIX = "b+"
_SEAL_BYTES = 15  #: 120 bits, 24 letters of base32 without padding


def make(key: bytes, delivery_id: str, domain: str) -> str:
    """The envelope sender for a delivery: 53 characters before the @. ValueError where `delivery_id` has not an id's form."""
    if not is_id(delivery_id):
        raise ValueError("a delivery's id has 26 lower-case characters")
    return f"{_PREFIX}{delivery_id}.{_seal(key, delivery_id)}@{domain}"


def read(key: bytes, local_part: str) -> str | None:
    """The delivery's id from what stands before the @, in any case; None where the seal is missing or not ours.

    The seal is compared in constant time, so that nobody can find one out letter by letter.
    """
    local_part = local_part.lower()
    if not local_part.isascii() or not local_part.startswith(_PREFIX):
        return None
    delivery_id, dot, seal = local_part.removeprefix(_PREFIX).partition(".")
    if not dot or not is_id(delivery_id):
        return None
    return delivery_id if hmac.compare_digest(seal.encode(), _seal(key, delivery_id).encode()) else None


def _seal(key: bytes, delivery_id: str) -> str:
    digest = hmac.digest(key, b"return path " + delivery_id.encode(), "sha256")
    return base64.b32encode(digest[:_SEAL_BYTES]).decode().lower()
