"""The certificate of our own: made once, kept, renewed in time with the same key, and good for a real handshake."""

import asyncio
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import aiohttp
import pytest
from aiohttp.test_utils import TestServer
from cryptography import x509

from postoffice.intake.ipp.tls import LIFETIME, RENEW_BEFORE, ensure_certificate, ssl_context
from postoffice.intake.ipp.words import Operation, Status
from tests.intake.ipp.client import HEADERS, PATH, Answer, request
from tests.intake.ipp.fakes import Office

NOW = datetime.now(UTC)
NAMES = ("localhost", "127.0.0.1")


def test_it_is_made_once_and_the_key_is_ours_alone(tmp_path: Path) -> None:
    certificate, key = ensure_certificate(tmp_path / "tls", NAMES, now=NOW)
    first = certificate.read_bytes()
    assert key.stat().st_mode & 0o777 == 0o600
    assert ensure_certificate(tmp_path / "tls", NAMES[1:], now=NOW) == (certificate, key)
    assert certificate.read_bytes() == first
    assert x509.load_pem_x509_certificate(first).not_valid_after_utc - NOW <= timedelta(days=825)


@pytest.mark.parametrize(
    ("names", "later"),
    [(NAMES, LIFETIME - RENEW_BEFORE + timedelta(days=1)), ((*NAMES, "post.example"), timedelta()), (NAMES, timedelta(days=-30))],
    ids=["runs out", "a new name", "from the future"],
)
def test_it_is_renewed_with_the_same_key(tmp_path: Path, names: tuple[str, ...], later: timedelta) -> None:
    certificate, key = ensure_certificate(tmp_path, NAMES, now=NOW)
    first, secret = certificate.read_bytes(), key.read_bytes()
    ensure_certificate(tmp_path, names, now=NOW + later)
    assert certificate.read_bytes() != first and key.read_bytes() == secret


@pytest.mark.parametrize("broken", ["ipps.crt", "ipps.key"])
def test_a_torn_file_is_made_anew(tmp_path: Path, broken: str) -> None:
    ensure_certificate(tmp_path, NAMES)
    (tmp_path / broken).write_bytes(b"-----BEGIN")
    assert ssl_context(tmp_path, NAMES)


def test_it_needs_a_name(tmp_path: Path) -> None:
    with pytest.raises(ValueError):
        ensure_certificate(tmp_path, ())


async def test_the_same_routes_over_tls(tmp_path: Path) -> None:
    (tmp_path / "spool").mkdir()
    office = Office(tmp_path / "spool")
    server = TestServer(office.app, scheme="https")
    await server.start_server(ssl=ssl_context(tmp_path / "tls", NAMES))
    trust = ssl.create_default_context(cafile=str(tmp_path / "tls" / "ipps.crt"))
    asked = request(Operation.GET_PRINTER_ATTRIBUTES, uri=f"ipps://localhost:{server.port}{PATH}")
    async with aiohttp.ClientSession() as session:
        url = f"https://localhost:{server.port}{PATH}"
        async with session.post(url, data=asked, headers=HEADERS, ssl=trust) as response:
            answer = Answer(response.status, await response.read())
    assert answer.status is Status.OK
    assert answer.value("printer-uri-supported") == f"ipps://localhost:{server.port}{PATH}"
    assert answer.value("uri-security-supported") == "tls"
    await server.close()
    await asyncio.sleep(0)
