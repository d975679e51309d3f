"""Memory and CPU of the real agent at 21 values every 10 s, beside a 25-line pymodbus and paho script.

Both read a simulated controller and publish to the same Mosquitto in the same run: the agent over a serial line (a
pseudo-terminal), as on most sites, the script over Modbus TCP. The agent also samples eight charging slots through
gpiozero (mock pins at rest), keeps everything in its outbox and waits for the hub's acks. It sends a batch a minute
here, where it would send one in fifteen: more work than on site, not less.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.figures import figure, table
from bench.wire import SITE
from bench.world import World, world
from demo.processes import free_port, wait_for_port

TARGET_MB = 45
TARGET_CPU_S_AN_HOUR = 5
WARM_UP_S = 30


@dataclass(frozen=True, slots=True)
class Reading:
    """What one process used."""

    rss_mb: float
    pss_mb: float
    cpu_s_an_hour: float
    threads: int


def main(argv: Sequence[str] | None = None) -> int:
    """Measure for some minutes and print both."""
    parser = argparse.ArgumentParser(prog="python -m bench.agent", description=__doc__)
    parser.add_argument("--seconds", type=int, default=180)
    seconds = parser.parse_args(argv).seconds
    with world() as around:
        pids = _start(around)
        time.sleep(WARM_UP_S)
        before = {name: _cpu_s(pid) for name, pid in pids.items()}
        time.sleep(seconds)
        readings = {name: _reading(pid, _cpu_s(pid) - before[name], seconds) for name, pid in pids.items()}
        around.processes.check()
    print(f"21 values every 10 s for {seconds} s, after {WARM_UP_S} s to settle\n")
    rows = [
        [name, f"{r.rss_mb:.1f}", f"{r.pss_mb:.1f}", f"{r.cpu_s_an_hour:.1f}", str(r.threads)]
        for name, r in readings.items()
    ]
    print(table(["process", "RSS MB", "PSS MB", "CPU s/h", "threads"], rows))
    agent = readings["kayasol-edge"]
    print()
    print(figure("resident", agent.rss_mb, "MB", TARGET_MB))
    print(figure("cpu", agent.cpu_s_an_hour, "s/h", TARGET_CPU_S_AN_HOUR))
    return 0 if agent.rss_mb <= TARGET_MB and agent.cpu_s_an_hour <= TARGET_CPU_S_AN_HOUR else 1


def _start(around: World) -> dict[str, int]:
    os.environ["GPIOZERO_PIN_FACTORY"] = "mock"
    line, modbus_port = around.directory / "line", free_port()
    text = SITE.format(port=around.tls_port, ca_file=around.ca_file, directory=around.directory, profile="default")
    text = text.replace("{host: 127.0.0.1}", f"{{port: {line}}}\n    poll_interval_s: 10")
    text = text.replace("profile: default}", "profile: default, batch_interval_s: 60}")
    site = around.directory / "site.yaml"
    site.write_text(text, "utf-8")
    around.enrol(site)
    around.start_hub()
    start = around.processes.start
    python = sys.executable
    serve = [python, "-m", "edge.simulator", "serve", "--seed", "7", "--past-days", "2"]
    start("village", [*serve, "--site", str(site)])
    start("village on TCP", [*serve, "--profile", "epever-tracer", "--tcp-port", str(modbus_port)])
    wait_for_port(modbus_port, around.processes)
    while not line.exists():
        time.sleep(0.1)
    baseline = str(Path(__file__).with_name("baseline.py"))
    return {
        "25-line script": start("baseline", [python, baseline, str(modbus_port), str(around.plain_port)]).pid,
        "kayasol-edge": start("edge", [python, "-m", "edge", "--site", str(site), "run"]).pid,
    }


def _reading(pid: int, cpu_s: float, seconds: float) -> Reading:
    memory = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/smaps_rollup").read_text("ascii").splitlines()[1:])
    rss_mb, pss_mb = (int(memory[key].split()[0]) * 1024 / 1e6 for key in ("Rss", "Pss"))
    return Reading(rss_mb, pss_mb, cpu_s * 3600 / seconds, len(_tasks(pid)))


def _cpu_s(pid: int) -> float:
    """Read the scheduler's own account of all threads: finer than the ticks of utime and stime."""
    return sum(int(task.joinpath("schedstat").read_text("ascii").split()[0]) for task in _tasks(pid)) / 1e9


def _tasks(pid: int) -> list[Path]:
    return list(Path(f"/proc/{pid}/task").iterdir())


if __name__ == "__main__":
    raise SystemExit(main())
