"""A hub in one process for tests: real ledger and consumer, an inbox in memory, and a site that can speak."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from hub.ingest.consumer import Consumer
from hub.ingest.decode import Message
from hub.io.ledger import SqlLedger
from hub.io.series import EmbeddedSeries
from hub.ports import Site
from protocol import batch, schema
from protocol.batch import Batch, EventRow, TableRows
from protocol.control import Ack
from protocol.events import AnchorSource, ClockAnchor, Event
from protocol.live import LiveCommand
from protocol.schema import ColumnSpec, Schema, TableSpec
from protocol.topics import Address, Channel

NOON_MS = 1_795_435_200_000
"""2026-11-23 12:00:00 UTC."""

SITE = Site("ecole-a", "École A", "school", "Kaya", 3, None, None, "Africa/Ouagadougou", (1, 2, 3))
ADDRESS = Address(3, "ecole-a")
SCHEMA = Schema(
    (
        TableSpec(
            "controller",
            60,
            (
                ColumnSpec("controller.panel_power_w", 2),
                ColumnSpec("controller.battery_voltage_v", 2),
                ColumnSpec("controller.generated_total_kwh", 2),
            ),
        ),
        TableSpec("site", 60, (ColumnSpec("site.lit", 0), ColumnSpec("site.slots_occupied", 0))),
    )
)
SCHEMA_PAYLOAD = schema.encode(SCHEMA)
SCHEMA_ID = schema.schema_id(SCHEMA_PAYLOAD)


@dataclass
class MemoryInbox:
    """An `Inbox` that tests fill and read."""

    waiting: list[Message] = field(default_factory=list)
    settled: list[Message] = field(default_factory=list)
    acks: list[tuple[Address, Ack]] = field(default_factory=list)
    commands: list[tuple[Address, LiveCommand]] = field(default_factory=list)
    connected: bool = True
    overflowed: int = 0

    def take(self, limit: int) -> list[Message]:
        """See `Inbox.take`."""
        taken, self.waiting = self.waiting[:limit], self.waiting[limit:]
        return taken

    def settle(self, messages: Sequence[Message]) -> None:
        """See `Inbox.settle`."""
        self.settled += messages

    def publish_ack(self, address: Address, ack: Ack) -> None:
        """See `Inbox.publish_ack`."""
        self.acks.append((address, ack))

    def publish_command(self, address: Address, command: LiveCommand) -> bool:
        """See `Inbox.publish_command`."""
        if self.connected:
            self.commands.append((address, command))
        return self.connected


class TestHub:
    """A hub with one enrolled site."""

    __test__ = False

    def __init__(self, directory: Path, *, schema_known: bool = True) -> None:
        self.ledger = SqlLedger(f"sqlite:///{directory}/ledger.db")
        self.ledger.migrate()
        self.ledger.add_site(SITE)
        self.store = EmbeddedSeries(self.ledger)
        self.inbox = MemoryInbox()
        self.consumer = Consumer(self.ledger, self.inbox)
        if schema_known:
            self.send(Channel.SCHEMA, SCHEMA_PAYLOAD)

    def send(self, channel: Channel, payload: bytes, address: Address = ADDRESS, at_ms: int = NOON_MS) -> Ack | None:
        """Deliver one payload; returns the ack it caused, if any."""
        self.inbox.waiting.append(Message(address.topic(channel), payload, at_ms, mid=7))
        before = len(self.inbox.acks)
        self.consumer.step(at_ms)
        new = self.inbox.acks[before:]
        return new[0][1] if new else None

    def send_batch(self, sent: Batch, at_ms: int = NOON_MS) -> Ack:
        """Deliver a batch; returns its ack."""
        ack = self.send(Channel.UP, batch.encode(sent), at_ms=at_ms)
        assert ack is not None
        return ack


def samples(first_seq: int, uptimes_s: Sequence[int], watts: Sequence[int | None], *, boot: int = 1) -> TableRows:
    """Lay out controller samples; voltage and energy follow from the power."""
    count = len(uptimes_s)
    return TableRows(
        0,
        tuple(range(first_seq, first_seq + count)),
        (boot,) * count,
        tuple(uptimes_s),
        (
            tuple(None if w is None else w * 100 for w in watts),
            (1250,) * count,
            tuple(range(count)),
        ),
    )


def anchor(seq: int, uptime_s: int, utc_ms: int, *, boot: int = 1, error_ms: int = 100) -> EventRow:
    """Lay out a clock anchor."""
    return event(seq, ClockAnchor(utc_ms, error_ms, AnchorSource.NTP), uptime_s=uptime_s, boot=boot)


def event(seq: int, what: Event, *, uptime_s: int = 0, boot: int = 1) -> EventRow:
    """Lay out any event."""
    return EventRow(seq, boot, uptime_s, what)


def of(*rows: EventRow | TableRows, epoch: int = 1) -> Batch:
    """Gather rows into a batch."""
    tables = tuple(row for row in rows if isinstance(row, TableRows))
    events = tuple(row for row in rows if isinstance(row, EventRow))
    return Batch(epoch, SCHEMA_ID if tables else b"", tables, events)
