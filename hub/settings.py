"""Settings of one hub process: `hub.yaml` as a frozen value. Pure; an empty file is a hub on one machine."""

from __future__ import annotations

from dataclasses import dataclass

from firmware_config import load
from protocol.topics import SHARDS


@dataclass(frozen=True, slots=True)
class BrokerSettings:
    """Where the broker is and who the hub is to it."""

    host: str
    tcp_port: int
    tls: bool
    ca_file: str | None
    username: str
    password_file: str | None


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that is particular to one hub process."""

    database: str
    broker: BrokerSettings
    web_host: str
    web_port: int
    public_url: str
    """Where people reach the pages; empty when only this machine does."""

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
        database=data.get("database", "sqlite:////var/lib/kayasol-hub/ledger.db"),
        broker=BrokerSettings(
            host=broker.get("host", "127.0.0.1"),
            tcp_port=broker.get("tcp_port", 1883),
            tls=broker.get("tls", False),
            ca_file=broker.get("ca_file"),
            username=broker.get("username", "hub"),
            password_file=broker.get("password_file"),
        ),
        web_host=web.get("host", "127.0.0.1"),
        web_port=web.get("tcp_port", 8080),
        public_url=web.get("public_url", "").rstrip("/"),
        shards=range(first, last + 1),
    )
