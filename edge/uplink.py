"""When to connect, when to send, what is settled: the delivery of rows as a state machine without a network.

Law: a row leaves the outbox only when an ack of the hub covers it. Broker receipts mean nothing. At most `WINDOW`
batches are in flight; what is not acknowledged in time is sent again, ever less often; a lost connection puts
everything in flight back. Silence costs nothing but patience.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field

from edge.clock import HubTime
from edge.ports import Backlog
from protocol.control import Ack
from protocol.ranges import Range

WINDOW = 2
ROWS_FULL = 480
"""A backlog of this many rows is worth a batch without waiting for the interval."""

RETRY_MAX_S = 3600.0
CONNECT_FIRST_S = 2.0
CONNECT_MAX_S = 900.0


@dataclass(frozen=True, slots=True)
class InFlight:
    """A batch on its way."""

    seqs: frozenset[int]
    schema_id: bytes
    sent_s: float


@dataclass(frozen=True, slots=True)
class Settlement:
    """What one ack decides: rows to let go, rows to set aside, schemas to send, and the hub's time."""

    upto: int
    missing: tuple[Range, ...]
    seqs: tuple[int, ...]
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
    in_flight: dict[int, InFlight] = field(default_factory=dict)
    rows_max: int = ROWS_FULL
    """Rows in the next batch: halved while the hub refuses batches, so that one bad row is found and set aside."""
    next_batch_s: float = 0.0
    last_ack_s: float | None = None
    _retry_s: float = 0.0
    _not_before_s: float = 0.0
    _connect_at_s: float = 0.0
    _connect_delay_s: float = CONNECT_FIRST_S
    _was_connected: bool = False

    def should_connect(self, *, connected: bool, connecting: bool, now_s: float) -> bool:
        """Follow the link; True when it is time for another attempt."""
        if connected:
            if not self._was_connected:
                self._retry_s = 0.0
                self._not_before_s = now_s
            self._was_connected = True
            return False
        if self._was_connected:
            self._was_connected = False
            self.in_flight.clear()
            # The first attempt after a loss is quick; sites that lost one broker together do not return together.
            self._connect_delay_s = CONNECT_FIRST_S
            self._connect_at_s = now_s + self._jittered(CONNECT_FIRST_S)
        if connecting or now_s < self._connect_at_s:
            return False
        self._connect_at_s = now_s + self._jittered(self._connect_delay_s)
        self._connect_delay_s = min(2 * self._connect_delay_s, CONNECT_MAX_S)
        return True

    def may_send(self, backlog: Backlog, now_s: float) -> bool:
        """Say whether another batch should go now: the interval is over, an alarm waits, or a backlog does."""
        self._expire(now_s)
        if len(self.in_flight) >= WINDOW or now_s < self._not_before_s:
            return False
        waiting = backlog.rows - sum(len(batch.seqs) for batch in self.in_flight.values())
        if waiting <= 0:
            return False
        return now_s >= self.next_batch_s or waiting >= ROWS_FULL or (backlog.urgent > 0 and not self.in_flight)

    def sent(self, batch_id: int, seqs: Sequence[int], schema_id: bytes, now_s: float) -> None:
        """Note a batch that was handed to the network."""
        self._connect_delay_s = CONNECT_FIRST_S
        self.in_flight[batch_id] = InFlight(frozenset(seqs), schema_id, now_s)
        if now_s >= self.next_batch_s:
            self.next_batch_s = now_s + self.batch_interval_s

    def excluded(self) -> frozenset[int]:
        """Name the rows that are on their way already."""
        return frozenset().union(*(batch.seqs for batch in self.in_flight.values()))

    def acknowledged(self, ack: Ack, now_s: float) -> Settlement | None:
        """Read one ack; None when it speaks of another epoch (0 stands for a batch the hub could not read)."""
        if ack.epoch not in (self.epoch, 0):
            return None
        done = [self.in_flight.pop(batch_id) for batch_id in ack.batches if batch_id in self.in_flight]
        refused = self._refused(ack)
        if done:
            self.rows_max = min(2 * self.rows_max, ROWS_FULL)
        for batch_id, batch in list(self.in_flight.items()):
            if batch.schema_id in ack.schemas_wanted:
                del self.in_flight[batch_id]  # it goes again, after its schema
        if done or refused:
            self.last_ack_s, self._retry_s, self._not_before_s = now_s, 0.0, now_s
        return Settlement(
            upto=ack.upto,
            missing=ack.missing,
            seqs=tuple(seq for batch in done for seq in batch.seqs),
            refused=refused,
            schemas_wanted=ack.schemas_wanted,
            hub_time=HubTime(ack.utc_ms, max(batch.sent_s for batch in done), now_s) if done else None,
        )

    def _refused(self, ack: Ack) -> tuple[tuple[tuple[int, ...], str], ...]:
        """Halve what was refused until a single row is left, and give up only that one."""
        given_up = []
        for item in ack.refused:
            batch = self.in_flight.pop(item.batch_id, None)
            if batch is None:
                continue
            if len(batch.seqs) == 1:
                given_up.append((tuple(batch.seqs), item.reason))
            self.rows_max = max(len(batch.seqs) // 2, 1)
        return tuple(given_up)

    def _expire(self, now_s: float) -> None:
        """Give up waiting for acks that are overdue, and wait longer before the next attempt."""
        overdue = [key for key, batch in self.in_flight.items() if now_s - batch.sent_s >= self.ack_timeout_s]
        if not overdue:
            return
        self.in_flight.clear()
        self._retry_s = min(max(2 * self._retry_s, self.ack_timeout_s), RETRY_MAX_S)
        self._not_before_s = now_s + self._jittered(self._retry_s)
        self.next_batch_s = min(self.next_batch_s, self._not_before_s)

    def _jittered(self, delay_s: float) -> float:
        return delay_s * self.jitter.uniform(0.5, 1.5)
