"""What is fuzzed: one decoder that takes bytes from outside, and how its cases are made."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

NUMBERS = (
    -1, 0, 1, 2, 7, 8, 15, 16, 23, 24, 63, 64, 65, 127, 128, 255, 256, 511, 512, 513, 2047, 2048, 2049, 4095, 4096,
    4097, 65_535, 65_536, 86_400, 2**31 - 1, 2**31, 2**32 - 1, 2**32, 2**52, 2**53 - 1, 2**53, 2**53 + 1, 2**57, 2**58,
    2**62, 2**63 - 1, 2**63, 2**64 - 1, 2**64, 2**200, 10**18, 946_684_800_000, 1_795_435_200_000, 4_102_444_800_000,
)  # fmt: skip
"""Where code that counts goes wrong: at the ends of machine words, of our own limits and of the calendar."""

WORDS = (
    "", " ", "0", "-0", "1e400", "nan", "\x00", "\ud800", "\udfff", "é", "\u202e", "😀", "a" * 33, "x" * 513,
    "é" * 4000, "../..", "%s", "{}", "${x}", "'", '"', "\n", "\r\n", "=1+1", "<script>", "None", "true", "kaya",
    "controller.panel_power_w",
)  # fmt: skip
"""Texts that mean something to somebody further on."""


@dataclass(frozen=True, slots=True)
class Target:
    """One decoder. `make` draws a case; `feed` gives it to the decoder and swallows only the errors it documents."""

    name: str
    share: int
    """How many of the cases, as against the other targets."""

    make: Callable[[random.Random], bytes]
    feed: Callable[[bytes], None]


def natural(chance: random.Random) -> int:
    """Draw a number from 0 to 2^53, more often than not a small one or one at an edge."""
    match chance.randrange(4):
        case 0:
            return chance.randrange(10)
        case 1:
            return chance.choice([number for number in NUMBERS if 0 <= number <= 2**53])
        case _:
            return chance.getrandbits(chance.randrange(1, 54))


def whole(chance: random.Random) -> int:
    """Draw any whole number."""
    return chance.choice((*NUMBERS, -natural(chance), natural(chance), chance.getrandbits(100)))
