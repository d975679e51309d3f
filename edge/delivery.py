"""Rows on their way to the hub: batches out, acks in, and what each ack lets go of.

`Uplink` decides when; this module lays rows out as batches, hands them to the link, and brings what an ack says back
into the outbox.
"""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import Protocol

from edge.account import Account
from edge.clock import HubTime, Instant
from edge.ports import Backlog, Link, Outbox, SampleRow
from edge.traffic import Kind
from edge.uplink import Settlement, Uplink
from protocol import batch
from protocol.batch import Batch, EventRow, TableRows
from protocol.control import encode_ack
from protocol.events import AlarmCleared, AlarmRaised, Event, Gap, GapCause, Lane
from protocol.limits import PAYLOAD_MAX_BYTES
from protocol.ranges import runs
from protocol.topics import Channel

_LOG = logging.getLogger(__name__)

SHEDDING = "budget-shed"
LOOK_EVERY_S = 600.0
"""How often it is judged whether all that waits can be carried."""

POOR_STRETCH = 4
POOR_PAUSE_S = 3 * 3600.0
"""With nothing left to spend, money waits for batches four times as full, and connections are tried this rarely."""


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

    def __init__(self, outbox: Outbox, link: Link, uplink: Uplink, account: Account, recorder: Recorder) -> None:
        self._outbox = outbox
        self._link = link
        self._recorder = recorder
        self._next_look_s = 0.0
        self.uplink = uplink
        self.account = account

    def step(self, now: Instant, now_s: float, *, dated: bool = True) -> None:
        """Send what the hub lacks and let go of what it has; `now_s` is the clock of the network's patience.

        The hub's time is void unless `dated`: where that clock is no uptime, it would make good clocks look wrong.
        """
        for ack in self._link.acks():
            self.account.received(len(encode_ack(ack)), now_s)
            settlement = self.uplink.acknowledged(ack, now_s)
            if settlement is not None:
                self._settle(settlement if dated else replace(settlement, hub_time=None), now, now_s)
        connected = self._link.connected()
        if connected and self.uplink.silent():
            _LOG.warning("the hub has not acknowledged anything for a while; connecting anew")
            self._link.hang_up()
            connected = False
        self.account.link_is(connected=connected, now_s=now_s)
        self._keep_account(now, connected=connected)
        limit = self.account.budget.limit()
        self.uplink.stretch = POOR_STRETCH if limit is Lane.MONEY else 1
        pause_s = POOR_PAUSE_S if limit is Lane.MONEY else 0.0
        connecting = self._link.connecting()
        if self.uplink.should_connect(connected=connected, connecting=connecting, now_s=now_s, pause_s=pause_s):
            self.account.attempted()
            self._link.connect()
        while connected and self._send(limit, now_s):
            limit = self.account.budget.limit()

    def publish(self, kind: Kind, payload: bytes, now_s: float) -> None:
        """Send a message that is not a batch, and book it."""
        self.account.sent(kind, len(payload), now_s)
        self._link.publish(Channel.LIVE if kind is Kind.LIVE else Channel.SCHEMA, payload)

    def _keep_account(self, now: Instant, *, connected: bool) -> None:
        """Close the account of a day that has ended, and give up detail that no budget will carry."""
        budget, uptime_s = self.account.budget, int(now.uptime_s)
        ended = self.account.turn(now)
        if ended is not None:
            self._recorder.event(uptime_s, ended)
            if budget.shedding and not ended.shed_rows:
                budget.shedding = False
                self._recorder.event(uptime_s, AlarmCleared(SHEDDING))
        if not connected or now.uptime_s < self._next_look_s:
            return
        self._next_look_s = now.uptime_s + LOOK_EVERY_S
        excess = budget.excess(self._outbox.rows_in(Lane.TELEMETRY))
        given_up = self._outbox.give_up(excess) if excess else 0
        budget.shed_rows += given_up
        if given_up and not budget.shedding:
            budget.shedding = True
            detail = f"{budget.daily_bytes // 1000} kB a day do not carry all samples; the oldest are given up"
            self._recorder.event(uptime_s, AlarmRaised(SHEDDING, detail))

    def _settle(self, settlement: Settlement, now: Instant, now_s: float) -> None:
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
                self.publish(Kind.SCHEMA, payload, now_s)
        self.account.told(settlement.hub_time)
        self._recorder.anchor(now, settlement.hub_time)

    def _send(self, limit: Lane, now_s: float) -> bool:
        """Send one batch of what may go, when it is time; an alarm in haste takes only money along."""
        backlog = self._backlog(limit)
        if not self.uplink.may_send(backlog, now_s):
            return False
        up_to = min(limit, Lane.ALARM) if self.uplink.in_haste(backlog, now_s) else limit
        rows = self._outbox.pending(self.uplink.rows_max, self.uplink.excluded(), up_to)
        if not rows:
            return False
        ack_later = limit is Lane.TELEMETRY and up_to is limit and self.uplink.may_wait(backlog)
        rows, message, payload = fitting(self._outbox.epoch, rows, ack_later=ack_later)
        self._link.publish(Channel.UP, payload)
        self.account.batch_sent(rows, len(payload), now_s)
        seqs = [row.seq for row in rows]
        self.uplink.sent(batch.batch_id(payload), seqs, message.schema_id, now_s, ack_later=ack_later)
        if up_to is limit:
            self.uplink.go_on(backlog, now_s)
        return True

    def _backlog(self, limit: Lane) -> Backlog:
        """Count what waits and may be sent; where only some lanes may, what is in flight counts as if it still did."""
        whole = self._outbox.backlog()
        if limit is Lane.TELEMETRY:
            return whole
        rows = sum(self._outbox.rows_in(lane) for lane in Lane if lane <= limit)
        return Backlog(rows + len(self.uplink.excluded()) if rows else 0, whole.urgent if limit >= Lane.ALARM else 0)


def fitting(
    epoch: int, rows: list[SampleRow | EventRow], *, ack_later: bool = False
) -> tuple[list[SampleRow | EventRow], Batch, bytes]:
    """Encode as many of the rows, from the first on, as fit one payload."""
    rows = _alike(rows)
    while True:
        message = replace(compose(epoch, rows), ack_later=ack_later)
        payload = batch.encode(message)
        if len(payload) <= PAYLOAD_MAX_BYTES or len(rows) == 1:
            return rows, message, payload
        rows = rows[: len(rows) // 2]


def _alike(rows: list[SampleRow | EventRow]) -> list[SampleRow | EventRow]:
    """Leave off what follows the first sample that is not as wide as its table: the hub will refuse it, alone."""
    widths: dict[int, int] = {}
    for at, row in enumerate(rows):
        if isinstance(row, SampleRow) and widths.setdefault(row.table, len(row.values)) != len(row.values):
            return rows[:at]
    return rows


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
