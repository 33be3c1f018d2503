"""A piece becomes an e-mail: RFC 5322 and MIME, as bytes with CRLF line ends, every line under 998 bytes.

Headers go through the standard library's encoder; bodies are encoded by `binascii` directly, because an EmailMessage costs
ten times as much per message and gives the same bytes. The same piece always gives the same parts and boundaries.
"""

import base64
import binascii
import re
from collections.abc import Iterable
from datetime import datetime
from email.header import Header
from email.utils import format_datetime
from urllib.parse import quote

from postoffice.channels.email.address import Mailbox
from postoffice.model.delivery import Attachment, Piece
from postoffice.model.errors import Refused

CRLF = "\r\n"
_NAME = re.compile(r"[A-Za-z0-9-]+")
_MEDIA_TYPE = re.compile(r"[a-z0-9.+-]+/[a-z0-9.+-]+")
_WORDS = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~ -]*")
_LONGEST = 76  #: of an encoded body line, RFC 2045
#: what is written here, or hides a recipient: never a mailing's to set
_OURS = frozenset(
    {"from", "to", "cc", "bcc", "sender", "date", "subject", "message-id", "reply-to", "return-path", "received"}
    | {"mime-version", "content-type", "content-transfer-encoding", "content-disposition", "dkim-signature"}
)


def compose(
    piece: Piece,
    attachments: Iterable[Attachment],
    *,
    sender: Mailbox,
    to: Mailbox,
    reply_to: Mailbox | None = None,
    date: datetime,
) -> bytes:
    """The whole message, unsigned. Refused where a header holds a line break or another control character.

    Message-ID is `<key@sender's domain>`: a repeated piece repeats it, and mailboxes that know it already can drop the second.
    """
    names = {name.lower() for name in piece.headers}
    head = [
        f"Date: {format_datetime(date)}",
        f"From: {_from(piece.sender_name, sender)}",
        f"To: {to}",
        *([f"Reply-To: {reply_to}"] if reply_to else []),
        f"Subject: {_text('Subject', piece.subject)}",
        f"Message-ID: <{piece.key}@{sender.domain}>",
        *(_header(name, value) for name, value in piece.headers.items()),
        # RFC 3834: written by a program and no list mail, so that no machine answers it
        *(["Auto-Submitted: auto-generated"] if not piece.purpose.is_promotional and "auto-submitted" not in names else []),
        "MIME-Version: 1.0",
    ]
    part = _alternatives(piece)
    files = [_file(one) for one in attachments]
    if files:
        part = _multipart("mixed", f"=_{piece.key}_m", [part, *files])
    return (CRLF.join(head) + CRLF).encode() + part


def _alternatives(piece: Piece) -> bytes:
    text = _body("plain", piece.text or " ")
    return _multipart("alternative", f"=_{piece.key}_a", [text, _body("html", piece.html)]) if piece.html else text


def _multipart(kind: str, boundary: str, parts: list[bytes]) -> bytes:
    # "=_" occurs in no quoted-printable and no base64 body, so the boundary needs no search
    between = f"--{boundary}".encode()
    opening = f'Content-Type: multipart/{kind}; boundary="{boundary}"\r\n\r\n'.encode()
    return opening + b"".join(between + b"\r\n" + part + b"\r\n" for part in parts) + between + b"--\r\n"


def _body(kind: str, text: str) -> bytes:
    """A text part with its headers; it ends in a line end."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n")
    raw = (lines if lines.endswith("\n") else lines + "\n").replace("\n", CRLF).encode("utf-8", "replace")
    # the line end at the end matters to b2a_qp too: it looks for the first one to know which kind to write
    content = binascii.b2a_qp(raw, istext=True)
    return f"Content-Type: text/{kind}; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n".encode() + content


def _file(attachment: Attachment) -> bytes:
    media = attachment.media_type.lower()
    if not _MEDIA_TYPE.fullmatch(media):
        media = "application/octet-stream"
    name = _safe(attachment.name)
    plain = "".join(letter if letter.isascii() else "_" for letter in name)
    # RFC 2231 where the name is not plain; programs that do not know it find a plain one at the type
    shown = f'filename="{name}"' if plain == name else f"filename*=utf-8''{quote(name, safe='')}"
    head = (
        f'Content-Type: {media};\r\n name="{plain}"\r\nContent-Transfer-Encoding: base64\r\n'
        f"Content-Disposition: attachment;\r\n {shown}\r\n\r\n"
    )
    code = base64.b64encode(attachment.content)
    lines = [code[start : start + _LONGEST] for start in range(0, len(code), _LONGEST)]
    return head.encode() + b"\r\n".join(lines) + b"\r\n"


def _safe(name: str) -> str:
    """A file name without paths, quotes and invisible letters, short enough for one line when it is encoded."""
    name = "".join(letter if letter.isprintable() and letter not in '/\\"' else "_" for letter in name)
    stem, dot, suffix = name.rpartition(".")
    return f"{stem[:60]}.{suffix[:10]}" if dot and stem else name[:60] or "letter"


def _from(name: str, sender: Mailbox) -> str:
    name = _checked("From", name).strip()
    if not name:
        return str(sender)
    if not name.isascii():
        phrase = Header(name, "utf-8", header_name="From", maxlinelen=_LONGEST).encode(linesep=CRLF)
    elif _WORDS.fullmatch(name):
        phrase = name
    else:
        phrase = '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return f"{phrase} <{sender}>" if len(phrase) + len(str(sender)) < 900 else str(sender)


def _header(name: str, value: str) -> str:
    """One of the piece's own headers. What we write ourselves is not theirs to set."""
    if not _NAME.fullmatch(name) or name.lower() in _OURS:
        raise Refused("A header of this mail may not be set by a mailing", code="header")
    return f"{name}: {_plain(name, value)}"


def _plain(name: str, value: str) -> str:
    """A structured value: kept as it is, never folded inside an address or a link."""
    value = _checked(name, value)
    return value if value.isascii() and len(value) < 900 else _text(name, value)


def _text(name: str, value: str) -> str:
    """An unstructured value, RFC 2047 where it is not plain ASCII, folded."""
    value = _checked(name, value)
    charset = "us-ascii" if value.isascii() else "utf-8"
    return Header(value, charset, header_name=name, maxlinelen=_LONGEST).encode(linesep=CRLF)


def _checked(name: str, value: str) -> str:
    if any(letter < " " or letter in "\x7f\x85\u2028\u2029" for letter in value):
        raise Refused(f"The header {name if _NAME.fullmatch(name) else ''} holds a line break or a control character", code="header")
    return value
