"""What one site's link has cost: every message priced, booked by kind, and held against the budget."""

from __future__ import annotations

from collections.abc import Sequence

from edge.budget import Budget
from edge.clock import HubTime, Instant
from edge.ports import SampleRow
from edge.traffic import ATTEMPT_BYTES, Counts, Kind, Tariff, share
from protocol import wire
from protocol.batch import EventRow
from protocol.events import Lane, Traffic, UnknownEvent, to_wire

_EVENT_HEAD_BYTES = 12
"""Seq, boot and uptime of an event, about."""


class Account:
    """The link's account in one boot; `keepalive_s` is how long the link is left silent before it pings."""

    def __init__(self, budget: Budget, tariff: Tariff, keepalive_s: float) -> None:
        self.budget = budget
        self.tariff = tariff
        self._keepalive_s = keepalive_s
        self._connected = False
        self._attempting = False
        self._said_s = 0.0
        self._heard_s = 0.0
        self._utc_at_boot_s: float | None = None
        self.connections = 0
        self.pings = 0
        self.booked = Counts()
        """What this boot has cost so far."""

    def turn(self, now: Instant) -> Traffic | None:
        """Let time pass; the account of a day that has ended."""
        if now.synced:
            self._utc_at_boot_s = now.utc.timestamp() - now.uptime_s
        trusted_s = None if self._utc_at_boot_s is None else self._utc_at_boot_s + now.uptime_s
        return self.budget.turn(now.uptime_s, trusted_s)

    def told(self, hub_time: HubTime | None) -> None:
        """Learn the time from the hub; NTP, where there is one, corrects it at the next turn."""
        if hub_time is not None:
            self._utc_at_boot_s = hub_time.utc_ms / 1000 - hub_time.received_uptime_s

    def link_is(self, *, connected: bool, now_s: float) -> None:
        """Follow the link: book connections as they come about, and keepalives as silence lasts."""
        if connected and not self._connected:
            self.connections += 1
            self._book(Kind.CONTROL, self.tariff.connected())
            self._said_s = self._heard_s = now_s
            self._attempting = False
        self._connected = connected
        if connected and now_s - min(self._said_s, self._heard_s) >= self._keepalive_s:
            self.pings += 1
            self._book(Kind.CONTROL, self.tariff.pinged())
            self._said_s = self._heard_s = now_s

    def attempted(self) -> None:
        """Note an attempt to connect, and book the one before when it led nowhere."""
        if self._attempting:
            self._book(Kind.CONTROL, ATTEMPT_BYTES)
        self._attempting = True

    def batch_sent(self, rows: Sequence[SampleRow | EventRow], payload_bytes: int, now_s: float) -> None:
        """Book a batch: every lane pays for its rows, and its share of what is around them."""
        cost = self.tariff.published(payload_bytes)
        events = [(lane_of(row), _event_bytes(row)) for row in rows if isinstance(row, EventRow)]
        samples = [row.lane for row in rows if isinstance(row, SampleRow)]
        rest = max(payload_bytes - sum(size for _, size in events), len(samples))
        weights = [0] * len(Lane)
        for lane, size in events:
            weights[lane] += size
        for lane in samples:
            weights[lane] += rest // len(samples)
        parts = share(cost, weights)
        for lane, part in zip(Lane, parts, strict=True):
            self._book(Kind(lane), part)
        if len(samples) > len(events):
            self.budget.measured(len(rows), cost)
        self._exchanged(now_s)

    def sent(self, kind: Kind, payload_bytes: int, now_s: float) -> None:
        """Book another message from the site; live values go at QoS 0."""
        self._book(kind, self.tariff.published(payload_bytes, qos=0 if kind is Kind.LIVE else None))
        self._said_s = now_s

    def received(self, payload_bytes: int, now_s: float) -> None:
        """Book a message to the site."""
        self._book(Kind.CONTROL, self.tariff.received(payload_bytes))
        self._heard_s = now_s

    def _exchanged(self, now_s: float) -> None:
        self._said_s = now_s
        if self.tariff.qos:
            self._heard_s = now_s

    def _book(self, kind: Kind, count: int) -> None:
        if count:
            self.budget.spend(kind, count)
            self.booked.add(kind, count)


def lane_of(row: EventRow | SampleRow) -> Lane:
    """Name the lane that a row travels in."""
    if isinstance(row, SampleRow):
        return row.lane
    return Lane.NOTE if isinstance(row.event, UnknownEvent) else row.event.lane


def _event_bytes(row: EventRow) -> int:
    return _EVENT_HEAD_BYTES + len(wire.encode({1: to_wire(row.event)}))
