"""Calling a carrier for a chunk of pieces, and turning its answers into outcomes. Never raises for a carrier's fault."""

import asyncio
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import partial

from postoffice.model.delivery import Piece, Receipt
from postoffice.model.errors import AlreadySent, CarrierError, InDoubt, PostOfficeError, Refused, TryLater
from postoffice.model.ports import Batch, Carrier, Log, Tracer
from postoffice.model.tracing import NO_TRACES, word

#: a carrier that has not answered by then is treated as gone after the last byte
LONGEST_CALL = 120.0
CALL = "carrier send"  #: the span of a call


class Answer(StrEnum):
    """What came of one call."""

    TAKEN = "taken"
    LATER = "later"
    REFUSED = "refused"
    DOUBT = "doubt"


@dataclass(frozen=True, slots=True)
class Outcome:
    """One piece and what its carrier said."""

    key: str
    answer: Answer
    receipt: Receipt | None = None
    reason: str = ""
    code: str = ""
    later: TryLater | None = None
    address_dead: bool = False


async def hand_over(
    carrier: Carrier, pieces: Sequence[Piece], log: Log, traces: Tracer = NO_TRACES, *, longest: float = LONGEST_CALL
) -> list[Outcome]:
    """Call the carrier for all pieces at the same time, or once where it takes many; one outcome per piece, in their order."""
    if isinstance(carrier, Batch):
        with traces.span(
            CALL, kind="client", channel=carrier.abilities.channel.value, carrier=carrier.name, pieces=len(pieces)
        ) as span:
            outcomes = await _many(carrier, carrier.name, pieces, log, longest)
            span.set(**Counter(f"outcome.{outcome.answer.value}" for outcome in outcomes))
        return outcomes
    if not pieces:
        return []
    call = partial(_one_traced, traces) if traces.on else _one  # not asked for each piece: it is the hottest line of the house
    calls = [asyncio.create_task(call(carrier, piece, log, longest)) for piece in pieces]
    try:
        _, late = await asyncio.wait(calls, timeout=longest)  # one clock for all: a timer of its own costs more than a call's rest
    except asyncio.CancelledError:
        await _break_off(calls)
        raise
    await _break_off(late)
    return [_silent(piece.key, longest) if call in late else call.result() for piece, call in zip(pieces, calls, strict=True)]


async def _break_off(calls: Iterable[asyncio.Task[Outcome]]) -> None:
    for call in calls:
        call.cancel()
    await asyncio.gather(*calls, return_exceptions=True)


def not_made(key: str, fault: PostOfficeError) -> Outcome:
    """The piece itself could not be made. Ours to mend (a full disk): later. Else its pages are missing or damaged: never."""
    answer = Answer.LATER if fault.status >= 500 else Answer.REFUSED
    return Outcome(key, answer, reason=fault.message, code=fault.code)


async def _one(carrier: Carrier, piece: Piece, log: Log, longest: float) -> Outcome:
    try:
        receipt = await carrier.send(piece)
    except (TryLater, Refused, AlreadySent, InDoubt) as answer:
        return _of(piece.key, answer)
    except TimeoutError:
        return _silent(piece.key, longest)
    except PostOfficeError as fault:
        return not_made(piece.key, fault)
    except Exception as bug:  # a carrier may raise four kinds and no other; what it did is unknown, so it is a doubt
        return _broken(carrier.name, piece.key, bug, log)
    return Outcome(piece.key, Answer.TAKEN, receipt)


async def _one_traced(traces: Tracer, carrier: Carrier, piece: Piece, log: Log, longest: float) -> Outcome:
    with traces.span(CALL, kind="client", channel=carrier.abilities.channel.value, carrier=carrier.name, delivery=piece.key) as span:
        outcome = await _one(carrier, piece, log, longest)
        span.set(outcome=outcome.answer.value, code=word(outcome.code))
        if outcome.answer is not Answer.TAKEN:
            span.failed(outcome.answer.value)
    return outcome


async def _many(carrier: Batch, name: str, pieces: Sequence[Piece], log: Log, longest: float) -> list[Outcome]:
    try:
        async with asyncio.timeout(longest):
            answers = await carrier.send_many(pieces)
        return [_of(piece.key, answer) for piece, answer in zip(pieces, answers, strict=True)]
    except TimeoutError:
        return [_silent(piece.key, longest) for piece in pieces]
    except Exception as bug:  # it may raise nothing at all
        return [_broken(name, piece.key, bug, log) for piece in pieces]


def _of(key: str, answer: Receipt | CarrierError) -> Outcome:
    match answer:
        case Receipt():
            return Outcome(key, Answer.TAKEN, answer)
        case TryLater():
            return Outcome(key, Answer.LATER, reason=answer.reason, code=answer.code, later=answer)
        case Refused():
            return Outcome(key, Answer.REFUSED, reason=answer.reason, code=answer.code, address_dead=answer.address_dead)
        case AlreadySent():
            return Outcome(key, Answer.TAKEN, Receipt(key, answer.reference), reason=answer.reason, code="already-sent")
        case InDoubt():
            return Outcome(key, Answer.DOUBT, reason=answer.reason, code=answer.code)
    raise TypeError(f"no answer of a carrier: {type(answer).__name__}")


def _silent(key: str, longest: float) -> Outcome:
    return Outcome(key, Answer.DOUBT, reason=f"The carrier did not answer within {longest:.0f} s.", code="timeout")


def _broken(carrier: str, key: str, bug: Exception, log: Log) -> Outcome:
    log.error("carrier.broke_contract", carrier=carrier, delivery=key, error=type(bug).__name__)
    return Outcome(key, Answer.DOUBT, reason="The carrier's program failed; see the log.", code=type(bug).__name__)
