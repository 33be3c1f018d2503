"""Addresses of the portal. There is no token in any of them but the first: it is exchanged for a cookie."""

from collections.abc import Awaitable, Callable
from typing import NamedTuple

from aiohttp import web

from postoffice.portal import (
    archive,
    choices,
    clicks,
    forms_public,
    images,
    landing,
    letters,
    own_data,
    reach,
    sharing,
    stop,
    unsubscribe,
    visit,
)
from postoffice.portal.pages import CHOICES, DOCUMENT, LETTERS, add_templates, guarded
from postoffice.tracking.clicks import Recent

_ITEM = LETTERS + "/{item:[0-9a-z]{26}}"
_REACH = CHOICES + "/{what:email|mobile}"


class Route(NamedTuple):
    """A line of the table. What is not in it does not exist."""

    method: str
    path: str
    handler: Callable[[web.Request], Awaitable[web.StreamResponse]]


ROUTES: tuple[Route, ...] = (
    # --- with a visit: the letter behind the link, and the others of this recipient
    Route("GET", DOCUMENT, letters.show),
    Route("GET", f"{DOCUMENT}.pdf", letters.pdf),
    Route("GET", LETTERS, letters.history),
    Route("GET", _ITEM, letters.show),
    Route("GET", _ITEM + ".pdf", letters.pdf),
    Route("GET", _ITEM + "/{page:[0-9]{1,4}}.png", letters.picture),
    Route("POST", _ITEM + "/share", sharing.share),
    Route("POST", _ITEM + "/unshare", sharing.unshare),
    # --- choices and data
    Route("GET", CHOICES, choices.show),
    Route("POST", CHOICES, choices.keep),
    Route("POST", CHOICES + "/off", choices.off),
    Route("GET", _REACH, reach.show),
    Route("POST", _REACH, reach.change),
    Route("GET", "/l/data", own_data.show),
    Route("GET", "/l/data.zip", own_data.archive),
    Route("POST", "/l/data/erase", own_data.erase),
    Route("POST", "/l/close", visit.close),
    # --- with a token
    Route("GET", "/l/{token}", landing.show),
    Route("POST", "/l/{token}", landing.prove),
    Route("GET", "/l/", landing.nowhere),
    Route("GET", unsubscribe.PATH, unsubscribe.show),
    Route("POST", unsubscribe.PATH, unsubscribe.stop),
    # --- with a code that was typed off a fax
    Route("GET", stop.PATH, stop.show),
    Route("POST", stop.PATH, stop.take),
    Route("GET", clicks.ADDRESS, clicks.follow),
    # --- forms that others' pages embed, and the link that confirms
    Route("GET", forms_public.PATH, forms_public.show),
    Route("POST", forms_public.PATH, forms_public.take),
    Route("GET", forms_public.CONFIRM, forms_public.confirm_page),
    Route("POST", forms_public.CONFIRM, forms_public.confirm),
    # --- what was written to everybody
    Route("GET", archive.PATH, archive.show),
    Route("GET", archive.FEED, archive.feed),
    Route("GET", archive.ONE, archive.one),
)


def add_portal(app: web.Application) -> None:
    """Serve ROUTES. Needs house.HOUSE in `app`."""
    add_templates(app)
    app[letters.COPIES] = letters.Copies()
    app[clicks.RECENT] = Recent()
    app[images.KEPT] = images.Kept()
    forms_public.add_forms(app)
    for route in ROUTES:
        app.router.add_route(route.method, route.path, guarded(route.handler))
        if route.method == "GET":
            app.router.add_route("HEAD", route.path, guarded(route.handler))
    app.router.add_get(images.ADDRESS, images.show)  # public and cached: none of the headers of a recipient's page
