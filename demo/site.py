"""One simulated site as a process: its months pass in seconds, then it goes on live beside a real `kayasol-edge`.

Speaks to the demo over stdout, one JSON object a line: progress from 0 to 1, then `live`.
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
import time
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import BinaryIO

from demo.sites import SITES, DemoSite
from edge import settings as site_settings
from edge.agent import Agent
from edge.clock import Instant
from edge.io.mqtt import MqttLink
from edge.settings import Settings
from edge.simulator.live import Live
from edge.simulator.truth import Truth
from edge.simulator.village import Village
from edge.simulator.virtual import VirtualSite
from edge.wiring import open_outbox
from firmware_config import board_text, profile_text
from protocol.topics import Address

PAUSE = timedelta(hours=12)
BACKLOG_ROWS = 2000
"""How far the simulated months may run ahead of the hub."""


def main(arguments: list[str]) -> int:
    """Run the site: `python -m demo.site SITE FOLDER DAYS`."""
    site = next(demo_site for demo_site in SITES if demo_site.site == arguments[0])
    directory, days = Path(arguments[1]), int(arguments[2])
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    until = _now().replace(second=0, microsecond=0)
    village = Village(site.spec(until - timedelta(days=days)))
    powered_at = until
    if days:
        history = _settings(directory / "history.yaml")
        link = MqttLink(history.uplink, Address(history.shard, history.site), _epoch(history))
        powered_at = fill(village, history, link, until, stop)
        link.close()
    (directory / "truth.json").write_text(json.dumps(truth_json(village.truth(until))), "utf-8")
    if not stop.is_set():
        _live(site, village, directory, stop, powered_at)
    return 0


def fill(village: Village, settings: Settings, link: MqttLink, until: datetime, stop: threading.Event) -> datetime:
    """Live through the past: real agent, real outbox, real broker and hub; only the time is simulated.

    Returns when the Pi's present boot began, so that it can go on without a reboot.
    """
    began = village.spec.start

    def deliver(agent: Agent, now: Instant) -> None:
        rows_left = BACKLOG_ROWS if now.utc < until else 0
        while not stop.is_set():
            agent.deliver(now, network_s=time.monotonic())  # noqa: TID251  the network's own clock
            if agent.waiting() <= rows_left:
                break
            time.sleep(0.005)
        _say(progress=(now.utc - began) / (until - began))

    virtual = VirtualSite(village, settings, link)
    virtual.run(until, deliver, PAUSE)
    return virtual.powered_at


def truth_json(truth: Truth) -> dict[str, object]:
    """Lay the truth out for JSON."""
    plain = asdict(truth)
    plain["lit_minutes"] = {day.isoformat(): minutes for day, minutes in truth.lit_minutes.items()}
    return dict(json.loads(json.dumps(plain, default=lambda at: at.isoformat())))


def _live(site: DemoSite, village: Village, directory: Path, stop: threading.Event, powered_at: datetime) -> None:
    """Serve the village on the wall clock, with a real agent beside it for as long as its Pi has power."""
    settings = _settings(directory / "site.yaml")
    with Live(village, settings, _now) as live, (directory / "edge.log").open("ab") as log:
        live.serve()
        driver = threading.Thread(target=live.drive_pins, args=(directory / "pins", stop), name="pins")
        driver.start()
        _say(live=site.site)
        edge: subprocess.Popen[bytes] | None = None
        while not stop.wait(0.5):
            powered = live.pi_powered()
            if edge is not None and edge.poll() is not None:
                edge = None  # it is started again, as systemd would
            if edge is None and powered:
                edge = _start_edge(directory, powered_at, log)
            elif edge is not None and not powered:
                edge.kill()
                edge.wait()
                edge = None
            if not powered:
                powered_at = _now()
        if edge is not None:
            edge.terminate()
            edge.wait(timeout=15)
        driver.join()


def _start_edge(directory: Path, powered_at: datetime, log: BinaryIO) -> subprocess.Popen[bytes]:
    simulated = ["--mock-pins", str(directory / "pins"), "--powered-at", powered_at.isoformat()]
    command = [sys.executable, "-m", "edge", "--site", str(directory / "site.yaml"), "run", *simulated]
    return subprocess.Popen(command, stderr=log)  # noqa: S603  our own command


def _epoch(settings: Settings) -> int:
    outbox = open_outbox(settings)
    outbox.close()
    return outbox.epoch


def _settings(path: Path) -> Settings:
    return site_settings.parse(path.read_text("utf-8"), str(path), profile_text=profile_text, board_text=board_text)


def _say(**what: object) -> None:
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


def _now() -> datetime:
    return datetime.now(UTC)  # noqa: TID251  the simulated village lives on the wall clock


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
