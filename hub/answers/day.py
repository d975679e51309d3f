"""One local day of a site: power, battery and slots, for its page."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from hub.answers.sessions import SessionsAnswer, sessions
from hub.answers.sites import SiteAnswer, find, one_site
from hub.answers.times import to_ms, utc
from hub.ports import Ledger, SeriesStore
from hub.series import HOUR_MS, Bucket, completeness, summarise
from protocol.metrics import Kind, metric_of

STEP_MS = HOUR_MS // 4
METRICS = ("panel_power_w", "load_power_w", "battery_voltage_v", "soc_pct", "generated_today_kwh",
           "consumed_today_kwh", "lit")  # fmt: skip


@dataclass(frozen=True, slots=True)
class Track:
    """Quarter hours of one metric; a quarter without data is absent, never zero."""

    metric: str
    unit: str
    buckets: list[Bucket]
    completeness: float
    least: float | None
    most: float | None


@dataclass(frozen=True, slots=True)
class DayAnswer:
    """A local day from midnight to midnight; `end_at` of today is tomorrow, `observed_until` is now."""

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
    until_ms = max(min(end_ms, now_ms), start_ms)
    columns = _columns(store, site)
    samples = store.samples(site, list(columns.values()), start_ms, end_ms)
    tracks = {}
    for metric, column in columns.items():
        buckets = summarise(samples[column], STEP_MS, start_ms)
        observed_ms = sum(bucket.observed_ms for bucket in buckets)
        tracks[metric] = Track(
            metric=metric,
            unit=metric_of(column).unit,
            buckets=buckets,
            completeness=completeness(observed_ms, start_ms, until_ms),
            least=min((bucket.least for bucket in buckets), default=None),
            most=max((bucket.most for bucket in buckets), default=None),
        )
    return DayAnswer(
        site=one_site(ledger, site, now_ms),
        day=wanted,
        start_at=start_at,
        end_at=end_at,
        observed_until=utc(until_ms),
        tracks=tracks,
        sessions=sessions(ledger, site=site, start=start_at, end=end_at, now_ms=now_ms),
    )


def counted(track: Track | None) -> float | None:
    """Read how far a counter came on its day; None when nothing was seen."""
    if track is None or metric_of(track.metric).kind is not Kind.COUNTER:
        return None
    return track.most


def _columns(store: SeriesStore, site: str) -> dict[str, str]:
    """Find one column for each metric of the page."""
    found: dict[str, str] = {}
    for column in store.columns(site):
        metric = metric_of(column).name
        if metric in METRICS:
            found.setdefault(metric, column)
    return found
