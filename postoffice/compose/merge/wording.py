"""The words of a template for one record: what its e-mail and short message say. The letter has its own engine, see printing."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from typing import Any

from postoffice.compose import sms
from postoffice.compose.merge.addressee import name_of
from postoffice.compose.merge.checks import typed
from postoffice.compose.merge.content import SENDER, Content
from postoffice.compose.merge.uses import Use, uses_of
from postoffice.compose.message import Message
from postoffice.compose.render.faults import TemplateFault
from postoffice.compose.render.limits import at_most
from postoffice.compose.render.template import Template

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


@dataclass
class Wording:
    """The e-mail and SMS templates of a content, compiled when first used."""

    content: Content
    day: str  #: ISO date of the letters
    sender_name: str = ""
    _templates: dict[tuple[str, str], Template] = field(default_factory=dict)

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
            "attachment": not situation.link,
            "pages": situation.pages,
            "unsubscribe": situation.unsubscribe,
            "proof": situation.proof,
            "expires_at": situation.expires_at or date.fromisoformat(self.day),
            "message": situation.message,
            "purpose": self.content.purpose,
            "layout": self.content.layout,
            "letter_subject": situation.subject,
        }

    def email(self, data: Mapping[str, Any], language: str, lines: Sequence[str], situation: Situation) -> Message | None:
        """The e-mail; None where the template has none. What the law or the reader needs and the template forgot is added below.

        Raises TemplateFault as Template.html; letter-too-slow.
        """
        parts = self.content.of(language)
        if not parts.subject or not (parts.text or parts.html):
            return None
        values = self.values(data, language, lines, situation)
        subject = " ".join(self._render(language, "subject", parts.subject, values).split())
        html = self._render(language, "html", parts.html, values).strip() if parts.html else ""
        text = self._render(language, "text", parts.text, values) if parts.text else plain_of(html)
        text = re.sub(r"\n{3,}", "\n\n", text.strip()) + "\n"
        return _complete(Message(subject, text, html + "\n" if html else ""), language, situation)

    def sms(self, data: Mapping[str, Any], language: str, lines: Sequence[str], situation: Situation) -> Message | None:
        """The short message; None where the template has none. Characters that alone would make it costly are replaced by their
        likeness of the GSM alphabet, where that makes all of it fit."""
        source = self.content.of(language).sms
        if not source:
            return None
        values = self.values(data, language, lines, situation)
        text = " ".join(self._render(language, "sms", source, values).split())
        if situation.link and situation.link not in text:
            text = f"{text} {situation.link}"
        cheaper = sms.apply(text, sms.suggest(text))
        return Message("", cheaper if sms.count(cheaper).parts < sms.count(text).parts else text, "")

    def _render(self, language: str, part: str, source: str, values: Mapping[str, Any]) -> str:
        key = (language, part)
        if key not in self._templates:
            escaped = source if part == "html" else "{% autoescape false %}" + source + "{% endautoescape %}"
            self._templates[key] = Template(escaped, language=language)
        try:
            with at_most(SECONDS):
                return self._templates[key].html(values)
        except TemplateFault as fault:
            fault.facts["part"] = f"{language}.{part}"
            raise


def _complete(made: Message, language: str, situation: Situation) -> Message:
    """With the link to the letter and the way to unsubscribe, where the template's words lack them."""
    words = _WORDS.get(language, _WORDS["en"])
    text, html = made.text, made.html
    for address, label in ((situation.link, words[0]), (situation.unsubscribe, words[1])):
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
    "fr": ("Votre document :", "Ne plus recevoir ces messages :"),
    "en": ("Your document:", "Stop these messages:"),
    "de": ("Ihr Dokument:", "Diese Nachrichten abbestellen:"),
}


def plain_of(html: str) -> str:
    """A plain text of an e-mail whose template has none: its words in their lines, addresses of links behind them."""
    body = re.sub(r"(?is)<(style|script|head|title)\b.*?</\1>", "", html)
    body = re.sub(r"(?is)<a\b[^>]*href=\"([^\"]+)\"[^>]*>(.*?)</a>", lambda found: f"{found[2]} {found[1]}", body)
    body = re.sub(r"(?i)<br\s*/?>|</(p|div|tr|h[1-6]|li|table)>", "\n", body)
    from html import unescape

    bare = unescape(re.sub(r"<[^>]+>", " ", body))
    return "\n".join(" ".join(line.split()) for line in bare.splitlines())
