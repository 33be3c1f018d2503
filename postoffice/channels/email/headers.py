"""Header fields as they stand on the wire: RFC 5322 folding, RFC 2047 words, nothing that could start another field.

Written by hand because the standard library's Header costs as much per subject as the rest of a head together.
"""

import base64
import re
from functools import lru_cache

from postoffice.model.errors import Refused

CRLF = "\r\n"
_NAME = re.compile(r"[A-Za-z0-9-]+")
_WORDS = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~ -]*")
#: each byte in RFC 2047's Q encoding; only what may stand in a display name too (its section 5, 3) is left as it is
_Q = [chr(byte) if chr(byte).isascii() and (chr(byte).isalnum() or chr(byte) in "!*+-/") else f"={byte:02X}" for byte in range(256)]
_Q[0x20] = "_"
_LINE = 76  #: letters of a line, without its end
_WORD = 63  #: letters that an encoded word may carry: 75 (RFC 2047, 2) without `=?utf-8?q?` and `?=`
_LONGEST = 900  #: of a structured value, which is never folded; a line ends at 998 (RFC 5322, 2.1.1)


def phrase(name: str) -> str:
    """A display name before an address: plain, quoted, or in encoded words."""
    name = checked("From", name).strip()
    if not name.isascii() or "=?" in name:
        return _encoded(name, len("From: "))
    return name if _WORDS.fullmatch(name) else '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'


def text(name: str, value: str) -> str:
    """An unstructured value (a subject): folded at blanks, in encoded words where it is not plain ASCII."""
    value = checked(name, value)
    if value.isascii() and "=?" not in value:
        if len(name) + 2 + len(value) <= _LINE:
            return value
        if max(map(len, value.split(" "))) < _LONGEST:
            return _folded(value, len(name) + 2)
    return _encoded(value, len(name) + 2)


def structured(name: str, value: str) -> str:
    """A value kept as it is, never folded inside an address or a link."""
    value = checked(name, value)
    return value if value.isascii() and len(value) < _LONGEST else text(name, value)


def is_name(name: str) -> bool:
    """Whether a field may be called so."""
    return bool(_NAME.fullmatch(name))


def checked(name: str, value: str) -> str:
    """`value` itself; Refused where it holds a line break or another control character."""
    if not value.isprintable() and any(letter < " " or letter in "\x7f\x85\u2028\u2029" for letter in value):
        raise Refused(f"The header {name if is_name(name) else ''} holds a line break or a control character", code="header")
    return value


def _folded(value: str, used: int) -> str:
    """Lines of at most 76 letters where the words allow it; a fold replaces no letter, so blanks stay as they were."""
    lines, line = [], ""
    for word in re.findall(r" *[^ ]+| +", value):
        if line.strip() and used + len(line) + len(word) > _LINE and word.strip():
            lines.append(line)
            line, used = "", 0
        line += word
    return CRLF.join([*lines, line])


@lru_cache(maxsize=256)
def _encoded(value: str, used: int) -> str:
    """RFC 2047 words, a whole letter each at least, in the shorter of its two encodings."""
    letters = [letter.encode("utf-8", "replace") for letter in value]
    raw = b"".join(letters)
    as_q = sum(map(len, map(_Q.__getitem__, raw))) <= 4 * ((len(raw) + 2) // 3)
    words, part, size, room = [], b"", 0, _WORD - used
    for letter in letters:
        more = sum(map(len, map(_Q.__getitem__, letter))) if as_q else len(letter)
        if part and (size + more if as_q else 4 * ((size + more + 2) // 3)) > room:
            words.append(part)
            part, size, room = b"", 0, _WORD
        part, size = part + letter, size + more
    words.append(part)
    return f"{CRLF} ".join([_word(part, as_q) for part in words])


def _word(part: bytes, as_q: bool) -> str:
    if as_q:
        return "=?utf-8?q?" + "".join(map(_Q.__getitem__, part)) + "?="
    return f"=?utf-8?b?{base64.b64encode(part).decode()}?="
