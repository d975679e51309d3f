"""Settings of one hub process: `hub.yaml` as a frozen value. Pure; an empty file is a hub on one machine."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from firmware_config import Document, load
from protocol.topics import SHARDS


@dataclass(frozen=True, slots=True)
class ManagedBroker:
    """A broker whose files the hub writes, and how that broker is told."""

    kind: Literal["mosquitto", "nats"]
    directory: str
    owner: str | None
    address: str | None
    tcp_port: int
    program: str | None
    store: str
    reload: tuple[str, ...]
    pid_file: str | None
    connections_max: int
    queue_bytes: int
    hosts: tuple[str, ...]
    authority: str


@dataclass(frozen=True, slots=True)
class BrokerSettings:
    """Where the broker is and who the hub is to it."""

    host: str
    tcp_port: int
    tls: bool
    ca_file: str | None
    username: str
    password_file: str | None
    managed: ManagedBroker | None = None

    @property
    def keeps_session(self) -> bool:
        """Say whether the broker shall keep what comes while the hub is away; it only saves bytes.

        Not so nats-server: it would let nobody in once its store is full, not even the hub that empties it, and a
        session whose consumers it dropped stays deaf for good.
        """
        return self.managed is None or self.managed.kind != "nats"


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that is particular to one hub process."""

    name: str
    database: str
    broker: BrokerSettings
    web_host: str
    web_port: int
    public_url: str
    """Where people reach the pages; empty when only this machine does."""

    web_tls_file: str | None
    shards: range


def parse(text: str, origin: str) -> Settings:
    """Read `hub.yaml`; raises `ConfigError` naming file, line and key."""
    document = load(text, "hub", origin)
    data = document.data
    broker, web = data.get("broker", {}), data.get("web", {})
    first, last = data.get("shards", [0, SHARDS - 1])
    if first > last:
        document.refuse(("shards",), f"the first shard, {first}, is above the last, {last}")
    return Settings(
        name=data.get("name", "Kayasol"),
        database=data.get("database", "sqlite:////var/lib/kayasol-hub/ledger.db"),
        broker=BrokerSettings(
            host=broker.get("host", "127.0.0.1"),
            tcp_port=broker.get("tcp_port", 1883),
            tls=broker.get("tls", False),
            ca_file=broker.get("ca_file"),
            username=broker.get("username", "hub"),
            password_file=broker.get("password_file"),
            managed=_managed(document) if "managed" in broker else None,
        ),
        web_host=web.get("host", "127.0.0.1"),
        web_port=web.get("tcp_port", 8080),
        public_url=web.get("public_url", "").rstrip("/"),
        web_tls_file=web.get("tls_file"),
        shards=range(first, last + 1),
    )


def _managed(document: Document) -> ManagedBroker:
    data: dict[str, Any] = document.data
    line, path = data["broker"]["managed"], ("broker", "managed")
    for key in ("hosts", "authority"):
        if key not in data:
            document.refuse(path, f"needs {key}, beside broker")
    if not data["broker"].get("tls") or "ca_file" not in data["broker"] or "password_file" not in data["broker"]:
        document.refuse(path, "lets nobody in without TLS and a password: set broker.tls, ca_file and password_file")
    return ManagedBroker(
        kind=line["kind"],
        directory=line["directory"],
        owner=line.get("owner"),
        address=line.get("address"),
        tcp_port=line.get("tcp_port", 8883),
        program=line.get("program"),
        store=line.get("store", f"{line['directory']}/store"),
        reload=tuple(line.get("reload", ())),
        pid_file=line.get("pid_file"),
        connections_max=line.get("connections_max", 10_000),
        queue_bytes=line.get("queue_mb", 256) * 1_000_000,
        hosts=tuple(data["hosts"]),
        authority=data["authority"],
    )
