"""The web application: every door, mounted on one house."""

import time

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from postoffice.api import add_agent, add_api
from postoffice.api.health import add_health
from postoffice.api.hooks import add_hooks
from postoffice.desk import add_desk
from postoffice.house import HOUSE, House
from postoffice.intake.ipp.web import add_routes, mask_token
from postoffice.model.errors import PostOfficeError
from postoffice.portal import add_portal

#: bodies that are not streamed (forms, JSON); uploads are streamed and have their own limits
LARGEST_FORM = 2 * 1024 * 1024
UNTRACED = {"/health", "/metrics"}  #: asked every few seconds by machines


def web_app(house: House, *, proxies: int = 0, metrics_token: str = "") -> web.Application:
    """Desk, portal, API, printer, health and metrics. `proxies`: how many trusted reverse proxies stand in front."""
    outside = ([_traced] if house.traces.on else []) + ([_behind(proxies)] if proxies else [])
    app = web.Application(middlewares=[*outside, _log], client_max_size=LARGEST_FORM)
    app[HOUSE] = house
    add_routes(app, house.reception, public_url=house.url, log=house.log)
    add_health(app, metrics_token=metrics_token)
    add_api(app)
    add_agent(app)
    add_hooks(app)
    add_portal(app)
    add_desk(app)
    return app


def _behind(proxies: int) -> Middleware:
    """Take the caller's address and scheme from the headers that the outermost of our own proxies wrote, and from no other."""

    @web.middleware
    async def forwarded(request: web.Request, handler: Handler) -> web.StreamResponse:
        callers = [word.strip() for word in request.headers.get("X-Forwarded-For", "").split(",") if word.strip()]
        schemes = [word.strip() for word in request.headers.get("X-Forwarded-Proto", "").split(",")]
        remote = callers[-proxies] if len(callers) >= proxies else request.remote or ""
        scheme = schemes[-1] if schemes[-1] in ("http", "https") else request.scheme
        return await handler(request.clone(remote=remote, scheme=scheme))

    return forwarded


@web.middleware
async def _traced(request: web.Request, handler: Handler) -> web.StreamResponse:
    """A journey begins: a caller's own traceparent is not taken up, for the door stands open to everybody."""
    route = _route(request)
    if route in UNTRACED or "/static/" in route:
        return await handler(request)
    with request.app[HOUSE].traces.span(f"{request.method} {route}", kind="server", method=request.method, route=route) as span:
        try:
            answer: web.StreamResponse | Exception = await handler(request)
        except (web.HTTPException, PostOfficeError) as error:  # answers like others
            answer = error
        status = answer.status if isinstance(answer, web.StreamResponse | PostOfficeError) else 500
        span.set(status=status)
        if status >= 500:
            span.failed(str(status))
    if isinstance(answer, Exception):
        raise answer
    return answer


@web.middleware
async def _log(request: web.Request, handler: Handler) -> web.StreamResponse:
    """One line a request: method, route template (never the path, which may hold a token), status, milliseconds."""
    started = time.perf_counter()
    status = 500
    try:
        response = await handler(request)
        status = response.status
        return response
    except web.HTTPException as answer:
        status = answer.status
        raise
    except PostOfficeError as error:
        status = error.status
        raise
    except Exception as error:
        request.app[HOUSE].log.error("web.failed", route=_route(request), error=type(error).__name__)
        raise
    finally:
        if status >= 500 or request.method != "GET":
            spent = round((time.perf_counter() - started) * 1000, 1)
            request.app[HOUSE].log.debug("web.request", method=request.method, route=_route(request), status=status, ms=spent)


def _route(request: web.Request) -> str:
    resource = request.match_info.route.resource
    return resource.canonical if resource else mask_token("unknown")
