"""Letters counted: cut right, read right, wrong in silence."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from postoffice.compose.pages import PageFacts
from postoffice.compose.reading import conclude
from postoffice.model.finding import Severity
from postoffice.pdf.document import inspect
from tests.papers.people import Truth


class Tally:
    """Letters of one maker: how many there are, whose cut and whose address lines are right, and wrong addresses that nothing tells."""

    def __init__(self) -> None:
        self.letters = self.cuts = self.lines = self.silent = 0

    def add(
        self,
        path: Path,
        pages: Sequence[PageFacts],
        truth: Sequence[Truth],
        layout: str,
        *,
        faulty: bool = False,
        fold: Callable[[str], str] = str,
    ) -> None:
        """Read the pages of a merge and compare. `faulty`: every letter has something that must be told; `fold`: what is compared."""
        made = conclude(inspect(path), pages, layout, "address").items
        items = {(item.first_page, item.pages): item for item in made}
        for one in truth:
            item = items.get((one.first_page, one.pages))
            read = item.address.lines if item is not None and item.address is not None else ()
            right = [fold(line) for line in read] == [fold(line) for line in one.lines]
            # where the cut is wrong, the item that holds the letter's first page must say so
            holder = item or next(
                (other for other in made if other.first_page <= one.first_page < other.first_page + other.pages), None
            )
            told = holder is not None and holder.level in (Severity.ERROR, Severity.WARNING)
            self.letters += 1
            self.cuts += item is not None
            self.lines += right
            self.silent += not told and (faulty or not right)

    def join(self, other: "Tally") -> None:
        """Add another one's."""
        for name, value in vars(other).items():
            setattr(self, name, getattr(self, name) + value)

    def share(self, part: int) -> float:
        """Of all letters."""
        return round(part / max(1, self.letters), 5)

    def figures(self) -> dict[str, Any]:
        """As percentages."""
        return {
            "letters": self.letters,
            "cut_points_percent": round(100 * self.share(self.cuts), 3),
            "address_lines_percent": round(100 * self.share(self.lines), 3),
            "wrong_without_finding": self.silent,
        }
