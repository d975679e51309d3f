"""The lines of a device profile, read one by one and held against the metric catalogue and each other."""

from __future__ import annotations

from collections.abc import Iterator
from difflib import get_close_matches
from fractions import Fraction
from typing import Any

from edge.encodings import TYPES
from edge.nameplate import Text
from edge.registers import Cell, Register, Scale, Table
from firmware_config.document import Document, Path
from protocol.metrics import CATALOGUE
from protocol.states import FAULT_BITS, FAULTS_METRIC

_DECIMALS_MAX = 6
_NO_FAULT = "none"
Line = dict[str, Any]


class Sheet:
    """One set of lines with addresses of their own: a whole profile, or one SunSpec model in it."""

    def __init__(self, document: Document, path: Path, data: Line) -> None:
        self._document = document
        self._path = path
        self._data = data
        self._ids = tuple(data.get("ids", ()))
        self._step = document.data["blocks"].get("step", 1)
        self._count_max = document.data["blocks"]["count_max"]
        self._claimed: list[tuple[str, Register]] = []
        self._scales: dict[str, Scale] = {}
        for i, line in enumerate(data.get("scales", ())):
            if line["name"] in self._scales:
                document.refuse((*path, "scales", i, "name"), f"{line['name']} stands twice")
            self._scales[line["name"]] = self._scale(i, line)

    def registers(self, name: str) -> Iterator[tuple[Path, Line, Register]]:
        """Read the lines of one list, refusing what overlaps another line of this sheet."""
        for i, line in enumerate(self._data.get(name, ())):
            path = (*self._path, name, i)
            register = self._register(path, line)
            if line.get("join") != "plus":  # a part of a sum may be told as a metric of its own too
                self._claim(path, register.metric, register)
            yield path, line, register

    def faults(self) -> Iterator[Register]:
        """Read the lines that tell faults."""
        for i, line in enumerate(self._data.get("faults", ())):
            path = (*self._path, "faults", i)
            cell = self._cell(path, line)
            flags = {int(bit): self._fault(path, "flags", bit, name) for bit, name in line.get("flags", {}).items()}
            codes = {0: 0} if "codes" in line else {}
            for code, name in line.get("codes", {}).items():
                bit = 0 if name == _NO_FAULT else 1 << FAULT_BITS[self._fault(path, "codes", code, name)]
                codes[int(code)] = bit
            low, high = line.get("bits", (0, 0 if line["type"] == "bit" else TYPES[line["type"]].bits - 1))
            beyond = [bit for bit in flags if bit > high - low]
            if beyond and high < 0:
                self._document.refuse((*path, "type"), f"a {line['type']} has no bits to choose from")
            if beyond:
                self._document.refuse((*path, "flags", str(beyond[0])), f"there are bits 0 to {high - low} here")
            invalid = frozenset(line.get("invalid", ()))
            yield Register(**cell, metric=FAULTS_METRIC, map=codes, flags=flags, invalid=invalid, models=self._ids)

    def nameplate(self) -> Iterator[Text]:
        """Read the lines of the nameplate."""
        for i, line in enumerate(self._data.get("nameplate", ())):
            path = (*self._path, "nameplate", i)
            if line["count"] > self._count_max:
                self._document.refuse((*path, "count"), f"blocks.count_max lets one request read {self._count_max}")
            texts = {int(number): text for number, text in line.get("map", {}).items()}
            place = (line["name"], Table(line["table"]), line["address"], line["count"], line["form"])
            yield Text(*place, map=texts, step=self._step, models=self._ids)

    def _register(self, path: Path, line: Line) -> Register:
        if line["metric"] not in CATALOGUE:
            close = get_close_matches(line["metric"], CATALOGUE, 1)
            guess = f"; did you mean {close[0]}?" if close else ""
            self._document.refuse((*path, "metric"), f"the catalogue knows no metric {line['metric']!r}{guess}")
        if line["metric"] == FAULTS_METRIC:
            self._document.refuse((*path, "metric"), "faults stand in a list of their own, with a name for each")
        cell = self._cell(path, line)
        scales = self._scales_of(path, line)
        scale = _factor(line.get("scale", 1))
        if scale == 0:
            self._document.refuse((*path, "scale"), "a scale of zero loses every reading")
        self._check_codes(path, line)
        decimals = line.get("decimals", _decimals(scale) if TYPES[line["type"]].exact and not scales else None)
        if decimals is None:
            said = line.get("scale", "the value")
            self._document.refuse(
                (*path, "scale") if "scale" in line else path,
                f"{said} is no decimal fraction; say how many decimals to keep",
            )
        plausible = line.get("plausible")
        if plausible is not None and not plausible[0] < plausible[1]:
            self._document.refuse((*path, "plausible"), "goes from the lower to the higher")
        return Register(
            **cell,
            metric=line["metric"],
            scale=scale * 10**decimals,
            offset=line.get("offset", 0),
            decimals=decimals,
            map={int(code): common for code, common in line.get("map", {}).items()},
            invalid=frozenset(line.get("invalid", ())),
            plausible=(plausible[0], plausible[1]) if plausible is not None else None,
            scales=scales,
            models=self._ids,
        )

    def _scales_of(self, path: Path, line: Line) -> tuple[Scale, ...]:
        for i, name in enumerate(line.get("scales", ())):
            if name not in self._scales:
                self._document.refuse((*path, "scales", i), f"there is no scale {name!r} in the list of scales")
        scales = tuple(self._scales[name] for name in line.get("scales", ()))
        for scale in scales:
            first, end = min(scale.address, line["address"]), max(scale.end, line["address"] + 1)
            if scale.table != line["table"] or end - first > self._count_max * self._step:
                complaint = f"{scale.name} cannot be read in the same request as {line['metric']}"
                self._document.refuse((*path, "scales"), complaint)
        return scales

    def _scale(self, i: int, line: Line) -> Scale:
        path = (*self._path, "scales", i)
        factor = _factor(line.get("factor", 1))
        if factor == 0:
            self._document.refuse((*path, "factor"), "a scale of zero loses every reading")
        codes = {int(code): number for code, number in line.get("map", {}).items()}
        usual = line.get("usual", 0 if line.get("exponent") else next(iter(codes), 1))
        scale = Scale(
            **self._cell(path, line),
            name=line["name"],
            factor=factor,
            exponent=line.get("exponent", False),
            map=codes,
            invalid=frozenset(line.get("invalid", ())),
            usual=usual,
        )
        if scale.multiplier(usual) is None:
            self._document.refuse((*path, "usual"), f"{usual} is no scale")
        return scale

    def _cell(self, path: Path, line: Line) -> dict[str, Any]:
        """Read where a number stands; refuse what its table, its request or its device cannot hold."""
        encoding, bits = TYPES[line["type"]], line.get("bits")
        if (line["type"] == "bit") != (line["table"] in (Table.COIL, Table.DISCRETE)):
            self._document.refuse((*path, "type"), "coils and discrete inputs are of type bit, registers are not")
        if (encoding.words > 1) != ("words" in line):
            self._document.refuse(path, "a type of several words needs their order, a shorter one has none")
        if encoding.words > self._count_max:
            complaint = f"takes {encoding.words} words, more than blocks.count_max lets one request read"
            self._document.refuse((*path, "type"), complaint)
        if line["address"] + encoding.words * self._step > 1 << 16:
            self._document.refuse((*path, "address"), "the register ends beyond address 65535")
        if bits is not None and not encoding.bits:
            self._document.refuse((*path, "bits"), f"a {line['type']} has no bits to choose from")
        if bits is not None and not bits[0] <= bits[1] < encoding.bits:
            complaint = f"bits go from the lower to the higher, at most {encoding.bits - 1} here"
            self._document.refuse((*path, "bits"), complaint)
        for i, marker in enumerate(line.get("invalid", ())):
            if not _can_hold(line["type"], marker):
                self._document.refuse((*path, "invalid", i), f"a {line['type']} never holds {marker}")
        return {
            "table": Table(line["table"]),
            "address": line["address"],
            "type": line["type"],
            "low_word_first": line.get("words") == "low_first",
            "bits": tuple(bits) if bits is not None else None,
            "step": self._step,
        }

    def _check_codes(self, path: Path, line: Line) -> None:
        metric = CATALOGUE[line["metric"]]
        for code, common in line.get("map", {}).items():
            if not metric.plausible(common):
                complaint = f"{common} is no {metric.name}, which goes from {metric.low:g} to {metric.high:g}"
                self._document.refuse((*path, "map", code), complaint)

    def _fault(self, path: Path, key: str, code: str, name: str) -> str:
        if name not in FAULT_BITS:
            close = get_close_matches(name, FAULT_BITS, 1)
            guess = f"; did you mean {close[0]}?" if close else f"; there are {', '.join(FAULT_BITS)}"
            self._document.refuse((*path, key, code), f"there is no fault {name!r}{guess}")
        return name

    def _claim(self, path: Path, metric: str, register: Register) -> None:
        for other, taken in self._claimed:
            if taken.table == register.table and _bits_of(taken) & _bits_of(register):
                self._document.refuse((*path, "address"), f"overlaps {other}")
        self._claimed.append((metric, register))


def _factor(written: float | str) -> Fraction:
    """Read a scale as written, 0.01 and not the nearest double, so that values stay exact."""
    numerator, _, denominator = str(written).partition("/")
    return Fraction(numerator) / Fraction(denominator or 1)


def _can_hold(type_: str, number: int) -> bool:
    """Say whether a number can stand in a register of that type."""
    encoding = TYPES[type_]
    try:
        return encoding.read(encoding.write(number, [0] * encoding.words)) == number
    except (OverflowError, ValueError):
        return False


def _decimals(scale: Fraction) -> int | None:
    """Count the decimals that hold this scale exactly; None when six do not."""
    return next((n for n in range(_DECIMALS_MAX + 1) if (scale * 10**n).denominator == 1), None)


def _bits_of(cell: Cell) -> set[tuple[int, int]]:
    """List the bits, as address and number, that a cell takes."""
    if cell.type == "bit":
        return {(cell.address, 0)}
    bits = range(cell.count * 16)
    if cell.type.endswith("_high"):
        bits = range(8, 16)
    elif cell.type.endswith("_low"):
        bits = range(8)
    if cell.bits is not None:
        low, high = cell.bits
        bits = bits[low : high + 1]
    last = cell.count - 1
    return {
        (cell.address + (bit // 16 if cell.low_word_first else last - bit // 16) * cell.step, bit % 16) for bit in bits
    }
