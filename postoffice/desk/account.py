"""One's own account: name and language, password, second factor, passkeys, where one is signed in."""

from __future__ import annotations

import re
from datetime import timedelta

from aiohttp import web

from postoffice.actions.notices import Change, tell_staff
from postoffice.desk import passkeys
from postoffice.desk.admin import name_missing, note
from postoffice.desk.choices import text_of, unknown_word
from postoffice.desk.page import go, render
from postoffice.desk.sign_in import keep_language
from postoffice.desk.visit import VISIT, house_of
from postoffice.later import zxingcpp
from postoffice.model import totp
from postoffice.model.errors import Conflict, NotFound, PostOfficeError
from postoffice.store import accounts, factors, people, sign_ins
from postoffice.words import LANGUAGES


async def account_page(request: web.Request) -> web.StreamResponse:
    """GET /account"""
    return await _page(request)


async def _page(request: web.Request, wrong: PostOfficeError | None = None) -> web.Response:
    visit, house = request[VISIT], house_of(request)
    async with house.database.read() as connection:
        context = {
            "said": visit.words.problem(wrong) if wrong else None,
            "passkeys": await factors.passkeys_of(connection, visit.user.id),
            "codes_left": await factors.recovery_codes_left(connection, visit.user.id),
            "sessions": await accounts.open_sessions(connection, visit.user.id, house.clock.now(), idle_end(request)),
            "here_mark": accounts.mark_of(visit.token),
        }
    return render(request, "account.html", context, status=wrong.status if wrong else 200)


def idle_end(request: web.Request) -> timedelta:
    """How long a session lives without a click."""
    return timedelta(seconds=house_of(request).limits.idle_seconds)


async def change_account(request: web.Request) -> web.StreamResponse:
    """POST /account: name and language."""
    visit, house, form = request[VISIT], house_of(request), await request.post()
    name, language = text_of(form, "name", 200), text_of(form, "language", 5)
    if not name:
        return await _page(request, name_missing())
    if language not in LANGUAGES:
        raise unknown_word()
    async with house.database.write() as connection:
        await accounts.rename(connection, visit.user.id, name, language)
        await note(request, connection, "account.change", visit.user.id)
    response = go(request, "/account?done=kept")
    keep_language(response, language, secure=house.secure)
    return response


async def end_session(request: web.Request) -> web.StreamResponse:
    """POST /account/sessions/{session}/end"""
    visit = request[VISIT]
    async with house_of(request).database.write() as connection:
        if not await accounts.end_sessions(connection, visit.user.id, only=request.match_info["session"]):
            raise NotFound("no-such-session", "This session has ended already.", help="Reload the page.")
        await note(request, connection, "account.session-end", visit.user.id)
    return go(request, "/account?done=ended")


async def end_other_sessions(request: web.Request) -> web.StreamResponse:
    """POST /account/sessions/end-others: everywhere but here."""
    visit = request[VISIT]
    async with house_of(request).database.write() as connection:
        number = await accounts.end_sessions(connection, visit.user.id, but=accounts.mark_of(visit.token))
        await note(request, connection, "account.sessions-end", visit.user.id, number=number)
    return go(request, "/account?done=ended")


async def second_page(request: web.Request) -> web.StreamResponse:
    """GET /account/second: an app or a passkey, whichever is at hand."""
    visit = request[VISIT]
    context = {"required": visit.needs_second_factor, "offered": passkeys.offered(house_of(request))}
    return render(request, "account-second.html", context)


async def begin_app(request: web.Request) -> web.StreamResponse:
    """POST /account/second/app: a fresh secret, shown as a QR code; it counts once a code of it was typed."""
    visit, house, secret = request[VISIT], house_of(request), totp.new_secret()
    async with house.database.write() as connection:
        token = await sign_ins.begin(
            connection,
            house.keyring,
            visit.organisation.id,
            visit.user.id,
            "app",
            house.clock.now(),
            secret={"secret": totp.in_letters(secret)},
        )
    return _app_page(request, secret, token, "")


def _app_page(request: web.Request, secret: bytes, token: str, wrong: str, status: int = 200) -> web.Response:
    visit, letters = request[VISIT], totp.in_letters(secret)
    picture = qr_code(totp.address(secret, visit.user.email, visit.organisation.name))
    groups = " ".join(letters[at : at + 4] for at in range(0, len(letters), 4))
    return render(request, "account-app.html", {"picture": picture, "letters": groups, "step": token, "wrong": wrong}, status=status)


def qr_code(text: str) -> tuple[int, str]:
    """A QR code as the side of its square in modules, quiet zone included (ISO/IEC 18004, 9.1), and the SVG path of its dark ones."""
    drawn = zxingcpp.create_barcode(text, zxingcpp.BarcodeFormat.QRCode, ec_level="M").to_svg()
    side, path = re.search(r'<svg width="(\d+)"', drawn), re.search(r'<path d="([MmHhVvLlZz0-9 -]+)"', drawn)
    assert side is not None and path is not None, "zxing-cpp draws in another way than it did"
    return int(side[1]), path[1]


async def confirm_app(request: web.Request) -> web.StreamResponse:
    """POST /account/second/app/confirm: the first code. The answer shows fresh recovery codes; other sessions end."""
    visit, house, form = request[VISIT], house_of(request), await request.post()
    token, typed, now = text_of(form, "step", 64), text_of(form, "code", 12).replace(" ", ""), house_of(request).clock.now()
    async with house.database.read() as connection:
        step = await sign_ins.step(connection, house.keyring, token, "app", now)
    if step is None or step.user_id != visit.user.id:
        raise Conflict("step-over", "This took too long: nothing was changed.", help="Begin again.")
    secret = totp.of_letters(step.secret["secret"])
    at = totp.matching_step(secret, typed, now, None)
    codes: list[str] = []
    async with house.database.write() as connection:
        await accounts.hold(connection, visit.user.id, visit.organisation.id)
        if at is None:
            await sign_ins.count_wrong(connection, token)
        elif await sign_ins.end(connection, token):
            await factors.set_app(connection, house.keyring, visit.user.id, secret, at)
            await accounts.end_sessions(connection, visit.user.id, but=accounts.mark_of(visit.token))
            codes = await factors.new_recovery_codes(connection, house.keyring, visit.user, now)
            await note(request, connection, "account.app-on", visit.user.id)
    if at is not None and codes:
        await tell_staff(house, visit.organisation, visit.user, Change.APP_ON)
        return _codes_page(request, codes)
    wrong = visit.words._("This code is not right. Does the telephone's clock show the right time?")
    return _app_page(request, secret, token, wrong, 422)


def _codes_page(request: web.Request, codes: list[str]) -> web.Response:
    return render(request, "account-codes.html", {"codes": codes})


async def remove_app(request: web.Request) -> web.StreamResponse:
    """POST /account/second/app/remove"""
    visit, house = request[VISIT], house_of(request)
    async with house.database.write() as connection:
        held = await accounts.hold(connection, visit.user.id, visit.organisation.id)
        await factors.set_app(connection, house.keyring, visit.user.id, None, None)
        if not held.has_passkey:
            await factors.forget_recovery_codes(connection, visit.user.id)
        await note(request, connection, "account.app-off", visit.user.id)
    await tell_staff(house, visit.organisation, visit.user, Change.APP_OFF)
    return go(request, "/account?done=removed")


async def new_codes(request: web.Request) -> web.StreamResponse:
    """POST /account/second/codes: ten fresh recovery codes; the earlier ones open nothing any more."""
    visit, house = request[VISIT], house_of(request)
    if not visit.user.second_factor:
        raise Conflict("no-second-factor", "There is no second factor yet.", help="Set one up first.")
    async with house.database.write() as connection:
        codes = await factors.new_recovery_codes(connection, house.keyring, visit.user, house.clock.now())
        await note(request, connection, "account.codes", visit.user.id)
    await tell_staff(house, visit.organisation, visit.user, Change.CODES)
    return _codes_page(request, codes)


async def begin_passkey(request: web.Request) -> web.StreamResponse:
    """POST /account/passkeys/begin: what the browser needs to make one."""
    house = house_of(request)
    if not passkeys.offered(house):
        raise Conflict(
            "no-passkeys-here", "Passkeys need https and a host name.", help="Ask your administrator for an address with https."
        )
    async with house.database.write() as connection:
        return await passkeys.begin_adding(request, connection, request[VISIT].user)


async def add_passkey(request: web.Request) -> web.StreamResponse:
    """POST /account/passkeys: the one that the browser made. With the first second factor come recovery codes."""
    visit, house, form = request[VISIT], house_of(request), await request.post()
    name, now = text_of(form, "name", 80) or visit.words._("Passkey"), house.clock.now()
    async with house.database.write() as connection:
        held = await accounts.hold(connection, visit.user.id, visit.organisation.id)
        made = await passkeys.finish_adding(request, connection, form, visit.user)
        passkey_id = await factors.add_passkey(connection, visit.user, name=name, now=now, **made._asdict())
        codes = [] if held.second_factor else await factors.new_recovery_codes(connection, house.keyring, visit.user, now)
        await accounts.end_sessions(connection, visit.user.id, but=accounts.mark_of(visit.token))
        await note(request, connection, "account.passkey-add", visit.user.id, passkey=passkey_id)
    await tell_staff(house, visit.organisation, visit.user, Change.PASSKEY_ON)
    return _codes_page(request, codes) if codes else go(request, "/account?done=added")


async def remove_passkey(request: web.Request) -> web.StreamResponse:
    """POST /account/passkeys/{passkey}/remove"""
    visit, house = request[VISIT], house_of(request)
    async with house.database.write() as connection:
        await accounts.hold(connection, visit.user.id, visit.organisation.id)
        if not await factors.remove_passkey(connection, visit.user.id, request.match_info["passkey"]):
            raise NotFound("no-such-passkey", "There is no such passkey.", help="Reload the page.")
        left = await people.user(connection, visit.user.id)
        if left and not left.second_factor:
            await factors.forget_recovery_codes(connection, visit.user.id)
        await note(request, connection, "account.passkey-remove", visit.user.id, passkey=request.match_info["passkey"])
    await tell_staff(house, visit.organisation, visit.user, Change.PASSKEY_OFF)
    return go(request, "/account?done=removed")
