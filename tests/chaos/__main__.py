"""`python -m tests.chaos --runs 200 --seed 1`. Imports nothing by itself: the workers' child processes read this file again."""

import sys

if __name__ == "__main__":
    from tests.chaos.command import main

    sys.exit(main())
