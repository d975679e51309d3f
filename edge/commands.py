"""The commands beside `run`: what they read, print and write. No command changes the outbox."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edge.devices import PolledDevice
from edge.errors import RetryLater
from edge.io import system
from edge.settings import Settings
from edge.tables import values_a_minute

if TYPE_CHECKING:
    from edge.simulator.virtual import SimulatedPi

STATUS = "status.json"
SYSTEMD_RUNTIME = Path("/run/kayasol")


def check(settings: Settings) -> Iterator[str]:
    """Say in lines what these settings make the agent do."""
    yield f"{settings.site}: {settings.name}, shard {settings.shard}"
    for device in settings.devices:
        connection = device.connection
        where = connection.port or f"{connection.host}:{connection.tcp_port}"
        blocks = len(PolledDevice(0, device, device.quantities, device.name).poll(0.0).blocks)
        daily = f", {len(device.settings)} ratings and set points once a day" if device.settings else ""
        yield (
            f"{device.name}: {device.profile.title} ({device.profile.confidence}) at {where}, unit {device.unit}; "
            f"{len(device.quantities)} values in {blocks} requests every {device.poll_interval_s} s{daily}"
        )
    if settings.kiosk is not None:
        pins = ", ".join(f"{slot} on GPIO {pin.number}" for slot, pin in settings.kiosk.slots.items())
        yield f"slots: {pins}; a change counts after {settings.kiosk.debounce_s:g} s"
    if settings.lights is not None:
        source = f"load power of {settings.lights.device} above {settings.lights.on_above_w:g} W"
        pin = f"GPIO {settings.lights_pin.number}" if settings.lights_pin is not None else source
        yield f"lights: {pin}"
    values, uplink = values_a_minute(settings), settings.uplink
    budget_kb = uplink.daily_budget_bytes(values) // 1000
    budget = f"at most {budget_kb} kB a day" if budget_kb else "bytes are not counted"
    yield (
        f"hub: {uplink.host}:{uplink.tcp_port} as {uplink.username}{'' if uplink.tls else ', WITHOUT TLS'}; "
        f"{values:.0f} values a minute, a batch every {uplink.batch_interval_s} s, {budget}"
    )
    yield f"outbox: {settings.outbox.directory}, at most {settings.outbox.rows_max} rows"
    if settings.enrolment_url is not None:
        yield f"device key: {settings.device_key_file}, handed in at {settings.enrolment_url}"


def write_status(settings: Settings, status: dict[str, Any]) -> None:
    """Leave the status where `status` finds it: in the runtime directory under systemd, else beside the outbox."""
    path = _status_paths(settings)[0]
    fresh = path.with_suffix(".new")
    try:
        fresh.write_text(json.dumps(status), "utf-8")
        fresh.replace(path)
    except OSError:
        return  # a full disk must not stop the agent from reading; the outbox reports it


def read_status(settings: Settings) -> dict[str, Any]:
    """Read what the running agent left; raises `RetryLater` when there is none."""
    paths = _status_paths(settings)
    for path in paths:
        try:
            return dict(json.loads(path.read_text("utf-8")))
        except (OSError, ValueError):
            continue
    raise RetryLater(f"no status at {' or '.join(map(str, paths))}: is the agent running?")


def drive_mock_pins(settings: Settings, levels: Path) -> None:
    """Let a simulated village play the pins of this process."""
    os.environ["GPIOZERO_PIN_FACTORY"] = "mock"
    from edge.simulator.pins import MockPinDriver  # noqa: PLC0415  a Pi has no use for the simulator

    pins = list(settings.kiosk.slots.values()) if settings.kiosk is not None else []
    if settings.lights_pin is not None:
        pins.append(settings.lights_pin)
    MockPinDriver(levels, [pin.number for pin in pins])


def simulated_pi(powered_at: datetime) -> SimulatedPi:
    """Be the Pi of a simulated village that got power at this moment."""
    from edge.simulator.virtual import SimulatedPi  # noqa: PLC0415  likewise

    return SimulatedPi(powered_at, system.utc_now)


def _status_paths(settings: Settings) -> list[Path]:
    """List where the agent may leave its status: systemd's runtime directory, else beside the outbox."""
    beside = Path(settings.outbox.directory)
    own = os.environ.get("RUNTIME_DIRECTORY")
    # A technician's shell lacks the unit's environment but must find what the unit wrote.
    folders = [Path(own)] if own is not None else [beside, SYSTEMD_RUNTIME]
    return [folder / STATUS for folder in folders]
