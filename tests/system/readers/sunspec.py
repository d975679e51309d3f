"""SunSpec devices, found and read by pysunspec2."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sunspec2.modbus.client import SunSpecModbusClientDeviceTCP

from edge.registers import Table
from tests.system.frozen import PATIENCE_S, Device, Place, Shown
from tests.system.readers.client import Client, Family, Quantity

_SHOWN: Shown = {
    "inverter_power_w": (1304.0, 1559.0, -1825.0),
    "inverter_voltage_v": (230.1, 229.9, 231.3),
    "inverter_current_a": (5.67, 6.78, 7.89),
    "inverter_frequency_hz": (50.02, 49.97, 50.24),
    "panel_voltage_v": (301.2, 0.3, 402.3),
    "panel_current_a": (5.11, 0.02, 11.23),
    "panel_power_w": (1539.0, 1.0, 4517.0),
    "generated_total_kwh": (1.234, 567.891, 43219.876),
    "inverter_temp_c": (41.2, 38.3, -4.5),
    "heatsink_temp_c": (42.3, 39.4, -5.6),
    "transformer_temp_c": (43.4, 40.5, -6.7),
    "load_apparent_va": (1400.0, 1600.0, 1900.0),
    "load_reactive_var": (100.0, 200.0, -300.0),
    "load_power_factor": (0.93, 0.97, -0.96),
    "panel_1_power_w": (800.0, 2.0, 2345.0),
    "panel_2_power_w": (700.0, 3.0, 2109.0),
    "panel_2_voltage_v": (298.7, 0.4, 398.9),
    "panel_2_current_a": (4.91, 0.12, 10.83),
    "generated_2_total_kwh": (0.567, 234.567, 21098.765),
    "battery_voltage_v": (52.34, 51.23, 56.78),
    "battery_current_a": (26.84, -20.81, -95.67),
    "battery_power_w": (1405.0, -1066.0, -5432.0),
    "soc_pct": (81.2, 64.3, 7.8),
    "battery_capacity_ah": (280.0, 281.0, 282.0),
    "soh_pct": (99.9, 98.8, 87.6),
    "battery_cycles": (12.0, 123.0, 70123.0),
    "cell_voltage_max_v": (3.345, 3.312, 3.612),
    "cell_voltage_min_v": (3.321, 3.301, 2.512),
    "cell_voltage_mean_v": (3.333, 3.307, 3.111),
    "battery_charge_limit_a": (100.5, 101.5, 25.5),
    "battery_discharge_limit_a": (150.5, 151.5, 35.5),
    "discharge_stop_pct": (20.5, 21.5, 5.5),
    "charge_rated_power_w": (4800.0, 4900.0, 5100.0),
    "battery_remaining_ah": (226.0, 180.0, 22.0),
    "mains_power_w": (284.0, 1043.0, -3022.0),
    "mains_1_power_w": (94.0, 343.0, -1022.0),
    "mains_2_power_w": (95.0, 348.0, -1003.0),
    "mains_3_power_w": (96.0, 352.0, -997.0),
    "mains_voltage_v": (231.2, 228.7, 244.9),
    "mains_current_a": (1.23, 4.56, -12.34),
    "mains_frequency_hz": (50.01, 49.98, 50.23),
    "mains_import_total_kwh": (30.4, 40.5, 54321.012),
    "mains_export_total_kwh": (20.3, 50.6, 65432.112),
    "mains_power_factor": (0.91, 0.92, -0.98),
}


@contextmanager
def _scanned(place: Place) -> Iterator[Any]:
    """Let it find the models by itself, as it does on any device."""
    device = SunSpecModbusClientDeviceTCP(place.unit, "127.0.0.1", place.tcp_port, timeout=PATIENCE_S)
    try:
        device.scan()
        yield device
    finally:
        device.close()


def _point(metric: str, model: int, name: str, step: float, scale: float = 1.0) -> Quantity:
    """Take a point of a model, its scale factor applied, in our unit."""
    return Quantity(metric, step, lambda device: scale * float(getattr(device.models[model][0], name).cvalue))


def _module(metric: str, name: str, index: int, step: float, scale: float = 1.0) -> Quantity:
    """Take a point of one of the panel inputs."""
    return Quantity(
        metric, step, lambda device: scale * float(getattr(device.models[160][0].module[index], name).cvalue)
    )


def _text(metric: str, name: str) -> Quantity:
    return Quantity(metric, 0, lambda device: str(getattr(device.models[1][0], name).cvalue))


def _inverter(model: int) -> tuple[Quantity, ...]:
    return (
        _point("inverter_power_w", model, "W", 0.1),
        _point("inverter_voltage_v", model, "PhVphA", 0.01),
        _point("inverter_current_a", model, "A", 0.01),
        _point("inverter_frequency_hz", model, "Hz", 0.01),
        _point("panel_voltage_v", model, "DCV", 0.01),
        _point("panel_current_a", model, "DCA", 0.01),
        _point("panel_power_w", model, "DCW", 0.1),
        _point("generated_total_kwh", model, "WH", 0.001, 0.001),
        _point("inverter_temp_c", model, "TmpCab", 0.1),
        _point("heatsink_temp_c", model, "TmpSnk", 0.1),
        _point("transformer_temp_c", model, "TmpTrns", 0.1),
        _point("load_apparent_va", model, "VA", 1),
        _point("load_reactive_var", model, "VAr", 1),
        _point("load_power_factor", model, "PF", 0.001, 0.01),
    )


def _meter(model: int) -> tuple[Quantity, ...]:
    return (
        _point("mains_power_w", model, "W", 0.1),
        _point("mains_1_power_w", model, "WphA", 0.1),
        _point("mains_2_power_w", model, "WphB", 0.1),
        _point("mains_3_power_w", model, "WphC", 0.1),
        _point("mains_voltage_v", model, "PhV", 0.01),
        _point("mains_current_a", model, "A", 0.01),
        _point("mains_frequency_hz", model, "Hz", 0.01),
        _point("mains_import_total_kwh", model, "TotWhImp", 0.001, 0.001),
        _point("mains_export_total_kwh", model, "TotWhExp", 0.001, 0.001),
        _point("mains_power_factor", model, "PF", 0.001, 0.01),
    )


_INTEGERS = Client(
    "pysunspec2",
    _scanned,
    (
        *(_text(metric, name) for metric, name in (("maker", "Mn"), ("model", "Md"), ("serial", "SN"))),
        *_inverter(101),
        _point("load_rated_power_w", 120, "WRtg", 1),
        _module("panel_1_power_w", "DCW", 0, 0.1),
        _module("panel_2_voltage_v", "DCV", 1, 0.01),
        _module("panel_2_current_a", "DCA", 1, 0.01),
        _module("panel_2_power_w", "DCW", 1, 0.1),
        _module("generated_2_total_kwh", "DCWH", 1, 0.001, 0.001),
        _point("battery_voltage_v", 802, "V", 0.01),
        # The model counts what leaves the battery, we what enters it.
        _point("battery_current_a", 802, "A", 0.01, -1.0),
        _point("battery_power_w", 802, "W", 0.1, -1.0),
        _point("soc_pct", 802, "SoC", 0.1),
        _point("battery_capacity_ah", 802, "AHRtg", 1),
        _point("soh_pct", 802, "SoH", 0.1),
        _point("battery_cycles", 802, "NCyc", 1),
        _point("cell_voltage_max_v", 802, "CellVMax", 0.001),
        _point("cell_voltage_min_v", 802, "CellVMin", 0.001),
        _point("cell_voltage_mean_v", 802, "CellVAvg", 0.001),
        _point("battery_charge_limit_a", 802, "AChaMax", 0.1),
        _point("battery_discharge_limit_a", 802, "ADisChaMax", 0.1),
        _point("discharge_stop_pct", 802, "SoCRsvMin", 0.1),
        _point("charge_rated_power_w", 124, "WChaMax", 1),
        _point("battery_remaining_ah", 124, "StorAval", 0.1),
        *_meter(201),
    ),
)
_FLOATS = Client(
    "pysunspec2-floats",
    _scanned,
    (
        *_inverter(111),
        *_meter(211),
        _point("battery_voltage_v", 124, "InBatV", 0.01),
        _point("soc_pct", 124, "ChaState", 0.1),
    ),
)
# Model 120 with a scale factor above zero, as Kostal has them: 812 tens of watts.
_TENS = {(Table.HOLDING, 40_186): 812, (Table.HOLDING, 40_187): 1}
SUNSPEC = Family(Device("sunspec", _SHOWN, _TENS, serial=False), (_INTEGERS, _FLOATS))
