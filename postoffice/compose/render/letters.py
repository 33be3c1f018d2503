"""Letters of a template, one per row: into one PDF with the pages of each, or one PDF alone."""

import gc
import io
import itertools
from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from postoffice.compose.render.assets import BASE, Assets, Pictures
from postoffice.compose.render.book import Attached, Book
from postoffice.compose.render.engine import Fonts, check
from postoffice.compose.render.faults import RowError, RowNote, TemplateFault
from postoffice.compose.render.limits import at_most
from postoffice.compose.render.press import Press
from postoffice.compose.render.template import Template
from postoffice.compose.render.watch import Watch

#: Python's collector runs about once a laid out letter instead of ten times
_GARBAGE = (20_000, 20, 20)
#: jobs of a process between two thorough collections. A job's garbage is as old as the process once it is thawed, so that Python hardly
#: looks at it again: a megabyte a job, for ever
_THOROUGH = 8
_JOBS = itertools.count(1)
#: seconds that one letter may take; a page takes 0.001 to 0.1
SECONDS = 20.0

Row = Mapping[str, object]


@dataclass(slots=True)
class Letters:
    """What came of the rows. `errors` and `notes` in the order of the rows; `roads`: how many letters took which road."""

    errors: list[RowError] = field(default_factory=list)
    notes: list[RowNote] = field(default_factory=list)
    roads: dict[str, int] = field(default_factory=dict)
    _counts: "array[int]" = field(default_factory=lambda: array("I"))

    @property
    def pages(self) -> int:
        """Pages of all letters."""
        return sum(self._counts)

    def __len__(self) -> int:
        """Rows seen."""
        return len(self._counts)

    def ranges(self) -> Iterator[tuple[int, int, int]]:
        """(row from 0, first page from 1, pages) of each letter that was made."""
        first = 1
        for row, count in enumerate(self._counts):
            if count:
                yield row, first, count
            first += count

    def add(self, pages: int) -> None:
        """The next row's letter has so many pages; 0: none was made."""
        self._counts.append(pages)


def render_letters(
    template: Template,
    rows: Iterable[Row],
    target: BinaryIO,
    *,
    archival: bool = False,
    seconds: float = SECONDS,
    stamping: bool = True,
) -> Letters:
    """Write the letters of all rows into one PDF. Rows are taken one by one and memory stays flat, however many there are.

    A row that fails is reported, the others go on; where no row gives a letter, the PDF has no page. `archival`: PDF/A-3b.
    `stamping=False` lays every letter out as a whole. Raises TemplateFault where the template itself cannot be read.
    """
    found = Letters()
    with _press(template, target, archival=archival, stamping=stamping) as (book, press):
        template.check()
        for number, row in enumerate(rows):
            try:
                found.add(_letter(template, row, press, seconds))
            except TemplateFault as fault:
                found.add(0)
                found.errors.append(_error(number, fault))
            if press.watch.missing:
                found.notes.append(RowNote(number, "no-glyph", "".join(sorted(press.watch.missing))))
        found.roads = dict(press.roads)
        book.close()
    return found


def render_letter(
    template: Template, row: Row, *, archival: bool = False, attached: Sequence[Attached] = (), seconds: float = SECONDS
) -> bytes:
    """The letter of one row as a PDF of its own, with files attached (for PDF/A-3b: their relationship to the letter is kept).

    Raises TemplateFault as Template.html; asset-missing, letter-too-slow, letter-failed.
    """
    target = io.BytesIO()
    with _press(template, target, archival=archival, stamping=False) as (book, press):
        _letter(template, row, press, seconds)
        book.close(attached)
    return target.getvalue()


def render_file(template: Template, rows: Sequence[Row], path: Path, *, archival: bool = False, seconds: float = SECONDS) -> Letters:
    """`render_letters` into a file: a piece of work for the workshop. A few thousand rows at a time fit its limit of seconds."""
    with path.open("wb") as target:
        return render_letters(template, rows, target, archival=archival, seconds=seconds)


@contextmanager
def _press(template: Template, target: BinaryIO, *, archival: bool, stamping: bool) -> Iterator[tuple[Book, Press]]:
    check()
    book = Book(target, archival=archival, title=template.title)
    watch = Watch()
    press = Press(book, Fonts(), Assets(template.assets), Pictures(), watch, base_url=BASE, stamping=stamping)
    threshold = gc.get_threshold()
    if next(_JOBS) % _THOROUGH == 0:
        gc.collect()
    gc.freeze()  # nothing that is there now goes while letters are printed: it need not be looked through again and again
    gc.set_threshold(*_GARBAGE)
    try:
        with watch.listening():
            yield book, press
    finally:
        gc.set_threshold(*threshold)
        gc.unfreeze()


def _letter(template: Template, row: Row, press: Press, seconds: float) -> int:
    press.watch.missing.clear()
    with at_most(seconds):
        html = template.html(row)
        try:
            return press.letter(html)
        except TemplateFault:
            raise
        except MemoryError:
            press.forget()
            raise TemplateFault("letter-too-big", "This letter needs more memory than it may.", help="Make it shorter.") from None
        except (ArithmeticError, AssertionError, AttributeError, LookupError, RecursionError, TypeError, ValueError, OSError) as error:
            press.forget()
            raise TemplateFault(
                "letter-failed",
                f"This letter cannot be laid out ({type(error).__name__}).",
                help="Look at its preview, and simplify the template where it goes wrong.",
                kind=type(error).__name__,
            ) from error


def _error(row: int, fault: TemplateFault) -> RowError:
    line = fault.facts.get("line", 0)
    named = fault.facts.get("field", fault.facts.get("asset", ""))
    return RowError(row, fault.code, fault.message, fault.help, str(named), line if isinstance(line, int) else 0)
