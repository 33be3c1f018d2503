"""The part of `bench letters` that is made hard on purpose: letters with a trap each, and pictures of letters."""

import tempfile
from pathlib import Path
from typing import Any

from PIL import Image

from benchmarks.letters_tally import Tally
from postoffice.compose.pages import PageFacts, read_pages
from postoffice.compose.reading import slices
from postoffice.model.layout import FR
from postoffice.pdf.document import frame_of, inspect, open_page, open_pdf
from postoffice.pdf.raster import picture
from tests.papers import makers
from tests.papers.letters_traps import TRAPS, make_trap

_LAYOUT = "fr"


def by_trap(count: int, seed: int) -> tuple[dict[str, Tally], dict[str, Any]]:
    """(tallies of the traps whose letters have text, figures of the others): those that must be told, and those read from pictures."""
    each = max(1, -(-count // len(TRAPS)))
    texts: dict[str, Tally] = {}
    faulty, seen = Tally(), Tally()
    shown: dict[str, Any] = {}
    with tempfile.TemporaryDirectory(prefix="postoffice-bench-") as folder:
        for name, trap in TRAPS.items():
            if trap.engine == "chromium" and not makers.chromium_program():
                continue
            path = Path(folder, f"{name}.pdf")
            truth = make_trap(name, each, seed, path)
            one = Tally()
            one.add(path, read(path), truth, _LAYOUT, faulty=trap.faulty, fold=str.casefold if trap.folded else str)
            path.unlink()
            if not trap.faulty and not trap.recognised:
                texts[name] = one
                continue
            (faulty if trap.faulty else seen).join(one)
            shown[f"trap_{name}"] = f"{one.letters} letters, {one.cuts} cuts, {one.lines} lines, {one.silent} wrong in silence"
    shown |= {"faulty_letters": faulty.letters, "faulty_letters_without_finding": faulty.silent}
    shown |= {f"letters_without_text_{name}": value for name, value in seen.figures().items()}
    return texts, shown


def from_pictures(count: int, seed: int) -> dict[str, Any]:
    """Letters as scanned: the share of addresses that are exact to the letter, by dots an inch, and wrong ones that nothing tells."""
    found: dict[str, Any] = {}
    with tempfile.TemporaryDirectory(prefix="postoffice-bench-") as folder:
        path = Path(folder, "plain.pdf")
        truth = make_trap("plain", count, seed, path)
        for dpi in (200, 300):
            target = scanned(path, Path(folder, f"{dpi}.pdf"), dpi)
            one = Tally()
            one.add(target, read(target), truth, _LAYOUT)
            found[f"scans_{dpi}_dpi_exact_percent"] = round(100 * one.share(one.lines), 1)
            found[f"scans_{dpi}_dpi_cut_points_percent"] = round(100 * one.share(one.cuts), 1)
            found[f"scans_{dpi}_dpi_wrong_without_finding"] = one.silent
    return found


def read(path: Path) -> list[PageFacts]:
    """All pages of a document for the French window."""
    return [page for first, count in slices(inspect(path).pages) for page in read_pages(path, first, count, FR.name)]


def scanned(path: Path, target: Path, dpi: int) -> Path:
    """The same pages as grey pictures."""
    images: list[Image.Image] = []
    with open_pdf(path) as document:
        for index in range(len(document)):
            with open_page(document, index) as page:
                images.append(picture(page, frame_of(page), dpi, grey=True))
    images[0].save(target, save_all=True, append_images=images[1:], resolution=dpi)
    return target
