"""Names for rows: 26 lower-case characters, sortable by time of birth, safe in addresses and file names."""

import os
import threading
import time
from datetime import datetime

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_PAIRS = [one + other for one in _ALPHABET for other in _ALPHABET]
_PLACES = range(100, -1, -10)
_lock = threading.Lock()
_last = 0
_high, _begin = -1, ""  # all but the last 20 bits of the last id, and their 22 characters: its neighbours share them


def new_id() -> str:
    """A fresh id of 26 characters (48 bits of milliseconds, 80 bits that only grow within one millisecond).

    The layout is that of a ULID in lower case, so rows made one after the other lie side by side in an index.
    An id is a name, never a secret: secrets come from `secrets.token_bytes`.
    """
    global _last, _high, _begin
    with _lock:
        now = time.time_ns() // 1_000_000
        value = _last = now << 80 | int.from_bytes(os.urandom(10)) >> 1 if now > _last >> 80 else _last + 1
        if value >> 20 != _high:
            _high = value >> 20
            _begin = "".join([_PAIRS[_high >> place & 1023] for place in _PLACES])
        return _begin + _PAIRS[value >> 10 & 1023] + _PAIRS[value & 1023]


def first_id_of(moment: datetime) -> str:
    """The smallest id that could be made at `moment`: ids from there on compare greater."""
    value = max(0, int(moment.timestamp() * 1000)) << 80
    return "".join(_ALPHABET[value >> 5 * place & 31] for place in range(25, -1, -1))


def is_id(text: str) -> bool:
    """Whether `text` has the form of an id; says nothing of its existence."""
    return len(text) == 26 and all(letter in _ALPHABET for letter in text)


def to_bytes(text: str) -> bytes:
    """The 16 bytes of an id (it has 128 bits), for codes on paper. ValueError for what is no id."""
    if not is_id(text):
        raise ValueError("not an id")
    value = 0
    for letter in text:
        value = value << 5 | _ALPHABET.index(letter)
    return (value & (1 << 128) - 1).to_bytes(16)


def from_bytes(content: bytes) -> str:
    """The inverse of `to_bytes`."""
    value = int.from_bytes(content)
    return "".join(_ALPHABET[value >> 5 * place & 31] for place in range(25, -1, -1))
