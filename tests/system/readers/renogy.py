"""Renogy charge controllers, read by renogymodbus and by modbus-solar."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from minimalmodbus import Instrument
from modbus_solar import get_all
from renogymodbus import RenogyChargeController

from edge.registers import Table
from tests.system.frozen import Device, Place, Shown
from tests.system.readers.client import Client, Family, Quantity, getters, lent

_SHOWN: Shown = {
    "charge_current_max_today_a": (11.2, 33.4, 45.6),
    "discharge_current_max_today_a": (5.6, 6.7, 12.3),
    "charge_power_max_today_w": (171.0, 540.0, 1301.0),
    "discharge_power_max_today_w": (81.0, 163.0, 911.0),
    "battery_charged_today_ah": (23.0, 56.0, 89.0),
    "battery_discharged_today_ah": (21.0, 54.0, 87.0),
    "operating_days": (3.0, 5.0, 1234.0),
    "battery_over_discharges": (1.0, 2.0, 17.0),
    "battery_full_charges": (2.0, 4.0, 1001.0),
}

_RENOGYMODBUS = Client(
    "renogymodbus",
    lambda place: lent(RenogyChargeController(place.line, place.unit)),
    getters(
        panel_voltage_v=("get_solar_voltage", 0.1),
        panel_current_a=("get_solar_current", 0.01),
        panel_power_w=("get_solar_power", 1),
        load_voltage_v=("get_load_voltage", 0.1),
        load_current_a=("get_load_current", 0.01),
        load_power_w=("get_load_power", 1),
        battery_voltage_v=("get_battery_voltage", 0.1),
        battery_temp_c=("get_battery_temperature", 1),
        controller_temp_c=("get_controller_temperature", 1),
        soc_pct=("get_battery_state_of_charge", 1),
        battery_voltage_max_today_v=("get_maximum_battery_voltage_today", 0.1),
        battery_voltage_min_today_v=("get_minimum_battery_voltage_today", 0.1),
        # It calls these the most and the least solar power; the vendor's document, charging and discharging power.
        charge_power_max_today_w=("get_maximum_solar_power_today", 1),
        discharge_power_max_today_w=("get_minimum_solar_power_today", 1),
    ),
)


@contextmanager
def _everything(place: Place) -> Iterator[Mapping[str, Any]]:
    """Let modbus-solar read all it knows, and close the port that it leaves open."""
    with lent(Instrument(place.line, place.unit)):
        yield get_all(place.line, place.unit)


def _item(metric: str, name: str, step: float) -> Quantity:
    return Quantity(metric, step, lambda told: float(told[name]))


# Left out of what modbus-solar tells: stages, which it takes for bits where the device has codes, and errors, whose
# numbering is that of a charger with an alternator.
_MODBUS_SOLAR = Client(
    "modbus-solar",
    _everything,
    (
        Quantity("model", 0, lambda told: str(told["device"]).strip("\0 ")),
        _item("soc_pct", "auxSoc", 1),
        _item("battery_voltage_v", "auxVoltage", 0.1),
        _item("charge_current_a", "maxCharge", 0.01),
        _item("controller_temp_c", "controllerTemp", 1),
        _item("battery_temp_c", "auxTemp", 1),
        # It was written for a charger with an alternator where a Rover has its load output.
        _item("load_voltage_v", "altVoltage", 0.1),
        _item("load_current_a", "altAmps", 0.01),
        _item("load_power_w", "altWatts", 1),
        _item("panel_voltage_v", "solVoltage", 0.1),
        _item("panel_current_a", "solAmps", 0.01),
        _item("panel_power_w", "solWatts", 1),
        _item("battery_voltage_min_today_v", "lowDailyVolts", 0.1),
        _item("battery_voltage_max_today_v", "highDailyVolts", 0.1),
        _item("charge_power_max_today_w", "highDailyPower", 1),
        _item("battery_charged_today_ah", "highAccumAh", 1),
        _item("operating_days", "totalWorkingDays", 1),
        _item("battery_over_discharges", "totalOverdischargedBattery", 1),
        _item("battery_full_charges", "totalChargedBattery", 1),
        Quantity(
            "charge_current_max_today_a",
            0.01,
            lambda told: float(told["highDailyCurrent"]),
            lambda amperes: 100 * amperes,
            "it leaves hundredths of an ampere as they are; mended in 1.0.4, which wants Python 3.13",
        ),
        Quantity(
            "generated_today_kwh",
            0.001,
            lambda told: float(told["dailyGeneratedPower"]),
            lambda kwh: 1000 * kwh,
            "it leaves watt-hours as they are; mended in 1.0.4, which wants Python 3.13",
        ),
    ),
)

_RESERVED_FAULTS = {(Table.HOLDING, 0x0122): 0}
RENOGY = Family(Device("srne-rover", _SHOWN, also=_RESERVED_FAULTS), (_RENOGYMODBUS, _MODBUS_SOLAR))
