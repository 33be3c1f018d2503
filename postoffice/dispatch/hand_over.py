"""Calling a carrier for a chunk of pieces, and turning its answers into outcomes. Never raises for a carrier's fault."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from postoffice.model.delivery import Piece, Receipt
from postoffice.model.errors import AlreadySent, InDoubt, PostOfficeError, Refused, TryLater
from postoffice.model.ports import Carrier, Log

#: a carrier that has not answered by then is treated as gone after the last byte
LONGEST_CALL = 120.0


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


async def hand_over(carrier: Carrier, pieces: Sequence[Piece], log: Log, *, longest: float = LONGEST_CALL) -> list[Outcome]:
    """Call the carrier for all pieces at the same time; one outcome per piece, in their order."""
    return list(await asyncio.gather(*(_one(carrier, piece, log, longest) for piece in pieces)))


def not_made(key: str, fault: PostOfficeError) -> Outcome:
    """The piece itself could not be made. Ours to mend (a full disk): later. Else its pages are missing or damaged: never."""
    answer = Answer.LATER if fault.status >= 500 else Answer.REFUSED
    return Outcome(key, answer, reason=fault.message, code=fault.code)


async def _one(carrier: Carrier, piece: Piece, log: Log, longest: float) -> Outcome:
    try:
        async with asyncio.timeout(longest):
            receipt = await carrier.send(piece)
    except TryLater as later:
        return Outcome(piece.key, Answer.LATER, reason=later.reason, code=later.code, later=later)
    except Refused as refused:
        return Outcome(piece.key, Answer.REFUSED, reason=refused.reason, code=refused.code, address_dead=refused.address_dead)
    except AlreadySent as sent:
        return Outcome(piece.key, Answer.TAKEN, Receipt(piece.key, sent.reference), reason=sent.reason, code="already-sent")
    except InDoubt as doubt:
        return Outcome(piece.key, Answer.DOUBT, reason=doubt.reason, code=doubt.code)
    except TimeoutError:
        return Outcome(piece.key, Answer.DOUBT, reason=f"The carrier did not answer within {longest:.0f} s.", code="timeout")
    except PostOfficeError as fault:
        return not_made(piece.key, fault)
    except Exception as bug:  # a carrier may raise four kinds and no other; what it did is unknown, so it is a doubt
        log.error("carrier.broke_contract", carrier=carrier.name, delivery=piece.key, error=type(bug).__name__)
        return Outcome(piece.key, Answer.DOUBT, reason="The carrier's program failed; see the log.", code=type(bug).__name__)
    return Outcome(piece.key, Answer.TAKEN, receipt)
