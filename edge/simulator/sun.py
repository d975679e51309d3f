"""Clear-sky sunlight on a tilted panel: where the sun is, and how much of its light a panel would get.

It knows nothing of clouds, haze or dust (see `weather`). Sun position comes from the `astral` library.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from math import cos, exp, radians, sin

from astral import Observer
from astral.sun import zenith_and_azimuth

TABLE_STEP_MIN = 10
"""Spacing of the day table; sunlight is close enough to straight over ten minutes, and a table is cheap."""

MINUTES_A_DAY = 1440
_GROUND_REFLECTION = 0.25  # bare laterite soil
_LOWEST_COS_ZENITH = 0.01


@dataclass(frozen=True, slots=True)
class Place:
    """Where a panel stands (degrees) and how it is turned: tilt from flat, azimuth clockwise from north."""

    latitude_deg: float
    longitude_deg: float
    tilt_deg: float = 15.0
    azimuth_deg: float = 180.0


def horizontal_clear_w_m2(cos_zenith: float) -> float:
    """Give the clear-sky irradiance on flat ground, W/m2 (Haurwitz 1945, coefficients 1098 and 0.059)."""
    if cos_zenith <= 0.0:
        return 0.0
    return 1098.0 * cos_zenith * exp(-0.059 / cos_zenith)


def clear_sky_w_m2(place: Place, at: datetime) -> tuple[float, float]:
    """Give beam and diffuse light on the panel's plane at a UTC instant, W/m2.

    Beam is turned by the ratio of incidence cosines; diffuse is isotropic with ground reflection (Liu-Jordan).
    """
    observer = Observer(place.latitude_deg, place.longitude_deg)
    zenith_deg, sun_azimuth_deg = zenith_and_azimuth(observer, at)
    cos_zenith = cos(radians(zenith_deg))
    horizontal = horizontal_clear_w_m2(cos_zenith)
    if cos_zenith <= _LOWEST_COS_ZENITH:
        return 0.0, horizontal
    # A clear Sahel sky scatters about an eighth of the light, more through the long path of a low sun.
    diffuse = horizontal * (0.12 + 0.5 * (1.0 - cos_zenith) ** 3)
    tilt = radians(place.tilt_deg)
    turn = radians(sun_azimuth_deg - place.azimuth_deg)
    cos_incidence = cos_zenith * cos(tilt) + sin(radians(zenith_deg)) * sin(tilt) * cos(turn)
    beam = (horizontal - diffuse) * max(0.0, cos_incidence) / max(cos_zenith, 0.1)
    seen_sky = (1.0 + cos(tilt)) / 2.0
    seen_ground = (1.0 - cos(tilt)) / 2.0
    return beam, diffuse * seen_sky + horizontal * _GROUND_REFLECTION * seen_ground


def clear_day_w_m2(place: Place, midnight: datetime) -> tuple[list[float], list[float]]:
    """Give beam and diffuse light on the panel for the 1440 minutes after `midnight` (UTC instant), W/m2."""
    marks = [
        clear_sky_w_m2(place, midnight + timedelta(minutes=minute))
        for minute in range(0, MINUTES_A_DAY + TABLE_STEP_MIN, TABLE_STEP_MIN)
    ]
    return _between([mark[0] for mark in marks]), _between([mark[1] for mark in marks])


def _between(marks: list[float]) -> list[float]:
    """Fill the minutes between table marks with straight lines."""
    minutes: list[float] = []
    for left, right in pairwise(marks):
        slope = (right - left) / TABLE_STEP_MIN
        minutes.extend(left + slope * step for step in range(TABLE_STEP_MIN))
    return minutes
