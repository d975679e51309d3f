"""SIGKILL of edge, hub and broker at random under load: what the edge committed is in the hub exactly once."""

from __future__ import annotations

import random
import sqlite3
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from demo import broker
from demo.processes import Processes, free_port, wait_for_port
from edge.profiles import parse
from edge.settings import Pin
from edge.simulator.bus import TcpBus
from edge.simulator.image import ProfileImage
from edge.simulator.pins import PinFile
from edge.simulator.slave import Image, RegisterBank, answer
from firmware_config import load, profile_text
from protocol import batch
from protocol.events import ChargingSession, SlotTaken
from protocol.ranges import size, union

KILLS = 50
SLOTS = {slot: Pin(pin, active_low=True) for slot, pin in enumerate((5, 6, 12, 13, 16, 17, 22, 23), 1)}

SITE = """\
site: {{id: crash, name: Crash, kind: school, commune: Kaya, shard: 0}}
devices:
  controller:
    profile: epever-tracer
    connection: {{host: 127.0.0.1, tcp_port: {modbus}}}
    poll_interval_s: 1
kiosk: {{board: kiosk-8, sample_interval_s: 0.05, debounce_s: 0.1}}
uplink: {{host: 127.0.0.1, tcp_port: {mqtt}, tls: false, batch_interval_s: 1, ack_timeout_s: 2}}
outbox: {{directory: {directory}/outbox, commit_interval_s: 1}}
"""


class Load:
    """A controller whose energy counter never repeats, and customers in a hurry at three slots."""

    def __init__(self, pins: Path, chance: random.Random) -> None:
        profile = parse(load(profile_text("epever-tracer"), "device", "epever-tracer"))
        self._image = ProfileImage(profile)
        self._reads = 0
        self._pins = pins
        self._chance = chance
        self._stop = threading.Event()
        self.plugged = 0
        self.bus = TcpBus({1: lambda pdu: answer(pdu, self._bank)}, host="127.0.0.1", port=0)
        self._bank = RegisterBank(self._words)
        self._thread = threading.Thread(target=self._customers)
        self._thread.start()

    def stop(self) -> None:
        """Send the customers home and pull the cable."""
        self._stop.set()
        self._thread.join()
        self.bus.close()

    def _words(self) -> Image:
        self._reads += 1
        readings = {"generated_total_kwh": self._reads / 100, "battery_voltage_v": 12.5}
        return self._image.words(readings, datetime(2026, 11, 23, tzinfo=UTC))

    def _customers(self) -> None:
        levels = dict.fromkeys(SLOTS, False)
        with PinFile(self._pins) as pins:
            while not self._stop.wait(self._chance.uniform(0.05, 0.3)):
                slot = self._chance.choice(list(SLOTS))
                levels[slot] = not levels[slot]
                self.plugged += levels[slot]
                pins.show(levels, SLOTS)


class Site:
    """The three real processes of one site, each of which can be killed and started again."""

    def __init__(self, kind: str, directory: Path, processes: Processes, modbus_port: int) -> None:
        self._processes = processes
        self._directory = directory
        self._mqtt_port, client_port = free_port(), free_port()
        (directory / "site.yaml").write_text(
            SITE.format(modbus=modbus_port, mqtt=self._mqtt_port, directory=directory), "utf-8"
        )
        (directory / "hub.yaml").write_text(
            f"database: sqlite:///{directory}/ledger.db\nbroker: {{tcp_port: {self._mqtt_port}}}\n", "utf-8"
        )
        hub = [sys.executable, "-m", "hub", "--config", f"{directory}/hub.yaml"]
        edge = [sys.executable, "-m", "edge", "--site", f"{directory}/site.yaml", "run", "--mock-pins"]
        self.commands = {
            "broker": broker.command(kind, directory / "broker", self._mqtt_port, client_port),
            "hub": [*hub, "ingest"],
            "edge": [*edge, f"{directory}/pins"],
        }
        self.start("broker")
        wait_for_port(self._mqtt_port, processes)
        enrolled = processes.start("enrol", [*hub, "site", "add", f"{directory}/site.yaml"])
        assert enrolled.wait(30) == 0
        processes.running.pop()
        self.start("hub")
        self.start("edge")

    def start(self, name: str) -> None:
        """Start one of the three."""
        self._processes.start(name, self.commands[name])

    def kill(self, name: str) -> None:
        """SIGKILL one of the three and start it again."""
        index = next(i for i, (running, _) in enumerate(self._processes.running) if running == name)
        _, process = self._processes.running.pop(index)
        process.kill()
        process.wait()
        self.start(name)


@contextmanager
def under_load(kind: str, directory: Path, chance: random.Random) -> Iterator[tuple[Site, Load]]:
    """Run a site under load."""
    customers = Load(directory / "pins", chance)
    try:
        with Processes(directory) as processes:
            yield Site(kind, directory, processes, customers.bus.port), customers
    finally:
        customers.stop()


@pytest.mark.timeout(400)
@pytest.mark.parametrize("kind", ["nats", "mosquitto"])
def test_fifty_kills_lose_nothing_and_count_nothing_twice(
    kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Every committed row of edge and outbox is in the hub once, whoever was killed and when."""
    seed = random.randrange(10**6)  # noqa: S311
    chance = random.Random(seed)  # noqa: S311
    killed: Counter[str] = Counter()
    with under_load(kind, tmp_path, chance) as (site, customers):
        time.sleep(3)
        for _ in range(KILLS):
            victim = chance.choice(list(site.commands))
            site.kill(victim)
            killed[victim] += 1
            time.sleep(chance.uniform(0.3, 1.6))
        customers.stop()
        _wait_until_empty(tmp_path / "outbox" / "outbox.db")
        plugged = customers.plugged
    left = _left(tmp_path / "outbox" / "outbox.db")
    stored, stored_money = _stored(tmp_path / "ledger.db")
    counts = (
        f"\n{kind}, seed {seed}: killed {dict(killed)}; {plugged} phones plugged in\n"
        f"the edge committed {left.highest} rows; in the hub {len(stored)}, {len(stored_money)} of them money; "
        f"waiting: {len(left.pending)}\n"
    )
    with capsys.disabled():
        sys.stdout.write(counts)
    assert max(Counter(stored).values()) == 1
    assert set(stored) | left.pending == set(range(1, left.highest + 1))
    assert stored_money.items() >= left.acknowledged_money.items()
    assert set(stored_money) - set(left.acknowledged_money) <= left.pending
    ended = sum(event == ChargingSession.kind for event in stored_money.values())
    assert _sessions(tmp_path / "ledger.db") == ended
    assert len(stored) > 3 * KILLS


def _wait_until_empty(outbox: Path) -> None:
    """Wait until the hub has acknowledged everything."""
    waiting = -1
    for _ in range(900):
        with closing(sqlite3.connect(f"file:{outbox}?mode=ro", uri=True)) as db:
            (waiting,) = db.execute("SELECT count(*) FROM rows").fetchone()
        if waiting == 0:
            return
        time.sleep(0.1)
    raise AssertionError(f"{waiting} rows still wait in the outbox")


@dataclass
class Left:
    """What an outbox holds at the end: rows nobody acknowledged, and the money rows (seq to kind) that somebody did."""

    pending: set[int]
    acknowledged_money: dict[int, int]
    highest: int


def _left(outbox: Path) -> Left:
    with closing(sqlite3.connect(outbox)) as db:
        pending = {row[0] for row in db.execute("SELECT seq FROM rows")}
        money = dict(db.execute("SELECT seq, json_extract(CAST(body AS TEXT), '$[0]') FROM kept WHERE lane = 0"))
        (highest,) = db.execute("SELECT max(seq) FROM sqlite_sequence WHERE name = 'rows'").fetchone()
    return Left(pending, money, highest)


def _stored(ledger: Path) -> tuple[list[int], dict[int, int]]:
    """Decode the hub's archive: the seqs of all rows, and seq to kind of the money rows."""
    seqs: list[int] = []
    money: dict[int, int] = {}
    with closing(sqlite3.connect(ledger)) as db:
        epochs = {row[0] for row in db.execute("SELECT DISTINCT epoch FROM archive")}
        assert len(epochs) == 1
        for (payload,) in db.execute("SELECT payload FROM archive"):
            found = batch.decode(payload)
            seqs += found.seqs()
            money |= {
                row.seq: row.event.kind for row in found.events if isinstance(row.event, SlotTaken | ChargingSession)
            }
        ranges = union(db.execute("SELECT first_seq, last_seq FROM receipts"))
    assert size(ranges) == len(seqs)
    return seqs, money


def _sessions(ledger: Path) -> int:
    with closing(sqlite3.connect(ledger)) as db:
        return int(db.execute("SELECT count(*) FROM sessions WHERE ended_seq IS NOT NULL").fetchone()[0])
