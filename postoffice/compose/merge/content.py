"""What a template consists of: per language a letter, an e-mail and a short message; one style sheet, one sender, pictures."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any

from postoffice.compose.mail import blocks
from postoffice.compose.mail.mjml import Frame, compiled
from postoffice.model.channel import Purpose
from postoffice.model.errors import PostOfficeError
from postoffice.model.layout import LAYOUTS

#: characters of one part: far more than any letter needs, and little enough to be analysed in a moment
MOST_CHARACTERS = 200_000
#: languages that a template may have, as the organisation writes them
MOST_LANGUAGES = 12
#: the parts of a language in the order in which people look at them
PARTS = ("letter", "subject", "preheader", "text", "html", "mjml", "sms")
#: what is known of the sender, in the order of the form
SENDER = ("name", "line1", "line2", "line3", "phone", "email", "web", "legal", "vat", "iban", "bic", "colour", "logo")


@dataclass(frozen=True, slots=True)
class Parts:
    """The Jinja sources of one language. Empty: the house's own words are used (no e-mail, no short message of its own)."""

    letter: str = ""
    subject: str = ""
    text: str = ""
    html: str = ""
    sms: str = ""
    preheader: str = ""  #: what mail programs show behind the subject
    mjml: str = ""  #: the e-mail in MJML; then `html` is left alone
    blocks: str = ""  #: JSON of compose.mail.blocks, where `mjml` is written by the editor of blocks


@dataclass(frozen=True, slots=True)
class Content:
    """A template as it is edited, kept and printed. `pictures`: file name -> SHA-256 of a document."""

    parts: Mapping[str, Parts] = field(default_factory=dict)
    style: str = ""
    sender: Mapping[str, str] = field(default_factory=dict)
    language: str = "fr"  #: of rows that name none, or one that the template does not speak
    layout: str = "fr"
    purpose: str = Purpose.OTHER.value
    pictures: Mapping[str, str] = field(default_factory=dict)
    compiled: Mapping[str, str] = field(default_factory=dict)  #: of a version: language -> HTML that its MJML was when it was published

    def as_dict(self) -> dict[str, Any]:
        """JSON shape kept in the database and used by the API."""
        shape = {one.name: getattr(self, one.name) for one in fields(self)}
        return shape | {
            "parts": {language: asdict(parts) for language, parts in self.parts.items()},
            "sender": dict(self.sender),
            "pictures": dict(self.pictures),
            "compiled": dict(self.compiled),
        }

    @staticmethod
    def from_dict(shape: Mapping[str, Any]) -> "Content":
        """The inverse of `as_dict`; unknown keys are left out, absent ones take their defaults."""
        known = {one.name for one in fields(Content)}
        given = {name: value for name, value in shape.items() if name in known}
        names = {one.name for one in fields(Parts)}
        given["parts"] = {
            language: Parts(**{name: str(text) for name, text in parts.items() if name in names})
            for language, parts in given.get("parts", {}).items()
        }
        return Content(**given)

    def spoken(self, wanted: object) -> str:
        """The language that a row gets: its own where the template speaks it (`fr-CA` counts as `fr`), else the template's."""
        word = str(wanted or "").strip().lower().replace("_", "-")
        word = _NAMES.get(word, word)
        for one in (word, word.partition("-")[0]):
            if one in self.parts:
                return one
        return self.language if self.language in self.parts else next(iter(self.parts), self.language)

    def of(self, language: str) -> Parts:
        """The parts of a language that the template speaks; empty ones otherwise."""
        return self.parts.get(language, Parts())

    def html_of(self, language: str) -> str:
        """The e-mail's HTML in Jinja; empty where there is none. TemplateFault bad-mjml."""
        parts = self.of(language)
        if not parts.mjml:
            return parts.html
        return self.compiled.get(language) or compiled(parts.mjml, Frame(language, parts.subject, parts.preheader))

    def with_compiled(self) -> "Content":
        """The same with its MJML compiled, so that a later compiler changes nothing. TemplateFault bad-mjml."""
        fresh = replace(self, compiled={})
        return replace(fresh, compiled={language: fresh.html_of(language) for language, parts in self.parts.items() if parts.mjml})

    def same_as(self, other: "Content") -> bool:
        """Whether both say the same; what was compiled does not count."""
        return replace(self, compiled={}) == replace(other, compiled={})

    def with_blocks(self, language: str, kept: str) -> "Content":
        """The same with a mail made of blocks (JSON, see compose.mail.blocks)."""
        made = blocks.to_mjml(blocks.read(kept), language, blocks.Theme(self.sender.get("colour", "")))
        parts = replace(self.of(language), blocks=kept, mjml=made)
        return replace(self, parts={**self.parts, language: parts})

    def rebuilt(self) -> "Content":
        """The same, mails of blocks made anew: the house's colour may have changed."""
        content = self
        for language, parts in self.parts.items():
            if parts.blocks:
                content = content.with_blocks(language, parts.blocks)
        return content

    def with_part(self, language: str, part: str, source: str) -> "Content":
        """The same with another source of one part."""
        changed = replace(self.of(language), **{part: source})
        return replace(self, parts={**self.parts, language: changed})


#: languages as people write them in a column
_NAMES = {
    "french": "fr",
    "francais": "fr",
    "français": "fr",
    "english": "en",
    "anglais": "en",
    "german": "de",
    "deutsch": "de",
    "allemand": "de",
    "f": "fr",
    "e": "en",
}


def check_content(content: Content) -> None:
    """PostOfficeError where it cannot be kept: bad-template."""
    for language, parts in content.parts.items():
        if not (2 <= len(language) <= 10 and language.replace("-", "").isalpha() and language.isascii()):
            raise _bad(f"'{language[:20]}' is no language.", "Use a code such as fr or en.")
        for name in PARTS:
            if len(getattr(parts, name)) > MOST_CHARACTERS:
                raise _bad(
                    f"The part '{name}' has more than {MOST_CHARACTERS} characters.", "Move pictures into files of the template."
                )
    if not 1 <= len(content.parts) <= MOST_LANGUAGES:
        raise _bad(f"A template has 1 to {MOST_LANGUAGES} languages.", "Add or remove one.")
    if len(content.style) > MOST_CHARACTERS:
        raise _bad(
            f"The style sheet has more than {MOST_CHARACTERS} characters.", "Move pictures and fonts into files of the template."
        )
    if content.layout not in LAYOUTS or content.purpose not in set(Purpose):
        raise _bad("The window or the purpose is not known.", f"Windows: {', '.join(LAYOUTS)}. Purposes: {', '.join(Purpose)}.")


def _bad(why: str, help: str) -> PostOfficeError:
    return PostOfficeError("bad-template", why, help=help, why=why)
