"""The outbox's file: opened durable (WAL, synchronous=FULL), checked, and set aside for a new epoch when damaged."""

from __future__ import annotations

import logging
import os
import random
import zlib
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, replace
from functools import cache
from importlib import resources
from pathlib import Path
from typing import TypeGuard

import apsw

from edge.errors import RetryLater
from protocol.limits import EPOCH_MAX, TEXT_MAX, VALUE_MAX

_LOG = logging.getLogger(__name__)
_SQL = resources.files("edge.io").joinpath("outbox.sql").read_text("utf-8")
_HEADER_BYTES = 100
_LOG_MAX_BYTES = 4 * 2**20
BUSY_MS = 5000

HIGHEST_SEQ = """SELECT coalesce(max(seq), 0) FROM (SELECT max(seq) AS seq FROM sqlite_sequence WHERE name = 'rows'
    UNION ALL SELECT max(seq) FROM rows UNION ALL SELECT max(seq) FROM kept)"""
_BOOTS = "SELECT coalesce(min(number), 1), coalesce(max(number), 1) FROM boots"

_NUMBER_MAX = VALUE_MAX // 2
"""No seq or boot ever comes near: with the largest jumps there are, a start an hour takes two centuries."""

# What the world does to a sound file; every other complaint of SQLite is about the file.
NOT_THE_FILE = (
    apsw.BusyError, apsw.LockedError, apsw.NoMemError, apsw.PermissionsError, apsw.ReadOnlyError, apsw.IOError,
    apsw.FullError, apsw.CantOpenError,
)  # fmt: skip


class _Damaged(Exception):
    """What SQLite itself would not have noticed, or not called damage."""


@dataclass(frozen=True, slots=True)
class Opened:
    """An outbox's file; whether its epoch began at this very moment; what was wrong with the file it replaces."""

    db: apsw.Connection
    new: bool
    damage: str | None = None


def open_or_replace(path: Path, chance: random.Random) -> Opened:
    """Open the file, or set it aside and begin a new one.

    `chance` draws the epoch. Raises `RetryLater` when the fault is not in the file.
    """
    try:
        return _connect(path, chance)
    except (apsw.Error, _Damaged) as error:
        if not _blames_file(path, error):
            raise RetryLater(f"the outbox {path} cannot be opened: {error}") from error
        damage = f"{error}; set aside as {_set_aside(path)}, a new epoch begins"[:TEXT_MAX]
        _LOG.exception("outbox damaged: %s", damage)
    try:
        return replace(_connect(path, chance), damage=damage)
    except (apsw.Error, _Damaged) as error:
        raise RetryLater(f"the outbox {path} cannot be created: {error}") from error


@contextmanager
def transaction(db: apsw.Connection) -> Iterator[None]:
    """Commit what is done inside, all of it or, when that fails, nothing; a full disk may have rolled back already."""
    db.execute("BEGIN IMMEDIATE")
    try:
        yield
        db.execute("COMMIT")
    except BaseException:
        if db.in_transaction:
            db.execute("ROLLBACK")
        raise
    _tidy(db)


def _tidy(db: apsw.Connection) -> None:
    """Carry a long log over into the file; were SQLite to do it in a commit, a full disk would seem to refuse both."""
    with suppress(apsw.Error, OSError):
        if os.stat(db.filename_wal).st_size > _LOG_MAX_BYTES:  # noqa: PTH116  the path is SQLite's own text
            db.wal_checkpoint()


def _connect(path: Path, chance: random.Random) -> Opened:
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.exists() and path.stat().st_size < _HEADER_BYTES:
        raise _Damaged("the file is cut off")  # SQLite would begin a new one and not say so
    db = apsw.Connection(str(path))
    try:
        return Opened(db, new=_prepare(db, chance))
    except (apsw.Error, _Damaged):
        db.close(force=True)
        raise
    except UnicodeDecodeError as error:
        db.close(force=True)
        raise _Damaged("the tables are garbled") from error


def _prepare(db: apsw.Connection, chance: random.Random) -> bool:
    """Make the file ready; returns whether its epoch is new."""
    db.set_busy_timeout(BUSY_MS)
    db.pragma("journal_mode", "WAL")
    db.pragma("synchronous", "FULL")
    db.wal_autocheckpoint(0)
    if not _sound(db):
        db.execute("REINDEX")  # rows whose index alone is damaged are not given up
        if not _sound(db):
            raise _Damaged("the integrity check finds damage")
    with transaction(db):
        db.execute(_SQL)
    if _tables(db) != _expected_tables():
        raise _Damaged("the tables are not those of this version")
    new = db.execute("SELECT value FROM meta WHERE key = 'epoch'").get is None
    epoch = str(1 + chance.randrange(EPOCH_MAX))
    with transaction(db):
        db.executemany("INSERT OR IGNORE INTO meta VALUES (?, ?)", [("epoch", epoch), ("sum", epoch_sum(epoch))])
    meta = dict(db.execute("SELECT key, value FROM meta WHERE key IN ('epoch', 'sum')"))
    if meta["sum"] != epoch_sum(meta["epoch"]) or not is_epoch(meta["epoch"]):
        raise _Damaged("the epoch is garbled")
    seq, (first, last) = db.execute(HIGHEST_SEQ).get, db.execute(_BOOTS).get
    if not (0 <= seq < _NUMBER_MAX and 0 < first <= last < _NUMBER_MAX):
        raise _Damaged("the numbers are garbled")
    return new


def _sound(db: apsw.Connection) -> bool:
    return bool(db.pragma("integrity_check") == "ok")


def is_epoch(text: object) -> TypeGuard[str]:
    """Say whether this is an epoch as the file has it."""
    return (
        isinstance(text, str)
        and text.isascii()
        and text.isdecimal()
        and len(text) <= len(str(EPOCH_MAX))
        and 1 <= int(text) <= EPOCH_MAX
    )


def epoch_sum(epoch: object) -> str:
    """Sum up an epoch, so that a bit that was lost does not give its rows to another."""
    return str(zlib.crc32(repr(epoch).encode()))


def _tables(db: apsw.Connection) -> set[str]:
    return {row[0] for row in db.execute("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL")}


@cache
def _expected_tables() -> frozenset[str]:
    with closing(apsw.Connection(":memory:")) as db:
        db.execute(_SQL)
        return frozenset(_tables(db))


def _blames_file(path: Path, error: Exception) -> bool:
    """Say whether an error speaks of the file's contents; a damaged header can also pass for a read-only file."""
    if isinstance(error, apsw.ReadOnlyError) and os.access(path, os.W_OK):
        return True
    return not isinstance(error, NOT_THE_FILE)


def _set_aside(path: Path) -> str:
    number = 1
    while (target := path.with_name(f"{path.name}.corrupt-{number}")).exists():
        number += 1
    for suffix in ("", "-wal", "-shm"):
        source = path.with_name(path.name + suffix)
        if source.exists():
            source.rename(target.with_name(target.name + suffix))
    return target.name


def refusal(path: Path, error: apsw.Error) -> RetryLater:
    """Say what keeps the outbox from being written."""
    return RetryLater(f"the outbox {path} cannot be written: {error}")
