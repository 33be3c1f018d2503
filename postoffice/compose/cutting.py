"""Where items begin by separators, markers, bookmarks and a spreadsheet's rows. Pure: facts in, runs of pages out."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from postoffice.compose.findings import finding
from postoffice.compose.pages import PageFacts
from postoffice.compose.rules import SeparatorRule
from postoffice.compose.signs import unpacked
from postoffice.model.finding import Finding, Severity

#: a page with more characters says more than a separator's pattern
_FEW_CHARACTERS = 400


@dataclass(slots=True)
class Run:
    """Pages that belong together: index of the first (from 0), count, and what is to be said of the cut."""

    first: int
    count: int = 1
    findings: list[Finding] = field(default_factory=list)


@dataclass(slots=True)
class Cut:
    """All runs of a document, the pages (from 1) that belong to none, and what is to be said of the whole.

    `matched`: how often the rule found what it looks for; 0 says that it does not suit the document.
    """

    runs: list[Run]
    dropped: tuple[int, ...] = ()
    findings: list[Finding] = field(default_factory=list)
    matched: int = 1


def by_starts(starts: Sequence[int], pages: int) -> list[Run]:
    """Runs from the indexes of their first pages; pages before the first of these are a run of their own, held."""
    firsts = sorted({index for index in starts if 0 <= index < pages})
    if not firsts:
        return [Run(0, pages)]
    runs = []
    if firsts[0] > 0:
        runs.append(Run(0, firsts[0], [finding("pages-before-first", 1, text=f"{firsts[0]}")]))
    ends = [*firsts[1:], pages]
    return runs + [Run(start, end - start) for start, end in zip(firsts, ends, strict=True)]


def by_separators(pages: Sequence[PageFacts], rule: SeparatorRule) -> Cut:
    """Runs between the pages that only separate. A document may begin or end with one; two in a row are told."""
    pattern = re.compile(rule.pattern) if rule.pattern else None
    marks = [_separates(page, rule.kind, pattern) for page in pages]
    runs: list[Run] = []
    told: list[Finding] = []
    open_run = False
    for index, separates in enumerate(marks):
        if separates:
            if index and marks[index - 1]:
                told.append(finding("separators-empty", pages[index].page))
            open_run = False
        elif open_run:
            runs[-1].count += 1
        else:
            runs.append(Run(index))
            open_run = True
    dropped = tuple(page.page for page, separates in zip(pages, marks, strict=True) if separates)
    if not runs:  # nothing but separators: what is left is no letter, but must not vanish
        return Cut([Run(0, len(pages))], (), told, 0)
    if dropped:
        told.insert(0, finding("separators-dropped", dropped[0], text=", ".join(map(str, dropped[:20])) + (" …" * (len(dropped) > 20))))
    return Cut(runs, dropped, told, len(dropped))


def _separates(page: PageFacts, kind: str, pattern: re.Pattern[str] | None) -> bool:
    place, _, said = page.barcode.partition(":")
    if kind == "barcode" and pattern is not None:
        return bool(place) and pattern.search(said) is not None
    if kind == "text":
        words = " ".join(unpacked(page.text).split()) if page.characters <= _FEW_CHARACTERS else ""
        return bool(words) and pattern is not None and pattern.fullmatch(words) is not None
    return (kind in ("any", "blank") and page.blank) or (kind in ("any", "barcode") and place == "alone")


def by_markers(pages: Sequence[PageFacts]) -> Cut:
    """A page with a marker starts an item."""
    starts = [index for index, page in enumerate(pages) if page.markers]
    return Cut(by_starts(starts, len(pages)), matched=len(starts))


def by_bookmarks(pages: Sequence[PageFacts], outline: Sequence[tuple[int, int]], level: int) -> Cut:
    """A page that an outline entry of `level` points to starts an item. `outline`: (level from 1, page from 1)."""
    starts = {page - 1 for deep, page in outline if deep == level}
    return Cut(by_starts(sorted(starts), len(pages)), matched=len(starts))


def disagreeing(run: Run, pages: Sequence[PageFacts]) -> list[Finding]:
    """Page numbers printed on an item that tell of another cut: a first page that is not number 1, a last one that is not the last."""
    first, last = pages[run.first].numbering, pages[run.first + run.count - 1].numbering
    wrong = [
        page
        for page, told in ((pages[run.first], first and first[0] != 1), (pages[run.first + run.count - 1], last and last[0] != last[1]))
        if told
    ]
    inside = [
        page
        for page in pages[run.first + 1 : run.first + run.count]
        if page.numbering and page.numbering[0] == 1 and page.numbering[1] > 1
    ]
    return [
        finding("numbering-disagrees", page.page, text="{} / {}".format(*page.numbering or (0, 0))) for page in (*wrong, *inside)[:1]
    ]


def numbers_letters(pages: Sequence[PageFacts]) -> bool:
    """Whether "page 1 of 3" counts within letters: not where it counts the pages of the whole document."""
    return not any(page.numbering and page.numbering[1] == len(pages) > 1 for page in pages)


def held(findings: Sequence[Finding]) -> bool:
    """Whether one of them keeps its item back."""
    return any(one.severity is Severity.ERROR for one in findings)
