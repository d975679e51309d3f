"""Files: who uses a ledger now, when it was last copied, and writing that leaves the old or the new, whole."""

from __future__ import annotations

import fcntl
import os
import pwd
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from hub.errors import BadRequest, RetryLater

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
def held(path: Path, complaint: str) -> Iterator[None]:
    """Hold a file as the only one who changes it; raises `RetryLater` with the complaint when there is another."""
    with _locked(path, fcntl.LOCK_EX, complaint):
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


PRIVATE, PUBLIC = 0o600, 0o644


def write_new(path: Path, contents: bytes, mode: int, owner: str | None = None) -> None:
    """Write a file that is not there yet; raises `BadRequest` when it is: what was written once may be all there is."""
    if path.exists():
        raise BadRequest(f"{path} is there already and is not overwritten; move it away first, if it is of no use")
    write_over(path, contents, mode, owner)


def write_over(path: Path, contents: bytes, mode: int, owner: str | None = None) -> None:
    """Write a file in the place of the one before, if any; nobody else can read a private one at any moment."""
    fresh = path.with_name(f".{path.name}.part")
    try:
        fresh.unlink(missing_ok=True)
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
            file.write(contents)
            with suppress(PermissionError):  # a stick knows neither modes nor owners
                os.fchmod(file.fileno(), mode)
            give_to(owner, file.fileno())
        put_in_place(fresh, path)
    except OSError as error:
        raise RetryLater(f"{path} cannot be written: {error.strerror}") from error


def make_folder(path: Path, mode: int, owner: str | None = None) -> None:
    """Make a folder with those above it, unless it is there."""
    try:
        if not path.is_dir():
            path.mkdir(parents=True)
            path.chmod(mode)
            give_to(owner, path)
    except OSError as error:
        raise RetryLater(f"the folder {path} cannot be made: {error.strerror}") from error


def read_whole(path: Path, advice: str) -> bytes:
    """Read a file; raises `RetryLater` with the reason and what to do."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise RetryLater(f"{path} cannot be read: {error.strerror}; {advice}") from error


def give_to(owner: str | None, what: Path | int) -> None:
    """Give a path, or an open file, to a user of this system; only root can, and others keep what they make."""
    if owner is None or os.geteuid() != 0:
        return
    try:
        user = pwd.getpwnam(owner)
    except KeyError as error:
        raise RetryLater(f"there is no user {owner} on this system; make it: useradd --system {owner}") from error
    # Never through a link: what stands in a folder of theirs may be one that they made.
    os.chown(what, user.pw_uid, user.pw_gid, follow_symlinks=isinstance(what, int))


def owner_of(path: Path) -> str | None:
    """Name the user whose file this is; None when the system has no name for it."""
    try:
        return pwd.getpwuid(path.stat().st_uid).pw_name
    except KeyError:
        return None
