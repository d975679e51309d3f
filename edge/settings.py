"""Settings of one site: `site.yaml`, its board and its device profiles as one frozen value.

Nothing is touched outside the texts given: no port is opened, no file looked for. So `check` works on a laptop.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from edge import profiles
from edge.lights import Lights
from edge.profiles import Profile
from edge.registers import Quantity
from edge.uplink_settings import UplinkSettings, uplink_of
from firmware_config import ConfigError, Document, Path, load

SITE = "site"
SYSTEM = "system"
"""What the agent itself records stands under these names, beside those of the devices."""
SETTINGS_SUFFIX = "-settings"
"""Ends the name of the table with a device's ratings; so no device may be called like that."""

SYSTEM_INTERVAL_S = 900
"""How often the Pi itself is sampled, unless batches go less often: once a batch is enough."""

DEVICE_KEY = "device-key"
"""How the file of the device key is called, beside the outbox."""

TextOf = Callable[[str], str]


@dataclass(frozen=True, slots=True)
class Connection:
    """Where a device is: a serial `port` with a baud rate, or a TCP `host`; equal connections share one bus."""

    port: str | None = None
    baud: int = 0
    parity: str = "none"
    stop_bits: int = 1
    host: str | None = None
    tcp_port: int = 0


@dataclass(frozen=True, slots=True)
class Device:
    """One device to poll."""

    name: str
    profile: Profile
    connection: Connection
    unit: int
    poll_interval_s: int
    quantities: tuple[Quantity, ...]
    settings: tuple[Quantity, ...] = ()
    """What is read once a day into a table of its own."""


@dataclass(frozen=True, slots=True)
class Pin:
    """One input of the Pi."""

    number: int
    active_low: bool


@dataclass(frozen=True, slots=True)
class Kiosk:
    """The charging slots and how they are sampled."""

    slots: dict[int, Pin]
    sample_interval_s: float
    debounce_s: float


@dataclass(frozen=True, slots=True)
class OutboxSettings:
    """Where rows wait and how many may."""

    directory: str
    rows_max: int
    bytes_max: int
    commit_interval_s: float


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything particular to one site."""

    site: str
    name: str
    shard: int
    devices: tuple[Device, ...]
    kiosk: Kiosk | None
    lights: Lights | None
    lights_pin: Pin | None
    uplink: UplinkSettings
    outbox: OutboxSettings
    site_interval_s: int
    """How often lights and slots are sampled into the series; charging sessions are exact regardless."""
    system_interval_s: int
    device_key_file: str
    """Where the key is, or will be, that seals this site's rows."""
    enrolment_url: str | None


def parse(text: str, origin: str, *, profile_text: TextOf, board_text: TextOf) -> Settings:
    """Read `site.yaml`; raises `ConfigError` naming file, line and key for whatever cannot be used."""
    document = load(text, "site", origin)
    data = document.data
    devices = tuple(_device(document, name, line, profile_text) for name, line in data["devices"].items())
    devices = _with_common_stop_bits(devices)
    _check_lines(document, devices)
    kiosk, board = _kiosk(document, board_text)
    lights, lights_pin = _lights(document, devices, board)
    uplink, outbox = uplink_of(data["uplink"], data["site"]["id"]), data.get("outbox", {})
    directory = outbox.get("directory", "/var/lib/kayasol")
    return Settings(
        site=data["site"]["id"],
        name=data["site"]["name"],
        shard=data["site"]["shard"],
        devices=devices,
        kiosk=kiosk,
        lights=lights,
        lights_pin=lights_pin,
        uplink=uplink,
        outbox=OutboxSettings(
            directory=directory,
            rows_max=outbox.get("rows_max", 2_000_000),
            bytes_max=outbox.get("bytes_max", 500_000_000),
            commit_interval_s=outbox.get("commit_interval_s", 60.0),
        ),
        site_interval_s=data.get("system", {}).get("site_interval_s", 60),
        system_interval_s=data.get("system", {}).get(
            "poll_interval_s", max(SYSTEM_INTERVAL_S, uplink.batch_interval_s)
        ),
        device_key_file=data["site"].get("device_key_file", f"{directory}/{DEVICE_KEY}"),
        enrolment_url=data.get("enrolment", {}).get("url"),
    )


def _device(document: Document, name: str, line: dict[str, Any], profile_text: TextOf) -> Device:
    path = ("devices", name)
    if name in (SITE, SYSTEM):
        document.refuse(path, f"the agent's own values stand under {SITE} and {SYSTEM}; call the device something else")
    if name.endswith(SETTINGS_SUFFIX):
        document.refuse(path, f"names ending in {SETTINGS_SUFFIX} are taken by the settings of the devices")
    try:
        profile = profiles.parse(load(profile_text(line["profile"]), "device", f"profile {line['profile']}"))
    except ConfigError as error:
        document.refuse((*path, "profile"), str(error))
    metrics = tuple(line.get("metrics", ()))
    quantities = profile.only(metrics)
    unknown = set(metrics) - {quantity.metric for quantity in quantities}
    if unknown:
        known = ", ".join(quantity.metric for quantity in profile.all)
        complaint = f"{profile.name} does not tell {', '.join(sorted(unknown))}; it tells {known}"
        document.refuse((*path, "metrics"), complaint)
    return Device(
        name=name,
        profile=profile,
        connection=_connection(document, (*path, "connection"), line["connection"], profile),
        unit=line.get("unit", profile.bus.unit),
        poll_interval_s=line.get("poll_interval_s", 60),
        quantities=quantities,
        settings=tuple(quantity for quantity in profile.settings if quantity not in quantities),
    )


def _connection(document: Document, path: Path, line: dict[str, Any], profile: Profile) -> Connection:
    bus = profile.bus
    if "host" in line:
        return Connection(host=line["host"], tcp_port=line.get("tcp_port", bus.tcp_port or 502))
    if not bus.baud:
        document.refuse(path, f"{profile.name} is read over the network only; give its host")
    return Connection(line["port"], line.get("baud", bus.baud), bus.parity, bus.stop_bits)


def _with_common_stop_bits(devices: tuple[Device, ...]) -> tuple[Device, ...]:
    """Let devices of one port share the longer stop: who waits for one stop bit takes a second for a pause."""
    longest: dict[str | None, int] = {}
    for device in devices:
        port = device.connection.port
        longest[port] = max(longest.get(port, 0), device.connection.stop_bits)
    return tuple(
        replace(device, connection=replace(device.connection, stop_bits=longest[device.connection.port]))
        for device in devices
    )


def _check_lines(document: Document, devices: tuple[Device, ...]) -> None:
    """Refuse devices that cannot share the line they are on."""
    for i, device in enumerate(devices):
        mine = device.connection
        for other in devices[:i]:
            theirs = other.connection
            path = ("devices", device.name, "connection")
            if mine == theirs and device.unit == other.unit:
                document.refuse(path, f"unit {device.unit} is {other.name} already; one of the two is set wrongly")
            if mine != theirs and mine.port is not None and mine.port == theirs.port:
                complaint = f"{_speed(mine)}, but {other.name} is on the same port with {_speed(theirs)}"
                document.refuse(path, complaint)


def _speed(connection: Connection) -> str:
    return f"{connection.baud} baud, parity {connection.parity}"


def _kiosk(document: Document, board_text: TextOf) -> tuple[Kiosk | None, dict[str, Any]]:
    line = document.data.get("kiosk")
    if line is None:
        return None, {}
    try:
        board = _board(load(board_text(line["board"]), "board", f"board {line['board']}"))
    except ConfigError as error:
        document.refuse(("kiosk", "board"), str(error))
    wired = {int(slot): _pin(pin) for slot, pin in board["slots"].items()}
    wanted = line.get("slots", list(wired))
    for i, slot in enumerate(wanted):
        if slot not in wired:
            document.refuse(("kiosk", "slots", i), f"board {line['board']} has no slot {slot}")
    return Kiosk(
        slots={slot: wired[slot] for slot in wanted},
        sample_interval_s=line.get("sample_interval_s", 0.25),
        debounce_s=line.get("debounce_s", 2.0),
    ), board


def _board(document: Document) -> dict[str, Any]:
    """Take a board whose inputs are all wired to pins of their own."""
    inputs: list[tuple[tuple[str, ...], int]] = [
        (("slots", slot), line["pin"]) for slot, line in document.data["slots"].items()
    ]
    if "lights" in document.data:
        inputs.append((("lights",), document.data["lights"]["pin"]))
    taken: dict[int, str] = {}
    for path, pin in inputs:
        if pin in taken:
            document.refuse((*path, "pin"), f"pin {pin} is wired to {taken[pin]} already")
        taken[pin] = " ".join(path)
    return document.data


def _lights(document: Document, devices: tuple[Device, ...], board: dict[str, Any]) -> tuple[Lights | None, Pin | None]:
    line = document.data.get("lights")
    if line is None:
        return None, None
    if line["from"] == "gpio":
        for key in ("device", "on_above_w"):
            if key in line:
                document.refuse(("lights", key), "means nothing with from: gpio, only with from: load_power")
        if "lights" not in board:
            document.refuse(("lights", "from"), "gpio needs a kiosk whose board names a pin for the lights")
        return Lights(), _pin(board["lights"])
    names = [d.name for d in devices if any(q.metric == "load_power_w" for q in d.quantities)]
    if not names:
        document.refuse(("lights", "from"), "load_power needs a device that records load_power_w, and none does")
    device = line.get("device", names[0])
    if device not in names:
        complaint = f"no device {device!r} records load_power_w; {', '.join(names)} would do"
        document.refuse(("lights", "device"), complaint)
    return Lights(device, line.get("on_above_w", 0.0)), None


def _pin(line: dict[str, Any]) -> Pin:
    return Pin(line["pin"], active_low=line["active"] == "low")
