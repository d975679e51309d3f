"""Which register of a device says what of a figure: parts of a sum, codes for states, places for faults. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress

from edge.registers import Cell, Quantity, Register, Table, encode
from protocol.metrics import CATALOGUE, Kind
from protocol.states import FAULT_BITS, FAULTS_METRIC

NEAREST: Mapping[str, Mapping[int, tuple[int, ...]]] = {
    "charge_stage": {1: (2, 4), 2: (4, 1), 3: (2, 4), 4: (2,)},
    "charge_mode": {2: (1,)},
    "battery_type": {1: (6, 2, 0, 4), 3: (1, 6, 0, 4), 4: (0, 5)},
    "device_state": {0: (7,), 2: (8, 6, 0), 5: (2, 8, 6)},
    "load_control": {0: (4,)},
    "output_priority": {0: (1, 3)},
    "charge_priority": {2: (0, 1)},
}
"""What a device says that has no code of its own for a state: the nearest that is not wrong, the best first."""

Place = tuple[Table, int, int, tuple[int, int] | None]
Readings = Mapping[str, float]
Shares = Iterator[tuple[Register, float | None]]


def place_of(cell: Cell) -> Place:
    """Tell where a cell stands, so that two names for the same words are found out."""
    return cell.table, cell.address, cell.count, cell.bits


class Spread:
    """Spreads figures over registers, knowing which registers have a figure of their own."""

    def __init__(self, quantities: Iterable[Quantity]) -> None:
        self._own = {
            place_of(register): register
            for quantity in quantities
            if quantity.join != "plus"
            for register in quantity.registers
        }

    def claims(self, cell: Cell) -> bool:
        """Say whether some figure of its own stands in this cell, or reaches into it."""
        return any(
            table == cell.table and address < cell.end and cell.address < address + count * cell.step
            for table, address, count, _ in self._own
        )

    def shares(self, quantity: Quantity, readings: Readings) -> Shares:
        """Say what each register tells: a part of a sum, a code of a fault, the figure itself; None for nothing."""
        value = readings.get(quantity.metric)
        if quantity.join == "plus":
            return self._parts(quantity, value, readings)
        if value is None:
            return ((register, None) for register in quantity.registers)
        if quantity.metric == FAULTS_METRIC:
            return _faults(quantity, int(value))
        return ((register, said(register, value)) for register in quantity.registers)

    def _parts(self, quantity: Quantity, value: float | None, readings: Readings) -> Shares:
        """Share a sum out: figures of their own stand already, what is left goes into the first part that holds it."""
        free = [register for register in quantity.registers if place_of(register) not in self._own]
        if value is None:
            yield from ((register, None) for register in free)
            return
        left = value - sum(self._worth(part, readings) for part in quantity.registers if part not in free)
        taker = next((register for register in free if _holds(register, left)), next(iter(free), None))
        yield from ((register, left if register is taker else 0.0) for register in free)

    def _worth(self, part: Register, readings: Readings) -> float:
        """Tell what a figure of its own adds to a sum, which may count it in another unit or the other way."""
        own = self._own[place_of(part)]
        ratio = part.scale / own.scale * 10**own.decimals / 10**part.decimals
        return readings.get(own.metric, 0.0) * float(ratio)


def said(register: Register, value: float) -> float | None:
    """Say what a device tells that has no code for just this value; None when nothing comes near."""
    if not register.map or value in register.map.values():
        return value
    metric = CATALOGUE[register.metric]
    if metric.kind is Kind.STATE:
        codes = NEAREST.get(metric.name, {}).get(int(value), ())
        return next((code for code in codes if code in register.map.values()), None)
    return min(register.map.values(), key=lambda code: abs(code - value))


def flagged(register: Register, value: int, raw: int) -> int:
    """Set the bits of these faults in what the register holds, leaving alone those that mean something else."""
    bits = sum(1 << bit for bit, name in register.flags.items() if value >> FAULT_BITS[name] & 1)
    named = sum(1 << bit for bit in register.flags)
    return raw & ~named | bits


def _faults(quantity: Quantity, value: int) -> Shares:
    """Tell faults: all of them in bits, one in each place that holds one code."""
    left = value
    for register in quantity.registers:
        if register.flags:
            yield register, value
            continue
        told = next((common for common in register.map.values() if common & left), 0)
        left &= ~told
        yield register, told


def _holds(register: Register, value: float) -> bool:
    with suppress(ValueError):
        encode(register, value, [0] * register.count)
        return True
    return False
