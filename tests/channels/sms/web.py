"""A provider's web interface whose behaviour a test controls."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web


@dataclass
class Call:
    """A request that came."""

    method: str
    path: str
    headers: dict[str, str]
    form: dict[str, Any]


@dataclass
class Provider:
    """`answer` makes (status, body, headers) of a call; None breaks the line off after the request was read."""

    answer: Callable[[Call], tuple[int, Any, dict[str, str]] | None]
    calls: list[Call] = field(default_factory=list)
    delay: float = 0.0
    url: str = ""
    runner: web.AppRunner | None = None

    async def handle(self, request: web.Request) -> web.StreamResponse:
        json = request.content_type == "application/json" and request.can_read_body
        form = await request.json() if json else dict(await request.post())
        call = Call(request.method, request.path, dict(request.headers), form)
        self.calls.append(call)
        await asyncio.sleep(self.delay)
        answer = self.answer(call)
        if answer is None:
            assert request.transport
            request.transport.abort()
            return web.Response()
        status, body, headers = answer
        return web.json_response(body, status=status, headers=headers)

    async def stop(self) -> None:
        if self.runner:
            await self.runner.cleanup()
            self.runner = None


@asynccontextmanager
async def serving(provider: Provider) -> AsyncIterator[Provider]:
    """The provider on a free port of the loopback interface."""
    app = web.Application()
    app.router.add_route("*", "/{rest:.*}", provider.handle)
    provider.runner = web.AppRunner(app, shutdown_timeout=0.1)
    await provider.runner.setup()
    site = web.TCPSite(provider.runner, "127.0.0.1", 0)
    await site.start()
    host, port = provider.runner.addresses[0][:2]
    provider.url = f"http://{host}:{port}"
    try:
        yield provider
    finally:
        await provider.stop()
