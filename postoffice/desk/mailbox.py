"""Where a carrier's mail comes back to: our own door's address, a mailbox to be fetched, and where people's answers go on to."""

import asyncio
from collections.abc import Mapping
from typing import Any

from aiohttp import web

from postoffice.actions.mailbox_access import BY_TOKEN, way_in
from postoffice.compose.recheck import points
from postoffice.desk.admin import admin_page, note
from postoffice.desk.carriers import load_carrier
from postoffice.desk.choices import Form, text_of
from postoffice.desk.page import go
from postoffice.desk.returning import returning_of
from postoffice.desk.visit import VISIT, house_of
from postoffice.intake.imap import PORTS, access_of, try_out
from postoffice.model.channel import Channel
from postoffice.model.errors import NotFound, PostOfficeError
from postoffice.store import carriers, mailboxes
from postoffice.store.carriers import CarrierRow
from postoffice.store.mailboxes import MailboxRow

TO_SENDER = "@sender"  # as pipeline.forwarding reads it
_TEXTS = {"host": 255, "username": 320, "folder": 200, "done": 200, "ca": 20_000}
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


async def load(request: web.Request) -> tuple[CarrierRow, MailboxRow | None, dict[str, Any]]:
    """The e-mail carrier that the address names, its mailbox and that one's settings; NotFound for other channels."""
    carrier, house = await load_carrier(request), house_of(request)
    if carrier.channel is not Channel.EMAIL:
        raise NotFound("no-such-carrier", "There is no carrier of this name.", help="Look for it on the page of carriers.")
    async with house.database.read() as connection:
        mailbox = await mailboxes.of_carrier(connection, carrier.organisation_id, carrier.name)
    return carrier, mailbox, carriers.unseal(house.keyring, mailbox.settings) if mailbox else {}


def _is_kept(settings: Mapping[str, Any]) -> bool:
    return bool(settings.get("password")) or settings.get("sign_in") == BY_TOKEN


async def mailbox_page(request: web.Request) -> web.StreamResponse:
    """GET /admin/carriers/{carrier}/mailbox"""
    carrier, mailbox, settings = await load(request)
    return await _page(request, carrier, mailbox, _typed_of(mailbox, settings), _is_kept(settings))


def _typed_of(mailbox: MailboxRow | None, settings: Mapping[str, Any]) -> dict[str, str]:
    forward = mailbox.forward_to if mailbox else ""
    texts = {name: str(settings.get(name, "")) for name in _TEXTS}
    return {
        **texts,
        "folder": texts["folder"] or "INBOX",
        "port": str(settings.get("port") or ""),
        "security": str(settings.get("security", "tls")),
        "address": (mailbox.address or "") if mailbox else "",
        "sign_in": "1" if settings.get("sign_in") == BY_TOKEN else "",
        "fetching": "1" if mailbox and mailbox.fetching else "",
        "forward": "sender" if forward == TO_SENDER else "address" if forward else "none",
        "forward_to": "" if forward == TO_SENDER else forward,
    }


async def _page(
    request: web.Request,
    carrier: CarrierRow,
    mailbox: MailboxRow | None,
    typed: Mapping[str, str],
    kept: bool,
    *,
    wrong: PostOfficeError | None = None,
    tried: int | PostOfficeError | None = None,
) -> web.Response:
    words = request[VISIT].words
    context = {
        **(await returning_of(request, carrier) or {}),
        "carrier": carrier,
        "mailbox": mailbox,
        "typed": typed,
        "kept": kept,
        "securities": list(PORTS),
        "said": words.problem(wrong) if wrong else None,
        "wrong_field": str(wrong.facts.get("field", "")) if wrong else "",
        "tried": words.problem(tried) if isinstance(tried, PostOfficeError) else tried,
        "tried_well": isinstance(tried, int),
    }
    return admin_page(request, "mailbox.html", context, status=wrong.status if wrong else 200)


def _typed(form: Form) -> dict[str, str]:
    names = {**_TEXTS, "port": 5, "security": 10, "address": 320, "fetching": 1, "sign_in": 1, "forward": 10, "forward_to": 320}
    return {name: text_of(form, name, most).replace("\r\n", "\n").strip() for name, most in names.items()}


def _settings(typed: Mapping[str, str], password: str) -> dict[str, Any]:
    """What is kept sealed. PostOfficeError names the field that cannot be used."""
    if not (typed["port"] == "" or typed["port"].isdigit()) or int(typed["port"] or 0) > 65535:
        raise _bad("port")
    if typed["security"] not in PORTS:
        raise _bad("security")
    for name in ("host", "username", "folder", "done"):
        if not typed[name].isprintable():
            raise _bad(name)
    if typed["security"] == "none" and typed["host"] not in _LOOPBACK and typed["host"]:
        raise PostOfficeError(
            "mailbox-open",
            "The user name and the password would cross the network unprotected.",
            help="Choose tls or starttls.",
            field="security",
        )
    return {
        **{name: typed[name] for name in _TEXTS},
        "port": int(typed["port"] or 0),
        "security": typed["security"],
        "password": password,
        "sign_in": BY_TOKEN if typed["sign_in"] else "",
    }


def _bad(field: str) -> PostOfficeError:
    return PostOfficeError("mailbox-field", "This cannot be used.", help="Correct the marked field and save again.", field=field)


def _forward(typed: Mapping[str, str], address: str, country: str) -> str:
    if typed["forward"] == "sender":
        return TO_SENDER
    if typed["forward"] != "address":
        return ""
    target = str(points(email=typed["forward_to"], mobile=None, fax=None, country=country)["email"] or "")
    if not target or target.lower() == address.lower():  # it would run in a circle
        raise _bad("forward_to")
    return target


async def change(request: web.Request) -> web.StreamResponse:
    """POST /admin/carriers/{carrier}/mailbox: keep; a password that is left empty stays as it is."""
    carrier, mailbox, before = await load(request)
    house, form = house_of(request), await request.post()
    typed, country = _typed(form), request[VISIT].organisation.country
    password = text_of(form, "password", 1000) or str(before.get("password", ""))
    try:
        settings = _settings(typed, password)
        address = str(points(email=typed["address"], mobile=None, fax=None, country=country)["email"] or "")
        if typed["fetching"]:
            access_of(settings, "by the carrier" if typed["sign_in"] else "")
        async with house.database.write() as connection:
            await mailboxes.keep(
                connection,
                carrier.organisation_id,
                carrier.name,
                house.clock.now(),
                address=address,
                settings=carriers.seal(house.keyring, settings),
                fetching=typed["fetching"] == "1",
                forward_to=_forward(typed, address, country),
                afresh=any(before.get(name) != settings[name] for name in ("host", "username", "folder")),
            )
            await note(request, connection, "carrier.mailbox", carrier.id, name=carrier.name)
    except PostOfficeError as wrong:
        return await _page(request, carrier, mailbox, typed, bool(password or typed["sign_in"]), wrong=wrong)
    return go(request, f"/admin/carriers/{carrier.name}/mailbox?done=kept")


async def try_it(request: web.Request) -> web.StreamResponse:
    """POST /admin/carriers/{carrier}/mailbox/test: open the mailbox as it is kept, and say how that went."""
    carrier, mailbox, settings = await load(request)
    try:
        access = await way_in(house_of(request), carrier.organisation_id, carrier.name, settings)
        tried: int | PostOfficeError = await asyncio.to_thread(try_out, access)
    except PostOfficeError as failed:
        tried = failed
    return await _page(request, carrier, mailbox, _typed_of(mailbox, settings), _is_kept(settings), tried=tried)


async def remove(request: web.Request) -> web.StreamResponse:
    """POST /admin/carriers/{carrier}/mailbox/remove: what was fetched stays."""
    carrier, _, _ = await load(request)
    async with house_of(request).database.write() as connection:
        await mailboxes.remove(connection, carrier.organisation_id, carrier.name)
        await note(request, connection, "carrier.mailbox-removed", carrier.id, name=carrier.name)
    return go(request, f"/admin/carriers/{carrier.name}?done=changed")
