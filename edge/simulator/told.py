"""What a device of some family would tell of a village: every metric that the village implies, by its name. Pure.

All of it follows from what the village measures (see `measure`), how it is built, and what its family is: an inverter
makes 230 V of the battery, a battery monitor sees cells. There is one array of panels, no mains and no generator. What
a village does not imply is absent.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from math import floor

from edge.profiles import Profile
from edge.simulator.battery import Chemistry
from edge.simulator.plant import (
    BOOST_MIN,
    EQUALISE_EVERY_DAYS,
    EQUALISE_MIN,
    FAULT_CONTROLLER_HOT,
    FAULT_LOW_VOLTAGE_DISCONNECT,
    HOT_C,
    NIGHT_BELOW_V,
    SET_POINTS,
)
from edge.simulator.tally import Counts
from edge.simulator.village import Village
from protocol.metrics import CELLS_MAX

OUTPUT_V, OUTPUT_HZ, OUTPUT_RATED_W = 230.0, 50.0, 3000.0
BUS_V = 360.0
"""What 230 V are made of."""
_CELL_V = 3.2
_CELL_SPREAD_V = 0.001
_CO2_T_PER_KWH = 0.0008
_LONGEST_S = 864_000.0
"""Ten days: what battery monitors show when nothing is drawn."""
_MAX_C_BELOW_HOT = 5.0

_NO_MAINS = (
    "mains_voltage_v", "mains_current_a", "mains_power_w", "mains_frequency_hz", "mains_1_power_w", "mains_2_power_w",
    "mains_3_power_w", "generator_power_w", "charge_from_mains_a", "exported_total_kwh", "mains_import_today_kwh",
    "mains_import_total_kwh", "mains_export_today_kwh", "mains_export_total_kwh", "mains_charged_today_kwh",
    "mains_charged_total_kwh", "mains_charged_today_ah", "mains_charged_total_ah", "mains_charge_limit_a",
    "reactive_import_kvarh", "reactive_export_kvarh",
)  # fmt: skip
_NO_SECOND_ARRAY = (
    "panel_2_voltage_v", "panel_2_current_a", "panel_2_power_w", "generated_2_today_kwh", "generated_2_total_kwh",
)  # fmt: skip
_HABITS: Mapping[str, float] = {
    "charge_mode": 2,
    "output_priority": 0,
    "charge_priority": 2,
    "load_control": 0,
    "load_default": 1,
    "load_timers": 0,
    "load_test": 0,
    "load_brightness_pct": 100,
    "management_mode": 0,
    "balancing": 0,
    "balance_current_a": 0,
    "charge_switch": 1,
    "discharge_switch": 1,
    "high_voltage_alarm": 0,
    "power_alarm": 0,
    "panel_voltage_min_today_v": 0,
    "charge_stop_pct": 100,
    "discharge_stop_pct": 20,
    "equalise_interval_d": EQUALISE_EVERY_DAYS,
    "equalise_duration_min": EQUALISE_MIN,
    "boost_duration_min": BOOST_MIN,
    "line_resistance_mohm": 0,
    "battery_temp_max_c": 65,
    "battery_temp_min_c": -20,
    "controller_temp_max_c": HOT_C,
    "controller_temp_recover_c": HOT_C - _MAX_C_BELOW_HOT,
    "heatsink_temp_max_c": HOT_C,
    "heatsink_temp_recover_c": HOT_C - _MAX_C_BELOW_HOT,
    "night_delay_min": 10,
    "day_delay_min": 10,
    "night_length_min": 720,
    "working_time_1_min": 60,
    "working_time_2_min": 60,
    **{f"load_timer_{i}_{edge}_h": hour for i in (1, 2) for edge, hour in (("on", 19), ("off", 6))},
    **{f"load_timer_{i}_{edge}_{unit}": 0 for i in (1, 2) for edge in ("on", "off") for unit in ("min", "s")},
}
"""How devices leave the factory, where the village does not care."""
_BATTERY_TYPES = {Chemistry.SEALED: 1, Chemistry.FLOODED: 3, Chemistry.LIFEPO4: 4}
_STANDBY, _ON_BATTERY, _CHARGING = 0.0, 2.0, 5.0


class Teller:
    """Tells a village's readings as a device of one family has them."""

    def __init__(self, village: Village, profile: Profile) -> None:
        self._village = village
        self._kind = profile.kind
        self._alternating = any(quantity.metric.endswith("frequency_hz") for quantity in profile.all)
        self._offset = timedelta(hours=village.spec.utc_offset_h)
        ratings = _ratings(village, alternating=self._alternating)
        for line in profile.probe:
            if line.metric in ratings:  # a family has the ratings by which it is known
                ratings[line.metric] = min(line.high, max(line.low, ratings[line.metric]))
        nothing = dict.fromkeys((*_NO_MAINS, *_NO_SECOND_ARRAY), 0.0)
        self._fixed = nothing | dict(_HABITS) | _set_points(village) | ratings

    def readings(self, at: datetime) -> dict[str, float]:
        """Give every metric that the village implies at `at` (UTC), units as the names end."""
        told = self._fixed | self._village.readings(at)
        told |= self._calendar(at, told)
        told |= _output(told) if self._alternating else _at_the_battery(told)
        told |= _battery(told)
        told |= _cells(told)
        told |= {
            "panel_1_power_w": told["panel_power_w"],
            "panel_best_power_w": max(told["panel_best_power_w"], told["panel_power_w"]),
            "charge_from_panels_a": told["charge_current_a"],
            "battery_temp_2_c": told["battery_temp_c"] + 0.3,
            "battery_temp_3_c": told["battery_temp_c"] - 0.2,
            "battery_temp_4_c": told["battery_temp_c"] + 0.1,
            "remote_battery_temp_c": told["battery_temp_c"],
            "battery_bms_voltage_v": told["battery_voltage_v"],
            **dict.fromkeys(
                ("heatsink_temp_c", "inverter_temp_c", "transformer_temp_c", "mosfet_temp_c"), told["controller_temp_c"]
            ),
            "overheated": float(bool(int(told["faults"]) & FAULT_CONTROLLER_HOT)),
            "low_voltage_alarm": float(bool(int(told["faults"]) & FAULT_LOW_VOLTAGE_DISCONNECT)),
            "load_pct": 100.0 * told["load_power_w"] / told["load_rated_power_w"],
            "co2_saved_t": told["generated_total_kwh"] * _CO2_T_PER_KWH,
            "device_state": self._state(told),
        }
        return told

    def local(self, at: datetime) -> datetime:
        """Tell what a clock on the wall of the village says."""
        return at + self._offset

    def _calendar(self, at: datetime, told: Mapping[str, float]) -> dict[str, float]:
        """Count from the beginning of the month and the year, and what yesterday brought."""
        today = self.local(at).date()
        month, year = self._counts_on(today.replace(day=1)), self._counts_on(today.replace(month=1, day=1))
        begun, ended = self._counts_on(today - timedelta(days=1)), self._counts_on(today)
        return {
            "generated_month_kwh": told["generated_total_kwh"] - month.generated_kwh,
            "consumed_month_kwh": told["consumed_total_kwh"] - month.consumed_kwh,
            "generated_year_kwh": told["generated_total_kwh"] - year.generated_kwh,
            "consumed_year_kwh": told["consumed_total_kwh"] - year.consumed_kwh,
            "generated_yesterday_kwh": ended.generated_kwh - begun.generated_kwh,
        }

    def _counts_on(self, day: date) -> Counts:
        """Find the counts as a day began; before the village's first midnight there is nothing."""
        midnight = (day - self.local(self._village.spec.start).date()).days
        return self._village.plant.tally.at_midnights[midnight - 1] if midnight > 0 else Counts()

    def _state(self, told: Mapping[str, float]) -> float:
        """Say what the device is busy with: an inverter with its load, a charger or a battery with its current."""
        if self._alternating and told["load_on"]:
            return _ON_BATTERY
        monitor = self._kind == "battery monitor"
        current_a = told["battery_current_a"] if monitor else told["charge_current_a"]
        if current_a > 0.0:
            return _CHARGING
        return _ON_BATTERY if monitor and current_a < 0.0 else _STANDBY


def _ratings(village: Village, *, alternating: bool) -> dict[str, float]:
    """Say what the device is made for: this battery and these panels."""
    volts, amps = float(village.spec.battery_v), village.plant.rated_charge_a
    watts = amps * 13.0 * village.plant.battery.blocks
    return {
        "system_voltage_v": volts,
        "rated_voltage_code": village.plant.battery.blocks,
        "battery_rated_voltage_v": volts,
        "battery_capacity_ah": village.spec.battery_ah,
        "battery_type": _BATTERY_TYPES[village.spec.chemistry],
        "cells": float(round(volts / _CELL_V)),
        "panel_rated_current_a": amps,
        "panel_rated_power_w": watts,
        "charge_rated_power_w": watts,
        "charge_current_limit_a": amps,
        "panel_charge_limit_a": amps,
        "battery_charge_limit_a": amps,
        "battery_discharge_limit_a": amps,
        "load_rated_current_a": OUTPUT_RATED_W / OUTPUT_V if alternating else amps,
        "load_rated_power_w": OUTPUT_RATED_W if alternating else watts,
        "load_power_warning_w": OUTPUT_RATED_W if alternating else watts,
        "load_rated_voltage_v": OUTPUT_V if alternating else volts,
        "load_rated_frequency_hz": OUTPUT_HZ,
    }


def _set_points(village: Village) -> dict[str, float]:
    """Give the voltages that the plant keeps to, and around them what devices want to have set beside."""
    points, blocks = SET_POINTS[village.spec.chemistry], village.plant.battery.blocks
    per_block = {
        "over_voltage_disconnect_v": 16.0,
        "over_voltage_warning_v": 15.5,
        "over_voltage_reconnect_v": 15.0,
        "charging_limit_v": 15.0,
        "equalise_v": points.equalise_v or points.boost_v,
        "boost_v": points.boost_v,
        "battery_charge_limit_v": points.boost_v,
        "float_v": points.float_v,
        "boost_reconnect_v": points.boost_again_v,
        "low_voltage_reconnect_v": points.load_on_v,
        "under_voltage_recover_v": points.load_off_v + 0.7,
        "under_voltage_warning_v": points.load_off_v + 0.5,
        "mains_return_v": points.load_on_v,
        "mains_switch_v": points.load_off_v + 0.2,
        "low_voltage_disconnect_v": points.load_off_v,
        "discharging_limit_v": points.load_off_v - 0.5,
        "night_threshold_v": NIGHT_BELOW_V,
        "day_threshold_v": NIGHT_BELOW_V + 1.0,
    }
    compensation = -points.per_c_v / 6.0 * 1000.0  # for each 2 V cell; devices tell it without its sign
    return {name: volts * blocks for name, volts in per_block.items()} | {"temp_compensation_mv_per_c": compensation}


def _output(told: Mapping[str, float]) -> dict[str, float]:
    """Make the load's power an alternating current: a lossless inverter with nothing but lamps behind it."""
    on, watts = told["load_on"], told["load_power_w"]
    amps = watts / OUTPUT_V
    return {
        **dict.fromkeys(("load_voltage_v", "inverter_voltage_v"), OUTPUT_V * on),
        **dict.fromkeys(("load_frequency_hz", "inverter_frequency_hz"), OUTPUT_HZ * on),
        **dict.fromkeys(("load_current_a", "inverter_current_a"), amps),
        "inverter_power_w": watts,
        "load_apparent_va": watts,
        "load_reactive_var": 0.0,
        "load_power_factor": 1.0,
        "bus_voltage_v": BUS_V * on,
    }


def _at_the_battery(told: Mapping[str, float]) -> dict[str, float]:
    """Leave the load at the battery's voltage; a device without an inverter that tells of one has it switched off."""
    watts = told["load_power_w"]
    off = ("inverter_voltage_v", "inverter_current_a", "inverter_power_w", "inverter_frequency_hz", "load_frequency_hz")
    return dict.fromkeys(off, 0.0) | {
        "load_apparent_va": watts,
        "load_reactive_var": 0.0,
        "load_power_factor": 1.0,
        "bus_voltage_v": told["battery_voltage_v"],
    }


def _battery(told: Mapping[str, float]) -> dict[str, float]:
    """Tell what a battery monitor makes of voltage, current and the charge it shows."""
    capacity_ah, current_a = told["battery_capacity_ah"], told["battery_current_a"]
    remaining_ah = capacity_ah * told["soc_pct"] / 100.0
    draw_a = max(-current_a, remaining_ah / (_LONGEST_S / 3600.0), 1e-9)
    return {
        "battery_power_w": told["battery_voltage_v"] * current_a,
        "battery_remaining_ah": remaining_ah,
        "battery_remaining_kwh": remaining_ah * told["battery_rated_voltage_v"] / 1000.0,
        "battery_consumed_ah": capacity_ah - remaining_ah,
        "battery_time_to_go_s": remaining_ah / draw_a * 3600.0,
        "battery_cycles": float(floor(told["battery_discharged_total_ah"] / capacity_ah)),
    }


def _cells(told: Mapping[str, float]) -> dict[str, float]:
    """Share the voltage out among the cells, which differ by a few millivolts and always the same way."""
    count = int(told["cells"])
    mean_v = told["battery_voltage_v"] / count
    middle = (count - 1) / 2.0
    steps = [i * (count - 1) % count - middle for i in range(count)] if count > 1 else [0.0]
    volts = [mean_v + _CELL_SPREAD_V * step for step in steps]
    return {
        **{f"cell_{i}_voltage_v": cell_v for i, cell_v in enumerate(volts[:CELLS_MAX], 1)},
        "cell_voltage_max_v": max(volts),
        "cell_voltage_min_v": min(volts),
        "cell_voltage_mean_v": mean_v,
        "cell_voltage_spread_v": max(volts) - min(volts),
    }
