"""The workshop: child processes for PDF work, each task with a limit of seconds, each child with a limit of memory."""

import asyncio
import contextlib
import errno
import os
import resource
import signal
import threading
from collections.abc import Callable
from concurrent.futures import TimeoutError as FutureTimeout
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from typing import ParamSpec, TypeVar

from pebble import ProcessExpired, ProcessPool

from postoffice.model.errors import TimedOut

P = ParamSpec("P")
T = TypeVar("T")

#: bytes of a file that a child may write: twice what a job may have after pictures have become pages
LARGEST_FILE = 4_000_000_000
_OPEN_FILES = 512
#: linux/sched.h and linux/prctl.h
_NEW_USERS, _NEW_NET, _NO_NEW_PRIVILEGES = 0x10000000, 0x40000000, 38


def _begin(megabytes: int, parent: int) -> None:
    """What each child does first: limits, no network, no interest in Ctrl-C, and an end when the parent ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    shut_in()
    if megabytes:
        resource.setrlimit(resource.RLIMIT_AS, (megabytes * 1_000_000, megabytes * 1_000_000))
    end_with_parent()
    if os.getppid() != parent:
        os._exit(0)
    with contextlib.suppress(OSError):
        os.nice(5)  # pages and hand-overs come before rendering


def shut_in() -> None:
    """Take from this process what reading a document never needs: network, secrets of its surroundings, new rights, crash dumps.

    What the kernel does not permit here (namespaces without root in many containers) is left as it is: the other limits hold.
    """
    import ctypes

    for name in [name for name in os.environ if name.startswith("POSTOFFICE_")]:  # programs that it starts are told no keys
        del os.environ[name]
    for what, most in ((resource.RLIMIT_CORE, 0), (resource.RLIMIT_FSIZE, LARGEST_FILE), (resource.RLIMIT_NOFILE, _OPEN_FILES)):
        _soft, hard = resource.getrlimit(what)
        least = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(what, (least, least))
    with contextlib.suppress(OSError, AttributeError):
        library = ctypes.CDLL(None, use_errno=True)
        library.prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0)
        library.unshare(_NEW_NET if os.geteuid() == 0 else _NEW_NET | _NEW_USERS)


def end_with_parent() -> None:
    """Ask the kernel to end this process when its parent dies (Linux; elsewhere nothing)."""
    import ctypes

    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(1, signal.SIGTERM)  # 1: PR_SET_PDEATHSIG


class ProcessWorkshop:
    """ports.Workshop over a pool of forked servers; a task past its limit is killed alone."""

    def __init__(self, *, children: int, seconds: float, megabytes: int) -> None:
        self._seconds = seconds
        self._children = children
        self._megabytes = megabytes
        self._closed = False
        self._pool = self._open()

    def _open(self) -> ProcessPool:
        return ProcessPool(
            max_workers=self._children,
            max_tasks=2_000,  # PDF libraries keep a little of everything: a fresh child now and then
            initializer=_begin,
            initargs=(self._megabytes, os.getpid()),
            context=get_context("spawn"),
        )

    async def run(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """See ports.Workshop."""
        try:
            return await self._scheduled(work, *args, **kwargs)
        except BrokenProcessPool:  # all children died at once, perhaps not of this task: it gets fresh ones, once
            pass
        try:
            return await self._scheduled(work, *args, **kwargs)
        except BrokenProcessPool:
            raise _too_big() from None

    async def _scheduled(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        future = self._working_pool().schedule(work, args=args, kwargs=kwargs, timeout=self._seconds)
        try:
            result: T = await asyncio.wrap_future(future)
        except (TimeoutError, FutureTimeout):
            raise self._too_long() from None
        except (MemoryError, ProcessExpired):
            raise _too_big() from None
        except OSError as error:
            if error.errno in (errno.ENOMEM, errno.EFBIG, errno.EMFILE):
                raise _too_big() from None
            raise
        except RecursionError:
            raise _too_big() from None
        return result

    def _working_pool(self) -> ProcessPool:
        """The pool, or another one where it broke: a pool that lost its children never works again by itself."""
        if not self._pool.active and not self._closed:
            broken, self._pool = self._pool, self._open()
            threading.Thread(target=_end, args=(broken,), daemon=True).start()  # its children may take seconds to end
        return self._pool

    def _too_long(self) -> TimedOut:
        return TimedOut(
            "too-slow",
            f"This document took longer than the {self._seconds:.0f} s that one piece of work may take.",
            help="Print it anew as a plain PDF, or in smaller parts.",
            seconds=self._seconds,
        )

    def close(self) -> None:
        """End all children."""
        self._closed = True
        _end(self._pool)


def _end(pool: ProcessPool) -> None:
    pool.stop()  # type: ignore[no-untyped-call]
    pool.join()


def _too_big() -> TimedOut:
    return TimedOut(
        "too-much-memory",
        "This document needs more memory than one piece of work may take, or broke the program that reads it.",
        help="Print it anew as a plain PDF, or in smaller parts.",
    )
