"""A disk that fills up under load, and is freed again: at the edge, and at the hub."""

from __future__ import annotations

import random
import signal
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path

import pytest

from protocol.ranges import holes, size, union, without
from tests.crash.account import assert_complete, assert_sound, line_of, read_ledger, read_outbox
from tests.crash.enclosure import Enclosure
from tests.crash.load import Load
from tests.crash.world import Place, Site, loaded, site_of, until, until_agent_runs, until_drained

NOT_WRITABLE = "outbox-not-writable"


def small_disk(enclosure: Enclosure, mount: Path, space: str) -> Path:
    """Mount a small disk where only the enclosure's processes see it; returns where the test does."""
    mount.mkdir()
    enclosure.run("mount", "-t", "tmpfs", "-o", f"size={space}", "tmpfs", mount)
    return enclosure.seen(mount)


def fill(disk: Path) -> Path:
    """Take a disk to the last byte; removing this file gives it all back."""
    hog = disk / "hog"
    with hog.open("ab", buffering=0) as file, suppress(OSError):
        while True:
            file.write(b"\0" * 4096)
    return hog


@pytest.mark.timeout(240)
def test_a_full_disk_at_the_edge_costs_only_telemetry_that_is_declared(
    tmp_path: Path, seed: int, chance: random.Random, tell: Callable[[str], None]
) -> None:
    """Slots are sampled, money is in the hub once, shed samples are declared, the alarm is raised and cleared."""
    with (
        Enclosure(["mount"]) as enclosure,
        loaded(Load(tmp_path / "pins", chance, calm=True)) as load,
    ):
        disk = small_disk(enclosure, tmp_path / "disk", "8m")
        place = Place(tmp_path, tmp_path / "disk", tmp_path, edge=enclosure.enter)
        with site_of("mosquitto", place, load) as site:
            site.end("hub")
            until(lambda: _samples(site) > 8, "the agent takes no samples")
            # Closed in order, the outbox has its backlog in the file and an empty log.
            site.end("edge", signal.SIGTERM)
            site.start("edge")
            until_agent_runs(site)
            time.sleep(2)  # the first look finds an empty kiosk
            load.open_kiosk()
            hog = fill(disk)
            until(lambda: site.log("edge").count("samples were given up") > 2, "nothing is given up")
            # When there is no telemetry left to make room with, everything waits in memory.
            until(lambda: site.log("edge").count("cannot be written") > 5, "the disk is never full")
            assert site.lives("edge")
            load.close_kiosk()
            time.sleep(1)
            hog.unlink()
            time.sleep(2)
            _dies_and_reboots_on_a_full_disk(site, disk)
            site.start("hub")
            until_drained(site)
        left, stored = read_outbox(site.outbox()), read_ledger(site.ledger())
    ours = stored[left.epoch]
    tell(line_of("edge, disk full", seed, left, stored, f"{load.plugged.total()} phones plugged in"))
    assert_sound(stored.values(), load.count)
    assert_complete(left, ours)
    assert ours.taken() == load.plugged
    assert size(ours.lost["disk_full"]) > 2
    alarms = ours.alarms(NOT_WRITABLE)
    assert alarms[:2] == [True, False]
    assert alarms[-1] is False


def _samples(site: Site) -> int:
    with closing(sqlite3.connect(site.outbox())) as db:
        return int(db.execute("SELECT count(*) FROM rows WHERE schema_id IS NOT NULL").fetchone()[0])


def _dies_and_reboots_on_a_full_disk(site: Site, disk: Path) -> None:
    """See the agent come up on a full disk after a kill, and after a power cut."""
    hog = fill(disk)
    site.kill("edge")
    until_agent_runs(site)
    site.reboot()
    until_agent_runs(site)
    hog.unlink()


@pytest.mark.timeout(180)
def test_a_full_disk_at_the_hub_acknowledges_nothing_that_is_not_committed(
    tmp_path: Path, seed: int, chance: random.Random, tell: Callable[[str], None]
) -> None:
    """What a full hub cannot store stays with the site, and arrives when there is room."""
    with (
        Enclosure(["mount"]) as enclosure,
        loaded(Load(tmp_path / "pins", chance)) as load,
    ):
        disk = small_disk(enclosure, tmp_path / "disk", "6m")
        place = Place(tmp_path, tmp_path / "outbox", tmp_path / "disk", hub=enclosure.enter)
        with site_of("nats", place, load) as site:
            load.open_kiosk()
            time.sleep(3)
            hog = fill(disk)
            until(lambda: site.log("hub").count("messages wait: the ledger") > 3, "the hub notices nothing")
            waiting = _assert_only_committed_rows_are_settled(site)
            site.kill("hub")
            time.sleep(4)
            waiting = max(waiting, _assert_only_committed_rows_are_settled(site))
            hog.unlink()
            if not site.lives("hub"):
                site.start_again("hub")
            load.close_kiosk()
            until_drained(site)
        left, stored = read_outbox(site.outbox()), read_ledger(site.ledger())
    tell(line_of("hub, disk full", seed, left, stored, f"{waiting} rows waited for room"))
    assert_sound(stored.values(), load.count)
    assert_complete(left, stored[left.epoch])
    assert not stored[left.epoch].missing()
    assert waiting > 10


def _assert_only_committed_rows_are_settled(site: Site) -> int:
    """Look at the outbox first: what it let go of until then must be in the ledger; returns how many rows wait."""
    left = read_outbox(site.outbox())
    committed = read_ledger(site.ledger())[left.epoch].settled()
    settled = without(holes(left.pending, left.highest), union(left.pending))
    assert not without(settled, committed)
    return size(left.pending)
