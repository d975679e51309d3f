"""Device profiles: the YAML datasheet of one device family as frozen facts.

The schema has already refused unknown keys; here the facts are held against the metric catalogue and each other.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from edge.registers import TYPES, Register, Table
from firmware_config.document import Document, Path
from protocol.metrics import CATALOGUE

_DECIMALS_MAX = 6
_WIDTHS = {"u16": 16, "u32": 32, "u8_high": 8, "u8_low": 8}


@dataclass(frozen=True, slots=True)
class Bus:
    """How the family talks when nobody changed its settings."""

    baud: int
    parity: str
    stop_bits: int
    unit: int
    timeout_s: float
    pause_s: float


@dataclass(frozen=True, slots=True)
class Profile:
    """One device family: its bus, what one request may read, and its registers."""

    name: str
    title: str
    confidence: str
    bus: Bus
    count_max: int
    gap_max: int
    registers: tuple[Register, ...]

    def only(self, metrics: tuple[str, ...]) -> tuple[Register, ...]:
        """Pick the registers of these metrics, in profile order; all of them when none is named."""
        return tuple(r for r in self.registers if not metrics or r.metric in metrics)


def parse(document: Document) -> Profile:
    """Read a profile; raises `ConfigError` naming line and reason for what contradicts the catalogue or itself."""
    data = document.data
    registers: list[Register] = []
    for i, line in enumerate(data["registers"]):
        register = _register(document, i, line)
        for other in registers:
            if other.metric == register.metric:
                document.refuse(("registers", i, "metric"), f"{register.metric} stands twice")
            if _clash(other, register):
                document.refuse(("registers", i, "address"), f"overlaps {other.metric}")
        registers.append(register)
    return Profile(
        name=data["profile"],
        title=data["title"],
        confidence=data["confidence"],
        bus=Bus(**data["bus"]),
        count_max=data["blocks"]["count_max"],
        gap_max=data["blocks"]["gap_max"],
        registers=tuple(registers),
    )


def _register(document: Document, i: int, line: dict[str, Any]) -> Register:
    path = ("registers", i)
    if line["metric"] not in CATALOGUE:
        document.refuse((*path, "metric"), f"the catalogue knows no metric {line['metric']!r}")
    # The scale is read as written, 0.01 and not the nearest double, so that values stay exact.
    scale = Fraction(str(line.get("scale", 1)))
    if scale == 0:
        document.refuse((*path, "scale"), "a scale of zero loses every reading")
    decimals = line.get("decimals", _decimals(scale))
    if decimals is None:
        document.refuse((*path, "scale"), f"{line['scale']} is no decimal fraction; say how many decimals to keep")
    _check_place(document, path, line)
    _check_codes(document, path, line)
    bits = line.get("bits")
    return Register(
        metric=line["metric"],
        table=Table(line["table"]),
        address=line["address"],
        type=line["type"],
        low_word_first=line.get("words") == "low_first",
        scale=scale * 10**decimals,
        decimals=decimals,
        bits=tuple(bits) if bits is not None else None,
        map={int(code): common for code, common in line.get("map", {}).items()},
        invalid=frozenset(line.get("invalid", ())),
    )


def _check_place(document: Document, path: Path, line: dict[str, Any]) -> None:
    """Refuse a register that its table, its request or its device cannot hold."""
    words = TYPES[line["type"]].words
    if (line["type"] == "bit") != (line["table"] in (Table.COIL, Table.DISCRETE)):
        document.refuse((*path, "type"), "coils and discrete inputs are of type bit, registers are not")
    if (words > 1) != ("words" in line):
        document.refuse(path, "a 32-bit type needs its word order, a shorter one has none")
    if words > document.data["blocks"]["count_max"]:
        document.refuse((*path, "type"), f"takes {words} words, more than blocks.count_max lets one request read")
    if line["address"] + words > 1 << 16:
        document.refuse((*path, "address"), "the register ends beyond address 65535")


def _check_codes(document: Document, path: Path, line: dict[str, Any]) -> None:
    """Refuse bits that the type does not have and codes that the metric does not know."""
    bits, width = line.get("bits"), _WIDTHS.get(line["type"])
    if bits is not None and width is None:
        complaint = f"a {line['type']} has no bits to choose from; only {', '.join(_WIDTHS)} have"
        document.refuse((*path, "bits"), complaint)
    if bits is not None and width is not None and not bits[0] <= bits[1] < width:
        document.refuse((*path, "bits"), f"bits go from the lower to the higher, at most {width - 1} here")
    metric = CATALOGUE[line["metric"]]
    for code, common in line.get("map", {}).items():
        if not metric.plausible(common):
            complaint = f"{common} is no {metric.name}, which goes from {metric.low:g} to {metric.high:g}"
            document.refuse((*path, "map", code), complaint)


def _decimals(scale: Fraction) -> int | None:
    """Count the decimals that hold this scale exactly; None when six do not."""
    return next((n for n in range(_DECIMALS_MAX + 1) if (scale * 10**n).denominator == 1), None)


def _clash(a: Register, b: Register) -> bool:
    """Tell whether two registers claim the same bits of the same words."""
    if a.table != b.table:
        return False
    return bool(_claim(a) & _claim(b))


def _claim(register: Register) -> set[tuple[int, int]]:
    if register.type == "bit":
        return {(register.address, 0)}
    bits = range(register.count * 16)
    if register.type.endswith("_high"):
        bits = range(8, 16)
    elif register.type.endswith("_low"):
        bits = range(8)
    if register.bits is not None:
        low, high = register.bits
        bits = bits[low : high + 1]
    last = register.address + register.count - 1
    return {(register.address + bit // 16 if register.low_word_first else last - bit // 16, bit % 16) for bit in bits}
