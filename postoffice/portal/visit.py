"""The visit of a recipient who proved to be the one: a cookie bound to one link's recipient, which ends by itself."""

from datetime import timedelta
from functools import partial
from typing import NamedTuple

from aiohttp import web

from postoffice.house import HOUSE, House
from postoffice.portal.forms import from_own_page
from postoffice.portal.found import Found, as_read
from postoffice.portal.pages import language_of, missing, page
from postoffice.store import behind, links
from postoffice.words import Words

#: absolute end, and the end of a visit in which nothing happens (OWASP ASVS 5.0, 7.3)
LIFETIME = timedelta(hours=1)
IDLE = timedelta(minutes=20)
_TOUCH_EVERY = timedelta(minutes=1)
CODE, TYPED, PREVIEW = "code", "typed", "preview"


class Visit(NamedTuple):
    """A visit with what lies behind its link. `token`: the cookie's value."""

    found: Found
    level: str
    token: str

    @property
    def confidential(self) -> bool:
        """Whether it may see letters that ask for a one-time code."""
        return self.level == CODE

    @property
    def whole(self) -> bool:
        """Whether it is the recipient's own: with history and choices. A link that was shared shows one letter."""
        return self.found.link.parent_id is None and self.found.item.contact_id is not None and not self.preview

    @property
    def preview(self) -> bool:
        """Whether it is somebody at the desk who looks at what the recipient sees: one letter, and nothing is noted as read."""
        return self.level == PREVIEW


def cookie_name(house: House) -> str:
    """See `links.cookie_name`."""
    return links.cookie_name(secure=house.secure)


def cookie_of(request: web.Request) -> str:
    """The cookie's value, empty where there is none."""
    return request.cookies.get(cookie_name(request.app[HOUSE]), "")


async def visit_of(request: web.Request) -> Visit | None:
    """The visit of a request; None where it ended, expired, or was blocked since."""
    house, value = request.app[HOUSE], cookie_of(request)
    if not value:
        return None
    now = house.clock.now()
    session = await house.database.look(partial(behind.by_session, token=value, now=now, idle=IDLE))
    if session is None:
        return None
    if now - session.seen_at > _TOUCH_EVERY:
        async with house.database.write() as connection:
            await links.touch_session(connection, value, now)
    return Visit(await as_read(request, session.behind), session.level, value)


def no_visit(request: web.Request) -> web.Response:
    """Whoever comes without a visit: it ended, or the browser keeps no cookies."""
    return page(request, "no_visit.html", Words(language_of(request)), status=403)


def welcome(request: web.Request, session: str, to: str) -> web.Response:
    """The cookie of a fresh visit, and on to the letter."""
    house = request.app[HOUSE]
    response = web.Response(status=303, headers={"Location": to})
    response.set_cookie(
        cookie_name(house), session, max_age=int(LIFETIME.total_seconds()), path="/", secure=house.secure, httponly=True, samesite="Lax"
    )
    return response


async def close(request: web.Request) -> web.Response:
    """POST /l/close: end the visit, for those who sit at somebody else's computer."""
    if not from_own_page(request):  # another's page must not end a visit either
        return missing(request)
    house = request.app[HOUSE]
    if value := cookie_of(request):
        async with house.database.write() as connection:
            await links.close_session(connection, value)
    response = page(request, "closed.html", Words(language_of(request)))
    response.del_cookie(cookie_name(house), path="/", secure=house.secure, httponly=True, samesite="Lax")
    return response
