"""What the agent needs from the world, as it needs it; `io/` has the real ones, the simulator and tests others.

None of these calls waits: what takes time goes on behind the port and its result is fetched in a later step.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from edge.errors import EdgeError
from edge.readplan import Block, Words
from protocol.batch import EventRow
from protocol.control import Ack
from protocol.events import Event, Lane
from protocol.live import Command
from protocol.ranges import Range
from protocol.topics import Channel

Values = Sequence[int | None]


@dataclass(frozen=True, slots=True)
class Poll:
    """Blocks to read from one device."""

    device: str
    unit: int
    blocks: tuple[Block, ...]
    any_unit: bool = False
    """Take the reply whichever unit signs it: some devices have one number to be asked by and another to answer."""


@dataclass(frozen=True, slots=True)
class PollResult:
    """What a device answered, and why the other blocks have no answer."""

    device: str
    answers: Mapping[Block, Words]
    errors: Mapping[Block, EdgeError] = field(default_factory=dict)


class RegisterReader(Protocol):
    """One Modbus line with all devices on it."""

    def start(self, poll: Poll) -> bool:
        """Begin a poll in the background; False when the line is too busy to take it."""

    def finished(self) -> list[PollResult]:
        """Hand over the polls that ended since the last call."""


class SlotWatcher(Protocol):
    """The input pins."""

    def levels(self) -> Mapping[int, bool]:
        """Tell for each slot whether a phone is present right now, not debounced."""

    def lights(self) -> bool | None:
        """Tell whether the lights' pin is active; None when there is no such pin."""


class Probe(Protocol):
    """The Pi itself."""

    def readings(self) -> Mapping[str, int | None]:
        """Tell cpu_temp_c (tenths), memory_free_mb and disk_free_mb."""


class Link(Protocol):
    """The connection to the broker; at most what the agent hands over is ever in flight."""

    def connect(self) -> None:
        """Begin to connect, unless connected or connecting."""

    def connected(self) -> bool:
        """Say whether publishing makes sense now."""

    def connecting(self) -> bool:
        """Say whether an attempt is under way."""

    def hang_up(self) -> None:
        """Break a connection that seems dead; `connected` is then false."""

    def publish(self, channel: Channel, payload: bytes) -> None:
        """Hand one payload to the network; delivery is known only from the hub's ack."""

    def acks(self) -> list[Ack]:
        """Hand over the acks that arrived since the last call."""

    def commands(self) -> list[Command]:
        """Hand over the commands that arrived since the last call."""


@dataclass(frozen=True, slots=True)
class OpenSession:
    """A charging session under way, as it must survive a power cut."""

    slot: int
    taken_seq: int
    start_boot: int
    start_uptime_s: int
    last_boot: int
    last_uptime_s: int
    found: bool


@dataclass(frozen=True, slots=True)
class SampleRow:
    """A committed sample waiting to be sent."""

    seq: int
    schema_id: bytes
    table: int
    boot: int
    uptime_s: int
    values: Values
    lane: Lane = Lane.TELEMETRY


@dataclass(frozen=True, slots=True)
class Backlog:
    """How many committed rows the hub has not acknowledged."""

    rows: int
    urgent: int


class Outbox(Protocol):
    """What must not be forgotten. Rows exist for others once `commit` has returned."""

    epoch: int
    damage: str | None
    """What was wrong with the file that this outbox replaces, if anything."""

    def open_sessions(self) -> list[OpenSession]:
        """List the sessions that were open at the last commit."""

    def add_sample(self, table: int, boot: int, uptime_s: int, values: Values, *, summary: bool = False) -> int:
        """Take a sample of the present schema; returns its seq. A `summary` is sent before detail, given up last."""

    def add_event(self, boot: int, uptime_s: int, event: Event) -> int:
        """Take an event; returns its seq."""

    def commit(self, open_sessions: Sequence[OpenSession]) -> None:
        """Make everything taken so far, and the open sessions, survive a power cut.

        After each day of uptime it first takes a `Tally` of all rows since the one before, reboots or not.
        Raises `RetryLater` when the disk will not have it; nothing is forgotten and the next commit tries again.
        """

    def uncommitted(self) -> int:
        """Count the rows taken and not yet committed."""

    def backlog(self) -> Backlog:
        """Count what the hub still lacks."""

    def pending(self, limit: int, exclude: frozenset[int], up_to: Lane = Lane.TELEMETRY) -> list[SampleRow | EventRow]:
        """List committed rows in order of value (see `Lane`) down to a lane, without the excluded seqs."""

    def rows_in(self, lane: Lane) -> int:
        """Count the committed rows of one lane."""

    def give_up(self, rows: int) -> int:
        """Give up the oldest detail for the budget, at the next commit and with its `Gap`; returns how many rows."""

    def settle(self, upto: int, missing: Sequence[Range], seqs: Sequence[int], utc_ms: int) -> None:
        """Let go of rows that the hub has committed, as its ack of `utc_ms` says; they are kept for some time."""

    def reclaim(self, lacking: Sequence[Range], utc_ms: int) -> list[Range]:
        """Have rows sent again that an earlier ack settled and that the hub, by its ack of `utc_ms`, has lost.

        Returns the numbers that it waits for in vain, because nobody has those rows any more. What was kept long
        enough is forgotten, but only by an ack that tells all that the hub lacks (up to `VALUE_MAX`).
        """

    def repeat_starts(self, utc_ms: int) -> None:
        """Have the gaps of all starts sent again that an ack older than `utc_ms` settled, at most once an hour."""

    def refuse(self, seqs: Sequence[int], reason: str) -> None:
        """Set rows aside that the hub will not take."""

    def schema_payload(self, schema_id: bytes) -> bytes | None:
        """Find the encoded schema of that id, past ones included."""

    def remember(self, key: str, text: str) -> None:
        """Note a text that the next commit stores, together with the rows."""

    def recall(self, key: str) -> str | None:
        """Read the text last committed under a key."""
