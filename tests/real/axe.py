"""axe-core in a page of a real browser: what would keep somebody out of it."""

from typing import Any

import pytest

from tests.real import npm

VERSION = "4.10.3"
#: what stands in a frame is somebody's mail, shown as its reader sees it: only the frame itself is ours
RUN = "axe.run(document, {resultTypes: ['violations'], iframes: false})"


def script() -> str:
    """The text of axe-core; skips where it cannot be had."""
    try:
        return (npm.installed("axe-core", VERSION) / "axe-core" / "axe.min.js").read_text(encoding="utf-8")
    except npm.Missing as missing:
        pytest.skip(str(missing))


async def faults(page: Any, axe: str) -> list[tuple[str, list[str]]]:
    """The rules that a page breaks, each with up to three places. The page's context must bypass its content policy."""
    if not await page.evaluate("'axe' in window"):
        await page.evaluate(axe)
    told = await page.evaluate(RUN)
    return [(one["id"], [node["html"][:160] for node in one["nodes"]][:3]) for one in told["violations"]]
