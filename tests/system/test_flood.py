"""A site that floods a real broker: the others' rows arrive and are acknowledged all the same."""

from __future__ import annotations

import re
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from demo import broker
from demo.processes import Processes, free_port, wait_for_page, wait_for_port
from protocol import batch, control
from protocol.batch import Batch, EventRow
from protocol.control import Ack
from protocol.events import AlarmCleared
from protocol.topics import Address, Channel
from tests.system.world import eventually

GOOD, WILD = Address(2, "ecole-good"), Address(2, "ecole-wild")
SITE = """\
site: {{id: {site}, name: École, kind: school, commune: Kaya, shard: 2}}
devices: {{controller: {{profile: epever-tracer, connection: {{port: /dev/null}}}}}}
uplink: {{host: 127.0.0.1}}
"""
BATCHES = 5
AGAIN_S = 5.0
"""How soon the good site sends again what is not acknowledged; a real one waits a minute."""


class Site:
    """The good site: sends a batch and waits for the hub's ack."""

    def __init__(self, port: int) -> None:
        self.acks: list[Ack] = []
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id="good")
        self._client.on_message = lambda _, __, message: self.acks.append(control.decode_ack(bytes(message.payload)))
        self._client.connect("127.0.0.1", port)
        self._client.subscribe(GOOD.topic(Channel.ACK))
        self._client.loop_start()

    def deliver(self, number: int) -> None:
        """Send one row until it is acknowledged."""
        payload = batch.encode(Batch(1, events=(EventRow(number, 1, number, AlarmCleared("good")),)))
        sent_s = 0.0

        def acknowledged() -> bool:
            nonlocal sent_s
            if time.monotonic() > sent_s + AGAIN_S:  # noqa: TID251  a real broker takes real time
                sent_s = time.monotonic()  # noqa: TID251  likewise
                self._client.publish(GOOD.topic(Channel.UP), payload, qos=1)
            return any(ack.upto >= number for ack in self.acks)

        eventually(acknowledged, patience_s=40)

    def close(self) -> None:
        """Disconnect."""
        self._client.disconnect()
        self._client.loop_stop()


@contextmanager
def hub(kind: str, directory: Path) -> Iterator[tuple[Processes, int, str]]:
    """Run a broker and a hub with two sites; gives the broker's port and the hub's address."""
    port, other_port, web_port = free_port(), free_port(), free_port()
    directory.chmod(0o755)
    (directory / "hub.yaml").write_text(
        f"database: sqlite:///{directory}/ledger.db\nbroker: {{tcp_port: {port}}}\nweb: {{tcp_port: {web_port}}}\n",
        "utf-8",
    )
    command = [sys.executable, "-m", "hub", "--config", f"{directory}/hub.yaml"]
    with Processes(directory) as processes:
        processes.start("broker", broker.command(kind, directory, port, other_port))
        wait_for_port(port, processes)
        for address in (GOOD, WILD):
            path = directory / f"{address.site}.yaml"
            path.write_text(SITE.format(site=address.site), "utf-8")
            assert processes.start("enrol", [*command, "site", "add", str(path)]).wait(30) == 0
            processes.running.pop()
        processes.start("hub", [*command, "serve"])
        wait_for_page(f"http://127.0.0.1:{web_port}/readyz", processes)
        yield processes, port, f"http://127.0.0.1:{web_port}"


def metric(url: str, name: str) -> float:
    """Read the sum of a metric over its labels."""
    with urllib.request.urlopen(f"{url}/metrics", timeout=10) as answer:  # noqa: S310  our own hub
        found = re.findall(rf"^{name}(?:{{.*}})? (\S+)$", answer.read().decode(), re.MULTILINE)
    return sum(map(float, found))


@pytest.mark.timeout(180)
@pytest.mark.parametrize(
    ("kind", "what", "qos"),
    # With QoS 1, NATS writes every message of the flood to its disk, and how fast that is says nothing about the hub.
    [("mosquitto", "garbage", 1), ("mosquitto", "batches", 0), ("nats", "garbage", 0), ("nats", "batches", 0)],
)
def test_a_flood_does_not_keep_the_others_from_being_heard(kind: str, what: str, qos: int, tmp_path: Path) -> None:
    """One site sends as fast as the broker takes it; another's rows are acknowledged, one after the other."""
    with hub(kind, tmp_path) as (processes, port, url):
        flooder = [sys.executable, "-m", "tests.system.flooder", str(port), WILD.topic(Channel.UP), what, str(qos)]
        processes.start("flooder", flooder)
        held = "kayasol_site_set_aside_seconds" if what == "garbage" else "kayasol_overflowed_total"
        eventually(lambda: metric(url, held) > 0, patience_s=40)
        site = Site(port)
        try:
            for number in range(1, BATCHES + 1):
                site.deliver(number)
        finally:
            site.close()
        processes.check()
        log = (tmp_path / "hub.log").read_text("utf-8")
        assert len(log) < 100_000, "the flood reaches the log"
