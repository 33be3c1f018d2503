"""Sign in, sign out, choose a password and a language."""

import asyncio
from datetime import timedelta

from aiohttp import web

from postoffice.desk.choices import unknown_word
from postoffice.desk.page import render
from postoffice.desk.visit import LANGUAGE_COOKIE, VISIT, WORDS, Visit, cookie_name, house_of, recognise
from postoffice.model.people import User
from postoffice.store import people
from postoffice.words import LANGUAGES

SHORTEST = 10  # characters of a password; no other rule, as NIST SP 800-63B advises
LONGEST = 200  # hashing time grows with length: nobody types more
YEAR = 365 * 24 * 3600
_CHECKS = asyncio.Semaphore(4)  # argon2 takes memory by design: a flood of guesses must not take all of it


def next_page(request: web.Request, wanted: str = "") -> str:
    """Where to go afterwards: only a path of our own, never another site."""
    path = wanted or request.query.get("next", "/")
    own = path.startswith("/") and not path.startswith(("//", "/\\")) and "\n" not in path and "\r" not in path
    return path if own else "/"


async def sign_in_page(request: web.Request) -> web.StreamResponse:
    """GET /sign-in"""
    if await recognise(request, None):
        raise web.HTTPSeeOther(next_page(request))
    return render(request, "sign-in.html", {"email": "", "wrong": "", "next": next_page(request)})


async def sign_in(request: web.Request) -> web.StreamResponse:
    """POST /sign-in. An unknown address, a wrong password and a paused account take the same time."""
    form = await request.post()
    email, password = str(form.get("email", ""))[:320], str(form.get("password", ""))[:LONGEST]
    house = house_of(request)
    async with _CHECKS, house.database.write() as connection:
        user, paused = await people.check_password(connection, email, password, house.clock.now())
    if user is None:
        house.log.warning("desk.sign_in_refused", paused=paused)
        words = request[WORDS]
        wrong = (
            words._("Too many wrong passwords: this account is paused for five minutes.")
            if paused
            else words._("This e-mail address and password do not belong together.")
        )
        context = {"email": email, "wrong": wrong, "next": next_page(request, str(form.get("next", "/")))}
        return render(request, "sign-in.html", context, status=429 if paused else 403)
    response = web.Response(status=303, headers={"Location": next_page(request, str(form.get("next", "/")))})
    await _open_session(request, response, user)
    return response


async def _open_session(request: web.Request, response: web.Response, user: User) -> None:
    house = house_of(request)
    lifetime = timedelta(seconds=house.limits.session_seconds)
    async with house.database.write() as connection:
        token, _csrf = await people.open_session(connection, user, house.clock.now(), lifetime)
    response.set_cookie(cookie_name(house), token, path="/", httponly=True, secure=house.secure, samesite="Lax")
    if user.language:
        _keep_language(response, user.language, secure=house.secure)


def _keep_language(response: web.Response, language: str, *, secure: bool) -> None:
    response.set_cookie(LANGUAGE_COOKIE, language, path="/", httponly=True, secure=secure, samesite="Lax", max_age=YEAR)


async def sign_out(request: web.Request) -> web.StreamResponse:
    """POST /sign-out"""
    house = house_of(request)
    async with house.database.write() as connection:
        await people.close_session(connection, request[VISIT].token)
    response = web.Response(status=303, headers={"Location": "/sign-in", "Clear-Site-Data": '"cache"'})
    response.del_cookie(cookie_name(house), path="/", secure=house.secure, httponly=True, samesite="Lax")
    return response


async def password_page(request: web.Request) -> web.StreamResponse:
    """GET /password"""
    return render(request, "password.html", {"wrong": "", "next": next_page(request), "shortest": SHORTEST})


async def change_password(request: web.Request) -> web.StreamResponse:
    """POST /password. All other sessions of this person end."""
    form, visit = await request.post(), request[VISIT]
    wanted = next_page(request, str(form.get("next", "/")))
    old, new = str(form.get("old", ""))[:LONGEST], str(form.get("new", ""))[:LONGEST]
    wrong = await _fault(request, visit, old, new, str(form.get("again", "")))
    if wrong:
        return render(request, "password.html", {"wrong": wrong, "next": wanted, "shortest": SHORTEST}, status=422)
    async with house_of(request).database.write() as connection:
        await people.set_password(connection, visit.user.id, new)
    response = web.Response(status=303, headers={"Location": wanted})
    await _open_session(request, response, visit.user)
    return response


async def _fault(request: web.Request, visit: Visit, old: str, new: str, again: str) -> str:
    words, house = visit.words, house_of(request)
    if len(new) < SHORTEST:
        return words._("The new password needs at least {n} characters; a short sentence is easy to keep.", n=SHORTEST)
    if new != again:
        return words._("The two new passwords differ.")
    if new in (old, visit.user.email, visit.organisation.name):
        return words._("Choose a password that is none of your old ones, your address or the organisation's name.")
    async with _CHECKS, house.database.write() as connection:
        user, _paused = await people.check_password(connection, visit.user.email, old, house.clock.now())
    return "" if user else words._("The present password is not right.")


async def choose_language(request: web.Request) -> web.StreamResponse:
    """POST /language, also for strangers (on the sign-in page)."""
    form = await request.post()
    language = str(form.get("language", ""))
    if language not in LANGUAGES:
        raise unknown_word()
    house = house_of(request)
    visit = await recognise(request, None)
    if visit is not None:
        async with house.database.write() as connection:
            await people.set_language(connection, visit.user.id, language)
    response = web.Response(status=303, headers={"Location": next_page(request, str(form.get("next", "/")))})
    _keep_language(response, language, secure=house.secure)
    return response
