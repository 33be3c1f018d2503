"""Items a second that find their contact in a book of many, and what becomes of that rate as the book grows; lists at that size.

Nine items of ten are for somebody in the book: three as written there, two by number, four misspelt in one way or another; one of
ten is for a stranger. The peer compares each item's line of text with difflib over the contacts of the same postcode, in memory.
"""

import argparse
import asyncio
import difflib
import random
import resource
import shutil
import tempfile
import time
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

from benchmarks import people_files
from benchmarks.contact_office import opened
from postoffice.contacts.keys import card_text, keys_of
from postoffice.house import House
from postoffice.model.address import PostalAddress
from postoffice.model.item import NewItem
from postoffice.model.mailing import NewMailing, Source
from postoffice.pipeline import importing, matching
from postoffice.store import contact_book, contact_search, doubts, items, mailings, rows
from postoffice.store.contact_book import NewContact

_SLICE = 2_000
_PEER = 300  # items that the peer is given: it needs milliseconds for each


def run(arguments: argparse.Namespace) -> dict[str, Any]:
    """`arguments.count`: contacts at the end of the curve (1,000,000); a tenth as many items, over books of 1 %, 10 % and all."""
    most = getattr(arguments, "count", 0) or 1_000_000
    folder = Path(tempfile.mkdtemp(prefix="po-bench-match-"))
    try:
        return asyncio.run(_run(folder, most))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


async def _run(folder: Path, most: int) -> dict[str, Any]:
    figures: dict[str, Any] = {}
    ratios: dict[str, float] = {}
    async with opened(folder) as (house, organisation_id):
        there = 0
        for size in (most // 100, most // 10, most):
            await _grow(house, organisation_id, there, size)
            there = size
            count = most // 10 if size == most else min(most // 10, 10_000)
            rate, found, cpu = await _measure(house, organisation_id, size, count)
            figures |= {f"{size}_items_per_s": rate, f"{size}_cpu_ms_per_item": cpu * 1000 / count}
            figures |= {f"{size}_{word}": number / count for word, number in sorted(found.items())}
            figures |= {f"{size}_list_{word}_ms": ms for word, ms in (await _lists(house, organisation_id)).items()}
        figures["megabytes"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    peer = _peer(most)
    figures["peer_items_per_s"] = peer
    ratios["match_to_peer"] = figures[f"{most}_items_per_s"] / peer
    ratios["cpu_per_item_largest_to_smallest_book"] = figures[f"{most}_cpu_ms_per_item"] / figures[f"{most // 100}_cpu_ms_per_item"]
    return {"figures": figures, "ratios": ratios}


def _address(person: list[str]) -> PostalAddress:
    title, given, family, street, postcode, town, *_rest = person
    return PostalAddress((f"{title} {given} {family}", street, f"{postcode} {town}"), postcode, town, "FR")


async def _grow(house: House, organisation_id: str, there: int, size: int) -> None:
    for start in range(there, size, _SLICE):
        new = [_contact(house, organisation_id, number) for number in range(start, min(start + _SLICE, size))]
        async with house.database.write() as connection:
            await contact_book.add_all(connection, organisation_id, new, house.clock.now())


def _contact(house: House, organisation_id: str, number: int) -> NewContact:
    person = people_files.person(number)
    address, name, numbers = _address(person), f"{person[1]} {person[2]}", {"crm": f"C-{number}"}
    points = [("post", ", ".join(address.lines), address), ("email", person[6], None), ("sms", f"+33{person[7][1:]}", None)]
    text = card_text(address, (), (), ())
    values = {"name": name, "match_key": importing.match_key(house, organisation_id, f"{text}"), "external_ids": numbers}
    if _twin(text):  # the same name at the same address: a key of its own, as imports do it
        values["match_key"] = importing.match_key(house, organisation_id, f"id|{number}")
    return NewContact(values, points, keys_of(name, "", [address], numbers, ()))


_seen: set[int] = set()


def _twin(text: str) -> bool:
    mark = hash(text)
    known = mark in _seen
    _seen.add(mark)
    return known


def _item(dice: random.Random, size: int) -> tuple[NewItem, str]:
    """An item, and the customer's number of whom it is for; "" for a stranger."""
    way, number = dice.randrange(10), dice.randrange(size)
    if way == 9:
        return NewItem(1, 1, _address(people_files.person(10**8 + number))), ""
    person = people_files.person(number)
    whole = _address(person)
    if way < 3:
        return NewItem(1, 1, whole), f"C-{number}"
    if way < 5:
        return NewItem(1, 1, whole, reference=f"C-{number}"), f"C-{number}"
    title, given, family, street, postcode, town, *_rest = person
    if way == 5:
        lines: tuple[str, ...] = (f"{family.upper()} {given}", street, f"{postcode} {town.upper()}")
    elif way == 6:
        lines = (
            f"{title} {given} {family}",
            street.replace("avenue", "av.").replace("boulevard", "bd").replace("é", "e"),
            f"{postcode} {town}",
        )
    elif way == 7:
        place = dice.randrange(1, len(family))
        lines = (f"{given} {family[:place]}{dice.choice('aeiou')}{family[place + 1 :]}", street, f"{postcode} {town}")
    else:
        lines = (f"{title} {given} {family}", "Bâtiment B", street, f"{postcode} {town} CEDEX")
    return NewItem(1, 1, PostalAddress(lines)), f"C-{number}"


async def _measure(house: House, organisation_id: str, size: int, count: int) -> tuple[float, Counter[str], float]:
    dice = random.Random(size)
    made = [_item(dice, size) for _ in range(count)]
    now = house.clock.now()
    async with house.database.write() as connection:
        mailing = await mailings.add(connection, NewMailing(organisation_id, Source.API, "bench"), now)
        await items.add_all(connection, organisation_id, mailing.id, [item for item, _whose in made], now)
    begun, cpu, after = time.perf_counter(), time.process_time(), 0
    while True:
        async with house.database.write() as connection:
            some = [rows.item(row) for row in await doubts.unmatched(connection, mailing.id, after, matching.SLICE)]
            await matching.place(house, connection, organisation_id, some, house.clock.now())
        if not some:
            break
        after = some[-1].position
    rate, cpu = count / (time.perf_counter() - begun), time.process_time() - cpu
    return rate, await _judge(house, organisation_id, mailing.id, [whose for _item, whose in made]), cpu


async def _judge(house: House, organisation_id: str, mailing_id: str, whose: list[str]) -> Counter[str]:
    """Right, wrong, doubtful, missed, and strangers left alone."""
    found: Counter[str] = Counter({"wrong": 0})
    for start in range(0, len(whose), _SLICE):
        async with house.database.read() as connection:
            some = await items.page(connection, mailing_id, items.Filter(), after=start, limit=_SLICE)
            people = await contact_book.by_ids(connection, organisation_id, {one.contact_id for one in some if one.contact_id})
        for item in some:
            mine = whose[item.position - 1]
            one = people.get(item.contact_id or "")
            if one is None:
                found["left_open" if mine else "strangers_left_alone"] += 1
            else:
                found["right" if one.external_ids.get("crm") == mine or _same(one, mine) else "wrong"] += 1
    return found


def _same(one: contact_book.FullContact, mine: str) -> bool:
    """Two invented people may bear the same name at the same address: either is right."""
    if not mine:
        return False
    address = _address(people_files.person(int(mine[2:])))
    return any(
        point.address and point.address.lines[1:] == address.lines[1:] and point.address.lines[0][-8:] == address.lines[0][-8:]
        for point in one.points
    )


async def _lists(house: House, organisation_id: str) -> dict[str, float]:
    """Milliseconds of a page of 50 by kind of look; the slowest of three."""
    looks = {
        "all": contact_search.Look(),
        "rare_word": contact_search.Look(words=("martinane",)),
        "common_word": contact_search.Look(words=("jean",)),
        "two_words": contact_search.Look(words=("jean", "martin")),
        "email": contact_search.Look(typed="martin"),
        "fax_dead": contact_search.Look(channel="fax", health="dead"),
        "has_email": contact_search.Look(channel="email"),
    }
    found = {}
    for word, look in looks.items():
        spent = []
        for _ in range(3):
            begun = time.perf_counter()
            async with house.database.read() as connection:
                ids = await contact_search.page(connection, organisation_id, look)
                await contact_book.by_ids(connection, organisation_id, ids)
            spent.append((time.perf_counter() - begun) * 1000)
        found[word] = max(spent)
    return found


def _peer(size: int) -> float:
    """Items a second: difflib over all contacts of the postcode."""
    book: dict[str, list[str]] = defaultdict(list)
    for number in range(size):
        address = _address(people_files.person(number))
        book[address.postcode].append(" ".join(address.lines).lower())
    dice = random.Random(1)
    made = [_item(dice, size)[0] for _ in range(_PEER)]
    begun = time.perf_counter()
    for item in made:
        assert item.address is not None
        text = " ".join(item.address.lines).lower()
        postcode = item.address.lines[-1].split()[0]
        difflib.get_close_matches(text, book[postcode], n=1, cutoff=0.85)
    return _PEER / (time.perf_counter() - begun)
