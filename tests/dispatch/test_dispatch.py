"""Retry, doubt, and every answer that a carrier may give, those it may not give included."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postoffice.dispatch.doubt import MOST_CALLS_WITHOUT_KEYS, Settle, settle
from postoffice.dispatch.hand_over import Answer, Outcome, hand_over
from postoffice.dispatch.retry import FIRST_WAIT, GIVE_UP_AFTER, LONGEST_WAIT, next_try, patience
from postoffice.model.channel import Channel, Purpose
from postoffice.model.delivery import Event, Knock, Piece, Receipt
from postoffice.model.errors import AlreadySent, Forged, InDoubt, OutOfRoom, PostOfficeError, Refused, TryLater, Unreadable
from postoffice.model.mailing import Options, Postage
from postoffice.model.ports import Abilities
from tests.channels.fakes import ListLog

NOW = datetime(2026, 11, 23, tzinfo=UTC)


class Answering:
    """A carrier that answers by the piece's address."""

    name = "answering"
    abilities = Abilities(Channel.EMAIL)

    def __init__(self, answers: dict[str, Any]) -> None:
        self.answers = answers

    async def send(self, piece: Piece) -> Receipt:
        answer = self.answers[piece.to]
        if isinstance(answer, BaseException):
            raise answer
        if callable(answer):
            await answer()
        return Receipt(piece.key, "r")

    async def ask(self, receipts: Sequence[Receipt]) -> Sequence[Event]:
        return ()

    def read(self, knock: Knock) -> Sequence[Event]:
        return ()

    async def close(self) -> None:
        """Nothing is open."""


def piece(to: str) -> Piece:
    return Piece(f"key-{to}", "o", Channel.EMAIL, to, None, "", "", Purpose.OTHER, "fr")


async def call(answers: dict[str, Any], longest: float = 5.0) -> tuple[dict[str, Outcome], ListLog]:
    log = ListLog()
    outcomes = await hand_over(Answering(answers), [piece(to) for to in answers], log, longest=longest)
    assert [outcome.key for outcome in outcomes] == [f"key-{to}" for to in answers], "one outcome per piece, in their order"
    return dict(zip(answers, outcomes, strict=True)), log


async def test_every_answer() -> None:
    found, log = await call(
        {
            "taken": None,
            "later": TryLater("busy", code="4.3.2", after=timedelta(minutes=5)),
            "refused": Refused("no", code="5.1.1", address_dead=True),
            "already": AlreadySent("known", reference="theirs"),
            "doubt": InDoubt("broke", code="x"),
            "no pages": Unreadable("document-damaged", "damaged"),
            "full disk": OutOfRoom("disk-full", "full"),
        }
    )
    assert {to: outcome.answer for to, outcome in found.items()} == {
        "taken": Answer.TAKEN,
        "later": Answer.LATER,
        "refused": Answer.REFUSED,
        "already": Answer.TAKEN,
        "doubt": Answer.DOUBT,
        "no pages": Answer.REFUSED,
        "full disk": Answer.LATER,
    }
    assert found["already"].receipt == Receipt("key-already", "theirs") and found["already"].code == "already-sent"
    assert found["refused"].address_dead and found["later"].later and found["later"].later.after == timedelta(minutes=5)
    assert log.lines == []


async def test_a_carrier_that_hangs_is_a_doubt() -> None:
    found, _ = await call({"hangs": lambda: asyncio.sleep(60), "quick": None}, longest=0.05)
    assert found["hangs"].answer is Answer.DOUBT and found["hangs"].code == "timeout" and found["quick"].answer is Answer.TAKEN


@pytest.mark.parametrize("fault", [ValueError("secret@example.fr"), KeyError("x"), OSError(), Forged("x"), ConnectionResetError()])
async def test_a_carrier_that_breaks_its_contract_is_a_doubt(fault: Exception) -> None:
    found, log = await call({"broken": fault, "fine": None})
    assert found["broken"].answer is Answer.DOUBT and found["broken"].code == type(fault).__name__
    assert found["fine"].answer is Answer.TAKEN
    assert [(level, event) for level, event, _ in log.lines] == [("error", "carrier.broke_contract")]
    assert "secret" not in str(log.lines) + found["broken"].reason


async def test_being_cancelled_is_not_an_answer() -> None:
    task = asyncio.create_task(call({"hangs": lambda: asyncio.sleep(60)}))
    await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_all_are_called_at_the_same_time() -> None:
    together = asyncio.Barrier(20)
    found, _ = await call({str(number): together.wait for number in range(20)})
    assert {outcome.answer for outcome in found.values()} == {Answer.TAKEN}


@given(st.integers(1, 200), st.integers(0, 200), st.none() | st.integers(0, 100_000))
def test_retry(attempt: int, hours: int, asked: int | None) -> None:
    wish = None if asked is None else timedelta(seconds=asked)
    retry = next_try(attempt=attempt, created_at=NOW - timedelta(hours=hours), now=NOW, asked=wish)
    if timedelta(hours=hours) > GIVE_UP_AFTER:
        assert retry.at is None
    else:
        assert retry.at and (retry.at == NOW + wish if wish is not None else FIRST_WAIT <= retry.at - NOW <= LONGEST_WAIT)


@pytest.mark.parametrize(
    ("options", "days"),
    [
        (Options(), 5),
        (Options(postage=Postage.PRIORITY), 1),
        (Options(postage=Postage.REGISTERED), 1),
        (Options(purpose=Purpose.PROMOTION), 2),
        (Options(purpose=Purpose.INVOICE), 5),
    ],
)
def test_patience_ends_sooner_for_what_is_urgent_and_for_what_grows_stale(options: Options, days: int) -> None:
    longest = patience(options)
    assert longest == timedelta(days=days)
    assert next_try(attempt=9, created_at=NOW, now=NOW + longest, asked=None, longest=longest).at
    assert next_try(attempt=9, created_at=NOW, now=NOW + longest + timedelta(seconds=1), asked=None, longest=longest).at is None
    assert patience(options, timedelta(hours=3)) == timedelta(hours=3), "never longer than the office's own setting"


def test_waits_double() -> None:
    waits = [next_try(attempt=number, created_at=NOW, now=NOW, asked=None).at for number in range(1, 13)]
    seconds = [(at - NOW).total_seconds() for at in waits if at]
    assert seconds == [15, 30, 60, 120, 240, 480, 960, 1920, 3840, 7200, 7200, 7200]


@given(st.booleans(), st.booleans(), st.sampled_from(Purpose), st.integers(1, 10))
def test_doubt(keys: bool, asked: bool, purpose: Purpose, attempt: int) -> None:
    way = settle(Abilities(Channel.EMAIL, keeps_keys=keys, can_be_asked=asked), purpose, attempt)
    if keys:
        assert way is Settle.REPEAT
    elif asked:
        assert way is Settle.ASK
    else:
        once = not purpose.is_promotional and attempt < MOST_CALLS_WITHOUT_KEYS
        assert way is (Settle.REPEAT if once else Settle.PERSON)


def test_errors_survive_the_way_back_from_a_worker_process() -> None:
    import pickle

    fault = OutOfRoom("disk-full", "full", help="free some", limit=3)
    again = pickle.loads(pickle.dumps(fault))
    assert isinstance(again, OutOfRoom) and isinstance(again, PostOfficeError)
    assert (again.code, again.message, again.help, again.facts) == (fault.code, fault.message, fault.help, fault.facts)


class AnsweringMany(Answering):
    """A carrier that takes a chunk in one hand-over, and counts its calls."""

    def __init__(self, answers: dict[str, Any]) -> None:
        super().__init__(answers)
        self.calls = 0

    async def send_many(self, pieces: Sequence[Piece]) -> list[Any]:
        self.calls += 1
        if callable(self.answers.get("*")):
            await self.answers["*"]()
        return [self.answers[piece.to] or Receipt(piece.key, "r") for piece in pieces][: self.answers.get("most")]


async def test_a_carrier_that_takes_many_is_called_once_and_answers_for_each() -> None:
    told = {
        "a": None,
        "b": TryLater("full", code="429", after=timedelta(seconds=9)),
        "c": Refused("no such town", code="address", address_dead=True),
        "d": AlreadySent("known", reference="r4"),
        "e": InDoubt("the line broke"),
    }
    carrier = AnsweringMany(told)
    outcomes = await hand_over(carrier, [piece(to) for to in told], ListLog())
    assert carrier.calls == 1
    assert [one.key for one in outcomes] == [f"key-{to}" for to in told]
    assert [one.answer for one in outcomes] == [Answer.TAKEN, Answer.LATER, Answer.REFUSED, Answer.TAKEN, Answer.DOUBT]
    assert (outcomes[1].later, outcomes[2].address_dead, outcomes[3].receipt) == (told["b"], True, Receipt("key-d", "r4"))


@pytest.mark.parametrize(
    ("answers", "code"),
    [
        ({"a": None, "b": None, "*": lambda: asyncio.sleep(9)}, "timeout"),
        ({"a": None, "b": None, "most": 1}, "ValueError"),
        ({"a": None, "b": Forged("no answer of a hand-over")}, "TypeError"),
    ],
)
async def test_a_carrier_that_answers_for_some_or_none_leaves_all_in_doubt(answers: dict[str, Any], code: str) -> None:
    outcomes = await hand_over(AnsweringMany(answers), [piece("a"), piece("b")], ListLog(), longest=0.05)
    assert [(one.answer, one.code) for one in outcomes] == [(Answer.DOUBT, code)] * 2
