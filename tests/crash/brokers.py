"""A broker with TLS at an address that a test chooses; without TLS, the demo's serve."""

from __future__ import annotations

from pathlib import Path

from demo.broker import mosquitto, nats_server


def with_tls(kind: str, directory: Path, host: str, tls_port: int, client_port: int) -> list[str]:
    """Write the configuration of a broker whose certificate is in this directory, and say how to start it."""
    config = directory / f"{kind}.conf"
    if kind == "nats":
        config.write_text(
            f"""\
server_name: kayasol-crash
host: 127.0.0.1
port: {client_port}
jetstream {{ store_dir: "{directory}/jetstream", sync_interval: always }}
mqtt {{
  host: {host}
  port: {tls_port}
  max_ack_pending: 200
  tls {{ cert_file: "{directory}/broker.crt", key_file: "{directory}/broker.key" }}
}}
""",
            "utf-8",
        )
        return [str(nats_server()), "-c", str(config)]
    config.write_text(
        f"""\
user root
listener {tls_port} {host}
certfile {directory}/broker.crt
keyfile {directory}/broker.key
allow_anonymous true
persistence true
persistence_location {directory}/
max_queued_messages 0
""",
        "utf-8",
    )
    return [str(mosquitto()), "-c", str(config)]
