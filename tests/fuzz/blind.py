"""Bytes changed without knowing what they mean: flipped, cut, doubled, spliced, overwritten with telling numbers."""

from __future__ import annotations

import random
from collections.abc import Sequence

from tests.fuzz.target import NUMBERS

REPEATS = (2, 3, 10, 100, 1000)
LONGEST = 200_000
"""More than any decoder takes; what grows beyond is cut."""


def changed(data: bytes, chance: random.Random, others: Sequence[bytes] = ()) -> bytes:
    """Change bytes a few times over."""
    for _ in range(1 + min(chance.randrange(6), chance.randrange(6))):
        data = _once(data, chance, others)[:LONGEST]
    return data


def noise(chance: random.Random, most: int = 400) -> bytes:
    """Draw bytes from nowhere."""
    return chance.randbytes(chance.randrange(most))


def _once(data: bytes, chance: random.Random, others: Sequence[bytes]) -> bytes:
    start = chance.randrange(len(data) + 1)
    end = min(len(data), start + chance.choice((1, 1, 2, 4, 8, 30, 300)))
    match chance.randrange(9):
        case 0 if data:
            at = min(start, len(data) - 1)
            return data[:at] + bytes((data[at] ^ 1 << chance.randrange(8),)) + data[at + 1 :]
        case 1 if data:
            at = min(start, len(data) - 1)
            return (
                data[:at]
                + bytes((chance.choice((0, 1, 0x7F, 0x80, 0xFE, 0xFF, chance.randrange(256))),))
                + data[at + 1 :]
            )
        case 2:
            return data[:start] + data[end:]
        case 3:
            return data[:start]
        case 4:
            return data[:start] + chance.randbytes(chance.randrange(1, 9)) + data[start:]
        case 5:
            return data[:start] + data[start:end] * chance.choice(REPEATS) + data[end:]
        case 6 if others:
            other = chance.choice(others)
            return data[:start] + other[chance.randrange(len(other) + 1) :]
        case 7:
            size = chance.choice((1, 2, 4, 8))
            number = chance.choice(NUMBERS) % (1 << 8 * size)
            return data[:start] + number.to_bytes(size, chance.choice(("big", "little"))) + data[start + size :]
        case _:
            other = chance.randrange(len(data) + 1)
            return data[:start] + data[other : other + end - start] + data[end:]
