"""What the doctor looks at on this machine: settings, master key, disk, programs, certificates."""

import asyncio
import difflib
import errno
import importlib.util
import ipaddress
import os
import shutil
import ssl
import tempfile
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

from cryptography import x509

from postoffice.commands.checkup.line import Line, bad, ok, warn
from postoffice.settings import Settings
from postoffice.wiring import tls_folder

_PRIVATE_ENDS = (".local", ".localhost", ".internal", ".lan", ".home.arpa", ".test")
_SOON = timedelta(days=14)
_LANGUAGES = {"eng", "fra", "deu"}


def settings_lines(settings: Settings, environment: Mapping[str, str]) -> list[Line]:
    """Unknown names, and addresses that cannot be right."""
    known = {f"POSTOFFICE_{name.upper()}" for name in Settings.model_fields}
    given = {name.upper() for name in environment} | _in_file(settings.data / "office.env")
    unknown = sorted(name for name in given if name.startswith("POSTOFFICE_") and name not in known)
    lines = [warn("settings", f"{name} is no setting", _perhaps(name, known)) for name in unknown]
    lines += _address(settings)
    return lines or [ok("settings", f"{len(given & known)} given, all known")]


def _in_file(path: Path) -> set[str]:
    if not path.is_file():
        return set()
    words = (line.strip().removeprefix("export ").partition("=")[0].strip() for line in path.read_text(errors="replace").splitlines())
    return {word.upper() for word in words if word and not word.startswith("#")}


def _perhaps(name: str, known: set[str]) -> str:
    near = difflib.get_close_matches(name, known, 1)
    return f"Did you mean {near[0]}? Otherwise remove it." if near else "Remove it; README.md lists all settings."


def _address(settings: Settings) -> list[Line]:
    parts = urlsplit(settings.url)
    host = parts.hostname or ""
    if parts.scheme != "https" and _is_public(host):
        todo = "Put a TLS proxy in front and set POSTOFFICE_PUBLIC_URL to its https address."
        return [bad("address", "people reach the office by http on a public name: passwords and letters go in clear", todo)]
    if not settings.public_url and settings.host not in ("127.0.0.1", "::1", "localhost"):
        todo = "Set POSTOFFICE_PUBLIC_URL: links in letters name it."
        return [warn("address", f"the office listens on {settings.host}, but calls itself {settings.url}", todo)]
    if parts.scheme == "https" and not settings.behind_proxies:
        todo = "Set POSTOFFICE_BEHIND_PROXIES to the number of proxies: else every caller seems to be the proxy."
        return [warn("address", "https, but no proxy is expected in front", todo)]
    return []


def _is_public(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_global
    except ValueError:
        return "." in host and not host.endswith(_PRIVATE_ENDS)


def key_lines(settings: Settings) -> list[Line]:
    """Whether there is a master key, for us alone. Whether it fits is told where the database is asked."""
    if not settings.has_key:
        todo = "Lay the office's master.key into the data folder, or set POSTOFFICE_MASTER_KEY. Only a new office may start without."
        return [bad("master key", "there is none", todo)]
    path = settings.data / "master.key"
    try:
        fits = len(settings.key) == 32
    except ValueError:
        fits = False
    if not fits:
        return [bad("master key", "it is not 64 hexadecimal digits", "Lay back the key that the office was made with.")]
    if not settings.master_key and path.stat().st_mode & 0o077:
        return [warn("master key", "others on this machine can read it", f"chmod 600 {path}")]
    return [ok("master key", "from the settings" if settings.master_key else "in the data folder, readable by the office alone")]


def disk_lines(settings: Settings) -> list[Line]:
    """Room for documents: bytes, inodes, and whether they can be written at all."""
    folder = settings.data / "documents"
    place = folder if folder.is_dir() else settings.data
    if not place.is_dir():
        return [bad("disk", f"there is no folder {settings.data}", "Name the data folder with --data or POSTOFFICE_DATA.")]
    return [_room(settings, place), *_inodes(place), _writable(place)]


def _room(settings: Settings, place: Path) -> Line:
    usage = shutil.disk_usage(place)
    found = f"{usage.free / 1e9:,.2f} GB free of {usage.total / 1e9:,.2f}"
    least = settings.min_free_megabytes * 1_000_000
    if usage.free < least:
        todo = f"Free some: new jobs are refused below {settings.min_free_megabytes} MB (POSTOFFICE_MIN_FREE_MEGABYTES)."
        return bad("disk", found, todo)
    if usage.free < max(2 * least, usage.total // 20):
        return warn("disk", found, "Free some, or give the data folder a larger disk, before new jobs are refused.")
    return ok("disk", found)


def _inodes(place: Path) -> list[Line]:
    told = os.statvfs(place)
    if not told.f_files:  # a file system that makes them as it needs them
        return []
    share = told.f_favail / told.f_files
    found = f"{share:.0%} of the files that the disk can hold are free"
    if share < 0.01:
        return [bad("inodes", found, "Remove small files from this disk: nothing more can be stored.")]
    return [warn("inodes", found, "Remove small files from this disk in time.")] if share < 0.05 else [ok("inodes", found)]


def _writable(place: Path) -> Line:
    try:
        with tempfile.NamedTemporaryFile(dir=place, prefix=".doctor-") as file:
            file.write(b"x")
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        todo = "Free some room, or raise the quota." if full else f"See who owns {place}, and that it is not read-only."
        return bad("documents", f"the folder cannot be written: {error.strerror}", todo)
    return ok("documents", "the folder can be written")


async def program_lines(settings: Settings) -> list[Line]:
    """Programs that parts of the road need."""
    wanted = {
        "gs": ("PostScript jobs and faxes", "Install ghostscript."),
        "tesseract": ("addresses in pictures of letters", "Install tesseract-ocr with -fra and -deu."),
        "fc-match": ("typefaces of letters", "Install fontconfig, fonts-dejavu-core and fonts-liberation."),
    }
    if settings.database_url.startswith("postgresql"):
        wanted |= {"pg_dump": ("backups", "Install postgresql-client."), "pg_restore": ("backups", "Install postgresql-client.")}
    lines = [
        warn("programs", f"{name} is missing: no {use}", todo) for name, (use, todo) in wanted.items() if shutil.which(name) is None
    ]
    if not settings.redis_url and not (shutil.which("redis-server") or shutil.which("valkey-server")):
        lines.append(bad("programs", "there is no redis-server", "Run `make setup`, or set POSTOFFICE_REDIS_URL."))
    if shutil.which("tesseract") and (absent := _LANGUAGES - await _languages()):
        lines.append(
            warn("programs", f"tesseract does not read {', '.join(sorted(absent))}", "Install the tesseract-ocr-... packages.")
        )
    if shutil.which("fc-match") and not await _said("fc-list", ":", "family"):
        lines.append(warn("programs", "no typeface is installed", "Install fonts-dejavu-core and fonts-liberation."))
    return lines or [ok("programs", f"{', '.join(wanted)} are there")]


async def _languages() -> set[str]:
    return set((await _said("tesseract", "--list-langs")).split())


async def _said(*command: str) -> str:
    try:
        process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL)
    except OSError:
        return ""
    out, _ = await process.communicate()
    return out.decode(errors="replace")


async def traces_lines(settings: Settings) -> list[Line]:
    """Whether traces can go where they are wanted; nothing where nobody wants them."""
    url, about = urlsplit(settings.traces_url), "traces"
    if not settings.traces_url:
        return []
    if url.scheme not in ("http", "https") or not url.hostname:
        return [bad(about, "POSTOFFICE_TRACES_URL is no http address", "Write http://collector:4318 (OTLP over HTTP).")]
    if importlib.util.find_spec("opentelemetry") is None:
        todo = "Run `make traces` (or install the extra: pip install 'postoffice[traces]') and restart, or empty POSTOFFICE_TRACES_URL."
        return [warn(about, "wanted, but OpenTelemetry is not installed: none are sent", todo)]
    try:
        async with asyncio.timeout(5):
            _, writer = await asyncio.open_connection(url.hostname, url.port or (443 if url.scheme == "https" else 80))
    except (OSError, TimeoutError) as error:
        todo = "Start the collector, or empty POSTOFFICE_TRACES_URL. Mail goes on meanwhile; spans are dropped."
        return [warn(about, f"the collector does not answer ({type(error).__name__})", todo)]
    writer.close()
    return [ok(about, f"the collector answers; {settings.traces_share:.0%} of all journeys are traced")]


async def certificate_lines(settings: Settings, now: datetime) -> list[Line]:
    """When certificates end: the printer's own, and that of the public address."""
    lines = []
    own = tls_folder(settings) / "ipps.crt"
    if settings.tls_port and own.is_file():
        ends = x509.load_pem_x509_certificate(own.read_bytes()).not_valid_after_utc
        lines.append(_ends("printer's certificate", ends, now, "Restart `postoffice serve`: it makes a new one with the same key."))
    parts = urlsplit(settings.url)
    if parts.scheme == "https" and parts.hostname:
        lines.append(await _outside(parts.hostname, parts.port or 443, now))
    return lines or [ok("certificates", "none is used")]


def _ends(about: str, ends: datetime, now: datetime, todo: str) -> Line:
    found = f"ends on {ends:%Y-%m-%d}"
    return bad(about, found, todo) if ends <= now else warn(about, found, todo) if ends - now < _SOON else ok(about, found)


async def _outside(host: str, port: int, now: datetime) -> Line:
    about = "public certificate"
    try:
        async with asyncio.timeout(5):
            _, writer = await asyncio.open_connection(host, port, ssl=ssl.create_default_context())
    except ssl.SSLCertVerificationError as error:
        return bad(about, f"is not trusted: {error.verify_message}", "Renew it at the proxy, with its whole chain.")
    except (OSError, TimeoutError) as error:
        return warn(
            about, f"the public address does not answer from here ({type(error).__name__})", "See the proxy and the name's DNS."
        )
    told = writer.get_extra_info("peercert")
    writer.close()
    ends = datetime.fromtimestamp(ssl.cert_time_to_seconds(told["notAfter"]), UTC)
    return _ends(about, ends, now, "Renew it at the proxy.")
