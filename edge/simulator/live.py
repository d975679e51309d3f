"""A simulated village on the wall clock: its controller on real Modbus lines, its slots in a pin file.

Every device shows the same village through its own profile. One lock, because bus threads and the pin loop ask the
same village.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from threading import Event, Lock
from typing import Protocol, Self

from edge.settings import Connection, Device, Kiosk, Pin
from edge.simulator.bus import Responder, RtuBus, TcpBus
from edge.simulator.device import SimulatedDevice
from edge.simulator.pins import PinFile
from edge.simulator.village import Village

_PIN_TICK_S = 0.1


class Wired(Protocol):
    """What is wired to what, as the settings of a site say."""

    @property
    def devices(self) -> tuple[Device, ...]:
        """Devices on Modbus lines."""

    @property
    def kiosk(self) -> Kiosk | None:
        """Slots on pins."""

    @property
    def lights_pin(self) -> Pin | None:
        """Lights on a pin."""


@dataclass(frozen=True, slots=True)
class Served:
    """Where one device can be reached."""

    device: str
    unit: int
    where: str


class Live:
    """Serves `village` as of `clock()` (UTC) until closed; `wired` says which devices, slots and pins there are."""

    def __init__(self, village: Village, wired: Wired, clock: Callable[[], datetime]) -> None:
        self._village = village
        self._wired = wired
        self._clock = clock
        self._lock = Lock()
        self._open = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    def serve(self, *, instead: Connection | None = None) -> list[Served]:
        """Open the lines of the devices, or one line `instead` for all; return where each device listens."""
        lines: dict[Connection, list[Device]] = defaultdict(list)
        for device in self._wired.devices:
            lines[instead or device.connection].append(device)
        return [served for connection, devices in lines.items() for served in self._line(connection, devices)]

    def drive_pins(self, path: Path, stop: Event) -> None:
        """Write slot levels and lights to the pin file about ten times a second until `stop`."""
        kiosk, lights_pin = self._wired.kiosk, self._wired.lights_pin
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
        slaves = {device.unit: self._responder(device) for device in devices}
        if connection.port is not None:
            where = self._open.enter_context(RtuBus(slaves, link=Path(connection.port))).port
        else:
            host = connection.host or ""
            bus = self._open.enter_context(TcpBus(slaves, host=host, port=connection.tcp_port))
            where = f"{host}:{bus.port}"
        return [Served(device.name, device.unit, where) for device in devices]

    def _responder(self, device: Device) -> Responder:
        """Make the slave of one device: the village now, through its profile; silent when unplugged."""
        simulated = SimulatedDevice(self._village, device.profile, device.unit)

        def respond(pdu: bytes) -> bytes | None:
            with self._lock:
                now = self._clock()
                return simulated.respond(pdu, now) if self._village.modbus_alive(now) else None

        return respond
