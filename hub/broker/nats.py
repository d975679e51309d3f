"""The configuration of nats-server as an MQTT broker: one file. Pure.

An MQTT topic `a/b` is NATS's subject `a.b`, and `+` is `*`. MQTT sessions need JetStream; their own subjects
(`$MQTT.>`) need no permission, for the server uses them on a client's behalf and lets no client name them.
"""

from __future__ import annotations

import json
from collections.abc import Iterable

from hub.broker.door import (
    CERTIFICATE,
    HANDSHAKE_S,
    IN_FLIGHT_MAX,
    PACKET_MAX_BYTES,
    Door,
    Login,
)
from protocol.topics import FROM_SITE, SHARDS

CONFIGURATION = "nats.conf"
EVERYWHERE = "0.0.0.0"  # noqa: S104  sites come from everywhere
SUBSCRIPTIONS_MAX = 4 * SHARDS * len(FROM_SITE)
"""Of one connection: a hub that takes some shards subscribes to each channel of each, and a QoS 1 subscription counts
for more than one."""


def files(door: Door) -> dict[str, str]:
    """Lay out the one file by its name."""
    return {CONFIGURATION: _configuration(door)}


def subject(topic: str) -> str:
    """Name a topic filter as NATS does; our topics have no dots, spaces or `#`."""
    return topic.replace("/", ".").replace("+", "*")


def _configuration(door: Door) -> str:
    pem = _text(f"{door.directory}/{CERTIFICATE}")
    pid_file = "" if door.pid_file is None else f"pid_file: {_text(door.pid_file)}\n"
    users = ",\n".join(f"    {_user(login)}" for login in door.logins)
    return f"""\
# Written by kayasol-hub: change hub.yaml, then `kayasol-hub broker apply` writes this anew.
server_name: kayasol-hub
# NATS's own protocol cannot be switched off. It is on a loopback port that nobody knows, and no user may use it.
host: 127.0.0.1
port: -1
{pid_file}
# What one of them may cost the rest.
max_payload: {PACKET_MAX_BYTES}
max_connections: {door.connections_max}
max_subscriptions: {SUBSCRIPTIONS_MAX}

# Delivery rests on the hub's own acks. What waits here is what the hub did not come round to yet. With a full store
# nobody can enter, so it must empty itself when the hub goes: the hub's session is clean, and none outlives the hour.
jetstream {{
  store_dir: {_text(door.store)}
  max_file_store: {door.queue_bytes}
  max_memory_store: 16000000
  sync_interval: always
}}

mqtt {{
  host: {_text(door.address or EVERYWHERE)}
  port: {door.site_port}
  tls {{ cert_file: {pem}, key_file: {pem}, min_version: "1.2", timeout: {HANDSHAKE_S} }}
  max_ack_pending: {IN_FLIGHT_MAX}
  consumer_inactive_threshold: "1h"
}}

authorization {{
  timeout: {HANDSHAKE_S}
  users: [
{users}
  ]
}}
"""


def _user(login: Login) -> str:
    publish, subscribe = _allowed(login.write), _allowed(login.read)
    return (
        f"{{user: {_text(login.name)}, password: {_text(login.hashes.nats)}, "
        f'allowed_connection_types: ["MQTT"], permissions: {{publish: {publish}, subscribe: {subscribe}}}}}'
    )


def _allowed(topics: Iterable[str]) -> str:
    subjects = [subject(topic) for topic in topics]
    return f"{{allow: {json.dumps(subjects)}}}" if subjects else '{deny: [">"]}'


def _text(value: str) -> str:
    return json.dumps(value)
