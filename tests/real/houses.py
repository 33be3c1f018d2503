"""Print houses by their own descriptions: what the tests against Prism share."""

import json
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import SHARED
from tests.real.npm import Missing
from tests.real.prism import prism


def serve(*specifications: str | Path) -> Iterator[tuple[str, ...]]:
    """The addresses of a Prism for each description; skips where they cannot be had."""
    with ExitStack() as running:
        try:
            urls = tuple(running.enter_context(prism(one)) for one in specifications)
        except Missing as missing:
            pytest.skip(str(missing))
        yield urls


def mended(specification: str, folder: Path, change: Callable[[dict[str, Any]], None]) -> Path:
    """A copy of a description with what Prism cannot judge changed; skips where there is no such description."""
    source = SHARED / "specs" / specification
    if not source.exists():
        pytest.skip(f"the provider's description {specification} is not beside this checkout")
    shape = json.loads(source.read_text("utf-8"))
    change(shape)
    target = folder / specification
    target.write_text(json.dumps(shape), "utf-8")
    return target


def status_of(url: str, body: bytes, headers: dict[str, str], method: str = "POST") -> int:
    """What a plain request gets."""
    try:
        with urllib.request.urlopen(urllib.request.Request(url, body, headers, method=method), timeout=10) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code
