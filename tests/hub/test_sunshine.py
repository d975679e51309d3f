"""The daylight check: clocks that are hours wrong are found, and no good clock is called wrong."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache

import pytest
from astral import Observer
from astral.sun import sunrise, sunset

from edge.simulator.village import Village, VillageSpec, health_centre, school, unlucky_school
from hub.domain.sunshine import DAYS_MIN, Verdict, Where, judge, sun_times_ms
from hub.series import DAY_MS, HOUR_MS, Bucket, Sample, summarise

KAYA = Where(13.09, -1.08, exact=True)
MERIDIAN = Where(0.0, 0.0, exact=False)
STARTS = tuple(datetime(2026, month, 3, tzinfo=UTC) for month in (1, 4, 8, 10))
VILLAGES = (school, unlucky_school, health_centre)
OFFSETS_H = (-12, -11, -9, -6, -4, -3, -2, -0.9, -0.5, 0, 0.5, 0.9, 2, 3, 4, 6, 9, 11)
DAYS = 8


@cache
def lived(describe: int, season: int, metric: str) -> list[Sample]:
    """Let a village live for some days under the worst luck with the weather, read every five minutes."""
    spec: VillageSpec = VILLAGES[describe](7 + season, STARTS[season])
    village = Village(replace(spec, weather_luck=-1.0))
    found = []
    for step in range(DAYS * 288):
        at = STARTS[season] + timedelta(minutes=5 * step)
        village.advance(at)
        value = village.readings(at)[metric]
        found.append(Sample(round(at.timestamp() * 1000), value, 300_000, 100))
    return found


def hours(samples: Sequence[Sample], ahead_h: float = 0.0, error_ms: int = 100) -> list[Bucket]:
    """Summarise by a clock that is ahead by so many hours."""
    moved = [replace(one, utc_ms=one.utc_ms + round(ahead_h * HOUR_MS), error_ms=error_ms) for one in samples]
    return summarise(moved, HOUR_MS)


def right(verdict: Verdict, ahead_h: float, found_h: float | None) -> bool:
    """Tell whether this may be said of a clock that is ahead by so much."""
    if abs(ahead_h) < 1:
        return verdict is Verdict.AGREES
    if abs(ahead_h) == 12:
        return verdict in (Verdict.AHEAD, Verdict.BEHIND)
    return verdict is (Verdict.AHEAD if ahead_h > 0 else Verdict.BEHIND) and abs((found_h or 0) - ahead_h) < 1


@pytest.mark.parametrize("metric", ["panel_voltage_v", "panel_power_w"])
def test_a_clock_two_hours_wrong_is_found_and_one_under_an_hour_is_not_called_wrong(metric: str) -> None:
    """In every season and bad weather, with small and large batteries; the table is printed."""
    wrong = []
    for describe, village in enumerate(VILLAGES):
        for season, start in enumerate(STARTS):
            samples = lived(describe, season, metric)
            row = []
            for ahead_h in OFFSETS_H:
                said = judge(hours(samples, ahead_h), KAYA, voltage=metric == "panel_voltage_v")
                row.append("  ?  " if said.ahead_h is None else f"{said.ahead_h:+5.1f}")
                if not right(said.verdict, ahead_h, said.ahead_h):
                    wrong.append((village.__name__, start.month, ahead_h, said))
            print(f"{metric:16} {village.__name__:15} {start:%b}", *row)  # noqa: T201  for the report
    assert wrong == []


def test_without_coordinates_the_meridian_of_the_time_zone_serves() -> None:
    """A good clock agrees there too; four hours are found, less may not be."""
    for season in range(len(STARTS)):
        samples = lived(0, season, "panel_voltage_v")
        assert judge(hours(samples), MERIDIAN, voltage=True).verdict is Verdict.AGREES
        assert judge(hours(samples, 4), MERIDIAN, voltage=True).verdict is Verdict.AHEAD
        assert judge(hours(samples, -4), MERIDIAN, voltage=True).verdict is Verdict.BEHIND


def test_gaps_and_wide_dates_leave_it_unknown_rather_than_wrong() -> None:
    """Nights without data, dates with wide bounds, too few days and a panel that is never lit tell nothing."""
    samples = lived(0, 0, "panel_voltage_v")
    by_day = [one for one in samples if 7 <= one.utc_ms // HOUR_MS % 24 < 17]
    assert judge(hours(by_day), KAYA, voltage=True).verdict is Verdict.UNKNOWN
    assert judge(hours(samples, error_ms=HOUR_MS), KAYA, voltage=True).verdict is Verdict.UNKNOWN
    assert judge(hours(samples[: 288 * (DAYS_MIN - 1)]), KAYA, voltage=True).verdict is Verdict.UNKNOWN
    dark = [replace(one, value=0.0) for one in samples]
    assert judge(hours(dark), KAYA, voltage=True).verdict is Verdict.UNKNOWN
    assert judge([], KAYA, voltage=True).verdict is Verdict.UNKNOWN


def test_days_that_contradict_each_other_are_no_verdict() -> None:
    """A clock that was set to and fro has no one error."""
    samples = lived(0, 0, "panel_voltage_v")
    moved = [
        replace(one, utc_ms=one.utc_ms + [0, 4, 8, 12][index // 288 % 4] * HOUR_MS) for index, one in enumerate(samples)
    ]
    moved.sort(key=lambda one: one.utc_ms)
    assert judge(summarise(moved, HOUR_MS), KAYA, voltage=True).verdict is Verdict.UNKNOWN


@pytest.mark.parametrize("latitude_deg", [-33.0, 0.0, 13.0, 45.0])
def test_the_sun_stands_where_astronomers_say(latitude_deg: float) -> None:
    """Sunrise and sunset agree within minutes with a library made for it."""
    for day in range(20_600, 20_965, 30):
        date = datetime.fromtimestamp(day * DAY_MS / 1000, UTC).date()
        observer = Observer(latitude_deg, -1.5)
        up, down = sun_times_ms(Where(latitude_deg, -1.5, exact=True), day)
        assert abs(up / 1000 - sunrise(observer, date).timestamp()) < 300
        assert abs(down / 1000 - sunset(observer, date).timestamp()) < 300
