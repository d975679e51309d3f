"""A stick, a backup and a lost ledger, on real processes: what the site had sent is in the hub again, once."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from demo.processes import wait_for_page
from tests.system.world import World, eventually, world


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run one of our commands to its end."""
    return subprocess.run([sys.executable, "-m", *arguments], capture_output=True, text=True, check=False, timeout=60)  # noqa: S603


def end(around: World, name: str) -> None:
    """Stop one process cleanly."""
    index = next(number for number, (running, _) in enumerate(around.processes.running) if running == name)
    _, process = around.processes.running.pop(index)
    process.send_signal(signal.SIGTERM)
    assert process.wait(30) == 0


@pytest.mark.timeout(180)
def test_a_hub_that_lost_its_ledger_gets_everything_back_by_stick(tmp_path: Path) -> None:
    """Backup and import work beside the running hub, restore waits until it is stopped, and no row counts twice."""
    hub = ("hub", "--config", f"{tmp_path}/hub.yaml")
    edge = ("edge", "--site", f"{tmp_path}/site.yaml")
    with world("nats", tmp_path) as around:
        first = run(*hub, "backup", "--to", f"{tmp_path}/copy.db")
        assert (first.returncode, "1 site, 0 rows" in first.stdout) == (0, True)
        around.start_edge()
        eventually(lambda: around.get("/api/v1/sites/ecole-sys/loss")["received"] > 5)
        end(around, "edge")
        eventually(lambda: around.get("/api/v1/sites/ecole-sys")["connected"] is False)
        received = around.get("/api/v1/sites/ecole-sys/loss")["received"]

        exported = run(*edge, "export", "--to", f"{tmp_path}/stick", "--all")
        assert exported.returncode == 0
        rows = int(re.findall(r": (\d+) rows in", exported.stdout)[0])
        assert rows >= received
        imported = run(*hub, "import", f"{tmp_path}/stick")
        assert imported.returncode == 0
        assert f"{rows} rows in" in imported.stdout
        assert around.get("/api/v1/sites/ecole-sys/loss")["received"] == rows

        refused = run(*hub, "restore", f"{tmp_path}/copy.db")
        assert refused.returncode == 2
        assert "is in use by a hub" in refused.stderr
        end(around, "hub")
        restored = run(*hub, "restore", f"{tmp_path}/copy.db")
        assert (restored.returncode, "1 site, 0 rows" in restored.stdout) == (0, True)
        around.processes.start("hub", [sys.executable, "-m", *hub, "serve"])
        wait_for_page(f"{around.url}/readyz", around.processes)
        assert around.get("/api/v1/sites/ecole-sys/loss")["received"] == 0
        for new in (f"{rows} new", "nothing new"):
            assert run(*hub, "import", f"{tmp_path}/stick").stdout.splitlines()[-1].endswith(new)
        loss = around.get("/api/v1/sites/ecole-sys/loss")
        assert (loss["received"], loss["missing"]) == (rows, 0)
        checked = run(*hub, "rebuild", "--check")
        assert (checked.returncode, "everything is as the archive says" in checked.stdout) == (0, True)
