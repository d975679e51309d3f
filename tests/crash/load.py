"""What happens at a site under test: a controller whose readings prove themselves, and customers at the kiosk."""

from __future__ import annotations

import random
import threading
from collections import Counter
from datetime import UTC, datetime
from itertools import cycle
from pathlib import Path
from struct import unpack

from edge.profiles import parse
from edge.settings import Pin
from edge.simulator.bus import RtuBus, TcpBus
from edge.simulator.image import ProfileImage
from edge.simulator.pins import PinFile
from edge.simulator.slave import Image, RegisterBank, answer
from firmware_config import load, profile_text

SLOTS = {slot: Pin(pin, active_low=True) for slot, pin in enumerate((5, 6, 12, 13, 16, 17, 22, 23), 1)}
COUNTER, WITNESS = "generated_total_kwh", "consumed_total_kwh"
"""Read in one request: the counter never repeats, and the witness follows from it, so a wrong value shows."""

_COUNTER_AT = 0x3312
_CALM_S = 0.3


def witness(count: int) -> int:
    """Say what the controller shows as consumed, in hundredths, when it shows this count as generated."""
    return count * 37 % 100_000


class Load:
    """A controller over TCP, or on a serial line, and customers: hasty ones, or calm ones who are never overlooked."""

    def __init__(self, pins: Path, chance: random.Random, *, calm: bool = False, serial: bool = False) -> None:
        self._image = ProfileImage(parse(load(profile_text("epever-tracer"), "device", "epever-tracer")))
        self._pins = pins
        self._chance = chance
        self._calm = calm
        self._stop = threading.Event()
        self._customers = threading.Thread(target=self._come_and_go)
        self.count = 0
        self.plugged: Counter[int] = Counter()
        self._bank = RegisterBank(self._words)
        self.bus: TcpBus | RtuBus = RtuBus({1: self._answer}) if serial else TcpBus({1: self._answer})

    def open_kiosk(self) -> None:
        """Let the customers come."""
        self._customers.start()

    def close_kiosk(self) -> None:
        """Send the customers home; phones that are plugged in stay."""
        self._stop.set()
        if self._customers.is_alive():
            self._customers.join()

    def close(self) -> None:
        """End it all."""
        self.close_kiosk()
        self.bus.close()

    def connection(self) -> str:
        """Say in site.yaml's words where the controller is."""
        if isinstance(self.bus, RtuBus):
            return f"{{port: {self.bus.port}}}"
        return f"{{host: 127.0.0.1, tcp_port: {self.bus.port}}}"

    def _answer(self, pdu: bytes) -> bytes:
        function, start, count = unpack(">BHH", pdu[:5])
        if function == 4 and start <= _COUNTER_AT < start + count:
            self.count += 1
        return answer(pdu, self._bank)

    def _words(self) -> Image:
        readings = {COUNTER: self.count / 100, WITNESS: witness(self.count) / 100, "battery_voltage_v": 12.5}
        return self._image.words(readings, datetime(2026, 11, 23, tzinfo=UTC))

    def _come_and_go(self) -> None:
        levels = dict.fromkeys(SLOTS, False)
        turns = cycle(SLOTS)
        with PinFile(self._pins) as pins:
            while not self._stop.wait(_CALM_S if self._calm else self._chance.uniform(0.05, 0.3)):
                slot = next(turns) if self._calm else self._chance.choice(list(SLOTS))
                levels[slot] = not levels[slot]
                self.plugged[slot] += levels[slot]
                pins.show(levels, SLOTS)
