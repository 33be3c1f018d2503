"""The router: one wrapper around every route that knows who asks, what they may, and how failures are told."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta

from aiohttp import hdrs, web
from pydantic import BaseModel
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from postoffice import trouble
from postoffice.api import problems
from postoffice.api.call import Call, Route, parse, read_json, read_query
from postoffice.api.docs import docs_page
from postoffice.api.openapi import description
from postoffice.api.problems import Refusal
from postoffice.api.routes import ROUTES
from postoffice.house import HOUSE, House
from postoffice.model.errors import NotAllowed, NotFound, PostOfficeError, TooLarge
from postoffice.model.people import RIGHTS, ApiKey, Right
from postoffice.store import people

PREFIX = "/api/v1"
_AWAY = (DBAPIError, PoolTimeout, OSError)  # the database or the disk does not answer
_OVERHEAD = 1_000_000  # what options and boundaries may add to a document
_LONGEST_SECRET = 200
_NOTE_USE_EVERY = timedelta(minutes=5)

Serve = Callable[[web.Request], Awaitable[web.StreamResponse]]


def add_api(app: web.Application, routes: Sequence[Route] = ROUTES) -> None:
    """Serve the REST API below /api/v1, with its description at /openapi.json and a page for people at /docs."""
    described = description(ROUTES)
    page = docs_page(described)

    async def openapi(request: web.Request) -> web.Response:
        house = request.app[HOUSE]
        return web.json_response({**described, "servers": [{"url": f"{house.url}{PREFIX}"}]})

    async def docs(_: web.Request) -> web.Response:
        return page.response()

    app.router.add_get(f"{PREFIX}/openapi.json", openapi)
    app.router.add_get(f"{PREFIX}/docs", docs)
    for route in routes:
        expect = _expect_upload if route.own_body else None
        app.router.add_route(route.method, PREFIX + route.path, _served(route), expect_handler=expect)
    for path in dict.fromkeys(route.path for route in ROUTES):
        allowed = ", ".join(sorted({route.method for route in ROUTES if route.path == path}))
        app.router.add_route(hdrs.METH_ANY, PREFIX + path, _guarded(_wrong_method(allowed)))
    app.router.add_route(hdrs.METH_ANY, PREFIX + "/{tail:.*}", _guarded(_no_route))


def _served(route: Route) -> Serve:
    async def serve(request: web.Request) -> web.StreamResponse:
        house = request.app[HOUSE]
        key = await _key(house, request)
        _check_right(key, route)
        query = await read_query(request, route.query) if route.query else None
        call = Call(house, request, key, query, await _body(request, route))
        noted = people.watch_notes()
        answer = await route.handle(call)
        if route.right is not Right.SEE and request.method != hdrs.METH_GET and not noted:
            await _note(call, route)
        if not isinstance(answer, BaseModel):
            return answer
        return web.Response(
            text=answer.model_dump_json(), status=route.status, content_type="application/json", headers={"Cache-Control": "no-store"}
        )

    return _guarded(serve)


async def _note(call: Call, route: Route) -> None:
    """A change whose handler told the audit trail nothing more exact."""
    async with call.house.database.write() as connection:
        await people.note(
            connection,
            organisation_id=call.organisation_id,
            actor=call.actor.name,
            action="api.change",
            subject=next(iter(call.request.match_info.values()), "")[:80],
            now=call.house.clock.now(),
            detail={"route": f"{route.method} {route.path}"},
        )


def _guarded(serve: Serve) -> Serve:
    """Tells every failure as problem+json, and what nobody foresaw without its text: that may hold names."""

    async def guarded(request: web.Request) -> web.StreamResponse:
        house = request.app[HOUSE]
        try:
            return await serve(request)
        except PostOfficeError as error:
            if error.status >= 500:
                house.log.warning("api.refused", code=error.code)
            return problems.answer(error, house.url)
        except _AWAY as error:
            if trouble.left(request, error):
                return trouble.nobody()
            house.log.warning("api.trouble", kind=type(error).__name__, where=trouble.where(error))
            return problems.answer(problems.trouble(), house.url)
        except web.HTTPException as error:
            return problems.answer(Refusal(error.status, "http", error.reason or "The request was refused."), house.url)
        except Exception as error:
            house.log.error("api.failed", kind=type(error).__name__, where=trouble.where(error))
            failure = Refusal(
                500, "office-failed", "The office made a mistake of its own.", help="Tell your administrator the time of it."
            )
            return problems.answer(failure, house.url)

    return guarded


async def _key(house: House, request: web.Request) -> ApiKey:
    scheme, _, secret = request.headers.get(hdrs.AUTHORIZATION, "").partition(" ")
    secret = secret.strip()
    if scheme.lower() != "bearer" or not secret.startswith("po_") or len(secret) > _LONGEST_SECRET:
        raise problems.unauthorised()
    async with house.database.read() as connection:
        key = await people.api_key(connection, secret)
    if key is None:
        raise problems.unauthorised()
    now = house.clock.now()
    if key.last_used_at is None or now - key.last_used_at > _NOTE_USE_EVERY:
        async with house.database.write() as connection:
            await people.touch_api_key(connection, key.id, now)
    return key


def _check_right(key: ApiKey, route: Route) -> None:
    if route.right not in RIGHTS[key.role]:
        raise NotAllowed(
            "no-right",
            f"This key's role ({key.role.value}) does not have the right '{route.right.value}'.",
            help="Use another key, or ask your administrator for one with another role.",
            right=route.right.value,
        )


async def _body(request: web.Request, route: Route) -> BaseModel | None:
    if route.body is None:
        return None
    if not route.needs_body and not request.body_exists:
        return route.body()
    return parse(await read_json(request), route.body)


async def _expect_upload(request: web.Request) -> web.StreamResponse | None:
    """Refuse before the body comes (`Expect: 100-continue`) where that can be known: the key, and an announced size."""
    house = request.app[HOUSE]

    async def check(request: web.Request) -> web.StreamResponse:
        key = await _key(house, request)
        _check_right(key, next(route for route in ROUTES if route.own_body))
        limit = house.limits.max_upload
        if limit and (request.content_length or 0) > limit + _OVERHEAD:
            raise TooLarge(
                "too-large",
                f"This document is larger than the {limit // 1_000_000} MB that one job may have.",
                help="Send it in parts.",
            )
        return web.Response()

    verdict = await _guarded(check)(request)
    if verdict.status != 200:
        verdict.force_close()
        return verdict
    await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    request.writer.output_size = 0  # else aiohttp takes the response for begun
    return None


def _wrong_method(allowed: str) -> Serve:
    async def refuse(request: web.Request) -> web.StreamResponse:
        raise Refusal(
            405,
            "method-not-allowed",
            f"This address does not take {request.method[:20]}.",
            help=f"It takes {allowed}.",
            headers={"Allow": allowed},
        )

    return refuse


async def _no_route(_: web.Request) -> web.StreamResponse:
    raise NotFound("no-such-address", "The API has no such address.", help=f"See {PREFIX}/docs for those that it has.")
