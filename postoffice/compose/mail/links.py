"""The links of a mail or short message, numbered, each led through the filter `href` that can count them (see render.hrefs)."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from html import unescape

from postoffice.compose.mail.marks import TOKEN
from postoffice.compose.mail.text import text_of

_JINJA = TOKEN.pattern
_HREF = re.compile(
    rf"(<a\b(?:{_JINJA}|[^<>{{]|\{{(?![{{%#]))*?\bhref=)(\"|')((?:{_JINJA}|(?!\2)[^{{]|\{{(?![{{%#]))*)\2", re.DOTALL | re.IGNORECASE
)
_PLAIN = re.compile(r"https?://[^\s<>\"'{}|\\^`\[\]]+(?![^\s<>\"'|\\^`\[\]]*\{)")
_TAIL = ".,;:!?)»’"
#: addresses of our own that only this recipient has: never counted, never led anywhere else
OWN = frozenset({"unsubscribe", "preferences", "link"})
_ALONE = re.compile(r"\s*\{\{-?\s*(\w+)\s*-?\}\}\s*")
#: parts of a language that have links, in the order of their numbers
LINKED = ("html", "text", "sms")
MOST = 4000  #: numbers of one language
#: signs before an address that are looked at, tokens and all, and signs of them that are shown
_BEFORE, _LABEL = 2000, 60


@dataclass(frozen=True, slots=True)
class Slot:
    """A place that leads somewhere. `address` as the author wrote it; `fixed`: the same for everybody."""

    number: int
    language: str
    part: str
    address: str
    label: str
    fixed: bool


@dataclass(frozen=True, slots=True)
class Numbered:
    """A source whose links go through the filter, and what they are: (number, address, label, fixed)."""

    source: str
    found: tuple[tuple[int, str, str, bool], ...]


@lru_cache(maxsize=128)
def numbered(source: str, part: str, first: int) -> Numbered:
    """`source` (Jinja of an HTML, text or SMS part) with its links numbered from `first`."""
    return _of_html(source, first) if part == "html" else _of_text(source, first)


def _of_html(source: str, first: int) -> Numbered:
    found: list[tuple[int, str, str, bool]] = []

    def lead(match: re.Match[str]) -> str:
        address = match[3]
        alone = _ALONE.fullmatch(address)
        if (alone and alone[1] in OWN) or not _may_count(address):
            return match[0]
        number = first + len(found)
        end = source.find("</a", match.end())
        inner = source[source.find(">", match.end()) + 1 : end] if end > 0 else ""
        found.append((number, unescape(address.strip()), _label(inner), TOKEN.search(address) is None))
        return f"{match[1]}{match[2]}{{% filter href({number}) %}}{address}{{% endfilter %}}{match[2]}"

    return Numbered(_HREF.sub(lead, source), tuple(found))


def _may_count(address: str) -> bool:
    """Web addresses, and what only Jinja knows; not `mailto:`, `#place`."""
    bare = address.strip()
    return bool(re.match(r"https?://", bare, re.IGNORECASE)) or bare.startswith(("{{", "{%"))


def _label(inner: str) -> str:
    """The words of a link, shortly; of a picture its alternative text."""
    return " ".join(text_of(inner).split())[:200]


def _of_text(source: str, first: int) -> Numbered:
    found: list[tuple[int, str, str, bool]] = []
    made, place = [], 0
    for match in _PLAIN.finditer(source):
        address = match[0].rstrip(_TAIL)
        number = first + len(found)
        found.append((number, address, _words_before(source[: match.start()]), True))
        made += [source[place : match.start()], f"{{% filter href({number}) %}}{address}{{% endfilter %}}"]
        place = match.start() + len(address)
    return Numbered("".join([*made, source[place:]]), tuple(found))


def _words_before(text: str) -> str:
    """The last words of the line before an address: what it is about. "" where only Jinja knows."""
    plain = TOKEN.sub(lambda token: "…" if token[0].startswith("{{") else "", text[-_BEFORE:])
    line = plain.rpartition("\n")[2].strip().rstrip(" :")
    if len(line) > _LABEL:
        line = "…" + line[-_LABEL:].partition(" ")[2]
    return " ".join(line.split()) if re.search(r"\w", line) else ""


def firsts(languages: Iterable[str]) -> Mapping[str, int]:
    """The first number of each language: the same wherever it is asked."""
    return {language: place * MOST + 1 for place, language in enumerate(sorted(languages))}
