"""Wreck an office again and again and count. Status 0: the promise held.

Towns stand beside one another (`--towns`), each a process with runs of its own: most of a run is waiting. A run that breaks off,
since the machine is too slow or the harness at a loss, is told as such; its town is given up, and a new one goes on with the others.
"""

import argparse
import sys
import tempfile
import threading
from collections.abc import Callable
from multiprocessing import get_context
from multiprocessing.queues import SimpleQueue
from pathlib import Path

from tests.chaos.audit import Report
from tests.chaos.control import checkpoint_sender_loses
from tests.chaos.series import Outcome, open_world, run

MOST_IN_DOUBT = 0.01
TRIES = 3  #: towns of which nothing came, one after the other, after which no more is tried
BROKE_OFF = 3  #: exit status of a town that is given up in the middle
_PROCESSES = get_context("spawn")
Town = Callable[["SimpleQueue[int | None]", "SimpleQueue[Outcome | str | None]", argparse.Namespace, str], None]


def main() -> int:
    """Run, print a line for each, the totals last."""
    parser = argparse.ArgumentParser(prog="chaos", description=__doc__)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--seed", type=int, default=1, help="of the first run; each later one has the next")
    parser.add_argument("--items", type=int, default=2000, help="in each run")
    parser.add_argument("--faults", type=int, default=8, help="in each run")
    parser.add_argument("--towns", type=int, default=2, help="beside one another")
    asked = parser.parse_args()
    lost = checkpoint_sender_loses(asked.items, asked.seed)
    tell(f"control: a sender that marks at fetch lost {lost} of {asked.items}: the harness can fail")
    done, total = wreck_all(asked, in_one_town)
    missing = asked.runs - done
    tell(
        f"runs={done} items={total.items} lost={len(total.lost)} twice={len(total.twice)} in_doubt={total.in_doubt}"
        f" repeated={total.repeated} other={len(total.other)}" + (f" broke_off={missing}" if missing else "")
    )
    held = lost and not missing and not total.faults and total.in_doubt <= MOST_IN_DOUBT * total.items
    return 0 if held else 1


def wreck_all(asked: argparse.Namespace, town: Town) -> tuple[int, Report]:
    """How many runs came to their end, and what they found in all. `town`: what each of the processes does."""
    seeds: SimpleQueue[int | None] = _PROCESSES.SimpleQueue()
    told: SimpleQueue[Outcome | str | None] = _PROCESSES.SimpleQueue()
    threading.Thread(target=_give, args=(seeds, asked), daemon=True).start()
    done, total = 0, Report()
    for number in range(asked.towns):
        threading.Thread(target=_town_after_town, args=(town, seeds, told, asked, f"{number}"), daemon=True).start()
    going = asked.towns
    while going:
        heard = told.get()
        if isinstance(heard, Outcome):
            done += 1
            total += heard.total
            tell("\n".join([heard.line, *(f"  {fault}" for fault in heard.total.faults[:10])]))
        elif heard is None:
            going -= 1
        else:
            tell(heard)
    return done, total


def _give(seeds: "SimpleQueue[int | None]", asked: argparse.Namespace) -> None:
    for seed in [*range(asked.seed, asked.seed + asked.runs), *[None] * asked.towns]:
        seeds.put(seed)


def _town_after_town(
    town: Town,
    seeds: "SimpleQueue[int | None]",
    told: "SimpleQueue[Outcome | str | None]",
    asked: argparse.Namespace,
    name: str,
) -> None:
    for _ in range(TRIES):
        status = BROKE_OFF
        while status == BROKE_OFF:
            process = _PROCESSES.Process(target=town, args=(seeds, told, asked, name))
            process.start()
            process.join()
            status = process.exitcode or 0
        if not status:
            break
        told.put(f"town {name} ended with status {status}")
    told.put(None)


def in_one_town(
    seeds: "SimpleQueue[int | None]", told: "SimpleQueue[Outcome | str | None]", asked: argparse.Namespace, name: str
) -> None:
    """A process of its own: runs in one town until no seed is left, or one of them breaks off."""
    with tempfile.TemporaryDirectory(prefix="po-chaos-town-") as folder, open_world(Path(folder)) as world:
        while (seed := seeds.get()) is not None:
            try:
                told.put(run(world, seed, asked.faults, asked.items, f"{name}-{seed}"))
            except Exception as error:
                told.put(f"seed={seed} broke off: {type(error).__name__} {error}")
                sys.exit(BROKE_OFF)


def tell(line: str) -> None:
    """A line, at once."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()
