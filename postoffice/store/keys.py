"""Keys and tokens: wrapping by the master key, hashes of bearer tokens, tokens that can be shown again."""

import base64
import hashlib
import hmac
import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from postoffice.model.errors import PostOfficeError

TOKEN_BYTES = 20  # 160 bits, 32 letters in base32
CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  #: no I, L, O, U: typed for 1, 1 and 0, they are taken for them


class Keyring:
    """Everything that needs the master key (32 bytes)."""

    def __init__(self, master: bytes) -> None:
        self._master = master
        self._derived: dict[str, bytes] = {}
        self._wrapper = AESGCM(self._derive("wrap"))

    def _derive(self, purpose: str) -> bytes:
        if purpose not in self._derived:
            self._derived[purpose] = hmac.digest(self._master, f"postoffice {purpose}".encode(), "sha256")
        return self._derived[purpose]

    def fingerprint(self) -> str:
        """Tells master keys apart, and nothing of them."""
        return self._derive("fingerprint").hex()[:16]

    def wrap(self, secret: bytes) -> bytes:
        """Encrypt a small secret (a document key, a carrier's password) for the database."""
        nonce = os.urandom(12)
        return nonce + self._wrapper.encrypt(nonce, secret, None)

    def unwrap(self, wrapped: bytes) -> bytes:
        """The inverse of `wrap`; PostOfficeError where the master key is not the one that wrapped it."""
        try:
            return self._wrapper.decrypt(wrapped[:12], wrapped[12:], None)
        except (InvalidTag, ValueError) as error:
            raise PostOfficeError(
                "wrong-master-key",
                "A stored secret cannot be opened with this master key.",
                help="Start with the data folder's own master.key, or set POSTOFFICE_MASTER_KEY to the key that it was made with.",
            ) from error

    def printer_token(self, token_id: str) -> str:
        """The token of a row of `printer_tokens`: 160 bits, derived, so that it can be shown again without being stored."""
        digest = hmac.digest(self._derive("printer token"), token_id.encode(), "sha256")
        return base64.b32encode(digest[:TOKEN_BYTES]).decode().lower()

    def link_token(self, delivery_id: str) -> str:
        """The token of a delivery's secure link: the same at every retry, 160 bits, never stored."""
        digest = hmac.digest(self._derive("link token"), delivery_id.encode(), "sha256")
        return base64.b32encode(digest[:TOKEN_BYTES]).decode().lower()

    def return_path_key(self) -> bytes:
        """The key of `model.return_path`: who hands mail over signs with it, who reads bounces verifies with it."""
        return self._derive("return path")

    def unsubscribe_token(self, delivery_id: str) -> str:
        """What stands in a mail's List-Unsubscribe address: the delivery and its seal (160 bits), never stored, without an end."""
        return f"{delivery_id}{self._unsubscribe_seal(delivery_id)}"

    def read_unsubscribe_token(self, token: str) -> str | None:
        """The delivery of a token of `unsubscribe_token`; None where the seal is not ours."""
        delivery_id, seal = token[:26], token[26:]
        known = hmac.compare_digest(seal.encode(), self._unsubscribe_seal(delivery_id).encode())
        return delivery_id if known else None

    def _unsubscribe_seal(self, delivery_id: str) -> str:
        digest = hmac.digest(self._derive("unsubscribe"), delivery_id.encode(), "sha256")
        return base64.b32encode(digest[:TOKEN_BYTES]).decode().lower()

    def fax_stop_code(self, organisation_id: str, number: str, *, live: bool) -> str:
        """What is typed off a fax to stop an organisation's offers to a number (E.164): 40 bits in Crockford's base 32, ABCD-EFGH.

        It needs no table, and has no end. `live` False: of a trial, which stops nothing real.
        """
        digest = hmac.digest(self._derive("fax stop"), f"{organisation_id}|{number}|{'live' if live else 'trial'}".encode(), "sha256")
        bits = int.from_bytes(digest[:5], "big")
        letters = "".join(CROCKFORD[bits >> shift & 31] for shift in range(35, -1, -5))
        return f"{letters[:4]}-{letters[4:]}"

    def click_key(self, mailing_id: str) -> bytes:
        """What seals the counted addresses of one mailing, see model.clicks: whoever renders mail needs it, and no other secret."""
        return hmac.digest(self._derive("click"), mailing_id.encode(), "sha256")

    def picture_token(self, organisation_id: str, sha256: str) -> str:
        """The public name of a picture in mail: 160 bits, the same for all recipients and mailings of an organisation."""
        digest = hmac.digest(self._derive("picture"), f"{organisation_id}|{sha256}".encode(), "sha256")
        return base64.b32encode(digest[:TOKEN_BYTES]).decode().lower()

    def hook_token(self, carrier_id: str) -> str:
        """The secret part of a carrier's webhook address: 160 bits, derived, so that the desk can show it again."""
        digest = hmac.digest(self._derive("hook token"), carrier_id.encode(), "sha256")
        return base64.b32encode(digest[:TOKEN_BYTES]).decode().lower()

    def blind(self, text: str) -> str:
        """A keyed hash of an address, for look-ups that must not reveal it (suppressions, duplicates)."""
        return hmac.digest(self._derive("blind"), text.encode(), "sha256").hex()


def new_token() -> str:
    """A bearer token of 160 random bits, 32 letters."""
    return base64.b32encode(os.urandom(TOKEN_BYTES)).decode().lower()


def hash_token(token: str) -> str:
    """What is stored of a bearer token. Plain SHA-256 is enough for 160 random bits."""
    return hashlib.sha256(token.encode()).hexdigest()
