"""Seconds to count segments over a million contacts with ten million events, how that grows, and whether the counts are right.

Each count is laid beside a second way of counting: sets of ids that are united, cut and subtracted (written by hand as SQL), where ours
looks at each contact by its indexes. RFM is laid beside plain Python over all purchases.
"""

import argparse
import asyncio
import resource
import shutil
import sys
import tempfile
import time
from collections import Counter, defaultdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from benchmarks import segment_people
from postoffice.campaigns import rules, segment_sleepers
from postoffice.campaigns.rfm import MAP, group
from postoffice.model.ids import new_id
from postoffice.model.segment import Segment
from postoffice.store import migrate, people, rfm, segments
from postoffice.store.database import Database
from postoffice.store.keys import Keyring
from postoffice.store.schema import purchases, rfm_scores
from tests import servers

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
_BOUGHT = {"on": "bought", "test": "times", "at": "least", "value": 1}
_EVENT = "SELECT contact_id FROM events WHERE kind = '{kind}' AND at > {since} AND at <= {now}"
_ALL = "SELECT id FROM contacts WHERE merged_into IS NULL AND erased_at IS NULL"
_VIP = "SELECT contact_id FROM contact_keys WHERE kind = 't' AND value = 'vip'"
_RECENT = "SELECT contact_id FROM purchases WHERE amount > 0 AND bought_at > {d90} AND bought_at <= {now}"
#: what is counted -> (rules, the second way: parts that are combined by EXCEPT, INTERSECT and UNION)
ASKED: dict[str, tuple[dict[str, Any], str]] = {
    "everybody": ({"all": []}, _ALL),
    "vip_without_clicks_30_days": (
        {"all": [{"on": "tag", "value": "vip"}, {"not": {"on": "event", "kind": "clicked", "days": 30}}]},
        f"{_VIP} EXCEPT {_EVENT.replace('{kind}', 'clicked').replace('{since}', '{d30}')}",
    ),
    "loyal_without_order_90_days": (
        {"all": [{"on": "rfm", "value": "loyal"}, {"not": {**_BOUGHT, "days": 90}}]},
        f"SELECT contact_id FROM rfm_scores WHERE \"group\" = 'loyal' EXCEPT {_RECENT}",
    ),
    "clicked_twice_180_or_answered_365": (
        {
            "any": [
                {"on": "event", "kind": "clicked", "days": 180, "times": 2},
                {"on": "event", "kind": "replied", "days": 365},
            ]
        },
        "SELECT contact_id FROM (" + _EVENT.replace("{kind}", "clicked").replace("{since}", "{d180}") + ") AS c GROUP BY contact_id "
        "HAVING count(*) >= 2 UNION " + _EVENT.replace("{kind}", "replied").replace("{since}", "{d365}"),
    ),
    "spent_100_in_a_year": (
        {"on": "bought", "test": "amount", "at": "least", "value": 100, "days": 365},
        "SELECT contact_id FROM purchases WHERE bought_at > {d365} AND bought_at <= {now} GROUP BY contact_id "
        "HAVING sum(amount) >= 10000",
    ),
    "french_over_60": (
        {
            "all": [
                {"on": "language", "value": "fr"},
                {"on": "attribute", "name": "age", "type": "number", "test": "over", "value": 60},
            ]
        },
        f"{_ALL} AND language = 'fr' AND CAST({{age}} AS INTEGER) >= 60",
    ),
    "may_be_written_to": (
        {
            "all": [
                {"on": "reachable", "channel": "email"},
                {"on": "consent", "purpose": "promotion", "channel": "email", "state": "given"},
                {"on": "event", "kind": "sent", "days": 90},
                {"not": {"on": "suppressed"}},
            ]
        },
        "SELECT contact_id FROM contact_points WHERE channel = 'email' AND health = 'good' INTERSECT "
        "SELECT contact_id FROM consents WHERE given INTERSECT " + _EVENT.replace("{kind}", "handed_over").replace("{since}", "{d90}"),
    ),
    "sleepers_12_months": (
        {"all": [{**rule, "channel": ""} if rule.get("kind") == "sent" else rule for rule in segment_sleepers.rules(12)["all"]]},
        "SELECT contact_id FROM ("
        + _EVENT.replace("{kind}", "handed_over").replace("{since}", "{d365}")
        + ") AS s GROUP BY contact_id "
        f"HAVING count(*) >= 3 INTERSECT {_ALL} AND created_at <= {{d365}} EXCEPT SELECT contact_id FROM events WHERE kind IN "
        "('clicked', 'downloaded', 'replied') AND at > {d365} EXCEPT SELECT contact_id FROM purchases WHERE amount > 0 AND "
        "bought_at > {d365}",
    ),
}


def run(arguments: argparse.Namespace) -> dict[str, Any]:
    """`arguments.count`: contacts at the end of the curve (1,000,000), with ten events each; also 1 % and 10 % of them."""
    most = getattr(arguments, "count", 0) or 1_000_000
    figures: dict[str, Any] = {}
    ratios: dict[str, float] = {}
    folder = Path(tempfile.mkdtemp(prefix="po-bench-segments-"))
    try:
        with servers.postgresql() as url:
            for name, base in (("sqlite", f"sqlite+aiosqlite:///{folder / 'office.db'}"), ("postgresql", url)):
                asyncio.run(_curve(name, base, most, figures, ratios))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    figures["megabytes"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"figures": figures, "ratios": ratios}


async def _curve(name: str, url: str, most: int, figures: dict[str, Any], ratios: dict[str, float]) -> None:
    for size in (most // 100, most // 10, most):
        begun = time.perf_counter()
        place = url.replace("office.db", f"office-{size}.db")
        mine = await _filled(place, size)
        print(f"{name}: {size} contacts made in {time.perf_counter() - begun:.0f} s", file=sys.stderr, flush=True)
        database = Database(place)
        figures |= {f"{name}_{size}_{word}": value for word, value in (await _measure(database, mine, size)).items()}
        await database.close()
    for word in ASKED:
        growth = figures[f"{name}_{most}_{word}_s"] / max(figures[f"{name}_{most // 10}_{word}_s"], 1e-4)
        ratios[f"{name}_growth_10x_{word}"] = growth


async def _filled(url: str, size: int) -> str:
    """A database with so many contacts and ten times as many events, as it stands after a while; its organisation."""
    database, wrapped = Database(url), Keyring(bytes(32)).wrap(bytes(32))
    await migrate.upgrade(database)
    async with database.write() as connection:
        mine = await people.add_organisation(connection, name="Bench", slug=new_id(), document_key=wrapped, now=NOW)
    await segment_people.fill(database, mine, size, size * 10, NOW)
    await database.close()
    return mine


async def _measure(database: Database, mine: str, size: int) -> dict[str, Any]:
    found: dict[str, Any] = {}
    begun = time.perf_counter()
    await rfm.make(database, mine, MAP, NOW)
    found["rfm_s"] = time.perf_counter() - begun
    async with database.read() as connection:
        found["rfm_wrong"] = await _rfm_wrong(connection)
        for word, (tree, other) in ASKED.items():
            segment = Segment("", mine, "", rules.checked(tree))
            begun, cpu = time.perf_counter(), time.process_time()
            counted = await segments.count(connection, segment, NOW)
            found[f"{word}_s"] = time.perf_counter() - begun
            if database.is_sqlite:  # PostgreSQL's work is done elsewhere
                found[f"{word}_cpu_s"] = time.process_time() - cpu
            begun = time.perf_counter()
            right = await connection.scalar(
                sa.text(f"SELECT count(*) FROM (SELECT DISTINCT * FROM ({_dated(other, database)}) AS a) AS b")
            )
            found[f"{word}_second_way_s"] = time.perf_counter() - begun
            found[f"{word}_contacts"], found[f"{word}_wrong"] = counted, counted - int(right or 0)
            print(f"  {word}: {counted} ({counted - int(right or 0):+d}) {found[f'{word}_s']:.2f} s", file=sys.stderr, flush=True)
            begun = time.perf_counter()
            await segments.members(connection, segment, NOW, after=f"c{size // 2:025d}")
            found[f"{word}_page_s"] = time.perf_counter() - begun
    return found


def _dated(text: str, database: Database) -> str:
    days = {f"d{days}": days for days in (30, 90, 180, 365)}
    if database.is_sqlite:
        moments = {
            word: f"strftime('%Y-%m-%d %H:%M:%S.000000', '{NOW:%Y-%m-%d %H:%M:%S}', '-{count} days')" for word, count in days.items()
        }
        return text.format(**moments, now=f"'{NOW:%Y-%m-%d %H:%M:%S}.000000'", age="json_extract(attributes, '$.age')")
    moments = {word: f"(timestamptz '{NOW:%Y-%m-%d %H:%M:%S}+00' - interval '{count} days')" for word, count in days.items()}
    return text.format(**moments, now=f"timestamptz '{NOW:%Y-%m-%d %H:%M:%S}+00'", age="(attributes->>'age')")


async def _rfm_wrong(connection: AsyncConnection) -> int:
    """How many customers' scores or groups differ from those of plain Python over all purchases."""
    last: dict[str, datetime] = {}
    often, much = Counter[str](), Counter[str]()
    stream = await connection.stream(sa.select(purchases.c.contact_id, purchases.c.bought_at, purchases.c.amount))
    async for who, at, amount in stream:
        much[who] += amount
        if amount > 0:
            often[who] += 1
            last[who] = max(last.get(who, at), at)
    scores: dict[str, list[int]] = defaultdict(list)
    for values in (last, often, much):
        ordered = sorted(often, key=lambda who: values[who])
        worse, before = 0, None
        for place, who in enumerate(ordered):
            if values[who] != before:
                worse, before = place, values[who]
            scores[who].append(1 + 5 * worse // len(ordered))
    wrong = len(often)
    table = rfm_scores.c
    async for who, *told, word in await connection.stream(
        sa.select(table.contact_id, table.recency, table.frequency, table.monetary, table.group)
    ):
        wrong -= scores[who] == told and group(*told) == word
    return wrong
