"""Sign in, sign out, choose a password and a language."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from ipaddress import ip_address, ip_network

from aiohttp import web
from sqlalchemy.ext.asyncio import AsyncConnection

from postoffice.actions.notices import Change, tell_staff
from postoffice.desk.admin import note
from postoffice.desk.choices import text_of, unknown_word
from postoffice.desk.page import render
from postoffice.desk.passkeys import offered
from postoffice.desk.visit import LANGUAGE_COOKIE, VISIT, WORDS, Visit, cookie_name, house_of, recognise
from postoffice.house import House
from postoffice.model.passwords import LONGEST, SHORTEST, is_common
from postoffice.model.people import User
from postoffice.store import people, sign_ins, tries
from postoffice.store.sign_ins import Known
from postoffice.store.tries import Limit
from postoffice.words import LANGUAGES

YEAR = 365 * 24 * 3600
_CHECKS = asyncio.Semaphore(4)  # argon2 takes memory by design: a flood of guesses must not take all of it
#: tries for one account from one network address, for one account from anywhere, from one address for any account
PAIR, ACCOUNT, ADDRESS = (10, timedelta(minutes=5)), (50, timedelta(minutes=15)), (60, timedelta(minutes=15))


def next_page(request: web.Request, wanted: str = "") -> str:
    """Where to go afterwards: only a path of our own, never another site."""
    path = wanted or request.query.get("next", "/")
    own = path.startswith("/") and not path.startswith(("//", "/\\")) and path.isprintable() and "\\" not in path
    return path if own else "/"


async def sign_in_page(request: web.Request) -> web.StreamResponse:
    """GET /sign-in"""
    if await recognise(request, None):
        raise web.HTTPSeeOther(next_page(request))
    return _sign_in_page(request, "", "", next_page(request))


def _sign_in_page(request: web.Request, email: str, wrong: str, wanted: str, status: int = 200) -> web.Response:
    context = {"email": email, "wrong": wrong, "next": wanted, "passkeys": offered(house_of(request))}
    return render(request, "sign-in.html", context, status=status)


async def sign_in(request: web.Request) -> web.StreamResponse:
    """POST /sign-in. Nobody learns which addresses have an account: known or not, text, status, pauses and time are the same."""
    form, words = await request.post(), request[WORDS]
    email, password = text_of(form, "email", 320), str(form.get("password", ""))
    wanted, limits = next_page(request, text_of(form, "next")), limits_of(request, email)
    waits = await count(request, limits)
    if waits:
        house_of(request).log.warning("desk.sign_in_paused")
        return paused(_sign_in_page(request, email, pause_words(request, waits), wanted, 429), waits)
    opened = await _enter(request, email, password, wanted, limits)
    if opened is None:
        house_of(request).log.warning("desk.sign_in_refused")
        wrong = words._("This e-mail address and password do not belong together.")
        return _sign_in_page(request, email, wrong, wanted, 403)
    return opened


async def _enter(request: web.Request, email: str, password: str, wanted: str, limits: Sequence[Limit]) -> web.Response | None:
    """What the right password opens, in the transaction that finds it right: none opens anything once it was changed."""
    account = await right_account(request, email, password)
    if account is None:
        return None
    async with house_of(request).database.write() as connection:
        user = await _passed(request, connection, account, limits)
        if user is None:
            return None
        if user.second_factor:
            return await _ask_second(request, connection, user, wanted)
        return await welcome(request, connection, user, wanted, "password")


def limits_of(request: web.Request, email: str) -> Sequence[Limit]:
    """What counts the tries for an account, which need not exist, and from a network address."""
    blind, who, where = house_of(request).keyring.blind, email.strip().lower(), network_of(request.remote or "")
    return (
        Limit(blind(f"desk try {who} {where}"), *PAIR),
        Limit(blind(f"desk try {who}"), *ACCOUNT),
        Limit(blind(f"desk try from {where}"), *ADDRESS),
    )


def network_of(remote: str) -> str:
    """The address that tries are counted by: of IPv6 the /64, which one subscriber has all of."""
    try:
        found = ip_address(remote.partition("%")[0])
    except ValueError:
        return remote
    found = found.ipv4_mapped or found if found.version == 6 else found
    return str(ip_network((found, 64), strict=False)) if found.version == 6 else str(found)


async def count(request: web.Request, limits: Sequence[Limit]) -> timedelta:
    """Count a try before it is judged; how long to wait where it is one too many, zero where it may go on."""
    house = house_of(request)
    async with house.database.write() as connection:
        first = await people.first_organisation(connection)
        return await tries.count(connection, first.id, limits, house.clock.now()) if first else timedelta()


async def forgive(request: web.Request, limits: Sequence[Limit]) -> None:
    """It was right: it counts no more."""
    async with house_of(request).database.write() as connection:
        await tries.forgive(connection, limits)


async def right_password(request: web.Request, email: str, password: str, limits: Sequence[Limit]) -> User | None:
    """The account's user where this is the password; its try is forgiven."""
    account = await right_account(request, email, password)
    if account is None:
        return None
    async with house_of(request).database.write() as connection:
        return await _passed(request, connection, account, limits)


async def right_account(request: web.Request, email: str, password: str) -> Known | None:
    """The account where this was its password when it was looked at. No transaction is open while it is hashed."""
    async with house_of(request).database.read() as connection:
        account = await sign_ins.known(connection, email)
    async with _CHECKS:
        return account if await sign_ins.fits(account, password[: LONGEST + 1]) else None


async def _passed(request: web.Request, connection: AsyncConnection, account: Known, limits: Sequence[Limit]) -> User | None:
    """The account's user, held until the transaction ends; None where the password is another one by now. The try is forgiven."""
    await tries.forgive(connection, limits)
    return await sign_ins.passed(connection, account, house_of(request).clock.now())


def pause_words(request: web.Request, waits: timedelta) -> str:
    """How long to wait, in minutes."""
    minutes = -(-int(waits.total_seconds()) // 60) or 1
    return request[WORDS].ngettext("Too many tries: please wait {n} minute.", "Too many tries: please wait {n} minutes.", minutes)


def paused(response: web.Response, waits: timedelta) -> web.Response:
    """The same for programs."""
    response.headers["Retry-After"] = str(max(1, int(waits.total_seconds())))
    return response


async def _ask_second(request: web.Request, connection: AsyncConnection, user: User, wanted: str) -> web.Response:
    house = house_of(request)
    token = await sign_ins.begin(connection, house.keyring, user.organisation_id, user.id, "second", house.clock.now(), wanted=wanted)
    response = web.Response(status=303, headers={"Location": "/sign-in/second"})
    lasts = int(sign_ins.STEP_LIFETIME.total_seconds())
    response.set_cookie(step_cookie(house), token, path="/", httponly=True, secure=house.secure, samesite="Strict", max_age=lasts)
    return response


def step_cookie(house: House) -> str:
    """The cookie of a sign-in that waits for its second factor."""
    return "__Host-postoffice-step" if house.secure else "postoffice-step"


async def welcome(request: web.Request, connection: AsyncConnection, user: User, wanted: str, by: str) -> web.Response:
    """A fresh session: whatever session or half-done sign-in this browser had ends. `by`: what opened it, for the audit trail.

    Within the transaction that holds the account and judged that it is open.
    """
    house = house_of(request)
    response = web.Response(status=303, headers={"Location": wanted})
    await open_session(request, connection, response, user, by)
    response.del_cookie(step_cookie(house), path="/", secure=house.secure, httponly=True, samesite="Strict")
    return response


async def open_session(request: web.Request, connection: AsyncConnection, response: web.Response, user: User, by: str = "") -> None:
    """A session with its cookie, in place of the one that the browser has. See `welcome`."""
    house, now = house_of(request), house_of(request).clock.now()
    lifetime = timedelta(seconds=house.limits.session_seconds)
    where = {"address": request.remote or "", "agent": browser_of(request.headers.get("User-Agent", ""))}
    await people.close_session(connection, request.cookies.get(cookie_name(house), ""))
    token, _csrf = await people.open_session(connection, user, now, lifetime, **where)
    if by:
        await people.note(
            connection,
            organisation_id=user.organisation_id,
            actor=f"user:{user.id}",
            action="account.sign-in",
            subject=user.id,
            now=now,
            detail={"by": by},
        )
    response.set_cookie(cookie_name(house), token, path="/", httponly=True, secure=house.secure, samesite="Lax")
    if user.language:
        keep_language(response, user.language, secure=house.secure)


def browser_of(agent: str) -> str:
    """Browser and system in two words, as a person tells devices apart; empty where it is none that we know."""
    browsers = ("Edg", "Edge"), ("OPR", "Opera"), ("Firefox", "Firefox"), ("Chrom", "Chrome"), ("Safari", "Safari")
    systems = (
        ("Android", "Android"),
        ("iPhone", "iPhone"),
        ("iPad", "iPad"),
        ("Windows", "Windows"),
        ("Mac OS", "Mac"),
        ("Linux", "Linux"),
    )
    found = [next((name for sign, name in signs if sign in agent), "") for signs in (browsers, systems)]
    return " · ".join(name for name in found if name)


def keep_language(response: web.Response, language: str, *, secure: bool) -> None:
    """For the sign-in page, which does not know yet who comes."""
    response.set_cookie(LANGUAGE_COOKIE, language, path="/", httponly=True, secure=secure, samesite="Lax", max_age=YEAR)


async def sign_out(request: web.Request) -> web.StreamResponse:
    """POST /sign-out"""
    house = house_of(request)
    async with house.database.write() as connection:
        await people.close_session(connection, request[VISIT].token)
        await note(request, connection, "account.sign-out", request[VISIT].user.id)
    response = web.Response(status=303, headers={"Location": "/sign-in", "Clear-Site-Data": '"cache"'})
    response.del_cookie(cookie_name(house), path="/", secure=house.secure, httponly=True, samesite="Lax")
    return response


async def password_page(request: web.Request) -> web.StreamResponse:
    """GET /password"""
    return render(request, "password.html", {"wrong": "", "next": next_page(request), "shortest": SHORTEST})


async def change_password(request: web.Request) -> web.StreamResponse:
    """POST /password. All other sessions of this person end, and this one gets a new cookie."""
    form, visit = await request.post(), request[VISIT]
    wanted, limits = next_page(request, text_of(form, "next")), limits_of(request, visit.user.email)
    old, new = str(form.get("old", "")), str(form.get("new", ""))
    wrong, status = _fault(visit, old, new, str(form.get("again", ""))), 422
    if not wrong and (waits := await count(request, limits)):
        wrong, status = pause_words(request, waits), 429
    account = None if wrong else await right_account(request, visit.user.email, old)
    if account is not None and (changed := await _keep_password(request, account, new, wanted, limits)) is not None:
        return changed
    wrong = wrong or visit.words._("The present password is not right.")
    return render(request, "password.html", {"wrong": wrong, "next": wanted, "shortest": SHORTEST}, status=status)


async def _keep_password(request: web.Request, account: Known, new: str, wanted: str, limits: Sequence[Limit]) -> web.Response | None:
    """The new password and its session; None where the old one was changed, or the account disabled, since it was looked at."""
    visit, house = request[VISIT], house_of(request)
    response = web.Response(status=303, headers={"Location": wanted})
    hashed = await people.hash_password(new)
    async with house.database.write() as connection:
        if await _passed(request, connection, account, limits) is None:
            return None
        await people.set_password(connection, visit.user.id, hashed)
        await note(request, connection, "account.password", visit.user.id)
        await open_session(request, connection, response, visit.user)
    await tell_staff(house, visit.organisation, visit.user, Change.PASSWORD)
    return response


def _fault(visit: Visit, old: str, new: str, again: str) -> str:
    """Why this cannot be the new password; empty where it can."""
    words, email = visit.words, visit.user.email
    if len(new) < SHORTEST:
        return words._("The new password needs at least {n} characters; a short sentence is easy to keep.", n=SHORTEST)
    if len(new) > LONGEST:
        return words._("The new password may have {n} characters at most.", n=LONGEST)
    if new != again:
        return words._("The two new passwords differ.")
    if new == old:
        return words._("Choose a password that is none of your old ones.")
    if is_common(new, (email, email.partition("@")[0], visit.user.name, visit.organisation.name)):
        return words._("This password is among the first that somebody would try. A short sentence of your own is better.")
    return ""


async def choose_language(request: web.Request) -> web.StreamResponse:
    """POST /language, also for strangers (on the sign-in page)."""
    form = await request.post()
    language = text_of(form, "language", 5)
    if language not in LANGUAGES:
        raise unknown_word()
    house = house_of(request)
    visit = await recognise(request, None)
    if visit is not None:
        async with house.database.write() as connection:
            await people.set_language(connection, visit.user.id, language)
    response = web.Response(status=303, headers={"Location": next_page(request, text_of(form, "next"))})
    keep_language(response, language, secure=house.secure)
    return response
