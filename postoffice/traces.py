"""Traces by OpenTelemetry, sent to a collector (OTLP over HTTP). Needs the extra `traces`: only wiring imports this, when asked to.

A span holds words of ours, ids and figures. What looks like anything else is not told, and an error is told by its class alone: its
text may quote a letter (so `record_exception` stays off).
"""

import logging
import os
import re
import socket
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased
from opentelemetry.trace import Span as OtelSpan
from opentelemetry.trace import SpanKind, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from postoffice.model.ports import Fact, Log
from postoffice.model.tracing import TRACEPARENT, journey

PATH = "/v1/traces"  #: of a collector's OTLP door (https://opentelemetry.io/docs/specs/otlp/#otlphttp-request)
LONGEST_CALL = 5.0  #: seconds for one call of the collector, and so for the last one when a process ends
_KINDS = {"server": SpanKind.SERVER, "client": SpanKind.CLIENT, "": SpanKind.INTERNAL}
#: the names that the semantic conventions give; all others are ours
_NAMES = {"method": "http.request.method", "route": "http.route", "status": "http.response.status_code"}
_PLAIN = re.compile(r"[\w ./:{}*-]{0,120}")
_READER = TraceContextTextMapPropagator()


def _told(facts: Mapping[str, Fact]) -> dict[str, Fact]:
    plain = {name: value for name, value in facts.items() if not isinstance(value, str) or _PLAIN.fullmatch(value)}
    return {_NAMES.get(name, f"postoffice.{name}"): value for name, value in plain.items()}


def _traceparent(span: OtelSpan) -> str:
    context = span.get_span_context()
    return f"00-{context.trace_id:032x}-{context.span_id:016x}-{context.trace_flags:02x}"


class _Span:
    """ports.Span."""

    def __init__(self, span: OtelSpan) -> None:
        self._span = span

    def set(self, **facts: Fact) -> None:
        """See ports.Span."""
        self._span.set_attributes(_told(facts))

    def failed(self, kind: str) -> None:
        """See ports.Span."""
        self._span.set_status(StatusCode.ERROR)
        if _PLAIN.fullmatch(kind):
            self._span.set_attribute("error.type", kind)


class Traces:
    """ports.Tracer over OpenTelemetry. `share` of all journeys is told; one that began elsewhere is told as it began."""

    on = True

    def __init__(self, processor: SpanProcessor, *, share: float = 1.0) -> None:
        about = {"service.name": "postoffice", "service.instance.id": f"{socket.gethostname()[:40]}:{os.getpid()}"}
        # ended by `close`, not at exit: the loop is still there then, and the last spans are not lost
        self._provider = TracerProvider(
            resource=Resource.create(about), sampler=ParentBased(TraceIdRatioBased(share)), shutdown_on_exit=False
        )
        self._provider.add_span_processor(processor)
        self._tracer = self._provider.get_tracer("postoffice")

    @contextmanager
    def span(self, name: str, /, *, kind: str = "", parent: str = "", **facts: Fact) -> Iterator[_Span]:
        """See ports.Tracer."""
        above = _READER.extract({TRACEPARENT: parent}) if parent else None
        with self._tracer.start_as_current_span(
            name, above, _KINDS[kind], _told(facts), record_exception=False, set_status_on_exception=False
        ) as span:
            told = _Span(span)
            before = journey.set(_traceparent(span))
            try:
                yield told
            except Exception as error:
                told.failed(type(error).__name__)
                raise
            finally:
                journey.reset(before)

    def close(self) -> None:
        """Tell what is left, and end; blocks for LONGEST_CALL seconds at most."""
        self._provider.shutdown()


class _Heard(SpanExporter):
    """An exporter whose failures are one line in our log, and one more when it works again: its own come every few seconds."""

    def __init__(self, exporter: SpanExporter, log: Log) -> None:
        self._exporter = exporter
        self._log = log
        self._deaf = False

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """See SpanExporter."""
        result = self._exporter.export(spans)
        deaf = result is not SpanExportResult.SUCCESS
        if deaf and not self._deaf:
            self._log.warning(
                "traces.not_taken", help="Does the collector of POSTOFFICE_TRACES_URL run? Spans are dropped until it does."
            )
        elif self._deaf and not deaf:
            self._log.info("traces.taken_again")
        self._deaf = deaf
        return result

    def shutdown(self) -> None:
        """See SpanExporter."""
        self._exporter.shutdown()


def door_of(url: str) -> str:
    """Where spans are sent: the collector's address as it is usually given, http://host:4318, or its whole path."""
    return url if url.rstrip("/").endswith(PATH) else url.rstrip("/") + PATH


def open_traces(url: str, log: Log, *, share: float = 1.0) -> Traces:
    """A tracer that sends to a collector. Other things of it (headers, certificates) stand in OpenTelemetry's own OTEL_ variables."""
    logging.getLogger("opentelemetry").setLevel(logging.CRITICAL)
    exporter = OTLPSpanExporter(endpoint=door_of(url), timeout=LONGEST_CALL)
    return Traces(BatchSpanProcessor(_Heard(exporter, log)), share=share)
