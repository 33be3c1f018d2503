"""What the DNS says of a sending domain, by dnspython; and keys to publish there. See house.SendingTools."""

from __future__ import annotations

from typing import Literal

from postoffice.channels.email.address import read_mailbox
from postoffice.channels.email.sign import dns_name, dns_record, make_key
from postoffice.later import dns_asyncresolver, dns_exception, dns_resolver
from postoffice.model.errors import PostOfficeError, Refused

_SECONDS = 5.0  #: for one question, all name servers together


class DnsTools:
    """`servers`: "address" or "address:port", comma separated; empty: those of the system."""

    def __init__(self, servers: str = "") -> None:
        self._servers = [server.strip() for server in servers.split(",") if server.strip()]

    def domain(self, text: str) -> str:
        """A domain in ASCII and lower case; PostOfficeError where it is none."""
        try:
            return read_mailbox(f"post@{text.strip()}").domain
        except Refused as refused:
            raise PostOfficeError(
                "domain-name", "This is no domain name.", help="Write it as after the @ of an e-mail address, such as company.example."
            ) from refused

    def make_key(self, kind: Literal["rsa", "ed25519"]) -> tuple[str, str]:
        """(private key in PEM, value of its TXT record)."""
        pem = make_key(kind)
        return pem, dns_record(pem)

    def name_of(self, domain: str, selector: str) -> str:
        """Where a key's record belongs."""
        return dns_name(domain, selector)

    async def ask(self, name: str, kind: str) -> list[str]:
        """Records as text: TXT with its strings joined, A and AAAA as addresses, MX as host names. PostOfficeError: no answer."""
        try:
            answer = await self._resolver().resolve(name, kind, lifetime=_SECONDS, search=False)
        except (dns_resolver.NXDOMAIN, dns_resolver.NoAnswer):
            return []
        except (dns_exception.DNSException, OSError, ValueError) as error:
            raise PostOfficeError(
                "dns-silent",
                "The name servers did not answer.",
                help="Try again later; is the network there, and are the name servers right (POSTOFFICE_DNS)?",
            ) from error
        if kind == "TXT":
            return [b"".join(one.strings).decode("utf-8", "replace") for one in answer]
        if kind == "MX":
            return [one.exchange.to_text(omit_final_dot=True).lower() for one in answer]
        return [one.to_text() for one in answer]

    def _resolver(self) -> dns_asyncresolver.Resolver:
        if not self._servers:
            return dns_asyncresolver.Resolver()
        resolver = dns_asyncresolver.Resolver(configure=False)
        resolver.nameservers = [_server(server)[0] for server in self._servers]
        resolver.port = _server(self._servers[0])[1]
        return resolver


def _server(text: str) -> tuple[str, int]:
    address, colon, port = text.rpartition(":")
    return (address, int(port)) if colon and port.isdecimal() and address.count(":") == 0 else (text, 53)
