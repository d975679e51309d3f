"""How a metric went over a period: points with mean, extremes, count and completeness."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from hub.answers.sites import find
from hub.answers.times import period, utc
from hub.errors import BadRequest
from hub.ingest.dating import TimeQuality, quality_of
from hub.ports import Ledger, SeriesStore
from hub.series import DAY_MS, HOUR_MS, STEPS_MS, Bucket, Sample, auto_step, completeness, join, summarise
from protocol.metrics import CATALOGUE

SPAN_MAX_MS = {"raw": 32 * DAY_MS, "15m": 93 * DAY_MS, "1h": 1100 * DAY_MS, "1d": 11_000 * DAY_MS}
STEPS = ("auto", "raw", *STEPS_MS)


@dataclass(frozen=True, slots=True)
class Point:
    """One step of a series; `completeness` is observed over expected time, 0 to 1."""

    at: datetime
    mean: float
    min: float
    max: float
    count: int
    completeness: float
    quality: TimeQuality
    error_s: float
    """How far the times of its samples may be off."""


@dataclass(frozen=True, slots=True)
class SeriesAnswer:
    """A series; a step without any sample has no point, and `completeness` tells of the whole period."""

    site: str
    column: str
    metric: str
    unit: str
    step: str
    start: datetime
    end: datetime
    completeness: float
    points: list[Point]


def series(  # noqa: PLR0913  the question has these parts
    ledger: Ledger, store: SeriesStore, *, site: str, metric: str, start: datetime, end: datetime, step: str = "auto"
) -> SeriesAnswer:
    """Answer for one metric, or one column when it names its device; raises `NotFound` or `BadRequest`."""
    find(ledger, site)
    start_ms, end_ms = period(start, end)
    if step not in STEPS:
        raise BadRequest(f"step must be one of {', '.join(STEPS)}")
    chosen = auto_step(start_ms, end_ms) if step == "auto" else step
    if end_ms - start_ms > SPAN_MAX_MS[chosen]:
        raise BadRequest(f"step {chosen} covers at most {SPAN_MAX_MS[chosen] // DAY_MS} days; ask for a coarser step")
    column = _column(store, site, metric)
    points, observed_ms = _points(store, site, column, (start_ms, end_ms), chosen)
    name = column.rpartition(".")[2]
    return SeriesAnswer(
        site=site,
        column=column,
        metric=name,
        unit=CATALOGUE[name].unit,
        step=chosen,
        start=utc(start_ms),
        end=utc(end_ms),
        completeness=completeness(observed_ms, start_ms, end_ms),
        points=points,
    )


def _column(store: SeriesStore, site: str, metric: str) -> str:
    """Find the column that a request means; a bare metric means the first device that tells it."""
    name = metric.rpartition(".")[2]
    if name not in CATALOGUE:
        raise BadRequest(f"there is no metric {metric!r}; the metrics are {', '.join(CATALOGUE)}")
    told = [column for column in store.columns(site) if column.rpartition(".")[2] == name]
    if "." not in metric:
        return told[0] if told else f"controller.{name}"
    if told and metric not in told:
        raise BadRequest(f"{site} has no {metric!r}; it tells {', '.join(told)}")
    return metric


def _points(store: SeriesStore, site: str, column: str, period: tuple[int, int], step: str) -> tuple[list[Point], int]:
    start_ms, end_ms = period
    if step == "raw":
        samples = store.samples(site, [column], start_ms, end_ms)[column]
        return [_raw(sample) for sample in samples], sum(sample.interval_ms for sample in samples)
    step_ms = STEPS_MS[step]
    first_ms, last_ms = start_ms - start_ms % step_ms, end_ms + -end_ms % step_ms
    if step_ms < HOUR_MS:
        buckets: Sequence[Bucket] = summarise(store.samples(site, [column], first_ms, last_ms)[column], step_ms)
    else:
        buckets = join(store.hours(site, [column], first_ms, last_ms)[column], step_ms)
    observed_ms = sum(bucket.observed_ms for bucket in buckets)
    return [_summary(bucket, step_ms) for bucket in buckets], observed_ms


def _raw(sample: Sample) -> Point:
    value = sample.value
    return Point(utc(sample.utc_ms), value, value, value, 1, 1.0, quality_of(sample.error_ms), sample.error_ms / 1000)


def _summary(bucket: Bucket, step_ms: int) -> Point:
    return Point(
        utc(bucket.start_ms),
        round(bucket.mean, 6),
        bucket.least,
        bucket.most,
        bucket.count,
        round(completeness(bucket.observed_ms, 0, step_ms), 4),
        quality_of(bucket.error_ms),
        bucket.error_ms / 1000,
    )
