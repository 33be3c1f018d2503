"""Recipients in reports that people read: an ordered table of the shapes in which programs list them."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from postoffice.tracking.mail.status import tidy

_ADDRESS = r"(?P<a>(?:\"[^\"\n]{1,64}\"|[^\s<>\"'(),;:\[\]\\|=]{1,64})@[\w.-]{1,255})"
_MOST_FOUND = 500


@dataclass(frozen=True, slots=True)
class Listed:
    """A recipient and the lines about it."""

    address: str
    words: str
    preface: str = ""  #: what stands before the whole list


class Shape(NamedTuple):
    """`pattern` finds the address as group "a"; `heads` (where set) finds the line behind which it may stand."""

    source: str  #: the sample or program that it is for
    pattern: re.Pattern[str]
    heads: re.Pattern[str] | None = None
    before: bool = False  #: the words stand before the address (a transcript), not behind it


def _shape(source: str, pattern: str, heads: str = "", *, before: bool = False) -> Shape:
    flags = re.IGNORECASE | re.MULTILINE
    return Shape(source, re.compile(pattern.replace("ADDRESS", _ADDRESS), flags), re.compile(heads, flags) if heads else None, before)


#: a line that announces a list of recipients
_ANNOUNCED = (
    r"(?:following|these)\s+(?:e-?mail\s+)?(?:address|recipient|destination|user|person)[\w() /-]{0,30}"
    r"(?:\s+(?:in the same|of|has|have|had|did|was|were|could|cannot|failed|affected|is|are|rejected|received|because"
    r"|for)\b[^\n]{0,60})?[^\n:-]{0,60}(?:[:.]|-{2,}|$)"
    r"|address(?:es)? to which[^\n@]{0,80}:$|did not reach[^\n]{0,60}:|(?:was|were|be|been|could not be) (?:not )?delivered (?:to"
    r"|for)[^\n:@]{0,60}:"
    r"|failed (?:recipient|address)[^\n]{0,40}"
    r"|-{2,} ?(?:the )?following addresses had[^\n]*|delivery to[^\n@]{0,50}(?:failed|aborted|delayed)[^\n@]{0,40}:?$"
    r"|failure reasons +-+"
    r"|wasn.t delivered to:?$|could not be delivered to:?$|unable to (?:send|deliver)[^\n@]{0,60}:$|доставлено[^\n]{0,60}:"
    r"|konnte[^\n@]{0,80}:$"
    r"|had (?:delivery|permanent fatal|transient non-fatal) (?:errors|problems)[^\n]*|addressed to:$|n'a pas pu [^\n@]{0,80}:$"
    r"|送信[^\n@]{0,60}$|배달[^\n@]{0,60}$"
    r"|失敗[^\n@]{0,60}$|収信[^\n@]{0,40}$|diagnostic information for administrators:"
)
_TWICE = r"^[ \t]*(?:>>> ?)?[^\s<>@]{1,64}@[^\s<>@]{1,255} <ADDRESS>"

#: the first shape that finds anybody decides
SHAPES: tuple[Shape, ...] = (
    _shape("lhost-activehunter-01.eml, lhost-exim-52.eml", _TWICE),
    _shape(
        "lhost-qmail-06.eml, lhost-yahoo-07.eml, lhost-x2-03.eml, lhost-mxlogic-03.eml, postfix, courier",
        r"^[ \t]*<ADDRESS>(?: \([^\n]{0,200}\))?[ \t]?:",
    ),
    _shape("lhost-gmx-02.eml", r"^[ \t]*\"ADDRESS\"[ \t]*:"),
    _shape("lhost-messagingserver-03.eml, lhost-ezweb-08.eml", r"^[ \t]*(?:Failed )?Recipient(?: address)?[ \t]*:[ \t]*<?ADDRESS"),
    _shape("lhost-mcafee-01.eml", r"^[ \t]*<?ADDRESS>?[ \t]+\([^\n]"),
    _shape(
        "lhost-exim-03.eml, lhost-mailru-03.eml, lhost-biglobe-01.eml, sendmail 8",
        r"^[ \t]*(?:[*•-] ?)?<?ADDRESS>?[ \t]*(?=$|:|,)",
        _ANNOUNCED,
    ),
    _shape("lhost-v5sendmail-07.eml", r"^[45]\d\d (?:[45]\.\d\.\d{1,3} )?<?ADDRESS>?\.\.\. ", before=True),
    _shape("Facebook, X6", r"rejected recipient <?ADDRESS"),
    _shape("lhost-opensmtpd-12.eml, lhost-surfcontrol-03.eml", r"^[ \t]*ADDRESS: (?=\S)"),
    _shape("lhost-zoho-01.eml", r"^[ \t]*ADDRESS (?=(?:Invalid Address|Error|[^\n]{0,60}ERROR_CODE))"),
    _shape("lhost-exchange2003-01.eml", r"^[ \t]*ADDRESS on (?=\w{3},|\d)"),
    _shape("X1", r"^[ \t]*<?ADDRESS>? ?\[(?=[^\n]{3,80}\])"),
    _shape(
        "lhost-dragonfly-05.eml, lhost-interscanmss-02.eml, lhost-mailfoundry-01.eml, lhost-kddi-01.eml",
        r"(?:deliver\w*|send|forward)[ \t]+(?:(?:your|the|this|a)[ \t]+)?(?:(?:e-?)?mail|message)?[ \t]*(?:to"
        r"|for):?\s{1,4}[<'\"]{0,2}ADDRESS",
    ),
    _shape(
        "lhost-imailserver-03.eml",
        r"(?:invalid final delivery userid|unknown user|user mailbox exceeds allowed size|undeliverable to"
        r"|delivery failed \d+ attempts)[ :]{1,3}<?ADDRESS",
    ),
    _shape("lhost-fml-02.eml", r"mailing list <ADDRESS>"),
    _shape(
        "lhost-surfcontrol-03.eml, X4",
        r"(?:addressed to|failed to deliver to|your message to|recipient|wasn.t delivered to)[ :]{1,3}['\"<]{0,2}ADDRESS",
    ),
    _shape("transcripts of sendmail, lhost-postfix-75.eml, InterScan, Bigfoot", r"RCPT TO:[ \t]*<?ADDRESS"),
)
#: asked after the report's headers: in these shapes anybody may stand, the addressee too
WEAK_SHAPES: tuple[Shape, ...] = (
    _shape("lists in other languages, lhost-mfilter-01.eml", r"^[ \t]*(?:[*•-] ?)?<?ADDRESS>?[ \t]*$"),
    _shape("QQ Mail, tables in other languages", r"^[^\n@<>:]{1,20}[\t ]<?ADDRESS>?[ \t]*$"),
    _shape("Verizon: whom the original was for", r"^[ \t]*To[ \t]*:[ \t]*<?ADDRESS"),
)


def listed_recipients(words: str, shapes: tuple[Shape, ...] = SHAPES) -> list[Listed]:
    """The recipients that a report names, in the order of the text, each once; empty where no shape fits."""
    for shape in shapes:
        if found := list(_found(shape, words)):
            return found
    return []


def _found(shape: Shape, words: str) -> Iterator[Listed]:
    start = 0
    if shape.heads:
        head = shape.heads.search(words)
        if not head:
            return
        start = head.end()
    hits = []
    for hit in shape.pattern.finditer(words, start):
        hits.append(hit)
        if len(hits) == _MOST_FOUND:
            break
    seen: set[str] = set()
    for number, hit in enumerate(hits):
        address = tidy(hit["a"])
        if address.lower() not in seen and "." in address.rpartition("@")[2]:
            seen.add(address.lower())
            yield Listed(address, _lines(words, hits, number, shape.before), "" if shape.before else words[: hits[0].start()])


def _lines(words: str, hits: list[re.Match[str]], number: int, before: bool) -> str:
    """The lines between one hit and its neighbour."""
    if before:
        end = words.find("\n", hits[number].end())
        begin = words.find("\n", hits[number - 1].end()) if number else 0
        return words[begin : end if end >= 0 else len(words)]
    return words[hits[number].start() : hits[number + 1].start() if number + 1 < len(hits) else len(words)]
