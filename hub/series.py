"""Samples and their summaries: means, extremes and how complete they are, over any step. Pure.

Completeness is observed time over expected time: each sample stands for the interval of its table.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
STEPS_MS = {"15m": HOUR_MS // 4, "1h": HOUR_MS, "1d": DAY_MS}


@dataclass(frozen=True, slots=True)
class Sample:
    """One value at one moment, standing for `interval_ms`."""

    utc_ms: int
    value: float
    interval_ms: int
    error_ms: int


@dataclass(frozen=True, slots=True)
class Bucket:
    """A summary of one step: enough to be joined with others without loss."""

    start_ms: int
    total: float
    least: float
    most: float
    count: int
    observed_ms: int
    error_ms: int

    @property
    def mean(self) -> float:
        """Average the samples."""
        return self.total / self.count


def auto_step(start_ms: int, end_ms: int) -> str:
    """Choose the step that gives a chart a few hundred points."""
    span_ms = end_ms - start_ms
    if span_ms <= DAY_MS:
        return "raw"
    if span_ms <= 7 * DAY_MS:
        return "15m"
    return "1h" if span_ms <= 62 * DAY_MS else "1d"


def summarise(samples: Iterable[Sample], step_ms: int, offset_ms: int = 0) -> list[Bucket]:
    """Summarise samples in order of time; `offset_ms` shifts the grid, for days that begin at a local midnight."""
    buckets: list[Bucket] = []
    group: list[Sample] = []
    start_ms = 0
    for sample in samples:
        at_ms = sample.utc_ms - (sample.utc_ms - offset_ms) % step_ms
        if group and at_ms != start_ms:
            buckets.append(_bucket(start_ms, group))
            group = []
        start_ms = at_ms
        group.append(sample)
    if group:
        buckets.append(_bucket(start_ms, group))
    return buckets


def join(buckets: Iterable[Bucket], step_ms: int, offset_ms: int = 0) -> list[Bucket]:
    """Join summaries of a finer step into a coarser one."""
    joined: list[Bucket] = []
    for bucket in buckets:
        at_ms = bucket.start_ms - (bucket.start_ms - offset_ms) % step_ms
        moved = replace(bucket, start_ms=at_ms)
        if joined and joined[-1].start_ms == at_ms:
            joined[-1] = _both(joined[-1], moved)
        else:
            joined.append(moved)
    return joined


def _both(a: Bucket, b: Bucket) -> Bucket:
    return Bucket(
        a.start_ms,
        a.total + b.total,
        min(a.least, b.least),
        max(a.most, b.most),
        a.count + b.count,
        a.observed_ms + b.observed_ms,
        max(a.error_ms, b.error_ms),
    )


def completeness(observed_ms: int, start_ms: int, end_ms: int) -> float:
    """Give observed over expected time of a period, at most 1."""
    return min(1.0, observed_ms / (end_ms - start_ms)) if end_ms > start_ms else 0.0


def _bucket(start_ms: int, samples: Sequence[Sample]) -> Bucket:
    values = [sample.value for sample in samples]
    return Bucket(
        start_ms,
        sum(values),
        min(values),
        max(values),
        len(samples),
        sum(sample.interval_ms for sample in samples),
        max(sample.error_ms for sample in samples),
    )
