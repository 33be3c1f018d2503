"""Ways to cut a document, each with what speaks for it and against it. Pure.

Five independent signs tell where a letter begins: an address that fills the window anew, "page 1 of 3", a marker, a separator before
it, an outline entry. A proposal is judged run by run by all signs that the document uses, whichever of them it was made by; its
confidence is the mean over its runs. The figures of `_SURE` were set against generated merges and their damaged copies, where the share
of right runs can be counted: `postoffice bench letters` prints it beside the confidence.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from postoffice.compose.cutting import Run, numbers_letters
from postoffice.compose.pages import PageFacts
from postoffice.compose.rules import Rule, parse_rule
from postoffice.compose.split import Material, runs_of

#: from here on a mailing of an automatic printer may leave without a person
THRESHOLD = 0.95
#: confidence in a run by how many signs speak for it while none speaks against it
_SURE = (0.40, 0.97, 0.995)
#: the same where signs contradict each other, and where more speak against it than for it
_TORN, _UNLIKELY = 0.50, 0.20
#: outline levels that are tried
_LEVELS = 3
#: largest fixed number of pages that is tried
_MOST_PAGES = 20
#: what was written into the document or beside it in order to cut it wins over what merely stands there
_ORDER = ("order", "marker", "separator", "bookmarks", "address", "pages", "whole")


@dataclass(frozen=True, slots=True)
class Proposal:
    """One way to cut. `reasons`: code -> how many runs; codes of `for` speak for it, those of `against` against it."""

    rule: str
    items: int
    confidence: float
    reasons: dict[str, int] = field(default_factory=dict)
    doubtful: int = 0  #: runs that something speaks against
    doubtful_page: int | None = None  #: the first page of the first of these
    also: tuple[str, ...] = ()  #: other rules that cut alike

    def as_dict(self) -> dict[str, Any]:
        """JSON shape kept with the mailing."""
        return {
            "rule": self.rule,
            "items": self.items,
            "confidence": round(self.confidence, 3),
            "reasons": self.reasons,
            "doubtful": self.doubtful,
            "doubtful_page": self.doubtful_page,
            "also": list(self.also),
        }

    @staticmethod
    def from_dict(shape: dict[str, Any]) -> "Proposal":
        """The inverse of `as_dict`."""
        return Proposal(
            shape["rule"],
            shape["items"],
            shape["confidence"],
            dict(shape["reasons"]),
            shape["doubtful"],
            shape["doubtful_page"],
            tuple(shape["also"]),
        )


#: what speaks for a run, and against it
FOR = ("address", "numbering", "marker", "separator", "bookmark", "row")
AGAINST = ("no-address", "other-address", "same-address", "numbering-against", "marker-against", "separator-against")


def propose(material: Material, more: Sequence[str] = ()) -> list[Proposal]:
    """Proposals, the best first; those that cut alike are one. `more`: rules to judge beside the usual ones."""
    signs = _Signs(material)
    by_cut: dict[tuple[int, ...], list[str]] = {}
    runs: dict[tuple[int, ...], list[Run]] = {}
    for text in dict.fromkeys((*more, *_candidates(material, signs))):
        made = runs_of(material, parse_rule(text))
        if made.matched or text == "whole" or text in more:
            key = tuple(number for run in made.runs for number in (run.first, run.count))
            by_cut.setdefault(key, []).append(text)
            runs[key] = made.runs
    found = [_judge(runs[key], sorted(rules, key=_rank), signs) for key, rules in by_cut.items()]
    return sorted(found, key=lambda one: (-round(one.confidence, 2), _rank(one.rule)))


def is_sure(proposals: Sequence[Proposal]) -> bool:
    """Whether the best one may be taken without a person: confident, without doubt, and no other one nearly as good cuts otherwise."""
    if not proposals or proposals[0].confidence < THRESHOLD or proposals[0].doubtful:
        return False
    return all(other.confidence < THRESHOLD for other in proposals[1:])


def _rank(rule: str) -> int:
    return _ORDER.index(rule.partition(":")[0]) if rule.partition(":")[0] in _ORDER else len(_ORDER)


def _candidates(material: Material, signs: "_Signs") -> list[str]:
    """The rules worth trying on this document."""
    found = ["marker"] if signs.markers else []
    found += ["separator:any"] if signs.separators else []
    levels = Counter(level for level, _ in material.outline)
    found += [f"bookmarks:{level}" for level in range(1, _LEVELS + 1) if levels[level]]
    found.append("address")
    usual = Counter(run.count for run in runs_of(material, parse_rule("address")).runs).most_common(1)
    pages = len(material.pages)
    for count in {1, usual[0][0] if usual else 1}:
        if count < pages and pages % count == 0 and count <= _MOST_PAGES:
            found.append(f"pages:{count}")
    return [*found, "whole"]


class _Signs:
    """Which signs a document uses, and where they stand (indexes of pages)."""

    def __init__(self, material: Material) -> None:
        self.pages = pages = material.pages
        self.markers = {index for index, page in enumerate(pages) if page.markers}
        drops = {index for index, page in enumerate(pages) if _only_separates(page)}
        self.separators = drops if any(index + 1 < len(pages) for index in drops) else set()
        self.after = {index + 1 for index in self.separators if index + 1 not in self.separators} | ({0} if self.separators else set())
        self.bookmarks = {page - 1 for level, page in material.outline if level == 1}
        self.numbered = numbers_letters(pages) and any(page.numbering for page in pages)
        self.addresses = any(page.reading.kind == "complete" for page in pages)
        self.rows = bool(material.entries)

    def judge(self, run: Run, before: Run | None) -> tuple[list[str], list[str]]:
        """(what speaks for a run, what against it)."""
        yes: list[str] = []
        no: list[str] = []
        for verdict in (self._by_address(run, before), self._by_numbers(run), self._by_marks(run)):
            yes += verdict[0]
            no += verdict[1]
        if yes == ["address"] and before is not None and self._same(run.first, before.first):
            return [], [*no, "same-address"]
        # an address again inside a letter: harmless where page numbers or the sender's own marks say that it is one letter
        if no == ["same-address"] and set(yes) - {"address"}:
            return yes, []
        return yes, no

    def _by_address(self, run: Run, before: Run | None) -> tuple[list[str], list[str]]:
        first = self.pages[run.first]
        yes = ["address"] if first.reading.kind == "complete" else []
        no = [] if yes or not self.addresses else ["no-address"]
        inside = range(run.first + 1, run.first + run.count)
        if any(self.pages[index].reading.kind == "complete" and not self._same(index, run.first) for index in inside):
            no.append("other-address")
        if any(self.pages[index].reading.kind == "complete" and self._same(index, run.first) for index in inside):
            no.append("same-address")
        return yes, no

    def _same(self, one: int, other: int) -> bool:
        return bool(self.pages[one].reading.key) and self.pages[one].reading.key == self.pages[other].reading.key

    def _by_numbers(self, run: Run) -> tuple[list[str], list[str]]:
        if not self.numbered:
            return [], []
        told = [(index, page.numbering) for index, page in enumerate(self.pages[run.first : run.first + run.count]) if page.numbering]
        right = all(numbers == (index + 1, run.count) for index, numbers in told)
        if not right:
            return [], ["numbering-against"]
        return (["numbering"], []) if told else ([], [])

    def _by_marks(self, run: Run) -> tuple[list[str], list[str]]:
        """Markers, separators and outline entries. The last may name chapters as well: only their agreement counts."""
        inside = set(range(run.first + 1, run.first + run.count))
        yes: list[str] = []
        no: list[str] = []
        for word, starts, within in (("marker", self.markers, self.markers), ("separator", self.after, self.separators)):
            if starts:
                fits = run.first in starts and not within & inside
                (yes if fits else no).append(word if fits else f"{word}-against")
        if run.first in self.bookmarks and not self.bookmarks & inside:
            yes.append("bookmark")
        if self.rows:
            yes.append("row")
        return yes, no


def _only_separates(page: PageFacts) -> bool:
    return page.blank or page.barcode.startswith("alone:")


def _judge(runs: Sequence[Run], rules: Sequence[str], signs: _Signs) -> Proposal:
    reasons: Counter[str] = Counter()
    total = 0.0
    doubtful: list[int] = []
    for number, run in enumerate(runs):
        yes, no = signs.judge(run, runs[number - 1] if number else None)
        reasons.update([*yes, *no])
        if no:
            doubtful.append(run.first + 1)
            total += _TORN if len(yes) > len(no) else _UNLIKELY
        else:
            total += _SURE[min(len(yes), len(_SURE) - 1)]
    return Proposal(
        rule=rules[0],
        items=len(runs),
        confidence=total / max(1, len(runs)),
        reasons={code: reasons[code] for code in (*FOR, *AGAINST) if reasons[code]},
        doubtful=len(doubtful),
        doubtful_page=doubtful[0] if doubtful else None,
        also=tuple(rules[1:]),
    )


def chosen_rule(text: str, proposals: Sequence[Proposal]) -> Rule:
    """The rule that a choice stands for: that of the best proposal where it is `auto`."""
    return parse_rule(proposals[0].rule if text.strip().lower() == "auto" and proposals else "address" if text == "auto" else text)
