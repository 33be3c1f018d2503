"""/health for load balancers and people, /metrics for Prometheus."""

import asyncio
import hmac
import ipaddress
from collections.abc import Awaitable
from typing import Protocol, runtime_checkable

from aiohttp import hdrs, web

from postoffice.api.metrics import CONTENT_TYPE, Metrics, middleware
from postoffice.house import HOUSE, House
from postoffice.model.errors import OutOfRoom
from postoffice.store import vitals

PATIENCE = 2.0  #: seconds for each check
ALIVE = 60.0  #: seconds without a heartbeat after which a worker counts as gone


@runtime_checkable
class _Pings(Protocol):
    async def ping(self) -> bool: ...


@runtime_checkable
class _KnowsRoom(Protocol):
    def check_room(self) -> None: ...


def add_health(app: web.Application, *, metrics_token: str = "") -> None:
    """Serve /health and /metrics, and time every request of the application.

    /metrics is open to this machine, and with `Authorization: Bearer <metrics_token>` to others where one is set.
    """
    metrics = Metrics()
    app.middlewares.append(middleware(metrics))

    async def show_metrics(request: web.Request) -> web.Response:
        if not _may_measure(request, metrics_token):
            raise web.HTTPForbidden(text="Metrics are for this machine, or for those who have the token.\n")
        body = await metrics.text(request.app[HOUSE])
        return web.Response(body=body, headers={hdrs.CONTENT_TYPE: CONTENT_TYPE, "Cache-Control": "no-store"})

    app.router.add_get("/health", _health)
    app.router.add_get("/metrics", show_metrics)


async def _health(request: web.Request) -> web.Response:
    """200 where everything works; 503 says which part does not, in words without names or secrets."""
    house = request.app[HOUSE]
    names = ("database", "queue", "disk", "workers")
    checks = (_database(house), _queue(house), _disk(house), _workers(house))
    told = dict(zip(names, await asyncio.gather(*(_in_time(check) for check in checks)), strict=True))
    ok = all(word == "ok" for word in told.values())
    shape = {"status": "ok" if ok else "failing", **told}
    return web.json_response(shape, status=200 if ok else 503, headers={"Cache-Control": "no-store"})


async def _in_time(check: Awaitable[str]) -> str:
    try:
        async with asyncio.timeout(PATIENCE):
            return await check
    except TimeoutError:
        return f"no answer within {PATIENCE:g} s"
    except Exception as error:  # whatever a broken part raises is its answer; its text may hold addresses
        return f"failing ({type(error).__name__})"


async def _database(house: House) -> str:
    async with house.database.read() as connection:
        await vitals.answers(connection)
    return "ok"


async def _queue(house: House) -> str:
    if isinstance(house.bell, _Pings) and not await house.bell.ping():
        return "does not answer: work goes on, some seconds later"
    return "ok"


async def _disk(house: House) -> str:
    if isinstance(house.documents, _KnowsRoom):
        try:
            await asyncio.to_thread(house.documents.check_room)
        except OutOfRoom:
            return "nearly full: new documents are refused"
    return "ok"


async def _workers(house: House) -> str:
    async with house.database.read() as connection:
        signs = await vitals.signs_of_life(connection, house.clock.now())
    if any(sign.kind == "worker" and sign.age < ALIVE for sign in signs):
        return "ok"
    return f"no worker gave a sign of life within {ALIVE:g} s: start one with 'postoffice work'"


def _may_measure(request: web.Request, token: str) -> bool:
    scheme, _, told = request.headers.get(hdrs.AUTHORIZATION, "").partition(" ")
    if token and scheme.lower() == "bearer" and hmac.compare_digest(told.strip().encode(), token.encode()):
        return True
    forwarded = "X-Forwarded-For" in request.headers or "Forwarded" in request.headers  # a proxy on this machine speaks for others
    peer = request.transport.get_extra_info("peername") if request.transport else None
    if not peer or forwarded:
        return False
    return ipaddress.ip_address(peer[0]).is_loopback
