"""`python -m tests.chaos --runs 200 --seed 1`: wreck an office again and again and count. Status 0: the promise held."""

import argparse
import sys
import tempfile
from pathlib import Path

from tests.chaos.audit import Report
from tests.chaos.control import checkpoint_sender_loses
from tests.chaos.series import open_world, run

MOST_IN_DOUBT = 0.01


def main() -> int:
    """Run, print a line for each, the totals last."""
    parser = argparse.ArgumentParser(prog="chaos", description=__doc__)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--seed", type=int, default=1, help="of the first run; each later one has the next")
    parser.add_argument("--items", type=int, default=2000, help="in each run")
    parser.add_argument("--faults", type=int, default=8, help="in each run")
    asked = parser.parse_args()
    total, done, broken = Report(), 0, ""
    with tempfile.TemporaryDirectory(prefix="po-chaos-town-") as folder:
        lost = checkpoint_sender_loses(asked.items, asked.seed)
        tell(f"control: a sender that marks at fetch lost {lost} of {asked.items}: the harness can fail")
        try:
            with open_world(Path(folder)) as world:
                for number in range(asked.runs):
                    outcome = run(world, asked.seed + number, asked.faults, asked.items, f"{number}")
                    total += outcome.total
                    done += 1
                    tell(outcome.line)
                    for fault in outcome.total.faults[:10]:
                        tell(f"  {fault}")
        except AssertionError as error:
            broken = str(error)
    if broken:
        tell(f"broke off: {broken}")
    tell(
        f"runs={done} items={total.items} lost={len(total.lost)} twice={len(total.twice)} in_doubt={total.in_doubt}"
        f" repeated={total.repeated} other={len(total.other)}"
    )
    held = lost and not broken and not total.faults and total.in_doubt <= MOST_IN_DOUBT * total.items
    return 0 if held else 1


def tell(line: str) -> None:
    """A line, at once."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
