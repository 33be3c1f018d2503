"""`postoffice up`: the whole office on one machine: database, redis-server, web and worker; Ctrl-C stops all of it."""

import argparse
import asyncio
import contextlib
import os
import shutil
import signal
import socket
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING

from postoffice.commands.common import add_data, settings_of
from postoffice.model.errors import PostOfficeError
from postoffice.settings import Settings
from postoffice.workshop import end_with_parent

if TYPE_CHECKING:
    from postoffice.commands.founding import First

STOP_SECONDS = 40.0
#: taking mail in, and showing it, come before working on it
WORKERS_STEP_BACK = 5


def add(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Describe the verb."""
    parser = subparsers.add_parser("up", help="start everything on this machine")
    parser.add_argument("--port", type=int, help="port of desk, portal, API and printer (default 8025)")
    parser.add_argument("--host", help="address to listen on (default 127.0.0.1; 0.0.0.0 for the whole network)")
    add_data(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Start, watch, stop."""
    settings = settings_of(arguments, port=arguments.port, host=arguments.host)
    settings.data.mkdir(parents=True, exist_ok=True, mode=0o700)
    with _only_one(settings.data):
        for port in dict.fromkeys([settings.port, settings.tls_port or settings.port]):
            _must_be_free(settings.host, port)
        settings.note_running()
        return asyncio.run(_up(settings, _prepared(settings)))


def _prepared(settings: Settings) -> str:
    """The greeting of an office that is ready to be opened. Another process makes it, and ends: what that loads takes 90 MB, for
    which watching programs has no use."""
    with ProcessPoolExecutor(1, get_context("fork"), _let_it_finish) as one:
        return one.submit(_prepare, settings).result()


def _let_it_finish() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C in the middle of a migration: we wait for its end
    end_with_parent()


def _prepare(settings: Settings) -> str:
    from postoffice.commands.founding import found_office
    from postoffice.commands.migrate import upgrade

    asyncio.run(upgrade(settings))
    return _greeting(settings, asyncio.run(found_office(settings)))


@contextlib.contextmanager
def _only_one(data: Path) -> Iterator[None]:
    """Two offices in one folder would take each other's redis away."""
    import fcntl

    with open(data / "up.lock", "w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise PostOfficeError(
                "running-already",
                f"An office is running in {data} already.",
                help="Stop it with Ctrl-C where it runs, or start this one elsewhere: make up PORT=8030 DATA=other",
            ) from None
        yield


def _must_be_free(host: str, port: int) -> None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            sock.bind((host, port))
        except OSError as error:
            raise PostOfficeError(
                "port-taken",
                f"Port {port} of {host} cannot be used: {error.strerror}.",
                help=f"Choose another one: make up PORT={port + 10}",
            ) from None


@dataclass
class Child:
    """A program that must run, with what it takes to start it again."""

    name: str
    command: Sequence[str]
    patience: int = 0  #: how far it steps back for the others (nice)
    process: asyncio.subprocess.Process | None = None
    restarts: int = 0


async def _up(settings: Settings, greeting: str) -> int:
    redis = None if settings.redis_url else Child("redis", _redis_command(settings))
    environment = dict(os.environ, POSTOFFICE_DATA=str(settings.data.resolve()))
    environment.setdefault("MALLOC_ARENA_MAX", "2")  # glibc gives each thread an arena of its own, which costs 20 MB a process
    environment |= {"POSTOFFICE_PORT": str(settings.port), "POSTOFFICE_HOST": settings.host}
    environment |= {"POSTOFFICE_IPPS_PORT": str(settings.ipps_port), "POSTOFFICE_FOLDER": str(_inbox(settings))}
    environment |= {"POSTOFFICE_MAIL_PORT": str(_mail_port(settings))}
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    me = [sys.executable, "-m", "postoffice"]
    children = [Child("web", [*me, "serve"])] + [
        Child(f"worker {n + 1}", [*me, "work"], WORKERS_STEP_BACK) for n in range(settings.workers)
    ]
    watchers: list[asyncio.Task[None]] = []
    redis_watcher = None
    try:
        if redis:
            await _start(redis, environment)
            redis_watcher = asyncio.create_task(_watch(redis, environment, stopping))
            await _answers(lambda: settings.redis_socket.exists(), redis, 20)
        for child in children:
            await _start(child, environment)
            watchers.append(asyncio.create_task(_watch(child, environment, stopping)))
        web = children[0]
        await _answers(lambda: _listens(settings), web, 60)
        if not stopping.is_set():
            print(greeting, flush=True)
        await stopping.wait()
        print("\nStopping ...", flush=True)
    finally:
        stopping.set()
        await _stop_all(children)
        await asyncio.gather(*watchers, return_exceptions=True)
        if redis:
            await _stop_all([redis])
        if redis_watcher:
            await asyncio.gather(redis_watcher, return_exceptions=True)
    print("Stopped; `make up` finds everything again.", flush=True)
    return 0


def _inbox(settings: Settings) -> Path:
    """The folder that is watched."""
    return (settings.folder or settings.data / "inbox").resolve()


def _mail_port(settings: Settings) -> int:
    """The door for returning mail: where the settings say, else beside the others if there is room; 0: none."""
    if settings.mail_port:
        return max(settings.mail_port, 0)
    beside = (settings.tls_port or settings.port + 1) + 1
    try:
        _must_be_free(settings.mail_host, beside)
    except PostOfficeError:
        return 0
    return beside


def _redis_command(settings: Settings) -> list[str]:
    program = shutil.which("redis-server") or shutil.which("valkey-server")
    if program is None:
        raise PostOfficeError(
            "no-redis", "There is no redis-server on this machine.", help="`make setup` installs it; or set POSTOFFICE_REDIS_URL."
        )
    folder = settings.data.resolve() / "redis"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    # relative names: the socket's path must be short, and the folder may have been moved since
    options = ["--port", "0", "--unixsocket", "redis.sock", "--unixsocketperm", "700", "--dir", str(folder)]
    options += ["--appendonly", "yes", "--save", "", "--daemonize", "no", "--loglevel", "warning", "--logfile", "redis.log"]
    return [program, *options]


async def _start(child: Child, environment: dict[str, str]) -> None:
    child.process = await asyncio.create_subprocess_exec(
        *child.command,
        env=environment,
        stdin=asyncio.subprocess.DEVNULL,
        start_new_session=True,  # Ctrl-C is for us: we stop the others in their order
        preexec_fn=lambda: _begin(child.patience),
    )


def _begin(patience: int) -> None:
    end_with_parent()
    os.nice(patience)


async def _watch(child: Child, environment: dict[str, str], stopping: asyncio.Event) -> None:
    """Start a child again when it ends before it was told to; slower each time."""
    while not stopping.is_set():
        assert child.process is not None
        status = await child.process.wait()
        if stopping.is_set():
            return
        wait = min(30.0, 0.5 * 2**child.restarts)
        child.restarts += 1
        print(f"postoffice: {child.name} ended with status {status}; it is started again in {wait:.1f} s.", file=sys.stderr, flush=True)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stopping.wait(), wait)
            return
        await _start(child, environment)


async def _answers(ready: Callable[[], bool], child: Child, seconds: float) -> None:
    for _ in range(int(seconds / 0.1)):
        if ready():
            return
        if child.restarts > 3:
            break
        await asyncio.sleep(0.1)
    raise PostOfficeError("no-start", f"{child.name} did not start.", help="Its own message stands above.")


def _listens(settings: Settings) -> bool:
    host = "127.0.0.1" if settings.host in ("0.0.0.0", "::") else settings.host  # noqa: S104 - compared, not bound
    try:
        socket.create_connection((host, settings.port), timeout=1).close()
    except OSError:
        return False
    return True


async def _stop_all(children: Sequence[Child]) -> None:
    running = [child.process for child in children if child.process and child.process.returncode is None]
    for process in running:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
    for process in running:
        try:
            await asyncio.wait_for(process.wait(), STOP_SECONDS)
        except TimeoutError:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()


def _greeting(settings: Settings, first: "First") -> str:
    from postoffice.commands.printer import uri_of

    lines = ["", "The post office is open.", "", f"  Desk      {settings.url}/"]
    if first.password:
        lines += [f"  Sign in   {first.email}", f"  Password  {first.password}   (to be changed at the first sign-in)"]
    else:
        lines += ["  Sign in   with your own account"]
    if first.printer_token:
        lines += [f"  Printer   {uri_of(settings, first.printer_token)}"]
        if settings.tls_port:
            lines += [f"            {uri_of(settings, first.printer_token, ipps=True)}"]
    lines += [f"  Folder    {_inbox(settings)}"]
    lines += ["", "  See the whole road in a minute:  .venv/bin/postoffice try --letters 500", "  Ctrl-C stops everything.", ""]
    return "\n".join(lines)
