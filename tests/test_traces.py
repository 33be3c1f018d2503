"""Spans reach a collector over the network; one that is away costs a line in the log, and a wish that cannot be met stops nothing."""

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from postoffice.model.tracing import NO_TRACES
from postoffice.settings import Settings
from postoffice.wiring import open_tracer
from tests.channels.fakes import ListLog

pytest.importorskip("opentelemetry.sdk", reason="the extra `traces` is not installed")

from postoffice.traces import door_of, open_traces


async def test_a_collector_is_told_before_the_process_ends() -> None:
    heard: list[tuple[str, bytes]] = []

    async def hear(request: web.Request) -> web.Response:
        heard.append((request.path, await request.read()))
        return web.Response(content_type="application/x-protobuf")

    app = web.Application()
    app.router.add_post("/{any:.*}", hear)
    log = ListLog()
    async with TestServer(app) as server:
        traces = open_traces(str(server.make_url("/")), log)
        with traces.span("step read", batch="b-1"):
            pass
        await asyncio.to_thread(traces.close)
    ((path, body),) = heard
    assert path == "/v1/traces" and b"step read" in body and b"postoffice.batch" in body and b"b-1" in body
    assert log.lines == []


@pytest.mark.slow
async def test_a_collector_that_is_away_is_one_line_in_the_log(unused_tcp_port: int, caplog: pytest.LogCaptureFixture) -> None:
    log = ListLog()
    traces = open_traces(f"http://127.0.0.1:{unused_tcp_port}", log)
    for _ in range(3):
        with traces.span("step read"):
            pass
    began = asyncio.get_running_loop().time()
    await asyncio.to_thread(traces.close)
    assert asyncio.get_running_loop().time() - began < 20, "a process must not hang at its end"
    assert [event for _, event, _ in log.lines] == ["traces.not_taken"]
    assert caplog.records == [], "the library's own complaints would come every few seconds"


def test_where_spans_are_sent() -> None:
    assert door_of("http://c:4318") == door_of("http://c:4318/") == door_of("http://c:4318/v1/traces") == "http://c:4318/v1/traces"


def test_without_a_collector_there_are_none(tmp_path: Path) -> None:
    log = ListLog()
    assert open_tracer(Settings(data=tmp_path), log) is NO_TRACES and log.lines == []


@pytest.mark.slow
def test_without_the_packages_the_office_works_and_says_so(tmp_path: Path) -> None:
    program = """
import sys
sys.modules["opentelemetry"] = None
from postoffice.logs import set_up
from postoffice.model.tracing import NO_TRACES
from postoffice.settings import Settings
from postoffice.wiring import open_tracer
assert open_tracer(Settings(traces_url="http://127.0.0.1:9"), set_up(level="info", as_json=True, process="t")) is NO_TRACES
"""
    done = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0 and "traces.not_installed" in done.stderr, done.stderr
