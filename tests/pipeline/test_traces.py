"""Traces: a mailing is one journey from its door to its carriers, and nothing of what its letters say or where they go is told."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from postoffice.actions import steering
from postoffice.actions.actor import OFFICE
from postoffice.compose.trial import trial_merge
from postoffice.intake.reception import Reception
from postoffice.model.channel import Channel
from postoffice.model.errors import Refused, TryLater
from postoffice.model.mailing import Options
from postoffice.model.ports import Abilities
from postoffice.model.tracing import NO_TRACES, carried, journey, word
from postoffice.webapp import web_app
from tests.pipeline.house import Office, PlannedCarrier, people_items
from tests.pipeline.test_telling import Crm, delivered, endpoint, tell

pytest.importorskip("opentelemetry.sdk", reason="the extra `traces` is not installed")

from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from postoffice.traces import Traces


class Seen:
    """What an exporter was told."""

    def __init__(self, exporter: InMemorySpanExporter) -> None:
        self._exporter = exporter

    def __iter__(self) -> Any:
        return iter(self._exporter.get_finished_spans())

    def named(self, name: str) -> list[ReadableSpan]:
        return [span for span in self if span.name == name]

    def one(self, name: str) -> ReadableSpan:
        (span,) = self.named(name)
        return span

    def text(self) -> str:
        """Everything that left the house."""
        return "\n".join(span.to_json() for span in self)


@pytest.fixture
async def traced(office: Office) -> AsyncIterator[tuple[Office, Traces, Seen]]:
    """The office, watched."""
    exporter = InMemorySpanExporter()
    traces = Traces(SimpleSpanProcessor(exporter))
    plain = office.house.reception
    reception = Reception(plain.book, plain.documents, plain.bell, traces=traces)
    yield Office(replace(office.house, traces=traces, reception=reception), office.organisation_id), traces, Seen(exporter)
    traces.close()


def trace_of(span: ReadableSpan) -> int:
    assert span.context is not None
    return span.context.trace_id


def facts(span: ReadableSpan) -> dict[str, Any]:
    return dict(span.attributes or {})


async def test_a_mailing_is_one_journey_and_tells_nothing_of_its_letters(traced: tuple[Office, Traces, Seen]) -> None:
    office, traces, seen = traced
    pdf, truth = trial_merge(4)
    mailing = await office.submit(pdf)
    await office.work()
    mailing = await office.mailing(mailing)
    with traces.span("POST /mailings/{id}/send", kind="server"):
        await steering.send(office.house, mailing, mailing.options, OFFICE)
    await office.follow()
    assert await office.states(mailing) == {"delivered": 4}

    read = trace_of(seen.one("receive"))
    assert {trace_of(seen.one(name)) for name in ("step read", "convert", "cut", "match")} == {read}
    sent = trace_of(seen.one("POST /mailings/{id}/send"))
    later = ("step plan", "plan slice", "step dispatch", "claim", "chunk", "make", "hand over", "record", "carrier send", "carrier ask")
    for name in later:
        assert {trace_of(span) for span in seen.named(name)} == {sent}, name
    assert len(seen.named("carrier send")) == 4
    assert {facts(span)["postoffice.outcome"] for span in seen.named("carrier send")} == {"taken"}
    assert facts(seen.one("cut"))["postoffice.items"] == 4

    found = await office.items(mailing)
    private = {line for one in truth for line in one.lines} | {"Factures novembre", "office@example.fr"}
    private |= {text for item in found for text in (item.email, item.mobile, item.fax, item.reference) if text}
    assert len(private) > 12
    told = seen.text()
    assert [text for text in private if text in told] == []
    assert not [span for span in seen if span.events], "an event would hold an error's text"


async def test_what_carriers_say_is_told_as_a_word(traced: tuple[Office, Traces, Seen]) -> None:
    """A carrier that quotes the address in its reason and its code, one that breaks, one that puts off."""
    office, traces, seen = traced
    carrier = PlannedCarrier("relay-1", Abilities(Channel.EMAIL))
    office.carriers.mine[Channel.EMAIL] = carrier
    carrier.say = {
        "anne1@example.fr": [Refused("anne1@example.fr is unknown to Mme Anne 1", code="anne1@example.fr")],
        "anne2@example.fr": [ValueError("Mme Anne 2, 33639980000")],
        "anne3@example.fr": [TryLater("come back", after=timedelta(hours=5), code="4.7.1")],
    }
    mailing = await office.drafts(people_items(4), Options(channel=Channel.EMAIL))
    with traces.span("send"):
        await steering.send(office.house, mailing, mailing.options, OFFICE)
    await office.work(2)
    sent = [facts(span) for span in seen.named("carrier send")]
    assert {one["postoffice.carrier"] for one in sent} == {"relay-1"} and {one["postoffice.channel"] for one in sent} == {"email"}
    outcomes = sorted((one["postoffice.outcome"], one["postoffice.code"]) for one in sent)
    assert outcomes == [
        ("doubt", "ValueError"),
        ("later", "4.7.1"),
        ("refused", "other"),
        ("taken", ""),
        ("taken", ""),
    ]  # the doubtful one went again
    told = seen.text()
    assert [text for text in ("Anne", "@example.fr", "3363998", "75011", "come back") if text in told] == []


async def test_a_request_is_named_by_its_route_never_by_its_path(traced: tuple[Office, Traces, Seen]) -> None:
    office, _, seen = traced
    async with TestClient(TestServer(web_app(office.house))) as client:
        answer = await client.post(
            "/ipp/print/secret-token-1?name=Anne", data=b"?", headers={"traceparent": f"00-{'a' * 32}-{'b' * 16}-01"}
        )
        await client.get("/no/such/place/anne@example.fr")
        await client.get("/health")
    spans = list(seen)
    assert [span.name for span in spans] == ["POST /ipp/print/{token}", "GET unknown"]
    assert facts(spans[0])["http.response.status_code"] == answer.status
    assert trace_of(spans[0]) != int("a" * 32, 16), "anybody could join our journeys"
    assert [text for text in ("secret-token-1", "Anne", "anne@", "127.0.0.1") if text in seen.text()] == []


async def test_a_step_that_breaks_tells_its_error_by_its_class(traced: tuple[Office, Traces, Seen]) -> None:
    _, traces, seen = traced
    with pytest.raises(ValueError), traces.span("outer", name="Anne, +336"):
        raise ValueError("Mme Anne")
    span = seen.one("outer")
    assert facts(span) == {"error.type": "ValueError"} and not span.status.is_ok and not span.status.description


async def test_the_share_is_decided_where_the_journey_begins() -> None:
    exporter = InMemorySpanExporter()
    none = Traces(SimpleSpanProcessor(exporter), share=0.0)
    with none.span("begins"):
        taken_along = carried()["traceparent"]
        assert int(taken_along[-2:], 16) & 1 == 0, "it would be told further on"
    every = Traces(SimpleSpanProcessor(exporter))
    with every.span("goes on", parent=taken_along):
        assert journey.get().split("-")[1] == taken_along.split("-")[1]
    with every.span("begins anew", parent="not a traceparent"):
        assert carried()
    assert [span.name for span in exporter.get_finished_spans()] == ["begins anew"]
    none.close()
    every.close()


def test_without_traces_nothing_travels() -> None:
    with NO_TRACES.span("x", mailing="y") as span:
        span.set(a=1)
        assert carried() == {} and not NO_TRACES.on


@pytest.mark.parametrize(
    ("code", "told"),
    [("", ""), ("550-5.1.1", "550-5.1.1"), ("a@b.example", "other"), ("33639980000", "other"), ("no such user", "other")],
)
def test_codes_are_words(code: str, told: str) -> None:
    assert word(code) == told


@pytest.mark.slow
async def test_a_webhook_is_told_by_its_endpoint_s_id_and_never_by_its_address(traced: tuple[Office, Traces, Seen]) -> None:
    office, _, seen = traced
    crm, app = Crm(), web.Application()
    app.router.add_post("/{tail:.*}", crm.hear)
    crm.say = [500]
    async with TestServer(app) as server:
        endpoint_id, _ = await endpoint(office, str(server.make_url("/hear/token-7")), "delivered")
        await delivered(office)
        await tell(office)
    span = seen.one("webhook")
    assert facts(span)["postoffice.endpoint"] == endpoint_id and facts(span)["http.response.status_code"] == 500
    assert not span.status.is_ok and "token-7" not in seen.text() and "127.0.0.1" not in seen.text()
