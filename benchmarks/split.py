"""Reading and cutting a merge, beside a bare pypdfium2 loop and pdfplumber on the same pages in the same run.

The letters are LibreOffice's where it is installed, else the product's own trial letters. Peers only fetch the text of the window;
the product also decides, checks and reports, so a ratio of 1 would mean that all of that is free.
"""

import argparse
import resource
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pypdfium2

from postoffice.compose.pages import read_pages
from postoffice.compose.reading import read_document, slices
from postoffice.compose.trial import trial_merge
from postoffice.model.layout import FR
from postoffice.pdf.cut import cut_many
from tests.papers.merge import has_libreoffice, make_merge

_MM = 72 / 25.4


def run(arguments: argparse.Namespace) -> dict[str, Any]:
    """Figures and ratios. `arguments` may bear `letters` (500), `rounds` (5), `pages` of the long document (10,000)."""
    letters, rounds = getattr(arguments, "letters", None) or 500, getattr(arguments, "rounds", None) or 5
    with tempfile.TemporaryDirectory(prefix="postoffice-bench-") as folder:
        path, pages, engine = _paper(Path(folder), letters)
        ours, bare, every = [], [], []
        for _ in range(rounds):
            ours.append(_rate(pages, lambda: _read(path, pages)))
            bare.append(_rate(pages, lambda: _pypdfium2(path, pages, everywhere=False)))
            every.append(_rate(pages, lambda: _pypdfium2(path, pages, everywhere=True)))
        few = min(pages, 60)
        plumber = [_rate(few, lambda: _pdfplumber(path, few)) for _ in range(2)]
        items = read_document(path).items
        runs = [(item.first_page, item.pages) for item in items]
        cuts = _rate(len(runs), lambda: cut_many(path, runs))
        long_rate, grown = _long(Path(folder), getattr(arguments, "pages", None) or 10_000)
    return {
        "figures": {
            "engine": engine,
            "pages": pages,
            "items": len(items),
            "read_pages_per_second": round(statistics.median(ours)),
            "bare_window_pages_per_second": round(statistics.median(bare)),
            "bare_all_text_pages_per_second": round(statistics.median(every)),
            "pdfplumber_pages_per_second": round(statistics.median(plumber), 1),
            "cut_letters_per_second": round(cuts),
            "long_document_pages_per_second": round(long_rate),
            "long_document_memory_growth_mb": round(grown, 1),
        },
        "ratios": {
            "pypdfium2": round(statistics.median(a / b for a, b in zip(ours, every, strict=True)), 2),
            "pypdfium2_window_only": round(statistics.median(a / b for a, b in zip(ours, bare, strict=True)), 2),
            "pdfplumber": round(statistics.median(ours) / statistics.median(plumber), 1),
        },
    }


def _paper(folder: Path, letters: int) -> tuple[Path, int, str]:
    if has_libreoffice():
        path, truth = make_merge(folder, letters)
        return path, truth[-1].first_page + truth[-1].pages - 1, "libreoffice"
    content, known = trial_merge(letters)
    path = folder / "trial.pdf"
    path.write_bytes(content)
    return path, known[-1].first_page + known[-1].pages - 1, "trial"


def _rate(count: int, work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return count / (time.perf_counter() - start)


def _read(path: Path, pages: int) -> None:
    for first, count in slices(pages):
        read_pages(path, first, count, "fr")


def _pypdfium2(path: Path, pages: int, *, everywhere: bool) -> int:
    """The loop anybody would write: rectangles with their texts, of the window or of the whole page."""
    x, y, width, height = (side * _MM for side in FR.window)
    document = pypdfium2.PdfDocument(path)
    found = 0
    for number in range(pages):
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


def _pdfplumber(path: Path, pages: int) -> int:
    import pdfplumber

    x, y, width, height = (side * _MM for side in FR.window)
    found = 0
    with pdfplumber.open(path) as document:
        for page in document.pages[:pages]:
            found += len(page.crop((x, y, x + width, y + height)).extract_text() or "")
            page.close()
    return found


def _long(folder: Path, pages: int) -> tuple[float, float]:
    """(pages per second, growth of memory in MB over the second half) of a long document read in slices."""
    content, truth = trial_merge(pages * 10 // 16, seed=7)
    path = folder / "long.pdf"
    path.write_bytes(content)
    total = truth[-1].first_page + truth[-1].pages - 1
    parts = list(slices(total))
    start, half = time.perf_counter(), 0.0
    for number, (first, count) in enumerate(parts):
        if number == len(parts) // 2:
            half = _peak()
        read_pages(path, first, count, "fr")
    return total / (time.perf_counter() - start), _peak() - half


def _peak() -> float:
    """Of this process so far, MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    import json

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--letters", type=int, default=500)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--pages", type=int, default=10_000)
    print(json.dumps(run(parser.parse_args()), indent=2))
