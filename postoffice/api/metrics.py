"""/metrics in Prometheus's text format. Labels are words of ours (states, channels, route templates): no name, no token, no id."""

import asyncio
import time
from collections.abc import Iterable
from dataclasses import dataclass, field

from aiohttp import web
from aiohttp.typedefs import Handler
from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.registry import Collector

from postoffice.house import House
from postoffice.store import batches, flow, troubles, vitals

TOTALS_EVERY = 60.0  #: seconds; counting all items walks an index of one entry per item
DOCUMENTS_EVERY = 600.0  #: seconds; summing up all documents walks their table
_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 15.0, 60.0)


@dataclass
class _Facts:
    """What was read from the database for one answer."""

    queues: dict[str, tuple[int, float]] = field(default_factory=dict)
    items: dict[str, int] = field(default_factory=dict)
    carriers: dict[tuple[str, str], tuple[int, int]] = field(default_factory=dict)
    workers: list[vitals.SignOfLife] = field(default_factory=list)
    dead: int = 0
    abandoned: int = 0
    lost: int = 0
    events: dict[str, int] = field(default_factory=dict)
    errors: dict[tuple[str, str, str], int] = field(default_factory=dict)
    hand_overs: dict[tuple[str, str], flow.HandOver] = field(default_factory=dict)
    backlog: dict[str, int] = field(default_factory=dict)
    documents: tuple[int, int] = (0, 0)
    up: bool = False


class _FromFacts(Collector):
    """Gauges that are read from the database at each question."""

    def __init__(self) -> None:
        self.facts = _Facts()

    def collect(self) -> Iterable[Metric]:
        """See Collector."""
        facts = self.facts
        up = GaugeMetricFamily("postoffice_database_up", "Whether the database answered")
        up.add_metric([], float(facts.up))
        depth = GaugeMetricFamily("postoffice_queue_depth", "Open batches that are due", labels=["queue"])
        age = GaugeMetricFamily("postoffice_queue_age_seconds", "Age of the oldest batch that is due", labels=["queue"])
        for queue, (count, oldest) in sorted(facts.queues.items()):
            depth.add_metric([queue], count)
            age.add_metric([queue], oldest)
        dead = GaugeMetricFamily("postoffice_batches_set_aside", "Batches that failed too often and wait for a person")
        dead.add_metric([], facts.dead)
        totals = GaugeMetricFamily("postoffice_items", "Items by state, counted once a minute", labels=["state"])
        for state, number in sorted(facts.items.items()):
            totals.add_metric([state], number)
        known = GaugeMetricFamily("postoffice_carriers", "Carriers that are switched on", labels=["channel", "kind"])
        bad = GaugeMetricFamily("postoffice_carriers_failing", "Carriers whose last answer was an error", labels=["channel", "kind"])
        for (channel, kind), (number, failing) in sorted(facts.carriers.items()):
            known.add_metric([channel, kind], number)
            bad.add_metric([channel, kind], failing)
        workers = GaugeMetricFamily("postoffice_workers", "Worker processes seen within the last minute")
        workers.add_metric([], sum(sign.kind == "worker" and sign.age < 60 for sign in facts.workers))
        beat = GaugeMetricFamily("postoffice_heartbeat_age_seconds", "Age of the youngest sign of life", labels=["kind"])
        for kind in sorted({sign.kind for sign in facts.workers}):
            beat.add_metric([kind], min(sign.age for sign in facts.workers if sign.kind == kind))
        return [up, depth, age, dead, totals, known, bad, workers, beat, *_flow(facts), *_gathered(facts)]


def _flow(facts: _Facts) -> list[Metric]:
    """What happened within the last minute."""
    happened = GaugeMetricFamily("postoffice_events_last_minute", "Events of the last minute, by kind", labels=["kind"])
    for kind, number in sorted(facts.events.items()):
        happened.add_metric([kind], number)
    labels = ["channel", "kind"]
    errors = GaugeMetricFamily(
        "postoffice_carrier_errors_last_minute",
        "Deferred, doubtful, refused, bounced within the last minute",
        labels=[*labels, "event"],
    )
    for (channel, carrier, event), number in sorted(facts.errors.items()):
        errors.add_metric([channel, carrier, event], number)
    taken = GaugeMetricFamily("postoffice_handed_over_last_minute", "Hand-overs of the last minute", labels=labels)
    mean = GaugeMetricFamily("postoffice_hand_over_seconds_mean", "From due to handed over, mean of the last minute", labels=labels)
    longest = GaugeMetricFamily(
        "postoffice_hand_over_seconds_max", "From due to handed over, longest of the last minute", labels=labels
    )
    for (channel, carrier), one in sorted(facts.hand_overs.items()):
        taken.add_metric([channel, carrier], one.number)
        mean.add_metric([channel, carrier], one.mean)
        longest.add_metric([channel, carrier], one.longest)
    return [happened, errors, taken, mean, longest]


def _gathered(facts: _Facts) -> list[Metric]:
    """What has gathered."""
    backlog = GaugeMetricFamily("postoffice_backlog", "News and webhooks that wait, or could not be read or told", labels=["what"])
    for what, number in sorted(facts.backlog.items()):
        backlog.add_metric([what], number)
    stored = GaugeMetricFamily("postoffice_documents", "Documents, counted every ten minutes")
    stored.add_metric([], facts.documents[0])
    size = GaugeMetricFamily("postoffice_documents_bytes", "Plain bytes of all documents, counted every ten minutes")
    size.add_metric([], facts.documents[1])
    abandoned = GaugeMetricFamily("postoffice_batches_abandoned", "Open work whose owner's lease ran out")
    abandoned.add_metric([], facts.abandoned)
    lost = CounterMetricFamily("postoffice_leases_lost", "How often a worker found its work taken over by another")
    lost.add_metric([], facts.lost)
    return [backlog, stored, size, abandoned, lost]


class Metrics:
    """The meters of one web process."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._facts = _FromFacts()
        self._registry.register(self._facts)
        labels = ["method", "route", "status"]
        self._seconds = Histogram(
            "postoffice_http_request_duration_seconds", "Time to answer", ["route"], buckets=_BUCKETS, registry=self._registry
        )
        self._requests = Counter("postoffice_http_requests", "Requests answered", labels, registry=self._registry)
        self._counted_at = -TOTALS_EVERY
        self._totals: dict[str, int] = {}
        self._backlog: dict[str, int] = {}
        self._summed_at = -DOCUMENTS_EVERY
        self._documents = (0, 0)
        self._asking = asyncio.Lock()

    def measure(self, request: web.Request, status: int, seconds: float) -> None:
        """Note one answer, under its route's template."""
        resource = request.match_info.route.resource
        route = resource.canonical if resource is not None else "none"
        method = request.method if request.method in ("GET", "HEAD", "POST", "PATCH", "PUT", "DELETE", "OPTIONS") else "other"
        self._seconds.labels(route).observe(seconds)
        self._requests.labels(method, route, str(status)).inc()

    async def text(self, house: House) -> bytes:
        """Everything, in Prometheus's text format."""
        async with self._asking:
            try:
                async with asyncio.timeout(5):
                    self._facts.facts = await self._ask(house)
            except Exception as error:  # a database that is away must not take the other meters along
                house.log.warning("metrics.no_database", kind=type(error).__name__)
                self._facts.facts = _Facts()
            return generate_latest(self._registry)

    async def _ask(self, house: House) -> _Facts:
        now = house.clock.now()
        async with house.database.read() as connection:
            facts = _Facts(queues=await batches.waiting(connection, now), up=True)
            facts.workers = await vitals.signs_of_life(connection, now)
            facts.dead = await vitals.set_aside(connection)
            facts.abandoned = await flow.abandoned(connection, now)
            facts.lost = await flow.lost_leases(connection)
            facts.events = await flow.events_of_late(connection, now)
            facts.errors = await flow.errors_of_late(connection, now)
            facts.hand_overs = await flow.hand_overs_of_late(connection, now)
            for channel, kind, failing in await vitals.carriers_in_trouble(connection):
                known, bad = facts.carriers.get((channel, kind), (0, 0))
                facts.carriers[channel, kind] = (known + 1, bad + failing)
            if time.monotonic() - self._counted_at >= TOTALS_EVERY:
                self._totals = await vitals.items_by_state(connection)
                self._backlog = await troubles.backlog(connection)
                self._counted_at = time.monotonic()
            if time.monotonic() - self._summed_at >= DOCUMENTS_EVERY:
                self._documents = await flow.documents_stored(connection)
                self._summed_at = time.monotonic()
        facts.items, facts.backlog, facts.documents = self._totals, self._backlog, self._documents
        return facts


def middleware(metrics: Metrics) -> "web.middleware":  # type: ignore[valid-type]
    """Times every answer; long ones (streams, long polls) when they end."""

    @web.middleware
    async def timed(request: web.Request, handler: Handler) -> web.StreamResponse:
        began, status = time.perf_counter(), 500
        try:
            response = await handler(request)
            status = response.status
            return response
        except web.HTTPException as answer:
            status = answer.status
            raise
        finally:
            metrics.measure(request, status, time.perf_counter() - began)

    return timed


CONTENT_TYPE = CONTENT_TYPE_PLAIN_0_0_4
