"""Checks of a mail that ask somebody outside: do its links answer, what do the spam filter and the DNS say."""

import asyncio
from collections.abc import Sequence
from email.message import EmailMessage
from email.utils import format_datetime
from typing import Any

import aiohttp
from yarl import URL

from postoffice import __version__
from postoffice.actions.public_net import PublicResolver
from postoffice.actions.sending_domains import SendingDomains, Verdict
from postoffice.compose.mail.checks import Check
from postoffice.compose.message import Message
from postoffice.house import House
from postoffice.model.errors import PostOfficeError
from postoffice.model.finding import Severity
from postoffice.model.outside import check_url
from postoffice.model.people import Organisation
from postoffice.words.marks import N_

PATIENCE = 8.0  # seconds for one address
ALTOGETHER = 45.0  # seconds for all of them
AT_ONCE = 6
HOPS = 5  #: redirects that are followed, each looked at again
MOST_LINKS = 60
#: rspamd adds a header at 6 and refuses at 15 where nobody changed it; a campaign should stay well below
SPAM_WARN, SPAM_BAD = 4.0, 6.0


async def reach(addresses: Sequence[str], *, inside: bool = False) -> list[Check]:
    """Links that do not answer. Only http(s) to the public internet; `inside`: also this machine, for trials."""
    resolver = None if inside else PublicResolver()
    options: dict[str, Any] = {"resolver": resolver} if resolver else {}
    connector = aiohttp.TCPConnector(limit=AT_ONCE, use_dns_cache=False, **options)
    wait = aiohttp.ClientTimeout(total=PATIENCE)
    headers = {"User-Agent": f"postoffice/{__version__} (link check)"}
    jar = aiohttp.DummyCookieJar()
    async with aiohttp.ClientSession(connector=connector, timeout=wait, headers=headers, cookie_jar=jar, trust_env=False) as session:
        gate = asyncio.Semaphore(AT_ONCE)

        async def one(address: str) -> Check | None:
            async with gate:
                return await _reach(session, address, inside)

        tasks = [asyncio.create_task(one(address)) for address in list(dict.fromkeys(addresses))[:MOST_LINKS]]
        if not tasks:
            return []
        done, late = await asyncio.wait(tasks, timeout=ALTOGETHER)
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)
    found = [made for task in tasks if task in done and (made := task.result()) is not None]
    if late:
        found.append(
            Check(
                "links-slow", Severity.INFO, N_("{n} links were not looked at: it took too long."), N_("Try again."), {"n": len(late)}
            )
        )
    return found


async def _reach(session: aiohttp.ClientSession, address: str, inside: bool) -> Check | None:
    target = URL(address)
    try:
        for _ in range(HOPS):
            check_url(str(target.with_fragment(None)), inside=inside or target.scheme == "http")
            if not inside and target.scheme == "http":
                check_url(str(target.with_fragment(None).with_scheme("https")), inside=False)
            async with session.get(target, allow_redirects=False) as answer:
                if answer.status in (301, 302, 303, 307, 308) and answer.headers.get("Location"):
                    target = target.join(URL(answer.headers["Location"]))
                    continue
                return _dead(address, str(answer.status)) if answer.status in (404, 410) or answer.status >= 500 else None
        return _dead(address, N_("it leads on without end"))
    except PostOfficeError:
        return _dead(address, N_("it is no public address"))
    except TimeoutError:
        return _dead(address, N_("no answer"))
    except (aiohttp.ClientError, OSError, ValueError) as error:
        return _dead(address, type(error).__name__)


def _dead(address: str, why: str) -> Check:
    words = N_("The address {address} does not answer as it should ({why}).")
    return Check(
        "link-dead", Severity.WARNING, words, N_("Open it in a browser, and correct it."), {"address": address[:160], "why": why}
    )


async def spam(house: House, organisation: Organisation, mail: Message) -> list[Check]:
    """What rspamd makes of the mail, where the office knows one; signatures are not there yet, and not counted."""
    if not house.rspamd:
        return []
    sender = str(organisation.settings.get("sender_email", "")) or "office@example.org"
    made = EmailMessage()
    made["From"], made["To"], made["Subject"] = f"{organisation.name} <{sender}>", "someone@example.org", mail.subject
    made["Date"], made["Message-ID"] = format_datetime(house.clock.now()), "<check@post.example>"
    made["MIME-Version"] = "1.0"
    made.set_content(mail.text)
    if mail.html:
        made.add_alternative(mail.html, subtype="html")
    headers = {"From": sender, "Rcpt": "someone@example.org"}
    try:
        async with (
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=PATIENCE), trust_env=False) as session,
            session.post(f"{house.rspamd.rstrip('/')}/checkv2", data=made.as_bytes(), headers=headers) as answer,
        ):
            told = await answer.json(content_type=None)
            symbols = {str(name): float(one["score"]) for name, one in told["symbols"].items()}
    except (aiohttp.ClientError, OSError, TimeoutError, ValueError, KeyError, TypeError, AttributeError) as error:
        house.log.warning("mail_checks.no_rspamd", kind=type(error).__name__)
        words = N_("The spam filter does not answer: nothing is known of the score.")
        return [Check("spam-unknown", Severity.INFO, words, N_("Look at the filter's address in the settings."))]
    return [_score({name: score for name, score in symbols.items() if name not in _LATER})]


#: what is true of this mail only because it did not travel yet: no signature, no relay, no records asked for
_LATER = frozenset(
    {
        *("R_DKIM_NA", "R_SPF_NA", "R_SPF_DNSFAIL", "R_SPF_SOFTFAIL", "R_SPF_FAIL", "R_SPF_NEUTRAL", "DMARC_NA", "ARC_NA", "AUTH_NA"),
        *(
            "AUTH_NA_OR_FAIL",
            "DMARC_DNSFAIL",
            "DMARC_POLICY_SOFTFAIL",
            "HFILTER_HOSTNAME_UNKNOWN",
            "HFILTER_HELO_NOT_FQDN",
            "RDNS_NONE",
        ),
        *("HFILTER_FROMHOST_NORES_A_OR_MX", "FROMHOST_NORES_A_OR_MX", "HFILTER_FROMHOST_NORESOLVE_MX", "ONCE_RECEIVED", "R_NO_SPACE"),
        *(
            "HFILTER_HELO_NORES_A_OR_MX",
            "HFILTER_HELO_IP_A",
            "HFILTER_HELO_1",
            "MISSING_RECEIVED",
            "RCVD_NO_TLS_LAST",
            "RCVD_COUNT_ZERO",
        ),
        *("VIOLATED_DIRECT_SPF", "PREVIOUSLY_DELIVERED", "HFILTER_FROM_NORES_A_OR_MX"),
    }
)


def _score(symbols: dict[str, float]) -> Check:
    score = round(sum(symbols.values()), 1)
    severity = Severity.ERROR if score >= SPAM_BAD else Severity.WARNING if score >= SPAM_WARN else Severity.INFO
    worst = sorted((one for one in symbols.items() if one[1] >= 0.5), key=lambda one: -one[1])[:5]
    why = ", ".join(f"{name} +{value:g}" for name, value in worst) or "-"
    words, help = N_("The spam filter gives {score} points (bad from {most}): {why}."), N_("Lessen what is named, and check again.")
    return Check("spam-score", severity, words, help, {"score": f"{score:g}", "most": f"{SPAM_BAD:g}", "why": why})


async def sender(house: House, organisation: Organisation) -> list[Check]:
    """What the DNS says of the domain that mail is sent from."""
    address = str(organisation.settings.get("sender_email", ""))
    if "@" not in address:
        words = N_("The organisation has no sender address for e-mail.")
        return [Check("sender-missing", Severity.ERROR, words, N_("Set it under Administration, Organisation."))]
    if house.sending is None:
        return []
    domains = SendingDomains(house.database, house.keyring, house.sending, organisation.id)
    domain = address.rpartition("@")[2]
    try:
        lines = await domains.look(domain, await domains.relays())
    except PostOfficeError as error:
        words = N_("The domain {domain} could not be looked up: {why}")
        return [Check("sender-dns", Severity.WARNING, words, N_("Try again later."), {"domain": domain, "why": error.message})]
    bad = [line for line in lines if line.verdict in (Verdict.WRONG, Verdict.MISSING, Verdict.WEAK)]
    unknown = [line for line in lines if line.verdict is Verdict.UNKNOWN]
    words, help = (
        N_("{record} of {domain} is not as receivers want it."),
        N_("See Administration, Sending domains, for the record to publish."),
    )
    found = [
        Check(
            "sender-dns",
            Severity.INFO if line.verdict is Verdict.WEAK else Severity.WARNING,
            words,
            help,
            {"record": line.about, "domain": domain},
        )
        for line in bad
    ]
    if unknown:
        words = N_("No name server answered for {domain}: nothing is known of SPF, DKIM and DMARC.")
        found.append(Check("sender-dns", Severity.INFO, words, N_("Try again later."), {"domain": domain}))
    return found
