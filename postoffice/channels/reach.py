"""Where a carrier's own connections may go. Relays usually stand inside; so do metadata services, which give secrets away."""

import asyncio
import socket
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import ThreadedResolver

from postoffice.model.outside import is_barred, is_literal, is_public

Resolve = Callable[[str, int], Awaitable[list[tuple[Any, ...]]]]


class PrivateAddress(OSError):
    """A name leads to addresses only that carriers may not be at."""


async def _system(host: str, port: int) -> list[tuple[Any, ...]]:
    return list(await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM))


@dataclass(frozen=True, slots=True)
class Reach:
    """`inside`: private networks too (see the setting). Link-local and metadata addresses are never reached."""

    inside: bool = True
    resolve: Resolve = field(default=_system, compare=False)  #: as loop.getaddrinfo

    def allows(self, address: str) -> bool:
        """Whether connections may go to an IP address."""
        return not is_barred(address) and (self.inside or is_public(address))

    def forbids(self, host: str) -> bool:
        """Whether a host as it is typed is an address that is not reached; of names that is known when they are resolved."""
        return (is_literal(host) and not self.allows(host)) or (not self.inside and host.rstrip(".").lower() == "localhost")

    async def connect(self, host: str, port: int) -> socket.socket:
        """A connected socket, for whoever speaks over it. It goes to the address that was judged: a name that changes gains nothing.

        OSError where none answers, PrivateAddress where none may be reached. The caller sets the time limit.
        """
        loop, last = asyncio.get_running_loop(), None
        found = [one for one in await self.resolve(host, port) if self.allows(one[4][0])]
        for family, kind, proto, _, address in found:
            link = socket.socket(family, kind, proto)
            link.setblocking(False)
            try:
                await loop.sock_connect(link, address)
                return link
            except OSError as error:
                link.close()
                last = error
            except BaseException:
                link.close()
                raise
        raise last or PrivateAddress("its address lies where carriers may not be (POSTOFFICE_CARRIERS_INSIDE)")


class ReachResolver(AbstractResolver):
    """Names as the system resolves them, without the addresses that are not reached. aiohttp connects to what it returns."""

    def __init__(self, reach: Reach, inner: AbstractResolver | None = None) -> None:
        self._reach = reach
        self._inner = inner or ThreadedResolver()

    async def resolve(self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET) -> list[ResolveResult]:
        """See aiohttp. PrivateAddress where none is left."""
        found = [one for one in await self._inner.resolve(host, port, family) if self._reach.allows(one["host"])]
        if not found:
            raise PrivateAddress("its address lies where carriers may not be (POSTOFFICE_CARRIERS_INSIDE)")
        return found

    async def close(self) -> None:
        """Nothing is open."""
        await self._inner.close()
