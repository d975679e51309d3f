"""EPEVER charge controllers, read by epevermodbus."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC
from typing import Any

from epevermodbus.driver import EpeverChargeController

from protocol.states import FAULT_BITS
from tests.system.frozen import Device, Shown
from tests.system.readers.client import Asked, Client, Family, Quantity, getters, lent


def _bits(*faults: str) -> int:
    """Put faults by our names into one number, as we do."""
    return sum(1 << FAULT_BITS[fault] for fault in set(faults))


_SHOWN: Shown = {
    "panel_rated_current_a": 31.0,
    "panel_rated_power_w": 1250.0,
    "battery_rated_voltage_v": 25.0,
    "charge_rated_power_w": 1150.5,
    "charge_mode": (1, 2, 2),
    "load_rated_current_a": 19.0,
    "battery_type": (1, 4, 3),
    "battery_capacity_ah": 205.0,
    "temp_compensation_mv_per_c": 3.5,
    "over_voltage_disconnect_v": 16.01,
    "charging_limit_v": 15.02,
    "over_voltage_reconnect_v": 15.03,
    "equalise_v": 14.64,
    "boost_v": 14.45,
    "float_v": 13.86,
    "boost_reconnect_v": 13.27,
    "low_voltage_reconnect_v": 12.68,
    "under_voltage_recover_v": 12.29,
    "under_voltage_warning_v": 12.11,
    "low_voltage_disconnect_v": 11.12,
    "discharging_limit_v": 10.63,
    "load_control": (0, 3, 1),
    "management_mode": (0, 1, 0),
    "heatsink_temp_c": (41.5, 33.3, -8.25),
    "remote_battery_temp_c": (24.5, 22.2, -9.5),
    "panel_voltage_min_today_v": 0.27,
    "consumed_month_kwh": (7.1, 8.2, 777.77),
    "consumed_year_kwh": (70.3, 80.4, 1888.88),
    "generated_month_kwh": (9.5, 9.7, 888.88),
    "generated_year_kwh": (90.6, 90.9, 1999.99),
    "co2_saved_t": (1.5, 2.5, 1700.5),
    "battery_temp_2_c": (23.5, 21.1, -10.75),
    "ambient_temp_c": (30.5, 28.8, -11.25),
    "equalise_interval_d": 28.0,
    "battery_temp_max_c": 65.0,
    "battery_temp_min_c": -40.0,
    "controller_temp_max_c": 85.0,
    "controller_temp_recover_c": 75.0,
    "heatsink_temp_max_c": 86.0,
    "heatsink_temp_recover_c": 76.0,
    "line_resistance_mohm": 12.34,
    "night_threshold_v": 5.5,
    "night_delay_min": 10.0,
    "day_threshold_v": 6.5,
    "day_delay_min": 11.0,
    "working_time_1_min": 67.0,
    "working_time_2_min": 134.0,
    "load_timer_1_on_s": 1.0,
    "load_timer_1_on_min": 2.0,
    "load_timer_1_on_h": 18.0,
    "load_timer_1_off_s": 4.0,
    "load_timer_1_off_min": 5.0,
    "load_timer_1_off_h": 22.0,
    "load_timer_2_on_s": 7.0,
    "load_timer_2_on_min": 8.0,
    "load_timer_2_on_h": 3.0,
    "load_timer_2_off_s": 12.0,
    "load_timer_2_off_min": 13.0,
    "load_timer_2_off_h": 6.0,
    "night_length_min": 645.0,
    "rated_voltage_code": (1, 2, 4),
    "load_timers": (0, 1, 1),
    "load_default": (1, 0, 1),
    "equalise_duration_min": 120.0,
    "boost_duration_min": 121.0,
    "discharge_stop_pct": 29.0,
    "charge_stop_pct": 98.0,
    "load_on": (1, 0, 0),
    "overheated": (1, 1, 0),
    "night": (0, 0, 1),
    "faults": (
        _bits("battery_hot", "panel_short", "output_voltage", "load_switch"),
        _bits("low_voltage_disconnect", "battery_resistance", "load_short", "panel_over_voltage"),
        _bits(
            "battery_over_voltage", "battery_cold", "battery_rating", "charge_switch", "panel_over_current", "overload"
        ),
    ),
}


def _code(name: str, words: Sequence[str], key: str = "") -> Asked:
    """Ask for one of these words, and give its place among them."""

    def asked(client: Any) -> float:  # noqa: ANN401  the client is untyped
        told = getattr(client, name)()
        return float(words.index(told[key] if key else told))

    return asked


def _clock(client: Any) -> float:  # noqa: ANN401
    return float(client.get_rtc().replace(tzinfo=UTC).timestamp())


_FAULTS: dict[str, dict[object, str]] = {
    "battery_status": {
        "OVER_VOLTAGE": "battery_over_voltage",
        "UNDER_VOLTAGE": "battery_under_voltage",
        "OVER_DISCHARGE": "low_voltage_disconnect",
        "FAULT": "battery_fault",
    },
    "temperature_warning_status": {"OVER_TEMP": "battery_hot", "LOW_TEMP": "battery_cold"},
    "battery_inner_resistence_abnormal": {True: "battery_resistance"},
    "wrong_identifaction_for_rated_voltage": {True: "battery_rating"},
    "input_voltage_status": {"HIGHER_INPUT": "panel_over_voltage", "INPUT_VOLTAGE_ERROR": "other"},
    "charging_mosfet_is_short_circuit": {True: "charge_switch"},
    "charging_or_anti_reverse_mosfet_is_open_circuit": {True: "charge_switch"},
    "anti_reverse_mosfet_is_short_circuit": {True: "charge_switch"},
    "input_over_current": {True: "panel_over_current"},
    "load_over_current": {True: "overload"},
    "load_short_circuit": {True: "load_short"},
    "load_mosfet_short_circuit": {True: "load_switch"},
    "pv_input_short_circuit": {True: "panel_short"},
    "output_power_load": {"OVERLOAD": "overload"},
    "short_circuit": {True: "load_short"},
    "unable_to_discharge": {True: "load_switch"},
    "unable_to_stop_discharging": {True: "load_switch"},
    "output_voltage_abnormal": {True: "output_voltage"},
    "input_over_voltage": {True: "battery_over_voltage"},
    "short_circuit_in_high_voltage_side": {True: "load_short"},
    "boost_over_voltage": {True: "output_voltage"},
    "output_over_voltage": {True: "output_voltage"},
}
"""What epevermodbus calls faults, by our names. Its "fault" and "running" stand on healthy devices too."""


def _told_faults(client: Any) -> float:  # noqa: ANN401
    """Gather the faults of battery, charging and discharging."""
    discharging = client.get_discharging_equipment_status()
    discharging.pop("input_voltage_status")  # of the battery's side, told by the battery's status already
    told = [client.get_battery_status(), client.get_charging_equipment_status(), discharging]
    named = (_FAULTS.get(name, {}).get(value) for status in told for name, value in status.items())
    return float(_bits(*(fault for fault in named if fault)))


_STAGES = ("NO_CHARGING", "FLOAT", "BOOST", "EQUALIZATION")
_BATTERIES = ("USER_DEFINED", "SEALED", "GEL", "FLOODED", "LIFEPO4", "LI_NICOMN_O2")
_RATED_VOLTAGES = ("AUTO", "12V", "24V", "36V", "48V", "60V", "110V", "120V", "220V", "240V")

_EPEVERMODBUS = Client(
    "epevermodbus",
    lambda place: lent(EpeverChargeController(place.line, place.unit)),
    (
        *getters(
            panel_voltage_v=("get_solar_voltage", 0.01),
            panel_current_a=("get_solar_current", 0.01),
            panel_power_w=("get_solar_power", 0.01),
            charge_power_w=("get_battery_power", 0.01),
            load_voltage_v=("get_load_voltage", 0.01),
            load_current_a=("get_load_current", 0.01),
            load_power_w=("get_load_power", 0.01),
            battery_voltage_v=("get_battery_voltage", 0.01),
            battery_current_a=("get_battery_current", 0.01),
            battery_temp_c=("get_battery_temperature", 0.01),
            remote_battery_temp_c=("get_remote_battery_temperature", 0.01),
            controller_temp_c=("get_controller_temperature", 0.01),
            soc_pct=("get_battery_state_of_charge", 1),
            panel_voltage_max_today_v=("get_maximum_pv_voltage_today", 0.01),
            panel_voltage_min_today_v=("get_minimum_pv_voltage_today", 0.01),
            battery_voltage_max_today_v=("get_maximum_battery_voltage_today", 0.01),
            battery_voltage_min_today_v=("get_minimum_battery_voltage_today", 0.01),
            consumed_today_kwh=("get_consumed_energy_today", 0.01),
            consumed_month_kwh=("get_consumed_energy_this_month", 0.01),
            consumed_year_kwh=("get_consumed_energy_this_year", 0.01),
            consumed_total_kwh=("get_total_consumed_energy", 0.01),
            generated_today_kwh=("get_generated_energy_today", 0.01),
            generated_month_kwh=("get_generated_energy_this_month", 0.01),
            generated_year_kwh=("get_generated_energy_this_year", 0.01),
            generated_total_kwh=("get_total_generated_energy", 0.01),
            charge_rated_current_a=("get_rated_charging_current", 0.01),
            load_rated_current_a=("get_rated_load_current", 0.01),
            system_voltage_v=("get_battery_real_rated_voltage", 0.01),
            battery_capacity_ah=("get_battery_capacity", 1),
            temp_compensation_mv_per_c=("get_temperature_compensation_coefficient", 0.01),
            over_voltage_disconnect_v=("get_over_voltage_disconnect_voltage", 0.01),
            charging_limit_v=("get_charging_limit_voltage", 0.01),
            over_voltage_reconnect_v=("get_over_voltage_reconnect_voltage", 0.01),
            equalise_v=("get_equalize_charging_voltage", 0.01),
            boost_v=("get_boost_charging_voltage", 0.01),
            float_v=("get_float_charging_voltage", 0.01),
            boost_reconnect_v=("get_boost_reconnect_charging_voltage", 0.01),
            low_voltage_reconnect_v=("get_low_voltage_reconnect_voltage", 0.01),
            under_voltage_recover_v=("get_under_voltage_recover_voltage", 0.01),
            under_voltage_warning_v=("get_under_voltage_warning_voltage", 0.01),
            low_voltage_disconnect_v=("get_low_voltage_disconnect_voltage", 0.01),
            discharging_limit_v=("get_discharging_limit_voltage", 0.01),
            equalise_duration_min=("get_equalize_duration", 1),
            boost_duration_min=("get_boost_duration", 1),
            discharge_stop_pct=("get_battery_discharge", 1),
            charge_stop_pct=("get_battery_charge", 1),
            night=("is_night", 1),
            overheated=("is_device_over_temperature", 1),
        ),
        Quantity("charge_stage", 1, _code("get_charging_equipment_status", _STAGES, "charging_status")),
        Quantity("battery_type", 1, _code("get_battery_type", _BATTERIES)),
        Quantity("rated_voltage_code", 1, _code("get_battery_rated_voltage", _RATED_VOLTAGES)),
        Quantity("load_default", 1, _code("get_default_load_on_off_in_manual_mode", ("OFF", "ON"))),
        Quantity("management_mode", 1, _code("get_charging_mode", ("VOLTAGE_COMPENSATION", "SOC"))),
        Quantity("clock", 1, _clock),
        Quantity("faults", 1, _told_faults),
    ),
)

EPEVER = Family(Device("epever-tracer", _SHOWN), (_EPEVERMODBUS,))
