"""Pages become items. Pure: facts in, items out; nothing is guessed in silence.

The rule that matters most is that nobody gets a page of another person's letter. Where signs contradict each other, a page begins an
item of its own that is held with the reason.
"""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from difflib import SequenceMatcher

from postoffice.compose.findings import finding
from postoffice.compose.pages import PageFacts
from postoffice.compose.preflight import of_first_page, of_item
from postoffice.compose.rules import AddressRule, PagesRule, Rule, TextRule, WholeRule, parse_rule, zones_of
from postoffice.model.finding import Finding, Severity
from postoffice.model.item import NewItem
from postoffice.model.layout import Layout

__all__ = ["Rule", "cut", "parse_rule", "zones_of"]

#: how much two readings of one address from pictures resemble each other
_ALIKE = 0.88
#: starts that have to be known before their common marks say anything
_FEW = 3


@dataclass(slots=True)
class Run:
    """Pages that belong together: index of the first (from 0), count, and what is to be said of the cut."""

    first: int
    count: int = 1
    findings: list[Finding] = field(default_factory=list)


def cut(pages: Sequence[PageFacts], rule: Rule, layout: Layout) -> list[NewItem]:
    """The items of a document. Every page is in exactly one item, in order."""
    if not pages:
        return []
    if isinstance(rule, AddressRule):
        runs = _by_address(pages)
    elif isinstance(rule, PagesRule):
        runs = _by_count(pages, rule.count)
    elif isinstance(rule, TextRule):
        runs = _by_text(pages, rule)
    else:
        runs = [Run(0, len(pages))]
    by_address = isinstance(rule, AddressRule)
    return [_item(run, pages, layout, others=not by_address and not isinstance(rule, WholeRule)) for run in runs]


def _by_count(pages: Sequence[PageFacts], count: int) -> list[Run]:
    runs = [Run(first, min(count, len(pages) - first)) for first in range(0, len(pages), count)]
    if runs[-1].count < count:
        runs[-1].findings.append(finding("pages-left-over", pages[runs[-1].first].page, text=f"{runs[-1].count} / {count}"))
    return runs


def _by_text(pages: Sequence[PageFacts], rule: TextRule) -> list[Run]:
    pattern = re.compile(rule.pattern, re.MULTILINE)
    starts = [index for index, page in enumerate(pages) if index == 0 or any(pattern.search(zone) for zone in page.zones)]
    return _runs(starts, len(pages))


def _runs(starts: Sequence[int], pages: int) -> list[Run]:
    ends = [*starts[1:], pages]
    return [Run(start, end - start) for start, end in zip(starts, ends, strict=True)]


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
        if _same(pages[first], page) and not signs.says_first(index):
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
        # "page 17 of 913" numbers the whole document, not letters
        self._numbered = not any(page.numbering and page.numbering[1] == len(pages) > 1 for page in pages)
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


def _item(run: Run, pages: Sequence[PageFacts], layout: Layout, *, others: bool) -> NewItem:
    """The item of a run. `others`: look for a second recipient within (the rule did not go by addresses)."""
    first, rest = pages[run.first], pages[run.first + 1 : run.first + run.count]
    found = [*run.findings, *of_first_page(first.findings), *first.reading.findings]
    if first.reading.address is None:
        severity = Severity.WARNING if any(one.code == "ocr-unavailable" for one in found) else None
        text = " / ".join(first.reading.set_aside)
        found.append(finding("no-address", first.page, layout.window, text, severity))
    for page in rest:
        found += page.findings
        if others and page.reading.kind == "complete" and not _same(first, page):
            found.append(_second(page))
    found += of_item(run.count, first.page)
    return NewItem(first.page, run.count, first.reading.address, tuple(found))
