"""A file of contacts into the book: rows a second, peak memory; beside csv + executemany into the same tables in the same run.

The peer checks nothing, finds nobody again, keeps no index to search or match by, no consents and no way back.
"""

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks import people_files


def run(arguments: argparse.Namespace) -> dict[str, Any]:
    """`arguments.count`: rows (1,000,000)."""
    count = getattr(arguments, "count", 0) or 1_000_000
    folder = Path(tempfile.mkdtemp(prefix="po-bench-import-"))
    try:
        path = folder / "people.csv"
        people_files.write(path, count)
        figures: dict[str, Any] = {"rows": count, "file_megabytes": path.stat().st_size / 1e6}
        found = {name: _child(name, path, folder / name) for name in ("ours", "naive")}
        ours, naive = found["ours"], found["naive"]
        figures |= {f"{word}_seconds": ours[word] for word in ("read", "trial", "write")}
        figures |= {"trial_rows_per_s": count / ours["trial"], "write_rows_per_s": count / ours["write"]}
        figures |= {"peak_megabytes": ours["megabytes"], "reader_peak_megabytes": ours["child_megabytes"]}
        figures |= {name: value for name, value in ours.items() if name.startswith("rows_")}
        figures |= {
            "cpu_seconds": ours["cpu_seconds"],
            "naive_rows_per_s": count / naive["write"],
            "naive_cpu_seconds": naive["cpu_seconds"],
        }
        ratios = {"write_to_naive": naive["write"] / ours["write"], "database_bytes_to_naive": ours["bytes"] / naive["bytes"]}
        return {"figures": figures, "ratios": ratios}
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _child(name: str, path: Path, folder: Path) -> dict[str, Any]:
    folder.mkdir()
    command = [sys.executable, "-m", "benchmarks.import_child", name, str(path), str(folder)]
    done = subprocess.run(command, check=True, capture_output=True, text=True, cwd=Path(__file__).parents[1])
    return {**json.loads(done.stdout), "bytes": (folder / "office.db").stat().st_size}
