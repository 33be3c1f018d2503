"""Rules asked of both databases: each finds exactly whom it should, whatever was merged, erased or said meanwhile."""

import random
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from postoffice.model.consent import Entry, Means
from postoffice.model.errors import Conflict, NotFound
from postoffice.model.ids import new_id
from postoffice.model.segment import Segment, SegmentKind
from postoffice.privacy import ledger
from postoffice.store import consents, contact_book, merges, segments
from postoffice.store.contact_book import NewContact
from postoffice.store.database import Database
from postoffice.store.schema import contact_points, contacts, events, purchases, rfm_scores, suppressions

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)


class People:
    """Contacts by first name, and what they did."""

    def __init__(self, database: Database, organisation_id: str) -> None:
        self.database, self.mine, self.ids = database, organisation_id, {}

    async def add(self, name: str, *, points: Any = (), tags: Any = (), **values: Any) -> str:
        keys = frozenset(("t", tag) for tag in tags)
        new = NewContact({"name": name, "match_key": f"key {name}", "tags": list(tags) or None, **values}, list(points), keys)
        async with self.database.write() as connection:
            self.ids[name] = (await contact_book.add_all(connection, self.mine, [new], NOW))[0]
        return self.ids[name]

    async def insert(self, table: Any, name: str, **values: Any) -> None:
        row = {"id": new_id(), "organisation_id": self.mine, "contact_id": self.ids[name], **values}
        async with self.database.write() as connection:
            await connection.execute(table.insert(), {key: value for key, value in row.items() if key in table.c})

    async def event(self, name: str, kind: str, days: float = 1, **values: Any) -> None:
        at = NOW - timedelta(days=days)
        await self.insert(events, name, kind=kind, source="x", at=at, recorded_at=at, code="", text="", **values)

    async def bought(self, name: str, cents: int, days: float = 1, category: str = "", currency: str = "EUR") -> None:
        at = NOW - timedelta(days=days)
        values = {"amount": cents, "currency": currency, "category": category, "quantity": 1, "created_at": NOW}
        await self.insert(purchases, name, external_id=new_id(), bought_at=at, **values)

    async def said(self, name: str, *entries: Entry) -> None:
        async with self.database.write() as connection:
            await consents.add(connection, self.mine, [(self.ids[name], one) for one in entries])

    async def save(self, rules: Any, kind: SegmentKind = SegmentKind.DYNAMIC) -> str:
        async with self.database.write() as connection:
            return await segments.add(connection, Segment("", self.mine, "x", rules, kind), NOW)

    async def who(self, rules: Any) -> str:
        """The initials of those whom rules find, in alphabetical order."""
        async with self.database.read() as connection:
            segment = await segments.complete(connection, Segment("", self.mine, "", rules))
            return await self._initials(connection, segment)

    async def of(self, segment_id: str) -> str:
        async with self.database.read() as connection:
            return await self._initials(connection, await segments.get(connection, self.mine, segment_id))

    async def _initials(self, connection: Any, segment: Segment) -> str:
        found = await segments.members(connection, segment, NOW)
        assert found == sorted(found)
        assert await segments.count(connection, segment, NOW) == len(found)
        name_of = {one: name for name, one in self.ids.items()}
        return "".join(sorted(name_of[one][0] for one in found))


@pytest.fixture
async def people(database: Database, organisation_id: str) -> People:
    made = People(database, organisation_id)
    lyon = ("post", "Ada, 69001 LYON", None)
    await made.add(
        "Ada", points=[lyon], tags=["vip"], language="fr", attributes={"city": "Orléans", "age": "42", "since": "2024-03-01"}
    )
    await made.add("Bob", tags=["vip", "new"], attributes={"city": "ORLÉANS", "age": "7,5", "since": "01/03/2026"}, kind="company")
    await made.add("Cyd", attributes={"age": "about 40", "city": "", "since": "soon"})
    await made.add("Dan")
    return made


def attribute(name: str, kind: str, test: str, value: Any = "") -> dict[str, Any]:
    return {"on": "attribute", "name": name, "type": kind, "test": test, "value": value}


def within(rule: dict[str, Any], days: int) -> dict[str, Any]:
    return {**rule, "test": "within", "days": days}


async def test_attributes_are_compared_as_texts_numbers_and_days(people: People) -> None:
    assert await people.who(attribute("city", "text", "is", "orléans")) == "AB"
    assert await people.who(attribute("city", "text", "is_not", "Orléans")) == "CD"
    assert await people.who(attribute("city", "text", "contains", "LÉA")) == "AB"
    assert await people.who(attribute("city", "text", "starts", "or")) == "AB"
    assert await people.who(attribute("city", "text", "contains", "%")) == ""
    assert await people.who(attribute("city", "text", "empty")) == "CD"
    assert await people.who(attribute("age", "number", "over", 7.5)) == "AB"
    assert await people.who(attribute("age", "number", "under", 41)) == "B"
    assert await people.who({"not": attribute("age", "number", "under", 41)}) == "ACD"
    assert await people.who(attribute("since", "date", "before", "2026-01-01")) == "A"
    assert await people.who(attribute("since", "date", "after", "2026-01-01")) == "B"
    assert await people.who(within(attribute("since", "date", ""), 300)) == "B"
    assert await people.who(attribute("since", "date", "empty")) == "D"


async def test_and_or_not_nest(people: People) -> None:
    vip, new = {"on": "tag", "value": "vip"}, {"on": "tag", "value": "new"}
    assert await people.who({"all": [vip, {"not": new}]}) == "A"
    assert await people.who({"any": [new, {"on": "kind", "value": "person"}]}) == "ABCD"
    assert await people.who({"not": {"any": [vip, {"on": "name", "test": "starts", "value": "D"}]}}) == "C"
    assert await people.who({"all": []}) == "ABCD"
    assert await people.who({"any": []}) == ""
    assert await people.who({"on": "language", "value": "fr"}) == "A"


async def test_places_are_those_of_postal_addresses(people: People) -> None:
    address = {"lines": ["Eve", "69003 LYON"], "postcode": "69003", "town": "LYON", "country": "FR"}
    await people.add("Eve")
    await people.insert(contact_points, "Eve", channel="post", value="Eve, 69003 LYON", address=address, health="good", created_at=NOW)
    await people.insert(contact_points, "Dan", channel="email", value="d@example.org", health="dead", created_at=NOW)
    assert await people.who({"on": "postcode", "test": "starts", "value": "69"}) == "E"
    assert await people.who({"on": "town", "test": "is", "value": "lyon"}) == "E"
    assert await people.who({"on": "country", "test": "is_not", "value": "FR"}) == "ABCD"
    assert await people.who({"on": "country", "test": "empty"}) == "ABCD"
    assert await people.who({"on": "reachable", "channel": "post"}) == "AE"
    assert await people.who({"on": "reachable", "channel": "email"}) == ""


async def test_events_count_within_days_and_openings_only_where_allowed(people: People) -> None:
    for days in (1, 10, 100):
        await people.event("Ada", "clicked", days)
    await people.event("Bob", "clicked", 10)
    await people.event("Bob", "opened", 1)
    await people.event("Cyd", "opened", 1)
    await people.said("Cyd", Entry("tracking_open", "email", True, NOW, Means.FORM))
    clicked = {"on": "event", "kind": "clicked"}
    assert await people.who(clicked) == "AB"
    assert await people.who({**clicked, "days": 5}) == "A"
    assert await people.who({**clicked, "days": 30, "times": 2}) == "A"
    assert await people.who({**clicked, "days": 30, "times": 3}) == ""
    assert await people.who({**clicked, "mailing": new_id()}) == ""
    assert await people.who({"on": "event", "kind": "opened", "days": 5}) == "C"


async def test_purchases_by_number_sum_and_date_with_refunds(people: People) -> None:
    await people.bought("Ada", 10_000, 200, "books")
    await people.bought("Ada", -10_000, 190, "books")
    await people.bought("Bob", 2_000, 10, "wine")
    await people.bought("Bob", 3_000, 80, "books")
    await people.bought("Cyd", 9_000, 5, currency="USD")
    bought = {"on": "bought", "test": "times", "at": "least", "value": 1}
    assert await people.who(bought) == "ABC"
    assert await people.who({**bought, "value": 2}) == "B"
    assert await people.who({**bought, "days": 90, "category": "books"}) == "B"
    assert await people.who({**bought, "at": "most", "value": 0}) == "D"
    amount = {**bought, "test": "amount"}
    assert await people.who({**amount, "value": 50}) == "B", "Ada's was refunded, Cyd's is of another currency"
    assert await people.who({**amount, "at": "most", "value": 0}) == "ACD"
    assert await people.who({"on": "last_purchase", "test": "within", "days": 30}) == "BC"
    assert await people.who({"not": {"on": "last_purchase", "test": "within", "days": 30}}) == "AD"
    assert await people.who({"on": "first_purchase", "test": "before", "value": "2026-10-01"}) == "AB"


async def test_what_belongs_to_a_merged_contact_counts_for_the_one_that_stands_for_it(people: People) -> None:
    await people.event("Dan", "clicked", 1)
    await people.event("Cyd", "clicked", 2)
    await people.bought("Cyd", 5_000, 3)
    await people.bought("Dan", 6_000, 3)
    async with people.database.write() as connection:
        await merges.merge(connection, people.mine, people.ids["Cyd"], people.ids["Dan"], "x", "", NOW)
    assert await people.who({"on": "event", "kind": "clicked", "times": 2}) == "C"
    assert await people.who({"not": {"on": "event", "kind": "clicked"}}) == "AB"
    assert await people.who({"on": "bought", "test": "amount", "at": "least", "value": 110}) == "C"
    assert await people.who({"on": "bought", "test": "amount", "at": "most", "value": 109.99}) == "AB"
    frozen = await people.save({"all": []}, SegmentKind.FROZEN)
    async with people.database.write() as connection:
        await segments.fill(connection, people.mine, frozen, [people.ids["Dan"], people.ids["Ada"]])
        await segments.fill(connection, people.mine, frozen, [people.ids["Ada"]])
    assert await people.of(frozen) == "AC", "Cyd stands for Dan"
    async with people.database.write() as connection:
        await connection.execute(contacts.update().where(contacts.c.id == people.ids["Ada"]).values(erased_at=NOW))
    assert await people.of(frozen) == "C"


async def test_suppression_and_rfm(people: People) -> None:
    line = {"channel": "email", "address_hash": "h", "reason": "x", "origin": "x", "created_at": NOW, "lifted_reason": ""}
    await people.insert(suppressions, "Ada", **line)
    await people.insert(suppressions, "Bob", **line, lifted_at=NOW)
    await people.insert(suppressions, "Cyd", **{**line, "channel": "sms"}, expires_at=NOW - timedelta(days=1))
    assert await people.who({"on": "suppressed"}) == "A"
    assert await people.who({"on": "suppressed", "channel": "sms"}) == ""
    scores = {"last_at": NOW, "purchases": 3, "amount": 1, "recency": 5, "frequency": 4, "monetary": 4}
    await people.insert(rfm_scores, "Bob", **scores, group="champions")
    assert await people.who({"on": "rfm", "value": "champions"}) == "B"
    assert await people.who({"on": "rfm_score", "measure": "recency", "test": "under", "value": 5}) == "B"


async def test_consent_folds_as_the_ledger_does(people: People) -> None:
    dice = random.Random(8)
    asked = [("promotion", "email"), ("tracking_open", "email"), ("promotion", "sms")]
    entries: dict[str, list[Entry]] = {}
    for number in range(120):
        name = f"{chr(0x4E00 + number)}"
        await people.add(name)
        entries[name] = [
            Entry(
                dice.choice(["promotion", "promotion", "*", "tracking_open", "invoice"]),
                dice.choice(["email", "email", "*", "sms"]),
                dice.random() < 0.6,
                NOW - timedelta(days=dice.randrange(4)),
                dice.choice([Means.IMPORT, Means.API, Means.PORTAL, Means.COMPLAINT, Means.FORM]),
            )
            for _ in range(dice.randrange(6))
        ]
        await people.said(name, *entries[name])
    async with people.database.read() as connection:
        said = await consents.of_contacts(connection, people.mine, list(people.ids.values()))
    seen = set()
    for purpose, channel in asked:
        for state, meant in (("given", True), ("withdrawn", False), ("never", None)):
            found = await people.who({"on": "consent", "purpose": purpose, "channel": channel, "state": state})
            right = [name for name, one in people.ids.items() if ledger.standing(said.get(one, []), purpose, channel) is meant]
            assert found == "".join(sorted(name[0] for name in right))
            seen |= {state} if right else set()
    assert seen == {"given", "withdrawn", "never"}


async def test_a_segment_of_a_segment_and_circles(people: People) -> None:
    vip = await people.save({"on": "tag", "value": "vip"})
    other = await people.save({"all": [{"on": "segment", "value": vip}, {"not": {"on": "tag", "value": "new"}}]})
    assert await people.of(other) == "A"
    async with people.database.write() as connection:
        assert [one.id for one in await segments.used_by(connection, people.mine, vip)] == [other]
        await segments.change(connection, people.mine, vip, NOW, rules={"not": {"on": "segment", "value": other}})
    with pytest.raises(Conflict, match="circle"):
        await people.of(vip)
    async with people.database.write() as connection:
        await segments.change(connection, people.mine, vip, NOW, removed_at=NOW)
    with pytest.raises(Conflict, match="removed"):
        await people.of(other)
    with pytest.raises(NotFound):
        await people.of(vip)


async def test_members_come_by_pages(people: People) -> None:
    everybody = Segment("", people.mine, "", {"all": []})
    found: list[str] = []
    async with people.database.read() as connection:
        while some := await segments.members(connection, everybody, NOW, after=found[-1] if found else "", limit=3):
            found += some
        assert await segments.sample(connection, everybody, NOW, limit=2) == found[:1:-1]
    assert found == sorted(people.ids.values())
