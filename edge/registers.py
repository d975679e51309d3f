"""Register words to values and back: type, word order, bit field, scale, sentinel, plausibility.

A value is an integer with `decimals`, so that what the device said is carried without loss. State lives in a table
of types; a new type is a new line there.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from fractions import Fraction

from protocol.metrics import CATALOGUE

Words = Sequence[int]

_BYTE, _SIGN, _MAGNITUDE = 0xFF, 0x80, 0x7F


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
class Encoding:
    """How one register type lays a number into words: count of words, and both directions."""

    words: int
    read: Callable[[Words], int]
    write: Callable[[int, Words], list[int]]


@dataclass(frozen=True, slots=True)
class Register:
    """One line of a device profile: where a metric stands and how to read it."""

    metric: str
    table: Table
    address: int
    type: str
    low_word_first: bool = False
    scale: Fraction = Fraction(1)
    decimals: int = 0
    bits: tuple[int, int] | None = None
    map: Mapping[int, int] = field(default_factory=dict)
    invalid: frozenset[int] = frozenset()

    @property
    def count(self) -> int:
        """Words (or bits, in a bit table) that this register takes."""
        return TYPES[self.type].words


@dataclass(frozen=True, slots=True)
class Reading:
    """What one register said: `value` times 10**-decimals of the register, or the reason why there is none."""

    raw: int
    value: int | None
    problem: Problem | None = None


def decode(register: Register, words: Words) -> Reading:
    """Read one register from its words."""
    raw = _raw(register, words)
    if raw in register.invalid:
        return Reading(raw, None, Problem.INVALID)
    if register.map:
        code = register.map.get(raw)
        return Reading(raw, code, Problem.UNMAPPED if code is None else None)
    scale = register.scale
    value = raw * scale.numerator if scale.denominator == 1 else round(raw * scale)
    metric = CATALOGUE[register.metric]
    if not metric.low <= value * 10.0**-register.decimals <= metric.high:
        return Reading(raw, None, Problem.IMPLAUSIBLE)
    return Reading(raw, value)


def encode(register: Register, value: float, words: Words) -> list[int]:
    """Lay a value in the metric's unit into the register's words, leaving what else stands in them alone.

    Raises `ValueError` when the register cannot hold it.
    """
    number = _number(register, value)
    encoding = TYPES[register.type]
    ordered = list(reversed(words)) if register.low_word_first else list(words)
    if register.bits is not None:
        low, high = register.bits
        mask = (1 << (high - low + 1)) - 1
        if not 0 <= number <= mask:
            raise ValueError(f"{register.metric}: {value} does not fit bits {low} to {high}")
        number = encoding.read(ordered) & ~(mask << low) | number << low
    try:
        written = encoding.write(number, ordered)
    except OverflowError as error:
        raise ValueError(f"{register.metric}: {value} does not fit {register.type}") from error
    return list(reversed(written)) if register.low_word_first else written


def _number(register: Register, value: float) -> int:
    """Turn a value into the raw number that stands for it; raises `ValueError` when none does."""
    if register.map:
        for code, common in register.map.items():
            if common == value:
                return code
        raise ValueError(f"{register.metric}: no code of the device means {value}")
    if not math.isfinite(value):
        raise ValueError(f"{register.metric}: {value} is no reading")
    return round(value * 10.0**register.decimals / float(register.scale))


def _raw(register: Register, words: Words) -> int:
    raw = TYPES[register.type].read(words[::-1] if register.low_word_first else words)
    if register.bits is None:
        return raw
    low, high = register.bits
    return raw >> low & ((1 << (high - low + 1)) - 1)


def _whole(words: Words) -> int:
    number = 0
    for word in words:
        number = number << 16 | word
    return number


def _integer(words: int, *, signed: bool) -> Encoding:
    half, full = 1 << (16 * words - 1), 1 << (16 * words)

    def read(raw: Words) -> int:
        number = _whole(raw)
        return number - full if signed and number >= half else number

    def write(number: int, _: Words) -> list[int]:
        raw = number.to_bytes(2 * words, "big", signed=signed)
        return [int.from_bytes(raw[i : i + 2], "big") for i in range(0, 2 * words, 2)]

    return Encoding(words, read, write)


def _byte(*, high: bool, sign_magnitude: bool) -> Encoding:
    shift = 8 if high else 0

    def read(raw: Words) -> int:
        byte = raw[0] >> shift & _BYTE
        return -(byte & _MAGNITUDE) if sign_magnitude and byte & _SIGN else byte

    def write(number: int, raw: Words) -> list[int]:
        if not (-_MAGNITUDE <= number <= _MAGNITUDE if sign_magnitude else 0 <= number <= _BYTE):
            raise OverflowError
        byte = _SIGN | -number if number < 0 else number
        return [raw[0] & ~(_BYTE << shift) | byte << shift]

    return Encoding(1, read, write)


TYPES: dict[str, Encoding] = {
    "u16": _integer(1, signed=False),
    "s16": _integer(1, signed=True),
    "u32": _integer(2, signed=False),
    "s32": _integer(2, signed=True),
    "bit": _integer(1, signed=False),
    "u8_high": _byte(high=True, sign_magnitude=False),
    "u8_low": _byte(high=False, sign_magnitude=False),
    "sm8_high": _byte(high=True, sign_magnitude=True),
    "sm8_low": _byte(high=False, sign_magnitude=True),
}
"""Every register type a profile may use; 32-bit words are read high word first after `low_word_first` is undone."""
