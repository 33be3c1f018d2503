"""The plain text that goes with the HTML: made of the same words, as a template of its own, so that a recipient costs nothing more.

Receivers compare the two (rspamd: R_PARTS_DIFFER), and some people read only this one.
"""

import re
from collections import Counter
from dataclasses import dataclass, field
from html import unescape
from html.parser import HTMLParser

from postoffice.compose.mail.marks import Hidden, hide, statement

_BLOCKS = frozenset(
    {
        *("p", "div", "table", "tr", "section", "article", "header", "footer", "blockquote", "center"),
        *("ul", "ol", "h1", "h2", "h3", "h4", "h5", "h6"),
    }
)
_SILENT = frozenset({"style", "script", "head", "title", "noscript"})
_VOID = frozenset({"br", "hr", "img", "input", "meta", "link", "col", "wbr"})
_OPENS, _ENDS = frozenset({"if", "for", "filter", "macro", "call", "block"}), frozenset({"endif", "endfor", "endfilter", "endmacro"})
_WORD = re.compile(r"[^\W_]{2,}")
_ADDRESS = re.compile(r"(?:https?://|mailto:|tel:)\S+", re.IGNORECASE)
_INVISIBLE = re.compile("[\u034f\u200b\u200c\u200d\u00ad\ufeff]")
_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
RULE = "-" * 40


@dataclass
class _Writer(HTMLParser):
    """Writes down what a reader would see, line by line."""

    hidden: Hidden
    out: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)  #: addresses of links, in order
    _silent: int = 0
    _hidden_from: int = 0  #: open elements since one that is not shown
    _depth: int = 0  #: of statements: what stands in one may be absent, so its links are no notes
    _links: list[tuple[str, int]] = field(default_factory=list)
    _alt: str = ""  #: of the picture within the link: said where the link has no words

    def __post_init__(self) -> None:
        super().__init__(convert_charrefs=True)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if self._hidden_from:
            self._hidden_from += tag not in _VOID
            return
        if tag not in _VOID and "display:none" in given.get("style", "").replace(" ", "").lower():
            self._hidden_from = 1
            return
        if tag in _SILENT:
            self._silent += 1
        elif tag in _BLOCKS:
            self.out.append("\n\n" if tag in ("p", "h1", "h2", "h3", "ul", "ol", "blockquote") else "\n")
        elif tag == "br":
            self.out.append("\n")
        elif tag == "hr":
            self.out.append(f"\n\n{RULE}\n\n")
        elif tag == "li":
            self.out.append("\n- ")
        elif tag in ("td", "th"):
            self.out.append(" ")
        elif tag == "img" and self._links:
            self._alt = given.get("alt", "").strip()
        elif tag == "a":
            self._links.append((given.get("href", ""), len(self.out)))
            self._alt = ""

    def handle_endtag(self, tag: str) -> None:
        if self._hidden_from:
            self._hidden_from -= tag not in _VOID
        elif tag in _SILENT:
            self._silent = max(0, self._silent - 1)
        elif tag in _BLOCKS:
            self.out.append("\n\n" if tag in ("p", "h1", "h2", "h3", "ul", "ol", "blockquote") else "\n")
        elif tag == "a" and self._links:
            self._close_link(*self._links.pop())

    def _close_link(self, address: str, since: int) -> None:
        words = "".join(self.out[since:]).strip()
        if not words and self._alt:
            self._say(words := self._alt)
        address = address.strip()
        if not address or address.startswith("#") or not words:
            return
        if address.removeprefix("mailto:").removeprefix("tel:") == words:
            return
        if self._depth or self.hidden.mark.fullmatch(address):
            self.out.append(f": {address}" if not words.endswith(":") else f" {address}")
            return
        if address not in self.notes:
            self.notes.append(address)
        self.out.append(f" [{self.notes.index(address) + 1}]")

    def handle_data(self, data: str) -> None:
        if not (self._silent or self._hidden_from):
            self._say(data)

    def _say(self, data: str) -> None:
        for number in self.hidden.mark.findall(data):
            word = statement(self.hidden.tokens[int(number)])
            self._depth += (word in _OPENS) - (word in _ENDS)
        self.out.append(re.sub(r"\s+", " ", data))


def text_of(html: str) -> str:
    """The words of a mail in their lines; links as notes at the end ([1]). `html` may be Jinja: then the text is Jinja, too.

    What is Jinja in it is rendered without escaping: a plain text has no marks that could be escaped.
    """
    hidden = hide(html)
    writer = _Writer(hidden)
    writer.feed(_COMMENT.sub(lambda found: _statements(hidden, found[0]), hidden.text))
    writer.close()
    lines = [_INVISIBLE.sub("", " ".join(line.split())) for line in "".join(writer.out).split("\n")]
    text = re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()
    if writer.notes:
        text += "\n\n" + "\n".join(f"[{number}] {address}" for number, address in enumerate(writer.notes, 1))
    return hidden.shown(text) + "\n"


def _statements(hidden: Hidden, comment: str) -> str:
    """What of a comment must stay: loops that begin in what only Outlook reads end for all."""
    kept = [found for found in hidden.mark.finditer(comment) if statement(hidden.tokens[int(found[1])])]
    return "".join(found[0] for found in kept)


def likeness(text: str, html: str) -> float:
    """How much of the same words both say, 0 to 1 (twice what they share by the sum of both; addresses do not count).

    `html` as it was rendered. Two empty ones are alike.
    """
    one, other = _words(text), _words(text_of(html))
    total = sum(one.values()) + sum(other.values())
    return 2 * sum((one & other).values()) / total if total else 1.0


def _words(text: str) -> Counter[str]:
    return Counter(_WORD.findall(_ADDRESS.sub(" ", unescape(text)).casefold()))
