"""Maileva on bad days: whatever breaks, and wherever our own process dies, each letter is posted once and none is lost."""

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from postoffice.channels.print_house.journal import Journal, Mark
from postoffice.channels.print_house.maileva.carrier import MailevaCarrier
from postoffice.model.delivery import Piece, Receipt
from postoffice.model.errors import AlreadySent, CarrierError, InDoubt, Refused, TryLater
from tests.channels.fakes import ListLog
from tests.channels.print_house.maileva_house import Bad, Maileva, carrier_of, serving
from tests.channels.print_house.test_maileva import letter, letters

pytestmark = pytest.mark.slow
CREATE, UPLOAD, ADD, SUBMIT = "/sendings$", "/documents$", "/recipients", "/submit$"


class Died(BaseException):
    """Our process ended here."""


class DyingJournal(Journal):
    """A journal whose process dies before or after its Nth step."""

    def __init__(self, folder: Path, step: int, *, after: bool) -> None:
        super().__init__(folder)
        self.left = step
        self.after = after

    async def _step(self, work: Any) -> Any:
        self.left -= 1
        if self.left == 0 and not self.after:
            work.close()
            raise Died
        result = await work
        if self.left == 0:
            raise Died
        return result

    async def begin(self, *given: Any) -> Any:
        return await self._step(super().begin(*given))

    async def settle(self, *given: Any) -> Any:
        return await self._step(super().settle(*given))

    async def going(self, *given: Any) -> Any:
        return await self._step(super().going(*given))


@pytest.fixture
async def house() -> AsyncIterator[Maileva]:
    async with serving(Maileva()) as running:
        yield running


Make = Callable[..., MailevaCarrier]


@pytest.fixture
async def make(house: Maileva, tmp_path: Path) -> AsyncIterator[Make]:
    """Carriers of several workers, over the journal that they share."""
    made: list[MailevaCarrier] = []

    def one(**more: Any) -> MailevaCarrier:
        made.append(carrier_of(house.url, tmp_path, **more))
        return made[-1]

    yield one
    for carrier in made:
        await carrier.close()


async def until_told(carrier: MailevaCarrier, pieces: Sequence[Piece]) -> list[Receipt | CarrierError]:
    """As dispatch does it: what is later or in doubt goes again with the same key, after a while."""
    for _ in range(20):
        answers = list(await carrier.send_many(pieces))
        if not any(isinstance(one, TryLater | InDoubt) for one in answers):
            return answers
        await asyncio.sleep(random.uniform(0, 0.05))
    raise AssertionError("it never ends")


@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize(
    "bad",
    [
        Bad("POST", path, status, done)
        for path in (CREATE, UPLOAD, ADD, SUBMIT)
        for status, done in ((500, False), (500, True), (0, False), (0, True), (502, True), (504, False), (429, False), (401, False))
    ],
    ids=lambda bad: f"{bad.path.strip('/$')}-{bad.status}{'-done' if bad.done else ''}",
)
async def test_a_failure_at_each_call(house: Maileva, make: Make, bad: Bad, count: int) -> None:
    house.bad.append(Bad(bad.method, bad.path, bad.status, bad.done))
    pieces = letters(count)
    answers = await until_told(make(), pieces)
    assert not house.bad
    assert [house.posted(piece.key) for piece in pieces] == [1] * count
    assert not any(isinstance(one, Refused) for one in answers)
    assert not house.drafts


@pytest.mark.parametrize("path", [CREATE, UPLOAD, ADD, SUBMIT])
async def test_a_silence_at_each_call(house: Maileva, make: Make, path: str) -> None:
    house.bad.append(Bad("POST", path, 0, True, delay=0.5))
    pieces = letters(2)
    await until_told(make(patience=0.3), pieces)
    await asyncio.sleep(0.3)
    assert [house.posted(piece.key) for piece in pieces] == [1, 1]


async def test_500_after_it_was_accepted_is_a_yes_at_once(house: Maileva, make: Make) -> None:
    house.bad.append(Bad("POST", SUBMIT, 500, True))
    receipt = await make().send(letter())
    assert house.posted(receipt.key) == 1


async def test_500_before_it_was_accepted_deletes_the_draft_and_says_later(house: Maileva, make: Make) -> None:
    house.bad.append(Bad("POST", SUBMIT, 500))
    with pytest.raises(TryLater):
        await make().send(letter())
    assert not house.sendings


async def test_where_nothing_can_be_learned_it_is_doubt_until_it_can(house: Maileva, make: Make) -> None:
    carrier, piece = make(), letter()
    house.bad += [Bad("POST", SUBMIT, 0, True), Bad("GET", "/sendings/s", 503), Bad("GET", "/sendings/s", 503)]
    with pytest.raises(InDoubt):
        await carrier.send(piece)
    with pytest.raises(InDoubt):
        await carrier.send(piece)
    with pytest.raises(AlreadySent) as caught:
        await carrier.send(piece)
    (sending,) = house.submitted
    assert caught.value.reference.split("/")[1] == sending["id"]
    assert await carrier.ask([Receipt(piece.key)])  # and in doubt it can be asked for by its key alone


async def test_a_sending_that_vanished_at_the_house_is_never_posted_blindly(house: Maileva, make: Make) -> None:
    piece = letter()
    await make().send(piece)
    house.sendings.clear()
    with pytest.raises(InDoubt):
        await make().send(piece)
    assert not house.sendings


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("step", [1, 2, 3])
@pytest.mark.parametrize("bad", [None, Bad("POST", SUBMIT, 500), Bad("POST", UPLOAD, 500), Bad("POST", CREATE, 0, True)], ids=str)
async def test_our_process_dies_between_two_steps(
    house: Maileva, make: Make, tmp_path: Path, step: int, after: bool, bad: Bad | None
) -> None:
    carrier, pieces = make(), letters(3)
    carrier._poster._journal = DyingJournal(tmp_path, step, after=after)
    if bad:
        house.bad.append(Bad(bad.method, bad.path, bad.status, bad.done))
    with suppress(Died):
        await carrier.send_many(pieces)
    house.bad.clear()
    await until_told(make(), [pieces[1], *letters(1), pieces[0]])  # another chunk than before
    await until_told(make(), pieces)
    assert [house.posted(piece.key) for piece in pieces] == [1, 1, 1]
    assert not house.drafts


@pytest.mark.parametrize("path", [CREATE, UPLOAD, ADD, SUBMIT])
@pytest.mark.parametrize("done", [False, True])
async def test_our_process_dies_while_the_house_works(house: Maileva, make: Make, path: str, done: bool) -> None:
    pieces = letters(2)
    house.bad.append(Bad("POST", path, 200, done, delay=30))
    work = asyncio.create_task(make().send_many(pieces))
    while house.bad:
        await asyncio.sleep(0.01)
    work.cancel()
    await asyncio.gather(work, return_exceptions=True)
    await until_told(make(), pieces)
    assert [house.posted(piece.key) for piece in pieces] == [1, 1]


async def test_two_workers_with_the_same_letters_post_them_once(house: Maileva, make: Make) -> None:
    for _ in range(5):
        pieces = letters(6)
        await asyncio.gather(until_told(make(), pieces), until_told(make(), pieces[::-1]), until_told(make(), pieces[2:5]))
        assert [house.posted(piece.key) for piece in pieces] == [1] * 6


async def test_a_slow_worker_that_was_thought_dead_posts_nothing_more(house: Maileva, make: Make) -> None:
    piece = letter()
    house.bad.append(Bad("POST", UPLOAD, 200, delay=0.5))  # stuck while its lease runs out
    slow = asyncio.create_task(make().send_many([piece]))
    while house.bad:
        await asyncio.sleep(0.01)
    await until_told(make(), [piece])
    assert house.posted(piece.key) == 1
    await slow
    assert house.posted(piece.key) == 1


async def test_a_token_that_ends_in_the_middle_is_renewed_once(house: Maileva, make: Make) -> None:
    carrier = make()
    await carrier.send(letter())
    house.tokens.clear()
    receipts = await carrier.send_many(letters(4))
    assert all(isinstance(one, Receipt) for one in receipts)
    assert house.token_requests == 2


async def test_a_token_is_renewed_before_it_ends(house: Maileva, make: Make) -> None:
    house.token_life = 1
    carrier = make()
    await carrier.send(letter())
    await asyncio.sleep(0.85)
    await carrier.send(letter())
    assert house.token_requests == 2
    assert house.count("POST", SUBMIT) == 2


async def test_wrong_credentials_wait_for_a_person(house: Maileva, make: Make) -> None:
    carrier = make()
    carrier._tokens._form["password"] = "changed"
    with pytest.raises(TryLater) as caught:
        await carrier.send(letter())
    assert caught.value.after and caught.value.after.total_seconds() == 300
    assert "changed" not in caught.value.reason


async def test_too_fast_tells_when(house: Maileva, make: Make) -> None:
    for path in (CREATE, UPLOAD, ADD, SUBMIT):
        house.bad.append(Bad("POST", path, 429, after="17"))
        with pytest.raises(TryLater) as caught:
            await make().send(letter())
        assert caught.value.after and caught.value.after.total_seconds() == 17


async def test_a_draft_that_cannot_be_deleted_now_is_deleted_by_the_next_try(house: Maileva, make: Make) -> None:
    piece, log = letter(), ListLog()
    house.bad += [Bad("POST", UPLOAD, 500), Bad("DELETE", "/sendings/", 500)]
    with pytest.raises(TryLater):
        await make(log=log).send(piece)
    assert len(house.drafts) == 1
    assert [line[1] for line in log.lines] == ["draft_left_over"]
    await make().send(piece)
    assert (house.posted(piece.key), house.drafts) == (1, [])


async def test_a_journal_that_cannot_be_written_posts_nothing(house: Maileva, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    carrier = carrier_of(house.url, tmp_path / "file")
    answers = await carrier.send_many(letters(2))
    assert all(isinstance(one, TryLater | InDoubt) for one in answers)
    assert not house.sendings
    await carrier.close()


async def test_a_journal_settles_each_question_once(tmp_path: Path) -> None:
    one, other = Journal(tmp_path), Journal(tmp_path)
    seen = await one.marks(["k1", "k2"])
    assert seen == {"k1": Mark(), "k2": Mark()}
    record = await one.begin("mail", seen, "po-")
    assert record and record.keys == ("k1", "k2")
    assert await other.begin("mail", {"k3": Mark(), "k2": seen["k2"]}, "po-") is None
    assert await one.settle(record, "") == "" and await other.settle(record, "s1") == ""
    assert (await other.marks(["k2"]))["k2"] == Mark(1, record)
    assert one.named(record.name) == record and one.named("../x") is None and one.named("po-none") is None
