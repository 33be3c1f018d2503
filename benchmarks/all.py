"""All measurements one after the other, each in a process of its own: one table of figures with ratios, and growth curves.

A measurement that fails is a line of the table with its reason, and the others go on.
"""

import argparse
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

#: with --quick: enough to see that a road works and about how fast it is
QUICK = {
    "ipp": 100,
    "letters": 100,
    "read": 100,
    "split": 100,
    "engine": 2_000,
    "million": 1_000,
    "road": 50,
    "email": 200,
    "portal": 1_000,
    "raster": 4,
    "returned": 20,
    "import": 5_000,
    "match": 5_000,
    "plan": 2_000,
    "sms": 500,
    "campaign": 1_000,
    "segments": 10_000,
    "events": 100_000,
    "months": 20_000,
    "hosts": 120,
    "mails": 200,
    "figures": 20_000,
}
#: measured at growing sizes, besides what their own figures tell of growth
CURVES = ("plan", "million")
SIZES, FULL = (1_000, 10_000, 100_000), 1_000_000
LONGEST, LONGEST_QUICK = 4 * 3600.0, 900.0


class Row(NamedTuple):
    """A line of the table."""

    bench: str
    kind: str  #: figure | ratio | failed
    name: str
    value: Any


def run(arguments: argparse.Namespace, benches: Sequence[str]) -> dict[str, Any]:
    """The figures of all, as {bench: {"figures": {...}, "ratios": {...}}}; printed as they come, unless as JSON at the end."""
    told: dict[str, Any] = {}
    for bench in benches:
        told[bench] = _measured(arguments, bench, QUICK.get(bench, 0) if arguments.quick else 0)
        _print(arguments, bench, told[bench])
    sizes = SIZES[:1] if arguments.quick else (*SIZES, FULL) if arguments.full else SIZES
    for bench in CURVES:
        for size in sizes:
            name = f"{bench} of {size:,}"
            told[name] = _measured(arguments, bench, size)
            _print(arguments, name, told[name])
    if not arguments.json:
        print("\n" + "\n".join(summary(told)), flush=True)
    return told


def _measured(arguments: argparse.Namespace, bench: str, count: int) -> dict[str, Any]:
    command = [sys.executable, "-m", "postoffice", "bench", bench, "--json", "--count", str(count)]
    start = time.monotonic()
    try:
        found: dict[str, Any] = json.loads(_said(command, LONGEST_QUICK if arguments.quick else LONGEST))
    except (TimeoutError, ValueError) as error:
        found = {"figures": {}, "ratios": {}, "failed": str(error)}
    found["figures"]["seconds of the whole bench"] = time.monotonic() - start
    return found


def _said(command: Sequence[str], longest: float) -> str:
    """What it printed. TimeoutError, and ValueError with its last words where it failed; none of its servers is left behind."""
    bench = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True)
    try:
        said, complaint = bench.communicate(timeout=longest)
    except subprocess.TimeoutExpired:
        bench.send_signal(signal.SIGINT)  # it ends its servers itself
        try:
            bench.communicate(timeout=60)
        except subprocess.TimeoutExpired:
            os.killpg(bench.pid, signal.SIGKILL)
            bench.communicate()
        raise TimeoutError(f"not done after {longest:g} s") from None
    if bench.returncode:
        raise ValueError(_last_line(complaint))
    return said


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1][:200] if lines else "it said nothing"


def rows_of(bench: str, found: dict[str, Any]) -> Iterator[Row]:
    """The table's lines for one measurement."""
    if "failed" in found:
        yield Row(bench, "failed", found["failed"], "")
    for kind in ("figures", "ratios"):
        for name, value in found[kind].items():
            yield Row(bench, kind[:-1], name, value)


def _print(arguments: argparse.Namespace, bench: str, found: dict[str, Any]) -> None:
    if not arguments.json:
        for row in rows_of(bench, found):
            print(f"{row.bench:24} {row.kind:7} {row.name:64} {_shown(row.value):>14}", flush=True)


def summary(told: dict[str, Any]) -> Iterator[str]:
    """What one looks for: every ratio to a peer, then each curve with its sizes side by side, then what failed."""
    yield "ratios"
    for bench, found in told.items():
        yield from (f"  {bench:24} {name:72} {_shown(value):>14}" for name, value in found["ratios"].items())
    for bench in CURVES:
        sizes = [name for name in told if name.startswith(f"{bench} of ")]
        yield f"growth of {bench:52}" + "".join(f"{name.removeprefix(f'{bench} of '):>16}" for name in sizes)
        names = dict.fromkeys(name for size in sizes for name in told[size]["figures"])
        for name in names:
            yield f"  {name:60}" + "".join(f"{_shown(told[size]['figures'].get(name, '')):>16}" for size in sizes)
    failed = {bench: found["failed"] for bench, found in told.items() if "failed" in found}
    yield f"failed: {len(failed)} of {len(told)}"
    yield from (f"  {bench:24} {why}" for bench, why in failed.items())


def _shown(value: Any) -> str:
    return f"{value:,.2f}" if isinstance(value, float) else str(value)
