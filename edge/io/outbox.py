"""The outbox as its one writer has it: rows taken, committed, settled, refused, and given up when there is no room.

Rows get their seq when they are taken and exist for others once `commit` has returned. A power cut loses what was
taken since the last commit, and nothing else. Whatever is given up goes in the transaction that stores its `Gap`.
Each start begins at a random distance beyond all seqs before it, and each boot beyond all boots: a card that forgot its
last rows, or an old image of one, cannot give a seq twice. A start writes nothing before the first commit, so that it
needs no room on a full disk. `outbox_file` opens the file, `outbox_view` reads it, `outbox_custody` moves
acknowledged rows, `outbox_space` tells how much room there is, `outbox_salvage` reads what a damaged one has left; the
six are the sole importers of apsw.
"""

from __future__ import annotations

import logging
import random
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress

import apsw

from edge import tallying
from edge.io import outbox_custody as custody
from edge.io.outbox_file import HIGHEST_SEQ, NOT_THE_FILE, open_or_replace, refusal, transaction
from edge.io.outbox_space import Space
from edge.io.outbox_view import OutboxView, body_text, check_sum, session_columns
from edge.ports import Backlog, OpenSession, SampleRow, Values
from protocol import events
from protocol.batch import EventRow
from protocol.events import Event, Gap, GapCause, Lane
from protocol.limits import VALUE_MAX
from protocol.ranges import Range, holes, runs, union, without

_LOG = logging.getLogger(__name__)

UNCOMMITTED_MAX = 5_000
"""Rows held in memory while the disk refuses them; beyond that the oldest telemetry is given up and counted."""

SEQ_JUMP_MAX = 2**32
BOOT_JUMP_MAX = 2**24
"""How far a start may begin beyond what is known of the one before: two that forked from one state do not meet."""

PRUNE_EVERY_MS = REPEAT_EVERY_MS = 3_600_000
_SHED_SHARE, _SHED_MIN = 20, 64
_Row = tuple[int, int, bytes | None, int | None, int, int, bytes]
_BOOT_BEFORE = "SELECT coalesce(max(number), 0) FROM boots WHERE number < ?"
_INSERT = "INSERT INTO rows (seq, lane, schema_id, tab, boot, uptime_s, body, sum) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
_INSERT_SESSION = "INSERT INTO open_sessions VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
_REMEMBER = "INSERT OR REPLACE INTO meta VALUES (?, ?)"
_TALLY = "tally"
_GIVEN_UP_FIRST = "SELECT seq FROM rows WHERE lane >= ? ORDER BY lane DESC, seq LIMIT ?"


class SqliteOutbox(OutboxView):
    """The outbox of one site; use from one thread only. `chance` draws epochs and jumps, the device key seals rows."""

    def __init__(self, space: Space, chance: random.Random | None = None, key: bytes | None = None) -> None:
        self._space = space
        self._path = space.path
        self._chance = chance if chance is not None else random.SystemRandom()
        self._taken: list[_Row] = []
        self._remembered: dict[str, str] = {}
        self._boots: dict[str, int] = {}
        self._schemas: dict[bytes, bytes] = {}
        self._given_up: set[int] = set()
        self._moment = (0, 0)
        self.start_seq: int | None = None
        """The row that declares what this start passed over, if it did."""

        self._unused_again: list[Range] = []
        self._schema_id: bytes | None = None
        self._pruned_ms = self._repeated_ms = 0
        opened = open_or_replace(space.path, self._chance)
        self.damage = opened.damage
        self._new = opened.new
        super().__init__(opened.db)
        self._next_seq = 1 + self._scalar(HIGHEST_SEQ)
        sealer = None if key is None else tallying.Sealer(key, self.epoch)
        self._tally = tallying.resume(self.recall(_TALLY), self._next_seq, sealer)
        self._rows = self._scalar("SELECT count(*) FROM rows")
        self._urgent = self.rows_in(Lane.ALARM)

    def close(self) -> None:
        """Close the file; what was not committed is gone. What a full disk keeps from being tidied stays as it is."""
        self._db.close(force=True)

    def boot_number(self, boot_id: str) -> int:
        """Give this boot its number within the epoch, above all others; the same boot keeps it.

        The next commit stores it, and declares unused the seqs that every start but the very first passes over.
        """
        last = max([self._scalar("SELECT coalesce(max(number), 0) FROM boots"), *self._boots.values()])
        number = self._boots.get(boot_id)
        if number is None:
            number = self._db.execute("SELECT number FROM boots WHERE boot_id = ?", (boot_id,)).get
        first_ever = self._new and last == 0
        if number is None:
            number = self._boots[boot_id] = 1 if first_ever else last + 1 + self._chance.randrange(BOOT_JUMP_MAX)
        if not first_ever:
            first = self._next_seq
            self._next_seq += 1 + self._chance.randrange(SEQ_JUMP_MAX)
            before = self._scalar(_BOOT_BEFORE, (number,))
            gap = Gap(first, self._next_seq - 1, GapCause.UNUSED, before)
            self.start_seq = self.add_event(number, 0, gap)
        return int(number)

    def use_schema(self, schema_id: bytes, payload: bytes) -> None:
        """Take samples under this schema from now on; the next commit stores it."""
        self._schemas[schema_id] = payload
        self._schema_id = schema_id

    def use_key(self, key: bytes) -> None:
        """Seal rows with this device key from the next commit on."""
        self._tally = self._tally.under(tallying.Sealer(key, self.epoch))

    def schema_payload(self, schema_id: bytes) -> bytes | None:
        """See `Outbox.schema_payload`."""
        return self._schemas.get(schema_id) or super().schema_payload(schema_id)

    def add_sample(self, table: int, boot: int, uptime_s: int, values: Values, *, summary: bool = False) -> int:
        """See `Outbox.add_sample`."""
        lane = Lane.SUMMARY if summary else Lane.TELEMETRY
        moment = (boot, uptime_s)
        self._tally = self._tally.with_sample(self._next_seq, self._schema_id or b"", table, moment, values)
        return self._take(lane, self._schema_id, table, boot, uptime_s, list(values))

    def add_event(self, boot: int, uptime_s: int, event: Event) -> int:
        """See `Outbox.add_event`."""
        self._tally = self._tally.with_event(EventRow(self._next_seq, boot, uptime_s, event))
        return self._take(event.lane, None, None, boot, uptime_s, events.to_wire(event))

    def uncommitted(self) -> int:
        """See `Outbox.uncommitted`."""
        return len(self._taken)

    def remember(self, key: str, text: str) -> None:
        """See `Outbox.remember`."""
        self._remembered[key] = text

    def commit(self, open_sessions: Sequence[OpenSession]) -> None:
        """See `Outbox.commit`."""
        share = self._shed_share() if self._crowded() else 0
        if self._tally.due():
            said, self._tally = self._tally.close(self._next_seq)
            self.add_event(*self._moment, said)
        try:
            self._write(open_sessions, share)
        except apsw.FullError as error:
            if not self._write_in_little_space(open_sessions, share):
                self._shed_taken()
                raise refusal(self._path, error) from error
        except NOT_THE_FILE as error:
            self._shed_taken()
            raise refusal(self._path, error) from error

    def backlog(self) -> Backlog:
        """See `Outbox.backlog`."""
        return Backlog(self._rows, self._urgent)

    def pending(self, limit: int, exclude: frozenset[int], up_to: Lane = Lane.TELEMETRY) -> list[SampleRow | EventRow]:
        """See `Outbox.pending`; a row found damaged is reported as a `Gap` and set aside by the next commit."""
        known = set(self.damaged)
        found = super().pending(limit, exclude, up_to)
        self._report(self.damaged - known, GapCause.OUTBOX_DAMAGED)
        return found

    def give_up(self, rows: int) -> int:
        """See `Outbox.give_up`."""
        fresh = custody.oldest_detail(self._db, rows + len(self._given_up)) - self._given_up
        self._given_up |= fresh
        self._report(fresh, GapCause.SHED_BUDGET)
        return len(fresh)

    def settle(self, upto: int, missing: Sequence[Range], seqs: Sequence[int], utc_ms: int) -> None:
        """See `Outbox.settle`; what a full disk will not let go of stays until a later ack."""
        ranges = union([*holes(union(missing), upto), *runs(seqs)])
        if not self._moved(lambda: -custody.let_go(self._db, ranges, utc_ms)):
            self._moved(lambda: -custody.let_go_in_little_space(self._db, ranges, utc_ms))

    def reclaim(self, lacking: Sequence[Range], utc_ms: int) -> list[Range]:
        """See `Outbox.reclaim`; what cannot be told yet, because much still waits, a later ack will ask again."""
        ranges = union(lacking)
        self._moved(lambda: custody.take_back(self._db, ranges, utc_ms))
        told_all = bool(ranges) and ranges[-1][1] >= VALUE_MAX
        if told_all and abs(utc_ms - self._pruned_ms) >= PRUNE_EVERY_MS:
            self._pruned_ms = utc_ms
            self._moved(lambda: custody.prune(self._db, utc_ms))
        highest = self._scalar(HIGHEST_SEQ)
        if self._rows >= UNCOMMITTED_MAX:
            return []
        in_vain = without(custody.in_vain(self._db, ranges, highest), self._unused_again)
        # The hub doubts what a start passed over when it knows of another one that lived there, forgotten here.
        unused = custody.passed_over(self._db, in_vain) if in_vain else []
        self._unused_again = union([*self._unused_again, *unused])
        for first, last in unused:
            self.add_event(*self._moment, Gap(first, last, GapCause.UNUSED))
        return without(in_vain, unused)

    def repeat_starts(self, utc_ms: int) -> None:
        """See `Outbox.repeat_starts`."""
        if abs(utc_ms - self._repeated_ms) < REPEAT_EVERY_MS:
            return
        self._repeated_ms = utc_ms
        self._moved(lambda: custody.take_starts_back(self._db, utc_ms))

    def refuse(self, seqs: Sequence[int], reason: str) -> None:
        """See `Outbox.refuse`; what a full disk will not set aside is sent, and refused, again."""
        self._moved(lambda: -custody.set_aside(self._db, runs(seqs), f"refused: {reason}"))

    def _take(
        self, lane: Lane, schema_id: bytes | None, table: int | None, boot: int, uptime_s: int, body: Sequence[object]
    ) -> int:
        seq = self._next_seq
        self._next_seq += 1
        self._moment = (boot, uptime_s)
        self._taken.append((seq, int(lane), schema_id, table, boot, uptime_s, body_text(body)))
        return seq

    def _report(self, seqs: Iterable[int], cause: GapCause) -> None:
        """Take a `Gap` for every run of rows that will not come, stamped like the latest row."""
        for first, last in runs(seqs):
            self.add_event(*self._moment, Gap(first, last, cause))

    def _write(self, open_sessions: Sequence[OpenSession], share: int) -> None:
        """Store all that was taken in one transaction, giving up `share` samples in the same one, detail first."""
        shed = [seq for (seq,) in self._db.execute(_GIVEN_UP_FIRST, (Lane.SUMMARY, share))]
        taken, next_seq, tally = len(self._taken), self._next_seq, self._tally
        self._report(shed, GapCause.DISK_FULL)
        try:
            with transaction(self._db):
                gone = custody.set_aside(self._db, runs(self.damaged), "damaged")
                gone += custody.delete(self._db, runs({*shed, *self._given_up}))
                self._db.executemany("INSERT INTO boots (boot_id, number) VALUES (?, ?)", list(self._boots.items()))
                # What stands there may be damaged.
                schemas = [(*schema, check_sum(*schema)) for schema in self._schemas.items()]
                self._db.executemany("INSERT OR REPLACE INTO schemas VALUES (?, ?, ?)", schemas)
                self._db.executemany(_INSERT, [(*row, check_sum(*row)) for row in self._taken])
                self._db.execute("DELETE FROM open_sessions")
                self._db.executemany(_INSERT_SESSION, map(session_columns, open_sessions))
                self._db.executemany(_REMEMBER, [*self._remembered.items(), (_TALLY, self._tally.to_text())])
        except apsw.Error:
            del self._taken[taken:]
            self._next_seq, self._tally = next_seq, tally
            raise
        if shed:
            _LOG.warning("outbox full: the %d oldest samples were given up", len(shed))
        self._rows += len(self._taken) - gone
        self._urgent = self.rows_in(Lane.ALARM)
        for written in (self._taken, self._remembered, self._boots, self._schemas, self._given_up):
            written.clear()
        self.damaged.clear()

    def _write_in_little_space(self, open_sessions: Sequence[OpenSession], share: int) -> bool:
        """On a full disk, write over what is no longer needed, then give up ever more of the oldest samples."""
        with suppress(apsw.Error):
            self._db.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_RESTART)
        with suppress(apsw.Error), transaction(self._db):
            custody.forget_samples(self._db)
        most = self._scalar("SELECT count(*) FROM rows WHERE lane >= ?", (Lane.SUMMARY,))
        while True:
            try:
                self._write(open_sessions, share)
            except NOT_THE_FILE:
                if share >= most:
                    return False
                share = max(4 * share, self._shed_share())
            else:
                return True

    def _moved(self, move: Callable[[], int]) -> bool:
        """Run one move of rows in a transaction; `move` returns by how many the waiting rows change."""
        try:
            with transaction(self._db):
                change = move()
        except NOT_THE_FILE as error:
            _LOG.warning("%s", refusal(self._path, error))
            return False
        self._rows += change
        self._urgent = self.rows_in(Lane.ALARM)
        return True

    def _crowded(self) -> bool:
        """Say whether samples must go that the hub lacks, once those that it has are forgotten."""
        rows = self._rows + len(self._taken)
        if not self._space.crowded(self._db, rows):
            return False
        with suppress(apsw.Error), transaction(self._db):
            custody.forget_samples(self._db)
        return self._space.crowded(self._db, rows)

    def _shed_share(self) -> int:
        return max(self._rows // _SHED_SHARE, _SHED_MIN)

    def _shed_taken(self) -> None:
        """Keep the memory bounded while the disk refuses everything: samples go, money stays."""
        if len(self._taken) <= UNCOMMITTED_MAX:
            return
        excess = len(self._taken) - UNCOMMITTED_MAX + UNCOMMITTED_MAX // _SHED_SHARE
        gone = set([row[0] for row in self._taken if row[1] >= Lane.SUMMARY][:excess])
        self._taken = [row for row in self._taken if row[0] not in gone]
        self._report(gone, GapCause.DISK_FULL)
