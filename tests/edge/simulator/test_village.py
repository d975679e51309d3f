"""The village as a whole: the same whoever asks, plausible by day and night, and true to its own truth."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edge.simulator.village import Village, VillageSpec, health_centre, school, unlucky_school
from protocol.metrics import CATALOGUE

START = datetime(2026, 10, 12, tzinfo=UTC)
SIXTY_DAYS = datetime(2026, 9, 24, tzinfo=UTC)


@settings(max_examples=10, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.integers(1, 40_000), min_size=1, max_size=20))
def test_how_one_steps_changes_nothing(steps_s: list[int]) -> None:
    """Any walk of advances, readings and look-aheads to the same instant finds the same village."""
    walked, straight = Village(unlucky_school(3, START)), Village(unlucky_school(3, START))
    at = START
    for number, step_s in enumerate(steps_s):
        at += timedelta(seconds=step_s)
        if number % 3 == 0:
            walked.next_change(at)
        elif number % 3 == 1:
            walked.readings(at)
        else:
            walked.advance(at)
    straight.advance(at)
    assert walked.readings(at) == straight.readings(at)
    assert walked.levels(at) == straight.levels(at)
    assert walked.truth(at) == straight.truth(at)


def test_another_seed_is_another_village() -> None:
    """Weather and customers differ between seeds."""
    truths = [Village(school(seed, START)).truth(START + timedelta(days=2)) for seed in (1, 2)]
    assert truths[0].charges != truths[1].charges
    assert truths[0].generated_kwh != truths[1].generated_kwh


def test_more_customers_do_not_change_the_weather() -> None:
    """Each concern draws from its own stream: a crowd at the kiosk leaves the sky and the lights as they were."""
    quiet = Village(VillageSpec(name="v", seed=5, start=START, crowd=0.2))
    crowded = Village(VillageSpec(name="v", seed=5, start=START, crowd=2.0))
    at = START + timedelta(days=3, hours=7)
    assert quiet.truth(at).lit_minutes == crowded.truth(at).lit_minutes
    assert quiet.readings(at)["battery_temp_c"] == crowded.readings(at)["battery_temp_c"]
    assert len(quiet.truth(at).charges) < len(crowded.truth(at).charges)


@pytest.mark.parametrize("preset", [school, health_centre, unlucky_school])
def test_readings_are_catalogue_metrics_in_range_and_counters_grow(
    preset: Callable[[int, datetime], VillageSpec],
) -> None:
    """Every reading of two days is known and plausible; total counters never fall, today's only at midnight."""
    village = Village(preset(1, START))
    before: dict[str, float] = {}
    for step in range(2 * 24 * 6 * 5):
        at = START + timedelta(seconds=120 * step + step % 7)
        readings = village.readings(at)
        assert len(readings) == 55
        for name, value in readings.items():
            assert CATALOGUE[name].plausible(value), (name, value, at)
        for name in ("generated_total_kwh", "consumed_total_kwh"):
            assert readings[name] >= before.get(name, 0.0)
        for name in ("generated_today_kwh", "consumed_today_kwh"):
            assert readings[name] >= before.get(name, 0.0) or at.hour == at.minute == 0
        low, high = readings["battery_voltage_min_today_v"], readings["battery_voltage_max_today_v"]
        assert low <= readings["battery_voltage_v"] <= high
        before = readings


def test_night_and_day_look_like_night_and_day(lived_school: Village) -> None:
    """Dark and idle at two in the morning, charging by a working panel at ten, on each of two days."""
    for day in (19, 20):
        night = lived_school.readings(START + timedelta(days=day, hours=2))
        assert night["night"] == 1.0
        assert night["panel_power_w"] < 0.01
        assert night["charge_stage"] == 0.0
        assert night["battery_current_a"] <= 0.0
        noon = lived_school.readings(START + timedelta(days=day, hours=10))
        assert noon["night"] == 0.0
        assert noon["panel_power_w"] > 10.0
        assert noon["charge_power_w"] < noon["panel_power_w"]
        assert 13.0 < noon["battery_voltage_v"] < 14.7


def test_live_polls_move(lived_school: Village) -> None:
    """Polled every ten seconds, voltages and currents are never frozen, and the same instant says the same."""
    at = START + timedelta(days=20, hours=10, seconds=5)
    polls = [lived_school.readings(at + timedelta(seconds=10 * poll)) for poll in range(30)]
    assert len({poll["battery_voltage_v"] for poll in polls}) > 20
    assert len({poll["panel_current_a"] for poll in polls}) == 30
    assert polls[3] == lived_school.readings(at + timedelta(seconds=30))


def test_evening_light_falls_in_the_evening(lived_school: Village) -> None:
    """Lit minutes lie between 18 h and 23 h, a few hours on a school evening, and the load shows them."""
    truth = lived_school.truth(START + timedelta(days=21))
    lit = [minute for minute in range(1440) if lived_school.lights_lit(START + timedelta(days=1, minutes=minute))]
    assert 17 * 60 < lit[0] < 19 * 60
    assert 20 * 60 < lit[-1] < 23 * 60
    assert len(lit) == truth.lit_minutes[START.date() + timedelta(days=1)]
    assert all(0 < minutes < 300 for minutes in truth.lit_minutes.values())
    evening = START + timedelta(days=1, minutes=(lit[0] + lit[-1]) // 2)
    assert Village(school(7, START)).readings(evening)["load_power_w"] > 50.0


def test_truth_and_readings_agree(lived_school: Village) -> None:
    """Counters end at the truth's integrals, coins are the sum of what was paid, energy is lost and never made."""
    at = START + timedelta(days=20, hours=15, minutes=3, seconds=21)
    truth, readings = lived_school.truth(at), lived_school.readings(at)
    assert readings["generated_total_kwh"] == pytest.approx(truth.generated_kwh, rel=1e-12)
    assert readings["consumed_total_kwh"] == pytest.approx(truth.consumed_kwh, rel=1e-12)
    assert truth.coins_xof == sum(charge.paid_xof for charge in truth.charges) > 0
    assert 1.1 < truth.generated_kwh / truth.consumed_kwh < 2.0


def test_levels_are_the_sessions_of_the_truth(lived_school: Village) -> None:
    """A slot is occupied from the very second of plugging to the very second of unplugging."""
    truth = lived_school.truth(START + timedelta(days=21))
    second = timedelta(seconds=1)
    for charge in truth.charges[:150]:
        seen = [lived_school.levels(at)[charge.slot] for at in (charge.start - second, charge.start)]
        assert seen == [False, True]
        assert lived_school.levels(charge.end - second)[charge.slot]
        assert not lived_school.levels(charge.end)[charge.slot]


def test_next_change_misses_nothing(lived_school: Village) -> None:
    """Going from change to change meets every plug and unplug of a day, and never more than an hour ahead."""
    at, stops = START + timedelta(days=2), set()
    end = at + timedelta(days=1)
    while at < end:
        after = lived_school.next_change(at)
        assert at < after <= at + timedelta(hours=1)
        stops.add(after)
        at = after
    day = [charge for charge in lived_school.truth(end).charges if charge.start >= end - timedelta(days=1)]
    assert {instant for charge in day for instant in (charge.start, charge.end)} <= stops
    assert len(day) > 10


def test_a_school_serves_a_plausible_number_of_phones(lived_school: Village) -> None:
    """Between ten and fifty sessions on any day of three weeks, about twenty-five on average, few turned away."""
    truth = lived_school.truth(START + timedelta(days=21))
    by_day = [sum(c.start.date() == START.date() + timedelta(days=d) for c in truth.charges) for d in range(21)]
    assert min(by_day) >= 10
    assert max(by_day) <= 50
    assert 20 < sum(by_day) / 21 < 35
    assert truth.customers_lost_full < 0.15 * len(truth.charges)


def test_a_plain_school_is_never_cut_off_and_an_unlucky_one_is() -> None:
    """In the sixty days before late November 2026: none against two to fifteen, which take the Pi down as well."""
    end = SIXTY_DAYS + timedelta(days=60)
    assert Village(school(1, SIXTY_DAYS)).truth(end).load_disconnected == ()
    unlucky = Village(unlucky_school(1, SIXTY_DAYS)).truth(end)
    assert 2 <= len(unlucky.load_disconnected) <= 15
    assert unlucky.pi_without_power == unlucky.load_disconnected
    assert sum(unlucky.lit_minutes.values()) > 60 * 60


def test_a_health_centre_keeps_its_fridge_cold() -> None:
    """On 24 V the load is never cut in two weeks, and light comes every evening."""
    village = Village(health_centre(2, START))
    truth = village.truth(START + timedelta(days=14))
    assert truth.load_disconnected == ()
    assert len(truth.lit_minutes) == 14
    assert 24.0 < village.readings(START + timedelta(days=14))["battery_voltage_v"] < 28.6


def test_old_minutes_are_refused_rather_than_invented(lived_school: Village) -> None:
    """A reading from before the kept window, or from before the village began, is an error that says so."""
    with pytest.raises(LookupError, match="no longer keeps"):
        lived_school.readings(START + timedelta(days=1))
    with pytest.raises(ValueError, match="begins at"):
        lived_school.readings(START - timedelta(seconds=1))


@pytest.mark.parametrize(
    "wrong",
    [{"start": START + timedelta(seconds=1)}, {"start": START.replace(tzinfo=None)}, {"battery_v": 36},
     {"weather_luck": 2.0}, {"slots": -1}],
)  # fmt: skip
def test_an_impossible_village_is_refused(wrong: dict[str, object]) -> None:
    """A description that cannot be lived says what is wrong with it."""
    with pytest.raises(ValueError, match="v: "):
        VillageSpec(**({"name": "v", "seed": 1, "start": START} | wrong))  # type: ignore[arg-type]


def test_local_midnight_turns_the_day() -> None:
    """Elsewhere than at UTC, today's counters and the evening follow local time."""
    village = Village(VillageSpec(name="v", seed=1, start=START, utc_offset_h=3.0))
    turn = START + timedelta(days=1, hours=21)
    before = village.readings(turn - timedelta(seconds=1))["generated_today_kwh"]
    after = village.readings(turn)["generated_today_kwh"]
    assert before > 0.05
    assert after == 0.0
    assert village.lights_lit(START + timedelta(hours=17))
