"""Real processes for tests: a broker with TLS, the hub, a village on a real serial line, the edge."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from secrets import token_urlsafe
from threading import Event, Thread
from typing import Any

from bench.world import certificate
from demo.broker import nats_server
from demo.processes import Processes, free_port, wait_for_page, wait_for_port
from edge import settings as site_settings
from edge.settings import Settings
from edge.simulator.live import Live
from edge.simulator.village import Village, school
from firmware_config import board_text, profile_text

SITE = """\
site: {{id: ecole-sys, name: École du système, kind: school, commune: Kaya, shard: 2}}
devices:
  controller:
    profile: epever-tracer
    connection: {{port: {directory}/controller}}
    poll_interval_s: 1
kiosk: {{board: kiosk-8, sample_interval_s: 0.05, debounce_s: 0.2}}
lights: {{from: gpio}}
uplink: {{host: 127.0.0.1, tcp_port: {tls_port}, ca_file: {ca_file}, batch_interval_s: 1, ack_timeout_s: 3}}
outbox: {{directory: {directory}/outbox, commit_interval_s: 1}}
"""


@dataclass
class World:
    """One site and its hub, all real."""

    directory: Path
    processes: Processes
    settings: Settings
    village: Village
    url: str
    token: str
    """Of an administrator."""

    pins: Path

    def get(self, path: str) -> Any:  # noqa: ANN401  JSON
        """Ask the API."""
        request = urllib.request.Request(f"{self.url}{path}", headers={"Authorization": f"Bearer {self.token}"})  # noqa: S310  our own hub
        with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310  likewise
            return json.load(answer)

    def start_edge(self) -> None:
        """Start the agent."""
        command = ["-m", "edge", "--site", f"{self.directory}/site.yaml", "run", "--mock-pins", str(self.pins)]
        self.processes.start("edge", [sys.executable, *command])


def eventually(what: Callable[[], object], patience_s: float = 25) -> None:
    """Return when `what` holds; fails with what it said last."""
    deadline = time.monotonic() + patience_s  # noqa: TID251  real processes take real time
    answer: object = None
    while time.monotonic() < deadline:  # noqa: TID251
        answer = what()
        if answer:
            return
        time.sleep(0.1)
    raise AssertionError(f"still {answer!r} after {patience_s} s")


@contextmanager
def world(kind: str, directory: Path) -> Iterator[World]:
    """Run broker, hub, village and serial line; the edge is started by the test."""
    directory.chmod(0o755)
    ca_file = certificate(directory)
    tls_port, plain_port, web_port = free_port(), free_port(), free_port()
    text = SITE.format(directory=directory, tls_port=tls_port, ca_file=ca_file)
    (directory / "site.yaml").write_text(text, "utf-8")
    (directory / "hub.yaml").write_text(
        f"database: sqlite:///{directory}/ledger.db\n"
        f"broker: {{tcp_port: {tls_port}, tls: true, ca_file: {ca_file}}}\nweb: {{tcp_port: {web_port}}}\n",
        "utf-8",
    )
    settings = site_settings.parse(text, "site.yaml", profile_text=profile_text, board_text=board_text)
    now = datetime.now(UTC)  # noqa: TID251  the village lives on the wall clock
    village = Village(school(11, now.replace(second=0, microsecond=0) - timedelta(days=2)))
    stop = Event()
    with Processes(directory) as processes, Live(village, settings, lambda: datetime.now(UTC)) as live:  # noqa: TID251
        live.serve()
        processes.start("broker", _broker(kind, directory, tls_port, plain_port))
        wait_for_port(tls_port, processes)
        hub = [sys.executable, "-m", "hub", "--config", f"{directory}/hub.yaml"]
        assert processes.start("enrol", [*hub, "site", "add", f"{directory}/site.yaml"]).wait(30) == 0
        processes.running.pop()
        token = administrator(hub, directory)
        processes.start("hub", [*hub, "serve"])
        wait_for_page(f"http://127.0.0.1:{web_port}/readyz", processes)
        driver = Thread(target=live.drive_pins, args=(directory / "pins", stop))
        driver.start()
        try:
            url = f"http://127.0.0.1:{web_port}"
            yield World(directory, processes, settings, village, url, token, directory / "pins")
        finally:
            stop.set()
            driver.join()


def administrator(hub: list[str], directory: Path) -> str:
    """Make an account as the operator does, and a token for it."""
    (directory / "secret").write_text(token_urlsafe(), "utf-8")
    grant = ["--role", "administrator", "--in", "hub"]
    add = [*hub, "user", "add", "operator", *grant, "--secret-file", f"{directory}/secret"]
    subprocess.run(add, check=True, capture_output=True)  # noqa: S603  our own command
    made = subprocess.run([*hub, "user", "token", "operator", *grant], check=True, capture_output=True, text=True)  # noqa: S603
    return made.stdout.strip()


def _broker(kind: str, directory: Path, tls_port: int, plain_port: int) -> list[str]:
    config = directory / f"{kind}.conf"
    if kind == "nats":
        config.write_text(
            f"""\
server_name: test
host: 127.0.0.1
port: {plain_port}
jetstream {{ store_dir: "{directory}/jetstream", sync_interval: always }}
mqtt {{
  host: 127.0.0.1
  port: {tls_port}
  tls {{ cert_file: "{directory}/broker.crt", key_file: "{directory}/broker.key" }}
}}
""",
            "utf-8",
        )
        return [str(nats_server()), "-c", str(config)]
    config.write_text(
        f"""\
user root
allow_anonymous true
listener {tls_port} 127.0.0.1
certfile {directory}/broker.crt
keyfile {directory}/broker.key
""",
        "utf-8",
    )
    found = shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin:/usr/bin")
    assert found is not None
    return [found, "-c", str(config)]
