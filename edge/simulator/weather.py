"""Seeded days of Sahel weather: how much of the clear-sky light comes through, how hot it is, how dusty panels get.

The odds and temperatures are rounded shapes of the climate around 13 degrees north, not a record of any place or
year. Days come in order from one generator, because rain spells and dust carry over from day to day.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from math import cos, exp, pi
from random import Random
from statistics import NormalDist

from edge.simulator.sun import MINUTES_A_DAY


class Sky(StrEnum):
    """What a day is like."""

    CLEAR = "clear"
    HAZE = "haze"
    BROKEN = "broken clouds"
    OVERCAST = "overcast"
    RAIN = "rain"


@dataclass(frozen=True, slots=True)
class DayWeather:
    """One local day by the minute: share of clear-sky beam and diffuse light, ambient °C, light lost to dust."""

    day: date
    sky: Sky
    beam: list[float]
    diffuse: list[float]
    ambient_c: list[float]
    dust_lost: float


_SKIES = tuple(Sky)

_ODDS_BY_MONTH = (
    # clear haze broken overcast rain
    (45, 45, 8, 2, 0),
    (40, 45, 12, 3, 0),
    (35, 40, 20, 5, 0),
    (40, 20, 30, 8, 2),
    (40, 10, 35, 8, 7),
    (30, 5, 40, 10, 15),
    (20, 0, 42, 15, 23),
    (12, 0, 40, 20, 28),
    (20, 0, 42, 16, 22),
    (48, 5, 35, 6, 6),
    (62, 25, 10, 3, 0),
    (50, 40, 8, 2, 0),
)
_ILL_LUCK = (-0.8, 0.6, 0.4, 1.3, 1.0)  # how much bad luck favours each sky
_SAME_AS_YESTERDAY = 0.4

_NIGHT_DAY_C_BY_MONTH = (
    (18.0, 32.0),
    (20.5, 35.5),
    (24.0, 38.5),
    (27.0, 40.5),
    (27.5, 39.5),
    (25.5, 36.5),
    (24.0, 33.5),
    (23.0, 32.0),
    (23.0, 33.5),
    (23.5, 36.5),
    (20.5, 35.5),
    (18.5, 32.5),
)
_WET_MONTHS = (6, 7, 8, 9)

_FIRST_LIGHT_MIN = 300
_LAST_LIGHT_MIN = 1170
_CLOUD_MEMORY = exp(-1.0 / 9.0)  # a cloud's shadow is remembered for about nine minutes
_CLOUD_EDGE = 0.3
_DUST_MOST = 0.3
_DUST_LEAST = 0.01
_RAIN_KEEPS_DUST = 0.15


def _warmth(minute: int) -> float:
    """Share of the way from the night's low (6 h) to the day's high (15 h): two half cosines."""
    hour = minute / 60.0
    if 6.0 <= hour < 15.0:  # noqa: PLR2004 - the two turning hours named above
        return (1.0 - cos(pi * (hour - 6.0) / 9.0)) / 2.0
    return (1.0 + cos(pi * ((hour - 15.0) % 24.0) / 15.0)) / 2.0


_WARMTH = tuple(_warmth(minute) for minute in range(MINUTES_A_DAY))


def days(seed: int, first: date, *, luck: float, cleaning_days: int) -> Iterator[DayWeather]:
    """Yield each local day's weather from `first` on, the same for the same seed; `luck` -1 (bad) to 1 (good)."""
    sky: Sky | None = None
    dust = 0.03
    day = first
    while True:
        draw = Random(f"{seed}/weather/{day.isoformat()}")  # noqa: S311 - a reproducible village, no secret
        sky = _pick_sky(draw, day.month, luck, sky)
        dust = _dust_after(dust, draw, day, sky, cleaning_days)
        beam, diffuse = _light(draw, sky)
        yield DayWeather(day, sky, beam, diffuse, _ambient_c(draw, day.month, sky), dust)
        day += timedelta(days=1)


def _pick_sky(draw: Random, month: int, luck: float, yesterday: Sky | None) -> Sky:
    """Draw a sky from the month's odds, bent by luck, with some memory of yesterday."""
    odds = [weight * exp(-luck * bend) for weight, bend in zip(_ODDS_BY_MONTH[month - 1], _ILL_LUCK, strict=True)]
    stays = draw.random() < _SAME_AS_YESTERDAY
    fresh = draw.choices(_SKIES, odds)[0]
    if stays and yesterday is not None and odds[_SKIES.index(yesterday)] > 0:
        return yesterday
    return fresh


def _dust_after(dust: float, draw: Random, day: date, sky: Sky, cleaning_days: int) -> float:
    """Share of light lost to dust after this day: haze adds, rain washes, somebody cleans now and then."""
    if sky is Sky.RAIN:
        return max(_DUST_LEAST, dust * _RAIN_KEEPS_DUST)
    if day.toordinal() % cleaning_days == 0:
        return _DUST_LEAST
    daily = 0.0008 if day.month in _WET_MONTHS else 0.0025
    if sky is Sky.HAZE:
        daily += 0.004
    return min(_DUST_MOST, dust + daily * draw.uniform(0.5, 1.5))


def _ambient_c(draw: Random, month: int, sky: Sky) -> list[float]:
    """Ambient temperature by the minute, °C: the month's low and high, a day's whim, cooler under clouds."""
    low, high = _NIGHT_DAY_C_BY_MONTH[month - 1]
    whim = draw.gauss(0.0, 1.2)
    low += whim
    high += whim
    if sky is Sky.OVERCAST:
        high -= 3.0
    elif sky is Sky.RAIN:
        high -= 5.0
    return [low + (high - low) * warmth for warmth in _WARMTH]


def _light(draw: Random, sky: Sky) -> tuple[list[float], list[float]]:
    """Share of clear-sky beam and diffuse light by the minute (1.0 = clear)."""
    haze = draw.uniform(0.3, 0.65) if sky is Sky.HAZE else draw.uniform(0.0, 0.06)
    cover = {
        Sky.CLEAR: 0.0,
        Sky.HAZE: 0.02,
        Sky.BROKEN: draw.uniform(0.2, 0.55),
        Sky.OVERCAST: draw.uniform(0.86, 0.97),
        Sky.RAIN: draw.uniform(0.4, 0.65),
    }[sky]
    storm_from, storm_to = 0, 0
    if sky is Sky.RAIN:
        storm_from = draw.randrange(480, 1020)
        storm_to = storm_from + draw.randrange(90, 300)
    clear_beam = 1.0 - haze
    clear_diffuse = 1.0 + 0.9 * haze
    beam = [clear_beam] * MINUTES_A_DAY
    diffuse = [clear_diffuse] * MINUTES_A_DAY
    if cover == 0.0:
        return beam, diffuse
    threshold = NormalDist().inv_cdf(1.0 - cover)
    storm_threshold = NormalDist().inv_cdf(0.005)
    fresh = (1.0 - _CLOUD_MEMORY**2) ** 0.5
    gauss = draw.gauss
    level = gauss(0.0, 1.0)
    for minute in range(_FIRST_LIGHT_MIN, _LAST_LIGHT_MIN):
        level = level * _CLOUD_MEMORY + gauss(0.0, fresh)
        storm = storm_from <= minute < storm_to
        over = (level - (storm_threshold if storm else threshold)) / _CLOUD_EDGE
        cloud = 1.0 / (1.0 + exp(-max(-30.0, min(30.0, over))))
        beam[minute] = clear_beam * (1.0 - 0.93 * cloud)
        # A thin cloud brightens the rest of the sky; a storm darkens it.
        diffuse[minute] = clear_diffuse * (1.0 + (-0.4 if storm else 0.45) * cloud)
    return beam, diffuse
