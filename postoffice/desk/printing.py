"""A printer's addresses, and how each system is set up with one of them."""

import asyncio
import io
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

from aiohttp import web

from postoffice.desk.admin import admin_page, name_missing, note
from postoffice.desk.choices import text_of, unknown_word
from postoffice.desk.page import go
from postoffice.desk.printers import load_printer
from postoffice.desk.visit import VISIT, house_of
from postoffice.house import House
from postoffice.model.errors import NotFound
from postoffice.store import accounts, people, printers
from postoffice.store.printers import Printer, Token

_PACKAGE = Path(__file__).resolve().parents[1]
#: the checkout's folder, or the one that the installed package carries
DRIVERS = _PACKAGE.parent / "printdrivers" if (_PACKAGE.parent / "printdrivers").is_dir() else _PACKAGE / "_printdrivers"
SCRIPTS = frozenset({".sh", ".command", ".py"})  # files that a system runs as they are
THIS_MACHINE = frozenset({"localhost", "127.0.0.1", "::1"})


class Way(NamedTuple):
    """An address of a printer. `own_certificate`: TLS with the certificate that the office made for itself."""

    address: str
    secure: bool
    own_certificate: bool
    desk: str  #: what the set-up needs to be told of the desk; empty where it finds it by itself


def ways(house: House, token: str) -> list[Way]:
    """The addresses under which a token's printer is reached, the one to use first."""
    parts = urlsplit(house.url)
    host = parts.hostname or "localhost"
    host = f"[{host}]" if ":" in host else host
    if parts.scheme == "https":
        port = parts.port or 443
        return [Way(f"ipps://{host}:{port}/ipp/print/{token}", True, False, "" if port == 443 else house.url)]
    found = [Way(f"ipp://{host}:{parts.port or 80}/ipp/print/{token}", False, False, "")]
    if house.tls_port:
        found.append(Way(f"ipps://{host}:{house.tls_port}/ipp/print/{token}", True, True, house.url))
    return found


async def add_token(request: web.Request) -> web.StreamResponse:
    """POST /admin/printers/{printer}/tokens"""
    printer, house, visit, form = await load_printer(request), house_of(request), request[VISIT], await request.post()
    label, user_id = text_of(form, "label", 200), text_of(form, "user") or None
    async with house.database.write() as connection:
        if user_id:
            owner = await accounts.get(connection, user_id, visit.organisation.id)
            label = label or owner.name
        if not label:
            raise name_missing()
        await printers.add_token(connection, house.keyring, printer, label=label, now=house.clock.now(), user_id=user_id)
        made = (await printers.tokens(connection, printer.id))[-1]
        await note(request, connection, "printer.token-add", printer.id, token=made.id)
    return go(request, f"/admin/printers/{printer.id}/tokens/{made.id}")


async def _load_token(request: web.Request, printer: Printer) -> Token:
    async with house_of(request).database.read() as connection:
        known = await printers.tokens(connection, printer.id)
    for token in known:
        if token.id == request.match_info["token"]:
            return token
    raise NotFound("no-such-token", "This printer has no such address.", help="Look for it on the printer's page.")


async def token_page(request: web.Request) -> web.StreamResponse:
    """GET /admin/printers/{printer}/tokens/{token}: the address itself, and what to type on each system. The trail notes who looked."""
    printer, house, visit = await load_printer(request), house_of(request), request[VISIT]
    token = await _load_token(request, printer)
    if token.revoked_at:
        raise NotFound("no-such-token", "This printer has no such address.", help="Look for it on the printer's page.")
    async with house.database.write() as connection:
        await note(request, connection, "printer.token-show", printer.id, token=token.id)
        owner = await people.user(connection, token.user_id) if token.user_id else None
    context = {
        "printer": printer,
        "token": token,
        "owner": owner if owner and owner.organisation_id == visit.organisation.id else None,
        "ways": ways(house, house.keyring.printer_token(token.id)),
        "this_machine": (urlsplit(house.url).hostname or "") in THIS_MACHINE,
    }
    return admin_page(request, "printers-setup.html", context)


async def revoke_token(request: web.Request) -> web.StreamResponse:
    """POST /admin/printers/{printer}/tokens/{token}/revoke: the computers that have this address can no longer print."""
    printer, house = await load_printer(request), house_of(request)
    token = await _load_token(request, printer)
    async with house.database.write() as connection:
        await printers.revoke_token(connection, printer.organisation_id, token.id, house.clock.now())
        await note(request, connection, "printer.token-revoke", printer.id, token=token.id)
    return go(request, f"/admin/printers/{printer.id}?done=revoked")


async def drivers_zip(request: web.Request) -> web.StreamResponse:
    """GET /admin/printdrivers.zip, optionally ?system=linux|macos|windows: the set-up scripts. They hold no address."""
    system = request.query.get("system", "")
    if system not in ("", "linux", "macos", "windows"):
        raise unknown_word()
    content = await asyncio.to_thread(zipped, DRIVERS, [system] if system else ["linux", "macos", "windows"])
    name = f"post-office-{system or 'printers'}.zip"
    return web.Response(body=content, content_type="application/zip", headers={"Content-Disposition": f'attachment; filename="{name}"'})


def zipped(folder: Path, systems: Sequence[str]) -> bytes:
    """The README and the folders of some systems as a zip, in one folder, scripts marked as programs."""
    wanted = [folder / "README.md", *(path for system in systems for path in sorted((folder / system).rglob("*")))]
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in wanted:
            if path.is_file() and "__pycache__" not in path.parts:
                info = zipfile.ZipInfo(f"printdrivers/{path.relative_to(folder).as_posix()}", (2026, 1, 1, 0, 0, 0))
                info.external_attr = (0o100755 if path.suffix in SCRIPTS else 0o100644) << 16
                archive.writestr(info, path.read_bytes(), zipfile.ZIP_DEFLATED)
    return target.getvalue()
