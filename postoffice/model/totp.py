"""One-time codes of an app: TOTP, RFC 6238, with what every app knows: SHA-1, six digits, thirty seconds."""

import base64
import hmac
import secrets
from datetime import datetime
from urllib.parse import quote

SECONDS = 30
DIGITS = 6
SECRET_BYTES = 20  # RFC 4226, 4: as long as the digest
_DRIFT = 1  # steps that a telephone's clock may be early or late (RFC 6238, 5.2)


def new_secret() -> bytes:
    """160 random bits."""
    return secrets.token_bytes(SECRET_BYTES)


def step_of(now: datetime) -> int:
    """The number of the half minute."""
    return int(now.timestamp()) // SECONDS


def code_of(secret: bytes, step: int) -> str:
    """The six digits of a half minute (RFC 4226, 5.3)."""
    digest = hmac.digest(secret, step.to_bytes(8, "big"), "sha1")
    at = digest[-1] & 0x0F
    return f"{(int.from_bytes(digest[at : at + 4], 'big') & 0x7FFFFFFF) % 10**DIGITS:0{DIGITS}d}"


def matching_step(secret: bytes, typed: str, now: datetime, last: int | None) -> int | None:
    """The half minute whose code was typed, None for a wrong one. Those up to `last` were used: a code opens once."""
    around = range(step_of(now) - _DRIFT, step_of(now) + _DRIFT + 1)
    fitting = [step for step in around if hmac.compare_digest(code_of(secret, step).encode(), typed.encode())]
    return next((step for step in fitting if last is None or step > last), None)


def in_letters(secret: bytes) -> str:
    """The secret as people type it where a camera cannot read it."""
    return base64.b32encode(secret).decode()


def of_letters(letters: str) -> bytes:
    """The inverse of `in_letters`."""
    return base64.b32decode(letters)


def address(secret: bytes, account: str, office: str) -> str:
    """What the QR code says: otpauth://totp/Office:account?secret=... (the form that all apps read)."""
    label = f"{quote(office, safe='')}:{quote(account, safe='')}"
    return f"otpauth://totp/{label}?secret={in_letters(secret)}&issuer={quote(office, safe='')}&digits={DIGITS}&period={SECONDS}"
