"""For the operator and their monitoring: alive, ready, counters."""

from __future__ import annotations

from collections.abc import Iterable

from fastapi import APIRouter, Response
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from hub import VERSION
from hub.access.roles import Permission
from hub.context import Context, Ctx
from hub.guard import Guarded, needs
from hub.ingest.turn import Counters

router = APIRouter(route_class=Guarded, include_in_schema=False)


@router.get("/healthz")
@needs(Permission.PUBLIC)
def healthz() -> dict[str, str]:
    """Say that the process answers."""
    return {"status": "alive", "version": VERSION}


@router.get("/readyz")
@needs(Permission.PUBLIC)
def readyz(context: Ctx, response: Response) -> dict[str, str]:
    """Say whether the hub can do its work, and if not, why."""
    why = context.ready()
    response.status_code = 200 if why is None else 503
    return {"status": "ready"} if why is None else {"status": "not ready", "reason": why}


class HubCollector(Collector):
    """The ingest's counters and the age of every site's data, read when Prometheus asks."""

    def __init__(self, counters: Counters, context: Context) -> None:
        self._counters = counters
        self._context = context

    def collect(self) -> Iterable[Metric]:
        """Yield the metrics."""
        counters = self._counters
        yield CounterMetricFamily("kayasol_messages", "messages taken from the broker", counters.messages)
        yield CounterMetricFamily("kayasol_batches", "batches committed", counters.batches)
        yield CounterMetricFamily("kayasol_rows", "rows committed", counters.rows)
        yield CounterMetricFamily("kayasol_rows_offered", "rows offered, repeats included", counters.rows_offered)
        yield CounterMetricFamily("kayasol_commit_retries", "commits the ledger refused", counters.retries)
        yield CounterMetricFamily("kayasol_overflowed", "messages that found no room, all sites", counters.overflowed)
        yield CounterMetricFamily("kayasol_rejected_forgotten", "messages kept aside no longer", counters.forgotten)
        commit = GaugeMetricFamily("kayasol_last_commit_age_seconds", "age of the last commit of the ingest")
        if counters.last_commit_ms is not None:
            commit.add_metric([], (self._context.now_ms() - counters.last_commit_ms) / 1000)
        yield commit
        rejected = CounterMetricFamily("kayasol_rejected", "messages kept aside", labels=["refusal"])
        for refusal, count in counters.rejected.items():
            rejected.add_metric([refusal], count)
        yield rejected
        yield from _limited(counters, self._context.now_ms())
        backup = GaugeMetricFamily("kayasol_last_backup_age_seconds", "age of the last backup of the ledger")
        backup_ms = self._context.ledger.last_backup_ms()
        if backup_ms is not None:
            backup.add_metric([], (self._context.now_ms() - backup_ms) / 1000)
        yield backup
        age = GaugeMetricFamily("kayasol_site_age_seconds", "age of a site's newest sample", labels=["site"])
        now_ms = self._context.now_ms()
        for site in self._context.ledger.sites():
            newest_ms = self._context.ledger.presence(site.site).newest_ms
            if newest_ms is not None:
                age.add_metric([site.site], (now_ms - newest_ms) / 1000)
        yield age


def _limited(counters: Counters, now_ms: int) -> Iterable[Metric]:
    """Tell which sites are held back, and by what; the site without a name is everybody who is not enrolled."""
    too_new = CounterMetricFamily("kayasol_too_new", "messages with one new schema or epoch too many", labels=["what"])
    for what, count in list(counters.too_new.items()):
        too_new.add_metric([what], count)
    yield too_new
    held = CounterMetricFamily("kayasol_site_dropped", "messages dropped unread", labels=["site", "why"])
    for why, by_site in (("no room", counters.overflowed_by), ("set aside", counters.dropped)):
        for site, count in list(by_site.items()):
            held.add_metric([site, why], count)
    yield held
    aside = GaugeMetricFamily("kayasol_site_set_aside_seconds", "time until a site is heard again", labels=["site"])
    for site, until_ms in list(counters.aside_until_ms.items()):
        aside.add_metric([site], max(until_ms - now_ms, 0) / 1000)
    yield aside


def metrics_route(collector: HubCollector) -> APIRouter:
    """Serve /metrics from a registry of its own."""
    registry = CollectorRegistry()
    registry.register(collector)
    metrics = APIRouter(route_class=Guarded, include_in_schema=False)

    @metrics.get("/metrics")
    @needs(Permission.OPERATIONS)
    def read() -> Response:
        return Response(generate_latest(registry), media_type="text/plain; version=0.0.4; charset=utf-8")

    return metrics
