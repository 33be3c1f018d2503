"""A letter's HTML as markup and texts: letters of one template with equal markup differ in texts only."""

import html
import re

#: comments, elements whose content is no text of the page, and tags (a `>` within quotes does not end one)
_MARKUP = re.compile(
    r"(<!--.*?-->|<(?P<raw>style|script|title|textarea)\b.*?</(?P=raw)\s*>|<(?:[^<>\"']|\"[^\"]*\"|'[^']*')*>)",
    re.DOTALL | re.IGNORECASE,
)
_SPACE = " \t\n\r\f"


def parts(source: str) -> tuple[str, list[str]]:
    """(markup as one string, texts as they stand between its pieces). Texts are still escaped; titles are left out of the markup."""
    pieces = _MARKUP.split(source)
    marks = ["<title>" if mark[1:6].lower() == "title" else mark for mark in pieces[1::3]]
    return "\0".join(marks), pieces[0::3]


def plain(text: str) -> str:
    """A text as the parser reads it."""
    if "&" in text:
        text = html.unescape(text)
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    return text


def alike(one: str, other: str) -> bool:
    """Whether two (unescaped) texts have spaces at the same ends and are both blank or both not: then they make the same boxes."""
    if not one or not other:
        return one == other
    if (one[0] in _SPACE) != (other[0] in _SPACE) or (one[-1] in _SPACE) != (other[-1] in _SPACE):
        return False
    return bool(one.strip(_SPACE)) == bool(other.strip(_SPACE))


def blank(text: str) -> bool:
    """Whether a text is nothing but collapsible white space."""
    return not text.strip(_SPACE)
