"""The guard in front of every route: who asks, may they, does the request come from our own page, and what a failure looks like."""

import hmac
import secrets
from collections.abc import Awaitable, Callable
from datetime import timedelta
from enum import StrEnum
from typing import NamedTuple
from urllib.parse import quote, urlsplit

from aiohttp import web

from postoffice import trouble
from postoffice.desk.page import go, is_partial, render
from postoffice.desk.visit import VISIT, WORDS, Visit, house_of, recognise, words_of_stranger
from postoffice.model.errors import NotAllowed, NotFound, PostOfficeError
from postoffice.model.people import Right
from postoffice.store import people
from postoffice.words import Said

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

SAFE = frozenset({"GET", "HEAD"})
#: nothing from elsewhere, nothing inline; pictures inside the style sheet are data addresses
CONTENT_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; frame-src 'self'; "
    "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
HEADERS = {
    "Content-Security-Policy": CONTENT_POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",
}


class Entry(StrEnum):
    """What a route needs that needs no right."""

    ANYBODY = "anybody"  #: also strangers
    SIGNED_IN = "signed-in"  #: everybody with an account
    ENROLLING = "enrolling"  #: the same, also before a second factor that the organisation asks for was set up
    NEWCOMER = "newcomer"  #: the same, also before the first password was changed


#: how long after the password was typed (or a passkey used) pages are shown, and sent, that are dangerous in other hands
PROVED_FOR = timedelta(minutes=15)
SENT_WITHIN = timedelta(minutes=60)


class Route(NamedTuple):
    """A line of the route table. `own_check`: the handler checks the CSRF word itself (streamed uploads).

    `quiet`: why an unsafe request leaves no line in the audit trail; empty: it leaves one, its handler's or else the guard's.
    `proof`: whoever has been here for a while must type the password again; afterwards they are led to this page.
    """

    method: str
    path: str
    handler: Handler
    needs: Right | Entry
    own_check: bool = False
    proof: str = ""
    quiet: str = ""


_GUARDED = web.RequestKey("guarded", bool)


async def add_headers(request: web.Request, response: web.StreamResponse) -> None:
    """A signal of the application: streams too carry the headers, which are on their way before their handler ends."""
    if _GUARDED in request:
        for name, value in HEADERS.items():
            response.headers.setdefault(name, value)
        if house_of(request).secure:
            response.headers.setdefault("Strict-Transport-Security", "max-age=31536000")


def guarded(route: Route) -> Handler:
    """The route's handler behind the guard."""

    async def answer(request: web.Request) -> web.StreamResponse:
        request[WORDS] = words_of_stranger(request)
        request[_GUARDED] = True
        try:
            response = await _let_in(request, route)
        except web.HTTPException:
            raise
        except PostOfficeError as error:
            response = problem_page(request, error)
        except Exception as error:
            response = trouble.nobody() if trouble.left(request, error) else _trouble_page(request, error)
        return response

    return answer


async def _let_in(request: web.Request, route: Route) -> web.StreamResponse:
    if request.method not in SAFE:
        _check_site(request)
    if route.needs is Entry.ANYBODY:
        return await route.handler(request)
    visit = await recognise(request, route.needs if isinstance(route.needs, Right) else None)
    if visit is None:
        return go(request, "/sign-in" + _way_back(request))
    request[VISIT], request[WORDS] = visit, visit.words
    if visit.user.must_change_password and route.needs is not Entry.NEWCOMER:
        return go(request, "/password" + _way_back(request))
    if visit.needs_second_factor and route.needs not in (Entry.NEWCOMER, Entry.ENROLLING):
        return go(request, "/account/second")
    if isinstance(route.needs, Right) and not visit.may(route.needs):
        raise NotAllowed("not-allowed", "You have no right to do this.", help="Ask your administrator for the right.")
    if route.proof and _forgotten(request, visit):
        return go(request, f"/account/prove?next={quote(route.proof.format(**request.match_info))}")
    if request.method not in SAFE and not route.own_check:
        check_csrf(visit, request.headers.get("X-CSRF") or str((await request.post()).get("csrf", "")))
    noted = people.watch_notes()
    response = await route.handler(request)
    if request.method not in SAFE and response.status < 400 and not noted and not route.quiet:
        await _note(request, visit, route)
    return response


async def _note(request: web.Request, visit: Visit, route: Route) -> None:
    """A change whose handler told the audit trail nothing more exact."""
    house = house_of(request)
    async with house.database.write() as connection:
        await people.note(
            connection,
            organisation_id=visit.organisation.id,
            actor=visit.actor.name,
            action="desk.change",
            subject=next(iter(request.match_info.values()), "")[:80],
            now=house.clock.now(),
            detail={"route": route.path[:200]},
        )


def _forgotten(request: web.Request, visit: Visit) -> bool:
    """Whether it is too long ago that the visitor proved to be the account's owner."""
    return house_of(request).clock.now() - visit.proved_at > (PROVED_FOR if request.method in SAFE else SENT_WITHIN)


def _way_back(request: web.Request) -> str:
    wanted = request.path_qs if request.method in SAFE and not is_partial(request) else ""
    return f"?next={quote(wanted)}" if wanted not in ("", "/") else ""


def _check_site(request: web.Request) -> None:
    """Refuse what another site makes a browser send. Browsers say so by Sec-Fetch-Site, older ones by Origin."""
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None:
        foreign = site not in ("same-origin", "none")
    else:
        origin = request.headers.get("Origin", "null")
        foreign = origin != "null" and urlsplit(origin).netloc not in (request.host, urlsplit(house_of(request).url).netloc)
    if foreign:
        raise stale()


def check_csrf(visit: Visit, word: str) -> None:
    """Refuse what does not carry the session's own word."""
    if not hmac.compare_digest(visit.csrf.encode(), word.encode()):
        raise stale()


def stale() -> NotAllowed:
    """The answer to a request that does not come from a page of this session."""
    return NotAllowed("stale-page", "This page is too old to be trusted: nothing was done.", help="Reload it and try again.")


def problem_page(request: web.Request, error: PostOfficeError) -> web.Response:
    """What, where, what to do next; a notice where htmx asked, a page otherwise."""
    said = request[WORDS].problem(error)
    return render(request, "problem.html", {"said": said, "status": error.status, "way_on": way_on(error)}, status=error.status)


def way_on(error: PostOfficeError) -> str:
    """The page that helps most after a failure."""
    by_code = {"no-such-mailing": "/mailings", "no-such-item": "/mailings", "no-such-contact": "/contacts", "mailing-state": ""}
    return by_code.get(error.code, "/" if error.status in (403, 404) else "")


def _trouble_page(request: web.Request, error: Exception) -> web.Response:
    """A fault of ours: a number for the administrator, the details in the log (its kind only: texts may hold personal data)."""
    number = secrets.token_hex(4)
    house_of(request).log.error(
        "desk.trouble", number=number, kind=type(error).__name__, where=trouble.where(error), method=request.method
    )
    words = request[WORDS]
    said = Said(
        "office-trouble",
        words._("Something went wrong in the office. What you did may not be kept; what was sent before is safe."),
        words._("Try again. If it goes on, give your administrator this number: {number}", number=number),
    )
    return render(request, "problem.html", {"said": said, "status": 500, "way_on": ""}, status=500)


@web.middleware
async def not_found(request: web.Request, handler: Handler) -> web.StreamResponse:
    """A page for people at addresses that nobody answers; programs keep their own answer."""
    try:
        return await handler(request)
    except web.HTTPNotFound:
        unknown = isinstance(getattr(request.match_info, "http_exception", None), web.HTTPNotFound)
        if not unknown or "text/html" not in request.headers.get("Accept", ""):
            raise
    request[WORDS] = words_of_stranger(request)
    visit = await recognise(request, None)
    if visit is not None:
        request[VISIT], request[WORDS] = visit, visit.words
    response = problem_page(request, NotFound("no-such-page-here", "There is no page at this address.", help="Check the address."))
    request[_GUARDED] = True
    return response
