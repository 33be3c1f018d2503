"""A mailbox over IMAP (RFC 3501, RFC 6851 MOVE): opened, paged through by UID, and marked after what was taken is stored.

Blocking, to be called in a thread. Every failure is a MailboxFailed that a person at the desk can act on.
"""

import base64
import contextlib
import imaplib
import re
import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from typing import Any

from postoffice.model.errors import PostOfficeError

PATIENCE = 30.0  #: seconds for one answer
PORTS = {"tls": 993, "starttls": 143, "none": 143}
_UID = re.compile(rb"^(\d+) \(.*?\bUID (\d+)", re.DOTALL)
_SIZE = re.compile(rb"\bRFC822\.SIZE (\d+)")


class MailboxFailed(PostOfficeError):
    """The mailbox could not be opened or read."""

    status = 422


@dataclass(frozen=True, slots=True)
class Access:
    """How a mailbox is reached. `security`: tls, starttls or none; `done`: folder for what was taken, empty: it is marked as read."""

    host: str
    username: str
    password: str
    security: str = "tls"
    port: int = 0  #: 0: the usual one
    folder: str = "INBOX"
    done: str = ""
    ca: str = ""  #: PEM of the authority that signed the server's certificate; empty: the machine's own
    token: str = ""  #: an OAuth 2 access token, shown instead of the password (XOAUTH2)


@dataclass(frozen=True, slots=True)
class Slip:
    """A message in the mailbox: its UID and its size in bytes."""

    uid: int
    size: int


class OpenMailbox:
    """A folder that was selected. `validity`: UIDs mean the same messages as long as it stays; `count`: of messages."""

    def __init__(self, line: imaplib.IMAP4, access: Access, validity: int, count: int) -> None:
        self._line = line
        self._access = access
        self.validity = validity
        self.count = count

    def page(self, after: int, most: int) -> list[Slip]:
        """The next messages behind a UID, at most `most`, in order. Asked by number, so that no answer grows with the mailbox."""
        first = self._first_behind(after)
        if first > self.count:
            return []
        slips = self._slips(first, min(self.count, first + most - 1))
        return sorted((one for one in slips if one.uid > after), key=lambda one: one.uid)

    def _first_behind(self, after: int) -> int:
        """The number of the first message with a greater UID: by halves, since UIDs grow with the numbers."""
        low, high = 1, self.count + 1
        while low < high:
            middle = (low + high) // 2
            found = self._slips(middle, middle)
            if found and found[0].uid > after:
                high = middle
            else:
                low = middle + 1
        return low

    def _slips(self, first: int, last: int) -> list[Slip]:
        lines = _told(self._line.fetch(f"{first}:{last}", "(UID RFC822.SIZE)"), "read the list of")
        found = []
        for line in lines:
            text = line[0] if isinstance(line, tuple) else line
            if isinstance(text, bytes) and (uid := _UID.match(text)) and (size := _SIZE.search(text)):
                found.append(Slip(int(uid[2]), int(size[1])))
        return found

    def last_before(self, day: date) -> int:
        """The UID behind which begins what arrived on that day or later, by halves; 0: all of it did."""
        low, high = 1, self.count + 1
        while low < high:
            middle = (low + high) // 2
            if self._arrived(middle) < day:
                low = middle + 1
            else:
                high = middle
        found = self._slips(low - 1, low - 1) if low > 1 else []
        return found[0].uid if found else 0

    def _arrived(self, number: int) -> date:
        lines = _told(self._line.fetch(str(number), "(INTERNALDATE)"), "read the list of")
        times = (imaplib.Internaldate2tuple(line) for line in lines if isinstance(line, bytes))
        return next((date(*one[:3]) for one in times if one), date.max)

    def fetch(self, uid: int, most_bytes: int) -> bytes | None:
        """A message, or its beginning; None where it is gone. It stays unread."""
        for part in _told(self._line.uid("FETCH", str(uid), f"(BODY.PEEK[]<0.{most_bytes}>)"), "read"):
            if isinstance(part, tuple) and b"BODY[]" in part[0].upper():
                return bytes(part[1])
        return None

    def done(self, uids: list[int]) -> None:
        """Mark as read, or move away. Told twice is fine."""
        if not uids:
            return
        some = ",".join(map(str, uids))
        if not self._access.done:
            _told(self._line.uid("STORE", some, "+FLAGS.SILENT", "(\\Seen)"), "mark messages in")
            return
        target = _quoted(self._access.done)
        if "MOVE" in self._line.capabilities:
            _told(self._line.uid("MOVE", some, target), "move messages to the other folder of", code="mailbox-folder")
        else:
            _told(self._line.uid("COPY", some, target), "copy messages to the other folder of", code="mailbox-folder")
            _told(self._line.uid("STORE", some, "+FLAGS.SILENT", "(\\Deleted \\Seen)"), "mark messages in")
            if "UIDPLUS" in self._line.capabilities:  # a plain EXPUNGE would also remove what others marked
                _told(self._line.uid("EXPUNGE", some), "clear up")
        self.count = int(_told(self._line.select(_quoted(self._access.folder)), "open")[0] or 0)


@contextmanager
def open_mailbox(access: Access, *, patience: float = PATIENCE) -> Iterator[OpenMailbox]:
    """The mailbox's folder, opened for reading and marking. MailboxFailed says what a person must mend."""
    try:
        line = _connect(access, patience)
        try:
            _sign_in(line, access)
            abilities = _told(line.capability(), "ask about")  # many servers tell them only to who has signed in
            line.capabilities = tuple(bytes(abilities[-1]).decode("ascii", "replace").upper().split())
            answer, told = line.select(_quoted(access.folder))
            if answer != "OK":
                raise _failed("mailbox-folder", f"The mailbox has no folder {access.folder}.", "Look at the folder's exact name.")
            validity = int((line.response("UIDVALIDITY")[1] or [b"0"])[0] or 0)
            yield OpenMailbox(line, access, validity, int(told[0] or 0))
        finally:
            with contextlib.suppress(imaplib.IMAP4.error, OSError):
                line.logout()
    except imaplib.IMAP4.error as error:
        raise _failed("mailbox-broke", "The mail server broke off the conversation.", "It is tried again by itself.") from error
    except ssl.SSLError as error:
        raise _untrusted() from error
    except OSError as error:
        raise _failed(
            "mailbox-unreachable", "The mail server does not answer.", "Check its name, its port and the network; it is tried again."
        ) from error


def access_of(settings: Mapping[str, Any], token: str = "") -> Access:
    """Settings as a way in, with `token` where one stands for the password; MailboxFailed where they lack what is needed."""
    known = {name: settings[name] for name in Access.__slots__ if settings.get(name) not in (None, "")}
    if token:
        known |= {"token": token, "password": ""}
    if not {"host", "username", "password"} <= known.keys():
        raise _failed(
            "mailbox-incomplete",
            "The mailbox lacks its server, its user name or its password.",
            "Fill them in on the page of the carrier.",
        )
    return Access(**known)


def try_out(access: Access, *, patience: float = 10.0) -> int:
    """Open and close it; how many messages lie in it. MailboxFailed says what a person must mend."""
    with open_mailbox(access, patience=patience) as opened:
        return opened.count


def _connect(access: Access, patience: float) -> imaplib.IMAP4:
    port = access.port or PORTS[access.security]
    context = ssl.create_default_context(cadata=access.ca or None) if access.security != "none" else None
    if access.security == "tls":
        return imaplib.IMAP4_SSL(access.host, port, ssl_context=context, timeout=patience)
    line = imaplib.IMAP4(access.host, port, timeout=patience)
    if access.security == "starttls":
        try:
            line.starttls(context)
        except imaplib.IMAP4.error as error:
            line.shutdown()
            raise _untrusted() from error
        except OSError:
            line.shutdown()
            raise
    return line


def _sign_in(line: imaplib.IMAP4, access: Access) -> None:
    """By a token where there is one; by SASL PLAIN where it is offered, which takes any letter in a password; by LOGIN elsewhere."""
    try:
        if access.token:
            _show(line, access)
        elif "AUTH=PLAIN" in line.capabilities:
            line.authenticate("PLAIN", lambda _challenge: f"\0{access.username}\0{access.password}".encode())
        else:
            line.login(access.username, access.password)
    except imaplib.IMAP4.abort:
        raise
    except (imaplib.IMAP4.error, UnicodeEncodeError) as error:
        raise _failed(
            "mailbox-password",
            "The mail server refused the user name or the password.",
            "Type them again; some providers want a password made for programs.",
        ) from error


def _show(line: imaplib.IMAP4, access: Access) -> None:
    """Google's XOAUTH2, which Microsoft took over. A refusal comes as a challenge that wants an empty answer, then as a NO."""
    shown = f"user={access.username}\x01auth=Bearer {access.token}\x01\x01".encode()
    try:
        line.authenticate("XOAUTH2", lambda challenge: b"" if challenge else shown)
    except imaplib.IMAP4.abort:
        raise
    except imaplib.IMAP4.error as error:
        raise _failed(
            "mailbox-token",
            "The mail server refused the access token.",
            "Give the application the right to read this mailbox by IMAP, and look at the user name.",
        ) from error


def _told(answer: tuple[str, list[Any]], what: str, *, code: str = "mailbox-broke") -> list[Any]:
    """The lines of an OK; MailboxFailed for a NO."""
    word, lines = answer
    if word != "OK":
        help = "Look at the folder's exact name." if code == "mailbox-folder" else "It is tried again by itself."
        raise _failed(code, f"The mail server did not let us {what} the mailbox.", help)
    return lines


def _untrusted() -> MailboxFailed:
    return _failed(
        "mailbox-tls",
        "The mail server's certificate or its encryption cannot be trusted.",
        "Check its name and port, or paste the certificate of its authority.",
    )


def _failed(code: str, message: str, help: str) -> MailboxFailed:
    return MailboxFailed(code, message, help=help)


def _quoted(folder: str) -> str:
    """A folder's name in modified UTF-7 (RFC 3501, 5.1.3), in quotes."""
    coded = re.sub(r"[^ -~]+", lambda run: "&" + _modified(run[0]) + "-", folder.replace("&", "&-"))
    return '"' + coded.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _modified(text: str) -> str:
    return base64.b64encode(text.encode("utf-16-be")).decode().rstrip("=").replace("/", ",")
