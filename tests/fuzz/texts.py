"""Configuration as text, changed as people and vandals do: lines lost and doubled, values exchanged, odd scalars."""

from __future__ import annotations

import random
from collections.abc import Sequence

from tests.fuzz import blind
from tests.fuzz.target import NUMBERS, WORDS

SCALARS = (
    "Africa", "sqlite", "postgresql://h:x/", "sqlite+nope://", "sqlite:///x?timeout=abc",
    "~", "", "null", ".nan", ".inf", "-.inf", "1e400", "1e-400", "0x7fffffffffffffffffff", "0b2", "0o17", "1_000",
    "1:30", "-0", "+1", "1.0", "1e3", "2026-13-45", "2026-11-23", "2026-11-23T99:99:99Z", "0001-01-01T00:00:00+23:59",
    "yes", "no", "on", "true", '"\\ud800"', '"\\x00"', '"\\U00110000"', "'", '"',
    "!!python/object/apply:os.system [true]", "!!binary x", "!!binary ////", "!!set {a}", "!!omap [a: b]", "!!int x",
    "!!float x", "!!timestamp x", "!!bool x", "!!null x", "!x y", "&a b", "*a", "<<", "=", "[]", "{}", "[[[[",
    "{a: {b: {c", "[1, 2", "{a: b, a: c}", "? x", "- x", "|", ">", "|9\n x", "%YAML 9.9", "---", "...", "# x", "@x",
    "`x`", "a: b: c", "\t", "9" * 5000, "0x" + "f" * 5000, "1:" * 3000 + "1", "0." + "1" * 400, "{1: 2}",
    "[1, [2, [3]]]",
)  # fmt: skip
"""What YAML makes something of."""


def changed(text: str, chance: random.Random, others: Sequence[str] = ()) -> bytes:
    """Change a text in one to five places, and write it as a file would have it."""
    lines = text.split("\n")
    for _ in range(1 + min(chance.randrange(5), chance.randrange(5))):
        _line(lines, chance, others)
    data = "\n".join(lines).encode("utf-8", "replace")
    return blind.changed(data, chance) if chance.random() < 0.1 else data[: blind.LONGEST]


def _line(lines: list[str], chance: random.Random, others: Sequence[str]) -> None:
    at = chance.randrange(len(lines))
    line = lines[at]
    match chance.randrange(10):
        case 0:
            del lines[at : at + chance.choice((1, 1, 3))]
            lines.append("")
        case 1:
            lines[at:at] = [line] * chance.choice((1, 1, 2, 100))
        case 2:
            other = chance.randrange(len(lines))
            lines[at], lines[other] = lines[other], line
        case 3:
            lines[at] = " " * chance.choice((1, 2, 9)) + line if chance.random() < 0.5 else line[1:]
        case 4 if others:
            more = chance.choice(others).split("\n")
            start = chance.randrange(len(more))
            lines[at:at] = more[start : start + chance.randrange(1, 9)]
        case 5:
            start = chance.randrange(len(line) + 1)
            lines[at] = line[:start] + chance.choice((*SCALARS, *"[]{}:,#&*!|>'\"%@`-?\t")) + line[start:]
        case _:
            lines[at] = _value(line, chance)


def _value(line: str, chance: random.Random) -> str:
    """Put another value behind one of the line's colons, or in place of one of its words."""
    cuts = [index + 1 for index, sign in enumerate(line) if sign in ":,[{"]
    start = chance.choice(cuts) if cuts else 0
    ends = [index for index, sign in enumerate(line) if index >= start and sign in ",]}"]
    end = chance.choice(ends) if ends and chance.random() < 0.8 else len(line)
    return f"{line[:start]} {_scalar(chance)}{line[end:]}"


def _scalar(chance: random.Random) -> str:
    number = str(chance.choice(NUMBERS))
    return chance.choice((number, f"{chance.uniform(-10, 1000):g}", chance.choice(WORDS), chance.choice(SCALARS)))
