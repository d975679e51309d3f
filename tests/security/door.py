"""A hub set up by its own commands, its broker as a real process, and clients that may try anything."""

from __future__ import annotations

import json
import os
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.reasoncodes import ReasonCode

from demo.broker import mosquitto, nats_server
from demo.processes import Processes, free_port, wait_for_port
from hub.__main__ import main
from protocol.topics import Address, Channel, hub_filters

SITE = """\
site: {{id: {site}, name: École {site}, kind: school, commune: Kaya, shard: {shard}}}
devices: {{controller: {{profile: epever-tracer, connection: {{port: {folder}/no-such-port}}}}}}
uplink:
  host: localhost
  tcp_port: {port}
  ca_file: {folder}/bundle/ca.pem
  password_file: {folder}/bundle/broker-secret
  batch_interval_s: 1
  ack_timeout_s: 3
outbox: {{directory: {folder}/outbox, commit_interval_s: 1}}
system: {{poll_interval_s: 1}}
"""


def eventually(what: Callable[[], object], patience_s: float = 20) -> None:
    """Return when `what` holds; fails with what it said last."""
    deadline = time.monotonic() + patience_s  # noqa: TID251  real processes take real time
    while not (answer := what()):
        assert time.monotonic() < deadline, f"still {answer!r} after {patience_s} s"  # noqa: TID251
        time.sleep(0.02)


@dataclass
class Client:
    """An MQTT client that notes all that happens to it."""

    port: int
    ca_file: Path | None
    username: str | None
    secret: str | None
    client_id: str = ""
    will: tuple[str, bytes] | None = None
    heard: list[tuple[str, bytes]] = field(default_factory=list)
    answers: list[bool] = field(default_factory=list)
    granted: list[bool] = field(default_factory=list)
    lost: int = 0

    def __post_init__(self) -> None:
        clean = self.client_id == "" or self.will is not None
        client = mqtt.Client(
            CallbackAPIVersion.VERSION2, client_id=self.client_id, clean_session=clean, reconnect_on_failure=False
        )
        client.username_pw_set(self.username, self.secret)
        if self.ca_file is not None:
            client.tls_set(str(self.ca_file))
        if self.will is not None:
            client.will_set(*self.will, qos=1, retain=True)
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_message = self._on_message
        client.on_subscribe = self._on_subscribe
        self.mqtt = client

    def enter(self) -> bool:
        """Connect; says whether the broker lets us in."""
        self.mqtt.connect("localhost", self.port)
        self.mqtt.loop_start()
        eventually(lambda: self.answers or self.lost)
        return bool(self.answers) and self.answers[0]

    def subscribe(self, topic: str) -> bool:
        """Subscribe; says whether the broker claims to grant it."""
        number = len(self.granted)
        self.mqtt.subscribe(topic, 1)
        eventually(lambda: len(self.granted) > number)
        return self.granted[number]

    def say(self, topic: str, payload: bytes, *, retain: bool = False) -> None:
        """Publish with QoS 1."""
        self.mqtt.publish(topic, payload, 1, retain)

    def heard_of(self, topic: str) -> list[bytes]:
        """Give what came on a topic."""
        return [payload for found, payload in self.heard if found == topic]

    def leave(self) -> None:
        """Disconnect as one should, and let go of the client, which closes its sockets only when nobody knows it."""
        self.mqtt.disconnect()
        self.mqtt.loop_stop()
        self.mqtt.on_connect = self.mqtt.on_disconnect = self.mqtt.on_message = self.mqtt.on_subscribe = None

    def break_off(self) -> None:
        """Lose the connection, so that the broker speaks the last will."""
        opened = self.mqtt.socket()
        assert isinstance(opened, ssl.SSLSocket)
        opened.shutdown(2)
        self.mqtt.loop_stop()

    def _on_connect(self, _: mqtt.Client, __: object, ___: mqtt.ConnectFlags, code: ReasonCode, ____: object) -> None:
        self.answers.append(not code.is_failure)

    def _on_disconnect(self, *_: object) -> None:
        self.lost += 1

    def _on_message(self, _: mqtt.Client, __: object, message: mqtt.MQTTMessage) -> None:
        self.heard.append((message.topic, bytes(message.payload)))

    def _on_subscribe(self, _: mqtt.Client, __: object, ___: int, codes: list[ReasonCode], ____: object) -> None:
        self.granted.append(not codes[0].is_failure)


@dataclass
class House:
    """One hub and its running broker."""

    kind: str
    directory: Path
    site_port: int
    hub_port: int
    web_port: int
    processes: Processes
    broker: list[str]
    clients: list[Client] = field(default_factory=list)

    @property
    def config(self) -> str:
        """Name the hub's settings."""
        return str(self.directory / "hub" / "hub.yaml")

    @property
    def ca_file(self) -> Path:
        """Name what sites trust."""
        return self.directory / "hub" / "authority" / "ca.pem"

    def run(self, *command: str) -> int:
        """Run one of the hub's commands."""
        return main(["--config", self.config, *command])

    def enrol(self, site: str, shard: int = 3, *more: str) -> str:
        """Enrol a site by command; gives its secret."""
        folder = self.directory / site
        folder.mkdir(exist_ok=True)
        text = SITE.format(site=site, shard=shard, folder=folder, port=self.site_port)
        (folder / "site.yaml").write_text(text, "utf-8")
        bundle = folder / ("again" if more else "bundle")
        assert self.run("site", "add", str(folder / "site.yaml"), "--bundle", str(bundle), *more) == 0
        return (bundle / "broker-secret").read_text("ascii").strip()

    def client(self, username: str | None, secret: str | None, **more: object) -> Client:
        """Make a client of the sites' side."""
        return self._client(Client(self.site_port, self.ca_file, username, secret, **more))  # type: ignore[arg-type]

    def site(self, site: str, secret: str, shard: int = 3) -> Client:
        """Let a site in, which listens to all that is its own."""
        client = self.client(site, secret)
        assert client.enter()
        for channel in (Channel.ACK, Channel.CMD):
            assert client.subscribe(Address(shard, site).topic(channel))
        return client

    def hub(self) -> Client:
        """Let the hub in, which listens to all sites."""
        secret = (self.directory / "hub" / "hub-secret").read_text("ascii").strip()
        client = self._client(Client(self.hub_port, self.ca_file, "hub", secret))
        assert client.enter()
        assert all(client.subscribe(topic) for topic in hub_filters())
        return client

    def leave(self) -> None:
        """Have every client leave."""
        for client in self.clients:
            client.leave()
        self.clients.clear()

    def _client(self, client: Client) -> Client:
        self.clients.append(client)
        return client


@contextmanager
def house(kind: str, directory: Path, managed: str = "") -> Iterator[House]:
    """Set a hub up by `kayasol-hub init`, perhaps with another line about its managed broker, and start that broker."""
    directory.chmod(0o755)
    site_port, hub_port, web_port = free_port(), free_port(), free_port()
    given = {
        "name": "Kaya", "hosts": ["localhost"], "broker": kind, "pages": "own", "address": "127.0.0.1",
        "tcp_port": site_port, "hub_port": hub_port, "web_port": web_port,
    }  # fmt: skip
    (directory / "answers.yaml").write_text(json.dumps(given), "utf-8")
    assert main(["init", str(directory / "hub"), "--answers", str(directory / "answers.yaml")]) == 0
    if managed:
        config = directory / "hub" / "hub.yaml"
        config.write_text(config.read_text("utf-8").replace("  managed:\n", f"  managed:\n    {managed}\n"), "utf-8")
        assert main(["--config", str(config), "broker", "apply", "--no-reload"]) == 0
    with Processes(directory) as processes:
        command = _command(kind, directory)
        processes.start("broker", command)
        wait_for_port(site_port, processes)
        at_hub = hub_port if kind == "mosquitto" else site_port
        around = House(kind, directory, site_port, at_hub, web_port, processes, command)
        try:
            yield around
        finally:
            around.leave()


def _command(kind: str, directory: Path) -> list[str]:
    folder = directory / "hub" / "broker"
    if kind == "nats":
        return [str(nats_server()), "-c", str(folder / "nats.conf")]
    # As Debian's own file does, around ours. Started as root, Mosquitto would drop to a user that may not read these.
    lines = ["user root"] if os.geteuid() == 0 else []
    lines += [
        f"pid_file {folder.parent}/store/broker.pid",
        f"persistence_location {directory}/",
        f"include_dir {folder}",
        "",
    ]
    (directory / "mosquitto.conf").write_text("\n".join(lines), "utf-8")
    return [str(mosquitto()), "-c", str(directory / "mosquitto.conf")]
