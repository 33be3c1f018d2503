"""What comes in with a form: where it was sent from, its fields, and who sent it as far as that may be kept."""

import hashlib
import ipaddress
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs, urlsplit

from aiohttp import web

_MOST_BODY = 8192  # bytes; the preference page has some forty fields
_MOST_FIELDS = 80
_MOST_TYPED = 400  # letters of a field
_MOST_AGENT = 200


def from_own_page(request: web.Request) -> bool:
    """Whether the form was sent from our own page (OWASP ASVS 5.0, 3.5.1).

    Our pages send no referrer, and browsers then send `Origin: null`: what tells is Sec-Fetch-Site, which browsers since 2023 send.
    """
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None:
        return site in ("same-origin", "none")
    origin = request.headers.get("Origin", "null")
    return origin == "null" or urlsplit(origin).netloc == request.host


async def fields_of(request: web.Request) -> dict[str, str]:
    """The fields of a form, trimmed; none where it is larger than any of ours or something else altogether."""
    if request.content_type != "application/x-www-form-urlencoded":
        return {}
    body = b""
    async for chunk in request.content.iter_chunked(_MOST_BODY):
        body += chunk
        if len(body) > _MOST_BODY:
            return {}
    try:
        fields = parse_qs(body.decode("utf-8", "replace"), max_num_fields=_MOST_FIELDS)
    except ValueError:  # more fields than any form of ours has
        return {}
    return {name: values[0].strip()[:_MOST_TYPED] for name, values in fields.items()}


def network_of(request: web.Request, *, bits: tuple[int, int] = (24, 48)) -> str:
    """The caller's address cut to so many bits (IPv4, IPv6): 192.0.2.0/24 says where from, not who."""
    try:
        address = ipaddress.ip_address((request.remote or "").partition("%")[0])
    except ValueError:
        return ""
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
        address = address.ipv4_mapped
    return str(ipaddress.ip_network((address, bits[0] if address.version == 4 else bits[1]), strict=False))


def proof_of(request: web.Request, link_id: str, shown: str) -> Mapping[str, Any]:
    """What proves a choice: the very words that were shown (their hash), from where, by which program, through which link."""
    return {
        "text": hashlib.sha256(shown.encode()).hexdigest(),
        "words": shown[:500],
        "network": network_of(request),
        "agent": "".join(letter for letter in request.headers.get("User-Agent", "") if letter.isprintable())[:_MOST_AGENT],
        "link": link_id,
    }
