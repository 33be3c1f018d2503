"""Opening a mail of unknown quality: bounded in bytes, depth and parts, and without a way to fail.

The standard library's parser recurses as deep as the sender likes and drops what it cannot place. Reports come from programs that
forget boundaries, charsets and header rules, so this one keeps what it finds as text.
"""

import binascii
import html
import quopri
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from email.errors import HeaderParseError
from email.header import decode_header

MOST_BYTES = 1 << 20  #: a report stands at the front; behind it comes our own mail, which we know
MOST_TEXT = 128 * 1024  #: characters of one part that are looked at
_MOST_HEADERS = 128 * 1024
_MOST_PARTS = 60
_DEEPEST = 6

_FIELD = re.compile(r"([!-9;-~]{1,80})[ \t]*:[ \t]*(.*)", re.DOTALL)
_ENDED = re.compile(rb"\r?\n[ \t]*\r?\n|\r[ \t]*\r(?!\n)")
_BOUNDARY = re.compile(r"boundary\s*=\s*(?:\"([^\"]{1,200})\"|([^\s;\"]{1,200}))", re.IGNORECASE)
_CHARSET = re.compile(r"charset\s*=\s*\"?([\w.:+-]{1,40})", re.IGNORECASE)
#: Python's codec names also hold compressors and escapes, some of them slow on purpose-made input
_KNOWN_CHARSETS = re.compile(
    r"(us-?)?ascii$|utf-?(8|16|16[bl]e|32)$|iso-?8859|iso-?2022|latin|windows-?\d|cp\d|koi8|gb|big5|euc|shift|sjis|ks_c|tis|mac", re.I
)
_UNSEEN = re.compile(r"<(style|script|head|!--)(?![a-z])", re.IGNORECASE)
_LINE_TAGS = re.compile(r"<(?:br|/?p|/?div|/?tr|/?td|/?li|/?h\d|/?table|hr)\b[^<>]{0,2000}>", re.IGNORECASE)
_TAGS = re.compile(r"<(?![^\s<>=\"']+@[^\s<>=\"']+>)[a-z/!][^<>]{0,2000}>", re.IGNORECASE)  # an address in brackets is no tag


@dataclass(frozen=True, slots=True)
class Fields:
    """Header fields in their order; names in lower case, values unfolded, encoded words decoded."""

    pairs: tuple[tuple[str, str], ...] = ()

    def get(self, name: str) -> str:
        """The first value by this name, or an empty string."""
        return next((value for known, value in self.pairs if known == name), "")

    def all(self, name: str) -> list[str]:
        """Every value by this name."""
        return [value for known, value in self.pairs if known == name]

    def __bool__(self) -> bool:
        return bool(self.pairs)


@dataclass(frozen=True, slots=True)
class Part:
    """One leaf of a mail, or the mail itself."""

    media: str  #: "text/plain" where nothing is said
    fields: Fields
    body: bytes
    leaves: list["Part"] = field(default_factory=list)  #: of the mail itself: all its leaves, in order

    def text(self) -> str:
        """The body as text: transfer encoding and charset undone, HTML stripped, line ends as \\n."""
        return without_tags(self.source()) if self.media == "text/html" else self.source()

    def source(self) -> str:
        """The same with HTML left as it is."""
        body = _untransferred(self.body, self.fields.get("content-transfer-encoding").strip().lower())
        found = _CHARSET.search(self.fields.get("content-type"))
        return decoded(body[: 4 * MOST_TEXT], found[1] if found else "")[:MOST_TEXT].replace("\r\n", "\n").replace("\r", "\n")


def open_mail(raw: bytes) -> Part:
    """Any bytes as a mail with its leaves."""
    head, body = cut_head(raw[:MOST_BYTES])
    fields = read_fields(head)
    media = _media(fields)
    leaves: list[Part] = []
    for leaf in _leaves(fields, body, 0):
        leaves.append(leaf)
        if len(leaves) == _MOST_PARTS:
            break
    return Part(media, fields, body, leaves)


def cut_head(raw: bytes) -> tuple[bytes, bytes]:
    """Header block and body. A block that begins with no field is all body."""
    raw = raw.lstrip(b"\r\n \t\x00")
    if raw.startswith((b"From ", b">From ")):
        raw = raw.partition(b"\n")[2]
    first = raw[:200].split(b"\n", 1)[0]
    if not re.match(rb"[!-9;-~]{1,80}[ \t]*:", first):
        return b"", raw
    end = _ENDED.search(raw)
    return (raw[: end.start()], raw[end.end() :]) if end else (raw, b"")


def read_fields(head: bytes | str) -> Fields:
    """Header fields; lines that are neither a field nor a continuation are passed over."""
    text = decoded(head[:_MOST_HEADERS], "") if isinstance(head, bytes) else head[:_MOST_HEADERS]
    lines: list[str] = []
    for line in re.split(r"\r\n|\n|\r", text):
        if line[:1] in (" ", "\t") and lines:
            lines[-1] += " " + line.strip()
        else:
            lines.append(line)
    found = (_FIELD.fullmatch(line) for line in lines)
    return Fields(tuple((one[1].lower(), plain_words(one[2].strip())) for one in found if one))


def plain_words(value: str) -> str:
    """A header value with its encoded words (RFC 2047) decoded; unchanged where they are broken."""
    if "=?" not in value:
        return value
    try:
        chunks = decode_header(value[:10_000])
    except (HeaderParseError, ValueError, binascii.Error):
        return value
    return "".join(chunk if isinstance(chunk, str) else decoded(chunk, charset or "") for chunk, charset in chunks)


def decoded(raw: bytes, charset: str) -> str:
    """Bytes as text: by the given charset, else UTF-8, else Latin-1; never fails."""
    for name in (charset, "utf-8") if _KNOWN_CHARSETS.match(charset) else ("utf-8",):
        try:
            return raw.decode(name)
        except (LookupError, ValueError):
            continue
    return raw.decode("latin-1")


def without_tags(text: str) -> str:
    """HTML as lines of text."""
    seen, at = [], 0
    while found := _UNSEEN.search(text, at):
        seen.append(text[at : found.start()])
        end = "-->" if found[1] == "!--" else f"</{found[1]}"
        closed = text.lower().find(end.lower(), found.end()) if len(seen) < 200 else -1
        at = closed if closed >= 0 else len(text)
    seen.append(text[at:])
    return html.unescape(_TAGS.sub("", _LINE_TAGS.sub("\n", "".join(seen)))).replace("\xa0", " ")


def _media(fields: Fields) -> str:
    value = fields.get("content-type").partition(";")[0].strip().lower()
    return value if "/" in value else "text/plain"


def _leaves(fields: Fields, body: bytes, depth: int) -> Iterator[Part]:
    media = _media(fields)
    boundary = _BOUNDARY.search(fields.get("content-type")) if media.startswith("multipart/") else None
    pieces = _pieces(body, (boundary[1] or boundary[2]).strip()) if boundary and depth < _DEEPEST else []
    if not pieces:
        yield Part("text/plain" if media.startswith("multipart/") else media, fields, body)
        return
    for piece in pieces:
        head, rest = _cut_piece(piece)
        yield from _leaves(read_fields(head), rest, depth + 1)


def _cut_piece(piece: bytes) -> tuple[bytes, bytes]:
    """As `cut_head`, but a part may have no header at all, and then begins with an empty line."""
    return (b"", piece) if re.match(rb"[ \t]*\r?\n", piece) else cut_head(piece)


def _pieces(body: bytes, boundary: str) -> list[bytes]:
    line = re.compile(rb"^--" + re.escape(boundary.encode("utf-8", "replace")) + rb"(--)?[ \t]*(?:\r?\n|\r|\Z)", re.MULTILINE)
    pieces, start = [], -1
    for found in line.finditer(body):
        if start >= 0:
            pieces.append(body[start : found.start()])
        start = -1 if found[1] else found.end()
        if found[1] or len(pieces) >= _MOST_PARTS:
            break
    if start >= 0 and len(pieces) < _MOST_PARTS:
        pieces.append(body[start:])
    return pieces


def _untransferred(body: bytes, encoding: str) -> bytes:
    if encoding == "quoted-printable":
        return quopri.decodestring(body[: 8 * MOST_TEXT])
    if encoding == "base64":
        letters = re.sub(rb"[^A-Za-z0-9+/]", b"", body[: 8 * MOST_TEXT])
        return binascii.a2b_base64(letters[: len(letters) // 4 * 4] + _tail(letters))
    return body


def _tail(letters: bytes) -> bytes:
    """The last, incomplete group of a base64 text, padded; a single letter holds no byte."""
    rest = letters[len(letters) // 4 * 4 :]
    return rest.ljust(4, b"=") if len(rest) > 1 else b""
