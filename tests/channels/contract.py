"""What every carrier must do. A carrier's test class inherits CarrierContract and gives a Bench: the carrier and its peer.

A bench that answers None to a wish says that this carrier cannot meet with it (a relay has no statuses, a file server never
refuses an address); the test is then skipped with that reason.
"""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Protocol

import pytest

from postoffice.model.delivery import Event, Knock, Piece, Receipt
from postoffice.model.errors import AlreadySent, Forged, InDoubt, Refused, TryLater
from postoffice.model.ports import Carrier
from postoffice.model.states import EventKind
from tests.channels.fakes import make_knock, make_piece


class Bench(Protocol):
    """A carrier with a peer that the test controls."""

    carrier: Carrier

    def handed_over(self, key: str) -> int:
        """How often the peer took this key."""
        ...

    def later(self) -> Piece | None:
        """A piece that the peer asks to come back with."""
        ...

    def refused(self) -> Piece | None:
        """A piece that is refused while its address may live."""
        ...

    def dead(self) -> Piece | None:
        """A piece whose address the peer calls dead."""
        ...

    async def unreachable(self) -> None:
        """From now on the peer cannot be reached."""
        ...

    async def strange(self, receipt: Receipt) -> Sequence[Event] | None:
        """News with the status SUBLIMATED about this receipt, as the carrier translates it."""
        ...

    def forged(self) -> Sequence[Knock]:
        """Knocks that must be turned away."""
        ...


class CarrierContract:
    """The suite. The subclass has a fixture `bench`."""

    async def test_hands_over_once_and_answers_with_the_key(self, bench: Bench) -> None:
        piece = make_piece(bench.carrier.abilities.channel)
        receipt = await bench.carrier.send(piece)
        assert receipt.key == piece.key
        assert bench.handed_over(piece.key) == 1

    async def test_a_repeated_key_is_told_apart(self, bench: Bench) -> None:
        piece = make_piece(bench.carrier.abilities.channel)
        first = await bench.carrier.send(piece)
        if not bench.carrier.abilities.keeps_keys:
            again = await bench.carrier.send(piece)
            assert again.reference == first.reference != ""  # what the recipient's side can tell it by
            return
        (answer,) = await asyncio.gather(bench.carrier.send(piece), return_exceptions=True)
        assert isinstance(answer, Receipt | AlreadySent)  # the same receipt, where the provider answers a known key like that
        assert answer.reference == first.reference != ""
        assert bench.handed_over(piece.key) == 1

    async def test_many_at_the_same_time(self, bench: Bench) -> None:
        pieces = [make_piece(bench.carrier.abilities.channel) for _ in range(40)]
        receipts = await asyncio.gather(*(bench.carrier.send(piece) for piece in pieces))
        assert [receipt.key for receipt in receipts] == [piece.key for piece in pieces]
        assert {bench.handed_over(piece.key) for piece in pieces} == {1}

    async def test_come_back_later(self, bench: Bench) -> None:
        piece = bench.later() or pytest.skip("this peer never asks to come back with a piece")
        with pytest.raises(TryLater) as caught:
            await bench.carrier.send(piece)
        assert caught.value.reason
        assert bench.handed_over(piece.key) == 0

    async def test_refused_without_blame(self, bench: Bench) -> None:
        piece = bench.refused() or pytest.skip("this peer never refuses a piece")
        with pytest.raises(Refused) as caught:
            await bench.carrier.send(piece)
        assert not caught.value.address_dead
        assert bench.handed_over(piece.key) == 0

    async def test_dead_address(self, bench: Bench) -> None:
        piece = bench.dead() or pytest.skip("this peer never judges an address")
        with pytest.raises(Refused) as caught:
            await bench.carrier.send(piece)
        assert caught.value.address_dead
        assert caught.value.code

    async def test_unreachable_is_later_and_names_no_recipient(self, bench: Bench) -> None:
        await bench.unreachable()
        piece = make_piece(bench.carrier.abilities.channel)
        with pytest.raises(TryLater) as caught:
            await bench.carrier.send(piece)
        assert piece.to not in caught.value.reason
        with pytest.raises(TryLater):
            await bench.carrier.send(piece)  # and it stays so, without hanging

    async def test_hostile_pieces_get_one_of_the_four_answers(self, bench: Bench) -> None:
        for to in ("a\r\nRCPT TO:<b@c.example>", "\N{PILE OF POO}" * 300, "", "@", "a@" + "b" * 300, "\x00"):
            piece = make_piece(bench.carrier.abilities.channel, to=to, subject="x\r\nBcc: b@c.example", sender_name="y\nz")
            (answer,) = await asyncio.gather(bench.carrier.send(piece), return_exceptions=True)
            assert isinstance(answer, (Receipt, TryLater, Refused, AlreadySent, InDoubt))

    async def test_forged_knocks_are_turned_away(self, bench: Bench) -> None:
        for knock in (make_knock(datetime.now(UTC)), *bench.forged()):
            with pytest.raises(Forged):
                bench.carrier.read(knock)

    async def test_a_strange_status_is_kept_as_unknown(self, bench: Bench) -> None:
        receipt = await bench.carrier.send(make_piece(bench.carrier.abilities.channel))
        events = await bench.strange(receipt)
        if events is None:
            pytest.skip("this carrier tells no statuses")
        (event,) = [one for one in events if one.kind is EventKind.UNKNOWN]
        assert event.key == receipt.key
        assert "SUBLIMATED" in event.code + event.text

    async def test_news_is_aware_and_about_what_was_asked(self, bench: Bench) -> None:
        receipt = await bench.carrier.send(make_piece(bench.carrier.abilities.channel))
        for event in await bench.carrier.ask([receipt, Receipt("0" * 26, "never-sent")]):
            assert event.at.tzinfo is not None
            assert event.key == receipt.key or event.reference == receipt.reference

    async def test_closing_twice_is_fine(self, bench: Bench) -> None:
        await bench.carrier.close()
        await bench.carrier.close()
