"""Cutting a merge: from the file to its items and to a PDF for each, beside a bare pypdfium2 loop and pdfplumber on the same pages.

The letters are LibreOffice's where it is installed, else the product's own trial letters. Peers only fetch the text of the windows; the
product reads the addresses, tries every way to cut, judges them, checks the paper, and keeps the pages for cutting anew.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pypdfium2

from postoffice.compose import kept
from postoffice.compose.reading import slices
from postoffice.compose.trial import trial_merge
from postoffice.model.layout import FR
from postoffice.pdf.cut import cut_many
from tests.papers.merge import has_libreoffice, make_merge

_MM = 72 / 25.4


def run(arguments: argparse.Namespace) -> dict[str, Any]:
    """Figures and ratios. `arguments.count`: letters (500); `rounds` (5)."""
    letters, rounds = getattr(arguments, "count", 0) or 500, getattr(arguments, "rounds", None) or 5
    with tempfile.TemporaryDirectory(prefix="postoffice-bench-") as folder:
        path, pages, engine = paper(Path(folder), letters)
        ours, bare, again = [], [], []
        for _ in range(rounds):
            ours.append(_seconds(lambda: whole_way(path, pages)))
            bare.append(_seconds(lambda: bare_loop(path, 1, pages, everywhere=True)))
        few = min(pages, 60)
        plumber = statistics.median(_seconds(lambda: plumber_loop(path, few)) / few for _ in range(2))
        whole = whole_way(path, pages)
        items = kept.conclude_kept(whole, "address").items
        for _ in range(rounds):
            again.append(_seconds(lambda: kept.conclude_kept(whole, "auto")))
        runs = [(item.first_page, item.pages) for item in items]
        cuts = _seconds(lambda: cut_many(path, runs))
    return {
        "figures": {
            "engine": engine,
            "pages": pages,
            "items": len(items),
            "pages_per_cpu_second_file_to_items": round(pages / statistics.median(ours)),
            "bare_loop_pages_per_cpu_second": round(pages / statistics.median(bare)),
            "pdfplumber_pages_per_cpu_second": round(1 / plumber, 1),
            "cut_anew_pages_per_cpu_second": round(pages / statistics.median(again)),
            "cut_letters_per_cpu_second": round(len(runs) / cuts),
            "kept_bytes_per_page": round(len(kept.pack(whole)) / pages),
        },
        "ratios": {
            "bare_loop_all_rectangles": round(statistics.median(b / a for a, b in zip(ours, bare, strict=True)), 2),
            "pdfplumber": round(plumber / (statistics.median(ours) / pages), 1),
        },
    }


def whole_way(path: Path, pages: int) -> kept.Kept:
    """Read all pages and cut, as the worker's children do."""
    document, outline = kept.look_over(path)
    parts = tuple(kept.read_slice(path, first, count, "fr", ()) for first, count in slices(pages, 100))
    whole = kept.Kept("fr", (), document, outline, parts)
    kept.conclude_kept(whole, "auto")
    return whole


def paper(folder: Path, letters: int, *, trial: bool = False) -> tuple[Path, int, str]:
    """(a merge of letters, its pages, what made it)."""
    if has_libreoffice() and not trial:
        path, truth = make_merge(folder, letters)
        return path, truth[-1].first_page + truth[-1].pages - 1, "libreoffice"
    content, known = trial_merge(letters, seed=7)
    path = folder / f"trial-{letters}.pdf"
    path.write_bytes(content)
    return path, known[-1].first_page + known[-1].pages - 1, "trial"


def _seconds(work: Callable[[], object]) -> float:
    """CPU seconds of this process."""
    start = time.process_time()
    work()
    return time.process_time() - start


def bare_loop(path: Path, first: int, count: int, *, everywhere: bool) -> int:
    """The loop anybody would write: rectangles with their texts, of the window or of the whole page."""
    x, y, width, height = (side * _MM for side in FR.window)
    document = pypdfium2.PdfDocument(path)
    found = 0
    for number in range(first - 1, first - 1 + count):
        page = document[number]
        tall = page.get_height()
        text = page.get_textpage()
        for index in range(text.count_rects()):
            left, bottom, right, top = text.get_rect(index)
            if everywhere or (left >= x - 6 and left < x + width and tall - top >= y - 6 and tall - bottom <= y + height + 6):
                found += len(text.get_text_bounded(left, bottom, right, top))
        text.close()
        page.close()
    document.close()
    return found


def plumber_loop(path: Path, pages: int) -> int:
    """The same window by pdfplumber."""
    import pdfplumber

    x, y, width, height = (side * _MM for side in FR.window)
    found = 0
    with pdfplumber.open(path) as document:
        for page in document.pages[:pages]:
            found += len(page.crop((x, y, x + width, y + height)).extract_text() or "")
            page.close()
    return found
