"""How much room an outbox has: its own limits, and what is left of the disk that it shares with the rest of the Pi."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import apsw

DISK_RESERVE_BYTES = 16 * 2**20
"""Free space that a large outbox does not grow into: money, the write-ahead log and the rest of the Pi need some."""

_SPARE_PAGES = 16


def disk_free_bytes(directory: Path) -> int:
    """Ask how much of the disk is free."""
    return shutil.disk_usage(directory).free


@dataclass(frozen=True, slots=True)
class Space:
    """The limits of one outbox file."""

    path: Path
    rows_max: int
    bytes_max: int
    disk_free_bytes: Callable[[Path], int] = disk_free_bytes

    def crowded(self, db: apsw.Connection, rows: int) -> bool:
        """Say whether `rows` are too many, or a large file would grow into the disk's last space."""
        used = (_pragma(db, "page_count") - _pragma(db, "freelist_count")) * _pragma(db, "page_size")
        if rows > self.rows_max or used > self.bytes_max:
            return True
        if _pragma(db, "freelist_count") >= _SPARE_PAGES:
            return False
        return self.disk_free_bytes(self.path.parent) < min(used, DISK_RESERVE_BYTES)


def _pragma(db: apsw.Connection, name: str) -> int:
    return int(db.pragma(name))
