"""Splitting rules as people write them, and as values. A new rule is a class here with its word in `parse_rule`."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from postoffice.model.errors import PostOfficeError
from postoffice.model.finding import Box

#: an expression longer than this is a mistake
_MOST_CHARACTERS = 200
#: repetitions without end that one expression may have: each multiplies the time that a hostile text can cost
_MOST_REPEATS = 8
#: mm: no zone lies beyond the largest paper
_MOST_MM = 2000.0
_HELP = (
    "Use auto, address, pages:N, text:X,Y,WIDTH,HEIGHT~EXPRESSION (millimetres from the top left corner), separator:blank, "
    "separator:barcode, separator:text~EXPRESSION, marker, order:FILE, bookmarks:LEVEL or whole."
)
#: outline levels that a rule may name
_DEEPEST = 9


@dataclass(frozen=True, slots=True)
class AddressRule:
    """A window that fills anew starts a new item."""


@dataclass(frozen=True, slots=True)
class PagesRule:
    """Every `count` pages are an item."""

    count: int


@dataclass(frozen=True, slots=True)
class TextRule:
    """A page on which the text of a zone (mm) matches an expression starts a new item."""

    zone: Box
    pattern: str


@dataclass(frozen=True, slots=True)
class WholeRule:
    """The document is one item."""


@dataclass(frozen=True, slots=True)
class SeparatorRule:
    """A page that only separates starts a new item and belongs to none.

    `kind`: any (blank, or nothing but a barcode), blank, barcode, text (nothing but what `pattern` says). With a `pattern`, a page
    whose barcode says it separates whatever else it bears (patch sheets have instructions on them).
    """

    kind: str = "any"
    pattern: str = ""


@dataclass(frozen=True, slots=True)
class MarkerRule:
    """A page with a marker (see compose.marker) starts a new item and tells of its recipient."""


@dataclass(frozen=True, slots=True)
class OrderRule:
    """A spreadsheet has one row per item, in order. `file`: the SHA-256 of a document of the organisation, or a path."""

    file: str


@dataclass(frozen=True, slots=True)
class BookmarksRule:
    """A page that an outline entry of this level points to starts a new item. Levels count from 1."""

    level: int = 1


@dataclass(frozen=True, slots=True)
class AutoRule:
    """All of them are tried; see compose.proposals."""


Rule = AddressRule | PagesRule | TextRule | SeparatorRule | MarkerRule | OrderRule | BookmarksRule | AutoRule | WholeRule


def parse_rule(text: str) -> Rule:
    """The rule that `text` writes (see README, "Where letters begin"). PostOfficeError bad-split-rule otherwise."""
    word, _, rest = text.strip().partition(":")
    parser = _PARSERS.get(word.strip().lower())
    if parser is None:
        raise _bad(f"'{word[:40]}' is no splitting rule.")
    return parser(rest.strip())


def zones_of(rule: Rule) -> tuple[Box, ...]:
    """The zones whose text the rule needs of each page."""
    return (rule.zone,) if isinstance(rule, TextRule) else ()


def _bad(why: str) -> PostOfficeError:
    return PostOfficeError("bad-split-rule", why, help=_HELP)


def _bare(rule: Rule) -> Callable[[str], Rule]:
    def parse(rest: str) -> Rule:
        if rest:
            raise _bad(f"This rule takes nothing after its name, but '{rest[:40]}' follows.")
        return rule

    return parse


def _pages(rest: str) -> Rule:
    if not rest.isascii() or not rest.isdigit() or not 1 <= int(rest[:9]) <= 10_000:
        raise _bad(f"'{rest[:40]}' is no number of pages from 1 to 10000.")
    return PagesRule(int(rest))


def _text(rest: str) -> Rule:
    place, mark, pattern = rest.partition("~")
    if not mark or not pattern:
        raise _bad("A text rule needs a zone and an expression with ~ between them.")
    return TextRule(parse_zone(place), check_expression(pattern))


def _separator(rest: str) -> Rule:
    kind, mark, pattern = rest.partition("~")
    kind = kind.strip().lower() or "any"
    if kind not in ("any", "blank", "barcode", "text"):
        raise _bad(f"'{kind[:40]}' is no kind of separator page: blank, barcode or text.")
    if (kind == "text") != bool(pattern) and kind != "barcode" or bool(mark) != bool(pattern):
        raise _bad("A separator of text needs an expression after ~, one of blank pages takes none.")
    return SeparatorRule(kind, check_expression(pattern) if pattern else "")


def _order(rest: str) -> Rule:
    if not rest:
        raise _bad("The order rule needs its spreadsheet.")
    return OrderRule(rest)


def _bookmarks(rest: str) -> Rule:
    if rest and not (rest.isascii() and rest.isdigit() and 1 <= int(rest[:3]) <= _DEEPEST):
        raise _bad(f"'{rest[:40]}' is no level of bookmarks from 1 to {_DEEPEST}.")
    return BookmarksRule(int(rest or 1))


def parse_zone(place: str) -> Box:
    """`X,Y,WIDTH,HEIGHT` in mm. PostOfficeError bad-split-rule where it is none, or lies outside any page."""
    try:
        x, y, width, height = (float(part) for part in place.split(","))
    except ValueError:
        raise _bad(f"'{place[:40]}' is no zone: four numbers are needed.") from None
    if not (0 <= x <= _MOST_MM and 0 <= y <= _MOST_MM and 0 < width <= _MOST_MM and 0 < height <= _MOST_MM):
        raise _bad(f"The zone '{place[:40]}' lies outside the page or is empty.")
    return (x, y, width, height)


def check_expression(pattern: str) -> str:
    """The expression, if it is one and cannot run wild: no repetition within a repetition, no back reference, few without end.

    PostOfficeError bad-split-rule otherwise.
    """
    if len(pattern) > _MOST_CHARACTERS:
        raise _bad(f"The expression is longer than {_MOST_CHARACTERS} characters.")
    try:
        re.compile(pattern)
        tree = _parser.parse(pattern)
    except (re.error, OverflowError, RecursionError) as error:
        raise _bad(f"The expression cannot be read: {error}.") from None
    if _endless(tree, inside=False) > _MOST_REPEATS:
        raise _bad(f"The expression has more than {_MOST_REPEATS} repetitions.")
    return pattern


#: Python's own reader of expressions: the only way to judge one before it runs, as `re` knows no time limit
_parser: Any = import_module("re._parser")


def _endless(tree: Any, *, inside: bool) -> int:
    """How many long repetitions a parsed expression has. Raises on one within another, and on back references."""
    count = 0
    for operation, argument in tree:
        word = str(operation)
        if word.startswith("GROUPREF"):
            raise _bad("The expression refers back to a group, which can take for ever.")
        long = word in ("MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT") and argument[1] > 32
        if long and inside:
            raise _bad("The expression repeats a repetition, which can take for ever.")
        count += long
        for part in _parts(argument):
            count += _endless(part, inside=inside or long)
    return count


def _parts(argument: Any) -> list[Any]:
    """The expressions within an operation's argument."""
    if isinstance(argument, _parser.SubPattern):
        return [argument]
    if isinstance(argument, list | tuple):
        return [part for one in argument for part in _parts(one)]
    return []


_PARSERS: dict[str, Callable[[str], Rule]] = {
    "address": _bare(AddressRule()),
    "whole": _bare(WholeRule()),
    "pages": _pages,
    "text": _text,
    "separator": _separator,
    "marker": _bare(MarkerRule()),
    "order": _order,
    "bookmarks": _bookmarks,
    "auto": _bare(AutoRule()),
}
