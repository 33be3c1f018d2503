"""Domains that mail is sent from: their signing keys, and whether the DNS says what receivers want to read (SPF, DKIM, DMARC).

Used by the command line and the desk alike. A new key signs only once its record was seen; the key before it stays published for
KEEP, since mails that it signed are still on their way.
"""

import ipaddress
import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from postoffice.house import SendingTools
from postoffice.model.errors import Conflict, NotFound, PostOfficeError
from postoffice.store import carriers, dkim
from postoffice.store.database import Database
from postoffice.store.dkim import DkimRow
from postoffice.store.keys import Keyring
from postoffice.words.sending import SAID

KEEP = timedelta(days=7)
KINDS = ("rsa", "ed25519")
_LOOKUPS = 10  #: RFC 7208, 4.6.4
_TERM = re.compile(r"([+?~-]?)(all|include|a|mx|ip4|ip6|exists|ptr|redirect)(?:[:=]([^/]*(?:/[0-9:a-f./]+)?))?(/\d+)?", re.IGNORECASE)


class Verdict(StrEnum):
    """How a record stands."""

    GOOD = "good"
    WEAK = "weak"  #: works, and could be better
    WRONG = "wrong"  #: there, and not as it must be
    MISSING = "missing"
    UNKNOWN = "unknown"  #: no name server answered


@dataclass(frozen=True, slots=True)
class Line:
    """One record of the DNS: where it stands, what is there, what should be; and what to do, in English, translated when shown."""

    about: str  #: DKIM | SPF | DMARC
    name: str
    verdict: Verdict
    words: str
    found: tuple[str, ...] = ()
    wanted: str = ""
    facts: dict[str, object] = field(default_factory=dict)


class SendingDomains:
    """The keys of one organisation's domains, and the check."""

    def __init__(self, database: Database, keyring: Keyring, tools: SendingTools, organisation_id: str) -> None:
        self._database = database
        self._keyring = keyring
        self._tools = tools
        self._organisation_id = organisation_id

    async def keys(self, domain: str | None = None) -> list[DkimRow]:
        """All keys, by domain, the newest first."""
        async with self._database.read() as connection:
            return await dkim.all_of(connection, self._organisation_id, self._tools.domain(domain) if domain else None)

    async def make(self, domain: str, now: datetime, kinds: Sequence[str] = KINDS) -> list[DkimRow]:
        """The first keys of a domain; Conflict where it has some."""
        if await self.keys(domain):
            raise Conflict("dkim-exists", "This domain has signing keys already.", help="Rotate them, or show what is to be published.")
        return await self._add(domain, now, kinds)

    async def rotate(self, domain: str, now: datetime) -> list[DkimRow]:
        """New keys beside the present ones; NotFound where there are none, Conflict where a rotation waits for its record."""
        known = await self.keys(domain)
        if not known:
            raise NotFound("dkim-none", "This domain has no signing keys.", help="Make them first.")
        if any(row.seen_at is None for row in known):
            raise Conflict("dkim-waiting", "A new key of this domain still waits for its record.", help="Publish it, then check.")
        return await self._add(domain, now, sorted({row.algorithm for row in known}, reverse=True))

    async def _add(self, domain: str, now: datetime, kinds: Sequence[str]) -> list[DkimRow]:
        name = self._tools.domain(domain)
        taken = {row.selector for row in await self.keys(name)}
        async with self._database.write() as connection:
            for kind in kinds:
                pem, record = self._tools.make_key("ed25519" if kind == "ed25519" else "rsa")
                selector = _selector(kind, now, taken)
                taken.add(selector)
                await dkim.add(
                    connection,
                    organisation_id=self._organisation_id,
                    domain=name,
                    selector=selector,
                    algorithm=kind,
                    wrapped=self._keyring.wrap(pem.encode()),
                    record=record,
                    now=now,
                )
        return [row for row in await self.keys(name) if row.created_at == now]

    async def relays(self) -> list[str]:
        """The hosts of the organisation's SMTP carriers, where these send themselves."""
        async with self._database.read() as connection:
            rows = await carriers.all_of(connection, self._organisation_id)
        opened = [carriers.unseal(self._keyring, row.sealed) for row in rows if row.kind == "smtp" and row.enabled]
        return [str(settings["host"]) for settings in opened if settings.get("host")]

    def where(self, row: DkimRow) -> str:
        """The name of a key's record."""
        return self._tools.name_of(row.domain, row.selector)

    async def drop(self, domain: str, selector: str, now: datetime) -> None:
        """Forget a key that signs no more and whose time of being published is over; Conflict before."""
        for row in await self.keys(domain):
            if row.selector == selector:
                async with self._database.write() as connection:  # judged there: its record may be seen this moment
                    if await dkim.remove(connection, row, now - KEEP):
                        return
                raise Conflict("dkim-in-use", "This key is still in use.", help="Rotate first, and leave its record for some days.")
        raise NotFound("dkim-none", "There is no such key.", help="List them with `postoffice dkim list`.")

    async def check(self, domain: str, now: datetime, relays: Sequence[str] = ()) -> list[Line]:
        """Look at the DNS. Keys whose record is found sign from now on. `relays`: names or addresses that mail leaves by, for SPF."""
        return await self._lines(domain, relays, lambda row: self._check_key(row, now))

    async def look(self, domain: str, relays: Sequence[str] = ()) -> list[Line]:
        """As `check`, but no key signs for it."""
        return await self._lines(domain, relays, lambda row: self._guard("DKIM", self.where(row), self._dkim(row)))

    async def _lines(self, domain: str, relays: Sequence[str], look_at: Callable[[DkimRow], Awaitable[Line]]) -> list[Line]:
        name = self._tools.domain(domain)
        lines = [await look_at(row) for row in await self.keys(name) if row.retired_at is None]
        if not lines:
            lines = [Line("DKIM", name, Verdict.MISSING, SAID["dkim-no-key"])]
        return [*lines, await self._guard("SPF", name, self._spf(name, relays)), await self._guard("DMARC", name, self._dmarc(name))]

    async def _check_key(self, row: DkimRow, now: datetime) -> Line:
        line = await self._guard("DKIM", self.where(row), self._dkim(row))
        if line.verdict is Verdict.GOOD and row.seen_at is None:
            async with self._database.write() as connection:
                await dkim.seen(connection, row, now)
        return line

    async def _guard(self, about: str, name: str, question: Awaitable[Line]) -> Line:
        try:
            return await question
        except PostOfficeError:
            return Line(about, name, Verdict.UNKNOWN, SAID["silent"])

    async def _dkim(self, row: DkimRow) -> Line:
        name = self.where(row)
        found = tuple(await self._tools.ask(name, "TXT"))
        if not found:
            return Line("DKIM", name, Verdict.MISSING, SAID["dkim-missing"], wanted=row.record)
        if len(found) > 1:
            words = SAID["dkim-several"]
            return Line("DKIM", name, Verdict.WRONG, words, found, row.record)
        if _tags(found[0]).get("p") != _tags(row.record)["p"]:
            words = SAID["dkim-wrong"]
            return Line("DKIM", name, Verdict.WRONG, words, found, row.record)
        return Line("DKIM", name, Verdict.GOOD, SAID["dkim-good"], found, row.record)

    async def _spf(self, domain: str, relays: Sequence[str]) -> Line:
        found = tuple(one for one in await self._tools.ask(domain, "TXT") if one.lower().split(" ")[0] == "v=spf1")
        wanted = " ".join(["v=spf1", *(f"ip{ipaddress.ip_address(one).version}:{one}" for one in relays if _is_ip(one)), "mx", "-all"])
        if not found:
            return Line("SPF", domain, Verdict.MISSING, SAID["spf-missing"], wanted=wanted)
        if len(found) > 1:
            return Line("SPF", domain, Verdict.WRONG, SAID["spf-several"], found, wanted)
        walk = _Walk(self._tools)
        addresses = [address for relay in relays for address in await self._addresses(relay)]
        allowed = [await walk.allows(domain, address) for address in addresses]
        if walk.lookups > _LOOKUPS:
            words = SAID["spf-long"]
            return Line("SPF", domain, Verdict.WRONG, words, found, facts={"most": _LOOKUPS})
        last = found[0].lower().split()[-1]
        if last in ("all", "+all", "?all"):
            return Line("SPF", domain, Verdict.WRONG, SAID["spf-open"], found)
        if not all(allowed):
            words = SAID["spf-relay"]
            return Line("SPF", domain, Verdict.WRONG, words, found, facts={"relay": addresses[allowed.index(False)]})
        if last not in ("-all", "~all") and "redirect=" not in found[0].lower():
            return Line("SPF", domain, Verdict.WEAK, SAID["spf-endless"], found)
        return Line("SPF", domain, Verdict.GOOD, SAID["spf-good"], found)

    async def _addresses(self, relay: str) -> list[str]:
        return [relay] if _is_ip(relay) else [*await self._tools.ask(relay, "A"), *await self._tools.ask(relay, "AAAA")]

    async def _dmarc(self, domain: str) -> Line:
        """At the domain itself, else at the domain above it (RFC 7489, 6.6.3, with one step instead of a list of public suffixes)."""
        parent = domain.partition(".")[2]
        wanted = f"v=DMARC1; p=quarantine; rua=mailto:dmarc@{domain}"
        for place in (domain, *([parent] if "." in parent else [])):
            name = f"_dmarc.{place}"
            found = tuple(one for one in await self._tools.ask(name, "TXT") if one.upper().startswith("V=DMARC1"))
            if found:
                break
        else:
            name = f"_dmarc.{domain}"
            words = SAID["dmarc-missing"]
            return Line("DMARC", name, Verdict.MISSING, words, wanted=wanted)
        policy = _tags(found[0]).get("sp" if place != domain else "p") or _tags(found[0]).get("p", "")
        if len(found) > 1 or policy not in ("none", "quarantine", "reject"):
            return Line("DMARC", name, Verdict.WRONG, SAID["dmarc-wrong"], found, wanted)
        if policy == "none":
            words = SAID["dmarc-none"]
            return Line("DMARC", name, Verdict.WEAK, words, found, wanted)
        return Line("DMARC", name, Verdict.GOOD, SAID["dmarc-good"], found)


class _Walk:
    """Whether SPF records let an address send: RFC 7208 without macros, which count as no match."""

    def __init__(self, tools: SendingTools) -> None:
        self._tools = tools
        self.lookups = 0  #: for the address that needed most

    async def allows(self, domain: str, address: str) -> bool:
        """Whether the result is "pass"."""
        self._count = 0
        passed = await self._result(domain, ipaddress.ip_address(address))
        self.lookups = max(self.lookups, self._count)
        return passed is True

    async def _result(self, domain: str, address: "ipaddress.IPv4Address | ipaddress.IPv6Address") -> bool | None:
        """True: pass; False: any other result; None: no term matched."""
        if self._count > _LOOKUPS:
            return False
        records = [one for one in await self._tools.ask(domain, "TXT") if one.lower().split(" ")[0] == "v=spf1"]
        terms = [match for word in (records[0].split()[1:] if len(records) == 1 else []) if (match := _TERM.fullmatch(word))]
        for match in sorted(terms, key=lambda term: term[2].lower() == "redirect"):
            sign, kind, value, size = match[1], match[2].lower(), match[3] or "", match[4] or ""
            if kind == "redirect":
                self._count += 1
                return await self._result(value, address)
            if await self._matches(kind, value, size, domain, address):
                return sign in ("", "+")
        return None

    async def _matches(
        self, kind: str, value: str, size: str, domain: str, address: "ipaddress.IPv4Address | ipaddress.IPv6Address"
    ) -> bool:
        if kind == "all":
            return True
        if kind in ("ip4", "ip6"):
            return _within(address, value + size)
        self._count += 1
        if kind == "include":
            return await self._result(value, address) is True
        if kind not in ("a", "mx"):
            return False
        host, _, length = (value or domain).partition("/")
        hosts = await self._tools.ask(host, "MX") if kind == "mx" else [host]
        record = "A" if address.version == 4 else "AAAA"
        prefix = size or (f"/{length}" if length else "")
        found = [one for each in hosts for one in await self._tools.ask(each, record)]
        return any(_within(address, one + prefix) for one in found)


def _within(address: "ipaddress.IPv4Address | ipaddress.IPv6Address", network: str) -> bool:
    try:
        return address in ipaddress.ip_network(network, strict=False)
    except ValueError:
        return False


def _is_ip(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _tags(record: str) -> dict[str, str]:
    """RFC 6376, 3.2: `name=value; ...`; blanks inside a value count for nothing."""
    pairs = (part.partition("=") for part in record.split(";"))
    return {name.strip().lower(): "".join(value.split()) for name, equals, value in pairs if equals}


def _selector(kind: str, now: datetime, taken: set[str]) -> str:
    stem = f"po{now:%Y%m}{'e' if kind == 'ed25519' else 'r'}"
    return next(word for number in range(1, 1000) if (word := stem if number == 1 else f"{stem}{number}") not in taken)
