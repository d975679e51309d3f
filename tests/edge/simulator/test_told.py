"""What devices of different families tell of one village: complete, possible, and true to each other."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from edge.simulator.faults import DyingBattery
from edge.simulator.told import OUTPUT_HZ, OUTPUT_V, Teller
from edge.simulator.village import Village, VillageSpec, health_centre, school, unlucky_school
from firmware_config import profile_names
from protocol.metrics import CATALOGUE, Kind
from tests.edge.simulator.asking import profile_of

START = datetime(2026, 10, 12, tzinfo=UTC)
DAYS = [START + timedelta(hours=hours) for hours in (0, 3, 6.1, 9.5, 12.3, 18.7, 23.99, 24, 33.3, 43, 47.9)]
CONTROLLER, INVERTER, MONITOR = "srne-rover", "growatt-spf", "jk-bms"

villages = pytest.mark.parametrize("spec", [school(1, START), health_centre(2, START), unlucky_school(3, START)])
families = pytest.mark.parametrize("name", [CONTROLLER, INVERTER, MONITOR])


@pytest.mark.parametrize("name", profile_names())
@villages
def test_all_that_a_device_is_polled_for_is_told(spec: VillageSpec, name: str) -> None:
    """Readings and settings of every family have a value; what only `extra` asks for may be absent."""
    profile = profile_of(name)
    told = Teller(Village(spec), profile).readings(DAYS[4])
    assert {quantity.metric for quantity in profile.quantities + profile.settings} <= told.keys() <= CATALOGUE.keys()


@families
@villages
def test_all_that_is_told_is_possible_and_fits_together(spec: VillageSpec, name: str) -> None:
    """Powers are voltages times currents, extremes enclose, cells make the battery, and months their days."""
    village = Village(spec)
    teller = Teller(village, profile_of(name))
    for at in DAYS:
        told = teller.readings(at)
        assert {metric for metric, value in told.items() if not CATALOGUE[metric].plausible(value)} == set()
        for part in ("panel", "battery", "load"):
            product = told[f"{part}_voltage_v"] * told[f"{part}_current_a"]
            assert told[f"{part}_power_w"] == pytest.approx(product)
        assert told["charge_power_w"] == pytest.approx(told["battery_voltage_v"] * told["charge_current_a"])
        assert told["battery_power_w"] == pytest.approx(told["charge_power_w"] - told["load_power_w"], abs=1e-6)
        assert told["panel_1_power_w"] + told["panel_2_power_w"] == told["panel_power_w"] <= told["panel_best_power_w"]
        _extremes_enclose(told)
        cells = [told[f"cell_{i}_voltage_v"] for i in range(1, int(told["cells"]) + 1)]
        assert sum(cells) == pytest.approx(told["battery_voltage_v"])
        assert told["cell_voltage_min_v"] == min(cells) < told["cell_voltage_mean_v"] < max(cells)
        assert told["cell_voltage_max_v"] - told["cell_voltage_min_v"] == told["cell_voltage_spread_v"]
        assert told["battery_remaining_ah"] + told["battery_consumed_ah"] == told["battery_capacity_ah"]
        for energy in ("generated", "consumed"):
            spans = [told[f"{energy}_{span}_kwh"] for span in ("today", "month", "year", "total")]
            assert spans == sorted(spans)


def _extremes_enclose(told: dict[str, float]) -> None:
    """Hold a reading against the highest and lowest of the day and ever."""
    low, high = told["battery_voltage_min_today_v"], told["battery_voltage_max_today_v"]
    assert told["battery_voltage_min_ever_v"] <= low <= told["battery_voltage_v"] <= high
    assert high <= told["battery_voltage_max_ever_v"]
    for now, most in (
        ("panel_voltage_v", "panel_voltage_max_today_v"),
        ("panel_power_w", "panel_power_max_today_w"),
        ("charge_current_a", "charge_current_max_today_a"),
        ("charge_power_w", "charge_power_max_today_w"),
        ("load_power_w", "discharge_power_max_today_w"),
    ):
        assert told[now] <= told[most]


@pytest.mark.parametrize("name", [CONTROLLER, MONITOR])
@villages
def test_counters_never_fall(spec: VillageSpec, name: str) -> None:
    """Lifetime counters never, those of today at midnight only; today's extremes widen all day."""
    teller = Teller(Village(spec), profile_of(name))
    before: dict[str, float] = {}
    growing = [metric for metric in CATALOGUE if CATALOGUE[metric].kind is Kind.COUNTER]
    growing += [metric for metric in CATALOGUE if "_max_today" in metric or metric.endswith("max_ever_v")]
    for step in range(2 * 24 * 20):
        at = START + timedelta(seconds=180 * step + step % 11)
        told = teller.readings(at)
        turned = at.hour == at.minute == 0
        for metric in (metric for metric in growing if metric in told and not (turned and "today" in metric)):
            assert told[metric] >= before.get(metric, 0.0) - 1e-9, (metric, at)
        before = told


def test_an_inverter_makes_alternating_current_of_the_same_power() -> None:
    """230 V and 50 Hz while the load is supplied, the village's power, apparent power and rating to match."""
    village = Village(school(1, START))
    evening = START + timedelta(hours=19, minutes=30)
    direct = Teller(village, profile_of(CONTROLLER)).readings(evening)
    told = Teller(village, profile_of(INVERTER)).readings(evening)
    assert told["load_power_w"] == direct["load_power_w"] == told["load_apparent_va"] == told["inverter_power_w"] > 20.0
    assert direct["load_voltage_v"] == direct["battery_voltage_v"]
    assert (told["load_voltage_v"], told["load_frequency_hz"]) == (OUTPUT_V, OUTPUT_HZ)
    assert told["load_pct"] == pytest.approx(100.0 * told["load_power_w"] / told["load_rated_power_w"])
    assert (told["device_state"], told["mains_voltage_v"], told["mains_power_w"]) == (2.0, 0.0, 0.0)


def test_a_load_that_was_cut_is_told_by_all() -> None:
    """No voltage and no frequency at the output, an alarm, and a state other than running; the battery goes on."""
    dying = DyingBattery(start=START, end=START + timedelta(days=3), capacity_fraction=0.05)
    village = Village(school(3, START).with_faults(dying))
    told = Teller(village, profile_of(INVERTER)).readings(START + timedelta(hours=20))
    assert (told["load_on"], told["load_voltage_v"], told["load_frequency_hz"], told["bus_voltage_v"]) == (0, 0, 0, 0)
    assert (told["low_voltage_alarm"], told["device_state"], told["overheated"]) == (1.0, 0.0, 0.0)
    assert told["battery_over_discharges"] >= 1.0
    assert told["battery_voltage_v"] > 9.0


@pytest.mark.parametrize(("name", "by_day", "by_night"), [(CONTROLLER, 5.0, 0.0), (MONITOR, 5.0, 2.0)])
def test_a_charger_and_a_battery_say_what_they_are_busy_with(name: str, by_day: float, by_night: float) -> None:
    """Charging by day; by night a charger stands by while a battery gives."""
    teller = Teller(Village(school(1, START)), profile_of(name))
    assert teller.readings(START + timedelta(hours=9))["device_state"] == by_day
    assert teller.readings(START + timedelta(hours=19.5))["device_state"] == by_night


def test_months_years_and_yesterday_follow_the_villages_own_calendar() -> None:
    """At local midnight of a new month its counters begin again, and yesterday is what today was."""
    spec = VillageSpec(name="v", seed=1, start=datetime(2026, 12, 29, 12, tzinfo=UTC), utc_offset_h=3.0)
    teller = Teller(Village(spec), profile_of(CONTROLLER))
    turn = datetime(2026, 12, 31, 21, tzinfo=UTC)
    before, after = teller.readings(turn - timedelta(seconds=1)), teller.readings(turn)
    assert before["generated_today_kwh"] < before["generated_month_kwh"] == before["generated_year_kwh"]
    assert before["generated_month_kwh"] == before["generated_total_kwh"]
    assert after["generated_yesterday_kwh"] == pytest.approx(before["generated_today_kwh"])
    for metric in ("generated_month_kwh", "generated_year_kwh", "consumed_month_kwh", "consumed_year_kwh"):
        assert before[metric] > 0.1
        assert after[metric] == 0.0
    assert teller.local(turn).hour == 0


def test_a_family_has_the_ratings_by_which_it_is_known() -> None:
    """A rating that a family's probe expects is that of the simulated device, whatever the village would want."""
    village = Village(school(1, START))
    told = Teller(village, profile_of("pzem-dc")).readings(START)
    assert told["load_rated_current_a"] == 50.0
    assert Teller(village, profile_of(CONTROLLER)).readings(START)["load_rated_current_a"] < 50.0


def test_set_points_stand_in_their_order() -> None:
    """From the lowest to the highest, for every chemistry and voltage."""
    names = ("discharging_limit", "low_voltage_disconnect", "under_voltage_warning", "under_voltage_recover",
             "low_voltage_reconnect", "boost_reconnect", "float", "boost", "equalise", "charging_limit",
             "over_voltage_warning", "over_voltage_disconnect")  # fmt: skip
    for spec in (school(1, START), health_centre(1, START), unlucky_school(1, START)):
        told = Teller(Village(spec), profile_of(CONTROLLER)).readings(START)
        volts = [told[f"{name}_v"] for name in names]
        assert volts == sorted(volts)
        assert 0.8 < volts[0] / spec.battery_v < volts[-1] / spec.battery_v < 1.4
