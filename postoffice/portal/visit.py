"""The visit of a recipient who proved to be the one: a cookie that opens one link's letter for half an hour, and nothing else."""

from datetime import timedelta

from aiohttp import web

from postoffice.house import HOUSE, House
from postoffice.store import links
from postoffice.store.links import Link

#: absolute end; short enough that no idle end is needed beside it
LIFETIME = timedelta(minutes=30)


def cookie_name(house: House) -> str:
    """`__Host-` ties a cookie to this host alone; browsers take it over https only."""
    return "__Host-po_link" if house.secure else "po_link"


def cookie_of(request: web.Request) -> str:
    """The cookie's value, empty where there is none."""
    return request.cookies.get(cookie_name(request.app[HOUSE]), "")


async def link_of(request: web.Request) -> Link | None:
    """The link that the visit belongs to; None where it ended, expired, or was blocked since."""
    house = request.app[HOUSE]
    value = cookie_of(request)
    if not value:
        return None
    async with house.database.read() as connection:
        return await links.by_session(connection, value, house.clock.now())
