"""Jinja within another language: its tokens step aside while MJML or HTML is worked on, and come back where they stood."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field

#: an expression, a statement or a comment; a `}}` within quotes does not end it
TOKEN = re.compile(
    r"\{\{(?:'[^']*'|\"[^\"]*\"|[^'\"}]|\}(?!\}))*\}\}|\{%(?:'[^']*'|\"[^\"]*\"|[^'\"%]|%(?!\}))*%\}|\{#.*?#\}",
    re.DOTALL,
)
_STATEMENT = re.compile(r"\{%[-+]?\s*(\w+)")


@dataclass
class Hidden:
    """A text whose tokens are marks (letters and digits only, so that they pass as text and as part of any attribute)."""

    text: str
    tokens: list[str] = field(default_factory=list)
    stem: str = "jx"

    @property
    def mark(self) -> re.Pattern[str]:
        """Finds marks; group 1 is the token's number."""
        return re.compile(rf"{self.stem}(\d+)xj")

    def shown(self, text: str, change: Callable[[str], str] = lambda token: token) -> str:
        """`text` with its tokens again, each through `change`."""
        return self.mark.sub(lambda found: change(self.tokens[int(found[1])]), text)

    def put(self, token: str) -> str:
        """A mark for one more token."""
        self.tokens.append(token)
        return f"{self.stem}{len(self.tokens) - 1}xj"


def hide(source: str) -> Hidden:
    """The source with marks for its tokens. Comments are dropped; line ends within tokens stay, so that lines keep their numbers."""
    hidden = Hidden("", stem="jx")
    while hidden.stem in source:
        hidden.stem += "x"

    def away(found: re.Match[str]) -> str:
        token = found[0]
        lines = "\n" * token.count("\n")
        return lines if token.startswith("{#") else hidden.put(token) + lines

    hidden.text = TOKEN.sub(away, source)
    return hidden


def statement(token: str) -> str:
    """The word of a statement ("for", "endif" ...); empty for an expression."""
    found = _STATEMENT.match(token)
    return found[1] if found else ""
