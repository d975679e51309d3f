"""Small real stand-ins for what tests cannot have: each keeps the promises of its port, as a contract suite checks."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from edge.errors import RetryLater
from edge.ports import Backlog, OpenSession, SampleRow, Values
from protocol import events
from protocol.batch import EventRow
from protocol.events import Event, Gap, GapCause, Lane
from protocol.ranges import Range, contains, runs, union

_SHED_LEAST = 16


@dataclass(frozen=True, slots=True)
class _Row:
    lane: Lane
    content: SampleRow | EventRow


@dataclass(slots=True)
class _Disk:
    """What a power cut leaves."""

    rows: dict[int, _Row] = field(default_factory=dict)
    kept: dict[int, str] = field(default_factory=dict)
    sessions: tuple[OpenSession, ...] = ()
    boots: list[str] = field(default_factory=list)
    schemas: dict[bytes, bytes] = field(default_factory=dict)
    last_seq: int = 0


class MemoryOutbox:
    """An `Outbox` on a disk that is a Python object; `reopen` is a power cut and a restart.

    While `disk_refuses` holds a complaint, every commit fails with it.
    """

    def __init__(self, *, epoch: int = 1, rows_max: int = 1_000_000, damage: str | None = None) -> None:
        self.epoch = epoch
        self.damage = damage
        self.disk_refuses: str | None = None
        self._rows_max = rows_max
        self._disk = _Disk()
        self._taken: dict[int, _Row] = {}
        self._next_seq = 1
        self._moment = (0, 0)
        self._schema_id = b""

    @property
    def kept(self) -> dict[int, str]:
        """Tell why rows were kept that are no longer pending."""
        return dict(self._disk.kept)

    def reopen(self) -> MemoryOutbox:
        """Come back with what was committed, and only that."""
        again = MemoryOutbox(epoch=self.epoch, rows_max=self._rows_max)
        again._disk = self._disk
        again._next_seq = self._disk.last_seq + 1
        return again

    def boot_ordinal(self, boot_id: str) -> int:
        """Give this boot its number; the same boot keeps it."""
        if boot_id not in self._disk.boots:
            self._disk.boots.append(boot_id)
        return self._disk.boots.index(boot_id) + 1

    def use_schema(self, schema_id: bytes, payload: bytes) -> None:
        """Take samples under this schema from now on."""
        self._disk.schemas[schema_id] = payload
        self._schema_id = schema_id

    def open_sessions(self) -> list[OpenSession]:
        """See `Outbox.open_sessions`."""
        return sorted(self._disk.sessions, key=lambda session: session.slot)

    def add_sample(self, table: int, boot: int, uptime_s: int, values: Values) -> int:
        """See `Outbox.add_sample`."""
        self._moment = (boot, uptime_s)
        content = SampleRow(self._next_seq, self._schema_id, table, boot, uptime_s, list(values))
        return self._take(_Row(Lane.TELEMETRY, content))

    def add_event(self, boot: int, uptime_s: int, event: Event) -> int:
        """See `Outbox.add_event`; the event passes through JSON, as it would on a disk."""
        self._moment = (boot, uptime_s)
        kind, *values = json.loads(json.dumps(events.to_wire(event)))
        return self._take(_Row(event.lane, EventRow(self._next_seq, boot, uptime_s, events.from_wire(kind, values))))

    def commit(self, open_sessions: Sequence[OpenSession]) -> None:
        """See `Outbox.commit`."""
        if self.disk_refuses is not None:
            raise RetryLater(self.disk_refuses)
        if len(self._disk.rows) + len(self._taken) > self._rows_max:
            self._shed()
        self._disk.rows |= self._taken
        self._disk.sessions = tuple(open_sessions)
        self._disk.last_seq = self._next_seq - 1
        self._taken.clear()

    def uncommitted(self) -> int:
        """See `Outbox.uncommitted`."""
        return len(self._taken)

    def backlog(self) -> Backlog:
        """See `Outbox.backlog`."""
        rows = self._disk.rows.values()
        return Backlog(len(rows), sum(row.lane is Lane.ALARM for row in rows))

    def pending(self, limit: int, exclude: frozenset[int]) -> list[SampleRow | EventRow]:
        """See `Outbox.pending`."""
        found: list[SampleRow | EventRow] = []
        schema_ids = set()
        for seq, row in sorted(self._disk.rows.items(), key=lambda item: (item[1].lane, item[0])):
            if len(found) == limit:
                break
            if seq in exclude:
                continue
            if isinstance(row.content, SampleRow):
                schema_ids.add(row.content.schema_id)
                if len(schema_ids) > 1:
                    break
            found.append(row.content)
        return found

    def settle(self, upto: int, missing: Sequence[Range], seqs: Sequence[int]) -> None:
        """See `Outbox.settle`."""
        lacking = union(missing)
        below = [seq for seq in self._disk.rows if seq <= upto and not contains(lacking, seq)]
        for seq in {*below, *seqs} & self._disk.rows.keys():
            if self._disk.rows.pop(seq).lane is Lane.MONEY:
                self._disk.kept[seq] = "acknowledged"

    def refuse(self, seqs: Sequence[int], reason: str) -> None:
        """See `Outbox.refuse`."""
        for seq in set(seqs) & self._disk.rows.keys():
            del self._disk.rows[seq]
            self._disk.kept[seq] = f"refused: {reason}"

    def schema_payload(self, schema_id: bytes) -> bytes | None:
        """See `Outbox.schema_payload`."""
        return self._disk.schemas.get(schema_id)

    def _take(self, row: _Row) -> int:
        seq = self._next_seq
        self._next_seq += 1
        self._taken[seq] = row
        return seq

    def _shed(self) -> None:
        """Give up the oldest telemetry, a twentieth of the rows at least, and take a `Gap` for each run of it."""
        share = max(len(self._disk.rows) // 20, _SHED_LEAST)
        telemetry = sorted(seq for seq, row in self._disk.rows.items() if row.lane is Lane.TELEMETRY)
        self._give_up(telemetry[:share])

    def _give_up(self, seqs: Iterable[int]) -> None:
        gone = set(seqs)
        for seq in gone:
            del self._disk.rows[seq]
        for first, last in runs(gone):
            self.add_event(*self._moment, Gap(first, last, GapCause.DISK_FULL))


def session(slot: int, taken_seq: int = 1, *, boot: int = 1, start_s: int = 10, last_s: int = 20) -> OpenSession:
    """Describe a session under way that was not found but seen to begin."""
    return replace(OpenSession(slot, taken_seq, boot, start_s, boot, last_s, found=False))
