"""What people do by the calendar: school days, market days, evening lights, fan and fridge.

Everything is in local time and drawn from a seed and a date alone, so that one evening never changes another.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from random import Random

from edge.simulator.sun import MINUTES_A_DAY


class Kind(StrEnum):
    """Which building the panels stand on."""

    SCHOOL = "school"
    HEALTH_CENTRE = "health_centre"


@dataclass(frozen=True, slots=True, kw_only=True)
class Appliances:
    """What the building draws besides phones, in watts while it runs; evening lights in local hours."""

    lights_w: float
    lights_from_h: float = 18.2
    lights_until_h: float = 21.5
    night_light_w: float = 0.0
    fridge_w: float = 0.0
    fan_w: float = 0.0


@dataclass(frozen=True, slots=True)
class DayDemand:
    """One local day by the minute: whether the lighting circuit is switched on, and all watts wanted."""

    lights: list[bool]
    watts: list[float]


_SATURDAY = 5
_MARKET_CYCLE_DAYS = 3
_FAN_HOURS = (9 * 60, 16 * 60)
_FAN_FROM_C = 32.0
_FRIDGE_CYCLE_MIN = 45
_NIGHT_LIGHT_UNTIL_MIN = 6 * 60


def is_school_day(day: date) -> bool:
    """Say whether classes are held: Monday to Friday, October to mid-July, without the year's end."""
    if day.weekday() >= _SATURDAY:
        return False
    month_day = (day.month, day.day)
    summer = (7, 15) < month_day < (10, 1)
    year_end = month_day > (12, 19) or month_day < (1, 4)
    return not summer and not year_end


def is_market_day(day: date) -> bool:
    """Say whether the market is held: every third day, whatever the weekday."""
    return day.toordinal() % _MARKET_CYCLE_DAYS == 0


def demand_on(seed: int, day: date, *, kind: Kind, appliances: Appliances, ambient_c: list[float]) -> DayDemand:
    """Draw one local day: evening lights with people's whims, a fan in the heat, a fridge that cycles."""
    draw = Random(f"{seed}/habits/{day.isoformat()}")  # noqa: S311 - a reproducible village, no secret
    lights_from, lights_until = _evening(draw, day, kind, appliances)
    fan_today = kind is Kind.HEALTH_CENTRE or is_school_day(day)
    lights: list[bool] = []
    watts: list[float] = []
    for minute in range(MINUTES_A_DAY):
        lit = lights_from <= minute < lights_until
        lights.append(lit)
        total = appliances.lights_w if lit else 0.0
        if minute < _NIGHT_LIGHT_UNTIL_MIN or minute >= lights_until:
            total += appliances.night_light_w
        if fan_today and _FAN_HOURS[0] <= minute < _FAN_HOURS[1] and ambient_c[minute] > _FAN_FROM_C:
            total += appliances.fan_w
        if appliances.fridge_w and minute % _FRIDGE_CYCLE_MIN < _FRIDGE_CYCLE_MIN * _duty(ambient_c[minute]):
            total += appliances.fridge_w
        watts.append(total)
    return DayDemand(lights, watts)


def _duty(ambient_c: float) -> float:
    """Share of the time a fridge's compressor runs: about a third at 25 °C, over half at 40 °C."""
    return min(0.9, max(0.15, 0.33 + 0.016 * (ambient_c - 25.0)))


def _evening(draw: Random, day: date, kind: Kind, appliances: Appliances) -> tuple[int, int]:
    """First and last minute of the evening's light; a school out of session seldom lights up."""
    whim_on = draw.uniform(-10.0, 15.0)
    whim_off = draw.gauss(0.0, 15.0)
    stays_dark = draw.random()
    used = kind is Kind.HEALTH_CENTRE or stays_dark < _evening_odds(day)
    if not used:
        return MINUTES_A_DAY, MINUTES_A_DAY
    begin = int(appliances.lights_from_h * 60.0 + whim_on)
    end = int(appliances.lights_until_h * 60.0 + max(-45.0, min(45.0, whim_off)))
    return begin, min(MINUTES_A_DAY, max(begin, end))


def _evening_odds(day: date) -> float:
    """Odds that pupils come to study: the evenings before and of a school day, else now and then."""
    if is_school_day(day):
        return 0.96
    return 0.6 if is_school_day(day + timedelta(days=1)) else 0.2
