"""Days as answers give them, made by hand for the pure tests of the pages."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from hub.answers.day import STEP_MS, DayAnswer, Track
from hub.answers.sessions import SessionAnswer, SessionsAnswer
from hub.answers.sites import SiteAnswer
from hub.answers.times import Moment, to_ms, utc
from hub.domain.charging import ToCheck
from hub.domain.counters import risen
from hub.domain.presence import Freshness
from hub.ingest.dating import TimeQuality
from hub.series import Bucket
from protocol.metrics import CATALOGUE
from protocol.states import Words

MONDAY = date(2026, 11, 23)
WHOLE = range(96)
NIGHT = datetime(2026, 11, 24, 8, tzinfo=UTC)
"""The morning after: Monday is over."""

Level = float | tuple[float, float]


def site(  # noqa: PLR0913  a site has these parts
    *,
    freshness: Freshness = Freshness.CURRENT,
    newest: datetime | None = NIGHT,
    heard: datetime | None = NIGHT,
    soc_pct: float | None = 87.0,
    volts: float | None = 13.1,
    watts: float | None = 65.4,
    slots: tuple[int, ...] = (1, 2, 3, 4),
    occupied: tuple[int, ...] | None = (1, 3),
    name: str = "École simulée A",
    kind: str = "school",
    zone: str = "Africa/Ouagadougou",
    faults: tuple[Words, ...] | None = (),
) -> SiteAnswer:
    """Describe a site."""
    return SiteAnswer(
        site="ecole-a", name=name, kind=kind, commune="Boussouma", timezone=zone, freshness=freshness,
        newest_at=newest, heard_at=heard, connected=True, battery_voltage_v=volts, soc_pct=soc_pct,
        panel_power_w=watts, load_power_w=watts, slots=slots, slots_occupied=occupied,
        faults=faults,
    )  # fmt: skip


def track(metric: str, levels: Mapping[int, Level], *, start: datetime, completeness: float = 1.0) -> Track:
    """Lay out a track: per quarter hour one level, or the least and the most."""
    buckets = []
    for quarter, level in levels.items():
        least, most = level if isinstance(level, tuple) else (level, level)
        at_ms = to_ms(start) + quarter * STEP_MS
        buckets.append(Bucket(at_ms, least + most, least, most, 2, STEP_MS, 0))
    return Track(
        metric=metric,
        unit=CATALOGUE[metric].unit,
        buckets=buckets,
        completeness=completeness,
        least=min((bucket.least for bucket in buckets), default=None),
        most=max((bucket.most for bucket in buckets), default=None),
        risen=risen(level for bucket in buckets for level in (bucket.least, bucket.most)),
    )


def day(
    tracks: Mapping[str, Mapping[int, Level]] | None = None,
    *,
    now: datetime = NIGHT,
    of: SiteAnswer | None = None,
    sessions: Iterable[SessionAnswer] = (),
    on: date = MONDAY,
    completeness: float = 1.0,
) -> DayAnswer:
    """Lay out a day as it is known at a moment."""
    described = of if of is not None else site()
    zone = ZoneInfo(described.timezone)
    start, end = datetime.combine(on, time(), zone), datetime.combine(on + timedelta(days=1), time(), zone)
    found = list(sessions)
    dated = [session for session in found if session.start.at is not None]
    return DayAnswer(
        site=described,
        day=on,
        start_at=start,
        end_at=end,
        observed_until=min(end.astimezone(UTC), now),
        tracks={
            metric: track(metric, levels, start=start, completeness=completeness)
            for metric, levels in (tracks or {}).items()
        },
        sessions=SessionsAnswer(
            site=described.site, start=start, end=end,
            ended=sum(session.end is not None for session in dated),
            open=sum(session.end is None for session in dated),
            to_check=sum(bool(session.to_check) for session in dated),
            time_unknown=len(found) - len(dated), sessions=found,
        ),
    )  # fmt: skip


def at(hour: float, *, error_s: float = 0.1, on: date = MONDAY) -> Moment:
    """Give a moment of a day in UTC, which is the time of Ouagadougou."""
    quality = TimeQuality.SYNCED if error_s <= 2 else TimeQuality.RECONSTRUCTED
    return Moment(utc(to_ms(datetime.combine(on, time(), UTC)) + round(hour * 3_600_000)), quality, error_s)


SOMETIME = Moment(None, TimeQuality.UNKNOWN, None)


def charge(slot: int, start: Moment, end: Moment | None, *to_check: ToCheck) -> SessionAnswer:
    """Lay out a charging session."""
    seconds = None
    if start.at is not None and end is not None and end.at is not None:
        seconds = int((end.at - start.at).total_seconds())
    return SessionAnswer(f"7-{slot}", slot, start, end, seconds, None if end is None else "unplugged", to_check)


def sun(peak: float = 400.0) -> dict[int, Level]:
    """Give the power of a clear day, quarter by quarter."""
    return {q: max(0.0, peak * (1 - ((q - 48) / 24) ** 2)) if 24 < q < 72 else 0.0 for q in WHOLE}


def flat(level: Level, quarters: Iterable[int] = WHOLE) -> dict[int, Level]:
    """Give one level for some quarters."""
    return dict.fromkeys(quarters, level)
