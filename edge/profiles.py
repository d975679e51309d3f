"""Device profiles: the YAML datasheet of one device family as frozen facts.

The schema has already refused unknown keys; `datasheet` reads the lines, here they become what a device tells.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from edge import datasheet
from edge.nameplate import Clock, Text
from edge.readplan import Limits
from edge.registers import Quantity, Register, Table
from firmware_config.document import Document, Path
from protocol.states import FAULTS_METRIC

_LISTS = ("registers", "settings", "extra")


@dataclass(frozen=True, slots=True)
class Bus:
    """How the family talks when nobody changed its settings; `baud` 0 is TCP only, `tcp_port` 0 serial only."""

    unit: int
    timeout_s: float
    pause_s: float
    baud: int = 0
    parity: str = "none"
    stop_bits: int = 1
    tcp_port: int = 0
    any_unit: bool = False
    reconnect: bool = False
    sleeps: bool = False


@dataclass(frozen=True, slots=True)
class Probe:
    """One thing that must hold for a device to be of this family."""

    metric: str = ""
    low: float = float("-inf")
    high: float = float("inf")
    nameplate: str = ""
    like: str = ""


@dataclass(frozen=True, slots=True)
class Model:
    """A SunSpec model that the profile reads; `length` is that of its body where all devices agree, else 0."""

    ids: tuple[int, ...]
    about: str
    length: int


@dataclass(frozen=True, slots=True)
class Profile:
    """One device family: its bus, what one request may read, and what it tells."""

    name: str
    title: str
    kind: str
    confidence: str
    sources: tuple[str, ...]
    wiring: tuple[str, ...]
    quirks: tuple[str, ...]
    cannot_tell: tuple[str, ...]
    bus: Bus
    limits: Limits
    step: int
    tables_alike: bool
    zeros_are_nothing: bool
    probe: tuple[Probe, ...]
    quantities: tuple[Quantity, ...]
    settings: tuple[Quantity, ...]
    extra: tuple[Quantity, ...]
    nameplate: tuple[Text, ...]
    clock: Clock | None
    models: tuple[Model, ...]

    @property
    def all(self) -> tuple[Quantity, ...]:
        """Everything that can be read: what is polled, then settings, then what must be asked for."""
        return self.quantities + self.settings + self.extra

    def only(self, metrics: tuple[str, ...]) -> tuple[Quantity, ...]:
        """Pick these metrics, in profile order; all that are polled when none is named."""
        if not metrics:
            return self.quantities
        return tuple(quantity for quantity in self.all if quantity.metric in metrics)


def located(quantities: Iterable[Quantity], bases: Mapping[int, int]) -> tuple[Quantity, ...]:
    """Put the registers of SunSpec models where a device has them; what it does not have is left out."""
    return tuple(
        replace(quantity, registers=tuple(placed for one in quantity.registers if (placed := _placed(one, bases))))
        for quantity in quantities
    )


def _placed(register: Register, bases: Mapping[int, int]) -> Register | None:
    if not register.models:
        return register
    base = next((bases[model] for model in register.models if model in bases), None)
    return None if base is None else register.at(base)


def registers_of(quantities: Iterable[Quantity]) -> list[Register]:
    """List the registers behind quantities."""
    return [register for quantity in quantities for register in quantity.registers]


def parse(document: Document) -> Profile:
    """Read a profile; raises `ConfigError` naming line and reason for what contradicts the catalogue or itself."""
    data = document.data
    sheets = [datasheet.Sheet(document, (), data)]
    sheets += [datasheet.Sheet(document, ("models", i), model) for i, model in enumerate(data.get("models", ()))]
    lists = {name: _quantities(document, name, sheets) for name in _LISTS}
    faults = tuple(register for sheet in sheets for register in sheet.faults())
    if faults:
        lists["registers"] += (Quantity(FAULTS_METRIC, 0, faults, "any"),)
    _refuse_twice(document, lists)
    if not lists["registers"]:
        document.refuse((), "missing registers or models: a profile reads something")
    blocks = data["blocks"]
    return Profile(
        name=data["profile"],
        title=data["title"],
        kind=data.get("kind", "charge controller"),
        confidence=data["confidence"],
        sources=tuple(data["sources"]),
        wiring=tuple(data["wiring"]),
        quirks=tuple(data.get("quirks", ())),
        cannot_tell=tuple(data.get("cannot_tell", ())),
        bus=_bus(document, data["bus"]),
        limits=Limits(blocks["count_max"], blocks["gap_max"], blocks.get("align", 0)),
        step=blocks.get("step", 1),
        tables_alike=blocks.get("alike", False),
        zeros_are_nothing=blocks.get("zeros") == "nothing",
        probe=tuple(_probe(document, i, line, lists, sheets) for i, line in enumerate(data.get("probe", ()))),
        quantities=lists["registers"],
        settings=lists["settings"],
        extra=lists["extra"],
        nameplate=tuple(text for sheet in sheets for text in sheet.nameplate()),
        clock=_clock(document, data.get("clock")),
        models=tuple(Model(tuple(m["ids"]), m["about"], m.get("length", 0)) for m in data.get("models", ())),
    )


def _quantities(document: Document, name: str, sheets: list[datasheet.Sheet]) -> tuple[Quantity, ...]:
    """Gather the lines of one list into quantities, in the order in which their metrics first stand."""
    found: dict[str, Quantity] = {}
    for sheet in sheets:
        before = set(found)
        for path, line, register in sheet.registers(name):
            metric = register.metric
            join, other = line.get("join"), found.get(metric)
            if other is None:
                if join == "else":
                    document.refuse((*path, "join"), f"there is no line of {metric} before it to join")
                found[metric] = Quantity(metric, register.decimals, (register,), join or "else")
                continue
            if join is None and metric not in before:
                document.refuse((*path, "metric"), f"{metric} stands twice; say join: else or join: plus")
            if join and len(other.registers) > 1 and join != other.join:
                document.refuse((*path, "join"), f"{metric} is joined by {other.join} already")
            if other.decimals != register.decimals:
                document.refuse(path, f"keeps {register.decimals} decimals, {metric} before it {other.decimals}")
            found[metric] = replace(other, registers=(*other.registers, register), join=join or other.join)
    return tuple(found.values())


def _refuse_twice(document: Document, lists: Mapping[str, tuple[Quantity, ...]]) -> None:
    seen: dict[str, str] = {}
    for name, quantities in lists.items():
        for quantity in quantities:
            if quantity.metric in seen:
                document.refuse((name,), f"{quantity.metric} stands under {seen[quantity.metric]} already")
            seen[quantity.metric] = name


def _bus(document: Document, line: dict[str, Any]) -> Bus:
    if "baud" not in line and "tcp_port" not in line:
        document.refuse(("bus",), "missing baud, parity and stop_bits, or tcp_port: the device must be reached somehow")
    return Bus(**line)


def _probe(
    document: Document, i: int, line: dict[str, Any], lists: Mapping[str, Any], sheets: list[datasheet.Sheet]
) -> Probe:
    path: Path = ("probe", i)
    if "metric" in line:
        known = {quantity.metric for quantities in lists.values() for quantity in quantities}
        if line["metric"] not in known:
            document.refuse((*path, "metric"), f"the profile does not read {line['metric']}")
        return Probe(**line)
    if line["nameplate"] not in {text.name for sheet in sheets for text in sheet.nameplate()}:
        document.refuse((*path, "nameplate"), f"the nameplate has no {line['nameplate']}")
    try:
        re.compile(line["like"])
    except re.error as error:
        document.refuse((*path, "like"), f"is no regular expression: {error}")
    return Probe(**line)


def _clock(document: Document, line: dict[str, Any] | None) -> Clock | None:
    if line is None:
        return None
    if (line["form"] == "epoch") == ("order" in line):
        document.refuse(("clock",), "bytes and words need the order of their parts, an epoch has none")
    step = document.data["blocks"].get("step", 1)
    return Clock(Table(line["table"]), line["address"], line["form"], tuple(line.get("order", ())), step)
