"""Names of the internet as our own requests may follow them: never into a private network, whatever a name resolves to."""

import socket

from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import ThreadedResolver

from postoffice.model.outside import is_public


class PublicResolver(AbstractResolver):
    """Names as the system resolves them, without their addresses in private networks. The connection goes to what it returns,
    so a name that changes between a check and the call gains nothing."""

    def __init__(self, inner: AbstractResolver | None = None) -> None:
        self._inner = inner or ThreadedResolver()

    async def resolve(self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET) -> list[ResolveResult]:
        """See aiohttp. OSError where no public address is left."""
        found = await self._inner.resolve(host, port, family)
        public = [one for one in found if is_public(one["host"])]
        if not public:
            raise OSError("the name leads into a private network")
        return public

    async def close(self) -> None:
        """Nothing is open."""
        await self._inner.close()
