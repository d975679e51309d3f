"""Bytes that one site costs on its mobile link: 21 values a minute, TLS, every packet counted at IP level.

A simulated day passes in seconds: the real agent, the real link, Mosquitto and the real hub. Only the waiting between
batches is left out, and after each exchange the line is left alone until delayed TCP acknowledgements have gone too.
Counted are the handshakes of one new connection a day, the hub's acks, and what a link of 1,500-byte packets adds to
loopback's long ones. Pings, for which nobody waits here, are added as the site's own account books them; that account
is held against the packets.
"""

from __future__ import annotations

import argparse
import math
import socket
import struct
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bench.figures import figure, table
from bench.world import World, world
from edge import settings as site_settings
from edge.account import Account
from edge.agent import Agent
from edge.clock import Instant
from edge.io.mqtt import MqttLink
from edge.settings import Settings
from edge.simulator.village import Village, school
from edge.simulator.virtual import VirtualSite
from edge.tables import values_a_minute
from edge.traffic import SEGMENT_BYTES, TCP_IP_BYTES
from edge.wiring import open_outbox
from firmware_config import board_text, profile_text
from protocol.topics import Address, Channel

DEFAULT_TARGET_KIB_A_DAY = 80
ECONOMY_TARGET_KB_A_MONTH = 750
MONTH_DAYS = 30
ESTIMATE_MAY_BE_OFF = 0.1
QUIET_S = 0.12
ETH_P_IP = 0x0800
_ETHERNET_BYTES = 14
_INCOMING = 0

SITE = """\
site: {{id: bench-school, name: Bench, kind: school, commune: Bench, shard: 0}}
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
uplink: {{host: 127.0.0.1, tcp_port: {port}, ca_file: {ca_file}, profile: {profile}}}
outbox: {{directory: {directory}/{profile}}}
"""


@dataclass(slots=True)
class Counter:
    """Counts IP bytes of one TCP port on loopback, in both directions, by what they carry."""

    port: int
    up: int = 0
    down: int = 0
    packets: int = 0
    _stop: threading.Event = field(default_factory=threading.Event)
    _tap: socket.socket | None = None

    def open(self) -> None:
        """Begin to listen; raises `PermissionError` for anybody but root."""
        self._tap = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_IP))
        self._tap.bind(("lo", 0))
        self._tap.settimeout(0.2)

    def run(self) -> None:
        """Count until told to stop."""
        if self._tap is None:
            return
        with self._tap as tap:
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
        more = max(0, math.ceil((length - TCP_IP_BYTES) / SEGMENT_BYTES) - 1)
        length += more * TCP_IP_BYTES
        if destination == self.port:
            self.up += length
        elif source == self.port:
            self.down += length
        else:
            return
        self.packets += 1


class CountingLink(MqttLink):
    """The real link, which also counts what it is given."""

    payload_bytes = 0
    batches = 0

    def publish(self, channel: Channel, payload: bytes) -> None:
        """See `Link.publish`."""
        self.payload_bytes += len(payload)
        self.batches += channel is Channel.UP
        super().publish(channel, payload)


@dataclass(frozen=True, slots=True)
class Cost:
    """What one profile costs a day."""

    up: float
    down: float
    pings: float
    payload: float
    batches: float
    packets: float
    estimated: float
    values_a_minute: float

    def bytes_a_day(self) -> float:
        """Sum everything that is paid for."""
        return self.up + self.down + self.pings

    def off(self) -> float:
        """Say by which share the site's own account is off, without the pings that it alone knows."""
        return (self.estimated - self.pings) / (self.up + self.down) - 1


def main(argv: Sequence[str] | None = None) -> int:
    """Measure some simulated days in each profile and print what one of them costs."""
    parser = argparse.ArgumentParser(prog="python -m bench.wire", description=__doc__)
    parser.add_argument("--days", type=int, default=3)
    days = parser.parse_args(argv).days
    with world() as around:
        enrolled = _settings(around, "default")
        around.start_hub()
        default = _measure(around, enrolled, days)
        economy = _measure(around, _settings(around, "economy"), days)
    print(f"a school, {default.values_a_minute:.1f} values a minute; TLS, one new connection a day, each batch")
    print("acknowledged by the hub (economy: every fourth); every packet counted at IP level\n")
    header = ["per day", "default", "economy"]
    print(table(header, [[name, *map(show, (default, economy))] for name, show in _ROWS.items()]))
    print()
    economy_kb = economy.bytes_a_day() * MONTH_DAYS / 1000
    default_kib = default.bytes_a_day() / 1024
    print(figure("economy", economy_kb, "kB/month", ECONOMY_TARGET_KB_A_MONTH))
    print(figure("default", default_kib, "KiB/day", DEFAULT_TARGET_KIB_A_DAY))
    honest = all(abs(cost.off()) <= ESTIMATE_MAY_BE_OFF for cost in (default, economy))
    within = economy_kb <= ECONOMY_TARGET_KB_A_MONTH and default_kib <= DEFAULT_TARGET_KIB_A_DAY
    return 0 if honest and within else 1


_ROWS: dict[str, Callable[[Cost], str]] = {
    "IP bytes from the site, KiB": lambda cost: f"{cost.up / 1024:.1f}",
    "IP bytes to the site, KiB": lambda cost: f"{cost.down / 1024:.1f}",
    "pings, KiB": lambda cost: f"{cost.pings / 1024:.1f}",
    "of them MQTT payload, KiB": lambda cost: f"{cost.payload / 1024:.1f}",
    "batches": lambda cost: f"{cost.batches:.0f}",
    "packets": lambda cost: f"{cost.packets:.0f}",
    "the site's own account, KiB": lambda cost: f"{cost.estimated / 1024:.1f}",
    "it is off by (allowed 10 %)": lambda cost: f"{cost.off():+.1%}",
}


def _settings(around: World, profile: str) -> Settings:
    text = SITE.format(port=around.tls_port, ca_file=around.ca_file, directory=around.directory, profile=profile)
    path = Path(around.directory) / "site.yaml"
    path.write_text(text, "utf-8")
    around.enrol(path)
    return site_settings.parse(text, str(path), profile_text=profile_text, board_text=board_text)


def _measure(around: World, settings: Settings, days: int) -> Cost:
    counter = Counter(around.tls_port)
    tap = threading.Thread(target=counter.run, daemon=True)
    try:
        counter.open()
    except PermissionError:
        raise SystemExit("packets can only be counted as root: sudo make bench-wire") from None
    tap.start()
    link, account = _run(settings, days)
    counter.stop()
    tap.join()
    return Cost(
        up=counter.up / days,
        down=counter.down / days,
        pings=account.pings * account.tariff.pinged() / days,
        payload=link.payload_bytes / days,
        batches=link.batches / days,
        packets=counter.packets / days,
        estimated=account.booked.total() / days,
        values_a_minute=values_a_minute(settings),
    )


def _run(settings: Settings, days: int) -> tuple[CountingLink, Account]:
    """Let the days pass, each with one new connection."""
    start = datetime(2026, 11, 2, tzinfo=UTC)
    outbox = open_outbox(settings)
    outbox.close()
    link = CountingLink(settings.uplink, Address(settings.shard, settings.site), outbox.epoch)
    accounts: list[Account] = []
    began = [start.day]

    def deliver(agent: Agent, now: Instant) -> None:
        if agent.delivery.account not in accounts:
            accounts.append(agent.delivery.account)
        if now.utc.day != began[0]:
            began[0] = now.utc.day
            link.hang_up()
        sent = link.batches
        agent.deliver(now)
        if link.connecting() or agent.uplink.awaiting() or link.batches > sent:
            _wait_for_the_network(agent, link, now)

    VirtualSite(Village(school(7, start)), settings, link).run(
        start + timedelta(days=days), deliver, timedelta(minutes=1)
    )
    link.close()
    (account,) = accounts
    return link, account


def _wait_for_the_network(agent: Agent, link: MqttLink, now: Instant) -> None:
    """Let the real network do what it has to, while simulated time stands still."""
    began = time.monotonic()  # noqa: TID251  the network is real, only the day is simulated
    while link.connecting() or agent.uplink.awaiting():
        time.sleep(0.002)
        agent.deliver(now, network_s=now.uptime_s + time.monotonic() - began)  # noqa: TID251
    time.sleep(QUIET_S)


if __name__ == "__main__":
    raise SystemExit(main())
