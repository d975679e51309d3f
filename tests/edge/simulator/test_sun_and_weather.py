"""Light and weather before any panel sees them."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, date, datetime, timedelta
from itertools import islice, pairwise

from hypothesis import given
from hypothesis import strategies as st

from edge.simulator.sun import Place, clear_day_w_m2, clear_sky_w_m2, horizontal_clear_w_m2
from edge.simulator.weather import Sky, days

KAYA = Place(13.09, -1.08)


def test_the_sun_is_down_at_midnight_and_high_at_noon() -> None:
    """No light at night, near 1 kW/m2 on the panel at a clear noon."""
    assert sum(clear_sky_w_m2(KAYA, datetime(2026, 11, 1, 0, tzinfo=UTC))) == 0.0
    assert 900.0 < sum(clear_sky_w_m2(KAYA, datetime(2026, 11, 1, 12, tzinfo=UTC))) < 1150.0


@given(st.integers(0, 364))
def test_a_clear_day_brings_the_light_of_the_tropics(day: int) -> None:
    """Between 5 and 8 kWh/m2 on every day of the year, in light from about 6 h to 18 h."""
    beam, diffuse = clear_day_w_m2(KAYA, datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=day))
    total = [b + d for b, d in zip(beam, diffuse, strict=True)]
    assert len(total) == 1440
    assert 5.0 < sum(total) / 60_000.0 < 8.0
    assert max(total[:300] + total[1170:]) == 0.0


@given(st.floats(-1.0, 1.0), st.floats(-1.0, 1.0))
def test_a_higher_sun_never_gives_less(low: float, high: float) -> None:
    """Clear-sky irradiance on the ground grows with the sun's height and is never negative."""
    low, high = sorted((low, high))
    assert 0.0 <= horizontal_clear_w_m2(low) <= horizontal_clear_w_m2(high)


def test_the_same_seed_gives_the_same_days() -> None:
    """Two generators of one seed yield equal days, to the last minute of cloud."""
    long = list(islice(days(3, date(2026, 6, 1), luck=0.0, cleaning_days=30), 60))
    again = list(islice(days(3, date(2026, 6, 1), luck=0.0, cleaning_days=30), 60))
    assert long == again


def test_seasons_are_those_of_the_sahel() -> None:
    """Haze from November to March and never in August; rain in August and never in January."""
    year = list(islice(days(5, date(2026, 1, 1), luck=0.0, cleaning_days=30), 365))
    skies = {month: Counter(day.sky for day in year if day.day.month == month) for month in range(1, 13)}
    assert skies[1][Sky.HAZE] > 5
    assert skies[1][Sky.RAIN] == 0
    assert skies[8][Sky.RAIN] > 3
    assert skies[8][Sky.HAZE] == 0


def test_temperatures_are_those_of_the_sahel() -> None:
    """Hottest in April afternoons, coolest in January mornings, all year within 13 to 46 °C."""
    year = list(islice(days(5, date(2026, 1, 1), luck=0.0, cleaning_days=30), 365))
    assert min(min(day.ambient_c) for day in year) > 13.0
    assert 39.0 < max(max(day.ambient_c) for day in year) < 46.0
    assert all(day.ambient_c.index(max(day.ambient_c)) == 15 * 60 for day in year)


def test_bad_luck_takes_light_away() -> None:
    """Two months of bad luck bring clearly less light than two of good luck."""

    def light(luck: float) -> float:
        spell = islice(days(9, date(2026, 9, 24), luck=luck, cleaning_days=30), 60)
        return sum(sum(day.beam[480:960]) * (1.0 - day.dust_lost) for day in spell)

    assert light(-1.0) < 0.8 * light(1.0)


def test_rain_washes_and_haze_soils() -> None:
    """Dust falls on a day of rain and grows on a day of haze that nobody cleans."""
    year = list(islice(days(5, date(2026, 1, 1), luck=0.0, cleaning_days=10_000), 365))
    for before, after in pairwise(year):
        if after.sky is Sky.RAIN:
            assert after.dust_lost <= before.dust_lost
        if after.sky is Sky.HAZE and before.dust_lost < 0.29:
            assert after.dust_lost > before.dust_lost


def test_clouds_hang_together() -> None:
    """Under broken clouds one minute resembles the next far more than one an hour away."""
    spell = islice(days(1, date(2026, 7, 1), luck=0.0, cleaning_days=30), 30)
    beam = next(day.beam for day in spell if day.sky is Sky.BROKEN)[480:960]

    def change(step: int) -> float:
        return sum(abs(b - a) for a, b in zip(beam, beam[step:], strict=False)) / (len(beam) - step)

    assert change(1) < 0.5 * change(60)
