"""A token server (RFC 6749, 4.4 and 6) as Microsoft and Google run them, on a free port of the loopback interface."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import web


@dataclass
class TokenServer:
    """Each request gets another token: token-1, token-2 ... `forms`: what was asked."""

    forms: list[dict[str, str]] = field(default_factory=list)
    refuses: bool = False
    url: str = ""

    async def grant(self, request: web.Request) -> web.Response:
        self.forms.append({name: str(value) for name, value in (await request.post()).items()})
        if self.refuses:
            return web.json_response({"error": "invalid_client"}, status=401)
        number = len(self.forms)
        renewed = {"refresh_token": f"renewed-{number}"} if "refresh_token" in self.forms[-1] else {}
        return web.json_response({"access_token": f"token-{number}", "expires_in": 3600, "token_type": "Bearer", **renewed})


@asynccontextmanager
async def token_server() -> AsyncIterator[TokenServer]:
    made, app = TokenServer(), web.Application()
    app.router.add_post("/tenant/oauth2/v2.0/token", made.grant)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    made.url = f"http://127.0.0.1:{runner.addresses[0][1]}/tenant/oauth2/v2.0/token"
    try:
        yield made
    finally:
        await runner.cleanup()
