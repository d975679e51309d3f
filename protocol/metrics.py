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
    # name                                   unit    kind     low         high  decimals  about
    # panels
    Metric("panel_voltage_v",                "V",    _G,        0,         1_000, 2, "panel array voltage, of the first array where there are several"),
    Metric("panel_current_a",                "A",    _G,       -5,           200, 2, "panel array current, of the first array where there are several"),
    Metric("panel_power_w",                  "W",    _G,        0,       100_000, 1, "power from all panels"),
    Metric("panel_1_power_w",                "W",    _G,        0,        50_000, 1, "power from the first array"),
    Metric("panel_2_voltage_v",              "V",    _G,        0,         1_000, 2, "voltage of the second array"),
    Metric("panel_2_current_a",              "A",    _G,       -5,           200, 2, "current of the second array"),
    Metric("panel_2_power_w",                "W",    _G,        0,        50_000, 1, "power from the second array"),
    Metric("panel_voltage_max_today_v",      "V",    _G,        0,         1_000, 2, "highest panel voltage since midnight"),
    Metric("panel_voltage_min_today_v",      "V",    _G,        0,         1_000, 2, "lowest panel voltage since midnight"),
    Metric("panel_power_max_today_w",        "W",    _G,        0,       100_000, 0, "highest power from the panels since midnight"),
    Metric("panel_open_circuit_v",           "V",    _G,        0,         1_000, 2, "open-circuit voltage at the last sweep"),
    Metric("panel_best_voltage_v",           "V",    _G,        0,         1_000, 2, "voltage of highest power at the last sweep"),
    Metric("panel_best_power_w",             "W",    _G,        0,       100_000, 1, "highest power found by the last sweep"),
    Metric("panel_rated_voltage_v",          "V",    _G,        0,         1_000, 0, "panel input rating of the controller"),
    Metric("panel_rated_current_a",          "A",    _G,        0,           200, 0, "panel current rating of the controller"),
    Metric("panel_rated_power_w",            "W",    _G,        0,       100_000, 0, "panel power rating of the controller"),
    # battery
    Metric("battery_voltage_v",              "V",    _G,        0,         1_000, 2, "battery voltage"),
    Metric("battery_current_a",              "A",    _G,     -500,           500, 2, "battery current, positive when charging"),
    Metric("battery_power_w",                "W",    _G,  -50_000,        50_000, 1, "battery power, positive when charging"),
    Metric("battery_bms_voltage_v",          "V",    _G,        0,         1_000, 2, "battery voltage as the battery itself states it"),
    Metric("battery_temp_c",                 "°C",   _G,      -30,            90, 1, "battery temperature"),
    Metric("battery_temp_2_c",               "°C",   _G,      -30,            90, 1, "battery temperature, second sensor"),
    Metric("battery_temp_3_c",               "°C",   _G,      -30,            90, 1, "battery temperature, third sensor"),
    Metric("battery_temp_4_c",               "°C",   _G,      -30,            90, 1, "battery temperature, fourth sensor"),
    Metric("remote_battery_temp_c",          "°C",   _G,      -30,            90, 1, "temperature of the sensor at the battery"),
    Metric("battery_voltage_max_today_v",    "V",    _G,        0,         1_000, 2, "highest battery voltage since midnight"),
    Metric("battery_voltage_min_today_v",    "V",    _G,        0,         1_000, 2, "lowest battery voltage since midnight"),
    Metric("battery_voltage_max_ever_v",     "V",    _G,        0,         1_000, 2, "highest battery voltage on record"),
    Metric("battery_voltage_min_ever_v",     "V",    _G,        0,         1_000, 2, "lowest battery voltage on record"),
    Metric("soc_pct",                        "%",    _G,        0,           100, 0, "state of charge as the device states it"),
    Metric("soh_pct",                        "%",    _G,        0,           100, 0, "state of health as the device states it"),
    Metric("battery_remaining_ah",           "Ah",   _G,        0,       100_000, 1, "charge left in the battery as the device states it"),
    Metric("battery_remaining_kwh",          "kWh",  _G,        0,        10_000, 2, "energy left in the battery as the device states it"),
    Metric("battery_consumed_ah",            "Ah",   _G,        0,       100_000, 1, "charge taken since the last full charge"),
    Metric("battery_time_to_go_s",           "s",    _G,        0,    10_000_000, 0, "time left at the present draw as the device states it"),
    Metric("battery_cycles",                 "",     _C,        0,     1_000_000, 0, "charge cycles counted by the device"),
    Metric("battery_charged_today_ah",       "Ah",   _C,        0,       100_000, 1, "charge into the battery since midnight"),
    Metric("battery_discharged_today_ah",    "Ah",   _C,        0,       100_000, 1, "charge out of the battery since midnight"),
    Metric("battery_charged_total_ah",       "Ah",   _C,        0, 1_000_000_000, 1, "charge into the battery, lifetime"),
    Metric("battery_discharged_total_ah",    "Ah",   _C,        0, 1_000_000_000, 1, "charge out of the battery, lifetime"),
    Metric("mains_charged_today_ah",         "Ah",   _C,        0,       100_000, 1, "charge from mains into the battery since midnight"),
    Metric("mains_charged_total_ah",         "Ah",   _C,        0, 1_000_000_000, 1, "charge from mains into the battery, lifetime"),
    Metric("battery_charged_today_kwh",      "kWh",  _C,        0,         1_000, 2, "energy into the battery since midnight"),
    Metric("battery_discharged_today_kwh",   "kWh",  _C,        0,         1_000, 2, "energy out of the battery since midnight"),
    Metric("battery_charged_total_kwh",      "kWh",  _C,        0,    10_000_000, 2, "energy into the battery, lifetime"),
    Metric("battery_discharged_total_kwh",   "kWh",  _C,        0,    10_000_000, 2, "energy out of the battery, lifetime"),
    Metric("battery_full_charges",           "",     _C,        0,     1_000_000, 0, "full charges counted by the device"),
    Metric("battery_over_discharges",        "",     _C,        0,     1_000_000, 0, "over-discharges counted by the device"),
    Metric("cells",                          "",     _G,        0,           400, 0, "cells in series"),
    Metric("cell_voltage_max_v",             "V",    _G,        0,             5, 3, "voltage of the highest cell"),
    Metric("cell_voltage_min_v",             "V",    _G,        0,             5, 3, "voltage of the lowest cell"),
    Metric("cell_voltage_mean_v",            "V",    _G,        0,             5, 3, "mean voltage of the cells"),
    Metric("cell_voltage_spread_v",          "V",    _G,        0,             5, 3, "highest minus lowest cell"),
    Metric("balance_current_a",              "A",    _G,      -50,            50, 3, "current between the cells"),
    Metric("battery_charge_limit_a",         "A",    _G,        0,         2_000, 0, "highest charge current the battery allows now"),
    Metric("battery_discharge_limit_a",      "A",    _G,        0,         2_000, 0, "highest discharge current the battery allows now"),
    Metric("battery_charge_limit_v",         "V",    _G,        0,         1_000, 1, "highest charge voltage the battery allows now"),
    Metric("battery_capacity_ah",            "Ah",   _G,        0,       100_000, 0, "nominal capacity as set in the device"),
    Metric("battery_rated_voltage_v",        "V",    _G,        0,         1_000, 0, "battery rating of the controller"),
    Metric("system_voltage_v",               "V",    _G,        0,         1_000, 0, "nominal system voltage"),
    # charger
    Metric("charge_current_a",               "A",    _G,     -500,           500, 2, "current from charger to battery"),
    Metric("charge_power_w",                 "W",    _G,        0,        50_000, 1, "power from charger to battery"),
    Metric("charge_current_max_today_a",     "A",    _G,        0,           500, 2, "highest charge current since midnight"),
    Metric("charge_power_max_today_w",       "W",    _G,        0,        50_000, 0, "highest charge power since midnight"),
    Metric("discharge_current_max_today_a",  "A",    _G,        0,           500, 2, "highest discharge current since midnight"),
    Metric("discharge_power_max_today_w",    "W",    _G,        0,        50_000, 0, "highest discharge power since midnight"),
    Metric("charge_rated_current_a",         "A",    _G,        0,           500, 0, "charge current rating of the controller"),
    Metric("charge_rated_power_w",           "W",    _G,        0,        50_000, 0, "charge power rating of the controller"),
    Metric("charge_target_v",                "V",    _G,        0,         1_000, 2, "voltage the charger regulates to"),
    Metric("charge_from_panels_a",           "A",    _G,        0,           500, 1, "charge current that comes from the panels"),
    Metric("charge_from_mains_a",            "A",    _G,        0,           500, 1, "charge current that comes from mains or generator"),
    Metric("absorption_today_s",             "s",    _C,        0,        86_400, 0, "time in absorption since midnight"),
    Metric("float_today_s",                  "s",    _C,        0,        86_400, 0, "time in float since midnight"),
    Metric("equalise_today_s",               "s",    _C,        0,        86_400, 0, "time in equalisation since midnight"),
    # load, or the output of an inverter
    Metric("load_voltage_v",                 "V",    _G,        0,           500, 2, "load output voltage"),
    Metric("load_current_a",                 "A",    _G,       -5,           500, 2, "load output current"),
    Metric("load_power_w",                   "W",    _G,  -50_000,        50_000, 1, "power drawn from the load output"),
    Metric("load_apparent_va",               "VA",   _G,        0,       100_000, 0, "apparent power drawn from the load output"),
    Metric("load_reactive_var",              "var",  _G, -100_000,       100_000, 0, "reactive power at the load output"),
    Metric("load_power_factor",              "",     _G,       -1,             1, 2, "power factor of the load"),
    Metric("load_pct",                       "%",    _G,        0,           300, 0, "load as share of the rating"),
    Metric("load_brightness_pct",            "%",    _G,        0,           100, 0, "how bright the load output is"),
    Metric("load_frequency_hz",              "Hz",   _G,        0,           100, 2, "frequency of the load output"),
    Metric("load_rated_current_a",           "A",    _G,        0,           500, 0, "load current rating of the controller"),
    Metric("load_rated_power_w",             "W",    _G,        0,       100_000, 0, "power rating of the inverter"),
    Metric("load_power_warning_w",           "W",    _G,        0,       100_000, 0, "the power warning begins above this"),
    Metric("load_rated_voltage_v",           "V",    _G,        0,           500, 0, "output voltage the inverter is made or set for"),
    Metric("load_rated_frequency_hz",        "Hz",   _G,        0,           100, 1, "output frequency the inverter is set for"),
    Metric("inverter_voltage_v",             "V",    _G,        0,           500, 2, "inverter voltage"),
    Metric("inverter_current_a",             "A",    _G,     -500,           500, 2, "inverter current"),
    Metric("inverter_power_w",               "W",    _G,  -50_000,        50_000, 1, "inverter power"),
    Metric("inverter_frequency_hz",          "Hz",   _G,        0,           100, 2, "frequency of the inverter"),
    Metric("bus_voltage_v",                  "V",    _G,        0,         1_000, 1, "voltage of the inner direct-current bus"),
    # mains or generator
    Metric("mains_voltage_v",                "V",    _G,        0,           500, 2, "voltage of mains or generator"),
    Metric("mains_current_a",                "A",    _G,     -500,           500, 2, "current from mains or generator"),
    Metric("mains_power_w",                  "W",    _G, -100_000,       100_000, 1, "power from mains or generator, negative when given back"),
    Metric("mains_frequency_hz",             "Hz",   _G,        0,           100, 2, "frequency of mains or generator"),
    Metric("mains_1_power_w",                "W",    _G, -100_000,       100_000, 1, "power from mains on phase 1"),
    Metric("mains_2_power_w",                "W",    _G, -100_000,       100_000, 1, "power from mains on phase 2"),
    Metric("mains_3_power_w",                "W",    _G, -100_000,       100_000, 1, "power from mains on phase 3"),
    Metric("mains_power_factor",             "",     _G,       -1,             1, 2, "power factor at the mains meter"),
    Metric("generator_power_w",              "W",    _G, -100_000,       100_000, 1, "power from the generator"),
    # energy counters
    Metric("generated_today_kwh",            "kWh",  _C,        0,         1_000, 2, "energy from the panels since midnight"),
    Metric("generated_total_kwh",            "kWh",  _C,        0,    10_000_000, 2, "energy from the panels, lifetime"),
    Metric("generated_month_kwh",            "kWh",  _C,        0,       100_000, 2, "energy from the panels this month"),
    Metric("generated_year_kwh",             "kWh",  _C,        0,     1_000_000, 2, "energy from the panels this year"),
    Metric("generated_yesterday_kwh",        "kWh",  _G,        0,         1_000, 2, "energy from the panels yesterday"),
    Metric("generated_2_today_kwh",          "kWh",  _C,        0,         1_000, 2, "energy from the second array since midnight"),
    Metric("generated_2_total_kwh",          "kWh",  _C,        0,    10_000_000, 2, "energy from the second array, lifetime"),
    Metric("consumed_today_kwh",             "kWh",  _C,        0,         1_000, 2, "energy to the load since midnight"),
    Metric("consumed_total_kwh",             "kWh",  _C,        0,    10_000_000, 2, "energy to the load, lifetime"),
    Metric("consumed_month_kwh",             "kWh",  _C,        0,       100_000, 2, "energy to the load this month"),
    Metric("consumed_year_kwh",              "kWh",  _C,        0,     1_000_000, 2, "energy to the load this year"),
    Metric("exported_total_kwh",             "kWh",  _C,        0,    10_000_000, 2, "energy that flowed back through a meter, lifetime"),
    Metric("mains_import_today_kwh",         "kWh",  _C,        0,         1_000, 2, "energy from mains since midnight"),
    Metric("mains_import_total_kwh",         "kWh",  _C,        0,    10_000_000, 2, "energy from mains, lifetime"),
    Metric("mains_export_today_kwh",         "kWh",  _C,        0,         1_000, 2, "energy given to mains since midnight"),
    Metric("mains_export_total_kwh",         "kWh",  _C,        0,    10_000_000, 2, "energy given to mains, lifetime"),
    Metric("mains_charged_today_kwh",        "kWh",  _C,        0,         1_000, 2, "energy from mains into the battery since midnight"),
    Metric("mains_charged_total_kwh",        "kWh",  _C,        0,    10_000_000, 2, "energy from mains into the battery, lifetime"),
    Metric("reactive_import_kvarh",          "kvarh",_C,        0,    10_000_000, 2, "reactive energy in, lifetime"),
    Metric("reactive_export_kvarh",          "kvarh",_C,        0,    10_000_000, 2, "reactive energy out, lifetime"),
    Metric("co2_saved_t",                    "t",    _C,        0,     1_000_000, 2, "carbon dioxide the device claims was saved; shown nowhere"),
    Metric("operating_days",                 "d",    _C,        0,       100_000, 0, "days in operation"),
    Metric("operating_hours",                "h",    _C,        0,     1_000_000, 0, "hours in operation"),
    # temperatures
    Metric("controller_temp_c",              "°C",   _G,      -30,           120, 1, "temperature inside the controller"),
    Metric("heatsink_temp_c",                "°C",   _G,      -30,           150, 1, "temperature of the heat sink"),
    Metric("ambient_temp_c",                 "°C",   _G,      -30,            90, 1, "temperature around the device"),
    Metric("inverter_temp_c",                "°C",   _G,      -30,           150, 1, "temperature of the inverter"),
    Metric("transformer_temp_c",             "°C",   _G,      -30,           150, 1, "temperature of the transformer"),
    Metric("mosfet_temp_c",                  "°C",   _G,      -30,           150, 1, "temperature of the battery's switches"),
    # states: their codes and words stand in `states`
    Metric("charge_stage",                   "",     _S,        0,             4, 0, "what the charger does"),
    Metric("charge_mode",                    "",     _S,        0,             2, 0, "how the charger draws from the panels"),
    Metric("battery_type",                   "",     _S,        0,             9, 0, "kind of battery the device is set for"),
    Metric("device_state",                   "",     _S,        0,             9, 0, "what an inverter or hybrid does"),
    Metric("load_on",                        "",     _S,        0,             1, 0, "1 when the load output is enabled"),
    Metric("load_test",                      "",     _S,        0,             1, 0, "1 while the load is tested"),
    Metric("load_forced",                    "",     _S,        0,             1, 0, "1 while the load is switched on for a test"),
    Metric("charge_switch",                  "",     _S,        0,             1, 0, "1 when the battery's charge switch is closed"),
    Metric("discharge_switch",               "",     _S,        0,             1, 0, "1 when the battery's discharge switch is closed"),
    Metric("balancing",                      "",     _S,        0,             1, 0, "1 while the cells are balanced"),
    Metric("night",                          "",     _S,        0,             1, 0, "1 when the controller sees night"),
    Metric("overheated",                     "",     _S,        0,             1, 0, "1 when the controller finds itself too hot"),
    Metric("high_voltage_alarm",             "",     _S,        0,             1, 0, "1 while the device finds the voltage too high"),
    Metric("low_voltage_alarm",              "",     _S,        0,             1, 0, "1 while the device finds the voltage too low"),
    Metric("power_alarm",                    "",     _S,        0,             1, 0, "1 while the device finds the power too high"),
    Metric("load_control",                   "",     _S,        0,             9, 0, "how the controller switches the load"),
    Metric("output_priority",                "",     _S,        0,             9, 0, "which source an inverter uses first"),
    Metric("charge_priority",                "",     _S,        0,             9, 0, "which source charges the battery first"),
    Metric("faults",                         "",     _S,        0,     2**50 - 1, 0, "faults of the device as bits, 0 = none; see `faults`"),
    # set points
    Metric("over_voltage_disconnect_v",      "V",    _G,        0,         1_000, 2, "charging stops above this"),
    Metric("over_voltage_warning_v",         "V",    _G,        0,         1_000, 2, "the high-voltage warning begins above this"),
    Metric("charging_limit_v",               "V",    _G,        0,         1_000, 2, "highest charge voltage"),
    Metric("over_voltage_reconnect_v",       "V",    _G,        0,         1_000, 2, "charging begins again below this"),
    Metric("equalise_v",                     "V",    _G,        0,         1_000, 2, "equalisation voltage"),
    Metric("boost_v",                        "V",    _G,        0,         1_000, 2, "absorption voltage"),
    Metric("float_v",                        "V",    _G,        0,         1_000, 2, "float voltage"),
    Metric("boost_reconnect_v",              "V",    _G,        0,         1_000, 2, "absorption begins again below this"),
    Metric("low_voltage_reconnect_v",        "V",    _G,        0,         1_000, 2, "the load comes back above this"),
    Metric("under_voltage_recover_v",        "V",    _G,        0,         1_000, 2, "the low-battery warning ends above this"),
    Metric("under_voltage_warning_v",        "V",    _G,        0,         1_000, 2, "the low-battery warning begins below this"),
    Metric("low_voltage_disconnect_v",       "V",    _G,        0,         1_000, 2, "the load is cut below this"),
    Metric("discharging_limit_v",            "V",    _G,        0,         1_000, 2, "lowest battery voltage"),
    Metric("temp_compensation_mv_per_c",     "mV/°C",_G,     -100,           100, 2, "temperature compensation for each 2 V cell"),
    Metric("equalise_interval_d",            "d",    _G,        0,         1_000, 0, "days between equalisations"),
    Metric("equalise_duration_min",          "min",  _G,        0,        10_000, 0, "length of an equalisation"),
    Metric("boost_duration_min",             "min",  _G,        0,        10_000, 0, "length of absorption"),
    Metric("charge_current_limit_a",         "A",    _G,        0,           500, 1, "highest charge current set"),
    Metric("panel_charge_limit_a",           "A",    _G,        0,           500, 1, "highest charge current from the panels set"),
    Metric("mains_charge_limit_a",           "A",    _G,        0,           500, 1, "highest charge current from mains set"),
    Metric("mains_switch_v",                 "V",    _G,        0,         1_000, 2, "mains feeds the load below this battery voltage"),
    Metric("mains_return_v",                 "V",    _G,        0,         1_000, 2, "the battery feeds the load again above this"),
    Metric("charge_stop_pct",                "%",    _G,        0,           100, 0, "state of charge where charging stops"),
    Metric("discharge_stop_pct",             "%",    _G,        0,           100, 0, "state of charge where discharging stops"),
    Metric("battery_temp_max_c",             "°C",   _G,      -50,           150, 1, "battery temperature warning, upper"),
    Metric("battery_temp_min_c",             "°C",   _G,      -50,           150, 1, "battery temperature warning, lower"),
    Metric("controller_temp_max_c",          "°C",   _G,      -50,           200, 1, "controller temperature limit"),
    Metric("controller_temp_recover_c",      "°C",   _G,      -50,           200, 1, "controller works again below this"),
    Metric("heatsink_temp_max_c",            "°C",   _G,      -50,           200, 1, "heat sink temperature limit"),
    Metric("heatsink_temp_recover_c",        "°C",   _G,      -50,           200, 1, "power is given again below this"),
    Metric("line_resistance_mohm",           "mΩ",   _G,        0,        10_000, 2, "resistance of the battery cable as set"),
    Metric("night_threshold_v",              "V",    _G,        0,         1_000, 2, "panel voltage below which it is night"),
    Metric("night_delay_min",                "min",  _G,        0,         1_000, 0, "how long below before it is night"),
    Metric("day_threshold_v",                "V",    _G,        0,         1_000, 2, "panel voltage above which it is day"),
    Metric("day_delay_min",                  "min",  _G,        0,         1_000, 0, "how long above before it is day"),
    Metric("night_length_min",               "min",  _G,        0,         1_500, 0, "length of the night as set"),
    Metric("working_time_1_min",             "min",  _G,        0,         1_500, 0, "load after dusk"),
    Metric("working_time_2_min",             "min",  _G,        0,         1_500, 0, "load before dawn"),
    Metric("rated_voltage_code",             "",     _G,        0,             9, 0, "system voltage as set: 0 automatic, 1 12 V, 2 24 V, 3 36 V, 4 48 V and up"),
    Metric("load_timers",                    "",     _G,        0,             1, 0, "1 when two timers switch the load"),
    Metric("load_default",                   "",     _G,        0,             1, 0, "1 when the load is on by default"),
    Metric("management_mode",                "",     _G,        0,             1, 0, "1 when charging goes by state of charge, 0 by voltage"),
    # the site and the Pi
    Metric("lit",                            "",     _S,        0,             1, 0, "1 when the lighting circuit is on"),
    Metric("slots_occupied",                 "",     _G,        0,            64, 0, "charging slots with a phone in them"),
    Metric("cpu_temp_c",                     "°C",   _G,      -30,           120, 1, "temperature of the Pi"),
    Metric("memory_free_mb",                 "MB",   _G,        0,     1_000_000, 0, "memory the Pi could still give out"),
    Metric("disk_free_mb",                   "MB",   _G,        0,    10_000_000, 0, "free space where the outbox lives"),
    Metric("outbox_rows",                    "",     _G,        0,   100_000_000, 0, "rows the hub has not acknowledged"),
    Metric("sent_bytes",                     "B",    _C,        0,         2**52, 0, "payload bytes sent since the agent started"),
    Metric("link_kb_today",                  "kB",   _G,        0,     1_000_000, 0, "bytes on the link today, all overhead estimated in"),
    Metric("budget_left_kb",                 "kB",   _G,        0, 1_000_000_000, 0, "what the link may still spend, unspent days carried over"),
)  # fmt: skip

CELLS_MAX = 32

_CELLS = tuple(Metric(f"cell_{i}_voltage_v", "V", _G, 0, 5, 3, f"voltage of cell {i}") for i in range(1, CELLS_MAX + 1))

_TIMERS = tuple(
    Metric(f"load_timer_{i}_{edge}_{unit}", unit, _G, 0, 59, 0, f"load timer {i} switches {edge}: {word}")
    for i in (1, 2)
    for edge in ("on", "off")
    for unit, word in (("s", "second"), ("min", "minute"), ("h", "hour"))
)

CATALOGUE: dict[str, Metric] = {metric.name: metric for metric in (*_ALL, *_CELLS, *_TIMERS)}


def metric_of(column: str) -> Metric:
    """Look up the metric behind a column name such as `controller.panel_power_w`.

    Raises `KeyError` when the catalogue does not know it.
    """
    return CATALOGUE[column.rpartition(".")[2]]
