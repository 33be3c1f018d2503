"""Content-Disposition with names that people, or people who mean harm, gave to documents (RFC 6266, RFC 8187)."""

import re
import unicodedata
from urllib.parse import quote

_LONGEST = 80
_SEPARATORS = re.compile(r'[\\/:*?"<>|;%]+')
_RESERVED = re.compile(r"(?i)^(con|prn|aux|nul|com\d|lpt\d)(?=\.|$)")  # devices of Windows


def safe_name(name: str, extension: str = "pdf") -> str:
    """`name` as a file name that is harmless everywhere: no path, no control or direction signs, at most 80 letters."""
    text = unicodedata.normalize("NFC", name)
    text = "".join(" " if unicodedata.category(letter)[0] in "CZ" else letter for letter in text)
    text = re.sub(r" +", " ", _SEPARATORS.sub("_", text)).strip(" ._")
    stem = re.sub(rf"(?i)(\.{re.escape(extension)})+$", "", text)[:_LONGEST].strip(" ._") or "document"
    return f"{_RESERVED.sub('_', stem) or 'document'}.{extension}"


def content_disposition(name: str, *, download: bool, extension: str = "pdf") -> str:
    """The header's value: `attachment` or `inline`, a name in plain ASCII, and the real one for programs that know RFC 8187."""
    safe = safe_name(name, extension)
    plain = unicodedata.normalize("NFKD", safe).encode("ascii", "ignore").decode()
    plain = safe_name(plain, extension)
    kind = "attachment" if download else "inline"
    return f"{kind}; filename=\"{plain}\"; filename*=UTF-8''{quote(safe, safe='')}"
