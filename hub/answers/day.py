"""One local day of a site: power, battery and slots, for its page."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from hub.answers.sessions import SessionsAnswer, sessions
from hub.answers.sites import SiteAnswer, find, one_site
from hub.answers.times import to_ms, utc
from hub.domain.columns import primary
from hub.domain.counters import risen
from hub.domain.presence import Freshness
from hub.ports import Ledger, SeriesStore
from hub.series import HOUR_MS, Bucket, completeness, summarise
from protocol.metrics import Kind, metric_of

STEP_MS = HOUR_MS // 4
METRICS = ("panel_power_w", "load_power_w", "battery_voltage_v", "soc_pct", "generated_total_kwh",
           "consumed_total_kwh", "lit", "slots_occupied")  # fmt: skip


@dataclass(frozen=True, slots=True)
class Track:
    """Quarter hours of one metric; a quarter without data is absent, never zero."""

    metric: str
    unit: str
    buckets: list[Bucket]
    completeness: float
    least: float | None
    most: float | None
    risen: float | None = None
    """How far a counter came; None for what is none."""


@dataclass(frozen=True, slots=True)
class DayAnswer:
    """A local day from midnight to midnight; `observed_until` is how far a site that sends could have been seen."""

    site: SiteAnswer
    day: date
    start_at: datetime
    end_at: datetime
    observed_until: datetime
    tracks: Mapping[str, Track]
    sessions: SessionsAnswer


def day_of(ledger: Ledger, store: SeriesStore, *, site: str, day: date | None, now_ms: int) -> DayAnswer:
    """Answer for one day, by default today in the site's time zone; raises `NotFound`."""
    zone = ZoneInfo(find(ledger, site).timezone)
    wanted = day if day is not None else utc(now_ms).astimezone(zone).date()
    start_at = datetime.combine(wanted, time(), zone)
    end_at = datetime.combine(wanted + timedelta(days=1), time(), zone)
    start_ms, end_ms = to_ms(start_at), to_ms(end_at)
    described = one_site(ledger, site, now_ms)
    until_ms = max(min(end_ms, _expected_until(described, now_ms)), start_ms)
    columns = primary(store.columns(site), METRICS)
    samples = store.samples(site, list(columns.values()), start_ms, end_ms)
    tracks = {}
    for metric, column in columns.items():
        buckets = summarise(samples[column], STEP_MS, start_ms)
        observed_ms = sum(bucket.observed_ms for bucket in buckets)
        counts = metric_of(column).kind is Kind.COUNTER
        tracks[metric] = Track(
            metric=metric,
            unit=metric_of(column).unit,
            buckets=buckets,
            completeness=completeness(observed_ms, start_ms, until_ms),
            least=min((bucket.least for bucket in buckets), default=None),
            most=max((bucket.most for bucket in buckets), default=None),
            risen=risen(sample.value for sample in samples[column]) if counts else None,
        )
    return DayAnswer(
        site=described,
        day=wanted,
        start_at=start_at,
        end_at=end_at,
        observed_until=utc(until_ms),
        tracks=tracks,
        sessions=sessions(ledger, site=site, start=start_at, end=end_at, now_ms=now_ms),
    )


def counted(track: Track | None) -> float | None:
    """Read how far a lifetime counter came on its day; None when nothing was seen."""
    return None if track is None else track.risen


def _expected_until(site: SiteAnswer, now_ms: int) -> int:
    """Tell until when data can be expected: a site that sends batches is not behind before its next one is due."""
    if site.freshness is not Freshness.CURRENT or site.newest_at is None:
        return now_ms
    return min(now_ms, to_ms(site.newest_at) + 60_000)
