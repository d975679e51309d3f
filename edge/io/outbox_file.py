"""The outbox's file: opened durable (WAL, synchronous=FULL), checked, and set aside for a new epoch when damaged."""

from __future__ import annotations

import logging
import os
import secrets
import sqlite3
import zlib
from contextlib import closing
from functools import cache
from importlib import resources
from pathlib import Path

from edge.errors import RetryLater
from protocol.limits import EPOCH_MAX, TEXT_MAX

_LOG = logging.getLogger(__name__)
_SQL = resources.files("edge.io").joinpath("outbox.sql").read_text("utf-8")
_HEADER_BYTES = 100

# What the world does to a sound file; every other complaint of SQLite is about the file.
_NOT_THE_FILE = frozenset({
    sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_NOMEM, sqlite3.SQLITE_PERM, sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_IOERR, sqlite3.SQLITE_FULL, sqlite3.SQLITE_CANTOPEN,
})  # fmt: skip


def open_or_replace(path: Path) -> tuple[sqlite3.Connection, str | None]:
    """Open the file, or set it aside and begin a new one; the text says what was wrong with the old one.

    Raises `RetryLater` when the fault is not in the file.
    """
    try:
        return _connect(path), None
    except sqlite3.DatabaseError as error:
        if not _blames_file(path, error):
            raise RetryLater(f"the outbox {path} cannot be opened: {error}") from error
        damage = f"{error}; set aside as {_set_aside(path)}, a new epoch begins"[:TEXT_MAX]
        _LOG.exception("outbox damaged: %s", damage)
    try:
        return _connect(path), damage
    except sqlite3.DatabaseError as error:
        raise RetryLater(f"the outbox {path} cannot be created: {error}") from error


def _connect(path: Path) -> sqlite3.Connection:
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.exists() and path.stat().st_size < _HEADER_BYTES:
        raise sqlite3.DatabaseError("the file is cut off")  # SQLite would begin a new one and not say so
    db = sqlite3.connect(path, timeout=5)
    try:
        db.execute("PRAGMA journal_mode=WAL")
        db.execute("PRAGMA synchronous=FULL")
        if not _sound(db):
            db.execute("REINDEX")  # rows whose index alone is damaged are not given up
            if not _sound(db):
                raise sqlite3.DatabaseError("the integrity check finds damage")
        db.executescript(_SQL)
        if _tables(db) != _expected_tables():
            raise sqlite3.DatabaseError("the tables are not those of this version")
        epoch = str(1 + secrets.randbelow(EPOCH_MAX))
        with db:
            db.executemany("INSERT OR IGNORE INTO meta VALUES (?, ?)", [("epoch", epoch), ("sum", _sum(epoch))])
        meta = dict(db.execute("SELECT key, value FROM meta"))
        if meta["sum"] != _sum(meta["epoch"]):
            raise sqlite3.DatabaseError("the epoch is garbled")
    except sqlite3.Error:
        db.close()
        raise
    except UnicodeDecodeError as error:
        db.close()
        raise sqlite3.DatabaseError("the tables are garbled") from error
    return db


def _sound(db: sqlite3.Connection) -> bool:
    return bool(db.execute("PRAGMA integrity_check").fetchone()[0] == "ok")


def _sum(epoch: object) -> str:
    return str(zlib.crc32(repr(epoch).encode()))


def _tables(db: sqlite3.Connection) -> set[str]:
    return {row[0] for row in db.execute("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL")}


@cache
def _expected_tables() -> set[str]:
    with closing(sqlite3.connect(":memory:")) as db:
        db.executescript(_SQL)
        return _tables(db)


def _blames_file(path: Path, error: sqlite3.DatabaseError) -> bool:
    """Say whether an error speaks of the file's contents; a damaged header can also pass for a read-only file."""
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_CORRUPT) & 0xFF
    if code == sqlite3.SQLITE_READONLY and os.access(path, os.W_OK):
        return True
    return code not in _NOT_THE_FILE


def _set_aside(path: Path) -> str:
    number = 1
    while (target := path.with_name(f"{path.name}.corrupt-{number}")).exists():
        number += 1
    for suffix in ("", "-wal", "-shm"):
        source = path.with_name(path.name + suffix)
        if source.exists():
            source.rename(target.with_name(target.name + suffix))
    return target.name
