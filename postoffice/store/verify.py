"""Whether what is stored belongs together: rows against one another, and against the carriers' own records. Changes nothing.

Each question is one pair of queries, counted by the database itself: memory stays flat whatever the size of the office. All are
asked of one snapshot, so that an office at work is no fault.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from postoffice.model.states import DeliveryState, ItemState, MailingState
from postoffice.store.database import Database
from postoffice.store.finishing import UNDER_WAY
from postoffice.store.schema import batches, carriers, deliveries, items, mailings, sandbox_box

EXAMPLES = 10  #: ids that are shown of each fault

#: an item shows one of these only through its delivery
_THROUGH_DELIVERY = [
    state.value
    for state in (
        ItemState.QUEUED,
        ItemState.SENDING,
        ItemState.IN_DOUBT,
        ItemState.HANDED_OVER,
        ItemState.IN_PRODUCTION,
        ItemState.MAILED,
        ItemState.DELIVERED,
        ItemState.RETURNED,
    )
]
_COUNTED = [
    state.value
    for state in (MailingState.WAITING, MailingState.APPROVING, MailingState.PLANNING, MailingState.SENDING, MailingState.FINISHED)
]
_WORKED_ON = [state.value for state in (MailingState.RECEIVED, MailingState.READING, MailingState.PLANNING)]
_PENDING = [DeliveryState.QUEUED.value, DeliveryState.SENDING.value]
_NOT_SENT = [DeliveryState.CANCELLED.value, DeliveryState.FAILED.value]


@dataclass(frozen=True, slots=True)
class Result:
    """The answer to one question. `grave`: a fault means that something is lost or told wrongly; otherwise only untidy."""

    word: str
    about: str
    looked: int
    faults: int
    examples: Sequence[str] = ()
    grave: bool = True

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {**asdict(self), "examples": list(self.examples)}


@dataclass(frozen=True, slots=True)
class Question:
    """`of`: the rows that are looked at; `wrong`: those among them (by id) that are not as they should be."""

    word: str
    about: str
    of: sa.Select[Any]
    wrong: sa.Select[Any]


async def ask_rows(database: Database) -> list[Result]:
    """Every question about rows, in one snapshot."""
    async with database.read() as connection:
        if not database.is_sqlite:
            await connection.execution_options(isolation_level="REPEATABLE READ")
        return [await _ask(connection, question) for question in questions()]


async def _ask(connection: AsyncConnection, question: Question) -> Result:
    looked = int(await connection.scalar(_count(question.of)) or 0)
    faults = int(await connection.scalar(_count(question.wrong)) or 0) if looked else 0
    examples = list(await connection.scalars(question.wrong.limit(EXAMPLES))) if faults else []
    return Result(question.word, question.about, looked, faults, examples)


def _count(query: sa.Select[Any]) -> sa.Select[Any]:
    return sa.select(sa.func.count()).select_from(query.subquery())


def questions() -> list[Question]:
    """All that is asked of rows."""
    return [*_of_items(), *_of_deliveries(), *_of_mailings(), *_of_sandbox()]


def _of_items() -> list[Question]:
    with_delivery = sa.select(items.c.id).where(items.c.delivery_id.is_not(None))
    joined = items.outerjoin(deliveries, deliveries.c.id == items.c.delivery_id)
    stray = sa.or_(deliveries.c.id.is_(None), deliveries.c.item_id != items.c.id, deliveries.c.state != items.c.state)
    through = items.c.state.in_(_THROUGH_DELIVERY)
    return [
        Question(
            "items",
            "items show the state of their delivery",
            with_delivery,
            sa.select(items.c.id).select_from(joined).where(items.c.delivery_id.is_not(None), stray),
        ),
        Question(
            "bare-items",
            "items that were planned have a delivery",
            sa.select(items.c.id).where(through),
            sa.select(items.c.id).where(through, items.c.delivery_id.is_(None)),
        ),
    ]


def _of_deliveries() -> list[Question]:
    pending = deliveries.c.state.in_(_PENDING)
    carried = sa.exists().where(batches.c.id == deliveries.c.batch_id, batches.c.state != "done")
    return [
        Question(
            "carried",
            "deliveries that wait have a piece of work that takes them",
            sa.select(deliveries.c.id).where(pending),
            sa.select(deliveries.c.id).where(pending, ~carried),
        )
    ]


def _of_mailings() -> list[Question]:
    number = sa.select(sa.func.count()).where(items.c.mailing_id == mailings.c.id).scalar_subquery()
    counted = mailings.c.state.in_(_COUNTED)
    under_way = sa.exists().where(items.c.mailing_id == mailings.c.id, items.c.state.in_([state.value for state in UNDER_WAY]))
    work = sa.exists().where(batches.c.subject_id == mailings.c.id, batches.c.state != "done")
    finished = mailings.c.state == MailingState.FINISHED.value
    sending = mailings.c.state == MailingState.SENDING.value
    worked_on = mailings.c.state.in_(_WORKED_ON)
    some = sa.select(mailings.c.id)
    return [
        Question(
            "counts", "mailings count their items rightly", some.where(counted), some.where(counted, mailings.c["items"] != number)
        ),
        Question("finished", "finished mailings have nothing under way", some.where(finished), some.where(finished, under_way)),
        Question(
            "sending", "mailings that are being sent have something left", some.where(sending), some.where(sending, ~under_way, ~work)
        ),
        Question("worked-on", "mailings that are being read or planned have work", some.where(worked_on), some.where(worked_on, ~work)),
    ]


def _of_sandbox() -> list[Question]:
    """Sandbox carriers keep their own records, as any carrier does: ours must tell the same."""
    by_sandbox = sa.and_(
        carriers.c.organisation_id == deliveries.c.organisation_id,
        carriers.c.name == deliveries.c.carrier,
        carriers.c.kind.like("sandbox%"),
    )
    ours = sa.select(deliveries.c.id).select_from(deliveries.join(carriers, by_sandbox))
    taken = ours.where(deliveries.c.handed_over_at.is_not(None))
    kept = sa.exists().where(sandbox_box.c.key == deliveries.c.id)
    theirs = sa.select(sandbox_box.c.key).select_from(sandbox_box.join(deliveries, deliveries.c.id == sandbox_box.c.key))
    never = sa.and_(deliveries.c.state == DeliveryState.QUEUED.value, deliveries.c.attempt == 0)
    unsent = sa.or_(never, deliveries.c.state.in_(_NOT_SENT))
    return [
        Question("handed-over", "what was handed to a sandbox carrier is in its records", taken, taken.where(~kept)),
        Question(
            "recorded",
            "what a sandbox carrier has was handed over by us",
            theirs,
            theirs.where(deliveries.c.handed_over_at.is_(None), unsent),
        ),
    ]


def summary(results: Sequence[Result]) -> Mapping[str, int]:
    """Faults by weight."""
    return {
        "faults": sum(one.faults for one in results if one.grave),
        "untidy": sum(one.faults for one in results if not one.grave),
    }
