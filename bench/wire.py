"""Bytes that one site costs on its mobile link: 21 values a minute, TLS, every packet counted at IP level.

A simulated day passes in seconds: the real agent, the real link, Mosquitto and the real hub. Only the waiting between
batches is left out, and after each exchange the line is left alone until delayed TCP acknowledgements have gone too.
The link's keepalive (20 min) is longer than the batch interval (15 min), so a real day has no further pings.
"""

from __future__ import annotations

import argparse
import socket
import struct
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bench.figures import figure, table
from bench.world import World, world
from edge import settings as site_settings
from edge.agent import Agent
from edge.clock import Instant
from edge.io.mqtt import MqttLink
from edge.settings import Settings
from edge.simulator.village import Village, school
from edge.simulator.virtual import VirtualSite
from edge.tables import schema_of
from edge.wiring import open_outbox
from firmware_config import board_text, profile_text
from protocol.topics import Address

TARGET_KIB_A_DAY = 80
QUIET_S = 0.12
ETH_P_IP = 0x0800
_ETHERNET_BYTES = 14
_INCOMING = 0

SITE = """\
site: {{id: bench, name: Bench, kind: school, commune: Bench, shard: 0}}
devices:
  controller:
    profile: epever-tracer
    connection: {{host: 127.0.0.1}}
    metrics: [panel_voltage_v, panel_current_a, panel_power_w, charge_current_a, charge_power_w, load_voltage_v,
      load_current_a, load_power_w, battery_temp_c, controller_temp_c, soc_pct, charge_stage,
      battery_voltage_max_today_v, battery_voltage_min_today_v, consumed_total_kwh, generated_today_kwh,
      generated_total_kwh, battery_voltage_v, battery_current_a]
kiosk: {{board: kiosk-8}}
lights: {{from: gpio}}
uplink: {{host: 127.0.0.1, tcp_port: {port}, ca_file: {ca_file}}}
outbox: {{directory: {directory}/outbox}}
"""


@dataclass(slots=True)
class Counter:
    """Counts IP bytes of one TCP port on loopback, in both directions, by what they carry."""

    port: int
    up: int = 0
    down: int = 0
    packets: int = 0
    _stop: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        """Count until told to stop."""
        with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_IP)) as tap:
            tap.bind(("lo", 0))
            tap.settimeout(0.2)
            while not self._stop.is_set():
                try:
                    frame, address = tap.recvfrom(65_600)
                except TimeoutError:
                    continue
                if address[2] == _INCOMING:  # loopback shows every packet twice, once leaving and once arriving
                    self._count(frame[_ETHERNET_BYTES:])

    def stop(self) -> None:
        """End `run`."""
        self._stop.set()

    def _count(self, packet: bytes) -> None:
        if packet[9] != socket.IPPROTO_TCP:
            return
        header_bytes = (packet[0] & 0x0F) * 4
        source, destination = struct.unpack_from("!HH", packet, header_bytes)
        length = struct.unpack_from("!H", packet, 2)[0]
        if destination == self.port:
            self.up += length
        elif source == self.port:
            self.down += length
        else:
            return
        self.packets += 1


def main(argv: Sequence[str] | None = None) -> int:
    """Measure some simulated days and print what one of them costs."""
    parser = argparse.ArgumentParser(prog="python -m bench.wire", description=__doc__)
    parser.add_argument("--days", type=int, default=3)
    days = parser.parse_args(argv).days
    with world() as around:
        settings = _settings(around)
        around.start_hub()
        counter = Counter(around.tls_port)
        try:
            tap = threading.Thread(target=counter.run, daemon=True)
            tap.start()
            batches, payload = _run(settings, days)
        except PermissionError:
            raise SystemExit("packets can only be counted as root: sudo make bench-wire") from None
        counter.stop()
        tap.join()
    values = sum(len(t.columns) * 60 / t.interval_s for t in schema_of(settings).tables)
    kib_a_day = (counter.up + counter.down) / 1024 / days
    rows = [
        ["IP bytes from the site", f"{counter.up / 1024 / days:.1f}"],
        ["IP bytes to the site", f"{counter.down / 1024 / days:.1f}"],
        ["of them MQTT payload", f"{payload / 1024 / days:.1f}"],
    ]
    print(f"{days} simulated days of a school, {values:.1f} values a minute, {batches / days:.0f} batches a day,")
    print(f"{counter.packets / days:.0f} packets a day; TLS, one connection in all, QoS 1, acknowledged by the hub\n")
    print(table(["per day", "KiB"], rows))
    print()
    print(figure("default", kib_a_day, "KiB/day", TARGET_KIB_A_DAY))
    return 0 if kib_a_day <= TARGET_KIB_A_DAY else 1


def _settings(around: World) -> Settings:
    text = SITE.format(port=around.tls_port, ca_file=around.ca_file, directory=around.directory)
    path = Path(around.directory) / "site.yaml"
    path.write_text(text, "utf-8")
    around.enrol(path)
    return site_settings.parse(text, str(path), profile_text=profile_text, board_text=board_text)


def _run(settings: Settings, days: int) -> tuple[int, int]:
    """Let the days pass; returns batches and payload bytes."""
    start = datetime(2026, 11, 2, tzinfo=UTC)
    until = start + timedelta(days=days)
    outbox = open_outbox(settings)
    outbox.close()
    link = MqttLink(settings.uplink, Address(settings.shard, settings.site), outbox.epoch)
    sent = [0, 0]

    def deliver(agent: Agent, now: Instant) -> None:
        before = len(agent.uplink.in_flight)
        agent.deliver(now)
        if link.connecting() or agent.uplink.in_flight:
            sent[0] += len(agent.uplink.in_flight) - before
            began = time.monotonic()  # noqa: TID251  the network is real, only the day is simulated
            while link.connecting() or agent.uplink.in_flight:
                time.sleep(0.002)
                agent.deliver(now, network_s=now.uptime_s + time.monotonic() - began)  # noqa: TID251
            time.sleep(QUIET_S)
        sent[1] = agent.delivery.sent_bytes

    VirtualSite(Village(school(7, start)), settings, link).run(until, deliver, timedelta(minutes=1))
    link.close()
    return sent[0], sent[1]


if __name__ == "__main__":
    raise SystemExit(main())
