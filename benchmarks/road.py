"""The whole road: seconds from the print click to 500 items, and from the button to 500 handed to the sandbox.

The named peer is doing the reading alone: a bare pypdfium2 loop over the same pages in one process.
"""

import argparse
import json
import tempfile
import time
from pathlib import Path
from typing import Any

import pypdfium2

from benchmarks.office import office, peak_megabytes
from postoffice.compose.trial import trial_letters

LETTERS = 500


def run(arguments: argparse.Namespace) -> dict[str, Any]:
    """Three trials in one office; the medians."""
    letters = arguments.count or LETTERS
    bare = _bare_loop(letters)
    with office() as running:
        trials = [
            json.loads(running.run("try", "--letters", str(letters), "--json", "--through", "ipp", "--seed", str(n))) for n in range(3)
        ]
        memory = {"web peak MB": peak_megabytes(running.web_pid), "worker peak MB": peak_megabytes(running.worker_pid)}
    ready = sorted(trial["seconds"]["print"] + trial["seconds"]["read"] for trial in trials)[1]
    handed = sorted(trial["seconds"]["hand over"] for trial in trials)[1]
    figures = {
        "letters": letters,
        "print click to items s": ready,
        "button to handed over s": handed,
        "bare pypdfium2 loop s": bare,
        **memory,
    }
    return {"figures": figures, "ratios": {"pypdfium2": bare / ready}}


def _bare_loop(letters: int) -> float:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "letters.pdf"
        path.write_bytes(trial_letters(letters, 1))
        started = time.monotonic()
        document = pypdfium2.PdfDocument(path)
        for page in document:
            text = page.get_textpage()
            for index in range(text.count_rects()):
                text.get_text_bounded(*text.get_rect(index))
        return time.monotonic() - started
