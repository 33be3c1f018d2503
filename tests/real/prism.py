"""Prism: a mock server that judges requests by a provider's own OpenAPI description, which lies beside the checkout, not in it."""

import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.conftest import SHARED
from tests.real import npm
from tests.servers import free_port, wait_for

SERVER = "@stoplight/prism-http-server@5.12.0"  #: newer ones want Node 20; Debian 12 has 18


@contextmanager
def prism(specification: str | Path) -> Iterator[str]:
    """A running Prism for a file of shared/specs, or any other by its path; yields its address. npm.Missing where it cannot be had."""
    path = SHARED / "specs" / specification
    if not path.exists():
        raise npm.Missing(f"the provider's description {specification} is not beside this checkout")
    program = npm.installed("@stoplight/prism-cli", "5.14.2", SERVER) / "@stoplight/prism-cli/dist/index.js"
    port = free_port()
    words = [npm.node(), str(program), "mock", "-h", "127.0.0.1", "-p", str(port), str(path)]
    server = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_for(lambda: _answers(port), seconds=60, every=0.2, what="Prism")
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait(20)


def _answers(port: int) -> bool:
    try:
        urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=2)
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False
    return True
