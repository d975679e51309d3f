"""The machine's own clocks."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from edge.io.system import SystemClock, chip_time


def chip(folder: Path, number: int, text: str) -> None:
    """Lay out a clock chip as the kernel shows it."""
    (folder / f"rtc{number}").mkdir(parents=True)
    (folder / f"rtc{number}" / "since_epoch").write_text(text)


def test_a_clock_chip_is_read_to_the_second(tmp_path: Path) -> None:
    """The kernel gives its time as seconds since 1970."""
    chip(tmp_path, 0, "1795435200\n")
    assert chip_time(tmp_path) == datetime(2026, 11, 23, 12, tzinfo=UTC)


def test_a_machine_without_a_chip_or_with_a_dead_one_has_none(tmp_path: Path) -> None:
    """A missing folder, an empty one and a chip that does not answer are the same."""
    assert chip_time(tmp_path / "no such folder") is None
    assert chip_time(tmp_path) is None
    chip(tmp_path, 0, "")
    assert chip_time(tmp_path) is None
    chip(tmp_path, 1, "1795435200\n")
    assert chip_time(tmp_path) is not None


def test_the_chip_is_not_asked_at_every_step(tmp_path: Path) -> None:
    """Reading it takes a bus of its own."""
    chip(tmp_path, 0, "1795435200\n")
    clock = SystemClock(tmp_path)
    first, second = clock.now(), clock.now()
    assert first.synced or first.rtc is not None
    assert second.rtc is None
    assert second.uptime_s >= first.uptime_s
