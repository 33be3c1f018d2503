"""Network namespaces as hosts: one base and others around it, each with one line to it that can be cut.

A namespace is held by an open file of this process and entered by a thread: nothing is mounted (`ip netns` mounts, which a chroot
refuses), and nothing stays behind when this process is killed. Needs root and iproute2.
"""

import ctypes
import os
import subprocess
import threading
from collections.abc import Callable
from typing import Any, TypeVar

import pytest

from tests import servers

T = TypeVar("T")
_CLONE_NEWNET = 0x40000000
_NET = "10.213.77"  #: seen only inside the namespaces


def in_thread(work: Callable[[], T]) -> T:
    """`work()` in a thread of its own; what it raises is raised here."""
    box: list[Any] = []

    def enter() -> None:
        try:
            box.append(work())
        except BaseException as error:
            box.append(error)

    thread = threading.Thread(target=enter)
    thread.start()
    thread.join()
    if isinstance(box[0], BaseException):
        raise box[0]
    return box[0]


def _system(name: str, *words: int) -> None:
    library = ctypes.CDLL(None, use_errno=True)
    if getattr(library, name)(*words):
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()), name)


class Space:
    """A network namespace. `path`: what `ip` knows it by."""

    def __init__(self) -> None:
        def made() -> int:
            _system("unshare", _CLONE_NEWNET)
            return os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)

        self._file = in_thread(made)
        self.path = f"/proc/{os.getpid()}/fd/{self._file}"

    def run(self, work: Callable[[], T]) -> T:
        """`work()` in a thread that stands in the namespace: sockets and processes that it makes belong there."""

        def inside() -> T:
            _system("setns", self._file, _CLONE_NEWNET)
            return work()

        return in_thread(inside)

    def ip(self, *words: str) -> None:
        """`ip` inside; OSError with its words where it refuses."""

        def done() -> "subprocess.CompletedProcess[str]":
            return subprocess.run(["ip", *words], capture_output=True, text=True, check=False)

        told = self.run(done)
        if told.returncode:
            raise OSError(f"ip {' '.join(words)}: {told.stderr.strip()}")

    def close(self) -> None:
        """It goes when the last process and line in it are gone."""
        os.close(self._file)


class Net:
    """`base` at `address`, and so many others around it, each with one line to it. `network`: all of them."""

    network = f"{_NET}.0/24"
    address = f"{_NET}.1"

    def __init__(self, others: int) -> None:
        self.base = Space()
        self.others: list[Space] = []
        try:
            self._connect(others)
        except BaseException:
            self.close()
            raise

    def _connect(self, others: int) -> None:
        self.base.ip("link", "set", "lo", "up")
        self.base.ip("link", "add", "bridge", "type", "bridge")
        self.base.ip("addr", "add", f"{self.address}/24", "dev", "bridge")
        self.base.ip("link", "set", "bridge", "up")
        for number in range(others):
            self.others.append(space := Space())
            space.ip("link", "set", "lo", "up")
            self.base.ip("link", "add", f"to{number}", "type", "veth", "peer", "name", "line", "netns", space.path)
            self.base.ip("link", "set", f"to{number}", "master", "bridge", "up")
            space.ip("addr", "add", f"{_NET}.{10 + number}/24", "dev", "line")
            space.ip("link", "set", "line", "up")

    def cut(self, number: int) -> None:
        """Pull the plug of a host: neither end is told."""
        self.base.ip("link", "set", f"to{number}", "nomaster", "down")

    def mend(self, number: int) -> None:
        """Plug it in again."""
        self.base.ip("link", "set", f"to{number}", "master", "bridge", "up")

    def close(self) -> None:
        """The lines go with their namespaces."""
        for space in (*self.others, self.base):
            space.close()


def needed() -> None:
    """A skip that says what this machine does not let us have."""
    if os.geteuid() != 0:
        pytest.skip("network namespaces need root")
    servers.program("ip", "/sbin/ip", "/usr/sbin/ip")
    try:
        Net(1).close()
    except OSError as error:
        pytest.skip(f"this machine gives us no network namespaces with lines between them: {error}")
