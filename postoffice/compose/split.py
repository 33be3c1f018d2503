"""Pages become items. Pure: facts in, items out; nothing is guessed in silence.

The rule that matters most is that nobody gets a page of another person's letter. Where signs contradict each other, a page begins an
item of its own that is held with the reason.
"""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

from postoffice.compose.cutting import (
    Cut,
    Run,
    by_bookmarks,
    by_markers,
    by_separators,
    by_starts,
    disagreeing,
    numbers_letters,
)
from postoffice.compose.fields import FieldRule, read_fields
from postoffice.compose.findings import finding
from postoffice.compose.marker import read_markers, with_values
from postoffice.compose.order import Entry, by_order
from postoffice.compose.pages import PageFacts
from postoffice.compose.preflight import of_first_page, of_item
from postoffice.compose.rules import (
    AddressRule,
    BookmarksRule,
    MarkerRule,
    OrderRule,
    PagesRule,
    Rule,
    SeparatorRule,
    TextRule,
    WholeRule,
    parse_rule,
    zones_of,
)
from postoffice.compose.values import Value
from postoffice.model.finding import Box, Finding, Severity
from postoffice.model.item import NewItem
from postoffice.model.layout import Layout

__all__ = ["Cutting", "Material", "Rule", "cut", "cut_all", "parse_rule", "runs_of", "zones_of"]

#: how much two readings of one address from pictures resemble each other
_ALIKE = 0.88
#: starts that have to be known before their common marks say anything
_FEW = 3
#: marks that a first page must bear for others to be told from it
_MARKED = 4


@dataclass(frozen=True, slots=True)
class Material:
    """What a document gives to cut it by: its pages, the zones that were read of each, its outline, a spreadsheet's rows."""

    pages: Sequence[PageFacts]
    layout: Layout
    zones: Sequence[Box] = ()
    outline: Sequence[tuple[int, int]] = ()  #: (level, page), both from 1
    entries: Sequence[Entry] = ()
    fields: Sequence[FieldRule] = ()


@dataclass(frozen=True, slots=True)
class Cutting:
    """Items with what is to be said of the whole; `matched`: how often the rule found what it looks for, 0 where it does not suit."""

    items: tuple[NewItem, ...]
    findings: tuple[Finding, ...] = ()
    matched: int = 1


def cut(pages: Sequence[PageFacts], rule: Rule, layout: Layout) -> list[NewItem]:
    """The items of a document that is cut by what stands on its pages alone. Every page but separators is in one item, in order."""
    return list(cut_all(Material(pages, layout, zones_of(rule)), rule).items)


def cut_all(material: Material, rule: Rule) -> Cutting:
    """The items of a document. PostOfficeError order-mismatch where a spreadsheet does not fit."""
    if not material.pages:
        return Cutting(())
    made = runs_of(material, rule)
    entries = material.entries if isinstance(rule, OrderRule) else ()
    items = []
    for number, run in enumerate(made.runs):
        items.append(_item(run, material, rule, entries[number] if entries else None))
    return Cutting(tuple(items), tuple(made.findings), made.matched)


def runs_of(material: Material, rule: Rule) -> Cut:
    """Where items begin and end by a rule. PostOfficeError order-mismatch."""
    pages = material.pages
    if isinstance(rule, AddressRule):
        return Cut(_by_address(pages), matched=sum(page.reading.kind == "complete" for page in pages))
    if isinstance(rule, PagesRule):
        return Cut(_by_count(pages, rule.count))
    if isinstance(rule, TextRule):
        return _by_text(pages, rule, material.zones)
    if isinstance(rule, SeparatorRule):
        return by_separators(pages, rule)
    if isinstance(rule, MarkerRule):
        return by_markers(pages)
    if isinstance(rule, BookmarksRule):
        return by_bookmarks(pages, material.outline, rule.level)
    if isinstance(rule, OrderRule):
        return by_order(pages, material.entries).cut
    return Cut([Run(0, len(pages))])


def _by_count(pages: Sequence[PageFacts], count: int) -> list[Run]:
    runs = [Run(first, min(count, len(pages) - first)) for first in range(0, len(pages), count)]
    if runs[-1].count < count:
        runs[-1].findings.append(finding("pages-left-over", pages[runs[-1].first].page, text=f"{runs[-1].count} / {count}"))
    return runs


def _by_text(pages: Sequence[PageFacts], rule: TextRule, zones: Sequence[Box]) -> Cut:
    pattern = re.compile(rule.pattern, re.MULTILINE)
    place = list(zones).index(rule.zone) if rule.zone in zones else 0
    starts = [index for index, page in enumerate(pages) if place < len(page.zones) and pattern.search(page.zones[place])]
    runs = by_starts([0, *starts], len(pages))
    return Cut(runs, matched=len(starts))


def _by_address(pages: Sequence[PageFacts]) -> list[Run]:
    signs = _Signs(pages)
    runs = [Run(0)]
    for index in range(1, len(pages)):
        starts, remarks = _decide(index, runs[-1].first, pages, signs)
        if starts:
            runs.append(Run(index, findings=remarks))
        else:
            runs[-1].count += 1
            runs[-1].findings += remarks
    return runs


def _decide(index: int, first: int, pages: Sequence[PageFacts], signs: "_Signs") -> tuple[bool, list[Finding]]:
    """Whether page `index` starts an item, while the current one began at `first`; and what is to be said of it."""
    page, kind = pages[index], pages[index].reading.kind
    if kind == "complete":
        if _same(pages[first], page):
            if signs.says_first(index) or signs.like_first(index, known=True):
                return True, []
            return False, [finding("address-repeated", page.page, page.reading.box)]
        if signs.says_following(index):
            return False, [_second(page)]
        return True, []
    if kind == "partial":
        if (_same(pages[first], page) and not signs.says_first(index)) or signs.closes_letter(index):
            return False, []
        return not signs.says_following(index) and (signs.says_first(index) or signs.like_first(index, unknown=True)), []
    if signs.says_first(index) or (not signs.says_following(index) and signs.like_first(index)):
        return True, [finding("looks-like-first-page", page.page)]
    return False, []


def _same(one: PageFacts, other: PageFacts) -> bool:
    """Whether two windows name the same recipient; readings from pictures may differ in some letters."""
    left, right = one.reading.key, other.reading.key
    if not left or not right:
        return False
    if left == right:
        return True
    if one.ocr is None and other.ocr is None:
        return False
    digits = [re.sub(r"\D", "", key) for key in (left, right)]
    return digits[0] == digits[1] and SequenceMatcher(None, left, right, autojunk=False).ratio() >= _ALIKE


def _second(page: PageFacts) -> Finding:
    name = page.reading.address.name if page.reading.address else ""
    return finding("second-address-inside", page.page, page.reading.box, name)


class _Signs:
    """What pages tell of their place in a letter: "page 2 of 3", and what the pages with an address have in common."""

    def __init__(self, pages: Sequence[PageFacts]) -> None:
        self._pages = pages
        self._numbered = numbers_letters(pages)
        self._through = all(page.numbering == (number, len(pages)) for number, page in enumerate(pages, 1))
        keys: set[str] = set()
        starts: list[PageFacts] = []
        others: list[PageFacts] = []
        for page in pages:
            fresh = page.reading.kind == "complete" and page.reading.key not in keys
            keys.add(page.reading.key)
            (starts if fresh else others).append(page)
        common = Counter(mark for page in starts for mark in page.marks)
        elsewhere = Counter(mark for page in others for mark in page.marks)
        enough = len(starts) >= _FEW
        self._only = starts[0] if len(starts) == 1 else None
        self._common = {mark for mark, times in common.items() if times >= 0.8 * len(starts)} if enough else set()
        self._telling = {mark for mark in self._common if elsewhere[mark] <= 0.2 * len(others)}
        #: below the letterhead (y in half millimetres): date, subject, salutation
        self._low = {mark for mark in self._common if mark[1] > 100}

    def says_first(self, index: int) -> bool:
        """The page is numbered as the first of several (or of one)."""
        numbering = self._pages[index].numbering
        return self._numbered and numbering is not None and numbering[0] == 1

    def says_following(self, index: int) -> bool:
        """The page's number follows the one of the page before."""
        here, before = self._pages[index].numbering, self._pages[index - 1].numbering
        return self._numbered and here is not None and before is not None and here[1] == before[1] and here[0] == before[0] + 1

    def closes_letter(self, index: int) -> bool:
        """Words in the window of a following page of a document that is one letter: a signature stands there often.

        Its pages are numbered throughout, one recipient is named in all, nothing in this window is a number as addresses have, and
        the page bears next to nothing of what stands above the body of the first one.
        """
        page, only = self._pages[index], self._only
        if not self._through or only is None or len(only.marks) < _MARKED or page.reading.address is None:
            return False
        if any(character.isdigit() for line in page.reading.address.lines for character in line):
            return False
        return len(only.marks & page.marks) <= 0.2 * len(only.marks)

    def like_first(self, index: int, *, known: bool = False, unknown: bool = False) -> bool:
        """The page bears what first pages have in common.

        Where nothing is in common, the answer is `unknown`. `known`: only marks count that other pages do not bear.
        """
        marks = self._pages[index].marks
        if self._telling:
            return len(self._telling & marks) >= 0.9 * len(self._telling)
        if known:
            return False
        if self._common and self._low:
            return len(self._common & marks) >= 0.9 * len(self._common)
        return unknown


def _item(run: Run, material: Material, rule: Rule, entry: Entry | None) -> NewItem:
    """The item of a run, with what its pages, its markers and its row say."""
    pages = material.pages
    first, rest = pages[run.first], pages[run.first + 1 : run.first + run.count]
    found = [*run.findings, *of_first_page(first.findings), *first.reading.findings]
    if first.reading.address is None:
        severity = Severity.WARNING if any(one.code == "ocr-unavailable" for one in found) else None
        text = " / ".join(first.reading.set_aside)
        found.append(finding("no-address", first.page, material.layout.window, text, severity))
    by_address = isinstance(rule, AddressRule)
    for page in rest:
        found += page.findings
        # a rule that did not go by addresses may have put two recipients together
        if not by_address and not isinstance(rule, WholeRule) and page.reading.kind == "complete" and not _same(first, page):
            found.append(_second(page))
    if not by_address and not isinstance(rule, PagesRule) and numbers_letters(pages):
        found += disagreeing(run, pages)
    found += of_item(run.count, first.page)
    item = NewItem(first.page, run.count, first.reading.address, tuple(found))
    return _with_values(item, [first, *rest], material, entry)


def _with_values(item: NewItem, pages: Sequence[PageFacts], material: Material, entry: Entry | None) -> NewItem:
    """The item with values: the row's before the marker's before what is read on the page; contradictions are told."""
    country = material.layout.country
    told = read_markers([content for page in pages for content in page.markers], item.first_page, country)
    read = read_fields(pages, material.fields, material.zones, country) if material.fields else None
    sources: list[dict[str, Value]] = [entry.values if entry else {}, told.values, read.values if read else {}]
    found = [*told.findings, *(read.findings if read else ())]
    values: dict[str, Value] = {}
    for source in sources:
        for name, value in source.items():
            if values.setdefault(name, value) != value:
                found.append(finding("fields-differ", item.first_page, text=f"{name}: {value.text} / {values[name].text}"))
    # what the row or the marker says needs not be read
    found = [one for one in found if one.code not in ("field-missing", "field-not-read") or one.text not in values]
    return with_values(item, values, found) if values or found else item
