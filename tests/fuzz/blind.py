"""Bytes changed without knowing what they mean: flipped, cut, doubled, spliced, overwritten with telling numbers."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

from tests.fuzz.target import NUMBERS

REPEATS = (2, 3, 10, 100, 1000)
LONGEST = 200_000
"""More than any decoder takes; what grows beyond is cut."""

_BYTES = (0x00, 0x01, 0x7F, 0x80, 0xFE, 0xFF)


def changed(data: bytes, chance: random.Random, others: Sequence[bytes] = ()) -> bytes:
    """Change bytes a few times over; `others` are there to be spliced with."""
    for _ in range(1 + min(chance.randrange(6), chance.randrange(6))):
        start = chance.randrange(len(data) + 1)
        end = min(len(data), start + chance.choice((1, 1, 2, 4, 8, 30, 300)))
        if others and chance.random() < 1 / 8:
            other = chance.choice(others)
            data = data[:start] + other[chance.randrange(len(other) + 1) :]
        else:
            data = chance.choice(_WAYS)(data, start, end, chance)
        data = data[:LONGEST]
    return data


def noise(chance: random.Random, most: int = 400) -> bytes:
    """Draw bytes from nowhere."""
    return chance.randbytes(chance.randrange(most))


def _flip(data: bytes, start: int, _: int, chance: random.Random) -> bytes:
    flipped = bytes(byte ^ 1 << chance.randrange(8) for byte in data[start : start + 1])
    return data[:start] + flipped + data[start + 1 :]


def _byte(data: bytes, start: int, _: int, chance: random.Random) -> bytes:
    return data[:start] + bytes((chance.choice((*_BYTES, chance.randrange(256))),)) + data[start + 1 :]


def _leave_out(data: bytes, start: int, end: int, _: random.Random) -> bytes:
    return data[:start] + data[end:]


def _cut(data: bytes, start: int, _: int, __: random.Random) -> bytes:
    return data[:start]


def _insert(data: bytes, start: int, _: int, chance: random.Random) -> bytes:
    return data[:start] + chance.randbytes(chance.randrange(1, 9)) + data[start:]


def _repeat(data: bytes, start: int, end: int, chance: random.Random) -> bytes:
    return data[:start] + data[start:end] * chance.choice(REPEATS) + data[end:]


def _number(data: bytes, start: int, _: int, chance: random.Random) -> bytes:
    size = chance.choice((1, 2, 4, 8))
    number = (chance.choice(NUMBERS) % (1 << 8 * size)).to_bytes(size, "big")
    return data[:start] + (number if chance.random() < 1 / 2 else number[::-1]) + data[start + size :]


def _move(data: bytes, start: int, end: int, chance: random.Random) -> bytes:
    other = chance.randrange(len(data) + 1)
    return data[:start] + data[other : other + end - start] + data[end:]


_Way = Callable[[bytes, int, int, random.Random], bytes]
_WAYS: tuple[_Way, ...] = (_flip, _byte, _leave_out, _cut, _insert, _repeat, _number, _move)
