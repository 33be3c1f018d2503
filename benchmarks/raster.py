"""PDF pages to fax (TIFF-F, Group 4, 204 x 196 dpi) a second, beside Ghostscript's tiffg4 on the same pages in the same run.

"long" are documents of many pages: by the clock, and by CPU seconds of all processes. They are made as the office makes them, by two
children of its workshop, which are there already; Ghostscript is started for each, as low in priority as they are. "one" is a fax of
two pages as it is really sent, by one child. The ratio "ghostscript" is that of all long ones. Legibility: the share of the PDF's own
words that tesseract reads on the same pages of both.

"each": many faxes of one page, by the two children, beside one Ghostscript a fax, two at a time, as a fax server does it itself.

What stands on several pages is coded once by a child. Each round begins with nothing kept; within it the kinds differ as papers do: no
line of "varied" comes twice, "letters" are one letter to many people.
"""

import argparse
import asyncio
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pypdfium2
from PIL import Image

from postoffice.model.errors import PostOfficeError
from postoffice.pdf.cut import cut_many
from postoffice.pdf.g4 import KEPT
from postoffice.pdf.tiff import FaxLook, Share, fax_share, fax_tiff_bytes, joined
from postoffice.workshop import ProcessWorkshop
from tests.ocr import words_of
from tests.papers.colourful import KINDS, make_pages
from tests.papers.merge import has_libreoffice, make_merge

ROUNDS = 5
PAGES = 40  #: of each kind
FAXES = 20  #: of one page, at most as many as there are pages
EACH = ("varied", "letters")  #: what they are cut from: the worst and the best for codes that are kept
CHILDREN = 2  #: of the workshop, and shares of a long document
_PEAK = """
import resource, sys
from pathlib import Path
from postoffice.pdf.tiff import FaxLook, fax_tiff
with open("/dev/null", "wb") as out:
    fax_tiff(Path(sys.argv[1]), out, FaxLook())
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""
READ = 2  #: pages of each kind that are read by OCR


class Cost(NamedTuple):
    """Seconds."""

    clock: float
    cpu: float


def run(arguments: argparse.Namespace) -> dict[str, Any]:
    """Figures and ratios. `arguments` may bear `count` (40 pages of each kind)."""
    if not shutil.which("gs"):
        raise PostOfficeError("no-ghostscript", "Ghostscript is not installed.", help="Install it to have something to compare with.")
    pages = getattr(arguments, "count", 0) or PAGES
    figures: dict[str, Any] = {}
    ratios: dict[str, float] = {}
    totals: list[list[tuple[Cost, Cost]]] = [[] for _ in range(ROUNDS)]
    with tempfile.TemporaryDirectory(prefix="postoffice-bench-") as name, a_workshop() as workshop:
        folder = Path(name)
        for kind, path in _papers(folder, pages).items():
            count = len(pypdfium2.PdfDocument(path))
            short = folder / f"{kind}-one.pdf"
            short.write_bytes(cut_many(path, [(1, 2)])[0])
            _in_shares(short, workshop)  # the children import what they need, once
            ours, theirs, one = _rounds(path, short, folder, workshop)
            figures[f"{kind}_pages_per_second"] = count / statistics.median(cost.clock for cost in ours)
            figures[f"{kind}_ghostscript_pages_per_second"] = count / statistics.median(cost.clock for cost in theirs)
            rounds = list(zip(ours, theirs, strict=True))
            ratios[f"{kind}_long"] = statistics.median(peer.clock / mine.clock for mine, peer in rounds)
            ratios[f"{kind}_long_cpu"] = statistics.median(peer.cpu / mine.cpu for mine, peer in rounds)
            ratios[f"{kind}_one"] = statistics.median(one)
            for part, pair in zip(totals, rounds, strict=True):
                part.append(pair)
            figures |= _legibility(kind, path, folder)
            if kind in EACH:
                mine, peer = _each(path, folder, workshop)
                figures[f"{kind}_each_faxes_per_second"] = min(FAXES, count) / statistics.median(cost.clock for cost in mine)
                ratios[f"{kind}_each"] = statistics.median(two.clock / one.clock for one, two in zip(mine, peer, strict=True))
                ratios[f"{kind}_each_cpu"] = statistics.median(two.cpu / one.cpu for one, two in zip(mine, peer, strict=True))
        figures["memory_growth_mb"] = _growth(folder, folder / "dense.pdf")
    ratios["ghostscript"] = statistics.median(sum(peer.clock for _, peer in one) / sum(mine.clock for mine, _ in one) for one in totals)
    ratios["ghostscript_cpu"] = statistics.median(sum(peer.cpu for _, peer in one) / sum(mine.cpu for mine, _ in one) for one in totals)
    return {"figures": figures, "ratios": ratios}


def _papers(folder: Path, pages: int) -> dict[str, Path]:
    papers = {kind: make_pages(folder / f"{kind}.pdf", kind, pages) for kind in KINDS}
    if has_libreoffice():
        papers["letters"] = make_merge(folder, pages)[0]
    return papers


def _rounds(path: Path, short: Path, folder: Path, workshop: ProcessWorkshop) -> tuple[list[Cost], list[Cost], list[float]]:
    """Ours and theirs for the long document, and ratios by the clock for the short one."""
    ours, theirs, one = [], [], []
    for _ in range(ROUNDS):
        ours.append(_in_shares(path, workshop))
        theirs.append(_cost(lambda: _ghostscript(path, folder)))
        KEPT.forget()
        mine = _cost(lambda: fax_tiff_bytes(short.read_bytes(), FaxLook()))
        one.append(_cost(lambda: _ghostscript(short, folder)).clock / mine.clock)
    return ours, theirs, one


@contextmanager
def a_workshop() -> Iterator[ProcessWorkshop]:
    """A workshop as the office has it."""
    workshop = ProcessWorkshop(children=CHILDREN, seconds=300, megabytes=0)
    try:
        yield workshop
    finally:
        workshop.close()


def _spent() -> float:
    """CPU seconds of this process and of those that it waited for."""
    own, children = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    return own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime


def _cost(work: Callable[[], object]) -> Cost:
    before, start = _spent(), time.perf_counter()
    work()
    clock = time.perf_counter() - start
    return Cost(clock, _spent() - before)


def _in_shares(path: Path, workshop: ProcessWorkshop) -> Cost:
    """What a long document costs when the workshop's children draw it."""
    found: list[tuple[Share, float]] = []
    content = path.read_bytes()

    async def work() -> None:
        found.extend(await asyncio.gather(*(workshop.run(measured_share, content, number, CHILDREN) for number in range(CHILDREN))))
        joined([share for share, _ in found], FaxLook())

    own = _cost(lambda: asyncio.run(work()))
    return Cost(own.clock, own.cpu + sum(spent for _, spent in found))


def measured_share(content: bytes, number: int, shares: int) -> tuple[Share, float]:
    """In a child: a share, and the CPU seconds that it took."""
    KEPT.forget()
    start = time.process_time()
    share = fax_share(content, FaxLook(), number, shares)
    return share, time.process_time() - start


def _each(path: Path, folder: Path, workshop: ProcessWorkshop) -> tuple[list[Cost], list[Cost]]:
    """Ours and theirs for many faxes of one page."""
    pages = len(pypdfium2.PdfDocument(path))
    faxes = min(FAXES, pages)
    papers = []
    for number, content in enumerate(cut_many(path, [(page * pages // faxes + 1, 1) for page in range(faxes)])):
        papers.append(folder / f"each-{number}.pdf")
        papers[-1].write_bytes(content)
    ours, theirs = [], []
    for number in range(ROUNDS):
        ours.append(_by_children(papers, f"{path.stem} {number}", workshop))
        theirs.append(_cost(lambda: _by_ghostscripts(papers)))
    return ours, theirs


def _by_children(papers: list[Path], part: str, workshop: ProcessWorkshop) -> Cost:
    spent: list[float] = []

    async def work() -> None:
        spent.extend(await asyncio.gather(*(workshop.run(measured_fax, paper.read_bytes(), part) for paper in papers)))

    own = _cost(lambda: asyncio.run(work()))
    return Cost(own.clock, own.cpu + sum(spent))


_parts: set[str] = set()


def measured_fax(content: bytes, part: str) -> float:
    """In a child: the CPU seconds that a fax takes. What is kept from another `part` of the measurement is forgotten."""
    if part not in _parts:
        _parts.add(part)
        KEPT.forget()
    start = time.process_time()
    fax_tiff_bytes(content, FaxLook())
    return time.process_time() - start


def _by_ghostscripts(papers: list[Path]) -> None:
    """One process a fax, two at a time."""
    with ThreadPoolExecutor(CHILDREN) as pool:
        list(pool.map(lambda paper: _ghostscript(paper, paper.parent, f"{paper.stem}.tif"), papers))


def _ours(path: Path, folder: Path) -> None:
    (folder / "ours.tif").write_bytes(fax_tiff_bytes(path.read_bytes(), FaxLook())[0])


def _ghostscript(path: Path, folder: Path, name: str = "theirs.tif") -> None:
    out = f"-sOutputFile={folder / name}"
    subprocess.run(
        [
            "nice",
            "-n",
            "5",
            "gs",
            "-q",
            "-dNOPAUSE",
            "-dBATCH",
            "-dSAFER",
            "-sDEVICE=tiffg4",
            "-r204x196",
            "-sPAPERSIZE=a4",
            out,
            str(path),
        ],
        check=True,
        capture_output=True,
    )


def _legibility(kind: str, path: Path, folder: Path) -> dict[str, float]:
    """Share of the words read, on the first pages."""
    document = pypdfium2.PdfDocument(path)
    words = {}
    for who, work in (("ours", _ours), ("ghostscript", _ghostscript)):
        work(path, folder)
        with Image.open(folder / ("ours.tif" if who == "ours" else "theirs.tif")) as image:
            words[who] = [_share(document[page].get_textpage().get_text_bounded(), image, page, folder) for page in range(READ)]
    return {f"{kind}_words_read_{who}": statistics.mean(shares) for who, shares in words.items()}


def _share(text: str, image: Image.Image, page: int, folder: Path) -> float:
    image.seek(page)
    image.convert("L").resize((1728, 2376)).save(folder / "page.png")
    read = words_of(folder / "page.png")
    wanted = [word for word in text.split() if len(word) > 2]
    return sum(word in read for word in wanted) / len(wanted)


def _growth(folder: Path, path: Path) -> float:
    """Megabytes that the peak grows by from the document to one three times as long."""
    longer = folder / "longer.pdf"
    pages = len(pypdfium2.PdfDocument(path))
    with pypdfium2.PdfDocument.new() as made:
        for _ in range(3):
            made.import_pages(pypdfium2.PdfDocument(path), range(pages))
        made.save(longer)
    peaks = []
    for one in (path, longer):
        told = subprocess.run([sys.executable, "-c", _PEAK, str(one)], capture_output=True, text=True, check=True)
        peaks.append(int(told.stdout))
    return (peaks[1] - peaks[0]) / 1000
