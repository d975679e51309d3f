"""The main job on real processes: serial line, GPIO, TLS, broker, hub, API."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from demo.processes import free_port
from edge.captures import Captures
from tests.system.world import SITE, World, eventually, world


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run one of our commands to its end."""
    return subprocess.run([sys.executable, "-m", *arguments], capture_output=True, text=True, check=False, timeout=60)  # noqa: S603


@pytest.mark.timeout(180)
@pytest.mark.parametrize("kind", ["nats", "mosquitto"])
def test_a_value_goes_all_the_way(kind: str, tmp_path: Path) -> None:
    """What the simulated controller measures and the slots show is what the API says, over RTU and TLS."""
    with world(kind, tmp_path) as around:
        around.start_edge()
        wanted = {"battery_voltage_v", "generated_total_kwh"}
        eventually(lambda: wanted <= {value["metric"] for value in around.get("/api/v1/sites/ecole-sys/latest")})
        latest = {value["metric"]: value for value in around.get("/api/v1/sites/ecole-sys/latest")}
        truth = around.village.readings(datetime.now(UTC))  # noqa: TID251
        assert latest["battery_voltage_v"]["value"] == pytest.approx(truth["battery_voltage_v"], abs=0.3)
        assert latest["generated_total_kwh"]["value"] == pytest.approx(truth["generated_total_kwh"], abs=0.02)
        site = around.get("/api/v1/sites/ecole-sys")
        present = {slot for slot, taken in around.village.levels(datetime.now(UTC)).items() if taken}  # noqa: TID251
        assert (site["freshness"], site["connected"]) == ("current", True)
        assert set(site["slots_occupied"]) == present
        _stops_and_resumes(around)


def _stops_and_resumes(around: World) -> None:
    """Stop the edge cleanly and start it again: nothing is lost, and charges go on."""
    name, edge = around.processes.running.pop()
    edge.send_signal(signal.SIGTERM)
    assert (name, edge.wait(20)) == ("edge", 0)
    eventually(lambda: around.get("/api/v1/sites/ecole-sys")["connected"] is False)
    around.start_edge()
    eventually(lambda: around.get("/api/v1/sites/ecole-sys")["connected"])
    eventually(lambda: around.get("/api/v1/sites/ecole-sys/loss")["missing"] == 0)
    end = datetime.now(UTC) + timedelta(minutes=1)  # noqa: TID251
    start = (end - timedelta(hours=1)).isoformat().replace("+00:00", "Z")
    period = f"start={start}&end={end.isoformat().replace('+00:00', 'Z')}"
    answer = around.get(f"/api/v1/sites/ecole-sys/sessions?{period}")
    assert all(session["end_reason"] in (None, "unplugged") for session in answer["sessions"])


@pytest.mark.timeout(120)
def test_the_technicians_commands_work_beside_the_agent(tmp_path: Path) -> None:
    """check, dump, status and export say what is there while the agent runs."""
    with world("mosquitto", tmp_path) as around:
        site = f"{tmp_path}/site.yaml"
        checked = run("edge", "--site", site, "check")
        assert checked.returncode == 0
        assert "EPEVER Tracer" in checked.stdout
        assert "22 values in 5 requests every 1 s, 26 ratings and set points once a day" in checked.stdout
        head, *dumped = [json.loads(line) for line in run("edge", "--site", site, "dump").stdout.splitlines()]
        assert head["device"] == "EPEVER Tracer A, AN, BN, XTRA, Triron"
        told = {metric: value for line in dumped for metric, value in line["expect"].items()}
        profile = around.settings.devices[0].profile
        assert {quantity.metric for quantity in profile.all} <= told.keys()
        assert 10 < told["battery_voltage_v"] < 16
        # A dump is a test case as it stands.
        again = Captures(profile)
        assert all({one.name: one.value for one in again.told(line)} == line["expect"] for line in dumped)
        around.start_edge()
        eventually((tmp_path / "outbox" / "status.json").exists)
        eventually(lambda: "read" in run("edge", "--site", site, "status").stdout)
        status = json.loads(run("edge", "--site", site, "status", "--json").stdout)
        assert set(status) == {"time", "uptime_s", "outbox", "hub", "link", "slots", "devices", "enrolment"}
        exported = run("edge", "--site", site, "export", "--to", str(tmp_path / "stick"))
        assert exported.returncode == 0
        assert "rows in" in exported.stdout or "the hub has everything" in exported.stdout


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (("shard: 2", "shard: 99"), "site.shard"),
        (("epever-tracer", "epever-tracker"), "there is no device profile 'epever-tracker'"),
        (("devices:", "device:"), "unknown key"),
    ],
)
def test_a_broken_site_file_ends_in_a_sentence(change: tuple[str, str], words: str, tmp_path: Path) -> None:
    """Exit code 2, the file, the line and the key; no traceback."""
    text = SITE.format(directory=tmp_path, tls_port=1, ca_file="ca.crt").replace(*change)
    (tmp_path / "site.yaml").write_text(text, "utf-8")
    done = run("edge", "--site", f"{tmp_path}/site.yaml", "check")
    assert (done.returncode, "Traceback" in done.stderr) == (2, False)
    assert words in done.stderr
    assert "site.yaml line" in done.stderr


def test_a_taken_port_ends_in_a_sentence(tmp_path: Path) -> None:
    """The hub says which port and which key."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        config = tmp_path / "hub.yaml"
        config.write_text(
            f"database: sqlite:///{tmp_path}/ledger.db\n"
            f"broker: {{tcp_port: {free_port()}}}\nweb: {{tcp_port: {port}}}\n",
            "utf-8",
        )
        done = run("hub", "--config", str(config), "serve")
    assert (done.returncode, "Traceback" in done.stderr) == (2, False)
    assert "web.tcp_port" in done.stderr
    assert str(port) in done.stderr
