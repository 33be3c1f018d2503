"""The words of a template for one record: what its e-mail and short message say. The letter has its own engine, see printing."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property, lru_cache
from typing import Any

from postoffice.compose import sms
from postoffice.compose.mail.links import LINKED, Slot, firsts, numbered
from postoffice.compose.mail.text import text_of
from postoffice.compose.merge.addressee import name_of
from postoffice.compose.merge.checks import typed
from postoffice.compose.merge.content import SENDER, Content
from postoffice.compose.merge.uses import Use, uses_of
from postoffice.compose.message import Message
from postoffice.compose.render.faults import TemplateFault
from postoffice.compose.render.hrefs import COUNTER
from postoffice.compose.render.limits import at_most
from postoffice.compose.render.template import Template
from postoffice.model.clicks import Clicks

#: seconds that the words of one record may take; they take a thousandth
SECONDS = 3.0
#: what stands for the secret link while words are tried: as long as a real one
TRIED_LINK = "https://courrier.example.org/l/" + "a" * 26


@dataclass(frozen=True, slots=True)
class Situation:
    """What is known only when words are sent. `link` "": the letter is attached, or goes by post."""

    link: str = ""
    unsubscribe: str = ""
    pages: int = 1
    proof: str = "postcode"
    expires_at: date | None = None
    message: str = ""
    subject: str = ""
    preferences: str = ""  #: where the recipient chooses in detail what to receive
    clicks: Clicks | None = None  #: how this recipient's clicks are counted; None: links lead straight to where they lead


@lru_cache(maxsize=128)
def _template(source: str, language: str) -> Template:
    """Compiled once for all recipients that a process writes to."""
    return Template(source, language=language)


@lru_cache(maxsize=64)
def _text_of(html: str) -> str:
    return text_of(html)


class Named(dict[str, str]):
    """Pictures where nobody will look at them (a trial): each under its own name."""

    def __missing__(self, name: str) -> str:
        return name


@dataclass
class Wording:
    """The e-mail and SMS templates of a content, compiled when first used."""

    content: Content
    day: str  #: ISO date of the letters
    sender_name: str = ""
    pictures: Mapping[str, str] = field(default_factory=dict)  #: file name -> address, `cid:...` or data
    _sources: dict[tuple[str, str], str] = field(default_factory=dict)

    @cached_property
    def uses(self) -> list[Use]:
        """The fields of the template."""
        return uses_of(self.content)

    def values(self, data: Mapping[str, Any], language: str, lines: Sequence[str], situation: Situation) -> dict[str, Any]:
        """All that a part of the template may name."""
        sender = {name: self.content.sender.get(name, "") for name in SENDER}
        sender["name"] = sender["name"] or self.sender_name
        empty = {use.name: "" for use in self.uses if not use.required}
        return {
            **empty,
            **typed(data, self.uses),
            "language": language,
            "today": date.fromisoformat(self.day),
            "sender": sender,
            "sender_name": sender["name"],
            "recipient_name": name_of(data) or (lines[0] if lines else ""),
            "address": list(lines),
            "link": situation.link,
            "attachment": not situation.link and situation.pages > 0,
            "pages": situation.pages,
            "unsubscribe": situation.unsubscribe,
            "proof": situation.proof,
            "expires_at": situation.expires_at or date.fromisoformat(self.day),
            "message": situation.message,
            "purpose": self.content.purpose,
            "layout": self.content.layout,
            "letter_subject": situation.subject,
            "preferences": situation.preferences,
            "pictures": self.pictures,
            COUNTER: situation.clicks.address if situation.clicks else None,
        }

    def email(self, data: Mapping[str, Any], language: str, lines: Sequence[str], situation: Situation) -> Message | None:
        """The e-mail; None where the template has none. What the law or the reader needs and the template forgot is added below.

        Raises TemplateFault as Template.html; letter-too-slow.
        """
        html_source, text_source = self.source(language, "html"), self.source(language, "text")
        if not self.content.of(language).subject or not text_source:
            return None
        values = self.values(data, language, lines, situation)
        subject = " ".join(self._render(language, "subject", values).split())
        html = self._render(language, "html", values).strip() if html_source else ""
        text = self._render(language, "text", values).replace("<br>", "\n")
        text = re.sub(r"[ \t]+$", "", text, flags=re.MULTILINE)
        text = re.sub(r"\n{3,}", "\n\n", text.strip()) + "\n"
        return _complete(Message(subject, text, html + "\n" if html else ""), language, situation)

    def source(self, language: str, part: str) -> str:
        """The Jinja of a part with its links numbered (see slots_of); a plain text that nobody wrote is made of the HTML."""
        if (language, part) not in self._sources:
            self._sources[language, part] = _numbered(self.content, language).get(part) or str(getattr(self.content.of(language), part))
        return self._sources[language, part]

    def sms(self, data: Mapping[str, Any], language: str, lines: Sequence[str], situation: Situation) -> Message | None:
        """The short message; None where the template has none. Characters that alone would make it costly are replaced by their
        likeness of the GSM alphabet, where that makes all of it fit."""
        if not self.source(language, "sms"):
            return None
        values = self.values(data, language, lines, situation)
        text = " ".join(self._render(language, "sms", values).split())
        if situation.link and situation.link not in text:
            text = f"{text} {situation.link}"
        cheaper = sms.apply(text, sms.suggest(text))
        return Message("", cheaper if sms.count(cheaper).parts < sms.count(text).parts else text, "")

    def _render(self, language: str, part: str, values: Mapping[str, Any]) -> str:
        source = self.source(language, part)
        escaped = source if part == "html" else "{% autoescape false %}" + source + "{% endautoescape %}"
        try:
            with at_most(SECONDS):
                return _template(escaped, language).html(values)
        except TemplateFault as fault:
            fault.facts["part"] = f"{language}.{part}"
            raise


def _numbered(content: Content, language: str) -> dict[str, str]:
    """Source by part, links numbered."""
    first, made = firsts(content.parts).get(language, 1), {}
    for part, source in _linked(content, language):
        done = numbered(source, part, first)
        first += len(done.found)
        made[part] = done.source
    if made.get("html") and not made.get("text"):
        made["text"] = _text_of(made["html"])
    return made


def _linked(content: Content, language: str) -> list[tuple[str, str]]:
    parts = content.of(language)
    return [(part, content.html_of(language) if part == "html" else getattr(parts, part)) for part in LINKED]


def slots_of(content: Content) -> list[Slot]:
    """All links of a template's mails and short messages, with their numbers. TemplateFault bad-mjml."""
    slots = []
    for language, first in firsts(content.parts).items():
        for part, source in _linked(content, language):
            found = numbered(source, part, first).found
            slots += [Slot(number, language, part, address, label, fixed) for number, address, label, fixed in found]
            first += len(found)
    return slots


def _complete(made: Message, language: str, situation: Situation) -> Message:
    """With the link to the letter and the way to unsubscribe, where the template's words lack them."""
    words = _WORDS.get(language, _WORDS["en"])
    text, html = made.text, made.html
    for address, label in ((situation.link, words[0]), (situation.unsubscribe, words[1]), (situation.preferences, words[2])):
        if not address:
            continue
        if address not in text:
            text += f"\n{label} {address}\n"
        if html and address not in html and address.replace("&", "&amp;") not in html:
            line = f'<p style="font:14px/1.5 sans-serif;padding:0 16px">{label} <a href="{address}">{address}</a></p>'
            head, end, tail = html.rpartition("</body>")
            html = f"{head}{line}{end}{tail}" if end else html + line
    return Message(made.subject, text, html)


_WORDS = {
    "fr": ("Votre document :", "Ne plus recevoir ces messages :", "Choisir ce que vous recevez :"),
    "en": ("Your document:", "Stop these messages:", "Choose what you receive:"),
    "de": ("Ihr Dokument:", "Diese Nachrichten abbestellen:", "Auswählen, was Sie erhalten:"),
}
