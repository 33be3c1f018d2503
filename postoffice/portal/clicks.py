"""Where counted addresses of mail and short messages lead on. Nothing of the reader is kept here; the ledger says what counts."""

from aiohttp import web

from postoffice.actions import click_tracking
from postoffice.actions.click_tracking import Asked
from postoffice.house import HOUSE
from postoffice.model.clicks import PATH
from postoffice.portal.forms import network_of
from postoffice.portal.pages import missing
from postoffice.tracking.clicks import Recent

ADDRESS = PATH + "{token:[A-Za-z0-9_-]{36}}"
RECENT = web.AppKey("recent_clicks", Recent)
_MOST = 2000  # letters of an address


async def follow(request: web.Request) -> web.Response:
    """GET /c/{token}: on to where the mail said, never anywhere else."""
    to = request.query.get("to", "")
    caller = f"{network_of(request, bits=(32, 64))}|{request.headers.get('User-Agent', '')[:200]}"
    asked = Asked(request.method, {name.lower(): value[:400] for name, value in request.headers.items()}, caller)
    target = None
    if len(to) <= _MOST:
        target = await click_tracking.follow(request.app[HOUSE], request.app[RECENT], request.match_info["token"], to, asked)
    if target is None:
        return missing(request)
    return web.Response(status=302, headers={"Location": target})
