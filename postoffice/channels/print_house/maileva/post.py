"""Posting at Maileva, exactly once although it keeps no keys: see journal.py for what is written down before each step.

A sending that was not submitted is a draft and costs nothing. Deleting a draft is the arbiter: what could be deleted was never posted
and never will be; what cannot be deleted was posted.
"""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from postoffice.channels.pages import pdf_of
from postoffice.channels.print_house.journal import Journal, Mark, Record
from postoffice.channels.print_house.maileva import paper
from postoffice.channels.print_house.maileva.paper import Account
from postoffice.channels.print_house.maileva.service import DRAFT, Service, fault
from postoffice.model.delivery import Piece, Receipt
from postoffice.model.errors import AlreadySent, CarrierError, InDoubt, PostOfficeError, Refused, TryLater
from postoffice.model.ports import Log

Answers = dict[str, Receipt | CarrierError]
_AT_ONCE = 4  #: sendings that are made at the same time
_TIDYING = 20.0  #: seconds for finding a draft that was left over
_PREFIX = "po-"


class _Apart(Exception):
    """These pieces cannot go in one sending: try with fewer."""


class Poster:
    """Makes sendings of pieces. `services` by their word."""

    def __init__(self, services: Mapping[str, Service], account: Account, journal: Journal, log: Log, name: str) -> None:
        self._services = services
        self._account = account
        self._journal = journal
        self._log = log
        self._name = name
        self._slots = asyncio.Semaphore(_AT_ONCE)

    async def send_many(self, pieces: Sequence[Piece]) -> list[Receipt | CarrierError]:
        """See ports.Batch."""
        answers: Answers = {}
        wanted: dict[str, Piece] = {}
        for piece in pieces:
            try:
                paper.check(self._account, piece)
                wanted[piece.key] = piece
            except Refused as refused:
                answers[piece.key] = refused
        try:
            marks = await self._journal.marks(list(wanted))
        except OSError as error:
            return [answers.get(piece.key) or TryLater(_unwritable(error), code="journal") for piece in pieces]
        for record in {mark.record for mark in marks.values() if mark.record}:
            answers |= await self._known(record, [key for key in wanted if marks[key].record == record])
        loads = _loads((piece for key, piece in wanted.items() if key not in answers), self._account)
        for some in await asyncio.gather(*(self._post(load, marks) for load in loads)):
            answers |= some
        return [answers[piece.key] for piece in pieces]

    async def _known(self, record: Record, keys: Sequence[str]) -> Answers:
        """What became of pieces that were begun before; those that were surely not posted are left out."""
        try:
            return await self._told_before(record, keys)
        except (TryLater, InDoubt) as unknown:
            return dict.fromkeys(
                keys, InDoubt(f"Whether it was posted before cannot be learned now: {unknown.reason}", code=unknown.code)
            )
        except OSError as error:
            return dict.fromkeys(keys, InDoubt(_unwritable(error), code="journal"))

    async def _told_before(self, record: Record, keys: Sequence[str]) -> Answers:
        service = self._services[record.service]
        sending = await self._journal.fate(record)
        if sending is None:  # its maker died, or is slow: from here on it cannot submit any more
            sending = await self._journal.settle(record, "")
        if not sending and not await self._journal.is_gone(record):
            await self._tidy(service, record)
        if not sending or not await self._was_posted(service, record, sending):
            return {}
        ids = await _ids(service, sending)
        known = "Maileva has this letter already"
        return {key: AlreadySent(known, reference=reference(record, sending, ids[key])) for key in keys if key in ids}

    async def _was_posted(self, service: Service, record: Record, sending: str) -> bool:
        """Whether a sending was submitted; a draft is deleted, so that it never will be. InDoubt where the house knows of neither."""
        for _ in range(2):
            found = await service.get(sending)
            if found is None:
                if await self._journal.is_gone(record):
                    return False
                raise InDoubt("Maileva does not know the sending any more, and it was not we who deleted it", code="SENDING_NOT_FOUND")
            if found.get("status") != DRAFT:
                return True
            await self._journal.going(record)
            if await service.delete(sending):
                return False
        raise InDoubt("Maileva calls the sending a draft and does not delete it", code=DRAFT)

    async def _tidy(self, service: Service, record: Record) -> None:
        """Delete the draft of a record that will never be submitted. One that is left over costs nothing."""
        try:
            async with asyncio.timeout(_TIDYING):
                if left := await service.find(record.name):
                    await service.delete(left)
                await self._journal.going(record)
        except (CarrierError, TimeoutError) as error:
            self._log.warning("draft_left_over", carrier=self._name, sending=record.name, error=type(error).__name__)

    async def _post(self, load: Sequence[Piece], marks: Mapping[str, Mark]) -> Answers:
        """Make and submit one sending; halves of it where the house refuses the whole."""
        try:
            async with self._slots:
                return await self._once(load, marks)
        except _Apart:
            half = len(load) // 2
            fresh = await self._journal.marks([piece.key for piece in load])
            return await self._post(load[:half], fresh) | await self._post(load[half:], fresh)
        except CarrierError as error:
            return {piece.key: error for piece in load}
        except OSError as error:  # of the journal; the next try asks the house
            return {piece.key: InDoubt(_unwritable(error), code="journal") for piece in load}

    async def _once(self, load: Sequence[Piece], marks: Mapping[str, Mark]) -> Answers:
        content = await self._content(load)
        service = self._services[paper.service_of(load[0].options)]
        record = await self._journal.begin(service.word, {piece.key: marks[piece.key] for piece in load}, _PREFIX)
        if record is None:
            raise TryLater("Another worker is posting one of these letters", code="taken")
        sending = await self._draft(service, record, load)
        try:
            document = await service.upload(sending, record.name, content)
            answers, ids = await _add(service, sending, document, load)
        except (TryLater, InDoubt) as error:
            await self._abandon(service, record, sending)
            raise TryLater(error.reason, code=error.code, after=getattr(error, "after", None)) from error
        except Refused as refused:
            await self._abandon(service, record, sending)
            raise _apart_or(refused, load) from refused
        if ids:
            await self._submit(service, record, sending, load)
        else:
            await self._abandon(service, record, sending)
        return answers | {key: Receipt(key, reference(record, sending, one)) for key, one in ids.items()}

    async def _content(self, load: Sequence[Piece]) -> bytes:
        """The PDF of the whole sending, within the limit."""
        first = load[0].pages
        if len(load) == 1 or first is None or first.together is None:
            return await pdf_of(load[0], self._account.max_bytes)
        try:
            content = await first.together([piece.pages for piece in load if piece.pages])
        except PostOfficeError as error:
            if error.status >= 500:
                raise TryLater(error.message, code=error.code) from error
            raise _Apart from error
        except OSError as error:
            raise TryLater(f"The pages cannot be read now ({type(error).__name__})") from error
        if len(content) > self._account.max_bytes:
            raise _Apart
        return content

    async def _draft(self, service: Service, record: Record, load: Sequence[Piece]) -> str:
        """An empty draft that is ours to submit."""
        body = paper.sending_of(self._account, load[0].options, record.name, load[0].mailing_id)
        try:
            sending = await service.create(body)
        except CarrierError as error:
            await self._journal.settle(record, "")
            if isinstance(error, InDoubt | TryLater):
                if isinstance(error, InDoubt) or error.code not in ("", "429"):  # it may have been created all the same
                    await self._tidy(service, record)
                else:
                    await self._journal.going(record)
                raise TryLater(error.reason, code=error.code, after=getattr(error, "after", None)) from error
            raise
        if await self._journal.settle(record, sending) != sending:
            await self._tidy(service, record)
            raise TryLater("Another worker took over one of these letters", code="taken")
        return sending

    async def _abandon(self, service: Service, record: Record, sending: str) -> None:
        """Delete our draft. If that does not work now, the next try finds it and deletes it first."""
        await self._journal.going(record)
        try:
            await service.delete(sending)
        except CarrierError as error:
            self._log.warning("draft_left_over", carrier=self._name, sending=record.name, code=error.code)

    async def _submit(self, service: Service, record: Record, sending: str, load: Sequence[Piece]) -> None:
        """Once. Where the answer does not tell, the sending itself does."""
        try:
            answer = await service.submit(sending)
        except TryLater:  # nothing reached the house
            await self._abandon(service, record, sending)
            raise
        except InDoubt as unclear:
            await self._decide(service, record, sending, TryLater(unclear.reason, code=unclear.code))
            return
        if not answer.good:
            no = fault(answer)
            await self._decide(service, record, sending, _apart_or(no, load) if isinstance(no, Refused) else _later(no))

    async def _decide(self, service: Service, record: Record, sending: str, otherwise: Exception) -> None:
        """Raise `otherwise` where it was not posted; InDoubt where that cannot be learned."""
        try:
            posted = await self._was_posted(service, record, sending)
        except TryLater as error:
            raise InDoubt(f"Whether it was posted cannot be learned now: {error.reason}", code=error.code) from error
        if not posted:
            raise otherwise


def reference(record: Record, sending: str, recipient: str) -> str:
    """Our reference of a letter: which interface, sending and recipient."""
    return f"{record.service}/{sending}/{recipient}"


async def _add(service: Service, sending: str, document: str, load: Sequence[Piece]) -> tuple[Answers, dict[str, str]]:
    """Add the recipients: those that were refused, and the house's ids of the others."""
    if len(load) == 1:
        return {}, {load[0].key: await service.add_recipient(sending, paper.recipient_of(load[0]))}
    bodies, page = [], 1
    for piece in load:
        count = piece.pages.pages if piece.pages else 0
        run = {"document_id": document, "start_page": page, "end_page": page + count - 1}
        bodies.append({**paper.recipient_of(piece), "documents_override": [run]})
        page += count
    made = await service.add_recipients(sending, bodies)
    ids = {piece.key: made.ids[piece.key] for piece in load if piece.key in made.ids}
    told = {key: _no(*made.refused[key]) for key in (piece.key for piece in load) if key in made.refused and key not in ids}
    if len(ids) + len(told) < len(load):
        raise TryLater("Maileva did not say of every recipient whether it took it", code="imports")
    return dict(told), ids


def _no(code: str, words: str) -> CarrierError:
    return Refused(f"Maileva refuses the recipient: {code} {words}".strip(), code=code or "rejected")


async def _ids(service: Service, sending: str) -> dict[str, str]:
    return {str(one.get("custom_id")): str(one.get("id")) async for one in service.recipients(sending)}


def _apart_or(refused: CarrierError, load: Sequence[Piece]) -> Exception:
    """One letter among many may be to blame: find out which."""
    return _Apart() if len(load) > 1 else refused


def _unwritable(error: OSError) -> str:
    return f"The journal of this print house cannot be used ({type(error).__name__})"


def _later(error: CarrierError) -> TryLater:
    return error if isinstance(error, TryLater) else TryLater(error.reason, code=error.code)


def _loads(pieces: Iterable[Piece], account: Account) -> list[list[Piece]]:
    """What goes together: the same interface, options and document, no more than a sending may have."""
    groups: dict[Any, list[Piece]] = {}
    for piece in pieces:
        together = piece.pages is not None and piece.pages.together is not None
        alike = (piece.options, piece.mailing_id, piece.pages.document if piece.pages else "", "" if together else piece.key)
        groups.setdefault(alike, []).append(piece)
    loads = []
    for some in groups.values():
        most = min(account.recipients, paper.MOST_RECIPIENTS[paper.service_of(some[0].options)])
        loads += [some[start : start + most] for start in range(0, len(some), most)]
    return loads
