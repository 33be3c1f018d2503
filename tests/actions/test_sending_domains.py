"""Signing keys of domains and the check of their DNS, against a name server of our own."""

import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from postoffice.actions.sending_domains import KEEP, SendingDomains, Verdict
from postoffice.channels.email.dns import DnsTools
from postoffice.model import return_path
from postoffice.model.channel import Channel
from postoffice.model.errors import Conflict, NotFound, PostOfficeError
from postoffice.store import carriers, dkim
from postoffice.store.database import Database
from postoffice.store.keys import Keyring
from postoffice.wiring import CatalogueCarriers
from tests.channels.email import peer
from tests.channels.fakes import ListLog, MemoryBox, make_piece
from tests.conftest import FixedClock
from tests.dns import Zone, name_server

DOMAIN = "mairie.example"


@pytest.fixture(scope="module")
def server() -> Iterator[tuple[Zone, int]]:
    zone: Zone = {}
    with name_server(zone) as port:
        yield zone, port


@pytest.fixture
def zone(server: tuple[Zone, int]) -> Zone:
    server[0].clear()
    return server[0]


@pytest.fixture
def domains(database: Database, keyring: Keyring, organisation_id: str, server: tuple[Zone, int], zone: Zone) -> SendingDomains:
    return SendingDomains(database, keyring, DnsTools(f"127.0.0.1:{server[1]}"), organisation_id)


async def verdicts(domains: SendingDomains, clock: FixedClock, **more: Any) -> dict[str, Verdict]:
    return {line.about: line.verdict for line in await domains.check(DOMAIN, clock.now(), **more)}


async def test_a_key_signs_once_its_record_is_seen_and_the_old_one_stays_published(
    domains: SendingDomains, zone: Zone, clock: FixedClock, keyring: Keyring
) -> None:
    (first,) = await domains.make("Mairie.Example", clock.now(), ["rsa"])
    assert first.domain == DOMAIN and first.record.startswith("v=DKIM1; k=rsa; p=")
    assert b"PRIVATE" not in first.wrapped and "PRIVATE KEY" in first.pem(keyring)
    assert (await verdicts(domains, clock))["DKIM"] is Verdict.MISSING
    assert dkim.signing(await domains.keys()) == []
    zone[domains.where(first)] = [("TXT", first.record)]
    assert (await verdicts(domains, clock))["DKIM"] is Verdict.GOOD
    assert [row.selector for row in dkim.signing(await domains.keys())] == [first.selector]

    clock.time += timedelta(days=200)
    (second,) = await domains.rotate(DOMAIN, clock.now())
    assert second.selector != first.selector and second.record != first.record
    await verdicts(domains, clock)
    assert [row.selector for row in dkim.signing(await domains.keys())] == [first.selector], "not seen yet"
    with pytest.raises(Conflict):
        await domains.rotate(DOMAIN, clock.now())
    zone[domains.where(second)] = [("TXT", second.record)]
    await verdicts(domains, clock)
    assert [row.selector for row in dkim.signing(await domains.keys())] == [second.selector]
    with pytest.raises(Conflict):
        await domains.drop(DOMAIN, first.selector, clock.now())
    clock.time += KEEP
    await domains.drop(DOMAIN, first.selector, clock.now())
    assert [row.selector for row in await domains.keys(DOMAIN)] == [second.selector]


async def test_both_kinds_sign_side_by_side(domains: SendingDomains, zone: Zone, clock: FixedClock) -> None:
    made = await domains.make(DOMAIN, clock.now())
    assert {row.algorithm for row in made} == {"rsa", "ed25519"}
    for row in made:
        zone[domains.where(row)] = [("TXT", row.record)]
    await verdicts(domains, clock)
    assert [row.algorithm for row in dkim.signing(await domains.keys())] == ["rsa", "ed25519"]
    with pytest.raises(Conflict):
        await domains.make(DOMAIN, clock.now())


async def test_what_is_not_there_or_no_domain(domains: SendingDomains, clock: FixedClock) -> None:
    assert await verdicts(domains, clock) == {"DKIM": Verdict.MISSING, "SPF": Verdict.MISSING, "DMARC": Verdict.MISSING}
    with pytest.raises(NotFound):
        await domains.rotate(DOMAIN, clock.now())
    with pytest.raises(NotFound):
        await domains.drop(DOMAIN, "none", clock.now())
    for wrong in ("", "a b", "https://mairie.example", "mairie..example", "\N{PILE OF POO}"):
        with pytest.raises(PostOfficeError, match="domain name"):
            await domains.make(wrong, clock.now())


async def test_dkim_records(domains: SendingDomains, zone: Zone, clock: FixedClock) -> None:
    (row,) = await domains.make(DOMAIN, clock.now(), ["rsa"])
    right = row.record
    for records, verdict in (
        ([], Verdict.MISSING),
        (["v=DKIM1; k=rsa; p=AAAA"], Verdict.WRONG),
        (["v=DKIM1; k=rsa; p="], Verdict.WRONG),
        ([right, "v=DKIM1; k=rsa; p=AAAA"], Verdict.WRONG),
        ([right[:255]], Verdict.WRONG),
        ([right[:90] + " " + right[90:]], Verdict.GOOD),
    ):
        zone[domains.where(row)] = [("TXT", text) for text in records]
        line = (await domains.check(DOMAIN, clock.now()))[0]
        assert (line.verdict, line.wanted) == (verdict, right), "what to paste stands there"


SPF = (
    ("v=spf1 ip4:198.51.100.0/24 -all", Verdict.GOOD),
    ("v=spf1 a:relay.example ~all", Verdict.GOOD),
    ("v=spf1 mx -all", Verdict.GOOD),
    ("v=spf1 include:_spf.provider.example -all", Verdict.GOOD),
    ("v=spf1 redirect=_spf.provider.example", Verdict.GOOD),
    ("v=spf1 ip4:203.0.113.9 -all", Verdict.WRONG),
    ("v=spf1 ip4:198.51.100.7", Verdict.WEAK),
    ("v=spf1 ip4:198.51.100.7 +all", Verdict.WRONG),
    ("v=spf1 include:loop.example ip4:198.51.100.7 -all", Verdict.WRONG),
    ("v=spf1 -ip4:198.51.100.7 ip4:198.51.100.0/24 -all", Verdict.WRONG),
    ("v=spf1 ip4:nonsense ip4:198.51.100.7 -all", Verdict.GOOD),
    ("v=spf2 ip4:198.51.100.7 -all", Verdict.MISSING),
)


async def test_spf_records(domains: SendingDomains, zone: Zone, clock: FixedClock) -> None:
    zone |= {
        "relay.example": [("A", "198.51.100.7")],
        "_spf.provider.example": [("TXT", "v=spf1 ip4:198.51.100.0/28 -all")],
        "loop.example": [("TXT", "v=spf1 include:loop.example -all")],
    }
    for record, verdict in SPF:
        zone[DOMAIN] = [("TXT", record), ("TXT", "another=1"), ("MX", "relay.example")]
        assert (await verdicts(domains, clock, relays=["relay.example"]))["SPF"] is verdict, record


async def test_dmarc_records(domains: SendingDomains, zone: Zone, clock: FixedClock) -> None:
    for record, verdict in (
        ("v=DMARC1; p=reject", Verdict.GOOD),
        ("v=DMARC1; p=none; rua=mailto:a@b.example", Verdict.WEAK),
        ("v=DMARC1; rua=mailto:a@b.example", Verdict.WRONG),
        ("p=reject", Verdict.MISSING),
    ):
        zone[f"_dmarc.{DOMAIN}"] = [("TXT", record)]
        assert (await verdicts(domains, clock))["DMARC"] is verdict
        (line,) = [one for one in await domains.check(f"news.{DOMAIN}", clock.now()) if one.about == "DMARC"]
        assert line.verdict is verdict, "the domain above speaks for it"


async def test_silent_name_servers_are_no_verdict(
    database: Database, keyring: Keyring, organisation_id: str, clock: FixedClock
) -> None:
    class Silent(DnsTools):
        async def ask(self, name: str, kind: str) -> list[str]:
            raise PostOfficeError("dns-silent", "The name servers did not answer.")

    domains = SendingDomains(database, keyring, Silent(), organisation_id)
    await domains.make(DOMAIN, clock.now(), ["ed25519"])
    assert set((await verdicts(domains, clock)).values()) == {Verdict.UNKNOWN}
    assert dkim.signing(await domains.keys()) == []


async def test_carriers_sign_with_the_key_whose_record_was_seen(
    domains: SendingDomains, zone: Zone, clock: FixedClock, database: Database, keyring: Keyring, organisation_id: str
) -> None:
    async with peer.relay() as relay:
        registry = CatalogueCarriers(database, keyring, MemoryBox(), ListLog())
        settings = {"host": "127.0.0.1", "port": str(relay.port), "security": "none", "bounce_domain": f"bounce.{DOMAIN}"}
        async with database.write() as connection:
            await carriers.add(
                connection,
                organisation_id=organisation_id,
                name="relay",
                kind="smtp",
                channel=Channel.EMAIL,
                settings=carriers.seal(keyring, settings),
                now=clock.now(),
            )
        await domains.make(DOMAIN, clock.now(), ["ed25519"])

        async def selectors(sender: str = f"post@{DOMAIN}") -> list[str]:
            piece = make_piece(Channel.EMAIL, sender=sender)
            await (await registry.get(organisation_id, "relay")).send(piece)
            mail = relay.mails[-1]
            assert return_path.read(keyring.return_path_key(), mail.mail_from.partition("@")[0]) == piece.key
            return re.findall(r"\bs=(\w+);", mail.content.decode().partition("From:")[0])

        assert await selectors() == []
        for number in range(2):
            row = (await domains.keys())[0]
            zone[domains.where(row)] = [("TXT", row.record)]
            await domains.check(DOMAIN, clock.now())
            assert await selectors() == await selectors(f"a@news.{DOMAIN}") == [row.selector]
            assert await selectors("post@other.example") == [], "no word for a domain that is not ours"
            if not number:
                clock.time += timedelta(days=90)
                await domains.rotate(DOMAIN, clock.now())
                assert await selectors() == [row.selector]
        await registry.close()
