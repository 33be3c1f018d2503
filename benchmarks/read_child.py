"""A contestant of `bench read` in a process of its own: prints its CPU seconds (imports and opening aside) and its peak memory."""

import json
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path


def main(name: str, path: Path, first: int, count: int) -> None:
    """Run one contestant over `count` pages from `first`."""
    work = CONTESTANTS[name](path)
    work(first, min(10, count))  # imports, fonts and caches are everybody's
    start = time.process_time()
    work(first, count)
    spent = time.process_time() - start
    sys.stdout.write(json.dumps({"seconds": spent, "megabytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}))


def _ours(path: Path) -> Callable[[int, int], object]:
    from postoffice.compose.pages import read_pages
    from postoffice.compose.reading import slices

    def work(first: int, count: int) -> None:
        for start, some in slices(count):
            read_pages(path, first + start - 1, some, "fr")

    return work


def _long(path: Path) -> Callable[[int, int], object]:
    """Read in packed slices, then cut with proposals: all that the children of a worker do with a long document, in one process."""
    from postoffice.compose import kept
    from postoffice.compose.reading import slices

    def work(first: int, count: int) -> None:
        document, outline = kept.look_over(path)
        parts = tuple(kept.read_slice(path, first + start - 1, some, "fr", ()) for start, some in slices(count, 100))
        kept.conclude_kept(kept.Kept("fr", (), document, outline, parts), "auto")

    return work


def _bare(path: Path, *, everywhere: bool = False) -> Callable[[int, int], object]:
    from benchmarks.split import bare_loop

    return lambda first, count: bare_loop(path, first, count, everywhere=everywhere)


def _pdfplumber(path: Path) -> Callable[[int, int], object]:
    from benchmarks.split import plumber_loop

    return lambda first, count: plumber_loop(path, count)


CONTESTANTS: dict[str, Callable[[Path], Callable[[int, int], object]]] = {
    "ours": _ours,
    "long": _long,
    "bare": _bare,
    "bare_all": lambda path: _bare(path, everywhere=True),
    "pdfplumber": _pdfplumber,
}

if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]))
