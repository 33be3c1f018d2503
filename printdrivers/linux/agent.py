#!/usr/bin/env python3
"""Opens the post office's options page after printing: one small process per user and printer, standard library only.

It asks the office `GET {desk}/agent/next?wait=25&after={cursor}` with the printer's token as bearer; the office answers with the
pages of jobs printed since, at the latest after `wait` seconds. A page is opened at most once, and only on the office's own address.
"""

import argparse
import contextlib
import fcntl
import json
import os
import random
import shlex
import signal
import ssl
import struct
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request

WAIT = 25  # seconds that the office may hold a question; proxies often cut at 30 or 60
SLACK = 15  # seconds more before the connection counts as dead
LONGEST_PAUSE = 300.0  # seconds between two tries while the office cannot be reached
LONGEST_REFUSAL = 1800.0  # the same while it refuses the token, which only a person can mend
MOST_AT_ONCE = 5  # more pages than these came while nobody was here: the desk lists them, the screen need not fill with tabs
REMEMBERED = 200  # addresses kept, so that none opens twice even where the cursor was lost
MOST_BYTES = 1 << 20
COPY_AGAIN = "its token may be revoked. Copy the address again from the desk."


class Trouble(Exception):
    """The office could not be asked. `pause`: seconds that it wishes us to wait; `refused`: the token is at fault."""

    def __init__(self, message, pause=0.0, refused=False, forget=False):
        super().__init__(message)
        self.pause, self.refused, self.forget = pause, refused, forget


def log(message):
    """Say it where the journal or the terminal has it; never an address with a token in it."""
    print(message, file=sys.stderr, flush=True)


def origin(url):
    """(scheme, host, port) of an http address, None for anything else."""
    try:
        parts = urllib.parse.urlsplit(url)
        port = parts.port or {"http": 80, "https": 443}.get(parts.scheme)
    except ValueError:
        return None
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username is not None:
        return None
    return parts.scheme, parts.hostname.lower(), port


def may_open(url, desk):
    """Whether the address belongs to the office and is harmless on a command line."""
    plain = isinstance(url, str) and len(url) <= 2000 and url.isascii() and url.isprintable() and not set(url) & set(" \"'<>\\^`{|}")
    return plain and origin(url) is not None and origin(url) == origin(desk)


class NoRedirect(urllib.request.HTTPRedirectHandler):
    """A redirect would carry the token to another address."""

    def redirect_request(self, *_):
        return None


class Office:
    """The office as seen from here."""

    def __init__(self, desk, token, authorities=None):
        self.desk, self.token = desk.rstrip("/"), token
        tls = ssl.create_default_context(cafile=authorities)
        self.opener = urllib.request.build_opener(NoRedirect, urllib.request.HTTPSHandler(context=tls))

    def next(self, cursor, wait):
        """(cursor, pages) where pages are {"url", "name"}; raises Trouble."""
        question = {"wait": str(wait)}
        if cursor:
            question["after"] = cursor
        request = urllib.request.Request(  # noqa: S310 - http or https, checked with the configuration
            self.desk + "/agent/next?" + urllib.parse.urlencode(question),
            headers={"Authorization": "Bearer " + self.token, "Accept": "application/json", "User-Agent": "postoffice-agent/1"},
        )
        try:
            with self.opener.open(request, timeout=wait + SLACK) as answer:
                return read(answer.read(MOST_BYTES + 1))
        except urllib.error.HTTPError as error:
            with error:
                raise trouble(error.code, error.headers.get("Retry-After")) from None
        except (OSError, ValueError, urllib.error.URLError) as error:
            raise Trouble(f"The office at {self.desk} cannot be reached ({reason(error)}).") from None


def reason(error):
    """The cause in one line."""
    return str(getattr(error, "reason", error)) or type(error).__name__


def trouble(status, retry_after):
    """What an HTTP status means for us."""
    if status in (401, 403):
        return Trouble("The office refuses this printer's token: it was replaced. Run install.sh with the new address.", refused=True)
    if 300 <= status < 400:
        return Trouble("The office answers with a redirect. Run install.sh again, --desk being where browsers end up.", refused=True)
    if status in (400, 410, 422):
        return Trouble(f"The office does not know the place where we stopped ({status}); starting from now.", forget=True)
    pause = float(retry_after) if retry_after and retry_after.isdigit() else 0.0
    return Trouble(f"The office answers {status}.", pause=min(pause, 600.0))


def read(body):
    """The answer's shape, checked: (cursor, pages)."""
    try:
        shape = json.loads(body) if len(body) <= MOST_BYTES else None
        return str(shape["cursor"]), [page for page in shape["pages"] if isinstance(page, dict)]
    except (ValueError, TypeError, KeyError):
        raise Trouble("The address answers, but not as a post office does. Run install.sh again with --desk.") from None


class Memory:
    """Where we stopped, and which pages were opened; survives restarts. One agent per file."""

    def __init__(self, path):
        self.path = path
        os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
        self.lock = open(path + ".lock", "a")  # noqa: SIM115 - held until the process ends
        try:
            fcntl.flock(self.lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise SystemExit("Another agent is already at work for this printer.") from None
        self.lock.truncate(0)
        self.lock.write(str(os.getpid()))  # by which remove.sh finds the agent
        self.lock.flush()
        self.cursor, self.opened = "", []
        try:
            with open(path, encoding="utf-8") as file:
                shape = json.load(file)
            self.cursor, self.opened = str(shape["cursor"]), [str(url) for url in shape["opened"]]
        except FileNotFoundError:
            pass
        except (ValueError, TypeError, KeyError, AttributeError):
            log("The file of what was opened is damaged; starting from now.")

    def save(self):
        """Written beside, then swapped in, so that a power cut leaves the old or the new one."""
        self.opened = self.opened[-REMEMBERED:]
        draft = self.path + ".new"
        with open(draft, "w", encoding="utf-8") as file:
            json.dump({"cursor": self.cursor, "opened": self.opened}, file)
        os.replace(draft, self.path)


class Browser:
    """Opens a page by a command, in the session that the user looks at."""

    def __init__(self, command):
        self.command = command or (["open"] if sys.platform == "darwin" else ["xdg-open"])
        self.children = []

    def open(self, url):
        """Starts the command; a browser that stays in the foreground is left alone after two seconds."""
        try:
            child = subprocess.Popen(
                [*self.command, url],
                env={**os.environ, **session()},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
        except OSError as error:
            log(f"The page could not be opened: {self.command[0]}: {error.strerror}. Install xdg-utils, or set BROWSER_COMMAND.")
            return
        with contextlib.suppress(subprocess.TimeoutExpired):
            if child.wait(2):
                log(f"The page could not be opened: {self.command[0]} ended with status {child.returncode}. It waits at the desk.")
        self.children = [known for known in [*self.children, child] if known.poll() is None]


def session():
    """The graphical session's variables: a systemd unit may have started before there was a screen."""
    if sys.platform == "darwin" or os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"):
        return {}
    names = ("DISPLAY", "WAYLAND_DISPLAY", "XAUTHORITY", "XDG_CURRENT_DESKTOP", "DBUS_SESSION_BUS_ADDRESS")
    try:
        told = subprocess.run(["systemctl", "--user", "show-environment"], capture_output=True, text=True, timeout=5, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return {}
    pairs = (line.partition("=") for line in told.stdout.splitlines())
    return {name: value for name, _, value in pairs if name in names}


def show(pages, desk, memory, browser):
    """Open what is new. What is about to open is remembered first: better a page missed than one that opens again and again."""
    fresh = []
    for page in pages:
        url = page.get("url")
        if not may_open(url, desk):
            log("The office named a page on another address; it is not opened. If the office moved, run install.sh again with --desk.")
        elif url not in memory.opened and url not in fresh:
            fresh.append(url)
    if len(fresh) > MOST_AT_ONCE:
        log(f"{len(fresh)} jobs were printed meanwhile: the last {MOST_AT_ONCE} are opened, the others wait at the desk.")
    for number, url in enumerate(fresh):
        memory.opened.append(url)
        if number >= len(fresh) - MOST_AT_ONCE:
            memory.save()
            browser.open(url)


def serve(office, memory, browser, wait, once):
    """Ask and open, until told to stop."""
    failures = 0
    while True:
        asked = time.monotonic()
        try:
            cursor, pages = office.next(memory.cursor, wait)
            if failures:
                log("The office answers again.")
            failures = 0
        except Trouble as problem:
            if problem.forget and memory.cursor:
                memory.cursor = ""
            failures += 1
            if failures == 1 or once:
                log(str(problem))
            if once:
                return 1
            time.sleep(pause(failures, problem))
            continue
        show(pages, office.desk, memory, browser)
        if memory.cursor and not pages and time.monotonic() - asked < 1:
            time.sleep(1)  # an office that does not wait is not asked in a tight loop
        if pages or cursor != memory.cursor:
            memory.cursor = cursor
            memory.save()
        if once:
            return 0


def check(office):
    """Whether the office knows this printer's token; prints what is wrong, returns the exit status."""
    try:
        office.next("", 0)
    except Trouble as problem:
        log(str(problem))
        return 1
    return 0


def pause(failures, problem):
    """Seconds until the next try: doubling, with jitter so that a hundred agents do not come back at the same moment."""
    longest = LONGEST_REFUSAL if problem.refused else LONGEST_PAUSE
    return max(problem.pause, min(longest, 2.0 ** min(failures, 12))) * random.uniform(0.75, 1.25)  # noqa: S311 - no secret


def probe(uri):
    """Whether an IPP printer answers at ipp(s)://host[:port]/path: prints what is wrong, returns the exit status.

    Self-signed certificates pass here as they do in CUPS, which keeps the first one it saw.
    """
    parts = urllib.parse.urlsplit(uri)
    port = parts.port or 631
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    where = f"{'https' if parts.scheme == 'ipps' else 'http'}://{host}:{port}{parts.path}"
    texts = (
        (0x47, b"attributes-charset", b"utf-8"),
        (0x48, b"attributes-natural-language", b"en"),
        (0x45, b"printer-uri", uri.encode()),
    )
    fields = (struct.pack(">BH", tag, len(name)) + name + struct.pack(">H", len(value)) + value for tag, name, value in texts)
    body = struct.pack(">BBHI", 2, 0, 0x000B, 1) + b"\x01" + b"".join(fields) + b"\x03"  # RFC 8011, 4.2.5: Get-Printer-Attributes
    tls = ssl.create_default_context()
    tls.check_hostname, tls.verify_mode = False, ssl.CERT_NONE
    opener = urllib.request.build_opener(NoRedirect, urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=tls))
    request = urllib.request.Request(where, body, {"Content-Type": "application/ipp"})  # noqa: S310 - http or https by construction
    try:
        with opener.open(request, timeout=10) as answer:
            head = answer.read(8)
    except urllib.error.HTTPError as error:
        with error:
            log(f"{parts.hostname} answers, but not for this printer (HTTP {error.code}): {COPY_AGAIN}")
        return 1
    except (OSError, ValueError) as error:
        log(f"Nothing answers at {parts.hostname}, port {port} ({reason(error)}). Is the office running, and the address right?")
        return 1
    if len(head) < 8 or struct.unpack(">H", head[2:4])[0] >= 0x0100:
        log(f"{parts.hostname} answers, but this printer is not known there: {COPY_AGAIN}")
        return 1
    return 0


def configuration(path):
    """{"desk", "token"} and perhaps "authorities" from the file that install.sh wrote."""
    try:
        with open(path, encoding="utf-8") as file:
            shape = json.load(file)
        if origin(shape["desk"]) and shape["token"].isascii() and shape["token"].isprintable():
            return shape
    except OSError as error:
        raise SystemExit(f"{path}: {error.strerror}. Run install.sh first.") from None
    except (ValueError, TypeError, KeyError, AttributeError):
        pass
    raise SystemExit(f"{path} is damaged. Run install.sh again.")


def arguments():
    """The command line."""
    parser = argparse.ArgumentParser(prog="postoffice-agent", description="Opens the post office's options page after printing.")
    parser.add_argument("--printer", metavar="QUEUE", help="name of the print queue, as given to install.sh")
    parser.add_argument("--config", metavar="FILE", help="file with desk and token (default: the one that install.sh wrote)")
    parser.add_argument("--open", metavar="COMMAND", help="command that opens a page (default: $BROWSER_COMMAND, else xdg-open)")
    parser.add_argument("--wait", metavar="SECONDS", type=int, default=WAIT, help="the longest an answer may take (%(default)s)")
    parser.add_argument("--once", action="store_true", help="ask once and end; exit status 1 where the office cannot be asked")
    parser.add_argument("--check", action="store_true", help="only test whether the office knows the token")
    parser.add_argument("--probe", action="store_true", help="only test whether a printer answers at the address on standard input")
    return parser


def folder(variable, usual):
    """A folder of the XDG base directory specification."""
    return os.path.join(os.environ.get(variable) or os.path.expanduser(usual), "postoffice")


def main():
    """Returns the exit status."""
    parser = arguments()
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    if options.probe:
        return probe(sys.stdin.readline().strip())
    if not options.printer and not options.config:
        parser.error("say which printer: --printer QUEUE or --config FILE")
    config = options.config or os.path.join(folder("XDG_CONFIG_HOME", "~/.config"), f"agent-{options.printer}.json")
    settings = configuration(config)
    office = Office(settings["desk"], settings["token"], settings.get("authorities"))
    if options.check:
        return check(office)
    memory = Memory(os.path.join(folder("XDG_STATE_HOME", "~/.local/state"), os.path.basename(config)))
    browser = Browser(shlex.split(options.open or os.environ.get("BROWSER_COMMAND", "")))
    try:
        return serve(office, memory, browser, options.wait, options.once)
    except KeyboardInterrupt:
        return 0


if __name__ == "__main__":
    sys.exit(main())
