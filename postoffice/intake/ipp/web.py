"""The printer's door in HTTP: `POST /ipp/print/{token}` for printing, `GET` for people who follow the address with a browser.

The token in the path is the identity. Whatever is wrong with a request is told as an IPP status with a sentence, never as a 500;
only what must be refused before its body may come (unknown token with a document, announced size) is told as a status of HTTP.
"""

import asyncio
import re
from collections.abc import Callable
from datetime import UTC, datetime

from aiohttp import web

from postoffice import trouble
from postoffice.intake.ipp import icon
from postoffice.intake.ipp.body import Read
from postoffice.intake.ipp.checks import check, job_number, locate, target
from postoffice.intake.ipp.codec import Decoder
from postoffice.intake.ipp.operations import Call, Limits, Printer
from postoffice.intake.ipp.pages import page
from postoffice.intake.ipp.phrases import failure_sentence, sentence, tongue
from postoffice.intake.ipp.reply import Reply
from postoffice.intake.ipp.ticket import Unsupported
from postoffice.intake.ipp.values import IppError, Message
from postoffice.intake.ipp.words import Status
from postoffice.intake.reception import Reception
from postoffice.model.errors import Conflict, NotAllowed, NotFound, OutOfRoom, PostOfficeError, TimedOut, TooLarge, Unreadable
from postoffice.model.ports import Log, PrinterCard

PATH = "/ipp/print"
CONTENT_TYPE = "application/ipp"

_CARD: web.RequestKey[PrinterCard] = web.RequestKey("postoffice.ipp.card", PrinterCard)
_SMALL = 64 * 1024  # a request announced as no larger carries no document worth refusing before it comes
_DRAIN_BYTES = 16_000_000  # of a refused document are taken in and thrown away before the answer
_DRAIN_SECONDS = 3.0
_HEADER_PATIENCE = 30.0  # seconds for the attributes to come in
_TOKEN = re.compile(rf"({PATH}/)[^/?#\s\"]+", re.IGNORECASE)

_STATUS: tuple[tuple[type[PostOfficeError], Status], ...] = (
    (TooLarge, Status.ENTITY_TOO_LARGE),
    (NotAllowed, Status.FORBIDDEN),
    (NotFound, Status.NOT_FOUND),
    (Conflict, Status.NOT_POSSIBLE),
    (OutOfRoom, Status.TEMPORARY_ERROR),
    (TimedOut, Status.TEMPORARY_ERROR),
    (Unreadable, Status.FORMAT_ERROR),
)
_STATUS_OF_CODE = {
    "empty": Status.BAD_REQUEST,
    "unknown-kind": Status.FORMAT_NOT_SUPPORTED,
    "printer-paused": Status.NOT_ACCEPTING_JOBS,
    "too-many-waiting": Status.TOO_MANY_JOBS,
}


def mask_token(path: str) -> str:
    """A path, request line or address with every printer token in it replaced: for access logs."""
    return _TOKEN.sub(r"\1***", path)


def add_routes(
    app: web.Application,
    reception: Reception,
    *,
    public_url: str | Callable[[web.Request], str],
    log: Log,
    limits: Limits | None = None,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> None:
    """Serve the virtual printers of `reception` in `app`.

    `public_url` is the address of the desk without a slash at its end, or tells it by request; the printers' job-more-info points to
    `{public_url}/m/{id}`, printer-more-info to `{public_url}/admin/printers/{id}`. `limits` hold for every printer beside its own.
    The same application may be served on a second port with TLS: addresses are told with the scheme that the caller used.
    """
    door = _Door(reception, public_url, log, limits or Limits(), now)
    app.router.add_get("/ipp/icon.png", _icon)
    for path in (PATH, PATH + "/", PATH + "/{token}", PATH + "/{token}/{job:[0-9]+}"):
        app.router.add_post(path, door.post, expect_handler=door.expect)
        app.router.add_get(path, door.get)


async def _icon(_: web.Request) -> web.Response:
    return web.Response(body=icon.png(), content_type="image/png", headers={"Cache-Control": "public, max-age=86400"})


class _BrokenOff(IppError):
    """The client went away, or what it sends is not HTTP any more."""


class _Door:
    """Between HTTP and the printer's operations."""

    def __init__(
        self,
        reception: Reception,
        public_url: str | Callable[[web.Request], str],
        log: Log,
        limits: Limits,
        now: Callable[[], datetime],
    ) -> None:
        self._reception = reception
        self._public_url = public_url
        self._log = log
        self._limits = limits
        self._now = now
        self._printer = Printer(reception, log, limits)

    async def expect(self, request: web.Request) -> web.StreamResponse | None:
        """Refuse before the body comes where that can be known: a document for an unknown token, or one announced too large.

        CUPS sends every request with `Expect: 100-continue`; a small one is let in and refused by an IPP answer instead, whose
        sentence reaches the person. Whether more jobs may wait is asked once the operation is known: the document of a job that was
        let in must not be refused because that job waits.
        """
        if request.headers.get("Expect", "").lower() != "100-continue":
            return _refusal(417, "Expectation failed.")
        try:
            card = await self._card(request)
        except Exception as error:
            return _refusal(503, self._trouble(error, "en").message)
        announced = request.content_length
        if card is None and (announced is None or announced > _SMALL):
            return _refusal(404, sentence("unknown-printer", "en"))
        limit = self._limit(card)
        if limit and announced is not None and announced > limit + _SMALL:
            self._log.info("ipp.refused", code="too-large", size=announced)
            return _refusal(413, f"This document is larger than the {limit // 1_000_000} MB that one job may have.")
        await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        request.writer.output_size = 0  # else aiohttp takes the response for begun
        return None

    async def post(self, request: web.Request) -> web.StreamResponse:
        """One IPP request."""
        if request.content_type != CONTENT_TYPE:
            return _refusal(415, "This is the address of a printer: it speaks IPP (application/ipp).")
        decoder = Decoder()
        language = "en"
        try:
            message = await self._read_message(request, decoder)
            operation, language = check(message)
            card = await self._card(request)
            if card is None:
                raise IppError(sentence("unknown-printer", language), Status.NOT_FOUND)
            place = locate(target(message) or "", request.host, request.secure, f"{PATH}/{_token(request)}", self._desk(request))
            number = job_number(message, request.match_info.get("job"))
            call = Call(operation, message, card, place, language, self._now(), decoder.rest, _reader(request), number)
            reply = await self._printer.answer(call)
        except Exception as error:
            reply = self._failure(error, language)
        version, _, request_id = decoder.head or ((1, 1), 0, 0)
        response = web.Response(
            body=reply.encode(version, request_id, language), content_type=CONTENT_TYPE, headers={"Cache-Control": "no-store"}
        )
        if reply.status is Status.TIMEOUT or not await _drained(request):
            response.set_status(413 if reply.status is Status.ENTITY_TOO_LARGE else 400)
            response.force_close()
        return response

    async def get(self, request: web.Request) -> web.Response:
        """A page for people: what this address is and where the desk is."""
        language = tongue(request.headers.get("Accept-Language", ""))
        try:
            card = await self._card(request)
        except Exception as error:
            return _refusal(503, self._trouble(error, language).message)
        return web.Response(
            text=page(
                card.name if card else None,
                str(request.url.with_scheme("ipps" if request.secure else "ipp")),
                self._desk(request),
                language,
            ),
            content_type="text/html",
            status=200 if card else 404,
            headers={"Cache-Control": "no-store", "Referrer-Policy": "no-referrer", "Content-Security-Policy": "default-src 'none'"},
        )

    async def _card(self, request: web.Request) -> PrinterCard | None:
        """The printer that the request's token opens; looked up once."""
        if _CARD in request:
            return request[_CARD]
        token = _token(request)
        card = await self._reception.printer(token) if token else None
        if card is not None:
            request[_CARD] = card
        return card

    async def _read_message(self, request: web.Request, decoder: Decoder) -> Message:
        read = _reader(request)
        try:
            async with asyncio.timeout(_HEADER_PATIENCE):
                while chunk := await read():
                    message = decoder.feed(chunk)
                    if message is not None:
                        return message
        except TimeoutError as error:
            raise IppError("The attributes of the request did not come in time.", Status.TIMEOUT) from error
        raise IppError("The request ends in the middle of its attributes.")

    def _limit(self, card: PrinterCard | None) -> int:
        return min(filter(None, (card.max_bytes if card else 0, self._limits.document_bytes)), default=0)

    def _desk(self, request: web.Request) -> str:
        told = self._public_url
        return (told if isinstance(told, str) else told(request)).rstrip("/")

    def _failure(self, error: Exception, language: str) -> Reply:
        """What went wrong, as an answer."""
        if isinstance(error, IppError):
            self._log.info("ipp.refused", status=error.status.name.lower(), broken_off=isinstance(error, _BrokenOff))
            ignored = error.attributes if isinstance(error, Unsupported) else ()
            return Reply(error.status, str(error), ignored=ignored)
        if isinstance(error, PostOfficeError):
            self._log.info("ipp.refused", code=error.code)
            kind = next((status for kind, status in _STATUS if isinstance(error, kind)), Status.BAD_REQUEST)
            return Reply(_STATUS_OF_CODE.get(error.code, kind), failure_sentence(error, language))
        return self._trouble(error, language)

    def _trouble(self, error: Exception, language: str) -> Reply:
        """Something that nobody foresaw, or a database that is away: the client keeps the job and tries again.

        Only the kind and the place are logged: the text of a database's error holds names.
        """
        self._log.error("ipp.trouble", kind=type(error).__name__, where=trouble.where(error))
        return Reply(Status.SERVICE_UNAVAILABLE, sentence("office-trouble", language))


def _token(request: web.Request) -> str:
    return request.match_info.get("token", "")


def _refusal(status: int, text: str) -> web.Response:
    response = web.Response(status=status, text=text + "\n", headers={"Cache-Control": "no-store"})
    response.force_close()
    return response


async def _drained(request: web.Request) -> bool:
    """Take in what the client still sends of a document that was refused; False where it is too much.

    CUPS loses an answer of 200 that comes before it has sent everything, and then waits half a minute; it stops for a 4xx.
    """
    if request.content.at_eof():
        return True
    left = _DRAIN_BYTES
    try:
        async with asyncio.timeout(_DRAIN_SECONDS):
            while chunk := await request.content.readany():
                left -= len(chunk)
                if left < 0:
                    return False
    except Exception:  # too slow, or gone: whatever it is, this connection has no future
        return False
    return True


def _reader(request: web.Request) -> Read:
    async def read() -> bytes:
        try:
            return await request.content.readany()
        except Exception as error:  # aiohttp has a dozen for a connection that is gone or a chunk that is none
            raise _BrokenOff("The request broke off.") from error

    return read
