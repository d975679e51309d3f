"""When to connect, when to send, what is settled: the delivery of rows as a state machine without a network.

Law: a row leaves the outbox only when an ack of the hub covers it. Broker receipts mean nothing. At most `WINDOW`
batches are in flight; what is not acknowledged in time is sent again, ever less often and in ever smaller batches; a
lost connection puts everything in flight back. Silence costs nothing but patience.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from edge.clock import HubTime
from edge.ports import Backlog
from protocol.control import Ack
from protocol.limits import RANGES_MAX
from protocol.ranges import Range, contains

WINDOW = 2
ROWS_FULL = 480
"""Rows in a batch; a backlog that fills one goes without waiting for the interval."""

ROWS_LEAST = 30
"""Rows in a batch that only finds out whether anybody acknowledges."""

SILENCES_MAX = 3
LATE_MAX = 8
"""Batches given up that are remembered: their acks may still come."""

RETRY_MAX_S = 3600.0
CONNECT_FIRST_S = 2.0
CONNECT_MAX_S = 900.0
CONNECT_PROVEN_S = 60.0
"""A connection that lasted this long, all acknowledged, was a good one; others are tried ever less often."""


@dataclass(frozen=True, slots=True)
class InFlight:
    """A batch on its way; `first_s` is when the same bytes were first sent, which an ack may answer as well.

    None if nobody knows: they may have been sent before, and what is acknowledged then tells no time.
    """

    seqs: frozenset[int]
    schema_id: bytes
    sent_s: float
    first_s: float | None
    ack_later: bool = False
    """The hub was told that it may leave this one to a later ack."""


@dataclass(frozen=True, slots=True)
class Settlement:
    """What one ack decides: rows to let go, rows to set aside, schemas to send, and the hub's time.

    `lacking` is what the hub, at `utc_ms` of its clock, surely had not.
    """

    upto: int
    missing: tuple[Range, ...]
    seqs: tuple[int, ...]
    utc_ms: int = 0
    lacking: tuple[Range, ...] = ()
    forked: bool = False
    """The hub has forgotten, or never knew, what the starts of this epoch passed over."""

    refused: tuple[tuple[tuple[int, ...], str], ...] = ()
    schemas_wanted: tuple[bytes, ...] = ()
    hub_time: HubTime | None = None


@dataclass(slots=True)
class Uplink:
    """The state of delivery; `now_s` is any clock that never goes back."""

    epoch: int
    batch_interval_s: float
    ack_timeout_s: float
    jitter: random.Random
    start_seq: int | None = None
    """The row that declares what this start passed over. Until the hub has it, its sums may speak of a start that the
    card forgot, whose numbers are now those of other rows: only batches that an ack names are settled."""
    acks_every: int = 1
    """Batches to one ack of the hub, while all goes well."""

    in_flight: dict[int, InFlight] = field(default_factory=dict)
    rows_max: int = ROWS_FULL
    """Rows in the next batch: halved while the hub refuses batches, so that one bad row is found and set aside, and
    while it is silent, so that trying costs little."""
    next_batch_s: float = 0.0
    stretch: int = 1
    """By how much the interval between batches is stretched: money that waits for fuller batches costs less."""

    last_ack_s: float | None = None
    _silences: int = 0
    _retry_s: float = 0.0
    _not_before_s: float = 0.0
    _connect_at_s: float = 0.0
    _connect_delay_s: float = CONNECT_FIRST_S
    _connected_s: float | None = None
    _late: dict[int, InFlight] = field(default_factory=dict)
    _schemas_sent: set[bytes] = field(default_factory=set)
    _believed_from_ms: int = 0
    _trusted: bool = False
    """The hub acknowledged something in this connection, and lists all that it lacks."""

    _sent_upto: int = field(init=False)
    """No row beyond this one was ever sent, by this process or one before."""

    def __post_init__(self) -> None:
        self._sent_upto = 0 if self.start_seq is None else self.start_seq - 1

    def should_connect(self, *, connected: bool, connecting: bool, now_s: float, pause_s: float = 0.0) -> bool:
        """Follow the link; True when it is time for another attempt, at least `pause_s` after the one before."""
        if connected:
            if self._connected_s is None:
                self._connected_s = self._not_before_s = now_s
                self._retry_s = 0.0
            return False
        if self._connected_s is not None:
            heard = not self.awaiting() and self._retry_s == 0.0
            if heard and now_s - self._connected_s >= CONNECT_PROVEN_S:
                self._connect_delay_s = CONNECT_FIRST_S
            self._connected_s = None
            self._trusted = False
            self._put_back(now_s)
            # Sites that lost one broker together do not return together.
            self._connect_at_s = now_s + self._jittered(self._connect_delay_s)
        if connecting or now_s < self._connect_at_s:
            return False
        self._connect_at_s = now_s + self._jittered(max(self._connect_delay_s, pause_s))
        self._connect_delay_s = min(2 * self._connect_delay_s, CONNECT_MAX_S)
        return True

    def silent(self) -> bool:
        """Say, once for every `SILENCES_MAX` batches in a row without any ack, that the connection may be dead."""
        if self._silences < SILENCES_MAX:
            return False
        self._silences = 0
        return True

    def may_send(self, backlog: Backlog, now_s: float) -> bool:
        """Say whether another batch should go now: the interval is over, an alarm waits, or a backlog does."""
        self._expire(now_s)
        if self.awaiting() >= WINDOW or now_s < self._not_before_s or self._waiting(backlog) <= 0:
            return False
        return not self.in_haste(backlog, now_s) or (backlog.urgent > 0 and not self.awaiting())

    def in_haste(self, backlog: Backlog, now_s: float) -> bool:
        """Say whether neither the time nor the backlog calls for a batch: then only what is urgent goes."""
        return now_s < self.next_batch_s and self._waiting(backlog) < self.rows_max

    def awaiting(self) -> int:
        """Count the batches whose ack is due."""
        return sum(not batch.ack_later for batch in self.in_flight.values())

    def may_wait(self, backlog: Backlog) -> bool:
        """Say whether the next batch can do without an ack of its own."""
        healthy = self._trusted and self._retry_s == 0.0 and not self.awaiting() and not backlog.urgent
        return healthy and len(self.in_flight) < self.acks_every - 1 and self._waiting(backlog) < self.rows_max

    def sent(
        self, batch_id: int, seqs: Sequence[int], schema_id: bytes, now_s: float, *, ack_later: bool = False
    ) -> None:
        """Note a batch that was handed to the network."""
        before = self._late.pop(batch_id, None)
        fresh = max(seqs) > self._sent_upto
        first_s = before.first_s if before is not None else now_s if fresh else None
        self._sent_upto = max(self._sent_upto, *seqs)
        self.in_flight[batch_id] = InFlight(frozenset(seqs), schema_id, now_s, first_s, ack_later)
        if now_s >= self.next_batch_s:
            self.next_batch_s = now_s + self.batch_interval_s * self.stretch

    def go_on(self, backlog: Backlog, now_s: float) -> None:
        """Let what a batch had to leave behind, samples of another schema above all, follow it at once."""
        if self._waiting(backlog) > 0:
            self.next_batch_s = now_s

    def excluded(self) -> frozenset[int]:
        """Name the rows that are on their way already."""
        return frozenset().union(*(batch.seqs for batch in self.in_flight.values()))

    def acknowledged(self, ack: Ack, now_s: float) -> Settlement | None:
        """Read one ack; None when it speaks of another epoch (0 stands for a batch the hub could not read)."""
        if ack.epoch == 0:
            ack = replace(ack, upto=0, missing=(), batches=())
        elif ack.epoch != self.epoch:
            return None
        self._silences = 0
        done = [batch for batch_id in ack.batches if (batch := self._arrived(batch_id)) is not None]
        if any(self.start_seq in batch.seqs for batch in done):
            self.start_seq, self._believed_from_ms = None, ack.utc_ms
        believed = self.start_seq is None and ack.utc_ms >= self._believed_from_ms and not ack.forked
        if not believed:
            ack = replace(ack, upto=0, missing=())
        covered = [batch_id for batch_id, batch in self.in_flight.items() if _covers(ack, batch)]
        for batch_id in covered:
            del self.in_flight[batch_id]
        if done or covered:
            self._trusted = believed and len(ack.missing) < RANGES_MAX
            self._take_back(max((batch.sent_s for batch in done), default=0.0))
            self.rows_max = min(2 * self.rows_max, ROWS_FULL)
            self.last_ack_s, self._retry_s, self._not_before_s = now_s, 0.0, now_s
            self._connect_delay_s = CONNECT_FIRST_S
            self._schemas_sent.clear()
        sent_s = [batch.first_s for batch in done if batch.first_s is not None]
        refused = self._refused(ack, now_s)
        self._await_schemas(ack, now_s)
        return Settlement(
            upto=ack.upto,
            missing=ack.missing,
            seqs=tuple(seq for batch in done for seq in batch.seqs),
            utc_ms=ack.utc_ms,
            lacking=ack.lacking() if believed else (),
            forked=ack.forked,
            refused=refused,
            schemas_wanted=ack.schemas_wanted,
            hub_time=HubTime(ack.utc_ms, max(sent_s), now_s) if sent_s else None,
        )

    def _waiting(self, backlog: Backlog) -> int:
        return backlog.rows - sum(len(batch.seqs) for batch in self.in_flight.values())

    def _take_back(self, sent_s: float) -> None:
        """Take batches for lost that were left to a later ack, when that ack does not cover them."""
        for batch_id, batch in list(self.in_flight.items()):
            if batch.ack_later and batch.sent_s <= sent_s:
                self._late[batch_id] = self.in_flight.pop(batch_id)

    def _arrived(self, batch_id: int) -> InFlight | None:
        return self.in_flight.pop(batch_id, None) or self._late.pop(batch_id, None)

    def _refused(self, ack: Ack, now_s: float) -> tuple[tuple[tuple[int, ...], str], ...]:
        """Halve what was refused until a single row is left, and give up only that one, ever more hesitantly."""
        given_up = []
        for item in ack.refused:
            batch = self.in_flight.pop(item.batch_id, None)
            if batch is None:
                continue
            self.last_ack_s = now_s
            self.rows_max = max(len(batch.seqs) // 2, 1)
            if len(batch.seqs) == 1:
                given_up.append((tuple(batch.seqs), item.reason))
                self._back_off(now_s)
            else:
                self.next_batch_s = min(self.next_batch_s, now_s)
        return tuple(given_up)

    def _await_schemas(self, ack: Ack, now_s: float) -> None:
        """Let batches go again after their schema: at once, but not if the hub keeps asking for the same one."""
        for batch_id in [key for key, batch in self.in_flight.items() if batch.schema_id in ack.schemas_wanted]:
            schema_id = self.in_flight.pop(batch_id).schema_id
            if schema_id in self._schemas_sent:
                self._back_off(now_s)
            else:
                self.next_batch_s = min(self.next_batch_s, now_s)
        self._schemas_sent.update(ack.schemas_wanted)

    def _expire(self, now_s: float) -> None:
        """Give up waiting when an ack is overdue, and wait longer before the next attempt."""
        if any(now_s - b.sent_s >= self.ack_timeout_s for b in self.in_flight.values() if not b.ack_later):
            self._silences += 1
            self._put_back(now_s)
            self._back_off(now_s)
        patience_s = (self.acks_every + 1) * self.batch_interval_s * self.stretch
        if any(now_s - b.sent_s >= patience_s for b in self.in_flight.values() if b.ack_later):
            # Nothing followed that would have brought the ack along: they go again, and ask.
            self._take_back(now_s)
            self._trusted = False

    def _put_back(self, now_s: float) -> None:
        """Take nothing for delivered whose ack was due; should it come after all, it still counts.

        What was left to a later ack may well have arrived: the next ack tells.
        """
        due = {batch_id: batch for batch_id, batch in self.in_flight.items() if not batch.ack_later}
        if not due:
            return
        self._late.update(due)
        for batch_id in list(self._late)[:-LATE_MAX]:
            del self._late[batch_id]
        for batch_id in due:
            del self.in_flight[batch_id]
        self.rows_max = max(self.rows_max // 2, min(self.rows_max, ROWS_LEAST))
        self.next_batch_s = min(self.next_batch_s, now_s)

    def _back_off(self, now_s: float) -> None:
        self._retry_s = min(max(2 * self._retry_s, self.ack_timeout_s), RETRY_MAX_S)
        self._not_before_s = now_s + self._jittered(self._retry_s)
        self.next_batch_s = min(self.next_batch_s, self._not_before_s)

    def _jittered(self, delay_s: float) -> float:
        return delay_s * self.jitter.uniform(0.5, 1.5)


def _covers(ack: Ack, batch: InFlight) -> bool:
    """Say whether a cumulative ack settles a whole batch that it does not name: its own ack was lost."""
    return all(seq <= ack.upto and not contains(ack.missing, seq) for seq in batch.seqs)
