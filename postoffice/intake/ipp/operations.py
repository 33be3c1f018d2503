"""The printer's operations (RFC 8011 section 4, PWG 5100.11 and 5100.13) for one token's printer."""

from collections.abc import Awaitable, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from datetime import datetime

from postoffice.intake.ipp import jobs
from postoffice.intake.ipp.attributes import Moment, Place, printer_bytes, wants_count
from postoffice.intake.ipp.body import Document, Read, inflated, plain
from postoffice.intake.ipp.phrases import sentence
from postoffice.intake.ipp.reply import Reply, answer_status
from postoffice.intake.ipp.ticket import check_format, read_document_attributes, read_ticket, sender
from postoffice.intake.ipp.values import Attribute, Group, IppError, Message
from postoffice.intake.ipp.words import JobState, Operation, Status, Tag
from postoffice.intake.reception import Reception
from postoffice.model.errors import Conflict
from postoffice.model.mailing import Mailing, NewMailing
from postoffice.model.ports import Log, PrinterCard
from postoffice.model.states import MailingState

MAX_LISTED = 500  #: jobs in one answer to Get-Jobs or Cancel-My-Jobs


@dataclass(frozen=True, slots=True)
class Limits:
    """What one request may take."""

    document_bytes: int = 2_000_000_000  #: decompressed, also where a printer has no limit of its own
    patience: float = 60.0  #: seconds without a byte in the middle of an upload


@dataclass(slots=True)
class Call:
    """A request whose attributes have been read and checked; the document, if any, still comes."""

    operation: Operation
    message: Message
    card: PrinterCard
    place: Place
    language: str  #: en or fr
    now: datetime
    first: bytes  #: what followed the attributes in the bytes read so far
    read: Read
    job_number: int | None  #: where the request names a job

    @property
    def asked(self) -> Group:
        """The operation attributes."""
        return self.message.groups[0]


class Printer:
    """Carries out calls. Raises IppError and PostOfficeError, whose messages are for the person at the other end."""

    def __init__(self, reception: Reception, log: Log, limits: Limits) -> None:
        self._reception = reception
        self._log = log
        self._limits = limits
        self._table: dict[Operation, Callable[[Call], Awaitable[Reply]]] = {
            Operation.PRINT_JOB: self._print_job,
            Operation.VALIDATE_JOB: self._validate_job,
            Operation.CREATE_JOB: self._create_job,
            Operation.SEND_DOCUMENT: self._send_document,
            Operation.CANCEL_JOB: self._cancel_job,
            Operation.GET_JOB_ATTRIBUTES: self._get_job_attributes,
            Operation.GET_JOBS: self._get_jobs,
            Operation.GET_PRINTER_ATTRIBUTES: self._get_printer_attributes,
            Operation.CANCEL_MY_JOBS: self._cancel_my_jobs,
            Operation.CLOSE_JOB: self._close_job,
            Operation.IDENTIFY_PRINTER: self._identify_printer,
        }

    async def answer(self, call: Call) -> Reply:
        """Carry out one call."""
        handler = self._table.get(call.operation)
        if handler is None:  # Print-URI, Send-URI: we fetch nothing from addresses that a client names
            raise IppError("This printer does not fetch documents: send the document itself.", Status.OPERATION_NOT_SUPPORTED)
        return await handler(call)

    async def _print_job(self, call: Call) -> Reply:
        ticket = read_ticket(call.message, call.card)
        await self._reception.check_quota(call.card)
        mailing = await self._take_in(call, ticket.new, ticket.compression, None)
        return self._job_reply(call, mailing, ticket.ignored)

    async def _validate_job(self, call: Call) -> Reply:
        ticket = read_ticket(call.message, call.card)
        await self._reception.check_quota(call.card)
        return Reply(answer_status(ticket.ignored), ignored=ticket.ignored)

    async def _create_job(self, call: Call) -> Reply:
        ticket = read_ticket(call.message, call.card)
        await self._reception.check_quota(call.card)
        mailing = await self._reception.open(ticket.new)
        return self._job_reply(call, mailing, ticket.ignored)

    async def _send_document(self, call: Call) -> Reply:
        last = call.asked.one("last-document", bool)
        if last is None:
            raise IppError("Send-Document needs the attribute last-document.")
        compression, format = read_document_attributes(call.asked)
        mailing = await self._job(call)
        if mailing.state is not MailingState.RECEIVING:
            return await self._send_another(call, mailing, last)
        new = NewMailing(
            organisation_id=call.card.organisation_id,
            source=mailing.source,
            name=mailing.name,
            printer_id=call.card.id,
            media_type=format,
        )
        return self._job_reply(call, await self._take_in(call, new, compression, mailing), ())

    async def _send_another(self, call: Call, mailing: Mailing, last: bool) -> Reply:
        """A job holds one document; an empty one that only says "that was the last" is welcome."""
        if mailing.document is None and mailing.original is None:
            raise IppError("This job was cancelled or broke off: print the document again.", Status.NOT_POSSIBLE)
        if not last or call.first or await call.read():
            raise IppError("This printer takes one document per job.", Status.MULTIPLE_DOCUMENTS_NOT_SUPPORTED)
        return self._job_reply(call, mailing, ())

    async def _take_in(self, call: Call, new: NewMailing, compression: str, opened: Mailing | None) -> Mailing:
        """Stream the document to the reception. Whatever breaks, nothing stays and an opened mailing is aborted."""
        source = plain(call.first, call.read, self._limits.patience)
        if compression != "none":
            source = inflated(compression, source)
        document = Document(source)
        limit = min(filter(None, (call.card.max_bytes, self._limits.document_bytes)), default=0)
        async with self._reception.intake(new, limit=limit, opened=opened) as intake:
            async with aclosing(document.pieces()) as pieces:
                async for piece in pieces:
                    await intake.write(piece)
            mailing = await intake.accept(document.media_type)
        self._log.debug("ipp.job", mailing=mailing.id, printer=call.card.id, size=intake.size, media_type=document.media_type)
        return mailing

    async def _cancel_job(self, call: Call) -> Reply:
        mailing = await self._job(call)
        if jobs.STATES[mailing.state][0] >= JobState.CANCELED:
            raise IppError("This job has ended: cancel its letters on the desk.", Status.NOT_POSSIBLE)
        await self._reception.book.cancel_mailing(mailing.id)
        return Reply()

    async def _get_job_attributes(self, call: Call) -> Reply:
        mailing = await self._job(call)
        wanted = _requested(call, frozenset({"all"}))
        return Reply(groups=[(Tag.JOB, jobs.job_bytes(mailing, call.place, wanted, call.language, call.now))])

    async def _get_jobs(self, call: Call) -> Reply:
        wanted = _requested(call, jobs.LISTED)
        mailings = await self._listed(call)
        return Reply(groups=[(Tag.JOB, jobs.job_bytes(one, call.place, wanted, call.language, call.now)) for one in mailings])

    async def _listed(self, call: Call) -> Sequence[Mailing]:
        """The jobs that Get-Jobs asks for: by number, or by state and person."""
        numbers = call.asked.many("job-ids", int)
        if numbers:
            found = [await self._reception.book.mailing_by_number(call.card.id, number) for number in numbers[:MAX_LISTED]]
            return [one for one in found if one is not None]
        which = call.asked.one("which-jobs", str) or "not-completed"
        states = jobs.states_of(which)
        if not states and which not in jobs.EMPTY:
            raise IppError("This printer does not know this kind of which-jobs.", Status.ATTRIBUTES_NOT_SUPPORTED)
        limit = call.asked.one("limit", int)
        if limit is not None and limit < 1:
            raise IppError("The attribute limit must be 1 or more.")
        mine = sender(call.asked) if call.asked.one("my-jobs", bool) else None
        return await self._reception.book.mailings_of_printer(call.card.id, states, mine, min(limit or MAX_LISTED, MAX_LISTED))

    async def _get_printer_attributes(self, call: Call) -> Reply:
        format = call.asked.one("document-format", str)
        if format:
            check_format(format.lower())
        wanted = _requested(call, frozenset({"all"}))
        queued = await self._reception.book.waiting_jobs(call.card.id) if wants_count(wanted) else 0
        return Reply(groups=[(Tag.PRINTER, printer_bytes(call.card, call.place, wanted, Moment(call.now, call.language, queued)))])

    async def _cancel_my_jobs(self, call: Call) -> Reply:
        """All or nothing where numbers are given (PWG 5100.11 section 7.1): none is cancelled if one cannot be."""
        book = self._reception.book
        alive = jobs.states_of("not-completed")
        numbers = call.asked.many("job-ids", int)
        mailings = list(await book.mailings_of_printer(call.card.id, alive, sender(call.asked), MAX_LISTED))
        if numbers:
            mailings = [one for one in mailings if one.number in numbers]
            if len(mailings) < len(set(numbers)):
                raise IppError("Some of these jobs are not yours or have ended: nothing was cancelled.", Status.NOT_POSSIBLE)
        for one in mailings:
            try:
                await book.cancel_mailing(one.id)
            except Conflict:  # it moved on since it was listed, as it may with any number of jobs
                self._log.info("ipp.cancel_too_late", mailing=one.id)
        return Reply()

    async def _close_job(self, call: Call) -> Reply:
        mailing = await self._job(call)
        if mailing.state is MailingState.RECEIVING:  # closed without a document: there is nothing to print
            await self._reception.book.abort_mailing(mailing.id)
        return Reply()

    async def _identify_printer(self, call: Call) -> Reply:
        """There is nothing to blink: the message, if any, is not kept."""
        self._log.info("ipp.identify", printer=call.card.id)
        return Reply()

    async def _job(self, call: Call) -> Mailing:
        if call.job_number is None:
            raise IppError("The request names no job: it needs job-uri, or printer-uri and job-id.")
        found = await self._reception.book.mailing_by_number(call.card.id, call.job_number)
        if found is None:
            raise IppError(sentence("unknown-job", call.language), Status.NOT_FOUND)
        return found

    def _job_reply(self, call: Call, mailing: Mailing, ignored: Sequence[Attribute]) -> Reply:
        data = jobs.job_bytes(mailing, call.place, jobs.CREATED, call.language, call.now)
        return Reply(answer_status(ignored), ignored=ignored, groups=[(Tag.JOB, data)])


def _requested(call: Call, default: frozenset[str]) -> frozenset[str]:
    """requested-attributes; names that we do not know are passed over (RFC 8011 section 4.2.5.2)."""
    return frozenset(call.asked.many("requested-attributes", str)) or default
