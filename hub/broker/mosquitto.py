"""Mosquitto's files: its part of the configuration, passwords and access rules. Pure.

Written for 2.0.11 as Debian 12 has it. The configuration is a part for `conf.d`: what a system's own `mosquitto.conf`
says (where it logs, where it keeps its file) must not stand twice.
"""

from __future__ import annotations

from hub.broker.door import (
    CERTIFICATE,
    FORGET_AFTER_DAYS,
    IN_FLIGHT_MAX,
    KEEPALIVE_MAX_S,
    PACKET_MAX_BYTES,
    WAITING_MAX,
    Door,
    Login,
)

CONFIGURATION, PASSWORDS, RULES = "mosquitto.conf", "passwords", "rules"
_HEAD = "# Written by kayasol-hub: change hub.yaml, then `kayasol-hub broker apply` writes this anew.\n"


def files(door: Door) -> dict[str, str]:
    """Lay out every file by its name."""
    return {
        CONFIGURATION: _configuration(door),
        PASSWORDS: "".join(f"{login.name}:{login.hashes.mosquitto}\n" for login in door.logins),
        RULES: _HEAD + "".join(_rules(login) for login in door.logins if login.write or login.read),
    }


def _configuration(door: Door) -> str:
    return f"""\
{_HEAD}per_listener_settings false
allow_anonymous false
password_file {door.directory}/{PASSWORDS}
acl_file {door.directory}/{RULES}

# What one of them may cost the rest. Mosquitto of Debian 12 holds only MQTT 5 clients to max_keepalive.
max_packet_size {PACKET_MAX_BYTES}
max_keepalive {KEEPALIVE_MAX_S}
max_inflight_messages {IN_FLIGHT_MAX}
# Delivery rests on the hub's own acks. A queue only saves bytes while the hub restarts, so it is bounded.
max_queued_messages {WAITING_MAX}
max_queued_bytes {door.queue_bytes}
persistence true
autosave_interval 60
persistent_client_expiration {FORGET_AFTER_DAYS}d

# The sites. Each has one connection and one session, its own: a client id is what its user name says.
listener {door.site_port}{"" if door.address is None else f" {door.address}"}
{_tls(door)}max_connections {door.connections_max}
use_username_as_clientid true

# The hub, whose processes may be several.
listener {door.hub_port} 127.0.0.1
{_tls(door)}"""


def _tls(door: Door) -> str:
    pem = f"{door.directory}/{CERTIFICATE}"
    return f"certfile {pem}\nkeyfile {pem}\ntls_version tlsv1.2\n"


def _rules(login: Login) -> str:
    lines = [f"topic write {topic}" for topic in login.write] + [f"topic read {topic}" for topic in login.read]
    return "\n".join(["", f"user {login.name}", *lines, ""])
