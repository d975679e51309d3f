"""How a number is laid into 16-bit words: integers, floats, bytes, decimal digits, and back.

A new type is a new line in the table. Words come high word first; the order of the device is undone before.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass

Words = Sequence[int]
Number = int | float

_BYTE, _SIGN, _MAGNITUDE = 0xFF, 0x80, 0x7F
_MINUTES = 60


@dataclass(frozen=True, slots=True)
class Encoding:
    """How one type lays a number into words: count of words, both directions, and how many bits may be picked."""

    words: int
    read: Callable[[Words], Number]
    write: Callable[[Number, Words], list[int]]
    bits: int = 0
    exact: bool = True
    """False for floats, whose decimals nobody can tell from the type."""


def whole(words: Words) -> int:
    """Read words as one unsigned number."""
    number = 0
    for word in words:
        number = number << 16 | word
    return number


def split(number: int, count: int) -> list[int]:
    """Lay an unsigned number into words; raises `OverflowError` when it does not fit."""
    raw = number.to_bytes(2 * count, "big")
    return [int.from_bytes(raw[i : i + 2], "big") for i in range(0, 2 * count, 2)]


def _integer(words: int, *, signed: bool) -> Encoding:
    half, full = 1 << (16 * words - 1), 1 << (16 * words)

    def read(raw: Words) -> int:
        number = whole(raw)
        return number - full if signed and number >= half else number

    def write(number: Number, _: Words) -> list[int]:
        if signed and not -half <= number < half:
            raise OverflowError
        return split(int(number) % full if signed else int(number), words)

    return Encoding(words, read, write, bits=0 if signed else 16 * words)


def _float(words: int, code: str) -> Encoding:
    def read(raw: Words) -> float:
        return float(struct.unpack(code, whole(raw).to_bytes(2 * words, "big"))[0])

    def write(number: Number, _: Words) -> list[int]:
        return split(int.from_bytes(struct.pack(code, number), "big"), words)

    return Encoding(words, read, write, exact=False)


def _byte(*, high: bool, kind: str) -> Encoding:
    shift = 8 if high else 0
    low, most = {"u": (0, _BYTE), "s": (-_SIGN, _MAGNITUDE), "sm": (-_MAGNITUDE, _MAGNITUDE)}[kind]

    def read(raw: Words) -> int:
        byte = raw[0] >> shift & _BYTE
        if kind == "u" or not byte & _SIGN:
            return byte
        return byte - _BYTE - 1 if kind == "s" else -(byte & _MAGNITUDE)

    def write(number: Number, raw: Words) -> list[int]:
        if not low <= number <= most:
            raise OverflowError
        byte = _SIGN | -int(number) if kind == "sm" and number < 0 else int(number) & _BYTE
        return [raw[0] & ~(_BYTE << shift) | byte << shift]

    return Encoding(1, read, write, bits=8 if kind == "u" else 0)


def _weighted(weight: int, *, bytes_: bool) -> Encoding:
    """Make two parts, bytes or words, of which the first counts `weight` of the second, which never reaches it."""
    low = 8 if bytes_ else 16

    def read(raw: Words) -> Number:
        first, second = divmod(whole(raw), 1 << low)
        return first * weight + second if second < weight else float("nan")

    def write(number: Number, _: Words) -> list[int]:
        first, second = divmod(int(number), weight)
        return split(first << low | second, 1 if bytes_ else 2)

    return Encoding(1 if bytes_ else 2, read, write)


def _decimal(words: int) -> Encoding:
    """Make binary-coded decimal: one digit in four bits; a group that is no digit makes the number no number."""

    def read(raw: Words) -> Number:
        digits = f"{whole(raw):x}"
        return int(digits) if digits.isdecimal() else float("nan")

    def write(number: Number, _: Words) -> list[int]:
        return split(int(str(int(number)), 16), words)

    return Encoding(words, read, write)


TYPES: dict[str, Encoding] = {
    "bit": _integer(1, signed=False),
    "u16": _integer(1, signed=False),
    "s16": _integer(1, signed=True),
    "u32": _integer(2, signed=False),
    "s32": _integer(2, signed=True),
    "u64": _integer(4, signed=False),
    "s64": _integer(4, signed=True),
    "f16": _float(1, ">e"),
    "f32": _float(2, ">f"),
    "f64": _float(4, ">d"),
    "u8_high": _byte(high=True, kind="u"),
    "u8_low": _byte(high=False, kind="u"),
    "s8_high": _byte(high=True, kind="s"),
    "s8_low": _byte(high=False, kind="s"),
    "sm8_high": _byte(high=True, kind="sm"),
    "sm8_low": _byte(high=False, kind="sm"),
    "bcd16": _decimal(1),
    "bcd32": _decimal(2),
    "ten_thousands": _weighted(10_000, bytes_=False),
    "hour_minute": _weighted(_MINUTES, bytes_=True),
}
"""Every type a profile may use: u unsigned, s two's complement, sm sign and magnitude, f IEEE 754, bcd digits;
`ten_thousands` is a word of ten-thousands and a word of ones, `hour_minute` two bytes told in minutes."""
