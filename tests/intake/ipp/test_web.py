"""The door in HTTP: who may come in, what is refused early, what a broken upload leaves, and that nothing is a 500."""

import asyncio
import gzip
import random
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from postoffice.intake.ipp.operations import Limits
from postoffice.intake.ipp.values import attribute
from postoffice.intake.ipp.web import mask_token
from postoffice.intake.ipp.words import Operation, Status, Tag
from postoffice.model.mailing import NewMailing, Source
from postoffice.model.states import MailingState
from tests.intake.ipp.client import LAST, PATH, PDF, name, number, print_job, request, send, word
from tests.intake.ipp.fakes import CARD, TOKEN, Office

Client = TestClient[Any, Any]
PRINT = request(Operation.PRINT_JOB, name("Letters"))


class Line:
    """A connection on which HTTP is written by hand."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def begin(self, *headers: str, path: str = PATH) -> None:
        lines = (f"POST {path} HTTP/1.1", "Host: localhost", "Content-Type: application/ipp", *headers)
        await self.write("\r\n".join(lines).encode() + b"\r\n\r\n")

    async def write(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def chunk(self, data: bytes) -> None:
        await self.write(b"%x\r\n%b\r\n" % (len(data), data))

    async def head(self) -> str:
        """Status line and headers of the next response."""
        return (await asyncio.wait_for(self.reader.readuntil(b"\r\n\r\n"), 10)).decode()

    def cut(self) -> None:
        """Go away in the rudest manner."""
        self.writer.transport.abort()


@pytest.fixture
async def line(client: Client) -> AsyncIterator[Line]:
    reader, writer = await asyncio.open_connection("127.0.0.1", client.port)
    yield Line(reader, writer)
    writer.close()


async def until(condition: Any) -> None:
    async with asyncio.timeout(5):
        while not condition():
            await asyncio.sleep(0.01)


async def test_unknown_tokens_look_like_revoked_ones(office: Office, client: Client) -> None:
    for token in ("unknown", "%00", "a" * 3000, "..%2f..%2fetc"):
        answer = await send(client, PRINT + PDF, path=f"/ipp/print/{token}")
        assert answer.status is Status.NOT_FOUND and "no longer, valid" in answer.said
    assert (await send(client, request(Operation.GET_PRINTER_ATTRIBUTES), path="/ipp/print")).status is Status.NOT_FOUND
    del office.book.printers[TOKEN]
    french = await send(client, request(Operation.GET_PRINTER_ATTRIBUTES, language="fr"))
    assert french.status is Status.NOT_FOUND and french.said.startswith("Cette adresse")
    assert not office.mailings and not office.documents.names()


async def test_a_document_for_an_unknown_token_is_refused_before_it_comes(line: Line) -> None:
    await line.begin("Expect: 100-continue", "Transfer-Encoding: chunked", path="/ipp/print/unknown")
    assert (await line.head()).startswith("HTTP/1.1 404")


async def test_a_small_request_for_an_unknown_token_gets_the_sentence(line: Line) -> None:
    asked = request(Operation.GET_PRINTER_ATTRIBUTES)
    await line.begin("Expect: 100-continue", f"Content-Length: {len(asked)}", path="/ipp/print/unknown")
    assert (await line.head()).startswith("HTTP/1.1 100")
    await line.write(asked)
    assert (await line.head()).startswith("HTTP/1.1 200")


async def test_an_announced_size_is_refused_before_it_comes(office: Office, line: Line) -> None:
    office.change_card(max_bytes=1_000_000)
    await line.begin("Expect: 100-continue", "Content-Length: 500000000")
    assert (await line.head()).startswith("HTTP/1.1 413")
    assert not office.documents.names()


async def test_other_expectations_are_refused(line: Line) -> None:
    await line.begin("Expect: a-miracle", "Content-Length: 5")
    assert (await line.head()).startswith("HTTP/1.1 417")


async def test_expect_and_chunks_as_cups_sends_them(office: Office, line: Line) -> None:
    await line.begin("Expect: 100-continue", "Transfer-Encoding: chunked")
    assert (await line.head()).startswith("HTTP/1.1 100")
    for piece in (PRINT[:50], PRINT[50:] + PDF[:5], PDF[5:]):
        await line.chunk(piece)
        await asyncio.sleep(0.01)
    await line.write(b"0\r\n\r\n")
    assert (await line.head()).startswith("HTTP/1.1 200")
    assert await office.documents.get("", office.mailings[0].original or "") == PDF


@pytest.mark.parametrize("headers", ["Transfer-Encoding: chunked", "Content-Length: 50000000"])
@pytest.mark.parametrize("opened", [False, True])
@pytest.mark.parametrize("cancelled", [False, True], ids=["the handler reads on", "the handler is cancelled"])
async def test_a_broken_upload_leaves_nothing(office: Office, headers: str, opened: bool, cancelled: bool) -> None:
    begin = PRINT
    if opened:
        mailing = await office.book.open_mailing(NewMailing("", Source.PRINTER, "Letters", printer_id=CARD.id))
        begin = request(Operation.SEND_DOCUMENT, number("job-id", mailing.number), LAST)
    runner = web.AppRunner(office.app, handler_cancellation=cancelled)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        reader, writer = await asyncio.open_connection(*runner.addresses[0][:2])
        line = Line(reader, writer)
        await line.begin(headers)
        write = line.chunk if headers.startswith("T") else line.write
        await write(begin + PDF)
        await write(b"x" * 200_000)
        await until(lambda: office.documents.names())
        line.cut()
        await until(lambda: not office.documents.names())
        await until(lambda: [one.state for one in office.mailings] == ([MailingState.ABORTED] if opened else []))
        await until(lambda: cancelled or any(facts.get("broken_off") for _, _, facts in office.log.lines))
        assert not office.bell.rings
    finally:
        await runner.cleanup()


async def test_chunks_that_are_none_get_an_answer(office: Office, line: Line) -> None:
    await line.begin("Transfer-Encoding: chunked")
    await line.chunk(PRINT + PDF)
    await line.write(b"this is no chunk\r\n")
    assert " 400 " in await line.head()
    assert not office.documents.names() and not office.mailings


async def test_a_stalled_upload_is_given_up(tmp_path: Any) -> None:
    office = Office(tmp_path, limits=Limits(patience=0.1))
    async with TestClient(TestServer(office.app)) as client:
        reader, writer = await asyncio.open_connection("127.0.0.1", client.port)
        line = Line(reader, writer)
        await line.begin("Content-Length: 1000000")
        await line.write(PRINT + PDF)
        assert (await line.head()).startswith("HTTP/1.1 400")  # it may still send: the connection ends
        assert not office.documents.names()
        writer.close()


async def test_limits_hold_for_what_unfolds(tmp_path: Any) -> None:
    office = Office(tmp_path, limits=Limits(document_bytes=1_000_000))
    async with TestClient(TestServer(office.app)) as client:
        bomb = gzip.compress(PDF + b"\0" * 50_000_000)
        answer = await print_job(client, bomb, word("compression", "gzip"))
        assert answer.status is Status.ENTITY_TOO_LARGE
        office.change_card(max_bytes=100)
        assert (await print_job(client, PDF * 2)).status is Status.ENTITY_TOO_LARGE
        assert not office.documents.names() and not office.mailings


async def test_a_large_refused_upload_ends_with_an_error_of_http(office: Office, line: Line) -> None:
    """CUPS overlooks a 200 that comes in the middle of its upload."""
    office.change_card(max_bytes=1000)
    await line.begin("Transfer-Encoding: chunked")
    await line.chunk(PRINT + PDF)

    async def pour() -> None:
        while True:
            await line.chunk(b"x" * 1_000_000)

    pouring = asyncio.create_task(pour())
    assert (await line.head()).startswith("HTTP/1.1 413")
    pouring.cancel()
    with pytest.raises((asyncio.CancelledError, ConnectionError)):
        await pouring
    assert not office.documents.names()


@pytest.mark.parametrize("operation", [Operation.PRINT_JOB, Operation.CREATE_JOB, Operation.VALIDATE_JOB])
async def test_quota_and_pause(office: Office, client: Client, operation: Operation) -> None:
    office.change_card(max_jobs=1)
    await print_job(client)
    full = await send(client, request(operation) + (PDF if operation is Operation.PRINT_JOB else b""))
    assert full.status is Status.TOO_MANY_JOBS and "desk" in full.said
    office.change_card(max_jobs=0, accepting=False)
    paused = await send(client, request(operation, language="fr") + (PDF if operation is Operation.PRINT_JOB else b""))
    assert paused.status is Status.NOT_ACCEPTING_JOBS and paused.said.startswith("Cette imprimante est en pause")
    assert len(office.mailings) == 1 and len(office.documents.names()) == 1


async def test_the_document_of_a_job_that_was_let_in_is_not_refused_for_it(office: Office, client: Client) -> None:
    office.change_card(max_jobs=1)
    job = (await send(client, request(Operation.CREATE_JOB))).value("job-id")
    assert (await send(client, request(Operation.SEND_DOCUMENT, number("job-id", job), LAST) + PDF)).status is Status.OK


async def test_a_full_disk_is_told_and_nothing_stays(office: Office, client: Client) -> None:
    office.documents.room = 10
    answer = await print_job(client)
    assert answer.status is Status.TEMPORARY_ERROR and "disk is full" in answer.said
    assert not office.documents.names() and not office.mailings


async def test_a_database_that_is_away_is_no_500_and_tells_no_secret(office: Office, client: Client) -> None:
    async def away(token: str) -> None:
        raise OSError(f"cannot reach the database for {token}")

    office.book.printer_by_token = away  # type: ignore[method-assign]
    answer = await print_job(client)
    assert answer.status is Status.SERVICE_UNAVAILABLE and "Nothing was kept" in answer.said
    assert (await client.get(PATH)).status == 503
    level, event, facts = office.log.lines[0]
    assert (level, event, facts["kind"]) == ("error", "ipp.trouble", "OSError") and TOKEN not in str(office.log.lines)


async def test_the_rules_of_every_request(client: Client) -> None:
    asked = Operation.GET_PRINTER_ATTRIBUTES
    for body, status in (
        (request(asked, request_id=0), Status.BAD_REQUEST),
        (request(asked, request_id=2**31), Status.BAD_REQUEST),
        (request(asked, uri=None), Status.BAD_REQUEST),
        (request(asked, charset="iso-8859-1"), Status.CHARSET_NOT_SUPPORTED),
        (request(asked, version=(0, 9)), Status.VERSION_NOT_SUPPORTED),
        (request(asked, version=(3, 0)), Status.VERSION_NOT_SUPPORTED),
        (b"", Status.BAD_REQUEST),
        (b"\x02\x00", Status.BAD_REQUEST),
        (b"\x01\x01\x00\x0b\x00\x00\x00\x05", Status.BAD_REQUEST),
        (b"\x01\x01\x00\x0b\x00\x00\x00\x05\x03", Status.BAD_REQUEST),
        (b"\x01\x01\x00\x0b\x00\x00\x00\x05\x02\x03", Status.BAD_REQUEST),
        (b"\x01\x01\x00\x0b\x00\x00\x00\x05\x01\x01\x03", Status.BAD_REQUEST),
        (b"GET / HTTP/1.1\r\n\r\n" * 10, Status.BAD_REQUEST),
        (b"\x02\x00\x00\x0b\x00\x00\x00\x05\x01" + b"\x41\x00\x01a\x04\x00" * 60_000, Status.ENTITY_TOO_LARGE),
    ):
        assert (await send(client, body)).status is status, body[:20]


@pytest.mark.parametrize("version", [(1, 0), (1, 1), (2, 0), (2, 2)])
async def test_answers_are_in_the_version_of_the_question(client: Client, version: tuple[int, int]) -> None:
    answer = await send(client, request(Operation.GET_PRINTER_ATTRIBUTES, version=version, request_id=99))
    assert answer.status is Status.OK and answer.message.version == version and answer.message.request_id == 99


async def test_nonsense_is_answered_in_ipp_whatever_it_is(office: Office, client: Client) -> None:
    dice = random.Random(7)
    seeds = [
        PRINT + PDF,
        request(Operation.GET_PRINTER_ATTRIBUTES, word("requested-attributes", "all")),
        request(Operation.GET_JOBS, number("job-ids", 1, 2), number("limit", 5)),
        request(Operation.SEND_DOCUMENT, number("job-id", 1), LAST) + PDF,
        request(Operation.CREATE_JOB, job=[word("sides", "one-sided"), attribute("page-ranges", Tag.RANGE, (1, 2))]),
    ]
    for _ in range(400):
        raw = bytearray(dice.choice(seeds))
        for _ in range(dice.randint(1, 4)):
            raw[dice.randrange(len(raw))] = dice.randrange(256)
        answer = await send(client, bytes(raw))
        assert answer.status is not Status.SERVICE_UNAVAILABLE
    assert not [line for line in office.log.lines if line[0] == "error"]


async def test_people_and_other_programs(client: Client) -> None:
    page = await client.get(PATH, headers={"Accept-Language": "fr-FR,fr;q=0.9"})
    text = await page.text()
    assert page.status == 200 and "Post office" in text and f"{TOKEN}" in text and 'lang="fr"' in text
    assert page.headers["Referrer-Policy"] == "no-referrer"
    unknown = await client.get("/ipp/print/%3Cscript%3E")
    assert unknown.status == 404 and "script" not in await unknown.text()
    assert (await client.post(PATH, data={"a": "b"})).status == 415
    icon = await client.get("/ipp/icon.png")
    assert icon.content_type == "image/png" and (await icon.read()).startswith(b"\x89PNG")


def test_tokens_are_masked() -> None:
    assert mask_token(f"POST {PATH} HTTP/1.1") == "POST /ipp/print/*** HTTP/1.1"
    assert mask_token(f"https://a.example/IPP/print/{TOKEN}/7?x=1") == "https://a.example/IPP/print/***/7?x=1"
    assert mask_token("/ipp/print") == "/ipp/print" and mask_token("/m/abc") == "/m/abc"
