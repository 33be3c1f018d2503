"""DKIM (RFC 6376, RFC 8463): relaxed/relaxed, RSA-2048 or Ed25519.

Own canonicalisation with `cryptography`, because dkimpy's RSA is pure Python and costs 20 times as much per mail; dkimpy
and opendkim judge the result in the tests.
"""

import base64
import hashlib
import re
import time
from collections.abc import Iterable
from functools import lru_cache
from typing import Literal

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key

#: signed where present; the first two are named once more than they occur, so that nobody can add a second one (RFC 6376, 5.4.2)
_SIGNED = (
    b"from",
    b"subject",
    b"to",
    b"date",
    b"message-id",
    b"reply-to",
    b"mime-version",
    b"content-type",
    b"content-transfer-encoding",
    b"list-unsubscribe",
    b"list-unsubscribe-post",
    b"list-id",
    b"auto-submitted",
    b"feedback-id",
)
_SEALED = frozenset({b"from", b"subject"})
_FOLD = re.compile(rb"\r\n(?=[ \t])")
_SPACE = re.compile(rb"[ \t]+")


class Signer:
    """Signs for one domain under one selector. ValueError where the key is not a private key that DKIM knows."""

    def __init__(self, domain: str, selector: str, key: str) -> None:
        self.domain = domain
        self.selector = selector
        self._key = _load(key)
        self._algorithm = "rsa-sha256" if isinstance(self._key, RSAPrivateKey) else "ed25519-sha256"

    def sign(self, message: bytes, *, at: int | None = None) -> bytes:
        """The DKIM-Signature header with its line end, to be put before `message` (CRLF line ends). `at`: Unix seconds."""
        head, _, body = message.partition(b"\r\n\r\n")
        return self.sign_parts(head, body_hash([(body, False)]), at=at)

    def sign_parts(self, head: bytes, digest: str, *, at: int | None = None) -> bytes:
        """The same for a head without its empty line and the `body_hash` of its body, which all signatures of a mail share."""
        fields = _fields(head)
        names = [name for name in _SIGNED if name in fields]
        listed = [name for name in names for _ in range(2 if name in _SEALED else 1)]
        folded = "\r\n\t".join(
            [
                f"v=1; a={self._algorithm}; c=relaxed/relaxed; d={self.domain}; s={self.selector};",
                f"t={int(time.time()) if at is None else at}; h={_wrap(b':'.join(listed))};",
                f"bh={digest};",
                "b=",
            ]
        )
        signed = b"".join([fields[name] + b"\r\n" for name in names])
        signed += b"dkim-signature:" + _SPACE.sub(b" ", _FOLD.sub(b"", folded.encode()))
        code = base64.b64encode(self._seal(signed)).decode()
        lines = "\r\n\t ".join([code[start : start + 70] for start in range(0, len(code), 70)])
        return f"DKIM-Signature: {folded}{lines}\r\n".encode()

    def _seal(self, data: bytes) -> bytes:
        if isinstance(self._key, RSAPrivateKey):
            return self._key.sign(data, PKCS1v15(), hashes.SHA256())
        return self._key.sign(hashlib.sha256(data).digest())  # RFC 8463, 3: the hash is what is signed


def body_hash(body: Iterable[tuple[bytes, bool]]) -> str:
    """What `bh=` says of a body in chunks of whole lines; the flag: base64, which is hashed as it is. The last one is not empty."""
    *before, (last, _) = body
    digest = hashlib.sha256()
    for lines, code in before:
        digest.update(lines if code else _relaxed_lines(lines))
    digest.update(_relaxed_body(last))
    return base64.b64encode(digest.digest()).decode()


@lru_cache(maxsize=64)
def _wrap(names: bytes) -> str:
    """The h= list, folded after a colon before it gets too long."""
    lines, line = [], ""
    for name in names.decode().split(":"):
        if len(line) + len(name) > 60:
            lines.append(line)
            line = ""
        line += f"{name}:"
    return "\r\n\t".join([*lines, line[:-1]])


def _fields(head: bytes) -> dict[bytes, bytes]:
    """Header fields in relaxed form, by lower-case name (RFC 6376, 3.4.2). The last one of a name counts, as verifiers do."""
    fields: dict[bytes, bytes] = {}
    for line in _FOLD.sub(b"", head).split(b"\r\n"):
        name, _, value = line.partition(b":")
        name = name.strip().lower()
        if b"  " in value or b"\t" in value:
            value = _SPACE.sub(b" ", value)
        fields[name] = name + b":" + value.strip(b" ")
    return fields


def _relaxed_lines(lines: bytes) -> bytes:
    """RFC 6376, 3.4.4: runs of blanks become one, none at the end of a line."""
    lines = lines.replace(b"\t", b" ")
    while b"  " in lines:
        lines = lines.replace(b"  ", b" ")
    return lines.replace(b" \r\n", b"\r\n")


def _relaxed_body(body: bytes) -> bytes:
    """The same, and no empty lines at the end of the body."""
    body = _relaxed_lines(body)
    if body.endswith(b"\r\n") and body[-3:-2] not in b"\r\n ":  # as we write it: no copy
        return body
    stripped = body.rstrip(b" ").rstrip(b"\r\n")
    return stripped + b"\r\n" if stripped else b""


def make_key(kind: Literal["rsa", "ed25519"] = "rsa") -> str:
    """A fresh private key, PEM (PKCS#8, unencrypted): RSA with 2048 bits, or Ed25519."""
    key = generate_private_key(public_exponent=65537, key_size=2048) if kind == "rsa" else Ed25519PrivateKey.generate()
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()).decode()


def dns_name(domain: str, selector: str) -> str:
    """Where the record belongs."""
    return f"{selector}._domainkey.{domain}"


def dns_record(key: str) -> str:
    """The TXT record's value for a private key (PEM). Longer than 255 bytes for RSA: name servers take it in several strings."""
    loaded = _load(key)
    if isinstance(loaded, RSAPrivateKey):
        public = loaded.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
        return f"v=DKIM1; k=rsa; p={base64.b64encode(public).decode()}"
    raw = loaded.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    return f"v=DKIM1; k=ed25519; p={base64.b64encode(raw).decode()}"


def _load(pem: str) -> RSAPrivateKey | Ed25519PrivateKey:
    try:
        key = serialization.load_pem_private_key(pem.strip().encode(), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise ValueError("an unencrypted private key in PEM form") from None
    if isinstance(key, RSAPrivateKey) and key.key_size >= 1024 or isinstance(key, Ed25519PrivateKey):
        return key
    raise ValueError("an RSA key of 1024 bits or more, or an Ed25519 key")
