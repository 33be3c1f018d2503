"""What contacts bought, as a program or a file tells it: whose each line is, written once, refused with a reason."""

from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy.ext.asyncio import AsyncConnection

from postoffice.actions.actor import Actor
from postoffice.campaigns.segment_purchases import Bought, Reader, columns
from postoffice.compose.sheet_rows import is_workbook, read_rows, stream_rows
from postoffice.contacts.keys import SPLIT, external
from postoffice.house import House
from postoffice.model.errors import PostOfficeError
from postoffice.store import contact_book, contact_keys, people, purchases, rfm
from postoffice.store.purchases import Line

PIECE = 2_000  #: lines of one transaction
MOST_SHOWN = 200
_NEEDED = ("at", "amount")


@dataclass(slots=True)
class Outcome:
    """What became of lines: how many were new, how many were there already, and which were refused and why."""

    written: int = 0
    known: int = 0
    refused: int = 0
    most: int = MOST_SHOWN  #: refused lines that are told one by one
    lines: list[tuple[int, str]] = field(default_factory=list)  #: (number of the line, word of REASONS), the first ones
    reasons: Counter[str] = field(default_factory=Counter)

    def refuse(self, number: int, reason: str) -> None:
        """A line that is left out."""
        self.refused += 1
        self.reasons[reason] += 1
        if len(self.lines) < self.most:
            self.lines.append((number, reason))

    def as_dict(self) -> dict[str, Any]:
        """JSON shape kept with an import."""
        counts = {"written": self.written, "known": self.known, "refused": self.refused}
        return {**counts, "lines": [list(line) for line in self.lines], "reasons": dict(self.reasons)}

    @staticmethod
    def from_dict(shape: Mapping[str, Any]) -> "Outcome":
        """The inverse of `as_dict`."""
        made = Outcome(int(shape.get("written", 0)), int(shape.get("known", 0)), int(shape.get("refused", 0)))
        made.lines, made.reasons = [(row, reason) for row, reason in shape.get("lines", ())], Counter(shape.get("reasons", {}))
        return made


async def tell(house: House, organisation_id: str, told: Sequence[tuple[int, Bought]], actor: Actor, outcome: Outcome) -> None:
    """Write purchases, (number of the line, what it says); one transaction. Twice is once."""
    now = house.clock.now()
    async with house.database.write() as connection:
        owner = await _owners(connection, organisation_id, [one for _number, one in told])
        lines: list[tuple[int, Line]] = []
        for (number, one), whose in zip(told, owner, strict=True):
            if one.at > now:
                outcome.refuse(number, "in-future")
            elif len(whose) != 1:
                outcome.refuse(number, "several-customers" if whose else "unknown-customer")
            else:
                lines.append((number, Line(whose[0], one.external_id, one.at, one.amount, one.currency, one.category, one.quantity)))
        said = await purchases.add_all(connection, organisation_id, [line for _number, line in lines], now)
        for (number, _line), word in zip(lines, said, strict=True):
            _count(outcome, number, word)
        await rfm.told(connection, organisation_id)
        await people.note(
            connection,
            organisation_id=organisation_id,
            actor=actor.name,
            action="purchases.add",
            subject="",
            now=now,
            detail={"lines": len(told)},
        )


def _count(outcome: Outcome, number: int, word: str) -> None:
    if word == "differs":
        outcome.refuse(number, word)
    elif word == "known":
        outcome.known += 1
    else:
        outcome.written += 1


async def _owners(connection: AsyncConnection, organisation_id: str, told: Sequence[Bought]) -> list[Sequence[str]]:
    """The contacts that each may mean: by our own id, else by another program's number ("system:number" or the number alone), else
    by e-mail."""
    exact = {one.customer: external(*one.customer.split(":", 1)) for one in told if ":" in one.customer}
    by_system = await contact_keys.holders(connection, organisation_id, "x", exact.values())
    by_number = await contact_keys.holders_of_numbers(
        connection, organisation_id, (one.customer for one in told if one.customer), SPLIT
    )
    by_email = await purchases.by_email(connection, organisation_id, (one.email for one in told if one.email))
    found: list[Sequence[str]] = []
    for one in told:
        ids = [one.contact_id] if one.contact_id else by_system.get(exact.get(one.customer, ""), ())
        found.append(ids or by_number.get(one.customer, ()) or by_email.get(one.email, ()))
    known = {contact_id for some in found for contact_id in some}
    living = await contact_book.hold(connection, organisation_id, known, shared=True, standing=True)
    return [[one for one in ids if one in living] for ids in found]


Noted = Callable[[int, Outcome], Awaitable[None]]


async def bring(
    house: House, organisation_id: str, path: Path, zone: str, currency: str, actor: Actor, outcome: Outcome, done: int, noted: Noted
) -> Outcome:
    """A file of purchases, piece by piece: what is written stays written if a later row cannot be read, and is known the next time.

    Rows up to `done` are in `outcome` already; `noted` is called after each piece with the rows that are done by then.
    PostOfficeError unreadable-spreadsheet; purchases-columns where it is not clear which columns hold the day and the amount.
    """
    # what is packed is opened in a child process; text is read as it comes
    rows = iter(await house.workshop.run(read_rows, path)) if is_workbook(path) else stream_rows(path)
    head = next(rows, None)
    places = columns(head.cells) if head else {}
    if not set(_NEEDED) <= set(places) or not {"customer", "email"} & set(places):
        raise PostOfficeError(
            "purchases-columns",
            "It is not clear which columns hold the customer, the day and the amount.",
            help="Name them in the first row: customer or email, date, amount; also order, currency, category, quantity.",
        )
    reader, place = Reader(places, ZoneInfo(zone), currency), 0
    while piece := list(islice(rows, PIECE)):
        read = [(row.number, reader.read(row.cells)) for row in piece]  # also those that are done: it counts rows that are alike
        place += len(piece)
        if place > done:
            await _tell_piece(house, organisation_id, read, actor, outcome)
            await noted(place, outcome)
    return outcome


async def _tell_piece(
    house: House, organisation_id: str, read: Sequence[tuple[int, Bought | str]], actor: Actor, outcome: Outcome
) -> None:
    for number, found in read:
        if isinstance(found, str):
            outcome.refuse(number, found)
    if told := [(number, found) for number, found in read if not isinstance(found, str)]:
        await tell(house, organisation_id, told, actor, outcome)
