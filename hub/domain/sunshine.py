"""What the panel says of the clock: the sun does not rise at noon. Pure.

A panel's light begins at sunrise and ends at sunset. Compared with where the sun stands at the site, the two find a
clock that is hours wrong; whole days wrong they cannot find. A full battery ends a panel's power long before sunset,
and clouds dim it, but neither takes its voltage: so dusk is believed of a voltage only.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from math import acos, cos, degrees, pi, radians, sin
from statistics import median

from hub.series import DAY_MS, HOUR_MS, Bucket

ERROR_MAX_MS = 10 * 60_000
"""Hours whose own date is less sure than this say nothing about the clock."""

OBSERVED_MIN_MS = HOUR_MS // 2
DARK_HOURS = 3
DAYS_MIN = 3
SPREAD_MAX_H = 1.5
"""Days that disagree by more among themselves are no verdict."""

TOLERANCE_H = 1.5
TOLERANCE_NO_PLACE_H = 3.0
"""Without coordinates: a time zone may lie an hour and more off its meridian, and the season is not known."""

_HORIZON_DEG = -0.83
_DARK_SHARE = 0.5
_POWER_SHARE = 0.02
_POWER_LEAST_W = 1.0
_POWER_LATE_H = 0.35  # a charger wakes some time after sunrise, and an hour with and without power tells no more
_CONTRAST_MIN = 0.3


class Verdict(StrEnum):
    """What daylight says of a clock."""

    AGREES = "agrees"
    AHEAD = "ahead"
    BEHIND = "behind"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Where:
    """Where the sun is looked at from; `exact` when these are the site's own coordinates."""

    latitude_deg: float
    longitude_deg: float
    exact: bool

    @property
    def tolerance_h(self) -> float:
        """Say how far a clock may seem to be off without being called wrong."""
        return TOLERANCE_H if self.exact else TOLERANCE_NO_PLACE_H


@dataclass(frozen=True, slots=True)
class Daylight:
    """The verdict: how far the clock is ahead (hours, negative when behind), by so many days."""

    verdict: Verdict
    ahead_h: float | None
    days: int


@dataclass(frozen=True, slots=True)
class _Turn:
    """When light came or went, by the site's clock."""

    at_ms: float
    dawn: bool


def sun_times_ms(where: Where, day: int) -> tuple[float, float]:
    """Give sunrise and sunset (UTC) of the solar day around noon of this UTC day, to a few minutes (NOAA)."""
    turn = 2 * pi / 365.25 * ((day - 10_957) % 365.25 + 0.5)  # from the first of January 2000 on
    equation_min = 229.18 * (
        0.000075 + 0.001868 * cos(turn) - 0.032077 * sin(turn) - 0.014615 * cos(2 * turn) - 0.040849 * sin(2 * turn)
    )
    tilt = 0.006918 - 0.399912 * cos(turn) + 0.070257 * sin(turn) - 0.006758 * cos(2 * turn) + 0.000907 * sin(2 * turn)
    latitude = radians(where.latitude_deg)
    height = (sin(radians(_HORIZON_DEG)) - sin(latitude) * sin(tilt)) / (cos(latitude) * cos(tilt))
    half_h = degrees(acos(max(-1.0, min(1.0, height)))) / 15
    noon_h = 12 - where.longitude_deg / 15 - equation_min / 60
    return day * DAY_MS + (noon_h - half_h) * HOUR_MS, day * DAY_MS + (noon_h + half_h) * HOUR_MS


def judge(hours: Sequence[Bucket], where: Where, *, voltage: bool) -> Daylight:
    """Judge a clock by the hourly summaries of a panel's voltage, or of its power, in order of time."""
    turns = _turns([hour for hour in hours if _counts(hour)], voltage=voltage)
    offs: dict[bool, list[float]] = {True: [], False: []}
    for turn in turns:
        expected = [sun_times_ms(where, day)[0 if turn.dawn else 1] for day in _days_around(turn.at_ms)]
        nearest_ms = min((turn.at_ms - moment_ms for moment_ms in expected), key=abs)
        offs[turn.dawn].append(nearest_ms / HOUR_MS)
    days = min(len(offs[True]), len(offs[False])) if voltage else len(offs[True])
    if days < DAYS_MIN:
        return Daylight(Verdict.UNKNOWN, None, days)
    sides = [_middle(offs[dawn]) for dawn in ((True, False) if voltage else (True,))]
    known = [side for side in sides if side is not None]
    middle_h = _middle(known) if len(known) == len(sides) else None
    if middle_h is None:
        return Daylight(Verdict.UNKNOWN, None, days)
    ahead_h = middle_h if voltage else _wrapped(middle_h - _POWER_LATE_H)
    return Daylight(_verdict(ahead_h, where.tolerance_h), round(ahead_h, 1), days)


def _verdict(ahead_h: float, tolerance_h: float) -> Verdict:
    if abs(ahead_h) < tolerance_h:
        return Verdict.AGREES
    return Verdict.AHEAD if ahead_h > 0 else Verdict.BEHIND


def _counts(hour: Bucket) -> bool:
    return hour.observed_ms >= OBSERVED_MIN_MS and hour.error_ms <= ERROR_MAX_MS


def _days_around(at_ms: float) -> range:
    day = int(at_ms // DAY_MS)
    return range(day - 1, day + 2)


def _middle(offs: Sequence[float]) -> float | None:
    """Take the median on a clock face of 24 hours; None when the values lie too far apart to have one."""
    centre = min(offs, key=lambda one: sum(abs(_wrapped(other - one)) for other in offs))
    around = [_wrapped(one - centre) for one in offs]
    if median(abs(one) for one in around) > SPREAD_MAX_H:
        return None
    return _wrapped(centre + median(around))


def _wrapped(off_h: float) -> float:
    return (off_h + 12) % 24 - 12


def _turns(hours: Sequence[Bucket], *, voltage: bool) -> list[_Turn]:
    """Find where light came after some dark hours, and where it went before some; a gap in the data is neither."""
    levels = _levels(hours, voltage=voltage)
    if levels is None:
        return []
    low, high, line = levels
    lit = {hour.start_ms: hour.most > line for hour in hours}
    turns = []
    for hour in hours:
        if not lit[hour.start_ms]:
            continue
        before = [lit.get(hour.start_ms - step * HOUR_MS) for step in range(1, DARK_HOURS + 1)]
        after = [lit.get(hour.start_ms + step * HOUR_MS) for step in range(1, DARK_HOURS + 1)]
        share = min(1.0, max(0.0, (hour.mean - low) / (high - low))) if voltage else 0.5
        share = share if hour.least <= line else 1.0
        if not any(one is not False for one in before):
            turns.append(_Turn(hour.start_ms + (1 - share) * HOUR_MS, dawn=True))
        if not any(one is not False for one in after):
            turns.append(_Turn(hour.start_ms + share * HOUR_MS, dawn=False))
    return turns


def _levels(hours: Sequence[Bucket], *, voltage: bool) -> tuple[float, float, float] | None:
    """Give the levels of night and day and the line between; None when there is no difference to speak of."""
    if not hours:
        return None
    means = sorted(hour.mean for hour in hours)
    low, high = means[len(means) // 10], means[len(means) * 9 // 10]
    if high <= 0 or (high - low) < _CONTRAST_MIN * high:
        return None
    if voltage:
        return low, high, low + _DARK_SHARE * (high - low)
    return low, high, max(_POWER_LEAST_W, low + _POWER_SHARE * (high - low))
