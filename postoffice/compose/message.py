"""The words around a letter: the mail or short message that carries its link or announces the attachment.

Templates are files: `email/<name>/<language>/{subject.txt,body.txt,body.html}` and `sms/<name>/<language>.txt`. They run in jinja2's
sandbox, since organisations may bring their own; a name that is not in the context is an error, never an empty place.
"""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

from babel.dates import format_date
from jinja2 import FileSystemLoader, StrictUndefined, TemplateError, TemplateNotFound, TemplateSyntaxError, pass_context
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment

from postoffice.model.delivery import Attachment
from postoffice.model.errors import NotFound, Unreadable

_NAME = re.compile(r"(email|sms)/[a-z0-9-]+")
_FALLBACK = "en"
#: GSM 03.38, the basic table without its letters that need two places (3GPP TS 23.038, 6.2.1)
_GSM = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_GSM_INSTEAD = {
    "œ": "oe",
    "Œ": "OE",
    "’": "'",
    "‘": "'",
    "“": '"',
    "”": '"',
    "«": '"',
    "»": '"',
    "–": "-",
    "—": "-",
    "…": "...",
    "€": "EUR",
    "ç": "c",
}


@dataclass(frozen=True, slots=True)
class Message:
    """What a recipient reads. `subject` and `html` are empty for a short message."""

    subject: str
    text: str
    html: str
    carried: tuple[Attachment, ...] = ()  #: pictures that its HTML names by `cid:`, where they are not the house's own


def render_message(name: str, language: str, context: Mapping[str, Any], templates: Path) -> Message:
    """Render `email/<name>` or `sms/<name>` in `language` ("fr", "en"; another falls back to English).

    `letter` needs: sender_name, recipient_name, subject, message, link ("": the letter is attached), pages, purpose (a
    Purpose's value), proof ("postcode", "reference", "email", "mobile": what the link will ask for), expires_at (datetime).
    NotFound where there is no such template, Unreadable where it is broken or wants a name that the context has not;
    neither repeats a value.
    """
    if not _NAME.fullmatch(name):
        raise _missing(name)
    environment = _environment(templates)
    language = _language(name, language, templates)
    facts = {**context, "language": language}
    if name.startswith("sms/"):
        return Message("", _render(environment, f"{name}/{language}.txt", facts).strip(), "")
    folder = f"{name}/{language}"
    subject = " ".join(_render(environment, f"{folder}/subject.txt", facts).split())
    text = re.sub(r"\n{3,}", "\n\n", _render(environment, f"{folder}/body.txt", facts).strip()) + "\n"
    return Message(subject, text, _render(environment, f"{folder}/body.html", facts).strip() + "\n")


def _language(name: str, language: str, templates: Path) -> str:
    """The language itself where the template speaks it."""
    known = re.fullmatch(r"[a-z]{2}", language) and any((templates / name / one).exists() for one in (language, f"{language}.txt"))
    return language if known else _FALLBACK


@lru_cache(maxsize=8)
def _environment(templates: Path) -> ImmutableSandboxedEnvironment:
    environment = ImmutableSandboxedEnvironment(
        loader=FileSystemLoader(templates),
        autoescape=lambda name: name is not None and name.endswith(".html"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(day=_day, short_day=_short_day, gsm=gsm)
    return environment


def _render(environment: ImmutableSandboxedEnvironment, path: str, context: Mapping[str, Any]) -> str:
    try:
        return environment.get_template(path).render(context)
    except TemplateNotFound as error:
        raise _missing(str(error.name)) from error
    except TemplateSyntaxError as error:
        raise _broken(path, f"line {error.lineno}: {error.message}") from error
    except (TemplateError, LookupError, TypeError, ValueError, AttributeError, ArithmeticError) as error:
        # jinja2 names what is undefined or forbidden; the words of other errors may hold a recipient's data
        raise _broken(path, str(error) if isinstance(error, TemplateError) else type(error).__name__) from error


def _missing(name: str) -> NotFound:
    return NotFound("template-missing", f"There is no template '{name}'.", help="Put it into the templates folder.", template=name)


def _broken(path: str, why: str) -> Unreadable:
    return Unreadable(
        "template-broken",
        f"The template '{path}' cannot be used: {why}",
        help="Correct the template and send again; nothing was sent.",
        template=path,
    )


@pass_context
def _day(context: Context, value: date | datetime) -> str:
    """A day in words, in the mail's language: 23 décembre 2026."""
    return format_date(value, "long", locale=str(context["language"]))


@pass_context
def _short_day(context: Context, value: date | datetime) -> str:
    """A day in digits: 23/12/2026, or 23 Dec 2026 where digits could be read the other way round."""
    return format_date(value, "dd/MM/yyyy" if context["language"] == "fr" else "d MMM yyyy", locale=str(context["language"]))


def gsm(text: str, longest: int = 160) -> str:
    """`text` in letters that take one place of a GSM-7 short message each, cut at `longest` places.

    One letter beyond them would more than halve what fits into a message: ê becomes e, œ oe, and so on; what has no likeness is
    left out.
    """
    plain = "".join(_gsm_letter(letter) for letter in unicodedata.normalize("NFC", text))
    return " ".join(plain.split())[:longest].rstrip()


def _gsm_letter(letter: str) -> str:
    if letter in _GSM:
        return letter
    if letter in _GSM_INSTEAD:
        return _GSM_INSTEAD[letter]
    if letter.isspace():
        return " "
    return "".join(one for one in unicodedata.normalize("NFKD", letter) if one in _GSM)
