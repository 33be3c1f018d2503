"""The telephone's own alphabet, and how a text is cut into short messages. 3GPP TS 23.038 (alphabet), TS 23.040 (parts).

Sizes are in units: septets for the GSM alphabet (a sign of the extension table takes two), UTF-16 code units for the other.
"""

from typing import NamedTuple

_BASIC = (
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞ\x1bÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_ESCAPE = 0x1B
_EXTENSION = {0x0A: "\f", 0x14: "^", 0x28: "{", 0x29: "}", 0x2F: "\\", 0x3C: "[", 0x3D: "~", 0x3E: "]", 0x40: "|", 0x65: "€"}
_CODES: dict[str, bytes] = {sign: bytes((code,)) for code, sign in enumerate(_BASIC) if code != _ESCAPE}
_CODES |= {sign: bytes((_ESCAPE, code)) for code, sign in _EXTENSION.items()}
SIGNS = frozenset(_CODES)  #: every character that the GSM alphabet has


class Room(NamedTuple):
    """Units in one message. `part`: in each part of a longer one, whose header takes 6 of the 140 bytes."""

    single: int
    part: int


GSM = Room(160, 153)
UCS = Room(70, 67)
MOST_PARTS = 255  #: the header counts them in one byte


def fits(text: str) -> bool:
    """Whether the GSM alphabet has every character."""
    return SIGNS.issuperset(text)


def units(text: str) -> int:
    """The text's length in the units of the alphabet that it needs."""
    return sum(len(_CODES[sign]) for sign in text) if fits(text) else len(text.encode("utf-16-be", "surrogatepass")) // 2


def encode(text: str) -> bytes:
    """One byte a septet, unpacked, as SMPP wants it. KeyError for a character that the alphabet lacks."""
    return b"".join([_CODES[sign] for sign in text])


def decode(septets: bytes) -> str:
    """The inverse of `encode`. An unknown pair reads as its second half (23.038, 6.2.1.1), a byte over 127 as U+FFFD."""
    out: list[str] = []
    escaped = False
    for code in septets:
        if code == _ESCAPE and not escaped:
            escaped = True
            continue
        sign = _BASIC[code] if code < 128 else "\ufffd"
        out.append(_EXTENSION.get(code, sign) if escaped else sign)
        escaped = False
    return "".join(out)


def split(text: str) -> list[str]:
    """The texts of the parts, one for a text that fits in one message. No escape pair and no surrogate pair is ever cut.

    An emoji of several code points may be cut between them: phones join the parts before they show anything.
    """
    gsm = fits(text)
    room = GSM if gsm else UCS
    if units(text) <= room.single:
        return [text]
    parts: list[str] = []
    start = used = 0
    for place, sign in enumerate(text):
        size = len(_CODES[sign]) if gsm else 1 + (ord(sign) > 0xFFFF)
        if used + size > room.part:
            parts.append(text[start:place])
            start, used = place, 0
        used += size
    return [*parts, text[start:]]
