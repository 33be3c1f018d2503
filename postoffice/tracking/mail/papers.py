"""A mail laid out by what its parts are for: what people read, what machines read, and the mail that it is about."""

import re
from dataclasses import dataclass, field

from postoffice.tracking.mail.mime import Fields, Part, cut_head, open_mail, read_fields

_STATUS = ("message/delivery-status", "message/global-delivery-status")
_RETURNED = (
    "message/rfc822",
    "message/global",
    "text/rfc822-headers",
    "message/rfc822-headers",
    "message/global-headers",
    "message/partial",
)
_DISPOSITION = ("message/disposition-notification", "message/global-disposition-notification")
_NOTHING = Fields()
_MOST_BLOCKS = 500

#: where our own mail begins in a report written as plain text: (pattern, the program or sample that it is for)
RETURNED_MARKS: tuple[tuple[str, str], ...] = (
    (r"^-+ ?this is a copy of (?:the|your) message.*$", "lhost-exim-03.eml"),
    (r"^-+ ?the (?:header|body) of the original message is following.*$", "lhost-gmx-02.eml"),
    (r"^-+ ?(?:below (?:this line|the next line)|enclosed) is a copy.*$", "lhost-qmail-06.eml, lhost-qmail-21.eml"),
    (r"^-{2,} ?original message(?: follows)?\.?(?: ?-*)$", "lhost-gmail-07.eml, lhost-x2-03.eml, lhost-mfilter-01.eml"),
    (r"^(?:your )?original (?:message|mail) (?:follows|headers follow).*$", "lhost-imailserver-03.eml, Verizon Wireless"),
    (r"^message headers? follows?.*$|^original message follows.*$", "lhost-dragonfly-01.eml"),
    (r"^ *-+ ?(?:unsent|returned|undelivered|rejected) message(?: follows| below)?.*$", "lhost-v5sendmail-02.eml, Notes"),
    (r"^ *-+ ?message (?:header|text|body) follows.*$", "sendmail 8"),
    (r"^included is a copy of the message header.*$", "lhost-mxlogic-03.eml"),
    (r"^ *below (?:is|this line is) a copy of the (?:original )?message.*$", "lhost-opensmtpd-12.eml"),
    (r"^the (?:original|first \d+ lines of the) message (?:is|was|follows).*(?:below|attached|follows).*$", "Apache James"),
    (r"^(?=(?:received|return-path|x-[\w-]+|dkim-signature) ?: ?\S)", "lhost-zoho-01.eml: headers without any mark"),
)
_MARK = re.compile("|".join(f"(?:{pattern})" for pattern, _ in RETURNED_MARKS), re.IGNORECASE | re.MULTILINE)
_BLOCK_FIELD = re.compile(
    r"[ \t]*(?:final-recipient|original-recipient|action|status|diagnostic-code|remote-mta|last-attempt-date)[ \t]*:", re.I
)
_RECIPIENT_FIELD = re.compile(r"^[ \t]*(?:final|original)-recipient[ \t]*:.*@", re.IGNORECASE | re.MULTILINE)
_QUOTED_LINE = re.compile(r"^[ \t]*(?:\||>{1,2}(?!>)).*$", re.MULTILINE)  # three are a transcript's


@dataclass
class Papers:
    """The parts of one mail."""

    head: Fields
    media: str
    words: str = ""  #: what people read, up to where the returned mail begins
    blocks: list[Fields] = field(default_factory=list)  #: RFC 3464: one for the message, one a recipient
    loose_blocks: list[Fields] = field(default_factory=list)  #: the same, found in plain text
    feedback: Fields = _NOTHING  #: RFC 5965
    disposition: Fields = _NOTHING  #: RFC 8098
    original: Fields = _NOTHING  #: headers of the mail that it is about
    tail: str = ""  #: the plain text behind the mark


def lay_out(raw: bytes) -> Papers:
    """Any bytes, laid out."""
    mail = open_mail(raw)
    papers = Papers(mail.fields, mail.media)
    pages: list[str] = []
    spare: list[str] = []
    for leaf in mail.leaves:
        _place(papers, leaf, pages, spare)
    _read_words(papers, "\n".join(pages if any(page.strip() for page in pages) else spare))
    return papers


def _place(papers: Papers, leaf: Part, pages: list[str], spare: list[str]) -> None:
    """One leaf, put where it belongs."""
    if leaf.media in _STATUS:
        papers.blocks += read_blocks(leaf.text())
    elif leaf.media == "message/feedback-report":
        papers.feedback = read_fields(leaf.text().strip())
    elif leaf.media in _DISPOSITION:
        papers.disposition = read_fields(leaf.text().strip())
    elif leaf.media in _RETURNED:
        papers.original = papers.original or read_fields(cut_head(leaf.text().encode("utf-8", "replace"))[0])
    elif leaf.media == "text/html":
        spare.append(leaf.text())
    elif leaf.media.startswith("text/") and "attachment" not in leaf.fields.get("content-disposition").lower():
        pages.append(leaf.text())


def _read_words(papers: Papers, text: str) -> None:
    """Split the text at the returned mail, and lift status fields out of it."""
    mark = _MARK.search(text)
    # a mark on the first line is no mark: then the whole mail would be its own appendix
    if mark and text[: mark.start()].strip():
        papers.words, papers.tail = text[: mark.start()], text[mark.end() :]
    else:
        papers.words = text
    papers.original = papers.original or _loose_headers(papers.tail)
    if not any(block.get("final-recipient") or block.get("original-recipient") for block in papers.blocks):
        papers.loose_blocks = [
            block
            for paragraph in _paragraphs(text)
            if _RECIPIENT_FIELD.search(paragraph)
            for block in [_loose_block(paragraph)]
            if block
        ]
    papers.words = _QUOTED_LINE.sub("", papers.words)


def _loose_headers(text: str) -> Fields:
    """The first run of header lines in a text."""
    for paragraph in _paragraphs(text[:40_000])[:4]:
        fields = read_fields(paragraph.strip("\n"))
        if len(fields.pairs) > 2 or fields.get("message-id"):
            return fields
    return _NOTHING


def _loose_block(paragraph: str) -> Fields:
    """The status fields of a paragraph; lines before the first one are prose."""
    lines = paragraph.splitlines()
    first = next((number for number, line in enumerate(lines) if _BLOCK_FIELD.match(line)), len(lines))
    indent = len(lines[first]) - len(lines[first].lstrip()) if first < len(lines) else 0
    return read_fields("\n".join(line[indent:] if not line[:indent].strip() else line for line in lines[first:]))


def read_blocks(text: str) -> list[Fields]:
    """The field groups of a delivery status part (RFC 3464, 2.1), empty lines between them."""
    found = [read_fields(paragraph) for paragraph in _paragraphs(text)[:_MOST_BLOCKS]]
    return [block for block in found if block]


def _paragraphs(text: str) -> list[str]:
    return [one.strip("\n") for one in re.split(r"\n[ \t]*\n", text) if one.strip()]
