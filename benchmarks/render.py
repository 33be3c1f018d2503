"""Letters of a template, beside naive WeasyPrint, typst and a LibreOffice merge of the same letters in the same rounds.

Seconds are those of the processor (children included), so that ratios hold per core and on a busy machine. `naive` is
`HTML(string).write_pdf()` for each letter. Each of our figures includes everything from a fresh template to the closed PDF, but is
taken over as many letters as make the start small; the LibreOffice figure leaves its start out.
"""

import argparse
import io
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import typst
import weasyprint

from benchmarks import render_peers
from postoffice.compose.render import Template, render_letters
from tests.compose.render import samples
from tests.compose.render.compare import same

#: letters of one measurement
_NAIVE, _LAID, _CIRCULAR, _VARIABLE, _TYPST, _OFFICE = 10, 100, 2_000, 500, 30, 60


def run(arguments: argparse.Namespace) -> dict[str, Any]:
    """Figures and ratios. `arguments` may bear `rounds` (5) and `growth` (also 50,000 letters beside 5,000)."""
    rounds = getattr(arguments, "rounds", None) or 5
    with tempfile.TemporaryDirectory(prefix="postoffice-bench-") as folder:
        bench = _Bench(samples.assets(Path(folder)))
        bench.round()  # fonts, hyphenation and pictures are met for the first time
        taken = [bench.round() for _ in range(rounds)]
        wrong = bench.differences()
        result = _summary(taken)
        result["figures"]["pages_that_differ_from_weasyprint"] = len(wrong)
        result["figures"] |= bench.sizes()
        if getattr(arguments, "growth", False):
            _growth(result)
    return result


class _Bench:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.circular = Template(samples.CIRCULAR, assets=folder)
        self.invoice = Template(samples.INVOICE, assets=folder)
        self.few = list(samples.rows(_NAIVE))
        self.many = list(samples.rows(max(_CIRCULAR, _VARIABLE)))

    def round(self) -> dict[str, float]:
        """Letters a second of processor time, by engine and kind of letter."""
        taken = {
            "naive_circular": self._naive(self.circular),
            "naive_invoice": self._naive(self.invoice),
            "laid_invoice": self._ours(self.invoice, _LAID, stamping=False),
            "stamped_circular": self._ours(self.circular, _CIRCULAR),
            "stamped_invoice": self._ours(self.invoice, _VARIABLE),
            "archival_circular": self._ours(self.circular, _CIRCULAR, archival=True),
            "archival_laid_invoice": self._ours(self.invoice, _LAID, stamping=False, archival=True),
            "typst_circular": self._typst(render_peers.TYPST_CIRCULAR),
            "typst_invoice": self._typst(render_peers.TYPST_INVOICE),
        }
        if shutil.which("soffice"):
            taken["libreoffice_invoice"] = self._office()
        return taken

    def _naive(self, template: Template) -> float:
        def work() -> None:
            for row in self.few:
                weasyprint.HTML(string=template.html(row), base_url=f"{self.folder}/").write_pdf()

        return _rate(len(self.few), work)

    def _ours(self, template: Template, count: int, *, stamping: bool = True, archival: bool = False) -> float:
        rows = self.many[:count]
        return _rate(count, lambda: render_letters(template, rows, io.BytesIO(), stamping=stamping, archival=archival))

    def _typst(self, source: str) -> float:
        path = self.folder / "letter.typ"
        path.write_text(source, encoding="utf-8")
        compiler = typst.Compiler(str(path), root=str(self.folder))
        rows = self.many[:_TYPST]

        def work() -> None:
            for row in rows:
                compiler.compile(format="pdf", sys_inputs={"row": json.dumps(row)})

        return _rate(len(rows), work)

    def _office(self) -> float:
        one = _seconds(lambda: render_peers.office(self.folder, self.many[:1]))
        all_ = _seconds(lambda: render_peers.office(self.folder, self.many[: _OFFICE + 1]))
        return _OFFICE / max(all_ - one, 1e-3)

    def differences(self) -> list[str]:
        """Pages of 25 letters of each kind that are not plain WeasyPrint's."""
        rows = self.many[:25]
        kinds = [(self.circular, True), (self.invoice, True), (self.invoice, False)]
        return [wrong for template, stamping in kinds for wrong in same(template, rows, stamping=stamping)[1]]

    def sizes(self) -> dict[str, float]:
        """Kilobytes a letter."""
        sizes = {}
        for name, template in (("circular", self.circular), ("invoice", self.invoice)):
            target = io.BytesIO()
            render_letters(template, self.many[:_VARIABLE], target)
            sizes[f"kilobytes_a_letter_{name}"] = round(len(target.getvalue()) / _VARIABLE / 1_000, 2)
        return sizes


def _summary(taken: list[dict[str, float]]) -> dict[str, Any]:
    """Medians of the rates, and medians of the ratios of each round."""

    def ratio(ours: str, theirs: str) -> float:
        return round(statistics.median(one[ours] / one[theirs] for one in taken), 2)

    figures: dict[str, Any] = {f"{name}_per_second": round(statistics.median(one[name] for one in taken), 1) for name in taken[0]}
    ratios = {
        "true_layout_naive": ratio("laid_invoice", "naive_invoice"),
        "circular_naive": ratio("stamped_circular", "naive_circular"),
        "circular_typst": ratio("stamped_circular", "typst_circular"),
        "variable_naive": ratio("stamped_invoice", "naive_invoice"),
        "variable_typst": ratio("stamped_invoice", "typst_invoice"),
        "archival_time_circular": ratio("stamped_circular", "archival_circular"),
        "archival_time_true_layout": ratio("laid_invoice", "archival_laid_invoice"),
    }
    if "libreoffice_invoice" in taken[0]:
        ratios["true_layout_libreoffice"] = ratio("laid_invoice", "libreoffice_invoice")
    return {"figures": figures, "ratios": ratios}


def _rate(count: int, work: Callable[[], object]) -> float:
    return count / _seconds(work)


def _seconds(work: Callable[[], object]) -> float:
    """Of processor time, of this process and of children that ended meanwhile."""
    start = _processor()
    work()
    return _processor() - start


def _processor() -> float:
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


# --- growth: a process of its own for each run


def _growth(result: dict[str, Any]) -> None:
    few, many = _child("circular", 5_000), _child("circular", 50_000)
    invoice, laid = _child("invoice", 2_000), _child("laid", 2_000)
    result["figures"] |= {
        "seconds_5000": few["seconds"],
        "seconds_50000": many["seconds"],
        "megabytes_50000": many["megabytes"],
        "megabytes_invoice": invoice["megabytes"],
        "megabytes_laid": laid["megabytes"],
    }
    result["ratios"]["time_50000_5000"] = round(many["seconds"] / few["seconds"], 2)


def _child(kind: str, count: int) -> dict[str, Any]:
    command = [sys.executable, "-m", "benchmarks.render", "--child", kind, "--count", str(count)]
    done = subprocess.run(command, check=True, capture_output=True, text=True, cwd=Path(__file__).resolve().parents[1])
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def _grow(kind: str, count: int) -> dict[str, Any]:
    """Seconds, and resident megabytes by letters printed."""
    curve: dict[str, float] = {}

    def watched() -> Iterator[dict[str, Any]]:
        for number, row in enumerate(samples.rows(count), 1):
            yield row
            if number in (200, 500, 1_000, 2_000, 5_000, 10_000, 20_000, 50_000):
                curve[str(number)] = _resident()

    with tempfile.TemporaryDirectory(prefix="postoffice-bench-") as folder:
        source = samples.CIRCULAR if kind == "circular" else samples.INVOICE
        template = Template(source, assets=samples.assets(Path(folder)))
        with open(Path(folder, "letters.pdf"), "wb") as target:
            seconds = _seconds(lambda: render_letters(template, watched(), target, stamping=kind != "laid"))
    return {"seconds": round(seconds, 1), "megabytes": curve}


def _resident() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return round(pages * os.sysconf("SC_PAGE_SIZE") / 2**20, 1)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--child", default="")
    parser.add_argument("--count", type=int, default=0)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--growth", action="store_true")
    given = parser.parse_args()
    print(json.dumps(_grow(given.child, given.count) if given.child else run(given), indent=2))
