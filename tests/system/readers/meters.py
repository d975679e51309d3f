"""Energy meters: Peacefair read by python-pzem, Eastron by the register table of sdm-modbus."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from struct import pack, unpack
from types import ModuleType, SimpleNamespace
from typing import Any
from unittest.mock import patch

import pymodbus.client  # noqa: F401  whole, before something stands in for a part of it
from minimalmodbus import Instrument
from pzem import PZEM_016

from tests.system.frozen import Device, Place, Shown
from tests.system.readers.client import Client, Family, Quantity, lent

_LOW_WORD = 1 << 16
_BIG = "big"


def _attribute(metric: str, name: str, step: float) -> Quantity:
    return Quantity(metric, step, lambda meter: float(getattr(meter, name)))


_PYTHON_PZEM = Client(
    "python-pzem",
    lambda place: lent(PZEM_016(place.line, place.unit)),
    (
        _attribute("load_voltage_v", "voltage", 0.1),
        _attribute("load_frequency_hz", "frequency", 0.1),
        # It rounds the power factor and the current to tenths, which the device tells in hundredths and thousandths.
        _attribute("load_power_factor", "power_factor", 0.1),
        _attribute("power_alarm", "has_alarm", 1),
        Quantity(
            "load_current_a",
            0.1,
            lambda meter: float(meter.current),
            lambda amperes: round(amperes * 1000) % _LOW_WORD / 1000,
            "it reads the low word only, so that it wraps at 65.5 A",
        ),
        Quantity(
            "load_power_w",
            0.1,
            lambda meter: float(meter.power),
            lambda watts: round(watts * 10) % _LOW_WORD / 10,
            "it reads the low word only, so that it wraps at 6.5 kW",
        ),
        Quantity(
            "consumed_total_kwh",
            0.1,
            lambda meter: float(meter.energy),
            lambda kwh: round(kwh * 1000) % _LOW_WORD / 100,
            "it says watt-hours and tells hundreds of them, and reads the low word only",
        ),
    ),
)

PZEM_AC = Family(
    Device(
        "pzem-ac",
        {
            "load_voltage_v": (228.4, 231.7, 219.3),
            "load_current_a": (0.834, 12.345, 71.234),
            "load_power_w": (180.4, 2691.2, 15622.9),
            "consumed_total_kwh": (1.234, 56.789, 4321.987),
            "load_frequency_hz": (50.0, 49.9, 50.2),
            "load_power_factor": (0.95, 0.94, 1.0),
            "power_alarm": (0, 0, 1),
        },
    ),
    (_PYTHON_PZEM,),
)


class _Answer:
    """What sdm-modbus takes for the answer to a read."""

    def __init__(self, registers: Sequence[int]) -> None:
        self.registers = registers


class _Decoder:
    """Stands in for a class that pymodbus dropped; of its many types, meters use one."""

    def __init__(self, words: Sequence[int]) -> None:
        self._words = words

    @classmethod
    def fromRegisters(cls, registers: Sequence[int], byteorder: object, wordorder: object) -> _Decoder:  # noqa: N802
        """Take words in an order of pymodbus."""
        assert byteorder == _BIG
        return cls(registers if wordorder == _BIG else registers[::-1])

    def decode_32bit_float(self) -> float:
        """Read the number."""
        return float(unpack(">f", pack(">2H", *self._words))[0])


def _sdm_modbus() -> Any:  # noqa: ANN401  an untyped module
    """Import sdm-modbus, giving it what present versions of pymodbus have no more."""
    constants, payload, messages = (ModuleType(f"pymodbus.{n}") for n in ("constants", "payload", "messages"))
    vars(constants)["Endian"] = SimpleNamespace(BIG=_BIG, LITTLE="little")
    vars(payload).update(BinaryPayloadDecoder=_Decoder, BinaryPayloadBuilder=None)
    vars(messages).update(ReadInputRegistersResponse=_Answer, ReadHoldingRegistersResponse=_Answer)
    standing_in = {
        "pymodbus.constants": constants,
        "pymodbus.payload": payload,
        "pymodbus.register_read_message": messages,
    }
    with patch.dict(sys.modules, standing_in):
        import sdm_modbus  # noqa: PLC0415  only here is there what it wants
    return sdm_modbus


class _Carrier:
    """The transport of sdm-modbus, made of minimalmodbus."""

    def __init__(self, line: Instrument) -> None:
        self._line = line

    def connect(self) -> bool:
        """Say that the line is open."""
        return True

    is_socket_open = connect

    def read_input_registers(self, address: int, count: int, **_unit: int) -> _Answer:
        """Read words."""
        return _Answer(self._line.read_registers(address, count, 4))


@contextmanager
def _sdm120(place: Place) -> Iterator[Any]:
    module = _sdm_modbus()
    with lent(Instrument(place.line, place.unit)) as line:
        serial = module.meter.connectionType.RTU
        of_the_line = {"device": place.line, "stopbits": 1, "parity": "N", "baud": 2400, "unit": place.unit}
        parent = SimpleNamespace(client=_Carrier(line), mode=serial, timeout=1, retries=1, framer=None, **of_the_line)
        yield module.SDM120(parent=parent)


def _key(metric: str, name: str, step: float) -> Quantity:
    return Quantity(metric, step, lambda meter: float(meter.read(name)))


_SDM_MODBUS = Client(
    "sdm-modbus",
    _sdm120,
    (
        _key("load_voltage_v", "voltage", 0.01),
        _key("load_current_a", "current", 0.001),
        _key("load_power_w", "power_active", 0.1),
        _key("load_apparent_va", "power_apparent", 0.1),
        _key("load_reactive_var", "power_reactive", 0.1),
        _key("load_power_factor", "power_factor", 0.001),
        _key("load_frequency_hz", "frequency", 0.01),
        _key("consumed_total_kwh", "import_energy_active", 0.001),
        _key("exported_total_kwh", "export_energy_active", 0.001),
        _key("reactive_import_kvarh", "import_energy_reactive", 0.001),
        _key("reactive_export_kvarh", "export_energy_reactive", 0.001),
    ),
)
"""Its register table for the SDM120; it was written for an older pymodbus, so minimalmodbus carries the words."""

_EASTRON_SHOWN: Shown = {
    "load_voltage_v": (228.41, 231.72, 219.33),
    "load_current_a": (0.834, 12.345, 44.871),
    "load_power_w": (180.4, 2691.2, -9876.5),
    "load_apparent_va": (190.5, 2860.5, 9999.5),
    "load_reactive_var": (61.2, -970.4, -1561.3),
    "load_power_factor": (0.947, 0.941, -0.988),
    "load_frequency_hz": (50.01, 49.93, 50.22),
    "consumed_total_kwh": (1.234, 56.789, 4321.987),
    "exported_total_kwh": (0.123, 5.678, 123.456),
    "reactive_import_kvarh": (0.456, 7.891, 789.123),
    "reactive_export_kvarh": (0.789, 9.123, 912.345),
}
EASTRON = Family(Device("eastron-sdm", _EASTRON_SHOWN), (_SDM_MODBUS,))
