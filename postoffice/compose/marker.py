"""Markers: a few characters in the document, in white or at one point, that begin a letter and tell of its recipient.

    {{po:email=ines@example.org;mobile=+33612345678;ref=F-2026-0042}}

Keys and values stand around `=`, pairs around `;`. A `;`, `}` or `\\` within a value has a `\\` before it. Words are those of
`KEYS`, English or French, capitals or not; all may be left out (`{{po:}}` only begins a letter). What is written here is the sender's
own knowledge of the recipient. The marker stays in the document's text, so it must not be seen: one that is neither white,
transparent nor tiny holds its letter (`marker-visible`).
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from postoffice.compose.findings import finding
from postoffice.compose.values import Value, check_value
from postoffice.model.channel import Channel
from postoffice.model.finding import Finding
from postoffice.model.item import NewItem

#: words of a marker -> name of the field; see compose.values for what each may hold
KEYS = {
    "email": "email",
    "e-mail": "email",
    "mail": "email",
    "courriel": "email",
    "mobile": "mobile",
    "portable": "mobile",
    "fax": "fax",
    "telecopie": "fax",
    "ref": "reference",
    "reference": "reference",
    "référence": "reference",
    "customer": "customer",
    "client": "customer",
    "invoice": "invoice",
    "facture": "invoice",
    "amount": "amount",
    "montant": "amount",
    "due": "due",
    "echeance": "due",
    "échéance": "due",
    "purpose": "purpose",
    "finalite": "purpose",
    "finalité": "purpose",
    "channel": "channel",
    "canal": "channel",
}
#: where a marker begins, in any way of writing it
_BEGIN = re.compile(r"\{\{\s*po\s*:", re.IGNORECASE)
#: a longer one is text that happens to look like one
_LONGEST = 1500
#: pdfium's sign for a hyphen at the end of a line, then the line's end
_BROKEN = re.compile("[\x02\ufffe]\\s*[\r\n]+|[\r\n]+")
_CHANNELS = {"post": "post", "courrier": "post", "email": "email", "e-mail": "email", "sms": "sms", "fax": "fax"}
_PURPOSES = {
    "facture": "invoice",
    "contrat": "contract",
    "information": "service",
    "publicite": "promotion",
    "publicité": "promotion",
    "autre": "other",
}


@dataclass(frozen=True, slots=True)
class Spot:
    """A marker within the text of a page: what stands between its braces, and where (characters); `closed`: its end was found."""

    content: str
    start: int
    end: int
    closed: bool = True


@dataclass(frozen=True, slots=True)
class Marker:
    """What a marker says. `values`: name of the field -> what it holds; `findings`: what is wrong with it."""

    values: dict[str, Value]
    findings: tuple[Finding, ...] = ()


def find_markers(text: str) -> list[Spot]:
    """The markers of a page's text, in order; one whose end is missing reaches to the end of its line."""
    spots = []
    place = 0
    while (begin := _BEGIN.search(text, place)) is not None:
        end = _end(text, begin.end())
        if end is None:
            stop = re.compile(r"[\r\n]").search(text, begin.end())
            place = stop.start() if stop else len(text)
            spots.append(Spot(text[begin.end() : place], begin.start(), place, closed=False))
        else:
            place = end + 2
            spots.append(Spot(_BROKEN.sub(_joined, text[begin.end() : end]), begin.start(), place))
    return spots


def _end(text: str, start: int) -> int | None:
    """Where the `}}` of a marker stands; None where none does within reach, or another marker begins before it."""
    place = start
    while place < min(len(text), start + _LONGEST):
        if text[place] == "\\":
            place += 2
        elif text.startswith("}}", place):
            return place
        elif text.startswith("{{", place):
            return None
        else:
            place += 1
    return None


def _joined(match: re.Match[str]) -> str:
    return "-" if match.group()[0] in "\x02\ufffe" else ""


def read_marker(content: str, page: int, country: str) -> Marker:
    """What stands between the braces as values; numbers of telephones without a country code are of `country`."""
    values: dict[str, Value] = {}
    found: list[Finding] = []
    for pair in _pairs(content):
        word, equals, text = (part.strip() for part in pair.partition("="))
        name = KEYS.get(word.lower())
        if not equals or name is None:
            found.append(finding("marker-unknown-word", page, text=pair))
        elif name in values:
            found.append(finding("marker-twice", page, text=pair))
        elif text:
            value = check_value(name, _plain(name, text), country)
            if value is None:
                found.append(finding("marker-bad-value", page, text=pair))
            else:
                values[name] = value
    return Marker(values, tuple(found))


def _pairs(content: str) -> list[str]:
    """The pairs between semicolons, escapes resolved."""
    pairs, pair, place = [], "", 0
    while place < len(content):
        letter = content[place]
        if letter == "\\" and place + 1 < len(content):
            place += 1
            pair += content[place]
        elif letter == ";":
            pairs.append(pair)
            pair = ""
        else:
            pair += letter
        place += 1
    return [one.strip() for one in (*pairs, pair) if one.strip()]


def _plain(name: str, text: str) -> str:
    """French words for channels and purposes as the house's own."""
    words = {"channel": _CHANNELS, "purpose": _PURPOSES}.get(name, {})
    return words.get(text.lower(), text.lower()) if name in ("channel", "purpose") else text


def read_markers(contents: Sequence[str], page: int, country: str) -> Marker:
    """The markers of one letter as one (a page may bear several); see `PageFacts.markers` for how each is written there.

    What contradicts what an earlier one says is told, and the earlier one stays.
    """
    values: dict[str, Value] = {}
    found: list[Finding] = []
    for content in contents:
        flags, _, inner = content.partition(":")
        if "open" in flags:
            found.append(finding("marker-not-closed", page, text=inner))
        if "visible" in flags:
            found.append(finding("marker-visible", page, text=inner))
        one = read_marker(inner, page, country)
        found += one.findings
        for name, value in one.values.items():
            if values.setdefault(name, value) != value:
                found.append(finding("marker-twice", page, text=f"{name}={value.text}"))
    return Marker(values, tuple(found))


def with_values(item: NewItem, values: dict[str, Value], more: Sequence[Finding] = ()) -> NewItem:
    """The item with what a marker, a row or fields say of it: e-mail, mobile, fax, reference and channel have their own places.

    The reference is the customer's or the invoice's number where nothing else is called so.
    """
    reference = next((values[name].text for name in ("reference", "invoice", "customer") if name in values), item.reference)
    channel = Channel(values["channel"].text) if "channel" in values else item.channel
    own = {name: values[name].text for name in ("email", "mobile", "fax") if name in values}
    rest = {name: value.text for name, value in values.items() if name not in ("email", "mobile", "fax", "reference", "channel")}
    return replace(
        item,
        **own,  # type: ignore[arg-type]
        reference=reference,
        channel=channel,
        fields={**item.fields, **rest},
        findings=(*item.findings, *more),
    )
