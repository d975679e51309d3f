"""Rows between site and hub: let go when acknowledged, kept for a while, taken back when the hub lost them.

Statements on the outbox's own connection, each to be run inside its writer's transaction.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import apsw

from edge.io.outbox_view import ACKED, COLUMNS, READABLE, checked_row
from protocol.batch import EventRow
from protocol.events import Gap, GapCause, Lane
from protocol.ranges import Range, common, runs, union, without

KEEP_MONEY_MS = 90 * 86_400_000
KEEP_SAMPLES_MS = 3 * 86_400_000
"""How long acknowledged rows are kept: samples outlive a backup of yesterday, everything else an audit."""


def let_go(db: apsw.Connection, ranges: Iterable[Range], utc_ms: int) -> int:
    """Keep aside what an ack settles; returns how many rows that were."""
    return _move(db, ranges, ACKED, utc_ms)


def set_aside(db: apsw.Connection, ranges: Iterable[Range], reason: str) -> int:
    """Keep aside what will never be sent again; returns how many rows that were."""
    return _move(db, ranges, reason, None)


def delete(db: apsw.Connection, ranges: Iterable[Range]) -> int:
    """Delete rows for good; returns how many that were."""
    gone = 0
    for first, last in ranges:
        db.execute("DELETE FROM rows WHERE seq BETWEEN ? AND ?", (first, last))
        gone += db.changes()
    return gone


def take_back(db: apsw.Connection, lacking: Iterable[Range], utc_ms: int) -> int:
    """Let rows wait for the hub again that an ack older than `utc_ms` had settled; returns how many."""
    again = 0
    for first, last in lacking:
        mine = "seq BETWEEN ? AND ? AND acked_ms < ?"
        arguments = (first, last, utc_ms)
        db.execute(f"INSERT INTO rows ({COLUMNS}) SELECT {COLUMNS} FROM kept WHERE {mine}", arguments)  # noqa: S608
        again += db.changes()
        db.execute(f"DELETE FROM kept WHERE {mine}", arguments)  # noqa: S608
    return again


def take_starts_back(db: apsw.Connection, utc_ms: int) -> int:
    """Let the gaps of all starts wait for the hub again, as `take_back` does; returns how many."""
    return take_back(db, runs(seq for seq, _ in _gaps(db, "kept", GapCause.UNUSED)), utc_ms)


def in_vain(db: apsw.Connection, lacking: Iterable[Range], highest: int) -> list[Range]:
    """Name the committed numbers among the lacking ones whose rows nobody has, and which no waiting `Gap` explains."""
    asked = [(first, min(last, highest)) for first, last in lacking if first <= highest]
    here: list[Range] = []
    for first, last in asked:
        for table in ("rows", "kept"):
            found = db.execute(f"SELECT seq FROM {table} WHERE seq BETWEEN ? AND ?", (first, last))  # noqa: S608
            here += runs(seq for (seq,) in found)
    left = without(asked, union(here))
    return without(left, [numbers for _, numbers in _gaps(db, "rows")]) if left else []


def passed_over(db: apsw.Connection, ranges: Sequence[Range]) -> list[Range]:
    """Name those of the numbers that no row ever had: a start passed over them."""
    return common(ranges, [numbers for table in ("rows", "kept") for _, numbers in _gaps(db, table, GapCause.UNUSED)])


def let_go_in_little_space(db: apsw.Connection, ranges: Iterable[Range], utc_ms: int) -> int:
    """Do as `let_go` on a full disk: samples are not kept, and so make room for what is."""
    forget_samples(db)
    gone = 0
    for first, last in ranges:
        db.execute("DELETE FROM rows WHERE seq BETWEEN ? AND ? AND lane >= ?", (first, last, Lane.SUMMARY))
        gone += db.changes()
    return gone + let_go(db, ranges, utc_ms)


def prune(db: apsw.Connection, utc_ms: int) -> int:
    """Forget what was kept long enough, by the hub's clock; no waiting row changes."""
    db.execute("DELETE FROM kept WHERE lane >= ? AND acked_ms < ?", (Lane.SUMMARY, utc_ms - KEEP_SAMPLES_MS))
    db.execute("DELETE FROM kept WHERE acked_ms < ?", (utc_ms - KEEP_MONEY_MS,))
    return 0


def oldest_detail(db: apsw.Connection, count: int) -> set[int]:
    """Name the oldest rows of detail that wait for the hub."""
    query = "SELECT seq FROM rows WHERE lane = ? ORDER BY seq LIMIT ?"
    rows: list[Any] = db.execute(query, (int(Lane.TELEMETRY), count)).fetchall()
    return {seq for (seq,) in rows}


def forget_samples(db: apsw.Connection) -> None:
    """Make room: forget every sample that the hub has."""
    db.execute("DELETE FROM kept WHERE lane >= ? AND acked_ms IS NOT NULL", (Lane.SUMMARY,))


def _gaps(db: apsw.Connection, table: str, cause: GapCause | None = None) -> list[tuple[int, Range]]:
    """Read the gaps that wait to be sent, or were, of one cause or of any: their rows, and of which they speak."""
    like = f"[{Gap.kind},%"
    query = f"SELECT {READABLE} FROM {table} WHERE lane = ? AND CAST(body AS TEXT) LIKE ?"  # noqa: S608
    rows = [checked_row(columns) for columns in db.execute(query, (Lane.ALARM, like))]
    gaps = [(row.seq, row.event) for row in rows if isinstance(row, EventRow) and isinstance(row.event, Gap)]
    return [(seq, (gap.first_seq, gap.last_seq)) for seq, gap in gaps if cause is None or gap.cause is cause]


def _move(db: apsw.Connection, ranges: Iterable[Range], reason: str, utc_ms: int | None) -> int:
    moved = 0
    for first, last in ranges:
        db.execute(
            f"INSERT OR REPLACE INTO kept SELECT {COLUMNS}, ?, ? FROM rows WHERE seq BETWEEN ? AND ?",  # noqa: S608
            (reason, utc_ms, first, last),
        )
        moved += delete(db, [(first, last)])
    return moved
