"""Which addresses of the internet our own requests may go to when somebody else names them: never into our own network."""

import ipaddress
from urllib.parse import urlsplit

from postoffice.model.errors import PostOfficeError

_LONGEST = 2000
#: networks that carry an IPv4 address within an IPv6 one: NAT64 (RFC 6052, RFC 8215)
_TRANSLATED = (ipaddress.ip_network("64:ff9b::/96"), ipaddress.ip_network("64:ff9b:1::/48"))
#: where clouds answer their own machines with credentials, beside 169.254.0.0/16: Amazon, Google, Oracle (IPv6), Alibaba, Azure
_METADATA = tuple(
    map(ipaddress.ip_network, ("fd00:ec2::/32", "fd20:ce::/32", "fd00:c1::/32", "100.100.100.200/32", "168.63.129.16/32"))
)


def is_public(address: str) -> bool:
    """Whether an IP address is one of the public internet, looked at through the IPv6 forms that carry an IPv4 address."""
    try:
        ip = ipaddress.ip_address(address.split("%")[0])
    except ValueError:
        return False
    if isinstance(ip, ipaddress.IPv6Address):
        if (inner := _carried(ip)) is not None:
            return is_public(str(inner))
        if int(ip) >> 32 == 0:  # ::/96, once "IPv4-compatible"
            return False
    return ip.is_global and not (ip.is_multicast or ip.is_reserved)


def is_literal(host: str) -> bool:
    """Whether a host is an IP address and no name."""
    try:
        ipaddress.ip_address(host.strip("[]").split("%")[0])
    except ValueError:
        return False
    return True


def is_barred(address: str) -> bool:
    """Whether an IP address is one that nothing of ours may ever call: link-local, a cloud's metadata, no host's address at all."""
    try:
        ip = ipaddress.ip_address(address.strip("[]").split("%")[0])
    except ValueError:
        return True
    if isinstance(ip, ipaddress.IPv6Address) and (inner := _carried(ip)) is not None:
        return is_barred(str(inner))
    return ip.is_link_local or ip.is_multicast or ip.is_unspecified or any(ip in network for network in _METADATA)


def _carried(ip: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    """The IPv4 address within an IPv6 one."""
    inner = ip.ipv4_mapped or ip.sixtofour or (ip.teredo[1] if ip.teredo else None)
    if inner is None and any(ip in network for network in _TRANSLATED):
        return ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
    return inner


def check_url(url: str, *, inside: bool) -> None:
    """PostOfficeError where a webhook must not go to `url`. `inside`: this organisation may call its own network, and plain http.

    What a name resolves to is checked again at each call, since it may change.
    """
    if len(url) > _LONGEST or not url.isprintable() or " " in url:
        raise _bad("it is too long or has signs that an address cannot have")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise _bad("it is no web address") from None
    if parts.scheme not in ("https", "http") or not parts.hostname or port == 0:
        raise _bad("it must begin with https://")
    if parts.scheme == "http" and not inside:
        raise _bad("it must begin with https://")
    if parts.username or parts.password:
        raise _bad("it holds a user name or password; the signature proves who calls")
    if parts.fragment:
        raise _bad("it holds a fragment (#), which is never sent")
    if not inside and _names_us(parts.hostname):
        raise _bad("it is an address within a private network")


def _names_us(host: str) -> bool:
    """Whether a host is an IP address of a private network, in any notation, or a name that only such networks know."""
    host = host.rstrip(".").lower()
    if host == "localhost" or host.endswith((".localhost", ".local", ".internal", ".home.arpa")):
        return True
    try:
        ipaddress.ip_address(host)
    except ValueError:
        # 127.1, 0x7f000001, 2130706433: forms that resolvers take for addresses
        return "." not in host or host.rsplit(".", 1)[-1].replace("0x", "", 1).isdigit()
    return not is_public(host)


def _bad(why: str) -> PostOfficeError:
    return PostOfficeError(
        "webhook-address",
        f"This webhook address cannot be used: {why}.",
        help="Give a public https:// address of your own program.",
        field="url",
    )
