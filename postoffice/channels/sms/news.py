"""What a gateway pushes: delivery receipts and answers of recipients. SMPP 3.4, 4.6.1 and appendix B, and what gateways make of it."""

import json
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime

from postoffice.channels.sms.pdu import Short, Tag
from postoffice.channels.sms.rules import answer
from postoffice.model import gsm7
from postoffice.model.delivery import Event
from postoffice.model.states import EventKind

#: message_state [5.2.28] as the word that stands in a receipt's text
_STATES = {1: "ENROUTE", 2: "DELIVRD", 3: "EXPIRED", 4: "DELETED", 5: "UNDELIV", 6: "ACCEPTD", 7: "UNKNOWN", 8: "REJECTD"}
#: the words of receipts in our vocabulary
WORDS: dict[str, EventKind] = {
    "ENROUTE": EventKind.HANDED_OVER,
    "ACCEPTD": EventKind.HANDED_OVER,  # read on the recipient's behalf by the network's service: nothing is known of the phone
    "BUFFRED": EventKind.DEFERRED,
    "BUFFERED": EventKind.DEFERRED,
    "DELIVRD": EventKind.DELIVERED,
    "EXPIRED": EventKind.EXPIRED,
    "DELETED": EventKind.REFUSED,
    "REJECTD": EventKind.REFUSED,
    "UNDELIV": EventKind.BOUNCED,
    "UNKNOWN": EventKind.UNKNOWN,
}
#: what decides where the parts of one message fare differently: the worst
_WORST = (EventKind.REFUSED, EventKind.BOUNCED, EventKind.EXPIRED)
_FIELD = re.compile(r"\b(id|stat|err):([^ ]*)", re.IGNORECASE)
#: an international number whose type the gateway leaves open
_BARE = re.compile(r"[1-9][0-9]{8,14}")
_GSM_NETWORK = 3  #: network_error_code [5.3.2.31]
_UNKNOWN_SUBSCRIBER = 1  #: 3GPP TS 29.002, 17.6.6: the only error that says that the number is nobody's


@dataclass(frozen=True, slots=True)
class News:
    """One thing that a gateway pushed, as it is kept in the journal. `at`: ISO 8601, when it came.

    A receipt has an `id` (the gateway's, in its canonical form); an answer has `sender`, `to` and `text`; the settling of a
    doubt has `id` and `key`.
    """

    at: str
    id: str = ""
    word: str = ""
    err: str = ""
    dead: bool = False
    sender: str = ""
    to: str = ""
    text: str = ""
    key: str = ""

    @property
    def is_answer(self) -> bool:
        """Whether a recipient wrote."""
        return bool(self.sender)

    def line(self) -> str:
        """As a line of JSON."""
        return json.dumps({name: value for name, value in asdict(self).items() if value}, ensure_ascii=True)


def read_line(line: str) -> News | None:
    """The inverse of `News.line`; None for a line that a crash cut short."""
    try:
        found = json.loads(line)
        return News(**found)
    except (ValueError, TypeError):
        return None


@dataclass(frozen=True, slots=True)
class Manner:
    """How a gateway writes receipts. `ids`: "same" as in its answers, or "decimal"/"hex" where those have the other form."""

    ids: str = "same"
    dead: frozenset[str] = frozenset()  #: its own `err` values by which the number is nobody's


def canonical(message_id: str, ids: str = "same") -> str:
    """An id in the form under which it is looked for. `ids`: how this one is written, seen from the gateway's answers."""
    try:
        if ids == "decimal":
            return f"{int(message_id):x}"
        if ids == "hex":
            return str(int(message_id, 16))
    except ValueError:
        return message_id.lower()
    return message_id.lower().lstrip("0") or "0"


def read_news(short: Short, manner: Manner, now: datetime) -> News:
    """A pushed message as News; an `id` of "" in a receipt says that it names no message."""
    if short.esm_class & 0x3C in (0x04, 0x20) or Tag.RECEIPTED_MESSAGE_ID in short.tlvs:
        return _read_receipt(short, manner, now)
    content, coding = short.content, short.coding
    if short.esm_class & 0x40 and content:  # a part of a longer answer: the header goes, each part is told by itself
        content = content[content[0] + 1 :]
    sender = f"+{short.source}" if _BARE.fullmatch(short.source) else short.source
    return News(now.isoformat(), sender=sender or "?", to=short.destination, text=_words(content, coding)[:2000])


def _read_receipt(short: Short, manner: Manner, now: datetime) -> News:
    fields = {name.lower(): value for name, value in reversed(_FIELD.findall(_words(short.content, 3)))}
    tlv = short.tlvs.get(Tag.RECEIPTED_MESSAGE_ID, b"").split(b"\0")[0].decode("ascii", "replace")
    message_id = canonical(tlv) if tlv else canonical(fields["id"], manner.ids) if fields.get("id") else ""
    state = short.tlvs.get(Tag.MESSAGE_STATE, b"")
    word = fields.get("stat", "").upper() or (_STATES.get(state[0], str(state[0])) if state else "")
    network = short.tlvs.get(Tag.NETWORK_ERROR, b"")
    err = fields.get("err", "") or network.hex()
    unknown = network[:1] == bytes((_GSM_NETWORK,)) and int.from_bytes(network[1:3], "big") == _UNKNOWN_SUBSCRIBER
    dead = word in ("UNDELIV", "REJECTD") and (unknown or (bool(err) and err.lstrip("0") in manner.dead))
    return News(now.isoformat(), message_id, word[:40], err[:40], dead)


def _words(content: bytes, coding: int) -> str:
    """The text of a pushed message by its data_coding [5.2.19]; what cannot be read is shown with replacement signs."""
    if coding == 8:
        return content.decode("utf-16-be", "replace")
    if coding == 0:
        return gsm7.decode(content)
    return content.decode("latin-1")


def settle(parts: Sequence[str], known: dict[str, list[News]]) -> list[News]:
    """What may be told of a message of these `parts` (canonical ids): each step once, a final one only when it holds for all.

    Delivered when every part is, by the last receipt that came; failed as soon as one part is.
    """
    of_parts = [known.get(part, []) for part in parts]
    every = [news for some in of_parts for news in some]
    told = [news for news in every if kind_of(news) not in (EventKind.DELIVERED, *_WORST)]
    failed = [news for news in every if kind_of(news) in _WORST]
    if failed:
        told.append(min(failed, key=lambda news: _WORST.index(kind_of(news))))
    arrived = [[news for news in some if kind_of(news) is EventKind.DELIVERED] for some in of_parts]
    if all(arrived) and not failed:
        told.append(max((some[0] for some in arrived), key=lambda news: news.at))
    return told


def kind_of(news: News) -> EventKind:
    """A receipt's word in our vocabulary."""
    return WORDS.get(news.word, EventKind.UNKNOWN)


def event_of(news: News, key: str, reference: str) -> Event:
    """A receipt as an event of the delivery."""
    kind = kind_of(news)
    plain = kind in (EventKind.DELIVERED, EventKind.HANDED_OVER)
    code, text = ("", "") if plain else (news.err or news.word, news.word)
    return Event(kind, datetime.fromisoformat(news.at), key, reference, code, text, news.dead)


def answer_of(news: News, key: str) -> Event:
    """A recipient's answer as an event; `key` is that of the last message to them, where it is known."""
    return answer(news.sender, news.to, news.text, datetime.fromisoformat(news.at), key=key)
