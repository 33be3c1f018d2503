"""An S3 server for tests: npm's s3rver on a free port of the loopback interface, with one bucket."""

import json
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests import servers
from tests.real import npm

KEY, SECRET, BUCKET = "S3RVER", "S3RVER", "post"  # s3rver knows these alone
_PROGRAM = """
const S3rver = require(process.argv[1] + '/s3rver');
const [address, port, directory, bucket] = JSON.parse(process.argv[2]);
new S3rver({port, address, directory, silent: true, configureBuckets: [{name: bucket, configs: []}]}).run();
"""


def needed() -> Path:
    """The folder of its modules, fetched at the first call; a skip where they cannot be had."""
    try:
        return npm.installed("s3rver", "3.7.1")
    except npm.Missing as missing:
        pytest.skip(str(missing))


class Server:
    """`url`: for POSTOFFICE_DOCUMENTS_URL. Can be stopped and started; what it keeps stays."""

    def __init__(self, folder: str, address: str = "127.0.0.1", port: int = 0) -> None:
        self.port = port or servers.free_port()
        self.url = f"s3://{BUCKET}/letters?endpoint=http://{address}:{self.port}"
        self._address = address
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        modules = needed()
        words = [npm.node(), "-e", _PROGRAM, str(modules), json.dumps([self._address, self.port, self._folder, BUCKET])]
        self._process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        servers.wait_for(lambda: servers.listens(self.port, self._address), 60, what="s3rver")

    def stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait(20)
            self._process = None


@contextmanager
def s3_server() -> Iterator[Server]:
    """A running server, empty."""
    with tempfile.TemporaryDirectory(prefix="po-s3-") as folder:
        server = Server(folder)
        server.start()
        try:
            yield server
        finally:
            server.stop()
