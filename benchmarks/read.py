"""Reading windows beside a bare pypdfium2 loop over the same windows and pdfplumber, same pages, same run; memory of 10,000 pages.

Each contestant works in a process of its own, whose CPU seconds and peak memory are measured: the machine's other work does not count.
The bare loop opens each page and fetches the rectangles of text that begin in the window, with their texts; the product also decides,
checks paper, fonts and pictures, keeps the page's text, and reads the address.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.split import paper

#: what a child runs: `benchmarks.read CONTESTANT FILE FIRST COUNT`
CONTESTANTS = ("ours", "bare", "bare_all", "pdfplumber")


def run(arguments: argparse.Namespace) -> dict[str, Any]:
    """Figures and ratios. `arguments.count`: letters (500); `rounds` (5); `pages` of the long document (10,000)."""
    letters, rounds = getattr(arguments, "count", 0) or 500, getattr(arguments, "rounds", None) or 5
    with tempfile.TemporaryDirectory(prefix="postoffice-bench-") as folder:
        path, pages, engine = paper(Path(folder), letters)
        seconds: dict[str, list[float]] = {name: [] for name in CONTESTANTS}
        for number in range(rounds):
            for name in CONTESTANTS[:3]:
                seconds[name].append(child(name, path, 1, pages)["seconds"] / pages)
            if number < 2:
                few = min(pages, 60)
                seconds["pdfplumber"].append(child("pdfplumber", path, 1, few)["seconds"] / few)
        long_path, long_pages, _ = paper(Path(folder), 6_250, trial=True)
        wanted = min(long_pages, getattr(arguments, "pages", None) or 10_000)
        long = child("long", long_path, 1, wanted)
    middle = {name: statistics.median(found) for name, found in seconds.items()}
    pairs = {name: [b / a for a, b in zip(seconds["ours"], seconds[name], strict=False)] for name in CONTESTANTS[1:]}
    return {
        "figures": {
            "engine": engine,
            "pages": pages,
            **{f"{name}_pages_per_cpu_second": round(1 / spent, 1) for name, spent in middle.items()},
            "long_document_pages": wanted,
            "long_document_pages_per_cpu_second": round(wanted / long["seconds"]),
            "long_document_peak_mb": round(long["megabytes"], 1),
        },
        "ratios": {
            "bare_window_loop": round(statistics.median(pairs["bare"]), 2),
            "bare_loop_all_rectangles": round(statistics.median(pairs["bare_all"]), 2),
            "pdfplumber": round(statistics.median(pairs["pdfplumber"]), 1),
        },
    }


def child(name: str, path: Path, first: int, count: int) -> dict[str, float]:
    """CPU seconds and peak megabytes of a contestant."""
    command = [sys.executable, "-m", "benchmarks.read_child", name, str(path), str(first), str(count)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=Path(__file__).resolve().parents[1])
    found: dict[str, float] = json.loads(done.stdout)
    return found
