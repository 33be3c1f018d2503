"""A piece becomes an e-mail: RFC 5322 and MIME, as bytes with CRLF line ends, every line under 998 bytes.

Everything is written by hand, because an EmailMessage costs ten times as much per message and gives the same bytes. The same
piece always gives the same parts and boundaries.
"""

import binascii
import re
from collections.abc import Iterable, Sequence
from datetime import datetime
from email.utils import format_datetime
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import quote

from postoffice.channels.email.address import Mailbox
from postoffice.channels.email.headers import CRLF, is_name, phrase, structured, text
from postoffice.model.delivery import Attachment, Piece
from postoffice.model.errors import Refused

_MEDIA_TYPE = re.compile(r"[a-z0-9.+-]+/[a-z0-9.+-]+")
_CID = re.compile(r"[A-Za-z0-9._-]{1,80}(@[A-Za-z0-9._-]{1,80})?")
_RAW = re.compile(r"<(?:style|script)\b.*?</(?:style|script)", re.IGNORECASE | re.DOTALL)
_LONG = 500  #: bytes of a line that some servers cut: RFC 5322 allows 998, and advises 78
_LONGEST = 76  #: of an encoded body line, RFC 2045
#: bytes that become base64 at a time, whole lines: larger pieces get fresh memory from the system, which costs as much again
_BLOCK = 57 * 256
#: what is written here, or hides a recipient: never a mailing's to set
_OURS = frozenset(
    {"from", "to", "cc", "bcc", "sender", "date", "subject", "message-id", "reply-to", "return-path", "received"}
    | {"mime-version", "content-type", "content-transfer-encoding", "content-disposition", "dkim-signature"}
)


class Chunk(NamedTuple):
    """Whole lines of a body. `code`: base64, where DKIM has no blanks to even out and no line begins with a dot.

    A body stays in chunks until it is sent, because each copy of a large attachment costs as much as hashing it.
    """

    content: bytes
    code: bool = False


class Written(NamedTuple):
    """A message in two parts, as they are signed. `head` ends in the last field's line end, `body` begins after the empty line."""

    head: bytes
    body: tuple[Chunk, ...]

    def whole(self, signatures: Iterable[bytes] = ()) -> bytes:
        """The message, signed."""
        return b"".join([*signatures, self.head, b"\r\n", *(chunk.content for chunk in self.body)])

    def stuffed(self, signatures: Iterable[bytes] = ()) -> bytes:
        """What goes over the line: a dot more where a line begins with one (RFC 5321, 4.5.2)."""
        return b"".join(
            [*signatures, self.head, b"\r\n", *(chunk.content if chunk.code else _stuffed(chunk.content) for chunk in self.body)]
        )


def _stuffed(lines: bytes) -> bytes:
    lines = lines.replace(b"\r\n.", b"\r\n..")
    return b"." + lines if lines.startswith(b".") else lines


def compose(
    piece: Piece,
    attachments: Iterable[Attachment],
    *,
    sender: Mailbox,
    to: Mailbox,
    reply_to: Mailbox | None = None,
    date: datetime,
) -> bytes:
    """The whole message, unsigned; see `write`."""
    return write(piece, attachments, sender=sender, to=to, reply_to=reply_to, date=date).whole()


def write(
    piece: Piece,
    attachments: Iterable[Attachment],
    *,
    sender: Mailbox,
    to: Mailbox,
    reply_to: Mailbox | None = None,
    date: datetime,
) -> Written:
    """The message, unsigned. Refused where a header holds a line break or another control character.

    Message-ID is `<key@sender's domain>`: a repeated piece repeats it, and mailboxes that know it already can drop the second.
    Attachments with a `cid` stand beside the HTML that names them (RFC 2387), the others after the text.
    """
    names = {name.lower() for name in piece.headers}
    part = _parts(piece, list(attachments))
    head = [
        f"Date: {format_datetime(date)}",
        f"From: {_from(piece.sender_name, str(sender))}",
        f"To: {to}",
        *([f"Reply-To: {reply_to}"] if reply_to else []),
        f"Subject: {text('Subject', piece.subject)}",
        f"Message-ID: <{piece.key}@{sender.domain}>",
        *(_header(name, value) for name, value in piece.headers.items()),
        *([f"Feedback-ID: {_feedback(piece)}"] if "feedback-id" not in names else []),
        # RFC 3834: written by a program and no list mail, so that no machine answers it
        *(["Auto-Submitted: auto-generated"] if not piece.purpose.is_promotional and "auto-submitted" not in names else []),
        "MIME-Version: 1.0",
        part.head,
    ]
    return Written((CRLF.join(head) + CRLF).encode(), part.body)


class _Part(NamedTuple):
    """A MIME part: its fields without a last line end, and its content, which ends in one."""

    head: str
    body: tuple[Chunk, ...]

    def chunks(self) -> tuple[Chunk, ...]:
        """Fields and content, as they stand inside another part."""
        head = f"{self.head}\r\n\r\n".encode()
        first, *rest = self.body
        return (Chunk(head), *self.body) if first.code else (Chunk(head + first.content), *rest)


def _parts(piece: Piece, attachments: Sequence[Attachment]) -> _Part:
    inline = [one for one in attachments if one.cid and piece.html]
    part = _text_part(piece.text or " ")
    if piece.html:
        html = _html_part(piece.html)
        if inline:
            html = _multipart('related; type="text/html"', f"=_{piece.key}_r", [html, *map(_inline, inline)])
        part = _multipart("alternative", f"=_{piece.key}_a", [part, html])
    files = [_file(one) for one in attachments if one not in inline]
    return _multipart("mixed", f"=_{piece.key}_m", [part, *files]) if files else part


def _multipart(kind: str, boundary: str, parts: Sequence[_Part]) -> _Part:
    # "=_" occurs in no quoted-printable and no base64 body, and "--=_" in no plain one, so the boundary needs no search
    between, after = Chunk(f"--{boundary}\r\n".encode()), Chunk(b"\r\n")
    chunks = [chunk for part in parts for chunk in (between, *part.chunks(), after)]
    return _Part(f'Content-Type: multipart/{kind}; boundary="{boundary}"', (*chunks, Chunk(f"--{boundary}--\r\n".encode())))


def _text_part(content: str) -> _Part:
    return _body("plain", _lines(content).encode("utf-8", "replace"))


def _html_part(content: str) -> _Part:
    """HTML says letters beyond ASCII in character references, so that it mostly needs no encoding: smaller, and quicker."""
    lines = _lines(content)
    if not lines.isascii() and all(raw.isascii() for raw in _RAW.findall(lines)):  # there references are not read
        return _body("html", lines.encode("ascii", "xmlcharrefreplace"))
    return _body("html", lines.encode("utf-8", "replace"))


def _lines(content: str) -> str:
    if "\r" in content:
        content = content.replace("\r\n", "\n").replace("\r", "\n")
    return content if content.endswith("\n") else content + "\n"


def _body(kind: str, raw: bytes) -> _Part:
    """A text part of LF lines: as it is where no server could want to change it, else quoted-printable."""
    # "From " at the start of a line is changed where mail is kept in mbox files; blanks at its end where mail is edited
    plain = raw.isascii() and not (b"\nFrom " in raw or b"--=_" in raw or b" \n" in raw or b"\0" in raw or raw.startswith(b"From "))
    if plain and max(map(len, raw.split(b"\n"))) < _LONG:
        return _Part(
            f"Content-Type: text/{kind}; charset=utf-8\r\nContent-Transfer-Encoding: 7bit", (Chunk(raw.replace(b"\n", b"\r\n")),)
        )
    # the line end at the end matters to b2a_qp too: it looks for the first one to know which kind to write
    content = binascii.b2a_qp(raw.replace(b"\n", b"\r\n"), istext=True)
    return _Part(f"Content-Type: text/{kind}; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable", (Chunk(content),))


def _file(attachment: Attachment) -> _Part:
    """RFC 2231 where the name is not plain; programs that do not know it find an ASCII one at the type."""
    name = _safe(attachment.name)
    plain = "".join(letter if letter.isascii() else "_" for letter in name)
    shown = f'filename="{name}"' if plain == name else f"filename*=utf-8''{quote(name, safe='')}"
    head = (
        f'Content-Type: {_media_type(attachment)};\r\n name="{plain}"\r\nContent-Transfer-Encoding: base64\r\n'
        f"Content-Disposition: attachment;\r\n {shown}"
    )
    return _Part(head, _base64(attachment.content))


@lru_cache(maxsize=32)
def _inline(attachment: Attachment) -> _Part:
    """A picture in the HTML, the same for all recipients of a mailing: encoded once."""
    if not _CID.fullmatch(attachment.cid):
        raise Refused("A picture of this mail has a name that cannot be used", code="header")
    name = "".join(letter if letter.isascii() else "_" for letter in _safe(attachment.name))
    head = (
        f'Content-Type: {_media_type(attachment)};\r\n name="{name}"\r\nContent-Transfer-Encoding: base64\r\n'
        f'Content-ID: <{attachment.cid}>\r\nContent-Disposition: inline;\r\n filename="{name}"'
    )
    return _Part(head, _base64(attachment.content))


def _base64(content: bytes) -> tuple[Chunk, ...]:
    return tuple(_code(content[start : start + _BLOCK]) for start in range(0, len(content), _BLOCK)) or (Chunk(b"", code=True),)


def _code(content: bytes) -> Chunk:
    code = binascii.b2a_base64(content, newline=False)
    return Chunk(b"\r\n".join([*map(code.__getitem__, _lines_of(-(-len(code) // _LONGEST))), b""]), code=True)


@lru_cache(maxsize=16)
def _lines_of(count: int) -> tuple[slice, ...]:
    """Where the lines of a base64 body begin and end."""
    return tuple(slice(number * _LONGEST, (number + 1) * _LONGEST) for number in range(count))


def _media_type(attachment: Attachment) -> str:
    media = attachment.media_type.lower()
    return media if _MEDIA_TYPE.fullmatch(media) else "application/octet-stream"


def _safe(name: str) -> str:
    """A file name without paths, quotes and invisible letters, short enough for one line when it is encoded."""
    name = "".join(letter if letter.isprintable() and letter not in '/\\"' else "_" for letter in name)
    stem, dot, suffix = name.rpartition(".")
    return f"{stem[:60]}.{suffix[:10]}" if dot and stem else name[:60] or "letter"


@lru_cache(maxsize=64)
def _from(name: str, sender: str) -> str:
    shown = phrase(name)
    return f"{shown} <{sender}>" if name.strip() and len(shown) + len(sender) < 900 else sender


def _feedback(piece: Piece) -> str:
    """Google's Feedback-ID: campaign, customer, kind, sender; the last is what complaints are counted by for good."""
    sender = piece.organisation_id[-10:] or "postoffice"
    return structured("Feedback-ID", f"{piece.mailing_id or 'single'}:{piece.organisation_id}:{piece.purpose.value}:{sender}")


def _header(name: str, value: str) -> str:
    """One of the piece's own headers. What we write ourselves is not theirs to set."""
    if not is_name(name) or name.lower() in _OURS:
        raise Refused("A header of this mail may not be set by a mailing", code="header")
    return f"{name}: {structured(name, value)}"
