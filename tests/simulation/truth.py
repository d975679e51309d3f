"""What really happened, as nobody in the system can know it: every row taken, every boot, every stretch of watching."""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from edge.io.outbox import SqliteOutbox
from edge.io.outbox_space import Space
from edge.ports import OpenSession
from protocol import events
from protocol.batch import Batch, EventRow
from protocol.events import Gap, GapCause, Lane
from protocol.seal import KEY_BYTES

Identity = tuple[int, int]
"""Epoch and seq: with one site, the whole identity of a row."""

KEY = b"k" * KEY_BYTES
"""The device key of every simulated site."""

Content = tuple[int, int, bytes | None, int | None, tuple[Any, ...]]
"""Boot, uptime, schema, table, and the values or the event as on the wire."""


@dataclass(slots=True)
class Row:
    """A committed row; `spoilt` once its card was spoilt, exchanged or had lied, `destroyed` if that took the row."""

    content: Content
    lane: Lane
    at_s: float
    spoilt: bool = False
    destroyed: bool = False


@dataclass(slots=True)
class Watch:
    """A stretch in which an agent watched: from its first look at the slots to its last finished step."""

    epoch: int
    boot: int
    boot_s: float
    first_look_s: float
    last_step_s: float
    sound: bool = True
    """Whether every commit went through, and nobody spoilt the card afterwards."""

    poll_interval_s: float = 0.0
    answered: bool = True
    """Whether the controller answered all the time."""


@dataclass(slots=True)
class Truth:
    """The record of one simulated life."""

    rows: dict[Identity, Row] = field(default_factory=dict)
    boots: dict[Identity, float] = field(default_factory=dict)
    watches: list[Watch] = field(default_factory=list)
    perhaps: dict[Identity, Row] = field(default_factory=dict)
    """Rows whose commit was cut off: nobody knows yet whether they reached the card."""

    complaints: list[str] = field(default_factory=list)
    faults: Counter[str] = field(default_factory=Counter)
    forgotten_by_hub: int = 0

    def committed(self, identity: Identity, row: Row) -> None:
        """Note a row whose commit has returned; its identity must be its own."""
        known = self.rows.get(identity)
        if known is not None and known.content != row.content:
            self.complaints.append(f"row {identity} was given twice: {known.content} and {row.content}")
        self.rows[identity] = row

    def booted(self, epoch: int, boot: int, at_s: float) -> None:
        """Note when a boot began; its number must be its own."""
        if self.boots.setdefault((epoch, boot), at_s) != at_s:
            self.complaints.append(f"boot {boot} of epoch {epoch:016x} was given twice")

    def found(self, identity: Identity, content: Content, lane: Lane, at_s: float) -> None:
        """Note what stands on a card at the start of a process; it must have been committed, or nearly."""
        if identity in self.rows:
            return
        perhaps = self.perhaps.get(identity)
        kind, *values = content[4] if content[2] is None else (0,)
        passed_over = kind == Gap.kind and values[2] == GapCause.UNUSED
        if not passed_over and (perhaps is None or perhaps.content != content):
            self.complaints.append(f"row {identity} is on the card and was never taken: {content}")
        self.rows[identity] = perhaps if perhaps is not None else Row(content, lane, at_s)

    def destroy(self, epoch: int, left: set[int]) -> None:
        """Note that of an epoch's rows only these are still on the card."""
        for (row_epoch, seq), row in self.rows.items():
            if row_epoch == epoch:
                row.spoilt = True
                row.destroyed |= seq not in left


class WatchedOutbox(SqliteOutbox):
    """The real outbox, which tells the truth what it took and committed."""

    def __init__(self, space: Space, chance: random.Random, truth: Truth, now_s: Callable[[], float]) -> None:
        self._truth = truth
        self._now_s = now_s
        self._fresh: dict[int, Row] = {}
        self.last_boot = 0
        super().__init__(space, chance, KEY)

    def boot_number(self, boot_id: str) -> int:
        """See `SqliteOutbox.boot_number`."""
        self.last_boot = super().boot_number(boot_id)
        return self.last_boot

    def look(self) -> None:
        """Tell the truth what stands on the card."""
        query = "SELECT seq, lane, schema_id, tab, boot, uptime_s, body FROM rows"
        rows: list[Any] = self._db.execute(query).fetchall()
        for seq, lane, schema_id, table, boot, uptime_s, body in rows:
            if (self.epoch, seq) not in self._truth.rows:
                content = (boot, uptime_s, schema_id, table, tuple(json.loads(body)))
                self._truth.found((self.epoch, seq), content, Lane(lane), self._now_s())

    def dies(self) -> None:
        """Tell the truth what was taken and perhaps committed when the process ended."""
        self._truth.perhaps.update({(self.epoch, seq): row for seq, row in self._fresh.items()})

    def commit(self, open_sessions: Sequence[OpenSession]) -> None:
        """See `SqliteOutbox.commit`."""
        super().commit(open_sessions)
        for seq, row in self._fresh.items():
            if seq < self._next_seq:
                self._truth.committed((self.epoch, seq), row)
        self._fresh.clear()

    def oldest_uncommitted_s(self) -> float:
        """Tell when the oldest row was taken that is not committed."""
        return min((row.at_s for row in self._fresh.values()), default=float("inf"))

    def left(self) -> set[int]:
        """Name every row on the card, waiting or kept."""
        found = self._db.execute("SELECT seq FROM rows UNION SELECT seq FROM kept")
        return {seq for (seq,) in found}

    def waiting_rows(self, up_to: Lane = Lane.TELEMETRY) -> set[int]:
        """Name every row that the hub has not acknowledged, down to a lane."""
        return {seq for (seq,) in self._db.execute("SELECT seq FROM rows WHERE lane <= ?", (int(up_to),))}

    def _take(self, *arguments: Any) -> int:  # noqa: ANN401  just as they are
        seq = super()._take(*arguments)
        lane, schema_id, table, boot, uptime_s, body = arguments
        self._fresh[seq] = Row((boot, uptime_s, schema_id, table, tuple(body)), lane, self._now_s())
        return seq

    def _shed_taken(self) -> None:
        super()._shed_taken()
        taken = {row[0] for row in self._taken}
        self._fresh = {seq: row for seq, row in self._fresh.items() if seq in taken}


def contents_of(batch: Batch) -> list[tuple[int, Content]]:
    """Read a batch as the truth has it: seq and content of every row."""
    found: list[tuple[int, Content]] = []
    for table in batch.tables:
        for at, seq in enumerate(table.seqs):
            values = tuple(column[at] for column in table.columns)
            found.append((seq, (table.boots[at], table.uptimes_s[at], batch.schema_id, table.table, values)))
    found += [(row.seq, event_content(row)) for row in batch.events]
    return found


def event_content(row: EventRow) -> Content:
    """Read an event as the truth has it."""
    return row.boot, row.uptime_s, None, None, tuple(events.to_wire(row.event))
