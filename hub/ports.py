"""What the hub's logic needs from its stores, as it needs it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Protocol

from hub.account_store import AccountStore, AccountTransaction
from hub.enrolment_store import EnrolmentStore
from hub.ingest.boots import Boot
from hub.ingest.dating import Anchor, Bounds, Date, Dater
from hub.ingest.decode import Message, Rejected
from hub.live_store import Commander, LiveStore, LiveTransaction
from hub.series import Bucket, Sample
from protocol.batch import Batch, EventRow
from protocol.control import Ack, SiteState
from protocol.events import ChargingSession, SlotTaken
from protocol.ranges import Range
from protocol.schema import Schema
from protocol.topics import Address


@dataclass(frozen=True, slots=True)
class Site:
    """A site as it was enrolled."""

    site: str
    name: str
    kind: str
    commune: str
    shard: int
    latitude: float | None
    longitude: float | None
    timezone: str
    slots: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Presence:
    """What was last heard of a site; `latest` maps a column to its newest value and moment."""

    online: bool | None = None
    epoch: int | None = None
    software: str | None = None
    received_at_ms: int | None = None
    newest_ms: int | None = None
    latest: Mapping[str, tuple[float, int]] | None = None


@dataclass(frozen=True, slots=True)
class SessionRecord:
    """A charging session as stored; the end is None while it is open."""

    epoch: int
    taken_seq: int
    slot: int
    found: bool
    start: Date
    end: Date | None
    reason: int | None
    lasted_s: int | None = None
    """From one uptime to the other of one boot: exact, even where the date is not."""


@dataclass(frozen=True, slots=True)
class EventRecord:
    """Another event as stored: its field values as on the wire."""

    seq: int
    kind: int
    utc_ms: int | None
    values: tuple[object, ...]
    epoch: int
    boot: int
    uptime_s: int
    error_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Dating:
    """How the rows of a site are dated: boots by anchors, by their bounds, and not at all, with the rows of each."""

    boots_anchored: int = 0
    boots_bounded: int = 0
    boots_unknown: int = 0
    rows_anchored: int = 0
    rows_bounded: int = 0
    rows_unknown: int = 0
    sessions_unknown: int = 0
    anchors: Mapping[int, int] = field(default_factory=dict)
    """Anchors by source."""


@dataclass(frozen=True, slots=True)
class ClockReading:
    """What a controller's clock said, taken for UTC, and when that was."""

    said_ms: int
    date: Date


@dataclass(frozen=True, slots=True)
class Span:
    """The time and the boots that samples cover, and the numbers of all rows; a time is None where it is unknown."""

    start_ms: int | None
    end_ms: int | None
    first_boot: int | None
    last_boot: int | None
    first_seq: int
    last_seq: int


@dataclass(frozen=True, slots=True)
class Archived:
    """A batch in the archive, and the time it was placed in."""

    batch: Batch
    start_ms: int | None
    end_ms: int | None


class Transaction(AccountTransaction, LiveTransaction, Protocol):
    """All that one ingest step changes, together or not at all."""

    def schema(self, schema_id: bytes) -> Schema | None:
        """Find a schema."""

    def add_schema(self, schema_id: bytes, payload: bytes) -> None:
        """Keep a schema."""

    def archive(self, site: str, epoch: int, payload: bytes, received_at_ms: int, span: Span) -> None:
        """Keep a batch and the time its samples cover."""

    def anchors(self, site: str, epoch: int, spans: Mapping[int, Range]) -> Mapping[int, list[Anchor]]:
        """Read, by boot, the anchors that date its rows within a span of uptimes."""

    def add_anchor(self, site: str, epoch: int, row: EventRow, anchor: Anchor) -> None:
        """Keep an anchor."""

    def boots(self, site: str, epoch: int, first: int, last: int) -> list[Boot]:
        """List, in order, the boots from `first` to `last` and on either side up to the nearest one with anchors."""

    def kin(self, site: str, epoch: int, boots: Sequence[Boot]) -> list[Boot]:
        """List the boots before and after these, in time."""

    def chips(self, site: str, epoch: int, boots: Sequence[int]) -> Mapping[int, Anchor]:
        """Read what the clock chip said in these boots."""

    def write_boots(self, site: str, epoch: int, boots: Iterable[Boot]) -> None:
        """Replace what is known of these boots."""

    def zeros(self, site: str, epoch: int, first: int, last: int) -> Mapping[int, Bounds]:
        """Read the bounds of those boots from `first` to `last` that have some."""

    def open_session(self, site: str, epoch: int, row: EventRow, event: SlotTaken, start: Date) -> None:
        """Record that a slot was taken, unless its session is known."""

    def close_session(self, site: str, epoch: int, seq: int, event: ChargingSession, start: Date, end: Date) -> None:
        """Record a finished session once, whether or not its beginning arrived."""

    def add_event(self, site: str, epoch: int, row: EventRow, values: Sequence[object], date: Date) -> None:
        """Keep any other event."""

    def archived_around(self, site: str, epoch: int, boot: int) -> list[int]:
        """List the archived batches that may have samples of a boot."""

    def archived(self, archive_id: int) -> Archived:
        """Read an archived batch."""

    def date_batch(self, archive_id: int, span: Span) -> None:
        """Note the time that an archived batch covers."""

    def redate(self, site: str, epoch: int, boot: int, dater: Dater) -> None:
        """Date the sessions and events of a boot anew."""

    def forget_rollups(self, site: str, days: Iterable[int]) -> None:
        """Mark the summaries of these days as stale."""

    def heard(self, site: str, epoch: int, received_at_ms: int, latest: Mapping[str, tuple[float, int]]) -> None:
        """Note that a site was heard, its newest values, and under which epoch it lives now."""

    def state(self, site: str, state: SiteState, received_at_ms: int) -> None:
        """Note what a site says of itself."""

    def reject(self, message: Message, rejected: Rejected) -> int:
        """Keep a refused message aside; returns how many older ones of the same site gave way to it."""


class Ledger(AccountStore, EnrolmentStore, LiveStore, Protocol):
    """The store of facts."""

    def begin(self) -> AbstractContextManager[Transaction]:
        """Open a transaction; leaving it commits, an exception rolls back. Raises `RetryLater` and `Refused`."""

    def sites(self) -> list[Site]:
        """List the enrolled sites."""

    def presence(self, site: str) -> Presence:
        """Read what was last heard of a site."""

    def sessions(self, site: str, start_ms: int, end_ms: int) -> list[SessionRecord]:
        """List sessions that touch a period, and those whose time is unknown, in order of start."""

    def open_sessions(self, site: str) -> list[SessionRecord]:
        """List sessions that have not ended."""

    def events(self, site: str, kinds: Sequence[int], start_ms: int) -> list[EventRecord]:
        """List events of some kinds since a moment."""

    def dating(self, site: str) -> Dating:
        """Count what of a site is dated how."""

    def controller_clock(self, site: str) -> ClockReading | None:
        """Give the latest reading of the controller's clock that has a date."""

    def rejected(self, site: str) -> Mapping[str, int]:
        """Count the messages of a site that were kept aside, by the reason of their refusal."""

    def last_backup_ms(self) -> int | None:
        """Say when this ledger was last copied to a safe place, as far as that is known here."""


class SeriesStore(Protocol):
    """Where samples are read from."""

    def samples(self, site: str, columns: Sequence[str], start_ms: int, end_ms: int) -> Mapping[str, list[Sample]]:
        """Read every dated sample of some columns, in order of time."""

    def hours(self, site: str, columns: Sequence[str], start_ms: int, end_ms: int) -> Mapping[str, list[Bucket]]:
        """Read hourly summaries of some columns, in order of time; both ends are whole hours."""

    def columns(self, site: str) -> list[str]:
        """List the columns a site has sent dated values of."""


class Inbox(Commander, Protocol):
    """The broker as the hub sees it; `overflowed` counts messages that found no room, and will be sent again."""

    overflowed: int

    def take(self, limit: int) -> list[Message]:
        """Take what arrived, at most so many."""

    def settle(self, messages: Sequence[Message]) -> None:
        """Tell the broker that these are done with."""

    def publish_ack(self, address: Address, ack: Ack) -> None:
        """Send an ack to a site."""
