"""Announces on the local network that a post office is here (DNS-SD), where an administrator wants that: it is off by default.

A token is never announced, so nothing can be printed to what is announced: print dialogs show the office and lead to the desk, where
each person finds the address of their own printer. Needs the package `zeroconf` (extra `discovery`).
"""

import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from postoffice.model.errors import NotFound

if TYPE_CHECKING:
    from zeroconf import ServiceInfo

RESOURCE = "ipp/print"  #: without a token


def txt_record(name: str, location: str, desk: str) -> dict[str, str]:
    """The TXT record (Bonjour Printing Specification 1.2.1, section 9.2)."""
    return {
        "txtvers": "1",
        "qtotal": "1",
        "rp": RESOURCE,
        "ty": name,
        "note": location,
        "adminurl": f"{desk}/admin/printers",
        "pdl": "application/pdf,application/postscript,image/jpeg,image/pwg-raster,image/urf",
        "URF": "V1.4,CP1,W8,SRGB24,RS300-600,DM1,IS1,MT1,OB10,PQ3-4-5,FN3",
        "Color": "T",
        "Duplex": "T",
        "kind": "document",
        "TLS": "1.2",
    }


def services(name: str, location: str, desk: str, ports: dict[str, int], addresses: Sequence[str]) -> list["ServiceInfo"]:
    """What is announced: `ports` maps `ipp` and `ipps` to their ports; `addresses` are the machine's own, as text."""
    try:
        from zeroconf import ServiceInfo
    except ImportError as error:
        raise NotFound(
            "discovery-missing",
            "Announcing printers on the network needs the package zeroconf.",
            help="Install postoffice with its extra 'discovery', or switch discovery off.",
        ) from error
    packed = [socket.inet_pton(socket.AF_INET6 if ":" in one else socket.AF_INET, one) for one in addresses]
    record = txt_record(name, location, desk)
    label = name.replace(".", " ").encode()[:63].decode("utf-8", "ignore")
    return [
        ServiceInfo(f"_{scheme}._tcp.local.", f"{label}._{scheme}._tcp.local.", port=port, addresses=packed, properties=record)
        for scheme, port in ports.items()
    ]


@asynccontextmanager
async def announced(announce: Sequence["ServiceInfo"]) -> AsyncIterator[None]:
    """Announce while the context lasts, and say goodbye at its end."""
    from zeroconf.asyncio import AsyncZeroconf

    zeroconf = AsyncZeroconf()
    try:
        for one in announce:
            await zeroconf.async_register_service(one, allow_name_change=True)
        yield
    finally:
        await zeroconf.async_unregister_all_services()
        await zeroconf.async_close()
