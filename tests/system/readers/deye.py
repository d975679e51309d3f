"""Deye and SunSynk inverters, read by the sensor tables of sunsynk (and of deye-controller, see `deye_table`)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

from minimalmodbus import Instrument
from sunsynk import Sunsynk, definitions, definitions3ph

from edge.registers import Table
from tests.system.frozen import Device, Place, Shown
from tests.system.readers.client import Client, Family, Quantity, lent
from tests.system.readers.deye_table import COUNTED_OUT, DEYE_CONTROLLER, counted_in

_SHOWN: Shown = {
    "device_state": (8, 1, 4),
    "battery_charged_today_kwh": (1.1, 2.2, 33.3),
    "battery_discharged_today_kwh": (1.2, 2.3, 34.4),
    "battery_charged_total_kwh": (101.1, 202.2, 7654.3),
    "battery_discharged_total_kwh": (99.2, 198.3, 7543.2),
    "mains_import_today_kwh": (0.3, 0.4, 12.3),
    "mains_export_today_kwh": (0.2, 0.5, 13.4),
    "mains_import_total_kwh": (30.4, 40.5, 5432.1),
    "mains_export_total_kwh": (20.3, 50.6, 8765.4),
    "mains_frequency_hz": (50.01, 49.98, 50.23),
    "consumed_today_kwh": (2.4, 3.5, 45.6),
    "consumed_month_kwh": (24.5, 35.6, 456.7),
    "consumed_year_kwh": (245.6, 356.7, 6789.1),
    "consumed_total_kwh": (345.6, 456.7, 9876.5),
    "transformer_temp_c": (41.2, 38.3, -4.5),
    "heatsink_temp_c": (42.3, 39.4, -5.6),
    "generated_today_kwh": (3.5, 4.6, 56.7),
    "generated_month_kwh": (35.6, 46.7, 567.8),
    "generated_year_kwh": (356.7, 467.8, 7891.2),
    "generated_total_kwh": (456.7, 567.8, 9988.7),
    "panel_voltage_v": (301.2, 0.3, 402.3),
    "panel_current_a": (5.1, 0.0, 11.2),
    "panel_2_voltage_v": (298.7, 0.2, 398.9),
    "panel_2_current_a": (4.9, 0.1, 10.8),
    "panel_power_w": (3000.0, 1.0, 8814.0),
    "panel_1_power_w": (1536.0, 0.0, 4506.0),
    "panel_2_power_w": (1464.0, 1.0, 4308.0),
    "mains_voltage_v": (231.2, 228.7, 244.9),
    "mains_current_a": (1.23, 4.56, -12.34),
    "mains_power_w": (284.0, 1043.0, -3022.0),
    "mains_1_power_w": (94.0, 343.0, -1022.0),
    "mains_2_power_w": (95.0, 348.0, -1003.0),
    "mains_3_power_w": (96.0, 352.0, -997.0),
    "inverter_voltage_v": (230.1, 229.9, 231.3),
    "inverter_current_a": (5.67, 6.78, -7.89),
    "inverter_power_w": (1304.0, 1559.0, -1825.0),
    "inverter_frequency_hz": (50.02, 49.97, 50.24),
    "generator_power_w": (11.0, 22.0, -33.0),
    "load_voltage_v": (229.8, 229.6, 230.9),
    "load_power_w": (1588.0, 2602.0, 4847.0),
    "load_frequency_hz": (50.03, 49.96, 50.25),
    "battery_temp_c": (27.3, 25.4, -6.7),
    "battery_temp_2_c": (26.3, 24.4, -7.7),
    "battery_voltage_v": (52.34, 51.23, 56.78),
    "soc_pct": (81.0, 64.0, 99.0),
    "battery_power_w": (1405.0, -1066.0, -5432.0),
    "battery_current_a": (26.84, -20.81, -95.67),
    "load_rated_power_w": 8000.0,
    "equalise_v": 57.61,
    "boost_v": 57.12,
    "float_v": 55.23,
    "battery_capacity_ah": 280.0,
    "charge_current_limit_a": 140.0,
    "management_mode": (0, 1, 1),
    "discharge_stop_pct": 21.0,
    "low_voltage_disconnect_v": 46.11,
    "low_voltage_reconnect_v": 51.22,
    "under_voltage_warning_v": 47.33,
    "mains_charge_limit_a": 41.0,
    "load_on": (1, 1, 0),
    "load_rated_frequency_hz": (50.0, 60.0, 50.0),
    "battery_charge_limit_v": 56.84,
    "battery_charge_limit_a": 101.0,
    "battery_discharge_limit_a": 102.0,
    "temp_compensation_mv_per_c": 5.0,
}

Told = Mapping[str, Any]


class _Reader(Sunsynk):  # type: ignore[misc]  # the library is untyped
    """The reader of sunsynk with minimalmodbus for its transport, whose own wants an older pymodbus."""

    line: Instrument

    async def read_holding_registers(self, start: int, length: int) -> Sequence[int]:
        """Read words."""
        words: Sequence[int] = self.line.read_registers(start, length, 3)
        return words


def _sunsynk(sensors: Mapping[str, Any], ids: Sequence[str]) -> Callable[[Place], Any]:
    """Let sunsynk read these sensors in blocks of its own choice."""

    @contextmanager
    def opened(place: Place) -> Iterator[Told]:
        wanted = [sensors[one] for one in ids]
        reader = _Reader()
        reader.state.track(*wanted)
        with lent(Instrument(place.line, place.unit)) as line:
            reader.line = line
            # In a thread of its own: a browser's tests leave an event loop running in this one.
            with ThreadPoolExecutor(1) as thread:
                thread.submit(asyncio.run, reader.read_sensors(wanted)).result()
        yield {sensor.id: reader.state[sensor] for sensor in wanted}

    return opened


_MENDED = "mended in later versions, which do not go with our paho-mqtt or pymodbus"
_BELOW_ZERO = (
    *COUNTED_OUT,
    *(f"mains_{phase}power_w" for phase in ("", "1_", "2_", "3_")),
    "inverter_power_w",
    "generator_power_w",
)
"""What the device tells with a sign."""


def _sensor(metric: str, name: str, step: float) -> Quantity:
    """Take what sunsynk says under a name; of what is below zero in the device it is one off."""

    def asked(told: Told) -> float:
        return counted_in(metric, told[name])

    def one_off(value: float) -> float:
        if metric in COUNTED_OUT:
            return value - step * (value > 0)
        return value + step * (value < 0)

    if metric not in _BELOW_ZERO:
        return Quantity(metric, step, asked)
    why = f"it takes 65535 from negative numbers, not 65536; {_MENDED}"
    return Quantity(metric, step, asked, one_off, why)


_BOTH: dict[str, tuple[str, float]] = {
    "battery_temp_c": ("battery_temperature", 0.1),
    "battery_voltage_v": ("battery_voltage", 0.01),
    "soc_pct": ("battery_soc", 1),
    "battery_power_w": ("battery_power", 1),
    "battery_current_a": ("battery_current", 0.01),
    "inverter_power_w": ("inverter_power", 1),
    "inverter_voltage_v": ("inverter_voltage", 0.1),
    "inverter_frequency_hz": ("inverter_frequency", 0.01),
    "mains_frequency_hz": ("grid_frequency", 0.01),
    "mains_power_w": ("grid_power", 1),
    "mains_2_power_w": ("grid_l2_power", 1),
    "load_power_w": ("load_power", 1),
    "panel_1_power_w": ("pv1_power", 1),
    "panel_voltage_v": ("pv1_voltage", 0.1),
    "panel_current_a": ("pv1_current", 0.1),
    "panel_2_power_w": ("pv2_power", 1),
    "panel_2_voltage_v": ("pv2_voltage", 0.1),
    "panel_2_current_a": ("pv2_current", 0.1),
    "battery_charged_today_kwh": ("day_battery_charge", 0.1),
    "battery_discharged_today_kwh": ("day_battery_discharge", 0.1),
    "mains_import_today_kwh": ("day_grid_import", 0.1),
    "mains_export_today_kwh": ("day_grid_export", 0.1),
    "consumed_today_kwh": ("day_load_energy", 0.1),
    "generated_today_kwh": ("day_pv_energy", 0.1),
    "battery_charged_total_kwh": ("total_battery_charge", 0.1),
    "battery_discharged_total_kwh": ("total_battery_discharge", 0.1),
    "mains_import_total_kwh": ("total_grid_import", 0.1),
    "mains_export_total_kwh": ("total_grid_export", 0.1),
    "consumed_total_kwh": ("total_load_energy", 0.1),
    "generated_total_kwh": ("total_pv_energy", 0.1),
    "load_rated_power_w": ("rated_power", 0.1),
    "transformer_temp_c": ("dc_transformer_temperature", 0.1),
    "heatsink_temp_c": ("radiator_temperature", 0.1),
    "equalise_v": ("battery_equalization_voltage", 0.01),
    "boost_v": ("battery_absorption_voltage", 0.01),
    "float_v": ("battery_float_voltage", 0.01),
    "discharge_stop_pct": ("battery_shutdown_capacity", 1),
    "low_voltage_disconnect_v": ("battery_shutdown_voltage", 0.01),
    "low_voltage_reconnect_v": ("battery_restart_voltage", 0.01),
    "under_voltage_warning_v": ("battery_low_voltage", 0.01),
    "mains_charge_limit_a": ("grid_charge_battery_current", 1),
    "charge_current_limit_a": ("battery_max_charge_current", 1),
}
_SINGLE: dict[str, tuple[str, float]] = {
    "mains_1_power_w": ("grid_ld_power", 1),
    "mains_voltage_v": ("grid_voltage", 0.1),
    "generator_power_w": ("aux_power", 1),
    "consumed_month_kwh": ("month_load_energy", 0.1),
    "generated_month_kwh": ("month_pv_energy", 0.1),
    "consumed_year_kwh": ("year_load_energy", 0.1),
    "generated_year_kwh": ("year_pv_energy", 0.1),
    "battery_charge_limit_v": ("battery_charging_voltage", 0.01),
}
_THREE: dict[str, tuple[str, float]] = {
    "mains_1_power_w": ("grid_l1_power", 1),
    "mains_3_power_w": ("grid_l3_power", 1),
    "generator_power_w": ("gen_power", 1),
    "battery_capacity_ah": ("battery_capacity_current", 1),
}


def _client(sensors: Mapping[str, Any], table: Mapping[str, tuple[str, float]], *more: Quantity) -> Client:
    names = [name for name, _ in table.values()] + ["grid_voltage", "serial"]
    serial = Quantity("serial", 0, lambda told: str(told["serial"]).rstrip("\0 "))
    read = (_sensor(metric, name, step) for metric, (name, step) in table.items())
    return Client("sunsynk", _sunsynk(sensors, names), (*read, serial, *more))


_PHASE_C_V = 226.9
_SUNSYNK_SINGLE = _client(definitions.SENSORS.all, _BOTH | _SINGLE)
_SUNSYNK_THREE = _client(
    definitions3ph.SENSORS.all,
    _BOTH | _THREE,
    Quantity(
        "mains_voltage_v",
        0.1,
        lambda told: float(told["grid_voltage"]),
        lambda _: _PHASE_C_V,
        f"it reads the third phase and calls it the first; {_MENDED}",
    ),
)

# Counters whose high word stands apart, and the third phase, which no profile of ours reads.
DEYE_SINGLE = Family(Device("deye-single-phase", _SHOWN, {(Table.HOLDING, 80): 1}), (_SUNSYNK_SINGLE,))
_PHASE_C = {(Table.HOLDING, 600): round(_PHASE_C_V * 10)}
DEYE_THREE = Family(Device("deye-three-phase", _SHOWN, _PHASE_C), (_SUNSYNK_THREE, DEYE_CONTROLLER))
