"""Kiosk slots on simulated GPIO pins across processes, through a small file of one byte per pin.

The village's process writes levels with `PinFile`; inside the edge process `MockPinDriver` copies them to gpiozero's
mock pins, so that the edge's own GPIO code runs unchanged. It drives inputs only and reads nothing back.
"""

from __future__ import annotations

import mmap
from collections.abc import Iterable, Mapping
from pathlib import Path
from threading import Event, Thread
from typing import Self

from gpiozero import Device
from gpiozero.pins.mock import MockFactory

from edge.settings import Pin

PIN_COUNT = 28
_LOW, _HIGH, _LOOSE = 0, 1, 0xFF
_TICK_S = 0.05


class PinFile:
    """The levels of BCM pins 0-27 in a file that other processes may read at any time."""

    def __init__(self, path: Path) -> None:
        if not path.exists() or path.stat().st_size != PIN_COUNT:
            fresh = path.with_name(f".{path.name}.new")
            fresh.write_bytes(bytes([_LOOSE]) * PIN_COUNT)
            fresh.replace(path)
        with path.open("r+b") as file:
            self._bytes = mmap.mmap(file.fileno(), PIN_COUNT)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def put(self, pin: Pin, *, active: bool) -> None:
        """Drive one pin; a single byte is written, so no reader sees half a level."""
        self._bytes[pin.number] = _HIGH if active != pin.active_low else _LOW

    def show(self, levels: Mapping[int, bool], wiring: Mapping[int, Pin]) -> None:
        """Drive the pins of all slots that are wired; a slot without a pin is nobody's business."""
        for slot, occupied in levels.items():
            if slot in wiring:
                self.put(wiring[slot], active=occupied)

    def close(self) -> None:
        """Let go of the file; the levels stay in it."""
        self._bytes.close()


class MockPinDriver:
    """Copies a pin file to gpiozero's mock pins about twenty times a second, in a daemon thread.

    A file that is not there yet drives nothing. Raises `TypeError` unless gpiozero runs on mock pins.
    """

    def __init__(self, path: Path, pins: Iterable[int], *, factory: MockFactory | None = None) -> None:
        if factory is None:
            Device.ensure_pin_factory()
        chosen = factory or Device.pin_factory
        if not isinstance(chosen, MockFactory):
            raise TypeError(f"simulated pins need gpiozero's MockFactory, not {chosen!r}")
        self._path = path
        self._pins = {number: chosen.pin(number) for number in pins}
        self._stop = Event()
        self._thread = Thread(target=self._run, name="MockPinDriver", daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Stop driving; the pins keep their last levels."""
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        """Drive until closed."""
        while not self._stop.wait(_TICK_S):
            try:
                levels = self._path.read_bytes()
            except FileNotFoundError:
                continue
            if len(levels) == PIN_COUNT:
                self._drive(levels)

    def _drive(self, levels: bytes) -> None:
        """Drive what differs from the pin's real state: claiming a pin with a pull-up resets it behind our back."""
        for number, pin in self._pins.items():
            if levels[number] != _LOOSE and bool(pin.state) != (levels[number] == _HIGH):
                (pin.drive_high if levels[number] == _HIGH else pin.drive_low)()
