"""Person or machine: mail scanners, prefetching programs and link previews follow links that nobody clicked. Pure.

What gives them away: they ask for the head only, say that they fetch beforehand, bear a known name, come before the mail can have
been read, or follow every link within seconds (Microsoft's Safe Links came 22 s after sending, with a headless browser).
"""

import re
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

#: nobody reads and clicks sooner than this after the hand-over
TOO_SOON = timedelta(seconds=5)
#: clicks on several links within this time are one sweep
SWEEP = timedelta(seconds=10)
#: so many different links within SWEEP, or all of a mail that has fewer but more than one
MANY = 3
#: a click is final when no sweep can catch it any more
SETTLED = timedelta(seconds=30)

_BEFOREHAND = re.compile(r"prefetch|preview|prerender", re.IGNORECASE)
#: names of programs: scanners of mail, previews of chats, search engines, libraries; and browsers without a screen
_AGENTS = re.compile(
    r"bot\b|bot/|crawl|spider|slurp|scan|preview|fetch|monitor|validator|headless|phantomjs|puppeteer|playwright|selenium|"
    r"curl|wget|python|aiohttp|httpx|okhttp|java/|go-http|libwww|perl|ruby|axios|node|guzzle|apache-httpclient|"
    r"facebookexternalhit|whatsapp|telegram|slack|discord|twitter|linkedin|skypeuripreview|microsoft office|ms-office|"
    r"barracuda|mimecast|proofpoint|symantec|trendmicro|trend micro|fireeye|forcepoint|cisco|sophos|fortinet|avast|kaspersky|"
    r"vade|hornetsecurity|retarus|zscaler|googleimageproxy|ggpht|yahoomailproxy|yahoocachesystem|outlook-safelinks|safelinks|"
    r"bitdefender|eset|mcafee|cloudmark|spamhaus|urlscan|virustotal",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Visit:
    """One request for a counted address. `headers` with names in lower case."""

    method: str
    headers: Mapping[str, str]
    at: datetime
    handed_over_at: datetime | None = None  #: when the mail left; None: not yet, or nobody knows whose it was
    known: bool = False  #: whose it was is known


def is_machine(visit: Visit) -> bool:
    """Whether one request alone shows that no person made it."""
    agent = visit.headers.get("user-agent", "").strip()
    if visit.method != "GET" or not agent or _AGENTS.search(agent):
        return True
    said = (visit.headers.get(name, "") for name in ("purpose", "sec-purpose", "x-purpose", "x-moz"))
    if any(_BEFOREHAND.search(one) for one in said):
        return True
    if visit.headers.get("sec-fetch-dest", "document") not in ("document", "empty", ""):
        return True  # a picture or a script on a page: nobody clicked
    return visit.known and (visit.handed_over_at is None or visit.at < visit.handed_over_at + TOO_SOON)


def sweeps(hits: Sequence[tuple[int, datetime]], links: int) -> set[int]:
    """Which of the hits (number of a link, when) belong to a sweep over the `links` of a mail, by place in `hits`."""
    enough = MANY if links >= MANY else links
    if enough < 2:
        return set()
    order = sorted(range(len(hits)), key=lambda place: hits[place][1])
    caught: set[int] = set()
    for start, place in enumerate(order):
        within = [one for one in order[start:] if hits[one][1] <= hits[place][1] + SWEEP]
        if len({hits[one][0] for one in within}) >= enough:
            caught.update(within)
    return caught


class Recent:
    """Clicks that nobody's name stands at, by where they come from, for as long as a sweep lasts. Kept in memory, never written."""

    MOST = 5000  #: callers

    def __init__(self) -> None:
        self._seen: OrderedDict[str, list[tuple[int, datetime]]] = OrderedDict()
        self._machines: dict[str, datetime] = {}

    def add(self, caller: str, number: int, at: datetime, links: int) -> tuple[bool, list[tuple[int, datetime]]]:
        """(whether it is a machine's, clicks counted before that now turn out to be of the same sweep)."""
        earlier = [one for one in self._seen.pop(caller, []) if one[1] > at - SWEEP]
        hits = [*earlier, (number, at)]
        self._seen[caller] = hits
        while len(self._seen) > self.MOST:
            gone, _ = self._seen.popitem(last=False)
            self._machines.pop(gone, None)
        if self._machines.get(caller, at - 2 * SWEEP) > at - SWEEP:
            self._machines[caller] = at
            return True, []
        if len(hits) - 1 not in sweeps(hits, links):
            return False, []
        self._machines[caller] = at
        return True, earlier
