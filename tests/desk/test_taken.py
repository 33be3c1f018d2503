"""Letters that a carrier has taken: called back while it still gives them, and the proofs that came back about them."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from postoffice.model.channel import Channel
from postoffice.model.delivery import Receipt
from postoffice.model.errors import Refused, TryLater
from postoffice.model.ports import Abilities
from postoffice.model.states import EventKind, ItemState
from postoffice.store import events
from tests.desk import house
from tests.desk.house import Browser, Office
from tests.desk.test_board import sent


class Giving:
    """A carrier that gives letters back as it is told to."""

    name = "relay"
    abilities = Abilities(Channel.POST)

    def __init__(self, answer: Exception | None = None) -> None:
        self.answer = answer
        self.recalled: list[Receipt] = []

    async def send(self, piece: Any) -> Receipt:
        raise AssertionError("nobody sends here")

    async def ask(self, receipts: Sequence[Receipt]) -> Sequence[Any]:
        return ()

    def read(self, knock: Any) -> Sequence[Any]:
        return ()

    async def recall(self, receipt: Receipt) -> None:
        if self.answer:
            raise self.answer
        self.recalled.append(receipt)

    async def close(self) -> None:
        """Nothing is open."""


class One(house.NamedCarriers):
    """house.Carriers with one carrier."""

    def __init__(self, carrier: Any) -> None:
        self.carrier = carrier

    async def get(self, organisation_id: str, name: str, *, even_off: bool = False) -> Any:
        return self.carrier


def employ(office: Office, carrier: Any) -> None:
    """From now on this is the office's carrier."""
    object.__setattr__(office.house, "carriers", One(carrier))


async def test_a_letter_is_called_back(office: Office, alice: Browser, letters: bytes) -> None:
    _mailing, (first, second, *_) = await sent(office, letters)
    carrier = Giving()
    employ(office, carrier)
    assert f'action="/i/{first.id}/recall"' in (await alice.get(f"/i/{first.id}"))[1]
    assert f'action="/i/{second.id}/recall"' not in (await alice.get(f"/i/{second.id}"))[1]  # it failed: nothing to call back
    status, _, where = await alice.post(f"/i/{first.id}/recall")
    assert (status, where) == (303, f"/i/{first.id}?done=cancelled&n=1")
    assert [one.key for one in carrier.recalled] == [first.delivery_id]
    (again,) = [item for item in await office.items_of(_mailing) if item.id == first.id]
    assert again.state is ItemState.CANCELLED
    status, text, _ = await alice.post(f"/i/{first.id}/recall")
    assert status == 409 and "does not give this letter back" in text
    assert len(carrier.recalled) == 1


@pytest.mark.parametrize(
    ("answer", "words"),
    [(Refused("printed", code="not_deletable"), "does not give this letter back"), (TryLater("503"), "does not answer now")],
)
async def test_a_letter_that_is_not_given_back_stays_on_its_way(
    office: Office, alice: Browser, letters: bytes, answer: Exception, words: str
) -> None:
    mailing, (first, *_) = await sent(office, letters)
    employ(office, Giving(answer))
    status, text, _ = await alice.post(f"/i/{first.id}/recall")
    assert status == 409 and words in text
    assert (await office.items_of(mailing))[0].state is first.state


async def test_a_proof_is_read_on_the_letters_page_and_nowhere_else(office: Office, alice: Browser, letters: bytes) -> None:
    _mailing, (first, second, *_) = await sent(office, letters)
    stored = await office.house.documents.put(office.organisation_id, b"%PDF-1.4 receipt")
    now = office.house.clock.now()
    line = events.NewEvent(office.organisation_id, EventKind.PROVEN, "maileva", now, item_id=first.id, delivery_id=first.delivery_id)
    line = replace(line, code="acknowledgement", detail={"document": stored.sha256})
    async with office.house.database.write() as connection:
        await events.add(connection, [line], now)
        (proof,) = [one for one in await events.of_item(connection, first.id) if one.kind is EventKind.PROVEN]
    page = (await alice.get(f"/i/{first.id}"))[1]
    assert f'href="/i/{first.id}/proofs/{proof.id}"' in page and "Signed receipt" in page
    assert (await alice.get(f"/i/{first.id}/proofs/{proof.id}")) == (200, "%PDF-1.4 receipt")
    assert (await alice.get(f"/i/{second.id}/proofs/{proof.id}"))[0] == 404
