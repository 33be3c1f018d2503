"""Steps that make many small things and no circles: looking for circles among them as often as usual costs a third of their time."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager

SELDOM = (200_000, 20, 100)
_usual: list[tuple[int, int, int]] = []  # one for each step that is under way: the first one found the usual threshold


@contextmanager
def less_garbage() -> Iterator[None]:
    """Look for circles seldom, and never among what was there before. Steps at the same time share it: the last one ends it."""
    _usual.append(_usual[0] if _usual else gc.get_threshold())
    if len(_usual) == 1:
        gc.freeze()
        gc.set_threshold(*SELDOM)
    try:
        yield
    finally:
        threshold = _usual.pop()
        if not _usual:
            gc.set_threshold(*threshold)
            gc.unfreeze()
