"""The desk: the staff's pages. Rendered here, parts by htmx, live boards by server-sent events; no build step.

To add a page:

1. write its handlers in a module of its own (one module per group of pages); a handler takes the request and finds the house's
   parts by `house_of(request)`, who asks by `request[VISIT]`, and answers with `render(request, "name.html", {...})` or, after an
   action, `go(request, address)`. Failures are raised as PostOfficeError; the guard makes a page or a notice of them.
2. write `templates/desk/name.html` beginning with `{% extends "base.html" %}`. Texts stand in `_()` and `ngettext()` and get their
   French in `words/locales/fr.po`. States are shown by `ui.state(...)`, never by colour alone. No inline script and no inline style:
   the content policy refuses both.
3. add a line to `routes.ROUTES`, with the right that it needs, and where people should find it, one to `navigation.NAVIGATION`.
"""

from collections import OrderedDict
from collections.abc import Sequence
from pathlib import Path

from aiohttp import web

from postoffice.desk.guard import Route, add_headers, guarded, not_found
from postoffice.desk.live import LIVE, Live, close_live
from postoffice.desk.page import add_templates
from postoffice.desk.pictures import PICTURES, Pictures, close_pictures
from postoffice.desk.routes import ROUTES
from postoffice.desk.templates_preview import LOOKS, Look
from postoffice.house import HOUSE

STATIC = Path(__file__).parent / "static"


def add_desk(app: web.Application, routes: Sequence[Route] = ROUTES) -> None:
    """Put the desk's pages into an application that has its HOUSE. Paths: see `routes.ROUTES`, and /desk/static/ for files."""
    house = app[HOUSE]
    add_templates(app)
    app[LIVE] = Live(house)
    app[PICTURES] = Pictures(house)
    app[LOOKS] = Look(OrderedDict())
    app.middlewares.append(not_found)
    app.on_response_prepare.append(add_headers)
    app.on_shutdown.append(close_live)
    app.on_cleanup.append(close_pictures)
    app.router.add_static("/desk/static/", STATIC)
    for route in routes:
        app.router.add_route(route.method, route.path, guarded(route))
