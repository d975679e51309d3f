"""Puts the agent together from settings and the real world; the one place at the edge that knows every adapter."""

from __future__ import annotations

import logging
import random
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from edge import tables
from edge.agent import Agent, Ports
from edge.enrolment import Enrolment
from edge.errors import RetryLater
from edge.io.device_key import KeyFiles, read_key
from edge.io.gpio import GpioWatcher
from edge.io.modbus import ModbusLine
from edge.io.mqtt import MqttLink
from edge.io.outbox import SqliteOutbox
from edge.io.outbox_space import Space
from edge.io.system import SystemProbe
from edge.ports import Link, Probe, RegisterReader, SlotWatcher
from edge.profiles import Bus
from edge.settings import Connection, Settings
from edge.uplink import Uplink
from protocol import schema, topics

_LOG = logging.getLogger(__name__)
OUTBOX = "outbox.db"
TOKEN = "enrolment-token"  # noqa: S105  the name of a file
"""Lies beside `site.yaml` until it is swapped for a device key."""


def open_outbox(settings: Settings, chance: random.Random | None = None) -> SqliteOutbox:
    """Open the site's outbox; raises `RetryLater` when its directory cannot be used."""
    directory = Path(settings.outbox.directory)
    space = Space(directory / OUTBOX, settings.outbox.rows_max, settings.outbox.bytes_max)
    try:
        outbox = SqliteOutbox(space, chance, read_key(Path(settings.device_key_file)))
    except OSError as error:
        raise RetryLater(f"outbox.directory {directory} cannot be used: {error.strerror}") from error
    payload = schema.encode(tables.schema_of(settings))
    outbox.use_schema(schema.schema_id(payload), payload)
    return outbox


def open_lines(settings: Settings) -> dict[str, ModbusLine]:
    """Open one line per connection; devices with equal connections share it. No port is touched yet."""
    shared: dict[Connection, list[Bus]] = {}
    for device in settings.devices:
        shared.setdefault(device.connection, []).append(device.profile.bus)
    lines = {
        # The slowest device on a line sets its pace.
        connection: ModbusLine(
            connection,
            timeout_s=max(bus.timeout_s for bus in buses),
            pause_s=max(bus.pause_s for bus in buses),
            reconnect=any(bus.reconnect for bus in buses),
        )
        for connection, buses in shared.items()
    }
    return {device.name: lines[device.connection] for device in settings.devices}


def assemble(  # noqa: PLR0913  an agent has this many neighbours
    settings: Settings,
    outbox: SqliteOutbox,
    *,
    boot_id: str,
    readers: dict[str, RegisterReader],
    watcher: SlotWatcher | None,
    link: Link,
    probe: Probe,
) -> Agent:
    """Build an agent over any ports."""
    boot = outbox.boot_number(boot_id)
    uplink = Uplink(
        outbox.epoch,
        settings.uplink.batch_interval_s,
        settings.uplink.ack_timeout_s,
        random.Random(f"{outbox.epoch}{boot_id}"),  # noqa: S311  jitter keeps sites apart, it keeps no secret
        outbox.start_seq,
        settings.uplink.acks_every,
    )
    return Agent(settings, Ports(outbox, readers, link, probe, watcher), uplink, boot)


@contextmanager
def real_agent(settings: Settings, boot_id: str) -> Iterator[tuple[Agent, SqliteOutbox, MqttLink]]:
    """Build the agent of this Pi, and release everything it held when done."""
    with ExitStack() as stack:
        outbox = open_outbox(settings)
        stack.callback(outbox.close)
        lines = open_lines(settings)
        for line in set(lines.values()):
            stack.callback(line.close)
        watcher: GpioWatcher | None = None
        if settings.kiosk is not None or settings.lights_pin is not None:
            slots = settings.kiosk.slots if settings.kiosk is not None else {}
            watcher = GpioWatcher(slots, settings.lights_pin)
            stack.callback(watcher.close)
        link = MqttLink(settings.uplink, topics.Address(settings.shard, settings.site), outbox.epoch)
        stack.callback(link.close)
        probe = SystemProbe(Path(settings.outbox.directory))
        agent = assemble(
            settings, outbox, boot_id=boot_id, readers=dict(lines), watcher=watcher, link=link, probe=probe
        )
        yield agent, outbox, link


def enrolment(settings: Settings, site_file: Path) -> Enrolment | None:
    """Build this site's way to its device key; None when it was given no token."""
    token_file = site_file.with_name(TOKEN)
    if not token_file.exists():
        return None
    if settings.enrolment_url is None:
        _LOG.warning("%s cannot be used: %s does not say enrolment.url", token_file, site_file)
        return None
    from edge.io.enrolment import HttpsDesk  # noqa: PLC0415  needed once in a site's life, and it costs memory

    desk = HttpsDesk(settings.enrolment_url, settings.site, settings.uplink.ca_file)
    return Enrolment(desk, KeyFiles(Path(settings.device_key_file), token_file), random.SystemRandom())
