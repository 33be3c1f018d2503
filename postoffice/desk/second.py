"""The second step of signing in, signing in with a passkey alone, and proving again who one is before something dangerous."""

from datetime import timedelta

from aiohttp import web
from sqlalchemy.ext.asyncio import AsyncConnection

from postoffice.desk import passkeys
from postoffice.desk.admin import note
from postoffice.desk.choices import Form, text_of
from postoffice.desk.page import go, render
from postoffice.desk.sign_in import (
    count,
    forgive,
    limits_of,
    network_of,
    next_page,
    pause_words,
    paused,
    right_password,
    step_cookie,
    welcome,
)
from postoffice.desk.visit import VISIT, WORDS, house_of
from postoffice.model.errors import NotAllowed, PostOfficeError
from postoffice.model.people import User
from postoffice.store import accounts, factors, people, sign_ins
from postoffice.store.sign_ins import Step
from postoffice.store.tries import Limit

#: wrong codes for one account from anywhere; each half-done sign-in has five of its own
CODES = (20, timedelta(minutes=15))
#: passkeys that one network address may ask for
ASKED = (60, timedelta(minutes=5))


async def _waiting(request: web.Request) -> tuple[str, Step | None, User | None]:
    """The half-done sign-in of this browser: its token, what it is, whose."""
    house = house_of(request)
    token = request.cookies.get(step_cookie(house), "")
    async with house.database.read() as connection:
        step = await sign_ins.step(connection, house.keyring, token, "second", house.clock.now()) if token else None
        user = await people.user(connection, step.user_id) if step and step.user_id else None
    return token, step, user if user and not user.disabled else None


async def second_page(request: web.Request) -> web.StreamResponse:
    """GET /sign-in/second"""
    _token, step, user = await _waiting(request)
    return _page(request, user, "") if step and user else go(request, "/sign-in")


def _page(request: web.Request, user: User, wrong: str, status: int = 200) -> web.Response:
    has_passkey = user.has_passkey and passkeys.offered(house_of(request))
    return render(request, "second.html", {"has_app": user.has_app, "has_passkey": has_passkey, "wrong": wrong}, status=status)


async def second(request: web.Request) -> web.StreamResponse:
    """POST /sign-in/second: a code of the app, a recovery code, or a passkey's answer. The session begins here, with a fresh cookie."""
    token, step, user = await _waiting(request)
    if step is None or user is None:
        return go(request, "/sign-in")
    form, house = await request.post(), house_of(request)
    limits = (Limit(house.keyring.blind(f"desk code {user.id}"), *CODES),)
    waits = await count(request, limits)
    if waits:
        return paused(_page(request, user, pause_words(request, waits), 429), waits)
    opened, again = await _judge(request, token, user, form)
    if opened is None:
        wrong = request[WORDS]._("This code is not right, or it was used already. A new one comes every thirty seconds.")
        return _page(request, user, wrong, 403) if again else go(request, "/sign-in")
    await forgive(request, limits)
    return opened


async def _judge(request: web.Request, token: str, user: User, form: Form) -> tuple[web.Response | None, bool]:
    """What the right answer opens, else whether there is one more try. Counted, ended and opened in the transaction that judges it,
    which holds the account: an administrator who helps this person comes before all of it or after."""
    house = house_of(request)
    async with house.database.write() as connection:
        held = await accounts.hold(connection, user.id, user.organisation_id)
        step = await sign_ins.step(connection, house.keyring, token, "second", house.clock.now())
        if step is None or held.disabled:
            return None, False
        by = await _opened_by(request, connection, held, form)
        if not by:
            await sign_ins.count_wrong(connection, token)
            return None, step.wrong + 1 < sign_ins.STEP_TRIES
        await sign_ins.end(connection, token)
        return await welcome(request, connection, held, next_page(request, str(step.detail.get("wanted", "/"))), by), False


async def _opened_by(request: web.Request, connection: AsyncConnection, user: User, form: Form) -> str:
    house, typed = house_of(request), text_of(form, "code", 40).replace(" ", "")
    now = house.clock.now()
    if "answer" in form:
        try:
            await passkeys.finish_using(request, connection, form, "passkey-second", user.id)
        except NotAllowed:
            return ""
        return "password, passkey"
    if typed.isdecimal() and await factors.try_app(connection, house.keyring, user.id, typed, now):
        return "password, app"
    if not typed.isdecimal() and await factors.use_recovery_code(connection, house.keyring, user.id, typed, now):
        return "password, recovery code"
    return ""


async def second_passkey(request: web.Request) -> web.StreamResponse:
    """POST /sign-in/second/passkey: what the browser needs to use one of this account's passkeys."""
    _token, step, user = await _waiting(request)
    if step is None or user is None:
        raise passkeys.refused()
    return await _ask(request, user, "passkey-second")


async def _ask(request: web.Request, user: User | None, purpose: str) -> web.StreamResponse:
    house = house_of(request)
    limits = (Limit(house.keyring.blind(f"desk passkey from {network_of(request.remote or '')}"), *ASKED),)
    if waits := await count(request, limits):
        return paused(web.json_response({}, status=429), waits)
    async with house.database.write() as connection:
        return await passkeys.begin_using(request, connection, user, purpose)


async def ask_passkey(request: web.Request) -> web.StreamResponse:
    """POST /sign-in/passkey/begin, by strangers: the device finds the account, and asks its owner for a finger or a number."""
    return await _ask(request, None, "passkey")


async def passkey(request: web.Request) -> web.StreamResponse:
    """POST /sign-in/passkey: both factors in one."""
    form, house = await request.post(), house_of(request)
    try:
        async with house.database.write() as connection:
            found = await passkeys.finish_using(request, connection, form, "passkey", None)
            user = await people.user(connection, found.user_id)
            assert user is not None  # a foreign key
            return await welcome(request, connection, user, next_page(request, text_of(form, "next")), "passkey")
    except NotAllowed as wrong:
        house.log.warning("desk.passkey_refused")
        return _refused(request, wrong)


def _refused(request: web.Request, wrong: PostOfficeError) -> web.Response:
    said = request[WORDS].problem(wrong)
    context = {"email": "", "wrong": f"{said.message} {said.help}", "next": next_page(request), "passkeys": True}
    return render(request, "sign-in.html", context, status=403)


async def prove_page(request: web.Request) -> web.StreamResponse:
    """GET /account/prove"""
    return _prove_page(request, "", next_page(request))


def _prove_page(request: web.Request, wrong: str, wanted: str, status: int = 200) -> web.Response:
    has_passkey = request[VISIT].user.has_passkey and passkeys.offered(house_of(request))
    return render(request, "prove.html", {"wrong": wrong, "next": wanted, "has_passkey": has_passkey}, status=status)


async def prove(request: web.Request) -> web.StreamResponse:
    """POST /account/prove: the password once more, or a passkey."""
    form, visit, house = await request.post(), request[VISIT], house_of(request)
    wanted, limits = next_page(request, text_of(form, "next")), limits_of(request, visit.user.email)
    if "answer" in form:
        async with house.database.write() as connection:
            await accounts.hold(connection, visit.user.id, visit.organisation.id)
            await passkeys.finish_using(request, connection, form, "passkey-prove", visit.user.id)
    else:
        if waits := await count(request, limits):
            return paused(_prove_page(request, pause_words(request, waits), wanted, 429), waits)
        if await right_password(request, visit.user.email, str(form.get("password", "")), limits) is None:
            return _prove_page(request, visit.words._("The password is not right."), wanted, 403)
    async with house.database.write() as connection:
        await accounts.prove(connection, visit.token, house.clock.now())
        await note(request, connection, "account.proved", visit.user.id)
    return go(request, wanted)


async def prove_passkey(request: web.Request) -> web.StreamResponse:
    """POST /account/prove/passkey: what the browser needs."""
    return await _ask(request, request[VISIT].user, "passkey-prove")
