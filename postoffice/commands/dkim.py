"""`postoffice dkim`: keys that sign e-mail for a domain, their records, and whether the DNS says what it should."""

import argparse
import asyncio
import json
from datetime import UTC, datetime

from postoffice.actions.sending_domains import KEEP, KINDS, Line, SendingDomains, Verdict
from postoffice.channels.email.dns import DnsTools
from postoffice.commands.common import add_data, open_rows, settings_of
from postoffice.model.errors import NotFound, PostOfficeError
from postoffice.settings import Settings
from postoffice.store import dkim, people
from postoffice.store.dkim import DkimRow

_ALL_WELL = frozenset({Verdict.GOOD, Verdict.WEAK})


def add(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Describe the verb."""
    parser = subparsers.add_parser("dkim", help="keys that sign e-mail, and the DNS records of sending domains")
    verbs = parser.add_subparsers(dest="what", metavar="make|rotate|show|check|list|drop", required=True)
    for word, about in (
        ("make", "make the first keys of a domain and show the records to publish"),
        ("rotate", "make new keys beside the present ones; they sign once their records are seen"),
        ("show", "the records to publish"),
        ("check", "look at the DNS: DKIM, SPF, DMARC; keys whose record is found sign from then on"),
        ("drop", "forget a key whose time is over"),
    ):
        verb = verbs.add_parser(word, help=about)
        verb.add_argument("domain")
        if word == "drop":
            verb.add_argument("selector")
        if word == "make":
            verb.add_argument("--kind", choices=[*KINDS, "both"], default="both", help="RSA with 2048 bits, Ed25519, or both (default)")
        if word == "check":
            verb.add_argument(
                "--relay", action="append", default=[], help="address or name that mail leaves by, for SPF (more than once)"
            )
            verb.add_argument("--json", action="store_true", help="a list of records with their verdicts")
        add_data(verb)
    add_data(verbs.add_parser("list", help="all keys and what becomes of each"))
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Do what was asked for; `check` returns 1 where something must be done."""
    lines, status = asyncio.run(_run(settings_of(arguments), arguments))
    for line in lines:
        print(line)
    return status


async def _run(settings: Settings, arguments: argparse.Namespace) -> tuple[list[str], int]:
    now = datetime.now(UTC)
    async with open_rows(settings) as (database, keyring):
        async with database.read() as connection:
            organisation = await people.first_organisation(connection)
        if organisation is None:
            raise NotFound("no-office", "There is no organisation yet.", help="Run `postoffice migrate` or `make up` first.")
        domains = SendingDomains(database, keyring, DnsTools(settings.dns), organisation.id)
        match arguments.what:
            case "list":
                return _listed(await domains.keys(), now), 0
            case "make":
                return _shown(domains, await domains.make(arguments.domain, now, _kinds(arguments.kind))), 0
            case "rotate":
                return _shown(domains, await domains.rotate(arguments.domain, now)), 0
            case "drop":
                await domains.drop(arguments.domain, arguments.selector, now)
                return ["Forgotten. Its record may be taken out of the DNS."], 0
            case "show":
                return _shown(domains, [row for row in await domains.keys(arguments.domain) if row.retired_at is None]), 0
        relays = arguments.relay or await domains.relays()
        found = await domains.check(arguments.domain, now, relays)
        status = 0 if all(line.verdict in _ALL_WELL for line in found) else 1
        return ([json.dumps([_as_dict(line) for line in found], indent=2)] if arguments.json else _told(found)), status


def _kinds(word: str) -> tuple[str, ...]:
    return KINDS if word == "both" else (word,)


def _shown(domains: SendingDomains, rows: list[DkimRow]) -> list[str]:
    """Records to paste, as a zone file has them: strings of at most 255 bytes."""
    if not rows:
        raise PostOfficeError("dkim-none", "This domain has no signing keys.", help="Make them with `postoffice dkim make`.")
    lines = ["Publish in the DNS, then run `postoffice dkim check`:"]
    for row in rows:
        parts = [row.record[start : start + 250] for start in range(0, len(row.record), 250)]
        lines.append(f"{domains.where(row)}. IN TXT ( " + " ".join(f'"{part}"' for part in parts) + " )")
    return lines


def _listed(rows: list[DkimRow], now: datetime) -> list[str]:
    used = {row.id for row in dkim.signing(rows)}
    return [f"{row.domain}\t{row.selector}\t{row.algorithm}\t{_fate(row, row.id in used, now)}" for row in rows] or ["no keys"]


def _fate(row: DkimRow, signs: bool, now: datetime) -> str:
    if signs:
        return "signs"
    if row.seen_at is None:
        return "waits for its record"
    until = (row.retired_at or now) + KEEP
    return f"signs no more; leave its record until {until:%Y-%m-%d}" if now < until else "over: drop it, and its record"


def _told(found: list[Line]) -> list[str]:
    lines = []
    for line in found:
        lines.append(f"{line.about:6}{line.verdict.value:9}{line.name}: {line.words.format(**line.facts)}")
        lines += [f"{'':15}found:  {text}" for text in line.found if line.verdict is not Verdict.GOOD]
        lines += [f"{'':15}wanted: {line.wanted}"] if line.wanted and line.verdict is not Verdict.GOOD else []
    return lines


def _as_dict(line: Line) -> dict[str, object]:
    words = line.words.format(**line.facts)
    shape = {"about": line.about, "name": line.name, "verdict": line.verdict.value, "words": words}
    return {**shape, "found": list(line.found), "wanted": line.wanted}
