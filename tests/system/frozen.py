"""A simulated device that stands still, so that two readers one after the other must read the same."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from edge import profiles
from edge.decoding import tell
from edge.inspection import asking
from edge.io.modbus import ModbusLine
from edge.profiles import Profile
from edge.registers import Table
from edge.settings import Connection
from edge.simulator.bus import RtuBus, TcpBus
from edge.simulator.device import SimulatedDevice
from edge.simulator.image import ProfileImage
from edge.simulator.slave import Image
from edge.simulator.told import Teller
from edge.simulator.village import Village, VillageSpec, health_centre, school
from edge.survey import survey
from firmware_config import load, profile_text

PATIENCE_S = 5.0
"""Time enough for an answer on a busy machine; some clients wait for no more than a tenth of a second."""
_START = datetime(2026, 3, 2, tzinfo=UTC)

Figure = float | str
Shown = Mapping[str, float | tuple[float, float, float]]
"""What a device shows in place of what the village makes it show: the same always, or at each moment something else."""


@dataclass(frozen=True, slots=True)
class Moment:
    """One instant of one village, with what never happens there put in its place."""

    name: str
    spec: VillageSpec
    at: datetime
    instead: Mapping[str, float] = field(default_factory=dict)


NOON = Moment("noon", school(3, _START), _START + timedelta(days=1, hours=11, minutes=17, seconds=49))
EVENING = Moment("evening", health_centre(5, _START), _START + timedelta(days=1, hours=19, minutes=40, seconds=3))
EXTREME = Moment(
    "extreme",
    school(3, _START),
    _START + timedelta(days=1, hours=15),
    {
        # Below zero, above what sixteen bits hold at a hundredth or a thousandth, and no two alike.
        "battery_temp_c": -13.0,
        "controller_temp_c": -7.0,
        "battery_current_a": -345.67,
        "battery_voltage_v": 13.42,
        "load_voltage_v": 12.31,
        "panel_power_w": 1234.0,
        "charge_power_w": 1187.0,
        "load_power_w": 890.0,
        "soc_pct": 57.0,
        "generated_total_kwh": 4321.987,
        "consumed_total_kwh": 3210.765,
        "charge_stage": 3.0,
    },
)
MOMENTS = (NOON, EVENING, EXTREME)


@dataclass(frozen=True, slots=True)
class Device:
    """A device to be read: its profile, what it shows, and words that real ones have and the profile has no use for."""

    profile: str
    shown: Shown = field(default_factory=dict)
    also: Mapping[tuple[Table, int], int] = field(default_factory=dict)
    serial: bool = True


@dataclass(frozen=True, slots=True)
class Place:
    """Where a device can be read."""

    connection: Connection
    profile: Profile

    @property
    def line(self) -> str:
        """Name of the serial line."""
        return self.connection.port or ""

    @property
    def tcp_port(self) -> int:
        """Number of the port on this machine."""
        return self.connection.tcp_port

    @property
    def unit(self) -> int:
        """Modbus address."""
        return self.profile.bus.unit


class _Still(SimulatedDevice):
    """A simulated device for which no time passes."""

    def __init__(self, device: Device, profile: Profile, moment: Moment) -> None:
        village = Village(moment.spec)
        super().__init__(village, profile)
        turn = MOMENTS.index(moment)
        shown = {metric: value[turn] if isinstance(value, tuple) else value for metric, value in device.shown.items()}
        readings = {**Teller(village, profile).readings(moment.at), **moment.instead, **shown}
        self._still = {**ProfileImage(profile).words(readings, moment.at), **device.also}

    def image(self, at: datetime) -> Image:  # noqa: ARG002  it is always the same
        """Give all that its registers hold."""
        return self._still


@contextmanager
def served(device: Device, moment: Moment, directory: Path) -> Iterator[Place]:
    """Serve the device as of the moment, as `python -m edge.simulator serve` would."""
    profile = profiles.parse(load(profile_text(device.profile), "device", device.profile))
    still = _Still(device, profile, moment)
    slaves = {profile.bus.unit: lambda pdu: still.respond(pdu, moment.at)}
    if not device.serial:
        with TcpBus(slaves) as bus:
            yield Place(Connection(host="127.0.0.1", tcp_port=bus.port), profile)
        return
    with RtuBus(slaves, link=directory / moment.name) as line:
        bus_settings = profile.bus
        yield Place(Connection(line.port, bus_settings.baud, bus_settings.parity, bus_settings.stop_bits), profile)


def ours(place: Place) -> dict[str, Figure]:
    """Read everything as `kayasol-edge dump` does, clock as seconds, but in no fear of replies that come too late."""
    profile, told = place.profile, dict[str, Figure]()
    with closing(ModbusLine(place.connection, timeout_s=PATIENCE_S, pause_s=0.0, late_reply_s=0.0)) as line:
        ask = asking(line, place.unit)
        done = survey(ask, profile, profile.all, profile.nameplate, profile.clock)
    assert not done.errors
    for block, words in done.answers.items():
        for one in tell(profile, {block: words}, done.bases):
            if one.value is not None:
                told.setdefault(one.name, one.value)
    if "clock" in told:
        told["clock"] = datetime.fromisoformat(str(told["clock"])).replace(tzinfo=UTC).timestamp()
    return told
