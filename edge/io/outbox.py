"""The outbox on disk: SQLite in WAL mode with synchronous=FULL, one writer, sole importer of sqlite3.

Rows get their seq when they are taken and exist for others once `commit` has returned. A power cut loses what was
taken since the last commit, and nothing else. A file that SQLite calls damaged is set aside and a new epoch begins.
"""

from __future__ import annotations

import json
import logging
import secrets
import sqlite3
from collections.abc import Sequence
from dataclasses import astuple
from importlib import resources
from pathlib import Path

from edge.errors import RetryLater
from edge.io.outbox_view import OutboxView
from edge.ports import Backlog, OpenSession, Values
from protocol import events
from protocol.events import Event, Gap, GapCause, Lane
from protocol.limits import EPOCH_MAX
from protocol.ranges import Range, holes, runs

_LOG = logging.getLogger(__name__)
_SQL = resources.files("edge.io").joinpath("outbox.sql").read_text("utf-8")

UNCOMMITTED_MAX = 5_000
"""Rows held in memory while the disk refuses them; beyond that the oldest telemetry is given up and counted."""

_SHED_SHARE = 20
_Row = tuple[int, int, bytes | None, int | None, int, int, str]
_INSERT = "INSERT INTO rows (seq, lane, schema_id, tab, boot, uptime_s, body) VALUES (?, ?, ?, ?, ?, ?, ?)"


class SqliteOutbox(OutboxView):
    """The outbox of one site; use from one thread only."""

    def __init__(self, path: Path, *, rows_max: int, bytes_max: int) -> None:
        self._path = path
        self._rows_max = rows_max
        self._bytes_max = bytes_max
        self._taken: list[_Row] = []
        self._schema_id: bytes | None = None
        self.damage: str | None = None
        super().__init__(self._open())
        self._next_seq = 1 + self._scalar("SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = 'rows'")
        self._rows = self._scalar("SELECT count(*) FROM rows")
        self._urgent = self._count_urgent()

    def close(self) -> None:
        """Close the file; what was not committed is gone."""
        self._db.close()

    def boot_ordinal(self, boot_id: str) -> int:
        """Give this boot its number within the epoch; the same boot keeps it."""
        with self._db:
            self._db.execute("INSERT OR IGNORE INTO boots (boot_id) VALUES (?)", (boot_id,))
        return self._scalar("SELECT ordinal FROM boots WHERE boot_id = ?", (boot_id,))

    def use_schema(self, schema_id: bytes, payload: bytes) -> None:
        """Take samples under this schema from now on."""
        with self._db:
            self._db.execute("INSERT OR IGNORE INTO schemas VALUES (?, ?)", (schema_id, payload))
        self._schema_id = schema_id

    def add_sample(self, table: int, boot: int, uptime_s: int, values: Values) -> int:
        """See `Outbox.add_sample`."""
        return self._take(Lane.TELEMETRY, self._schema_id, table, boot, uptime_s, list(values))

    def add_event(self, boot: int, uptime_s: int, event: Event) -> int:
        """See `Outbox.add_event`."""
        return self._take(event.lane, None, None, boot, uptime_s, events.to_wire(event))

    def uncommitted(self) -> int:
        """See `Outbox.uncommitted`."""
        return len(self._taken)

    def commit(self, open_sessions: Sequence[OpenSession]) -> None:
        """See `Outbox.commit`."""
        try:
            self._write(open_sessions)
        except sqlite3.OperationalError as error:
            if not self._make_room(error):
                self._shed_taken()
                raise RetryLater(f"the outbox {self._path} cannot be written: {error}") from error
            try:
                self._write(open_sessions)
            except sqlite3.OperationalError as again:
                self._shed_taken()
                raise RetryLater(f"the outbox {self._path} cannot be written: {again}") from again
        if self._rows > self._rows_max or self._bytes() > self._bytes_max:
            self._shed_stored(GapCause.DISK_FULL)

    def backlog(self) -> Backlog:
        """See `Outbox.backlog`."""
        return Backlog(self._rows, self._urgent)

    def settle(self, upto: int, missing: Sequence[Range], seqs: Sequence[int]) -> None:
        """See `Outbox.settle`."""
        ranges = [*holes(sorted(missing), upto), *runs(seqs)]
        with self._db:
            for first, last in ranges:
                self._keep("seq BETWEEN ? AND ? AND lane = 0", (first, last), "acknowledged")
                self._delete("seq BETWEEN ? AND ?", (first, last))
        self._urgent = self._count_urgent()

    def refuse(self, seqs: Sequence[int], reason: str) -> None:
        """See `Outbox.refuse`."""
        with self._db:
            for first, last in runs(seqs):
                self._keep("seq BETWEEN ? AND ?", (first, last), f"refused: {reason}")
                self._delete("seq BETWEEN ? AND ?", (first, last))
        self._urgent = self._count_urgent()

    def _open(self) -> sqlite3.Connection:
        try:
            return self._connect()
        except sqlite3.DatabaseError as error:
            if isinstance(error, sqlite3.OperationalError) and "malformed" not in str(error):
                raise RetryLater(f"the outbox {self._path} cannot be opened: {error}") from error
            self.damage = f"{error}; set aside as {self._set_aside()}, a new epoch begins"
            _LOG.exception("outbox damaged: %s", self.damage)
            return self._connect()

    def _connect(self) -> sqlite3.Connection:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        db = sqlite3.connect(self._path, timeout=5)
        try:
            db.execute("PRAGMA journal_mode=WAL")
            db.execute("PRAGMA synchronous=FULL")
            if db.execute("PRAGMA quick_check").fetchone()[0] != "ok":
                raise sqlite3.DatabaseError("the quick check finds damage")
            db.executescript(_SQL)
            with db:
                db.execute("INSERT OR IGNORE INTO meta VALUES ('epoch', ?)", (str(1 + secrets.randbelow(EPOCH_MAX)),))
        except sqlite3.Error:
            db.close()
            raise
        return db

    def _set_aside(self) -> str:
        number = 1
        while (target := self._path.with_name(f"{self._path.name}.corrupt-{number}")).exists():
            number += 1
        for suffix in ("", "-wal", "-shm"):
            source = self._path.with_name(self._path.name + suffix)
            if source.exists():
                source.rename(target.with_name(target.name + suffix))
        return target.name

    def _take(
        self, lane: Lane, schema_id: bytes | None, table: int | None, boot: int, uptime_s: int, body: Sequence[object]
    ) -> int:
        seq = self._next_seq
        self._next_seq += 1
        self._taken.append((seq, lane, schema_id, table, boot, uptime_s, json.dumps(body, separators=(",", ":"))))
        return seq

    def _write(self, open_sessions: Sequence[OpenSession]) -> None:
        with self._db:
            self._db.executemany(_INSERT, self._taken)
            self._db.execute("DELETE FROM open_sessions")
            self._db.executemany(
                "INSERT INTO open_sessions VALUES (?, ?, ?, ?, ?, ?, ?)", [astuple(s) for s in open_sessions]
            )
        self._rows += len(self._taken)
        self._urgent += sum(row[1] == Lane.ALARM for row in self._taken)
        self._taken.clear()

    def _make_room(self, error: sqlite3.OperationalError) -> bool:
        """On a full disk, free pages by giving up the oldest telemetry; False when that cannot help."""
        if "full" not in str(error):
            return False
        try:
            return self._shed_stored(GapCause.DISK_FULL)
        except sqlite3.OperationalError:
            return False

    def _shed_stored(self, cause: GapCause) -> bool:
        """Delete the oldest telemetry, a twentieth of the rows, and say so in rows that travel as alarms."""
        share = max(self._rows // _SHED_SHARE, 1)
        rows = self._db.execute(
            "SELECT seq, boot, uptime_s FROM rows WHERE lane = ? ORDER BY seq LIMIT ?", (Lane.TELEMETRY, share)
        ).fetchall()
        if not rows:
            return False
        with self._db:
            self._delete("lane = ? AND seq <= ?", (Lane.TELEMETRY, rows[-1][0]))
        for first, last in runs([row[0] for row in rows]):
            self.add_event(rows[-1][1], rows[-1][2], Gap(first, last, cause))
        _LOG.warning("outbox full: the %d oldest samples were given up", len(rows))
        return True

    def _shed_taken(self) -> None:
        """Keep the memory bounded while the disk refuses everything: telemetry goes, money stays."""
        excess = len(self._taken) - UNCOMMITTED_MAX
        if excess <= 0:
            return
        telemetry = [row for row in self._taken if row[1] == Lane.TELEMETRY][:excess]
        gone = {row[0] for row in telemetry}
        self._taken = [row for row in self._taken if row[0] not in gone]
        for first, last in runs(sorted(gone)):
            self.add_event(telemetry[-1][4], telemetry[-1][5], Gap(first, last, GapCause.DISK_FULL))

    def _keep(self, where: str, arguments: tuple[int, int], reason: str) -> None:
        self._db.execute(
            f"INSERT OR IGNORE INTO kept SELECT seq, lane, schema_id, tab, boot, uptime_s, body, ? FROM rows WHERE {where}",  # noqa: S608, E501
            (reason, *arguments),
        )

    def _delete(self, where: str, arguments: tuple[int, int]) -> None:
        self._rows -= self._db.execute(f"DELETE FROM rows WHERE {where}", arguments).rowcount  # noqa: S608

    def _count_urgent(self) -> int:
        return self._scalar("SELECT count(*) FROM rows WHERE lane = ?", (Lane.ALARM,))

    def _bytes(self) -> int:
        used = self._scalar("PRAGMA page_count") - self._scalar("PRAGMA freelist_count")
        return used * self._scalar("PRAGMA page_size")
