"""Small real stand-ins for what tests cannot have: each keeps the promises of its port, as a contract suite checks."""

from __future__ import annotations

import json
import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from edge.errors import RetryLater
from edge.io.outbox import BOOT_JUMP_MAX, PRUNE_EVERY_MS, REPEAT_EVERY_MS, SEQ_JUMP_MAX
from edge.io.outbox_custody import KEEP_MONEY_MS, KEEP_SAMPLES_MS
from edge.ports import Backlog, OpenSession, SampleRow, Values
from edge.tallying import DayTally, Sealer, resume
from protocol import events
from protocol.batch import EventRow
from protocol.events import Event, Gap, GapCause, Lane
from protocol.limits import VALUE_MAX
from protocol.ranges import Range, contains, runs, union, without

_SHED_LEAST = 16


@dataclass(frozen=True, slots=True)
class _Row:
    lane: Lane
    content: SampleRow | EventRow


@dataclass(frozen=True, slots=True)
class _Kept:
    row: _Row
    reason: str
    acked_ms: int | None


@dataclass(slots=True)
class _Disk:
    """What a power cut leaves."""

    rows: dict[int, _Row] = field(default_factory=dict)
    kept: dict[int, _Kept] = field(default_factory=dict)
    sessions: tuple[OpenSession, ...] = ()
    boots: dict[str, int] = field(default_factory=dict)
    remembered: dict[str, str] = field(default_factory=dict)
    schemas: dict[bytes, bytes] = field(default_factory=dict)
    last_seq: int = 0
    tally: DayTally = DayTally(1)  # noqa: RUF009  a frozen value


class EvenChance(random.Random):
    """Luck that always draws the same, so that two outboxes jump alike."""

    def randrange(self, start: int, stop: int | None = None, step: int = 1) -> int:
        """Draw the middle."""
        del step
        return start // 2 if stop is None else (start + stop) // 2


class MemoryOutbox:
    """An `Outbox` on a disk that is a Python object; `reopen` is a power cut and a restart.

    While `disk_refuses` holds a complaint, every commit fails with it.
    """

    def __init__(
        self,
        *,
        epoch: int = 1,
        rows_max: int = 1_000_000,
        damage: str | None = None,
        chance: random.Random | None = None,
        key: bytes | None = None,
    ) -> None:
        self.epoch = epoch
        self.damage = damage
        self.disk_refuses: str | None = None
        self._rows_max = rows_max
        self._chance = chance if chance is not None else EvenChance()
        self._remembered: dict[str, str] = {}
        self._boots: dict[str, int] = {}
        self._schemas: dict[bytes, bytes] = {}
        self._given_up: set[int] = set()
        self._pruned_ms = self._repeated_ms = 0
        self._disk = _Disk()
        self._new = True
        self._taken: dict[int, _Row] = {}
        self._next_seq = 1
        self._key = key
        self._tally = DayTally(1).under(self._sealer())
        self._moment = (0, 0)
        self._schema_id = b""

    @property
    def kept(self) -> dict[int, str]:
        """Tell why rows were kept that are no longer pending."""
        return {seq: kept.reason for seq, kept in self._disk.kept.items()}

    def reopen(self, key: bytes | None = None) -> MemoryOutbox:
        """Come back with what was committed, and only that; the device key is a file of its own."""
        again = MemoryOutbox(epoch=self.epoch, rows_max=self._rows_max, chance=self._chance, key=key)
        again._disk = self._disk
        again._new = False
        again._next_seq = self._disk.last_seq + 1
        again._tally = resume(self._disk.tally.to_text(), again._next_seq, again._sealer())
        return again

    def use_key(self, key: bytes) -> None:
        """Seal rows with this device key from the next commit on."""
        self._key = key
        self._tally = self._tally.under(self._sealer())

    def _sealer(self) -> Sealer | None:
        return None if self._key is None else Sealer(self._key, self.epoch)

    def boot_number(self, boot_id: str) -> int:
        """Give this boot its number, above all others; the same boot keeps it."""
        boots = self._disk.boots | self._boots
        last = max(boots.values(), default=0)
        first_ever = self._new and not last
        if boot_id not in boots:
            self._boots[boot_id] = 1 if first_ever else last + 1 + self._chance.randrange(BOOT_JUMP_MAX)
        number = (boots | self._boots)[boot_id]
        if not first_ever:
            first = self._next_seq
            self._next_seq += 1 + self._chance.randrange(SEQ_JUMP_MAX)
            before = max((one for one in self._disk.boots.values() if one < number), default=0)
            self.add_event(number, 0, Gap(first, self._next_seq - 1, GapCause.UNUSED, before))
        return number

    def use_schema(self, schema_id: bytes, payload: bytes) -> None:
        """Take samples under this schema from now on."""
        self._schemas[schema_id] = payload
        self._schema_id = schema_id

    def open_sessions(self) -> list[OpenSession]:
        """See `Outbox.open_sessions`."""
        return sorted(self._disk.sessions, key=lambda session: session.slot)

    def add_sample(self, table: int, boot: int, uptime_s: int, values: Values, *, summary: bool = False) -> int:
        """See `Outbox.add_sample`."""
        self._moment = (boot, uptime_s)
        lane = Lane.SUMMARY if summary else Lane.TELEMETRY
        content = SampleRow(self._next_seq, self._schema_id, table, boot, uptime_s, list(values), lane)
        self._tally = self._tally.with_sample(self._next_seq, self._schema_id, table, self._moment, values)
        return self._take(_Row(lane, content))

    def add_event(self, boot: int, uptime_s: int, event: Event) -> int:
        """See `Outbox.add_event`; the event passes through JSON, as it would on a disk."""
        self._moment = (boot, uptime_s)
        kind, *values = json.loads(json.dumps(events.to_wire(event)))
        row = EventRow(self._next_seq, boot, uptime_s, events.from_wire(kind, values))
        self._tally = self._tally.with_event(row)
        return self._take(_Row(event.lane, row))

    def commit(self, open_sessions: Sequence[OpenSession]) -> None:
        """See `Outbox.commit`."""
        if self._tally.due():
            said, self._tally = self._tally.close(self._next_seq)
            self.add_event(*self._moment, said)
        if self.disk_refuses is not None:
            raise RetryLater(self.disk_refuses)
        if len(self._disk.rows) + len(self._taken) > self._rows_max:
            self._shed()
        for seq in self._given_up:
            self._disk.rows.pop(seq, None)
        self._given_up.clear()
        self._disk.rows |= self._taken
        self._disk.sessions = tuple(open_sessions)
        self._disk.last_seq = self._next_seq - 1
        self._disk.tally = self._tally
        self._disk.remembered |= self._remembered
        self._disk.boots |= self._boots
        self._disk.schemas |= self._schemas
        for written in (self._taken, self._remembered, self._boots, self._schemas):
            written.clear()

    def remember(self, key: str, text: str) -> None:
        """See `Outbox.remember`."""
        self._remembered[key] = text

    def recall(self, key: str) -> str | None:
        """See `Outbox.recall`."""
        return self._disk.remembered.get(key)

    def uncommitted(self) -> int:
        """See `Outbox.uncommitted`."""
        return len(self._taken)

    def backlog(self) -> Backlog:
        """See `Outbox.backlog`."""
        rows = self._disk.rows.values()
        return Backlog(len(rows), sum(row.lane is Lane.ALARM for row in rows))

    def pending(self, limit: int, exclude: frozenset[int], up_to: Lane = Lane.TELEMETRY) -> list[SampleRow | EventRow]:
        """See `Outbox.pending`."""
        found: list[SampleRow | EventRow] = []
        schema_ids = set()
        for seq, row in sorted(self._disk.rows.items(), key=lambda item: (item[1].lane, item[0])):
            if len(found) == limit:
                break
            if row.lane > up_to:
                break
            if seq in exclude:
                continue
            if isinstance(row.content, SampleRow):
                schema_ids.add(row.content.schema_id)
                if len(schema_ids) > 1:
                    break
            found.append(row.content)
        return found

    def rows_in(self, lane: Lane) -> int:
        """See `Outbox.rows_in`."""
        return sum(row.lane is lane for row in self._disk.rows.values())

    def give_up(self, rows: int) -> int:
        """See `Outbox.give_up`."""
        detail = sorted(seq for seq, row in self._disk.rows.items() if row.lane is Lane.TELEMETRY)
        fresh = set(detail[: rows + len(self._given_up)]) - self._given_up
        self._given_up |= fresh
        self._report(fresh, GapCause.SHED_BUDGET)
        return len(fresh)

    def settle(self, upto: int, missing: Sequence[Range], seqs: Sequence[int], utc_ms: int) -> None:
        """See `Outbox.settle`."""
        lacking = union(missing)
        below = [seq for seq in self._disk.rows if seq <= upto and not contains(lacking, seq)]
        for seq in {*below, *seqs} & self._disk.rows.keys():
            self._disk.kept[seq] = _Kept(self._disk.rows.pop(seq), "acknowledged", utc_ms)

    def reclaim(self, lacking: Sequence[Range], utc_ms: int) -> list[Range]:
        """See `Outbox.reclaim`."""
        wanted = union(lacking)
        for seq, kept in list(self._disk.kept.items()):
            if contains(wanted, seq) and kept.acked_ms is not None and kept.acked_ms < utc_ms:
                self._disk.rows[seq] = self._disk.kept.pop(seq).row
        told_all = bool(wanted) and wanted[-1][1] >= VALUE_MAX
        if told_all and abs(utc_ms - self._pruned_ms) >= PRUNE_EVERY_MS:
            self._pruned_ms = utc_ms
            for seq, kept in list(self._disk.kept.items()):
                keep_ms = KEEP_SAMPLES_MS if kept.row.lane >= Lane.SUMMARY else KEEP_MONEY_MS
                if kept.acked_ms is not None and kept.acked_ms < utc_ms - keep_ms:
                    del self._disk.kept[seq]
        waiting = [row.content for row in self._disk.rows.values() if isinstance(row.content, EventRow)]
        gaps = [row.event for row in waiting if isinstance(row.event, Gap)]
        asked = [(first, min(last, self._disk.last_seq)) for first, last in wanted if first <= self._disk.last_seq]
        here = runs({*self._disk.rows, *self._disk.kept})
        return without(asked, [*here, *((gap.first_seq, gap.last_seq) for gap in gaps)])

    def repeat_starts(self, utc_ms: int) -> None:
        """See `Outbox.repeat_starts`."""
        if abs(utc_ms - self._repeated_ms) < REPEAT_EVERY_MS:
            return
        self._repeated_ms = utc_ms
        for seq, kept in list(self._disk.kept.items()):
            event = kept.row.content.event if isinstance(kept.row.content, EventRow) else None
            again = isinstance(event, Gap) and event.cause is GapCause.UNUSED
            if again and kept.acked_ms is not None and kept.acked_ms < utc_ms:
                self._disk.rows[seq] = self._disk.kept.pop(seq).row

    def refuse(self, seqs: Sequence[int], reason: str) -> None:
        """See `Outbox.refuse`."""
        for seq in set(seqs) & self._disk.rows.keys():
            self._disk.kept[seq] = _Kept(self._disk.rows.pop(seq), f"refused: {reason}", None)

    def schema_payload(self, schema_id: bytes) -> bytes | None:
        """See `Outbox.schema_payload`."""
        return (self._disk.schemas | self._schemas).get(schema_id)

    def _take(self, row: _Row) -> int:
        seq = self._next_seq
        self._next_seq += 1
        self._taken[seq] = row
        return seq

    def _shed(self) -> None:
        """Give up the oldest samples, detail first, and take a `Gap` for each run of them."""
        share = max(len(self._disk.rows) // 20, _SHED_LEAST)
        samples = sorted((-row.lane, seq) for seq, row in self._disk.rows.items() if row.lane >= Lane.SUMMARY)
        self._give_up(seq for _, seq in samples[:share])

    def _give_up(self, seqs: Iterable[int]) -> None:
        gone = set(seqs)
        for seq in gone:
            del self._disk.rows[seq]
        self._report(gone, GapCause.DISK_FULL)

    def _report(self, gone: Iterable[int], cause: GapCause) -> None:
        for first, last in runs(gone):
            self.add_event(*self._moment, Gap(first, last, cause))


def session(slot: int, taken_seq: int = 1, *, boot: int = 1, start_s: int = 10, last_s: int = 20) -> OpenSession:
    """Describe a session under way that was not found but seen to begin."""
    return replace(OpenSession(slot, taken_seq, boot, start_s, boot, last_s, found=False))
