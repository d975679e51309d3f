"""The metric catalogue: one name, unit, kind and plausible range for everything a site measures.

A device profile may only use names that stand here. A reading outside the plausible range is kept aside as
implausible with its raw value; it is never shown as a figure.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """How a metric may be summarised: a gauge is averaged, a counter differenced, a state counted by value."""

    GAUGE = "gauge"
    COUNTER = "counter"
    STATE = "state"


@dataclass(frozen=True, slots=True)
class Metric:
    """One thing measured: `low`..`high` is plausible for any site we serve, `decimals` is enough to show it."""

    name: str
    unit: str
    kind: Kind
    low: float
    high: float
    decimals: int
    about: str

    def plausible(self, value: float) -> bool:
        """Say whether a device may really have measured this."""
        return self.low <= value <= self.high


_G, _C, _S = Kind.GAUGE, Kind.COUNTER, Kind.STATE

_ALL = (
    # name                          unit  kind    low      high  decimals  about
    Metric("panel_voltage_v",             "V",   _G,     0,      600, 2, "panel array voltage"),
    Metric("panel_current_a",             "A",   _G,     0,      200, 2, "panel array current"),
    Metric("panel_power_w",               "W",   _G,     0,   50_000, 1, "power from the panels"),
    Metric("panel_voltage_max_today_v",   "V",   _G,     0,      600, 2, "highest panel voltage since midnight"),
    Metric("panel_rated_voltage_v",       "V",   _G,     0,      600, 0, "panel input rating of the controller"),
    Metric("battery_voltage_v",           "V",   _G,     0,       80, 2, "battery voltage"),
    Metric("battery_current_a",           "A",   _G,  -500,      500, 2, "battery current, positive when charging"),
    Metric("battery_power_w",             "W",   _G, -30_000, 30_000, 1, "battery power, positive when charging"),
    Metric("battery_temp_c",              "°C",  _G,   -30,       90, 1, "battery temperature"),
    Metric("battery_voltage_max_today_v", "V",   _G,     0,       80, 2, "highest battery voltage since midnight"),
    Metric("battery_voltage_min_today_v", "V",   _G,     0,       80, 2, "lowest battery voltage since midnight"),
    Metric("soc_pct",                     "%",   _G,     0,      100, 0, "state of charge as the device states it"),
    Metric("charge_current_a",            "A",   _G,     0,      200, 2, "current from charger to battery"),
    Metric("charge_power_w",              "W",   _G,     0,   20_000, 1, "power from charger to battery"),
    Metric("charge_rated_current_a",      "A",   _G,     0,      200, 0, "charge current rating of the controller"),
    Metric("system_voltage_v",            "V",   _G,     0,       60, 0, "nominal system voltage"),
    Metric("load_voltage_v",              "V",   _G,     0,      300, 2, "load output voltage"),
    Metric("load_current_a",              "A",   _G,     0,      200, 2, "load output current"),
    Metric("load_power_w",                "W",   _G,     0,   20_000, 1, "power drawn from the load output"),
    Metric("controller_temp_c",           "°C",  _G,   -30,      120, 1, "temperature inside the controller"),
    Metric("generated_today_kwh",         "kWh", _C,     0,    1_000, 2, "energy from the panels since midnight"),
    Metric("consumed_today_kwh",          "kWh", _C,     0,    1_000, 2, "energy to the load since midnight"),
    Metric("generated_total_kwh",         "kWh", _C,     0, 10_000_000, 2, "energy from the panels, lifetime"),
    Metric("consumed_total_kwh",          "kWh", _C,     0, 10_000_000, 2, "energy to the load, lifetime"),
    Metric("charge_stage",                "",    _S,     0,        4, 0, "0 off 1 float 2 boost 3 equalise 4 bulk"),
    Metric("load_on",                     "",    _S,     0,        1, 0, "1 when the load output is enabled"),
    Metric("night",                       "",    _S,     0,        1, 0, "1 when the controller sees night"),
    Metric("faults",                      "",    _S,     0, 2**32 - 1, 0, "fault bits of the device, 0 = none"),
    Metric("lit",                         "",    _S,     0,        1, 0, "1 when the lighting circuit is on"),
    Metric("slots_occupied",              "",    _G,     0,       64, 0, "charging slots with a phone in them"),
    Metric("cpu_temp_c",                  "°C",  _G,   -30,      120, 1, "temperature of the Pi"),
    Metric("memory_free_mb",              "MB",  _G,     0, 1_000_000, 0, "memory the Pi could still give out"),
    Metric("disk_free_mb",                "MB",  _G,     0, 10_000_000, 0, "free space where the outbox lives"),
    Metric("outbox_rows",                 "",    _G,     0, 100_000_000, 0, "rows the hub has not acknowledged"),
    Metric("sent_bytes",                  "B",   _C,     0,    2**52, 0, "payload bytes sent since the agent started"),
)  # fmt: skip

CATALOGUE: dict[str, Metric] = {metric.name: metric for metric in _ALL}


def metric_of(column: str) -> Metric:
    """Look up the metric behind a column name such as `controller.panel_power_w`.

    Raises `KeyError` when the catalogue does not know it.
    """
    return CATALOGUE[column.rpartition(".")[2]]
