"""A person's answer: its new text, without the old one that it quotes."""

import re
import unicodedata
from dataclasses import dataclass
from typing import NamedTuple

from postoffice.tracking.mail.mime import Part, cut_head, open_mail, read_fields, without_tags
from postoffice.tracking.mail.status import address_in

LONGEST = 20_000  #: characters of an answer that are kept as text; the mail itself is kept whole


@dataclass(frozen=True, slots=True)
class Reply:
    """What somebody wrote. `text` is new, `quoted` says whether something old stood behind it."""

    sender: str  #: bare address, "" where there is none
    subject: str
    text: str
    quoted: bool


class Mark(NamedTuple):
    """A line behind which the old text stands. `source`: the mail program."""

    source: str
    pattern: re.Pattern[str]


def _mark(source: str, pattern: str) -> Mark:
    return Mark(source, re.compile(pattern, re.IGNORECASE | re.MULTILINE))


#: where a mail program puts the mail that is answered
QUOTES: tuple[Mark, ...] = (
    _mark("Gmail, Apple Mail, Thunderbird in English", r"^[ \t]*On\b[^\n]{5,200}(?:\n[^\n]{0,200})?\bwrote\s?:[ \t]*$"),
    _mark("the same in French", r"^[ \t]*Le\b[^\n]{5,200}(?:\n[^\n]{0,200})?\ba\s+écrit\s?:[ \t]*$"),
    _mark("the same in German", r"^[ \t]*Am\b[^\n]{5,200}(?:\n[^\n]{0,200})?\bschrieb\b[^\n]{0,200}:[ \t]*$"),
    _mark("the same in Spanish", r"^[ \t]*El\b[^\n]{5,200}(?:\n[^\n]{0,200})?\bescribió\s?:[ \t]*$"),
    _mark("the same in Italian", r"^[ \t]*Il\b[^\n]{5,200}(?:\n[^\n]{0,200})?\bha\s+scritto\s?:[ \t]*$"),
    _mark(
        "Outlook's line",
        r"^[ \t]*-{2,} ?(?:Original Message|Message d'origine|Message original|Ursprüngliche Nachricht"
        r"|Mensaje original|Messaggio originale|Forwarded message|Message transféré) ?-{2,}",
    ),
    _mark("Outlook's rule", r"^[ \t]*_{20,}[ \t]*$"),
    _mark(
        "Outlook's header block",
        r"^[ \t]*\*?(?:From|De|Von|Da)\s?:\*? [^\n]{1,300}\n[ \t]*\*?(?:Sent|Date|Envoyé(?: le)?|Gesendet|Enviado(?: el)?|Inviato)\s?:",
    ),
    _mark("quoted lines", r"^[ \t]*>"),
)
#: a signature, or the advertisement of a telephone
SIGNATURE = re.compile(
    r"^(?:--[ \t]?|_{5,}|(?:sent from|envoyé de(?:puis)?|get outlook for|obtenir outlook|téléchargez|von meinem)[^\n]{0,100})$",
    re.IGNORECASE | re.MULTILINE,
)
#: where HTML puts the same; the tag begins the old text
_HTML_QUOTE = re.compile(
    r"<blockquote\b|<div[^>]{0,300}\b(?:class|id)=[\"']?(?:gmail_quote|gmail_attr|yahoo_quoted|moz-cite-prefix|divRplyFwdMsg|appendonsend"
    r"|x_divRplyFwdMsg|OLK_SRC_BODY_SECTION|protonmail_quote)",
    re.IGNORECASE,
)


def read_reply(raw: bytes) -> Reply:
    """Any mail as an answer. Control characters are taken out; no part is opened that is not text."""
    head = read_fields(cut_head(raw[: 256 * 1024])[0])
    text, quoted = _words(open_mail(raw).leaves)
    sender = address_in(head.get("from")) or address_in(head.get("reply-to"))
    return Reply(sender, clean(head.get("subject"))[:300].replace("\n", " "), clean(text).strip()[:LONGEST], quoted)


def _words(leaves: list[Part]) -> tuple[str, bool]:
    """The new text, and whether something was cut off; plain text before HTML."""
    shown = [one for one in leaves if "attachment" not in one.fields.get("content-disposition").lower()]
    for leaf in (one for one in shown if one.media == "text/plain"):
        if (text := leaf.text()).strip():
            return cut_quote(text)
    for leaf in (one for one in shown if one.media == "text/html"):
        source = leaf.source()
        old = _HTML_QUOTE.search(source)
        text, quoted = cut_quote(without_tags(source[: old.start()] if old else source))
        return re.sub(r"\n\s*\n\s*\n+", "\n\n", text), quoted or old is not None
    return "", False


def cut_quote(text: str) -> tuple[str, bool]:
    """The text before the first mark. Text only below it (answers under the quote) is found by leaving quoted lines out."""
    found = min((hit.start() for mark in QUOTES if (hit := mark.pattern.search(text))), default=-1)
    if found < 0:
        return text, False
    if text[:found].strip():
        return text[:found], True
    lines = [line for line in text.splitlines() if not line.lstrip().startswith(">")]
    below = "\n".join(lines)
    for mark in QUOTES:
        below = mark.pattern.sub("", below, count=1)
    return below, True


def clean(text: str) -> str:
    """Text without what does not belong on a page: control characters, and marks that turn the direction of writing."""
    return "".join(one for one in text if one in "\n\t" or (unicodedata.category(one) not in ("Cc", "Cf", "Cs") or one == "\u200d"))
