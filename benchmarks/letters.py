"""Cut points and addresses of 2,000 generated letters with a known truth, by maker and by trap; whether the proposals' confidence is
honest; and how many addresses are read letter for letter from pictures of 200 and 300 dots an inch.

Half of the letters are merges by four makers in three layouts, half are French letters with a trap each (see
tests.papers.letters_traps). `address_lines_percent` is of letters with text; those that only show their letters (outlines, fonts
without a table) and scans are counted apart. `--seed` moves all of them. The figures say how many are right; the ratio named after
each share compares it with what issue-tracking calls for (1 is "all"). Honest means: of all runs of pages that proposals are made of,
those with a confidence of 0.95 and more should be right that often.
"""

import argparse
import random
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from benchmarks.letters_tally import Tally
from benchmarks.letters_traps import by_trap, from_pictures
from postoffice.compose.pages import PageFacts, read_pages
from postoffice.compose.proposals import THRESHOLD, Proposal, is_sure, propose
from postoffice.compose.read_address import AddressReading
from postoffice.compose.reading import slices
from postoffice.compose.rules import parse_rule
from postoffice.compose.split import Material, runs_of
from postoffice.model.layout import LAYOUTS
from postoffice.pdf.document import inspect
from tests.papers.letters import KINDS, make_letters, missing
from tests.papers.people import Truth

#: share of first pages whose address is taken away, or whose page is followed by one that bears another's, in damaged copies
_DAMAGE = (0.0, 0.01, 0.05, 0.2)


def run(arguments: argparse.Namespace) -> dict[str, Any]:
    """Figures and ratios. `arguments.count`: letters in all (2,000)."""
    count = getattr(arguments, "count", 0) or 2_000
    seed = getattr(arguments, "seed", None) or 1
    each = max(1, -(-count // (2 * len(KINDS))))
    tally: dict[str, Tally] = defaultdict(Tally)
    honesty = Honesty()
    for number, kind in enumerate(KINDS):
        maker, _, layout = kind.partition("-")
        if missing(maker):
            continue
        path, truth = make_letters(kind, each, seed=number + seed)
        pages = _read(path, layout)
        tally[maker].add(path, pages, truth, layout)
        honesty.add(pages, truth, layout, random.Random(number))
    whole = Tally()
    figures: dict[str, Any] = {}
    for maker, one in tally.items():
        figures |= {f"{maker}_{name}": value for name, value in one.figures().items()}
        whole.join(one)
    trapped, shown = by_trap(count // 2, seed)
    for name, one in trapped.items():
        whole.join(one)
        figures[f"trap_{name}"] = f"{one.letters} letters, {one.cuts} cuts, {one.lines} lines, {one.silent} wrong in silence"
    figures |= shown | from_pictures(max(20, count // 20), seed)
    figures |= whole.figures() | honesty.figures()
    ratios = {"cut_points_right": whole.share(whole.cuts), "address_lines_right": whole.share(whole.lines)}
    return {"figures": figures, "ratios": ratios | {"confidence_kept": honesty.kept()}}


def _read(path: Path, layout: str) -> list[PageFacts]:
    return [page for first, count in slices(inspect(path).pages) for page in read_pages(path, first, count, layout)]


class Honesty:
    """Confidence beside the share of right runs, on copies with more and less damage."""

    def __init__(self) -> None:
        self._bins: dict[str, list[tuple[float, float]]] = defaultdict(list)
        self._sure = self._sure_right = self._copies = 0

    def add(self, pages: Sequence[PageFacts], truth: Sequence[Truth], layout: str, chance: random.Random) -> None:
        """Judge all proposals for a merge and its damaged copies."""
        starts = [one.first_page - 1 for one in truth]
        wanted = {(one.first_page - 1, one.pages) for one in truth}
        for damage in _DAMAGE:
            copy = damaged(pages, starts, damage, chance)
            material = Material(copy, LAYOUTS[layout])
            proposals = propose(material)
            for one in proposals:
                made = {(run.first, run.count) for run in runs_of(material, parse_rule(one.rule)).runs}
                self._bins[_bin(one)].append((one.confidence, len(made & wanted) / len(made)))
            self._copies += 1
            if is_sure(proposals):
                self._sure += 1
                made = {(run.first, run.count) for run in runs_of(material, parse_rule(proposals[0].rule)).runs}
                self._sure_right += made == wanted

    def kept(self) -> float:
        """Share of right runs in proposals from THRESHOLD on, against the confidence that they were given."""
        found = self._bins.get("confident", [])
        told, right = sum(one for one, _ in found), sum(one for _, one in found)
        return round(right / told, 4) if told else 0.0

    def figures(self) -> dict[str, Any]:
        """By bin: how many proposals, the mean confidence and the mean share of right runs; and what would have left by itself."""
        shown: dict[str, Any] = {}
        for name, found in sorted(self._bins.items()):
            shown[f"proposals_{name}"] = len(found)
            shown[f"proposals_{name}_mean_confidence"] = round(sum(one for one, _ in found) / len(found), 3)
            shown[f"proposals_{name}_right_runs"] = round(sum(one for _, one in found) / len(found), 3)
        return shown | {"copies": self._copies, "copies_sure": self._sure, "copies_sure_and_all_right": self._sure_right}


def _bin(one: Proposal) -> str:
    return "confident" if one.confidence >= THRESHOLD else "fair" if one.confidence >= 0.7 else "doubtful"


def damaged(pages: Sequence[PageFacts], starts: Sequence[int], share: float, chance: random.Random) -> list[PageFacts]:
    """A copy in which some first pages lost their address, and some following pages bear the one of the letter behind them."""
    copy = list(pages)
    for number, start in enumerate(starts):
        if chance.random() >= share:
            continue
        following = starts[number + 1] if number + 1 < len(starts) else 0
        if following > start + 1 and chance.random() < 0.5:
            copy[start + 1] = replace(copy[start + 1], reading=pages[following].reading)
        else:
            copy[start] = replace(copy[start], reading=AddressReading("none"))
    return copy
