"""Files of the ledger beside its database: who uses it now, when it was last copied, and whole-or-nothing writing."""

from __future__ import annotations

import fcntl
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from hub.errors import RetryLater

FAMILY = ("", "-wal", "-shm", "-journal")
"""What SQLite may keep beside a database, by its suffix."""


@contextmanager
def in_use(ledger: Path | None) -> Iterator[None]:
    """Hold a ledger as one of its users, so that none is restored under our feet; raises `RetryLater`.

    The lock belongs to the process: it ends with it, however it ends.
    """
    if ledger is None or not ledger.parent.is_dir():
        yield
        return
    with _locked(ledger, fcntl.LOCK_SH, f"the ledger {ledger} is being restored; wait until that has ended"):
        yield


@contextmanager
def alone(ledger: Path) -> Iterator[None]:
    """Hold a ledger as its only user; raises `RetryLater` when there is another."""
    complaint = (
        f"the ledger {ledger} is in use by a hub or by another command; "
        "stop it first (`systemctl stop kayasol-hub`), then try again"
    )
    with _locked(ledger, fcntl.LOCK_EX, complaint):
        yield


@contextmanager
def _locked(ledger: Path, kind: int, complaint: str) -> Iterator[None]:
    path = ledger.with_name(ledger.name + ".lock")
    try:
        # Reading is enough for a lock, so that it does not matter which user made the file.
        descriptor = os.open(path, os.O_RDONLY | os.O_CREAT, 0o644)
    except OSError as error:
        raise RetryLater(f"{path} cannot be opened: {error.strerror}") from error
    try:
        try:
            fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
        except OSError as error:
            raise RetryLater(complaint) from error
        yield
    finally:
        os.close(descriptor)


def mark_of(ledger: Path) -> Path:
    """Name the file that says when the ledger was last backed up."""
    return ledger.with_name(ledger.name + ".last-backup")


def read_mark(path: Path) -> int | None:
    """Read a moment from a file; None when there is none."""
    try:
        return int(path.read_text("ascii"))
    except (OSError, ValueError):
        return None


def write_mark(path: Path, utc_ms: int, owner: Path) -> None:
    """Leave a moment in a file that belongs to the owner of another."""
    fresh = path.with_name(path.name + ".part")
    fresh.write_text(f"{utc_ms}\n", "ascii")
    give_to_owner_of(owner, fresh)
    put_in_place(fresh, path)


def put_in_place(fresh: Path, path: Path) -> None:
    """Let a finished file take the place of another: after a power cut there is the one or the other, whole."""
    synchronise(fresh)
    fresh.replace(path)
    synchronise(path.parent)


def synchronise(path: Path) -> None:
    """Have the disk hold a file, or the names in a folder."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def give_to_owner_of(example: Path, path: Path) -> None:
    """Give a file the owner and the permissions of another, or the owner of a folder: root may restore for a hub."""
    known = example.stat()
    if os.geteuid() == 0:
        os.chown(path, known.st_uid, known.st_gid)
    if not stat.S_ISDIR(known.st_mode):
        path.chmod(stat.S_IMODE(known.st_mode))


def remove(database: Path) -> None:
    """Remove a database that was only begun, with what SQLite keeps beside it."""
    for suffix in FAMILY:
        with suppress(FileNotFoundError):
            database.with_name(database.name + suffix).unlink()
