"""Deye's three-phase inverters by the register table of deye-controller."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC
from typing import Any

from deye_controller import HoldingRegisters
from minimalmodbus import Instrument

from tests.system.frozen import Place
from tests.system.readers.client import Client, Quantity, lent

COUNTED_OUT = ("battery_power_w", "battery_current_a")
"""What the inverters and their readers count positive when it leaves the battery, and we when it enters."""


def counted_in(metric: str, value: Any) -> float:  # noqa: ANN401  the clients are untyped
    """Turn what an inverter says to our sign."""
    return -float(value) if metric in COUNTED_OUT else float(value)


@contextmanager
def _lent(place: Place) -> Iterator[Instrument]:
    with lent(Instrument(place.line, place.unit)) as line:
        yield line


def _held(line: Instrument, name: str) -> Any:  # noqa: ANN401  numbers, texts, times
    """Read a register of deye-controller's table and let it format the words."""
    register = getattr(HoldingRegisters, name)
    words = line.read_registers(register.address, register.len, 3)
    register.value = words if register.len > 1 else words[0]
    return register.format()


def _registers(**steps: tuple[str, float]) -> tuple[Quantity, ...]:
    """List quantities that deye-controller gives under these names."""

    def asked(metric: str, name: str) -> Callable[[Instrument], float]:
        return lambda line: counted_in(metric, _held(line, name))

    return tuple(Quantity(metric, step, asked(metric, name)) for metric, (name, step) in steps.items())


def _word(metric: str, name: str, words: Mapping[str, float]) -> Quantity:
    return Quantity(metric, 1, lambda line: words[getattr(_held(line, name), "name", _held(line, name))])


DEYE_CONTROLLER = Client(
    "deye-controller",
    _lent,
    (
        *_registers(
            equalise_v=("BattEqualization", 0.01),
            boost_v=("BattAbsorbtion", 0.01),
            float_v=("BattFloat", 0.01),
            battery_capacity_ah=("BattCapacity", 1),
            temp_compensation_mv_per_c=("TEMPCO", 1),
            charge_current_limit_a=("MaxAmpCharge", 1),
            discharge_stop_pct=("BattShutDownCapacity", 1),
            low_voltage_disconnect_v=("BattShutDownVoltage", 0.01),
            low_voltage_reconnect_v=("BattRestartVoltage", 0.01),
            under_voltage_warning_v=("BattLowVoltage", 0.01),
            mains_charge_limit_a=("GridChargeCurrent", 1),
            load_rated_frequency_hz=("GridFrequency", 1),
            battery_charge_limit_v=("BMSChargedVoltage", 0.01),
            battery_charge_limit_a=("BMSChargingCurrentLimit", 1),
            battery_discharge_limit_a=("BMSDischargeCurrentLimit", 1),
            battery_temp_2_c=("BMSBatteryTemp", 0.1),
            battery_charged_today_kwh=("BatteryChargeToday", 0.1),
            battery_discharged_today_kwh=("BatteryDischargeToday", 0.1),
            battery_charged_total_kwh=("BatteryChargeTotal", 0.1),
            battery_discharged_total_kwh=("BatteryDischargeTotal", 0.1),
            mains_import_today_kwh=("TodayBuyGrid", 0.1),
            mains_export_today_kwh=("TodaySoldGrid", 0.1),
            mains_import_total_kwh=("TotalBuyGrid", 0.1),
            mains_export_total_kwh=("TotalSellGrid", 0.1),
            consumed_today_kwh=("TodayToLoad", 0.1),
            consumed_total_kwh=("TotalToLoad", 0.1),
            generated_today_kwh=("TodayFromPV", 0.1),
            generated_total_kwh=("TotalFromPV", 0.1),
            transformer_temp_c=("DCTransformerTemp", 0.1),
            heatsink_temp_c=("HeatsinkTemp", 0.1),
            battery_voltage_v=("BatteryVoltage", 0.01),
            soc_pct=("BatterySOC", 1),
            battery_power_w=("BatteryOutPower", 1),
            battery_current_a=("BatteryOutCurrent", 0.01),
            mains_voltage_v=("GRIDPhaseAVolt", 0.1),
            mains_frequency_hz=("GRIDFrequency", 0.01),
            mains_current_a=("GRIDPhaseACurrentIn", 0.01),
            mains_1_power_w=("GRIDPhaseAPower", 1),
            mains_2_power_w=("GRIDPhaseBPower", 1),
            mains_3_power_w=("GRIDPhaseCPower", 1),
            mains_power_w=("GRIDTotalPower", 1),
            inverter_voltage_v=("GRIDPhaseAVoltOut", 0.1),
            inverter_current_a=("InverterPhaseACurrentOut", 0.01),
            inverter_power_w=("InverterTotalPowerOut", 1),
            inverter_frequency_hz=("InverterFrequency", 0.01),
            load_voltage_v=("LoadPhaseAVolt", 0.1),
            load_power_w=("LoadTotalPower", 1),
            generator_power_w=("GeneratorTotalPower", 1),
            panel_1_power_w=("PV1InPower", 1),
            panel_2_power_w=("PV2InPower", 1),
            panel_voltage_v=("PV1Voltage", 0.1),
            panel_current_a=("PV1Current", 0.1),
            panel_2_voltage_v=("PV2Voltage", 0.1),
            panel_2_current_a=("PV2Current", 0.1),
        ),
        _word("load_on", "SwitchOnOff", {"Inactive": 0, "Active": 1}),
        _word("management_mode", "BatteryControl", {"ByVoltage": 0, "ByCapacity": 1}),
        _word("device_state", "RunState", {"StandBy": 0, "SelfCheck": 1, "Normal": 8, "Fault": 4}),
        Quantity("serial", 0, lambda line: str(_held(line, "SerialNumber")).rstrip("\0 ")),
        Quantity("clock", 1, lambda line: float(_held(line, "DeviceTime").replace(tzinfo=UTC).timestamp())),
        Quantity(
            "battery_temp_c",
            0.01,
            lambda line: float(_held(line, "BatteryTemp")),
            lambda celsius: (10 * celsius + 1000) / 100,
            "it divides by a hundred, where the heat sink's register beside it is tenths above -100 °C",
        ),
    ),
)
"""Its register table and its formats; its own transport is that of a Solarman logger, so minimalmodbus carries them."""
