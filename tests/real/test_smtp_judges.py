"""A signed mail as a relay got it over TLS, judged by two programs of others: dkimpy and opendkim-testmsg."""

import os
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import dkim
import dns.flags
import dns.message
import dns.name
import dns.rdatatype
import dns.rrset
import pytest

from postoffice.channels.catalogue import build
from postoffice.channels.email.sign import dns_name, dns_record, make_key
from postoffice.model.channel import Channel
from postoffice.model.mailing import EmailForm, Options
from tests import servers
from tests.channels.email import peer
from tests.channels.fakes import PIECES, ListLog, MemoryBox, make_piece

pytestmark = pytest.mark.real
KEY = make_key()
DOMAIN, SELECTOR = "mairie.example", "s2026"


async def signed_mail() -> bytes:
    """What arrives when an invoice goes out with a PDF through the carrier of the catalogue."""
    async with peer.relay("starttls", auth=True) as relay:
        carrier = build(
            "smtp",
            "relay",
            {
                "host": "127.0.0.1",
                "port": str(relay.port),
                "username": peer.USER,
                "password": peer.PASSWORD,
                "ca": peer.certificate()[0],
                "dkim_domain": DOMAIN,
                "dkim_selector": SELECTOR,
                "dkim_key": KEY,
            },
            box=MemoryBox(),
            log=ListLog(),
        )
        options = Options(email_form=EmailForm.ATTACHMENT)
        await carrier.send(
            make_piece(Channel.EMAIL, pages=PIECES[Channel.POST].pages, options=options, text="Été\n.\n  deux  blancs \n")
        )
        await carrier.close()
        return relay.mails[0].content


async def test_dkimpy_passes_it_and_fails_a_changed_one() -> None:
    content = await signed_mail()

    def ask_dns(name: bytes, timeout: int = 5) -> bytes:
        assert name.decode().rstrip(".") == dns_name(DOMAIN, SELECTOR)
        return dns_record(KEY).encode()

    assert dkim.verify(content, dnsfunc=ask_dns)
    assert not dkim.verify(content.replace(b"deux", b"trois"), dnsfunc=ask_dns)


@contextmanager
def name_server(address: str) -> Iterator[None]:
    """Answers for the one TXT record, on port 53 of a loopback address."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        sock.bind((address, 53))
    except OSError as error:
        sock.close()
        pytest.skip(f"port 53 of {address} cannot be had: {error}")
    sock.settimeout(0.1)
    done = threading.Event()

    def serve() -> None:
        while not done.is_set():
            try:
                data, client = sock.recvfrom(4096)
            except TimeoutError:
                continue
            query = dns.message.from_wire(data)
            answer = dns.message.make_response(query)
            answer.flags |= dns.flags.AA | dns.flags.RA
            question = query.question[0]
            if question.name == dns.name.from_text(dns_name(DOMAIN, SELECTOR)) and question.rdtype == dns.rdatatype.TXT:
                record = dns_record(KEY)
                strings = " ".join(f'"{record[start : start + 250]}"' for start in range(0, len(record), 250))
                answer.answer.append(dns.rrset.from_text(question.name, 60, "IN", "TXT", strings))
            sock.sendto(answer.to_wire(), client)

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()
        sock.close()


async def test_opendkim_passes_it_and_fails_a_changed_one(tmp_path: Path) -> None:
    judge, unshare = servers.program("opendkim-testmsg", "/usr/sbin/opendkim-testmsg"), servers.program("unshare")
    if os.geteuid() != 0:
        pytest.skip("only root can give one program a name server of its own")
    resolver = tmp_path / "resolv.conf"
    resolver.write_text("nameserver 127.0.0.97\n")
    inside = [unshare, "--mount", "sh", "-c", 'mount --bind "$0" /etc/resolv.conf && exec "$@"', str(resolver)]
    if subprocess.run([*inside, "true"], capture_output=True, timeout=10).returncode:
        pytest.skip("a mount namespace cannot be made here")
    content = (await signed_mail()).replace(b"\r\n", b"\n")  # it wants the line ends of files

    def judged(mail: bytes) -> int:
        return subprocess.run([*inside, judge], input=mail, capture_output=True, timeout=30).returncode

    with name_server("127.0.0.97"):
        assert judged(content) == 0
        assert judged(content.replace(b"deux", b"trois")) != 0
        assert judged(content.replace(b"From: ", b"From: X ", 1)) != 0
