"""Whether a site's clock can be right, by the daylight on its panels, and how its rows are dated."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from hub.answers.sites import find
from hub.answers.times import Moment, moment, utc
from hub.domain.columns import primary
from hub.domain.sunshine import Daylight, Verdict, Where, judge
from hub.ports import Ledger, SeriesStore, Site
from hub.series import DAY_MS
from protocol.events import AnchorSource

DAYS = 14
"""Finished days that are looked at: their summaries are stored, and a clock that was put right is soon forgiven."""

METRICS = ("panel_voltage_v", "panel_power_w")
"""A voltage first: a full battery ends the power of a panel long before sunset, but not its voltage."""


@dataclass(frozen=True, slots=True)
class ControllerClock:
    """The controller's own clock is `ahead_s` seconds ahead of the site's local time (negative: behind).

    It dates nothing, but the controller's totals of the day begin at its midnight.
    """

    ahead_s: int
    read: Moment


@dataclass(frozen=True, slots=True)
class ClockAnswer:
    """The verdict of daylight: the clock is `ahead_h` hours ahead (negative: behind), whole days not counted.

    Clocks within `tolerance_h` agree; `place` says where the sun was looked at from: the `site`'s own coordinates, or
    the meridian of its `timezone`. Boots and rows are dated by anchors, bounded by their neighbours, or unknown.
    """

    site: str
    verdict: Verdict
    ahead_h: float | None
    days: int
    judged_by: str | None
    tolerance_h: float
    place: str
    start: datetime
    end: datetime
    boots: Mapping[str, int]
    rows: Mapping[str, int]
    sessions_unknown: int
    anchors: Mapping[str, int]
    controller: ControllerClock | None


def clock(ledger: Ledger, store: SeriesStore, *, site: str, now_ms: int) -> ClockAnswer:
    """Judge a site's clock; raises `NotFound`."""
    record = find(ledger, site)
    where = _where(record, now_ms)
    end_ms = now_ms // DAY_MS * DAY_MS
    start_ms = end_ms - DAYS * DAY_MS
    said, judged_by = Daylight(Verdict.UNKNOWN, None, 0), None
    columns = primary(store.columns(site), METRICS)
    hours = store.hours(site, list(columns.values()), start_ms, end_ms) if columns else {}
    for metric in METRICS:
        if metric in columns and said.verdict is Verdict.UNKNOWN:
            judged_by = columns[metric]
            said = judge(hours[judged_by], where, voltage=metric == METRICS[0])
    dating = ledger.dating(site)
    return ClockAnswer(
        site=site,
        verdict=said.verdict,
        ahead_h=said.ahead_h,
        days=said.days,
        judged_by=judged_by,
        tolerance_h=where.tolerance_h,
        place="site" if where.exact else "timezone",
        start=utc(start_ms),
        end=utc(end_ms),
        boots={"anchored": dating.boots_anchored, "bounded": dating.boots_bounded, "unknown": dating.boots_unknown},
        rows={"anchored": dating.rows_anchored, "bounded": dating.rows_bounded, "unknown": dating.rows_unknown},
        sessions_unknown=dating.sessions_unknown,
        anchors={AnchorSource(source).name.lower(): count for source, count in sorted(dating.anchors.items())},
        controller=_controller(ledger, record),
    )


def _controller(ledger: Ledger, site: Site) -> ControllerClock | None:
    reading = ledger.controller_clock(site.site)
    if reading is None or reading.date.utc_ms is None:
        return None
    local_ms = reading.date.utc_ms + round(_offset_s(site, reading.date.utc_ms) * 1000)
    return ControllerClock(round((reading.said_ms - local_ms) / 1000), moment(reading.date))


def _where(site: Site, now_ms: int) -> Where:
    if site.latitude is not None and site.longitude is not None:
        return Where(site.latitude, site.longitude, exact=True)
    # The equator's day is twelve hours long all the year: the best guess when the latitude is not known.
    return Where(0.0, _offset_s(site, now_ms) / 3600 * 15, exact=False)


def _offset_s(site: Site, at_ms: int) -> float:
    """Tell how far the site's local time is ahead of UTC."""
    offset = utc(at_ms).astimezone(ZoneInfo(site.timezone)).utcoffset()
    return 0.0 if offset is None else offset.total_seconds()
