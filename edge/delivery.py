"""Rows on their way to the hub: batches out, acks in, and what each ack lets go of.

`Uplink` decides when; this module lays rows out as batches, hands them to the link, and brings what an ack says back
into the outbox.
"""

from __future__ import annotations

import logging
from typing import Protocol

from edge.clock import HubTime, Instant
from edge.ports import Link, Outbox, SampleRow
from edge.uplink import Settlement, Uplink
from protocol import batch
from protocol.batch import Batch, EventRow, TableRows
from protocol.events import Event, Gap, GapCause
from protocol.limits import PAYLOAD_MAX_BYTES
from protocol.ranges import runs
from protocol.topics import Channel

_LOG = logging.getLogger(__name__)


class Recorder(Protocol):
    """What delivery asks of the agent: to record what it learns."""

    def event(self, uptime_s: int, event: Event) -> int:
        """Take an event; returns its seq."""

    def commit(self, uptime_s: float) -> bool:
        """Make everything taken so far survive a power cut; False when the disk refuses."""

    def anchor(self, now: Instant, hub_time: HubTime | None) -> None:
        """Take an anchor when one is due."""


class Delivery:
    """The way of one site's rows to its hub, in one boot."""

    def __init__(self, outbox: Outbox, link: Link, uplink: Uplink, recorder: Recorder) -> None:
        self._outbox = outbox
        self._link = link
        self._recorder = recorder
        self.uplink = uplink
        self.sent_bytes = 0

    def step(self, now: Instant, now_s: float) -> None:
        """Send what the hub lacks and let go of what it has; `now_s` is the clock of the network's patience."""
        for ack in self._link.acks():
            settlement = self.uplink.acknowledged(ack, now_s)
            if settlement is not None:
                self._settle(settlement, now)
        connected = self._link.connected()
        if connected and self.uplink.silent():
            _LOG.warning("the hub has not acknowledged anything for a while; connecting anew")
            self._link.hang_up()
            connected = False
        if self.uplink.should_connect(connected=connected, connecting=self._link.connecting(), now_s=now_s):
            self._link.connect()
        while connected and self.uplink.may_send(self._outbox.backlog(), now_s):
            if not self._send(now_s):
                break

    def _settle(self, settlement: Settlement, now: Instant) -> None:
        self._outbox.settle(settlement.upto, settlement.missing, settlement.seqs, settlement.utc_ms)
        if settlement.forked:
            self._outbox.repeat_starts(settlement.utc_ms)
        for first, last in self._outbox.reclaim(settlement.lacking, settlement.utc_ms):
            self._recorder.event(int(now.uptime_s), Gap(first, last, GapCause.LET_GO))
        for seqs, reason in settlement.refused:
            _LOG.error("the hub refused rows %s: %s", runs(seqs), reason)
            for first, last in runs(seqs):
                self._recorder.event(int(now.uptime_s), Gap(first, last, GapCause.REFUSED_BY_HUB))
            # Declared before it is given up: a power cut in between must not leave a hole that nobody explains.
            if self._recorder.commit(now.uptime_s):
                self._outbox.refuse(seqs, reason)
        for schema_id in settlement.schemas_wanted:
            payload = self._outbox.schema_payload(schema_id)
            if payload is not None:
                self._publish(Channel.SCHEMA, payload)
        self._recorder.anchor(now, settlement.hub_time)

    def _send(self, now_s: float) -> bool:
        rows = self._outbox.pending(self.uplink.rows_max, self.uplink.excluded())
        if not rows:
            return False
        rows, message, payload = fitting(self._outbox.epoch, rows)
        self._publish(Channel.UP, payload)
        self.uplink.sent(batch.batch_id(payload), [row.seq for row in rows], message.schema_id, now_s)
        return True

    def _publish(self, channel: Channel, payload: bytes) -> None:
        self.sent_bytes += len(payload)
        self._link.publish(channel, payload)


def fitting(epoch: int, rows: list[SampleRow | EventRow]) -> tuple[list[SampleRow | EventRow], Batch, bytes]:
    """Encode as many of the rows, from the first on, as fit one payload."""
    while True:
        message = compose(epoch, rows)
        payload = batch.encode(message)
        if len(payload) <= PAYLOAD_MAX_BYTES or len(rows) == 1:
            return rows, message, payload
        rows = rows[: len(rows) // 2]


def compose(epoch: int, rows: list[SampleRow | EventRow]) -> Batch:
    """Lay rows of one schema out as a batch: samples column by column, events one by one."""
    samples: dict[int, list[SampleRow]] = {}
    for row in rows:
        if isinstance(row, SampleRow):
            samples.setdefault(row.table, []).append(row)
    schema_id = next((row.schema_id for row in rows if isinstance(row, SampleRow)), b"")
    return Batch(
        epoch,
        schema_id,
        tuple(_table(table, sorted(samples[table], key=_seq)) for table in sorted(samples)),
        tuple(row for row in rows if isinstance(row, EventRow)),
    )


def _seq(row: SampleRow) -> int:
    return row.seq


def _table(table: int, rows: list[SampleRow]) -> TableRows:
    return TableRows(
        table,
        tuple(row.seq for row in rows),
        tuple(row.boot for row in rows),
        tuple(row.uptime_s for row in rows),
        tuple(zip(*(row.values for row in rows), strict=True)),
    )
