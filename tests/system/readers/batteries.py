"""Batteries: Renogy's read by renogymodbus, those with a JK management system by jkctl."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from operator import methodcaller
from typing import Any

from jkctl.device import Device as JkDevice
from jkctl.modbus import Bus
from renogymodbus import RenogySmartBattery

from edge.registers import Table
from tests.system.frozen import PATIENCE_S, Device, Place, Shown
from tests.system.readers.client import Client, Family, Quantity, getters, lent

_RENOGY_SHOWN: Shown = {
    "cells": 4.0,
    **{f"cell_{i}_voltage_v": (3.0 + i / 10, 3.1 + i / 10, 2.0 + i / 10) for i in range(1, 17)},
    "battery_temp_c": (24.5, 26.7, -8.9),
    "battery_temp_2_c": (24.6, 26.8, -9.1),
    "battery_temp_3_c": (24.7, 26.9, -9.2),
    "battery_temp_4_c": (24.8, 27.1, -9.3),
    "controller_temp_c": (25.5, 27.7, 65.4),
    "ambient_temp_c": (25.6, 27.8, 43.2),
    "battery_current_a": (12.34, -5.67, -123.45),
    "battery_voltage_v": (13.4, 26.7, 11.9),
    "battery_remaining_ah": (45.678, 123.456, 98.765),
    "battery_capacity_ah": (100.0, 200.0, 170.5),
    "battery_cycles": (1.0, 12.0, 2345.0),
    "battery_charge_limit_v": (14.8, 29.6, 14.7),
    "discharging_limit_v": (10.1, 20.2, 10.3),
    "battery_charge_limit_a": (50.0, 49.9, 25.5),
    "battery_discharge_limit_a": (60.0, 59.9, 123.4),
}


def _listed(metric: str, name: str, index: int) -> Quantity:
    return Quantity(metric, 0.1, lambda battery: float(getattr(battery, name)()[index]))


def _unsigned(metric: str, name: str, index: int) -> Quantity:
    """Take a temperature that the client reads without its sign."""
    told = _listed(metric, name, index)
    why = "it reads temperatures without their sign"
    return Quantity(metric, 0.1, told.asked, lambda celsius: celsius if celsius >= 0 else celsius + 6553.6, why)


_RENOGY_BATTERY = Client(
    "renogymodbus-battery",
    lambda place: lent(RenogySmartBattery(place.line, place.unit)),
    (
        *getters(
            battery_current_a=("get_current", 0.01),
            battery_voltage_v=("get_voltage", 0.1),
            battery_remaining_ah=("get_remaining_capacity", 0.001),
            battery_capacity_ah=("get_total_capacity", 0.001),
            battery_cycles=("get_cycle_number", 1),
            battery_charge_limit_v=("get_charge_voltage_limit", 0.1),
            discharging_limit_v=("get_discharge_voltage_limit", 0.1),
            battery_charge_limit_a=("get_charge_current_limit", 0.01),
        ),
        # The device tells it below zero, and we as a limit.
        Quantity("battery_discharge_limit_a", 0.01, lambda battery: -float(battery.get_discharge_current_limit())),
        Quantity("controller_temp_c", 0.1, methodcaller("get_bms_temperature")),
        _listed("ambient_temp_c", "get_environment_temperatures", 0),
        *(_listed(f"cell_{i}_voltage_v", "get_cell_voltages", i - 1) for i in range(1, 17)),
        _unsigned("battery_temp_c", "get_cell_temperatures", 0),
        *(_unsigned(f"battery_temp_{i}_c", "get_cell_temperatures", i - 1) for i in range(2, 5)),
    ),
)
# It always reads sixteen sensors, and two around the battery.
_MORE_SENSORS = {(Table.HOLDING, address): 0 for address in (*range(5022, 5034), 5038)}
RENOGY_BATTERY = Family(Device("renogy-battery", _RENOGY_SHOWN, _MORE_SENSORS), (_RENOGY_BATTERY,))

_JK_SHOWN: Shown = {
    **{f"cell_{i}_voltage_v": (3.2 + i / 1000, 3.3 + i / 1000, 2.9 + i / 1000) for i in range(1, 33)},
    "battery_voltage_v": (53.123, 52.456, 41.789),
    "battery_current_a": (23.456, -34.567, -123.456),
    "battery_power_w": (1246.041, -1813.246, -5159.083),
    "soc_pct": (81.0, 64.0, 7.0),
    "soh_pct": (100.0, 99.0, 93.0),
    "battery_remaining_ah": (226.8, 179.2, 19.6),
    "battery_cycles": (12.0, 123.0, 70123.0),
    "battery_temp_c": (24.5, 26.7, -8.9),
    "battery_temp_2_c": (24.6, 26.8, -9.1),
    "battery_temp_3_c": (24.7, 26.9, -9.2),
    "battery_temp_4_c": (24.8, 27.1, -9.3),
    "mosfet_temp_c": (33.3, 44.4, -5.5),
    "cell_voltage_mean_v": (3.321, 3.279, 2.612),
    "cell_voltage_spread_v": (0.012, 0.023, 0.345),
    "balancing": (0, 1, 1),
    "charge_switch": (0, 1, 0),
    "discharge_switch": (1, 0, 1),
    "cells": (15.0, 16.0, 16.0),
    "battery_capacity_ah": (280.0, 281.0, 279.0),
    "charge_current_limit_a": (100.0, 101.0, 99.0),
    "battery_discharge_limit_a": (150.0, 151.0, 149.0),
    "balance_current_a": (0.0, 1.234, -0.567),
    "operating_hours": (123.5, 2345.5, 34567.5),
    "battery_temp_max_c": (60.0, 61.0, 59.0),
    "battery_temp_min_c": (-10.0, -11.0, -9.0),
    "controller_temp_max_c": (95.0, 96.0, 94.0),
    "controller_temp_recover_c": (75.0, 76.0, 74.0),
}


@contextmanager
def _jk(place: Place) -> Iterator[Any]:
    with Bus(place.line, timeout=PATIENCE_S, turnaround=0.0) as bus:
        yield JkDevice(bus, place.unit)


def _key(metric: str, name: str, step: float, scale: float = 1.0) -> Quantity:
    return Quantity(metric, step, lambda device: scale * float(device.read(name)))


def _cell(number: int) -> Quantity:
    return Quantity(f"cell_{number}_voltage_v", 0.001, lambda device: float(device.read("cellVol")[number - 1]))


_JKCTL = Client(
    "jkctl",
    _jk,
    (
        _key("battery_voltage_v", "batVol", 0.001),
        _key("battery_current_a", "batCurrent", 0.001),
        _key("soc_pct", "socRelativeStateOfCharge", 1),
        _key("soh_pct", "sOCSOH", 1),
        _key("battery_remaining_ah", "socCapabilityRemain", 0.001),
        _key("battery_cycles", "socCycleCount", 1),
        _key("battery_temp_c", "batTemp1", 0.1),
        _key("battery_temp_2_c", "batTemp2", 0.1),
        _key("battery_temp_3_c", "batTemp3", 0.1),
        _key("battery_temp_4_c", "batTemp4", 0.1),
        _key("mosfet_temp_c", "tempMos", 0.1),
        _key("cell_voltage_mean_v", "cellVolAve", 0.001),
        _key("cell_voltage_spread_v", "maxVoltDelta", 0.001),
        _key("charge_switch", "chargeStatus", 1),
        _key("discharge_switch", "dischargeStatus", 1),
        _key("balancing", "equStatus", 1),
        _key("cells", "cellCount", 1),
        _key("battery_capacity_ah", "capBatCell", 0.001),
        _key("charge_current_limit_a", "timBatCOC", 0.001),
        _key("battery_discharge_limit_a", "timBatDcOC", 0.001),
        _key("balance_current_a", "equCurrent", 0.001),
        _key("operating_hours", "runtime", 0.1, 1 / 3600),
        _key("battery_temp_max_c", "tmpBatCOT", 0.1),
        _key("battery_temp_min_c", "tmpBatCUT", 0.1),
        _key("controller_temp_max_c", "tmpMosOT", 0.1),
        _key("controller_temp_recover_c", "tmpMosOTPR", 0.1),
        Quantity("model", 0, lambda device: str(device.model).rstrip("\0 ")),
        *map(_cell, range(1, 33)),
    ),
)
JK = Family(Device("jk-bms", _JK_SHOWN), (_JKCTL,))
