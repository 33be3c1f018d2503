"""The carriers' webhook door: `POST /hooks/{door}/{carrier}`. A knock is verified, kept raw, answered; workers translate it later.

`door` is the carrier's id and a secret of 160 bits: nobody finds the door, and logs name the route only. What a carrier
cannot verify is not kept. Every provider is content with an empty 200; the same knock twice is kept once.
"""

import asyncio
import hmac
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping

from aiohttp import web
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from postoffice.house import HOUSE, House
from postoffice.model.delivery import Knock
from postoffice.model.errors import Forged, PostOfficeError
from postoffice.model.ids import is_id
from postoffice.store import carriers, news
from postoffice.store.carriers import CarrierRow

MOST = 1_000_000  #: bytes of a knock; providers send some thousand
PATIENCE = 20.0  #: seconds for all of its bytes
COUNT_EVERY = 10.0  #: seconds between two notes of forged knocks, however many come
_ID = 26  # letters
_AWAY = (DBAPIError, PoolTimeout, OSError)


def add_hooks(app: web.Application) -> None:
    """Serve /hooks. Needs house.HOUSE in `app`."""
    door = _Door()
    resource = app.router.add_resource("/hooks/{door}/{carrier}")
    resource.add_route("GET", door.look)  # also HEAD: people and providers look whether somebody is there
    resource.add_route("HEAD", door.look)
    resource.add_route("POST", _told(door.knock), expect_handler=_expect)
    app.on_shutdown.append(door.close)


def _told(serve: Callable[[web.Request], Awaitable[web.Response]]) -> Callable[[web.Request], Awaitable[web.Response]]:
    """Failures in a word: providers read the status only."""

    async def told(request: web.Request) -> web.Response:
        try:
            return await serve(request)
        except _AWAY as error:  # it knocks again
            request.app[HOUSE].log.warning("hooks.no_database", error=type(error).__name__)
            return web.Response(status=503, headers={"Retry-After": "10"})

    return told


async def _expect(request: web.Request) -> web.StreamResponse | None:
    """Refuse a knock that is too large before its bytes come."""
    if (request.content_length or 0) > MOST:
        return _too_large()
    await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    request.writer.output_size = 0  # else aiohttp takes the response for begun
    return None


def _too_large() -> web.Response:
    response = web.Response(status=413)
    response.force_close()
    return response


class _Door:
    """The door, and its count of forged knocks that were not written yet."""

    def __init__(self) -> None:
        self._forged: Counter[tuple[str, str]] = Counter()
        self._counted_at = -COUNT_EVERY

    async def look(self, request: web.Request) -> web.Response:
        """GET, HEAD: 200 where the address is right, 404 otherwise."""
        return web.Response(status=200 if await _carrier(request) else 404)

    async def knock(self, request: web.Request) -> web.Response:
        """POST: 200 kept (or known already), 403 forged, 404 nobody here, 413 too large, 503 come again."""
        house = request.app[HOUSE]
        if (request.content_length or 0) > MOST:
            return _too_large()
        row = await _carrier(request)
        if row is None:
            return web.Response(status=404)
        body = await _body(request)
        if body is None:
            return _too_large()
        knock = Knock(request.method, request.path, _headers(request), dict(request.query), body, house.clock.now())
        heard = 200
        try:
            carrier = await house.carriers.get(row.organisation_id, row.name, even_off=True)
            heard = carrier.abilities.heard
            carrier.read(knock)
        except Forged:
            await self._count(house, row)
            return web.Response(status=403)
        except PostOfficeError as broken:  # its settings cannot be read: a person mends them, the provider knocks again
            house.log.warning("hooks.no_carrier", carrier=row.name, code=broken.code)
            return web.Response(status=503, headers={"Retry-After": "300"})
        except Exception as bug:  # genuine as far as we know, and not understood: kept, and told as failed by the worker
            house.log.error("hooks.not_understood", carrier=row.name, error=type(bug).__name__)
        await _keep(house, row, knock)
        return web.Response(status=heard)

    async def _count(self, house: House, row: CarrierRow) -> None:
        """Count a forged knock. Whoever sends thousands must not make the database write thousands of times."""
        self._forged[row.organisation_id, row.id] += 1
        if time.monotonic() - self._counted_at >= COUNT_EVERY:
            await self._write_counts(house)

    async def _write_counts(self, house: House) -> None:
        self._counted_at = time.monotonic()
        counted, self._forged = self._forged, Counter()
        for (_, carrier_id), number in counted.items():
            house.log.warning("hooks.forged", carrier=carrier_id, count=number)
        async with house.database.write() as connection:
            for (organisation_id, carrier_id), number in sorted(counted.items()):
                await news.count_forged(connection, organisation_id, carrier_id, number)

    async def close(self, app: web.Application) -> None:
        """Write what was counted."""
        if self._forged:
            await self._write_counts(app[HOUSE])


async def _carrier(request: web.Request) -> CarrierRow | None:
    """The carrier behind the address, None where its secret or its name is wrong."""
    house, door = request.app[HOUSE], request.match_info["door"]
    carrier_id, token = door[:_ID], door[_ID:]
    if not is_id(carrier_id) or not hmac.compare_digest(token.encode(), house.keyring.hook_token(carrier_id).encode()):
        return None
    async with house.database.read() as connection:
        row = await carriers.by_id(connection, carrier_id)
    return row if row and row.name == request.match_info["carrier"] else None


async def _body(request: web.Request) -> bytes | None:
    """All bytes; None where there are too many, or where they come too slowly."""
    gathered = bytearray()
    try:
        async with asyncio.timeout(PATIENCE):
            async for chunk in request.content.iter_any():
                gathered += chunk
                if len(gathered) > MOST:
                    return None
    except TimeoutError:
        return None
    return bytes(gathered)


def _headers(request: web.Request) -> Mapping[str, str]:
    """Names in lower case; what comes twice is joined as RFC 9110, 5.3 allows."""
    found: dict[str, str] = {}
    for name, value in request.headers.items():
        lower = name.lower()
        found[lower] = f"{found[lower]}, {value}" if lower in found else value
    return found


async def _keep(house: House, row: CarrierRow, knock: Knock) -> None:
    """Keep it and see to it that a worker reads it, in one transaction; then ring."""
    request = {"method": knock.method, "type": knock.headers.get("content-type", "")[:100], "bytes": len(knock.body)}
    body = news.seal_knock(house.keyring, knock)
    async with house.database.write() as connection:
        _, fresh = await news.keep(
            connection,
            organisation_id=row.organisation_id,
            carrier=row.name,
            way="knock",
            digest=news.digest_of_knock(knock),
            body=body,
            request=request,
            now=knock.received_at,
        )
        if not fresh:
            return
        batch_id, attempt = await news.see_to(connection, row.organisation_id, row.id, row.name, row.channel, knock.received_at)
    await house.bell.ring(row.channel.value, batch_id, attempt)
