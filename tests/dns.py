"""A name server of a test's own, on a free port of the loopback interface (dnslib)."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from dnslib import MX, PTR, QTYPE, RCODE, RR, TXT, A, DNSRecord
from dnslib.server import BaseResolver, DNSHandler, DNSLogger, DNSServer

#: name -> [(kind, value)]; a TXT value is cut into strings of 250 bytes
Zone = dict[str, list[tuple[str, str]]]


class Resolver(BaseResolver):  # type: ignore[misc]
    """Answers from a zone that the test may change at any time."""

    def __init__(self, zone: Mapping[str, Sequence[tuple[str, str]]]) -> None:
        self.zone = zone

    def resolve(self, request: DNSRecord, handler: DNSHandler) -> DNSRecord:
        reply = request.reply()
        name, kind = str(request.q.qname).rstrip(".").lower(), QTYPE[request.q.qtype]
        if name not in self.zone:
            reply.header.rcode = RCODE.NXDOMAIN
        for known, value in self.zone.get(name, ()):
            if known == kind:
                reply.add_answer(RR(request.q.qname, request.q.qtype, rdata=_data(kind, value), ttl=1))
        return reply


def _data(kind: str, value: str) -> A | MX | PTR | TXT:
    if kind == "TXT":
        return TXT([value[start : start + 250].encode() for start in range(0, len(value), 250)] or [b""])
    return {"A": A, "MX": lambda host: MX(host, 10), "PTR": PTR}[kind](value)


@contextmanager
def name_server(zone: Mapping[str, Sequence[tuple[str, str]]], address: str = "127.0.0.1", port: int = 0) -> Iterator[int]:
    """Its port, for UDP and, on the same one, TCP (signing keys do not fit into old datagrams)."""
    quiet = DNSLogger(log="-request,-reply,-truncated,-error,-recv,-send,-data", logf=lambda line: None)
    udp = DNSServer(Resolver(zone), address=address, port=port, logger=quiet)
    bound = int(udp.server.server_address[1])
    tcp = DNSServer(Resolver(zone), address=address, port=bound, tcp=True, logger=quiet)
    for server in (udp, tcp):
        server.start_thread()
    try:
        yield bound
    finally:
        for server in (udp, tcp):
            server.stop()
            server.server.server_close()
            server.thread.join(5)
