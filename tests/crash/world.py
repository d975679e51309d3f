"""The real processes of one site, each of which can be stopped, killed, stalled and started again, under load."""

from __future__ import annotations

import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from bench.world import certificate
from demo import broker
from demo.processes import Processes, free_port
from tests.crash.brokers import with_tls
from tests.crash.load import Load

SITE = """\
site: {{id: crash, name: Crash, kind: school, commune: Kaya, shard: 0}}
devices:
  controller:
    profile: epever-tracer
    connection: {modbus}
    poll_interval_s: 1
kiosk: {{board: kiosk-8, sample_interval_s: 0.05, debounce_s: 0.1}}
uplink: {{host: {host}, tcp_port: {mqtt}, {uplink}}}
outbox: {{directory: {outbox}, commit_interval_s: 1}}
system: {{poll_interval_s: 5, site_interval_s: 5}}
"""


# A mount of its own is not seen from outside, so a copy is taken inside, beside the writer.
_COPY = """\
import sqlite3, sys
source = sqlite3.connect(f"file:{sys.argv[1]}?mode=ro", uri=True, timeout=10)
source.backup(sqlite3.connect(sys.argv[2]))
"""


@dataclass(frozen=True)
class Place:
    """Where the processes of a site run and keep their files; `edge` and `hub` go before their commands."""

    directory: Path
    outbox: Path
    ledger: Path
    host: str = "127.0.0.1"
    tls: bool = False
    uplink: str = "batch_interval_s: 1, ack_timeout_s: 2"
    edge: Sequence[str] = ()
    hub: Sequence[str] = ()

    @classmethod
    def plain(cls, directory: Path) -> Place:
        """Keep everything in one directory, on loopback."""
        return cls(directory, directory / "outbox", directory)


@dataclass
class Site:
    """Broker, hub and edge; `told` keeps every log of every run of each."""

    place: Place
    processes: Processes
    commands: dict[str, list[str]] = field(default_factory=dict)
    running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    runs: Counter[str] = field(default_factory=Counter)

    def start(self, name: str) -> None:
        """Start one of the three."""
        self.runs[name] += 1
        self.running[name] = self.processes.start(f"{name}-{self.runs[name]}", self.commands[name])

    def end(self, name: str, number: int = signal.SIGKILL) -> int:
        """End one of the three by a signal; returns its exit code."""
        process = self.running.pop(name)
        process.send_signal(number)
        code = process.wait(30)
        self.forget(process)
        return code

    def start_again(self, name: str) -> None:
        """Start one of the three that has ended by itself, as systemd would."""
        self.forget(self.running.pop(name))
        self.start(name)

    def kill(self, name: str) -> None:
        """SIGKILL one of the three and start it again."""
        self.end(name)
        self.start(name)

    def reboot(self) -> None:
        """Cut the power of the Pi: the edge is gone at once, and starts in another boot."""
        self.end("edge")
        self.boot()

    def boot(self) -> None:
        """Start the edge in another boot."""
        command = self.commands["edge"]
        if "--powered-at" in command:
            del command[-2:]
        command += ["--powered-at", datetime.now(UTC).isoformat()]  # noqa: TID251  a boot of this very moment
        self.start("edge")

    def stall(self, name: str, seconds: float) -> None:
        """Let one of the three neither live nor die for a while."""
        self.running[name].send_signal(signal.SIGSTOP)
        time.sleep(seconds)
        self.running[name].send_signal(signal.SIGCONT)

    def lives(self, name: str) -> bool:
        """Say whether one of the three still runs."""
        return self.running[name].poll() is None

    def log(self, name: str) -> str:
        """Give what the present run of one of the three has logged."""
        return (self.place.directory / f"{name}-{self.runs[name]}.log").read_text("utf-8", "replace")

    def forget(self, process: subprocess.Popen[bytes]) -> None:
        """Let a process have ended."""
        self.processes.running[:] = [pair for pair in self.processes.running if pair[1] is not process]

    def run(self, name: str, command: Sequence[str]) -> int:
        """Run a command to its end; returns its exit code."""
        process = self.processes.start(name, command)
        code = process.wait(60)
        self.forget(process)
        return code

    def outbox(self) -> Path:
        """Copy the outbox as it is now, and name the copy."""
        return self._copy(self.place.edge, self.place.outbox / "outbox.db")

    def ledger(self) -> Path:
        """Copy the ledger as it is now, and name the copy."""
        return self._copy(self.place.hub, self.place.ledger / "ledger.db")

    def _copy(self, inside: Sequence[str], source: Path) -> Path:
        copy = self.place.directory / f"{source.name}.copy"
        copy.unlink(missing_ok=True)
        command = [*inside, sys.executable, "-c", _COPY, str(source), str(copy)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
        assert done.returncode == 0, done.stderr
        return copy


@contextmanager
def site_of(kind: str, place: Place, load: Load) -> Iterator[Site]:
    """Run a site: first the broker and the hub, then the edge."""
    mqtt, client = free_port(), free_port()
    place.directory.chmod(0o755)
    uplink = "tls: false"
    if place.tls:
        uplink = f"ca_file: {certificate(place.directory, place.host)}"
        serve = with_tls(kind, place.directory, place.host, mqtt, client)
    else:
        serve = broker.command(kind, place.directory / "broker", mqtt, client)
    text = SITE.format(
        modbus=load.connection(), host=place.host, mqtt=mqtt, outbox=place.outbox, uplink=f"{uplink}, {place.uplink}"
    )
    (place.directory / "site.yaml").write_text(text, "utf-8")
    trust = f", tls: true, ca_file: {place.directory}/broker.crt" if place.tls else ""
    (place.directory / "hub.yaml").write_text(
        f"database: sqlite:///{place.ledger}/ledger.db\nbroker: {{host: {place.host}, tcp_port: {mqtt}{trust}}}\n",
        "utf-8",
    )
    hub = [*place.hub, sys.executable, "-m", "hub", "--config", f"{place.directory}/hub.yaml"]
    edge = [*place.edge, sys.executable, "-m", "edge", "--site", f"{place.directory}/site.yaml"]
    with Processes(place.directory) as processes:
        site = Site(place, processes)
        site.commands = {
            "broker": [*place.hub, *serve],
            "hub": [*hub, "ingest"],
            "edge": [*edge, "run", "--mock-pins", f"{place.directory}/pins"],
        }
        site.start("broker")
        assert site.run("enrol", [*hub, "site", "add", f"{place.directory}/site.yaml"]) == 0
        site.start("hub")
        until(lambda: "connected to the broker" in site.log("hub"), "the hub does not reach its broker")
        site.start("edge")
        until_agent_runs(site)
        yield site


@contextmanager
def loaded(load: Load) -> Iterator[Load]:
    """Close a load when done."""
    try:
        yield load
    finally:
        load.close()


def until(what: Callable[[], object], complaint: str, patience_s: float = 60) -> None:
    """Return when `what` holds; else fail with the complaint."""
    deadline = time.monotonic() + patience_s  # noqa: TID251  real processes take real time
    while not what():
        assert time.monotonic() < deadline, complaint  # noqa: TID251
        time.sleep(0.1)


def until_agent_runs(site: Site) -> None:
    """Return when the edge's present run has its outbox and looks around."""
    until(lambda: " runs, " in site.log("edge"), "the agent does not come up", 30)


def until_drained(site: Site, patience_s: float = 90) -> None:
    """Return when the hub has acknowledged every row that waited."""

    def waiting() -> int:
        with closing(sqlite3.connect(site.outbox())) as db:
            return int(db.execute("SELECT count(*) FROM rows").fetchone()[0])

    until(lambda: waiting() == 0, "rows still wait in the outbox", patience_s)


def archived_bytes(site: Site) -> int:
    """Sum up the payloads that the hub has kept, each row once."""
    with closing(sqlite3.connect(site.ledger())) as db:
        return int(db.execute("SELECT coalesce(sum(length(payload)), 0) FROM archive").fetchone()[0])
