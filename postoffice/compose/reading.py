"""Reading a whole document: look it over, read its pages in slices, cut. The steps for a pipeline, and all of them in one call."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from postoffice.compose.fields import FieldRule, zones_of_fields
from postoffice.compose.findings import finding
from postoffice.compose.order import Entry, read_entries
from postoffice.compose.pages import PageFacts, read_pages
from postoffice.compose.preflight import check_copies, fold, of_document
from postoffice.compose.proposals import Proposal, chosen_rule, is_sure, propose
from postoffice.compose.rules import AddressRule, AutoRule, OrderRule, TextRule, parse_rule, zones_of
from postoffice.compose.sheet_rows import read_rows
from postoffice.compose.split import Material, cut_all
from postoffice.compose.twins import digest_of
from postoffice.model.errors import PostOfficeError
from postoffice.model.finding import Box, Finding
from postoffice.model.item import NewItem
from postoffice.model.layout import LAYOUTS
from postoffice.pdf.document import DocumentFacts, inspect
from postoffice.pdf.outline import outline

#: pages per slice: under a second of text. A picture of a window takes a third of a second
_TEXT_SLICE, _PICTURE_SLICE = 200, 24
#: so many letters to one and the same recipient are no mailing
_SEVERAL = 3


@dataclass(frozen=True, slots=True)
class Reading:
    """What a document holds."""

    items: tuple[NewItem, ...]
    findings: tuple[Finding, ...]  #: of the document as a whole
    pages: int
    proposals: tuple[Proposal, ...] = ()  #: ways to cut it, the best first
    rule: str = ""  #: the one that was taken
    sure: bool = True  #: False: nothing leaves before a person looked


class Runner(Protocol):
    """Calls work, here or in a child process."""

    def __call__(self, work: Callable[..., Any], *arguments: Any) -> Any:
        """`work(*arguments)`."""
        ...


def here(work: Callable[..., Any], *arguments: Any) -> Any:
    """The runner that calls in this process."""
    return work(*arguments)


def slices(pages: int, size: int = _TEXT_SLICE) -> Iterator[tuple[int, int]]:
    """(first page from 1, count) of each slice of a document."""
    for first in range(1, pages + 1, size):
        yield first, min(size, pages - first + 1)


def slice_size(document: DocumentFacts) -> int:
    """Pages that a child process reads in a few seconds: fewer where they are pictures and have to be recognised."""
    return _PICTURE_SLICE if document.image_only > 0 else _TEXT_SLICE


def check_choice(layout_name: str, rule_text: str) -> None:
    """PostOfficeError unknown-layout or bad-split-rule."""
    if layout_name not in LAYOUTS:
        raise PostOfficeError(
            "unknown-layout",
            f"There is no layout '{layout_name[:40]}'.",
            help=f"Use one of: {', '.join(LAYOUTS)}.",
            layouts=list(LAYOUTS),
        )
    parse_rule(rule_text)


def conclude(
    document: DocumentFacts,
    pages: Sequence[PageFacts],
    layout_name: str,
    rule_text: str,
    *,
    zones: Sequence[Box] | None = None,
    outline: Sequence[tuple[int, int]] = (),
    entries: Sequence[Entry] = (),
    field_rules: Sequence[FieldRule] = (),
) -> Reading:
    """The last step: cut, and propose. Runs in milliseconds save for the expressions of a rule: call it where there is a time limit.

    `zones`: those that were read of each page (default: those of the rule). PostOfficeError order-mismatch.
    """
    layout = LAYOUTS[layout_name]
    zones = zones_needed(rule_text, field_rules) if zones is None else zones
    material = Material(pages, layout, zones, outline, entries, field_rules)
    asked = parse_rule(rule_text)
    proposals = propose(material, () if isinstance(asked, AutoRule) else (rule_text,)) if pages else []
    rule = chosen_rule(rule_text, proposals)
    made = cut_all(material, rule)
    items, shared = fold([_with_digest(with_copies(item, pages), pages) for item in made.items])
    found = [*of_document(document), *shared, *made.findings]
    sure = True
    if isinstance(asked, AutoRule):
        sure = is_sure(proposals) and not _all_alike(items)
        found += [] if sure else [finding("cut-uncertain")]
    elif not made.matched and not isinstance(rule, AddressRule | TextRule):
        found.append(finding("rule-matches-nothing", text=rule_text))
        sure = False
    if isinstance(rule, AddressRule) and pages and not any(item.address for item in items):
        found.append(finding("no-address-anywhere", None, layout.window))
        sure = False
    if isinstance(rule, TextRule) and not made.matched and len(pages) > 1:
        found.append(finding("text-never-found", None, rule.zone, rule.pattern))
        sure = False
    taken = proposals[0].rule if isinstance(asked, AutoRule) and proposals else rule_text
    return Reading(tuple(items), tuple(found), len(pages), tuple(proposals), taken, sure)


def _with_digest(item: NewItem, pages: Sequence[PageFacts]) -> NewItem:
    return replace(item, digest=digest_of(item, pages[item.first_page - 1 : item.first_page - 1 + item.pages]))


def _all_alike(items: Sequence[NewItem]) -> bool:
    """Whether several letters all bear one address: that is the sender's, in a window that does not suit the document."""
    read = {item.address.lines for item in items if item.address}
    return len(items) >= _SEVERAL and len(read) == 1


def zones_needed(rule_text: str, field_rules: Sequence[FieldRule] = ()) -> tuple[Box, ...]:
    """The zones whose text a rule and fields need of each page."""
    return tuple(dict.fromkeys((*zones_of(parse_rule(rule_text)), *zones_of_fields(field_rules))))


def with_copies(item: NewItem, pages: Sequence[PageFacts], first: int = 1) -> NewItem:
    """An item with the remark that two of its pages are the same, where they are. `pages`: of the document from page `first` on."""
    run = pages[item.first_page - first : item.first_page - first + item.pages]
    found = check_copies(item.first_page, [page.look for page in run]) if item.pages > 1 else []
    return replace(item, findings=(*item.findings, *found)) if found else item


def read_document(
    path: Path,
    layout_name: str = "fr",
    rule_text: str = "address",
    *,
    run: Runner = here,
    on_progress: Callable[[int, int], None] | None = None,
) -> Reading:
    """Read a PDF. `run` calls the steps (in a child process, say); `on_progress(pages read, pages)` is told after each slice.

    Raises PostOfficeError (unknown layout, bad rule) and Unreadable (see `open_pdf`).
    """
    check_choice(layout_name, rule_text)
    rule = parse_rule(rule_text)
    zones = zones_of(rule)
    entries = run(load_rows, Path(rule.file), layout_name) if isinstance(rule, OrderRule) else ()
    document: DocumentFacts = run(inspect, path)
    entry_points = run(outline, path)
    pages: list[PageFacts] = []
    for first, count in slices(document.pages, slice_size(document)):
        pages += run(read_pages, path, first, count, layout_name, zones)
        if on_progress is not None:
            on_progress(len(pages), document.pages)
    reading: Reading = run(partial(conclude, outline=entry_points, entries=entries), document, pages, layout_name, rule_text)
    return reading


def load_rows(path: Path, layout_name: str) -> list[Entry]:
    """The rows of a spreadsheet for the order rule. PostOfficeError unreadable-spreadsheet; OSError."""
    return read_entries(read_rows(path), LAYOUTS[layout_name].country)
