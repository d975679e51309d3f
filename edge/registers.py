"""What a device tells and where it stands: cells of words, their scales, and values with their plausibility.

A value is an integer with `decimals`, so that what the device said is carried without loss.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from fractions import Fraction

from edge.encodings import TYPES, Number, Words
from protocol.metrics import CATALOGUE
from protocol.states import FAULT_BITS, FAULTS_METRIC

OTHER_FAULT = 1 << FAULT_BITS["other"]
_EXPONENT_MAX = 10


class Table(StrEnum):
    """The four address spaces of Modbus."""

    COIL = "coil"
    DISCRETE = "discrete"
    HOLDING = "holding"
    INPUT = "input"


class Problem(StrEnum):
    """Why a reading is not a figure."""

    INVALID = "invalid"
    IMPLAUSIBLE = "implausible"
    UNMAPPED = "unmapped"


@dataclass(frozen=True, slots=True)
class Reading:
    """What a device said: `value` times 10**-decimals of its metric, or the reason why there is none."""

    raw: Number
    value: int | None
    problem: Problem | None = None


@dataclass(frozen=True, slots=True)
class Cell:
    """Where a number stands: `count` words (or one bit) of a table from `address` on, `step` addresses apart."""

    table: Table
    address: int
    type: str
    low_word_first: bool = False
    bits: tuple[int, int] | None = None
    step: int = 1

    @property
    def count(self) -> int:
        """Words (or bits, in a bit table) that this cell takes."""
        return TYPES[self.type].words

    @property
    def end(self) -> int:
        """The first address behind the cell."""
        return self.address + self.count * self.step

    def raw(self, words: Words) -> Number:
        """Read the number that stands in the cell's words."""
        raw = TYPES[self.type].read(words[::-1] if self.low_word_first else words)
        if self.bits is None:
            return raw
        low, high = self.bits
        return int(raw) >> low & ((1 << (high - low + 1)) - 1)

    def lay(self, number: Number, words: Words) -> list[int]:
        """Lay a number into the cell's words, leaving what else stands in them; raises `OverflowError`."""
        encoding = TYPES[self.type]
        ordered = list(reversed(words)) if self.low_word_first else list(words)
        if self.bits is not None:
            low, high = self.bits
            mask = (1 << (high - low + 1)) - 1
            if not 0 <= number <= mask:
                raise OverflowError
            number = int(encoding.read(ordered)) & ~(mask << low) | int(number) << low
        written = encoding.write(number, ordered)
        return list(reversed(written)) if self.low_word_first else written


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale(Cell):
    """A cell whose number scales others: as a factor, or as a power of ten; it is read in the same request."""

    name: str
    factor: Fraction = Fraction(1)
    exponent: bool = False
    map: Mapping[int, int] = field(default_factory=dict, hash=False)
    invalid: frozenset[int] = frozenset()
    usual: int = 1
    """What the number is on most devices; for simulation, and for captures that lack it. The edge never assumes it."""

    def multiplier(self, number: Number) -> Fraction | None:
        """Turn the cell's number into the factor it stands for; None when it marks that there is none."""
        if number in self.invalid or (self.map and number not in self.map):
            return None
        meant = self.map[int(number)] if self.map else number
        if self.exponent:
            return Fraction(10) ** int(meant) if abs(meant) <= _EXPONENT_MAX else None
        return Fraction(meant) * self.factor if math.isfinite(meant) and meant else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Register(Cell):
    """One line of a device profile: where a metric stands and how to read it."""

    metric: str
    scale: Fraction = Fraction(1)
    offset: int = 0
    decimals: int = 0
    map: Mapping[int, int] = field(default_factory=dict, hash=False)
    flags: Mapping[int, str] = field(default_factory=dict, hash=False)
    """For `faults`: which bit of the device means which fault."""
    invalid: frozenset[int] = frozenset()
    plausible: tuple[float, float] | None = None
    """What this device may say, where that is narrower than the catalogue."""
    scales: tuple[Scale, ...] = ()
    models: tuple[int, ...] = ()
    """SunSpec: the models whose bodies have it; the address then counts from the model's id."""

    @property
    def cells(self) -> tuple[Cell, ...]:
        """All that must be read in one request to make a value."""
        return (self, *self.scales)

    def at(self, base: int) -> Register:
        """Give the same register of a model that begins at `base`."""
        scales = tuple(replace(scale, address=base + scale.address) for scale in self.scales)
        return replace(self, address=base + self.address, scales=scales, models=())


@dataclass(frozen=True, slots=True)
class Quantity:
    """All that a device tells of one metric: the registers that make it, in the order of the profile."""

    metric: str
    decimals: int
    registers: tuple[Register, ...]
    join: str = "else"
    """How several registers make one value: `else` the first that has one, `plus` their sum, `any` their bits."""


def decode(register: Register, words: Words, scales: tuple[Fraction | None, ...] = ()) -> Reading:
    """Read one register from its words; `scales` are the multipliers of its scale cells, in their order."""
    raw = register.raw(words)
    factor = register.scale
    for multiplier in scales:
        if multiplier is None:
            return Reading(raw, None, Problem.INVALID)
        factor *= multiplier
    if not math.isfinite(raw) or raw in register.invalid:
        return Reading(raw, None, Problem.INVALID)
    if register.flags:
        return Reading(raw, sum(1 << bit for bit in {FAULT_BITS[name] for name in _set(register, int(raw))}))
    if register.map:
        unlisted = OTHER_FAULT if register.metric == FAULTS_METRIC else None
        code = register.map.get(int(raw), unlisted)
        return Reading(raw, code, Problem.UNMAPPED if code is None else None)
    exact = (Fraction(raw) + register.offset) * factor
    value = exact.numerator if exact.denominator == 1 else round(exact)
    low, high = register.plausible or _range(register.metric)
    if not low <= value * 10.0**-register.decimals <= high:
        return Reading(raw, None, Problem.IMPLAUSIBLE)
    return Reading(raw, value)


def encode(register: Register, value: float, words: Words, scales: tuple[Fraction, ...] = ()) -> list[int]:
    """Lay a value in the metric's unit into the register's words, leaving what else stands in them alone.

    Raises `ValueError` when the register cannot hold it.
    """
    if not math.isfinite(value):
        raise ValueError(f"{register.metric}: {value} is no reading")
    number = _number(register, value, scales)
    try:
        return register.lay(number, words)
    except (OverflowError, ValueError) as error:
        raise ValueError(f"{register.metric}: {value} does not fit {register.type}") from error


def _number(register: Register, value: float, scales: tuple[Fraction, ...]) -> Number:
    """Turn a value into the raw number that stands for it; raises `ValueError` when none does."""
    if register.flags:
        return sum(1 << bit for bit, name in register.flags.items() if int(value) >> FAULT_BITS[name] & 1)
    if register.map:
        for code, common in register.map.items():
            if common == value:
                return code
        raise ValueError(f"{register.metric}: no code of the device means {value}")
    factor = math.prod(scales, start=register.scale)
    number = value * 10.0**register.decimals / float(factor) - register.offset
    return round(number) if TYPES[register.type].exact else number


def _set(register: Register, raw: int) -> list[str]:
    return [name for bit, name in register.flags.items() if raw >> bit & 1]


def _range(metric: str) -> tuple[float, float]:
    known = CATALOGUE[metric]
    return known.low, known.high
