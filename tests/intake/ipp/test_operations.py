"""Every operation, over real HTTP: what it answers and what it leaves behind."""

import gzip
from datetime import UTC, datetime
from typing import Any

import pytest
from aiohttp.test_utils import TestClient

from postoffice.intake.ipp.attributes import FORMATS
from postoffice.intake.ipp.values import Attribute, Range, Value, attribute, collection
from postoffice.intake.ipp.words import JobState, Operation, Status, Tag
from postoffice.model.mailing import Options, Source
from postoffice.model.states import MailingState
from tests.intake.ipp.client import LAST, PDF, Answer, name, number, print_job, request, send, word
from tests.intake.ipp.fakes import CARD, Office
from tests.intake.ipp.test_body import raw_deflate

Client = TestClient[Any, Any]
FORMAT = attribute("document-format", Tag.MIME, "application/pdf")
USER = attribute("requesting-user-name", Tag.NAME, "Zoé")


async def create(client: Client, *more: Attribute, **wishes: Any) -> int:
    answer = await send(client, request(Operation.CREATE_JOB, name("Letters"), USER, *more, **wishes))
    assert answer.status is Status.OK
    assert answer.value("job-state") == JobState.HELD
    return int(answer.value("job-id"))


async def ask_job(client: Client, job: int, *more: Attribute) -> Answer:
    return await send(client, request(Operation.GET_JOB_ATTRIBUTES, number("job-id", job), *more))


async def test_print_job_makes_a_mailing_and_holds_it_at_once(office: Office, client: Client) -> None:
    answer = await print_job(client, PDF, USER)
    (mailing,) = office.mailings
    assert answer.status is Status.OK and answer.value("job-id") == mailing.number
    assert answer.value("job-state") == JobState.HELD
    assert answer.value("job-uri").endswith(f"/{mailing.number}")
    assert (mailing.state, mailing.name, mailing.sender_name, mailing.source) == (
        MailingState.RECEIVED,
        "Letters",
        "Zoé",
        Source.PRINTER,
    )
    assert mailing.media_type == "application/pdf" and mailing.printer_id == CARD.id
    assert await office.documents.get(CARD.organisation_id, mailing.original or "") == PDF
    assert len(office.bell.rings) == 1


@pytest.mark.parametrize(
    ("compression", "packed"), [("gzip", gzip.compress(PDF, mtime=0)), ("deflate", raw_deflate(PDF)), ("none", PDF)]
)
async def test_compressed_documents_are_unfolded(office: Office, client: Client, compression: str, packed: bytes) -> None:
    answer = await print_job(client, packed, word("compression", compression))
    assert answer.status is Status.OK
    assert await office.documents.get("", office.mailings[0].original or "") == PDF


async def test_bytes_decide_the_kind_not_the_words(office: Office, client: Client) -> None:
    await print_job(client, b"%!PS-Adobe-3.0\nshowpage\n", FORMAT)
    await print_job(client, b"\x1b%-12345X@PJL ENTER LANGUAGE=PDF\r\n" + PDF, attribute("document-format", Tag.MIME, FORMATS[-1]))
    assert [one.media_type for one in office.mailings] == ["application/postscript", "application/pdf"]
    assert await office.documents.get("", office.mailings[1].original or "") == PDF


@pytest.mark.parametrize(
    ("document", "more", "status"),
    [
        (b"", [], Status.BAD_REQUEST),
        (b"Dear Madam", [], Status.FORMAT_NOT_SUPPORTED),
        (b"Dear Madam" * 2000, [], Status.FORMAT_NOT_SUPPORTED),
        (PDF, [attribute("document-format", Tag.MIME, "text/plain")], Status.FORMAT_NOT_SUPPORTED),
        (PDF, [word("compression", "compress")], Status.COMPRESSION_NOT_SUPPORTED),
        (PDF, [word("compression", "gzip")], Status.COMPRESSION_ERROR),
        (gzip.compress(PDF, mtime=0)[:-5], [word("compression", "gzip")], Status.COMPRESSION_ERROR),
        (gzip.compress(b"", mtime=0), [word("compression", "gzip")], Status.BAD_REQUEST),
    ],
)
async def test_bad_documents_leave_nothing(
    office: Office, client: Client, document: bytes, more: list[Attribute], status: Status
) -> None:
    answer = await print_job(client, document, *more)
    assert answer.status is status and answer.said
    assert not office.mailings and not office.documents.names() and not office.bell.rings


async def test_create_send_and_ask(office: Office, client: Client) -> None:
    job = await create(client)
    assert office.mailings[0].state is MailingState.RECEIVING
    sent = await send(client, request(Operation.SEND_DOCUMENT, number("job-id", job), LAST, FORMAT) + PDF)
    assert sent.status is Status.OK and sent.value("job-state") == JobState.HELD
    answer = await ask_job(client, job)
    assert answer.value("job-name") == "Letters" and answer.value("job-originating-user-name") == "Zoé"
    assert answer.value("number-of-documents") == 1 and answer.value("time-at-completed") is None
    assert answer.value("job-more-info") == f"https://desk.example/m/{office.mailings[0].id}"


async def test_a_job_takes_one_document(office: Office, client: Client) -> None:
    job = await create(client)
    more = attribute("last-document", Tag.BOOLEAN, False)
    assert (await send(client, request(Operation.SEND_DOCUMENT, number("job-id", job), more) + PDF)).status is Status.OK
    second = await send(client, request(Operation.SEND_DOCUMENT, number("job-id", job), LAST) + PDF)
    assert second.status is Status.MULTIPLE_DOCUMENTS_NOT_SUPPORTED
    assert (await send(client, request(Operation.SEND_DOCUMENT, number("job-id", job), LAST))).status is Status.OK
    assert (await send(client, request(Operation.CLOSE_JOB, number("job-id", job)))).status is Status.OK
    assert office.mailings[0].state is MailingState.RECEIVED and len(office.documents.names()) == 1


async def test_send_document_needs_to_know_whether_it_is_the_last(office: Office, client: Client) -> None:
    job = await create(client)
    assert (await send(client, request(Operation.SEND_DOCUMENT, number("job-id", job)) + PDF)).status is Status.BAD_REQUEST
    assert office.mailings[0].state is MailingState.RECEIVING  # the client may mend it


async def test_a_failed_send_document_aborts_the_job(office: Office, client: Client) -> None:
    job = await create(client)
    answer = await send(client, request(Operation.SEND_DOCUMENT, number("job-id", job), LAST) + b"Dear Madam")
    assert answer.status is Status.FORMAT_NOT_SUPPORTED
    assert office.mailings[0].state is MailingState.ABORTED and not office.documents.names()
    asked = await ask_job(client, job)
    assert asked.value("job-state") == JobState.ABORTED
    again = await send(client, request(Operation.SEND_DOCUMENT, number("job-id", job), LAST) + PDF)
    assert again.status is Status.NOT_POSSIBLE and not office.documents.names()


async def test_a_job_closed_without_a_document_is_aborted(office: Office, client: Client) -> None:
    job = await create(client)
    assert (await send(client, request(Operation.CLOSE_JOB, number("job-id", job)))).status is Status.OK
    assert office.mailings[0].state is MailingState.ABORTED


async def test_jobs_are_found_by_uri_and_by_path_too(client: Client) -> None:
    job = (await print_job(client)).value("job-id")
    uri = attribute("job-uri", Tag.URI, f"ipp://localhost:631/ipp/print/whatever/{job}")
    answer = await send(client, request(Operation.GET_JOB_ATTRIBUTES, uri, uri=None))
    assert answer.value("job-id") == job
    by_path = await send(client, request(Operation.GET_JOB_ATTRIBUTES), path=f"/ipp/print/correct-horse-battery-staple/{job}")
    assert by_path.value("job-id") == job


async def test_unknown_and_foreign_jobs_are_not_found(office: Office, client: Client) -> None:
    job = (await print_job(client)).value("job-id")
    assert (await ask_job(client, 999)).status is Status.NOT_FOUND
    assert (await ask_job(client, -1)).status is Status.NOT_FOUND
    office.change_card(id="01hanotherprinter000000000")
    assert (await ask_job(client, job)).status is Status.NOT_FOUND
    assert (await send(client, request(Operation.CANCEL_JOB, number("job-id", job)))).status is Status.NOT_FOUND
    assert (await send(client, request(Operation.GET_JOB_ATTRIBUTES))).status is Status.BAD_REQUEST


@pytest.mark.parametrize(
    ("state", "job_state"),
    [
        (MailingState.RECEIVED, JobState.HELD),
        (MailingState.READING, JobState.HELD),
        (MailingState.WAITING, JobState.COMPLETED),
        (MailingState.APPROVING, JobState.COMPLETED),
        (MailingState.SENDING, JobState.COMPLETED),
        (MailingState.FINISHED, JobState.COMPLETED),
        (MailingState.FAILED, JobState.ABORTED),
        (MailingState.CANCELLED, JobState.CANCELED),
    ],
)
async def test_job_states_follow_the_mailing(office: Office, client: Client, state: MailingState, job_state: JobState) -> None:
    job = (await print_job(client)).value("job-id")
    office.book.become(office.mailings[0], state, items=12, ready_at=datetime.now(UTC))
    answer = await ask_job(client, job)
    assert answer.value("job-state") == job_state
    assert (answer.value("time-at-completed") is not None) is (job_state >= JobState.CANCELED)
    cancel = await send(client, request(Operation.CANCEL_JOB, number("job-id", job)))
    assert cancel.status is (Status.OK if job_state is JobState.HELD else Status.NOT_POSSIBLE)
    listed = await send(client, request(Operation.GET_JOBS, word("which-jobs", "completed")))
    assert len(listed.groups(Tag.JOB)) == 1


async def test_messages_come_in_french(office: Office, client: Client) -> None:
    job = (await print_job(client)).value("job-id")
    office.book.become(office.mailings[0], MailingState.WAITING, items=12)
    answer = await send(client, request(Operation.GET_JOB_ATTRIBUTES, number("job-id", job), language="fr-FR"))
    assert answer.value("job-state-message") == "Imprimé : 12 plis attendent sur votre bureau."
    assert answer.message.groups[0].one("attributes-natural-language", str) == "fr"


async def test_get_jobs_lists_by_state_person_number_and_limit(client: Client) -> None:
    for user in ("Zoé", "Noé", "Zoé"):
        await print_job(client, PDF, attribute("requesting-user-name", Tag.NAME, user))

    async def listed(*more: Attribute) -> list[int]:
        answer = await send(client, request(Operation.GET_JOBS, *more))
        assert answer.status is Status.OK
        assert all(set(one.attributes) == {"job-id", "job-uri"} for one in answer.groups(Tag.JOB))
        return [one.one("job-id", int) for one in answer.groups(Tag.JOB)]

    assert await listed() == [3, 2, 1]
    assert await listed(word("which-jobs", "completed")) == []
    assert await listed(word("which-jobs", "processing")) == []
    assert await listed(word("which-jobs", "all")) == [3, 2, 1]
    assert await listed(USER, attribute("my-jobs", Tag.BOOLEAN, True)) == [3, 1]
    assert await listed(number("limit", 1)) == [3]
    assert await listed(number("job-ids", 2, 77)) == [2]
    assert (await send(client, request(Operation.GET_JOBS, word("which-jobs", "saved")))).status is Status.ATTRIBUTES_NOT_SUPPORTED
    assert (await send(client, request(Operation.GET_JOBS, number("limit", 0)))).status is Status.BAD_REQUEST


async def test_get_jobs_tells_what_was_asked_for(client: Client) -> None:
    await print_job(client)
    answer = await send(client, request(Operation.GET_JOBS, word("requested-attributes", "job-template", "job-name")))
    (job,) = answer.groups(Tag.JOB)
    assert set(job.attributes) == {"job-name", "sides", "print-color-mode", "copies"}


async def test_cancel_my_jobs_is_all_or_nothing(office: Office, client: Client) -> None:
    for user in ("Zoé", "Noé"):
        await print_job(client, PDF, attribute("requesting-user-name", Tag.NAME, user))
    foreign = await send(client, request(Operation.CANCEL_MY_JOBS, USER, number("job-ids", 1, 2)))
    assert foreign.status is Status.NOT_POSSIBLE
    assert all(one.state is MailingState.RECEIVED for one in office.mailings)
    assert (await send(client, request(Operation.CANCEL_MY_JOBS, USER))).status is Status.OK
    assert [one.state for one in office.mailings] == [MailingState.CANCELLED, MailingState.RECEIVED]


@pytest.mark.parametrize("operation", [Operation.PRINT_URI, Operation.SEND_URI, 0x000C, 0x000E, 0x4001])
async def test_operations_that_are_not_offered(client: Client, operation: int) -> None:
    uri = attribute("document-uri", Tag.URI, "http://localhost/secret.pdf")
    assert (await send(client, request(operation, uri, number("job-id", 1)))).status is Status.OPERATION_NOT_SUPPORTED


async def test_validate_job_and_identify(office: Office, client: Client) -> None:
    assert (await send(client, request(Operation.VALIDATE_JOB, FORMAT))).status is Status.OK
    assert (await send(client, request(Operation.IDENTIFY_PRINTER))).status is Status.OK
    bad = await send(client, request(Operation.VALIDATE_JOB, attribute("document-format", Tag.MIME, "text/plain")))
    assert bad.status is Status.FORMAT_NOT_SUPPORTED and not office.mailings


async def test_the_ticket_becomes_options(office: Office, client: Client) -> None:
    office.change_card(options=Options(duplex=True, colour=False, cost_centre="standing"))
    await print_job(client)
    user = attribute("job-accounting-user-id", Tag.NAME, "root")  # CUPS always sends it
    account = attribute("job-account-id", Tag.NAME, "Sales 12")
    wishes = [word("sides", "one-sided"), word("print-color-mode", "color"), account, user]
    await print_job(client, job=wishes)
    await print_job(client, job=[word("print-color-mode", "auto"), user])
    kept = [(one.options.duplex, one.options.colour, one.options.cost_centre) for one in office.mailings]
    assert kept == [(True, False, "standing"), (False, True, "Sales 12"), (True, False, "standing")]


async def test_names_are_one_clean_line(office: Office, client: Client) -> None:
    await send(client, request(Operation.PRINT_JOB, name("Rappel\0\r\n\tmars " + "é" * 400)) + PDF)
    await send(client, request(Operation.PRINT_JOB, attribute("document-name", Tag.NAME, "report.pdf")) + PDF)
    await send(client, request(Operation.PRINT_JOB) + PDF)
    first, second, third = office.mailings
    assert first.name.startswith("Rappel mars é") and len(first.name.encode()) <= 255
    assert (second.name, third.name, third.sender_name) == ("report.pdf", "-", "")


COLUMN = Attribute("media-col", [collection(media_size=collection(x_dimension=Value(Tag.INTEGER, 1)))])


async def test_what_is_not_offered_is_told_and_ignored_or_refused(office: Office, client: Client) -> None:
    wishes = [word("sides", "three-sided"), word("media", "iso_a4_210x297mm"), word("envelope", "c4"), COLUMN, number("copies", 3)]
    answer = await print_job(client, job=wishes)
    assert answer.status is Status.OK_IGNORED
    (unsupported,) = answer.groups(Tag.UNSUPPORTED_GROUP)
    assert set(unsupported.attributes) == {"sides", "envelope"}
    assert unsupported.attributes["envelope"].values[0].tag == Tag.UNSUPPORTED
    assert unsupported.one("sides", str) == "three-sided"
    strict = await print_job(client, PDF, attribute("ipp-attribute-fidelity", Tag.BOOLEAN, True), job=wishes)
    assert strict.status is Status.ATTRIBUTES_NOT_SUPPORTED and strict.groups(Tag.UNSUPPORTED_GROUP)
    assert len(office.mailings) == 1


async def test_an_automatic_printer_never_sends_pages_that_were_not_meant(office: Office, client: Client) -> None:
    some, every = attribute("page-ranges", Tag.RANGE, Range(2, 3)), attribute("page-ranges", Tag.RANGE, Range(1, 2**31 - 1))
    assert (await print_job(client, job=[some])).status is Status.OK_IGNORED
    office.change_card(automatic=True)
    assert (await print_job(client, job=[some])).status is Status.ATTRIBUTES_NOT_SUPPORTED
    assert (await print_job(client, job=[every])).status is Status.OK
    assert len(office.mailings) == 2
