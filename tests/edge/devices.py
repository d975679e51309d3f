"""Simulated devices and lines without bytes, for what recognises devices and looks for them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache

from edge.errors import Refused, RetryLater
from edge.profiles import Bus, Profile, parse
from edge.readplan import Block, Words
from edge.recognition import AskUnit, familiar_first
from edge.settings import Connection
from edge.simulator.image import ProfileImage
from edge.simulator.slave import Image
from firmware_config import load, profile_names, profile_text

NOW = datetime(2026, 11, 21, 11)  # noqa: DTZ001  a device's clock has no zone
READINGS = {
    "panel_voltage_v": 18.2,
    "panel_current_a": 4.95,
    "panel_power_w": 90.0,
    "battery_voltage_v": 12.8,
    "battery_voltage_max_ever_v": 14.4,
    "battery_current_a": 3.2,
    "battery_temp_c": 26.0,
    "charge_current_a": 6.0,
    "load_voltage_v": 12.7,
    "load_current_a": 2.5,
    "load_power_w": 31.8,
    "load_rated_current_a": 100,
    "panel_rated_voltage_v": 100,
    "system_voltage_v": 12,
    "soc_pct": 80,
    "charge_stage": 2,
    "generated_total_kwh": 1.05,
    "consumed_total_kwh": 0.52,
}
SILENCE = "gave no valid answer: silence: is the device on, A and B not swapped, the baud rate right?"

Device = Callable[[Block, Bus], Words]
"""Answers one question; raises `EdgeError`."""


@cache
def profile(name: str) -> Profile:
    """Read a profile."""
    return parse(load(profile_text(name), "device", name))


@cache
def everything() -> tuple[Profile, ...]:
    """Give all profiles in their order."""
    return familiar_first(profile(name) for name in profile_names())


def image(name: str, **more: float) -> Image:
    """Give the registers of a device."""
    return ProfileImage(profile(name)).words(READINGS | more, NOW)


def device(name: str, **more: float) -> Device:
    """Give a device of this profile that refuses what it does not know."""
    return answering(image(name, **more))


def answering(registers: Image) -> Device:
    """Give a device with these registers."""

    def answer(block: Block, _: Bus) -> Words:
        keys = [(block.table, at) for at in range(block.address, block.end, block.step)]
        if not all(key in registers for key in keys):
            raise Refused("unit 1 does not know this address")
        return tuple(registers[key] for key in keys)

    return answer


def mute(registers: Image) -> Device:
    """Give a device that says nothing at all to what it does not know."""

    def answer(block: Block, bus: Bus) -> Words:
        try:
            return answering(registers)(block, bus)
        except Refused as error:
            raise RetryLater(SILENCE) from error

    return answer


@dataclass
class World:
    """Lines by their settings, with devices by unit number; it notes what is asked and what it costs."""

    lines: dict[Connection, dict[int, Device]]
    any_speed: Mapping[int, Device] = field(default_factory=dict)
    """Devices that answer whatever the speed, as a simulated line does."""
    asked: list[tuple[Connection, int, Block]] = field(default_factory=list)
    said: list[str] = field(default_factory=list)

    @contextmanager
    def open(self, connection: Connection, timeout_s: float) -> Iterator[AskUnit]:
        """Open a line."""
        assert timeout_s > 0
        key = Connection(connection.port, connection.baud, connection.parity, 1, connection.host, connection.tcp_port)
        devices = {**self.any_speed, **self.lines.get(key, {})}

        def ask(unit: int, block: Block, bus: Bus) -> Words:
            self.asked.append((connection, unit, block))
            if unit not in devices:
                raise RetryLater(f"unit {unit} {SILENCE}")
            return devices[unit](block, bus)

        yield ask

    def units(self) -> list[int]:
        """List whom was asked, in order."""
        return [unit for _, unit, _ in self.asked]


def all_blocks(
    profiles: Iterable[Profile], ask_all: Callable[[Profile, Callable[[Block], Words]], object]
) -> set[Block]:
    """Gather every block that may be asked, whatever the device answers."""
    found: set[Block] = set()
    for one in profiles:
        own = ProfileImage(one).words(READINGS, NOW)
        for lines in ({}, own):
            for refuses in (False, True):

                def ask(block: Block, lines: Image = lines, *, refuses: bool = refuses) -> Words:
                    found.add(block)
                    keys = [(block.table, at) for at in range(block.address, block.end, block.step)]
                    if refuses and not all(key in lines for key in keys):
                        raise Refused("does not know this address")
                    return tuple(lines.get(key, 0) for key in keys)

                ask_all(one, ask)
    return found
