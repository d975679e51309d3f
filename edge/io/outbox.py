"""The outbox as its one writer has it: rows taken, committed, settled, refused, and given up when there is no room.

Rows get their seq when they are taken and exist for others once `commit` has returned. A power cut loses what was
taken since the last commit, and nothing else. Whatever is given up goes in the transaction that stores its `Gap`.
`outbox_file` opens the file and `outbox_view` reads it; the three are the sole importers of sqlite3 at the edge.
"""

from __future__ import annotations

import json
import logging
import shutil
import sqlite3
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import astuple
from pathlib import Path

from edge.errors import RetryLater
from edge.io.outbox_file import open_or_replace
from edge.io.outbox_view import OutboxView, check_sum
from edge.ports import Backlog, OpenSession, SampleRow, Values
from protocol import events
from protocol.batch import EventRow
from protocol.events import Event, Gap, GapCause, Lane
from protocol.ranges import Range, holes, runs, union

_LOG = logging.getLogger(__name__)

UNCOMMITTED_MAX = 5_000
"""Rows held in memory while the disk refuses them; beyond that the oldest telemetry is given up and counted."""

DISK_RESERVE_BYTES = 16 * 2**20
"""Free space that a large outbox does not grow into: money, the write-ahead log and the rest of the Pi need some."""

_SHED_SHARE = 20
_SHED_MIN = 64
_SPARE_PAGES = 16
_Row = tuple[int, int, bytes | None, int | None, int, int, bytes]
_INSERT = "INSERT INTO rows (seq, lane, schema_id, tab, boot, uptime_s, body, sum) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
_COLUMNS = "seq, lane, schema_id, tab, boot, uptime_s, body, sum"

_ALL, _MONEY, _TELEMETRY = "true", f"lane = {Lane.MONEY:d}", f"lane = {Lane.TELEMETRY:d}"


def _disk_free_bytes(directory: Path) -> int:
    return shutil.disk_usage(directory).free


class SqliteOutbox(OutboxView):
    """The outbox of one site; use from one thread only."""

    def __init__(
        self,
        path: Path,
        *,
        rows_max: int,
        bytes_max: int,
        disk_free_bytes: Callable[[Path], int] = _disk_free_bytes,
    ) -> None:
        self._path = path
        self._rows_max = rows_max
        self._bytes_max = bytes_max
        self._disk_free_bytes = disk_free_bytes
        self._taken: list[_Row] = []
        self._moment = (0, 0)
        self._schema_id: bytes | None = None
        db, self.damage = open_or_replace(path)
        super().__init__(db)
        self._next_seq = 1 + self._scalar(
            "SELECT coalesce(max(seq), 0) FROM (SELECT max(seq) AS seq FROM sqlite_sequence WHERE name = 'rows'"
            " UNION ALL SELECT max(seq) FROM rows UNION ALL SELECT max(seq) FROM kept)"
        )
        self._rows = self._scalar("SELECT count(*) FROM rows")
        self._urgent = self._count(Lane.ALARM)

    def close(self) -> None:
        """Close the file; what was not committed is gone."""
        self._db.close()

    def boot_ordinal(self, boot_id: str) -> int:
        """Give this boot its number within the epoch; the same boot keeps it. Raises `RetryLater`."""
        self._remember("INSERT OR IGNORE INTO boots (boot_id) VALUES (?)", (boot_id,))
        return self._scalar("SELECT ordinal FROM boots WHERE boot_id = ?", (boot_id,))

    def use_schema(self, schema_id: bytes, payload: bytes) -> None:
        """Take samples under this schema from now on. Raises `RetryLater`."""
        self._remember("INSERT OR IGNORE INTO schemas VALUES (?, ?)", (schema_id, payload))
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
        share = self._shed_share() if self._crowded() else 0
        try:
            self._write(open_sessions, share)
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_FULL or not self._write_in_little_space(open_sessions, share):
                self._shed_taken()
                raise _refusal(self._path, error) from error

    def backlog(self) -> Backlog:
        """See `Outbox.backlog`."""
        return Backlog(self._rows, self._urgent)

    def pending(self, limit: int, exclude: frozenset[int]) -> list[SampleRow | EventRow]:
        """See `Outbox.pending`; a row found damaged is reported as a `Gap` and set aside by the next commit."""
        known = set(self.damaged)
        found = super().pending(limit, exclude)
        self._report(self.damaged - known, GapCause.OUTBOX_DAMAGED)
        return found

    def settle(self, upto: int, missing: Sequence[Range], seqs: Sequence[int]) -> None:
        """See `Outbox.settle`; what a full disk will not let go of stays until a later ack."""
        ranges = union([*holes(union(missing), upto), *runs(seqs)])
        self._let_go(ranges, "acknowledged", keep=_MONEY)

    def refuse(self, seqs: Sequence[int], reason: str) -> None:
        """See `Outbox.refuse`; what a full disk will not set aside is sent, and refused, again."""
        self._let_go(runs(seqs), f"refused: {reason}", keep=_ALL)

    def _remember(self, sql: str, arguments: tuple[object, ...]) -> None:
        try:
            with self._db:
                self._db.execute(sql, arguments)
        except sqlite3.OperationalError as error:
            raise _refusal(self._path, error) from error

    def _take(
        self, lane: Lane, schema_id: bytes | None, table: int | None, boot: int, uptime_s: int, body: Sequence[object]
    ) -> int:
        seq = self._next_seq
        self._next_seq += 1
        self._moment = (boot, uptime_s)
        text = json.dumps(body, separators=(",", ":")).encode()
        self._taken.append((seq, int(lane), schema_id, table, boot, uptime_s, text))
        return seq

    def _report(self, seqs: Iterable[int], cause: GapCause) -> None:
        """Take a `Gap` for every run of rows that will not come, stamped like the latest row."""
        for first, last in runs(seqs):
            self.add_event(*self._moment, Gap(first, last, cause))

    def _write(self, open_sessions: Sequence[OpenSession], share: int) -> None:
        """Store all that was taken in one transaction, giving up `share` rows of telemetry in the same one."""
        shed = [
            row[0]
            for row in self._db.execute(
                f"SELECT seq FROM rows WHERE {_TELEMETRY} ORDER BY seq LIMIT ?",  # noqa: S608
                (share,),
            )
        ]
        taken, next_seq = len(self._taken), self._next_seq
        self._report(shed, GapCause.DISK_FULL)
        try:
            with self._db:
                gone = self._remove(runs(self.damaged), _ALL, reason="damaged")
                gone += self._remove(runs(shed), _TELEMETRY)
                self._db.executemany(_INSERT, [(*row, check_sum(*row)) for row in self._taken])
                self._db.execute("DELETE FROM open_sessions")
                self._db.executemany(
                    "INSERT INTO open_sessions VALUES (?, ?, ?, ?, ?, ?, ?)", [astuple(s) for s in open_sessions]
                )
        except sqlite3.Error:
            del self._taken[taken:]
            self._next_seq = next_seq
            raise
        if shed:
            _LOG.warning("outbox full: the %d oldest samples were given up", len(shed))
        self._rows += len(self._taken) - gone
        self._urgent = self._count(Lane.ALARM)
        self._taken.clear()
        self.damaged.clear()

    def _write_in_little_space(self, open_sessions: Sequence[OpenSession], share: int) -> bool:
        """On a full disk, write over what the log no longer needs, then give up ever more of the oldest telemetry."""
        with suppress(sqlite3.OperationalError):
            self._db.execute("PRAGMA wal_checkpoint(RESTART)")
        most = self._count(Lane.TELEMETRY)
        while True:
            try:
                self._write(open_sessions, share)
            except sqlite3.OperationalError:
                if share >= most:
                    return False
                share = max(4 * share, self._shed_share())
            else:
                return True

    def _let_go(self, ranges: Sequence[Range], reason: str, *, keep: str) -> None:
        try:
            with self._db:
                # What is deleted makes room for what is kept, should the disk be full.
                gone = self._remove(ranges, f"NOT {keep}")
                gone += self._remove(ranges, keep, reason)
        except sqlite3.OperationalError as error:
            _LOG.warning("%s", _refusal(self._path, error))
            return
        self._rows -= gone
        self._urgent = self._count(Lane.ALARM)

    def _remove(self, ranges: Iterable[Range], where: str, reason: str | None = None) -> int:
        """Delete rows, keeping a copy when there is a reason to; returns how many."""
        gone = 0
        for first, last in ranges:
            if reason is not None:
                self._db.execute(
                    f"INSERT OR IGNORE INTO kept SELECT {_COLUMNS}, ? FROM rows WHERE seq BETWEEN ? AND ? AND {where}",  # noqa: S608
                    (reason, first, last),
                )
            gone += self._db.execute(
                f"DELETE FROM rows WHERE seq BETWEEN ? AND ? AND {where}",  # noqa: S608
                (first, last),
            ).rowcount
        return gone

    def _crowded(self) -> bool:
        """Say whether telemetry must go: a limit is reached, or a large file would grow into the disk's last space."""
        used = self._bytes()
        if self._rows + len(self._taken) > self._rows_max or used > self._bytes_max:
            return True
        if self._scalar("PRAGMA freelist_count") >= _SPARE_PAGES:
            return False
        return self._disk_free_bytes(self._path.parent) < min(used, DISK_RESERVE_BYTES)

    def _shed_share(self) -> int:
        return max(self._rows // _SHED_SHARE, _SHED_MIN)

    def _shed_taken(self) -> None:
        """Keep the memory bounded while the disk refuses everything: telemetry goes, money stays."""
        if len(self._taken) <= UNCOMMITTED_MAX:
            return
        excess = len(self._taken) - UNCOMMITTED_MAX + UNCOMMITTED_MAX // _SHED_SHARE
        gone = set([row[0] for row in self._taken if row[1] == Lane.TELEMETRY][:excess])
        self._taken = [row for row in self._taken if row[0] not in gone]
        self._report(gone, GapCause.DISK_FULL)

    def _count(self, lane: Lane) -> int:
        return self._scalar("SELECT count(*) FROM rows WHERE lane = ?", (lane,))

    def _bytes(self) -> int:
        used = self._scalar("PRAGMA page_count") - self._scalar("PRAGMA freelist_count")
        return used * self._scalar("PRAGMA page_size")


def _refusal(path: Path, error: sqlite3.Error) -> RetryLater:
    return RetryLater(f"the outbox {path} cannot be written: {error}")
