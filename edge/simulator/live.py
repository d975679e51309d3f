"""A simulated village on the wall clock: its controller on real Modbus lines, its slots in a pin file.

It serves the devices of one site's settings; every device shows the same village through its own profile. One lock,
because bus threads and the pin loop ask the same village.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from threading import Event, Lock
from typing import Self

from edge.profiles import Profile
from edge.settings import Connection, Device, Settings
from edge.simulator.bus import Responder, RtuBus, TcpBus
from edge.simulator.image import ProfileImage
from edge.simulator.pins import PinFile
from edge.simulator.slave import Image, RegisterBank, answer
from edge.simulator.village import Village

_PIN_TICK_S = 0.1


@dataclass(frozen=True, slots=True)
class Served:
    """Where one device of the site can be reached."""

    device: str
    unit: int
    where: str


class Live:
    """Serves `village` as of `clock()` (UTC) until closed; `settings` says which devices, slots and pins there are."""

    def __init__(self, village: Village, settings: Settings, clock: Callable[[], datetime]) -> None:
        self._village = village
        self._settings = settings
        self._clock = clock
        self._lock = Lock()
        self._open = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    def serve(self, *, instead: Connection | None = None) -> list[Served]:
        """Open the site's lines, or one line `instead` for all devices; return where each device listens."""
        lines: dict[Connection, list[Device]] = defaultdict(list)
        for device in self._settings.devices:
            lines[instead or device.connection].append(device)
        return [served for connection, devices in lines.items() for served in self._line(connection, devices)]

    def drive_pins(self, path: Path, stop: Event) -> None:
        """Write slot levels and lights to the pin file about ten times a second until `stop`."""
        kiosk, lights_pin = self._settings.kiosk, self._settings.lights_pin
        with PinFile(path) as pins:
            while not stop.wait(_PIN_TICK_S):
                now = self._clock()
                with self._lock:
                    levels, lit = self._village.levels(now), self._village.lights_lit(now)
                if kiosk is not None:
                    pins.show(levels, kiosk.slots)
                if lights_pin is not None:
                    pins.put(lights_pin, active=lit)

    def pi_powered(self) -> bool:
        """Say whether the village's Pi has power now."""
        with self._lock:
            return self._village.pi_powered(self._clock())

    def _line(self, connection: Connection, devices: list[Device]) -> list[Served]:
        """Open one line with these devices on it."""
        slaves = {device.unit: self._responder(device.profile) for device in devices}
        if connection.port is not None:
            where = self._open.enter_context(RtuBus(slaves, link=Path(connection.port))).port
        else:
            host = connection.host or ""
            bus = self._open.enter_context(TcpBus(slaves, host=host, port=connection.tcp_port))
            where = f"{host}:{bus.port}"
        return [Served(device.name, device.unit, where) for device in devices]

    def _responder(self, profile: Profile) -> Responder:
        """Make the slave of one device: the village's readings now, through its profile; silent when unplugged."""
        maker = ProfileImage(profile)

        def image() -> Image:
            return maker.words(self._village.readings(self._clock()))

        bank = RegisterBank(image)

        def respond(pdu: bytes) -> bytes | None:
            with self._lock:
                return answer(pdu, bank) if self._village.modbus_alive(self._clock()) else None

        return respond
