"""MJML in Jinja becomes HTML in Jinja: compiled once, filled for each recipient (https://documentation.mjml.io/).

Jinja may stand in texts and attributes, and its statements between elements. The frame sees to what every mail needs: language, title,
preheader, dark mode, the sender's name and address, and the way out.
"""

import re
from dataclasses import dataclass
from functools import lru_cache
from html import escape

from postoffice.compose.mail import foot
from postoffice.compose.mail.dark import with_dark
from postoffice.compose.mail.marks import Hidden, hide, statement
from postoffice.compose.render.faults import TemplateFault

#: elements that hold other elements: a statement between those must be wrapped, a text cannot stand there
_HOLDERS = frozenset(
    {
        *("mj-body", "mj-section", "mj-column", "mj-wrapper", "mj-group", "mj-hero"),
        *("mj-social", "mj-navbar", "mj-accordion", "mj-accordion-element", "mj-carousel"),
    }
)
_HEAD = frozenset({"mjml", "mj-head", "mj-attributes", "mj-html-attributes"})
#: elements whose content is text or HTML
_ENDING = frozenset(
    {
        *("mj-text", "mj-button", "mj-table", "mj-raw", "mj-preview", "mj-title", "mj-style"),
        *("mj-social-element", "mj-navbar-link", "mj-accordion-title", "mj-accordion-text"),
    }
)
#: and those that only say something
_KNOWN = frozenset(
    {
        *(_HOLDERS | _HEAD | _ENDING),
        *("mj-all", "mj-class", "mj-breakpoint", "mj-font", "mj-html-attribute", "mj-selector", "mj-include"),
        *("mj-divider", "mj-spacer", "mj-image", "mj-carousel-image"),
    }
)
_PIECE = re.compile(r"<!--.*?-->|<(/?)([a-zA-Z][\w-]*)((?:\"[^\"]*\"|'[^']*'|[^<>\"'])*)>", re.DOTALL)
_VOID = re.compile(r"<(br|hr|img|input|wbr|col)\b((?:\"[^\"]*\"|'[^']*'|[^<>\"'])*?)\s*/?>", re.IGNORECASE)
_BARE = re.compile(r"&(?!#?\w{1,31};)")
_LESS = re.compile(r"<(?![a-zA-Z/!])")
_SOURCE = re.compile(r"\b(src|background-url|background)=\"([^\"<>{}/:]{1,100}\.(?:png|jpe?g|gif|webp))\"", re.IGNORECASE)
_CSS_URL = re.compile(r"url\((['\"]?)([^'\"()<>{}/:]{1,100}\.(?:png|jpe?g|gif|webp))\1\)", re.IGNORECASE)
_PREVIEW = re.compile(r"<mj-preview\b")
#: keeps mail programs from showing the first words of the mail behind a short preheader
_AFTER = "&#847;&zwnj;&nbsp;" * 60
DEFAULTS = (
    "<mj-attributes><mj-all font-family=\"'Segoe UI', Roboto, Helvetica, Arial, sans-serif\" />"
    '<mj-text font-size="16px" line-height="1.55" color="#1d232a" /></mj-attributes>'
)


@dataclass(frozen=True, slots=True)
class Frame:
    """What is known of the mail beside its MJML; `subject` and `preheader` in Jinja."""

    language: str = "en"
    subject: str = ""
    preheader: str = ""
    part: str = "mjml"  #: named in faults


@lru_cache(maxsize=64)
def compiled(source: str, frame: Frame) -> str:
    """The HTML, still in Jinja. TemplateFault bad-mjml with `part`, and `line` where it is known."""
    source = foot.completed(source, frame.language)
    hidden = hide(source)
    made = _html(_with_head(_checked(hidden, frame), hidden, frame), frame)
    made = made.replace('lang="und"', f'lang="{escape(frame.language)}"')
    made = _SOURCE.sub(lambda found: f'{found[1]}="{_picture(hidden, found[2])}"', made)
    made = _CSS_URL.sub(lambda found: f"url({_picture(hidden, found[2])})", made)
    if frame.preheader.strip() and not _PREVIEW.search(source):
        words = hidden_text(frame.preheader, hidden)
        style = "display:none;font-size:1px;line-height:1px;max-height:0;max-width:0;opacity:0;overflow:hidden"
        shown = f'<div style="{style}">{words}{_AFTER}</div>'
        made = re.sub(r"(<body\b[^>]*>)", lambda found: found[1] + shown, made, count=1)
    return hidden.shown(with_dark(made))


def _picture(hidden: Hidden, name: str) -> str:
    return hidden.put('{{ pictures["' + name + '"] }}')


def hidden_text(source: str, hidden: Hidden) -> str:
    """A text in Jinja as HTML: its words escaped, its tokens as marks of `hidden`."""
    own = hide(source)
    return own.mark.sub(lambda found: hidden.put(own.tokens[int(found[1])]), escape(" ".join(own.text.split())))


def _html(source: str, frame: Frame) -> str:
    from mjml import mjml2html  # only where mail is compiled

    try:
        return mjml2html(source, disable_comments=False, fonts={})
    except ValueError as error:
        place = re.search(r"position (\d+)", str(error))
        line = source.count("\n", 0, int(place[1])) + 1 if place else 0
        raise _bad(frame, line, str(error)) from None
    except BaseException as panic:  # the compiler's own faults are no Exception (pyo3): it cuts letters of several bytes in two
        if type(panic).__name__ != "PanicException":
            raise
        raise _bad(frame, 0, "a tag or an attribute is broken off") from None


def _with_head(source: str, hidden: Hidden, frame: Frame) -> str:
    """With a title (screen readers say it) and plain defaults, where the author gave none."""
    more = "" if "<mj-title" in source else f"<mj-title>{hidden_text(frame.subject, hidden)}</mj-title>"
    more += "" if "<mj-attributes" in source else DEFAULTS
    if "<mj-head" in source:
        return re.sub(
            r"(<mj-head\b[^>]*?)\s*(/?)>", lambda found: f"{found[1]}>{more}{'</mj-head>' if found[2] else ''}", source, count=1
        )
    return re.sub(r"(<mjml\b[^>]*>)", lambda found: f"{found[1]}<mj-head>{more}</mj-head>", source, count=1)


def _checked(hidden: Hidden, frame: Frame) -> str:
    """The source as a strict parser wants it: statements between elements wrapped, void elements closed, no comments.

    TemplateFault where an element is not closed, a text stands between elements, or another file is asked for.
    """
    text, made, stack, place = hidden.text, [], list[tuple[str, int]](), 0

    def line(at: int) -> int:
        return text.count("\n", 0, at) + 1

    while found := _PIECE.search(text, place):
        made.append(_between(hidden, text[place : found.start()], stack, frame, line(place)))
        place = found.end()
        name = (found[2] or "").lower()
        if not name:  # a comment
            made.append("\n" * found[0].count("\n"))
            continue
        if name.startswith("mj-") and name not in _KNOWN:
            raise _bad(frame, line(found.start()), f"there is no element {name}")
        if name == "mj-include":
            raise _bad(frame, line(found.start()), "mj-include brings in other files, and is not allowed")
        made.append(found[0])
        if found[1]:
            if not stack or stack[-1][0] != name:
                open_one = f": <{stack[-1][0]}> of line {stack[-1][1]} is still open" if stack else ""
                raise _bad(frame, line(found.start()), f"</{name}> closes nothing{open_one}")
            stack.pop()
        elif not found[3].rstrip().endswith("/"):
            if name in _ENDING:
                end = text.find(f"</{name}", place)
                if end < 0 or "<mj-" in text[place:end]:
                    raise _bad(frame, line(found.start()), f"<{name}> is never closed")
                made.append(_tidy(text[place:end], name))
                place = end
            stack.append((name, line(found.start())))
    if stack:
        raise _bad(frame, stack[-1][1], f"<{stack[-1][0]}> is never closed")
    if text[place:].strip() or not made:
        raise _bad(frame, line(place), "a mail begins with <mjml> and ends with </mjml>")
    return "".join(made)


def _between(hidden: Hidden, text: str, stack: list[tuple[str, int]], frame: Frame, line: int) -> str:
    """What stands between two elements: statements, wrapped; nothing else."""
    if not text.strip():
        return text
    holder = stack[-1][0] if stack else ""
    rest = hidden.mark.sub("", text)
    wrong = rest.strip() or holder in _HEAD or not holder
    tokens = [hidden.tokens[int(number)] for number in hidden.mark.findall(text)]
    if wrong or holder not in _HOLDERS or not all(statement(token) for token in tokens):
        what = rest.strip()[:40] or next((one for one in tokens if not statement(one)), tokens[0] if tokens else "")[:40]
        line += len(text[: len(text) - len(text.lstrip())].split("\n")) - 1
        raise _bad(frame, line, f"'{what}' stands between elements: put it into <mj-text>")
    return hidden.mark.sub(lambda found: f"<mj-raw>{found[0]}</mj-raw>", text)


def _tidy(text: str, name: str) -> str:
    """HTML within an element as a strict parser reads it."""
    if name == "mj-style":
        return text
    text = re.sub(r"<!--(?!\[if).*?-->", "", text, flags=re.DOTALL)
    return _LESS.sub("&lt;", _BARE.sub("&amp;", _VOID.sub(r"<\1\2 />", text)))


def _bad(frame: Frame, line: int, why: str) -> TemplateFault:
    where = f"Line {line} of the mail" if line else "The mail"
    return TemplateFault(
        "bad-mjml",
        f"{where} cannot be understood: {why}",
        help="Correct the MJML.",
        line=line,
        part=f"{frame.language}.{frame.part}",
        why=why,
    )
