"""The part of the ledger that accounts for a site's rows: every number in its class, both sides' counts, the starts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from hub.ingest.dating import Date
from hub.numbers import Numbers
from hub.starts import PassedOver
from hub.tallies import Verdict
from protocol.ranges import Range
from protocol.seal import Seals
from protocol.tally import Sums

AHEAD = "ahead"
"""Stands among the causes for numbers that a card which lived twice may still give: neither lost nor settled."""


@dataclass(frozen=True, slots=True)
class Receipts:
    """What the hub knows of the rows of one epoch: received, declared lost by cause, and not waited for."""

    epoch: int
    received: tuple[Range, ...]
    lost: Mapping[str, tuple[Range, ...]]
    ahead: tuple[Range, ...] = ()


@dataclass(frozen=True, slots=True)
class TallyRecord:
    """A site's count of its rows `first_seq` to `last_seq`, and the verdict once both sides were compared."""

    epoch: int
    seq: int
    utc_ms: int | None
    first_seq: int
    last_seq: int
    claimed: Sums
    verdict: Verdict | None
    seals: Seals | None = None


@dataclass(frozen=True, slots=True)
class EpochTimes:
    """When the first and the last row of an epoch arrived, and the dates of both."""

    epoch: int
    first_received_ms: int
    last_received_ms: int
    first: Date
    last: Date


@dataclass(frozen=True, slots=True)
class PastRow:
    """A row that was received, by its moment only."""

    seq: int
    boot: int
    uptime_s: int
    date: Date


@dataclass(frozen=True, slots=True)
class AgentStart:
    """An agent began: its row, when its machine had started, and the row before, if any.

    `absent` rows were taken in between and are not here.
    """

    epoch: int
    row: PastRow
    powered: Date
    before: PastRow | None
    absent: int


class AccountTransaction(Protocol):
    """What one ingest step settles of a site's rows."""

    def receipts(self, site: str, epoch: int) -> Receipts:
        """Read what is settled of an epoch."""

    def write_receipts(self, site: str, epoch: int, cause: str, ranges: Sequence[Range]) -> None:
        """Replace the ranges of one cause ('' for received)."""

    def passed_over(self, site: str, epoch: int) -> list[PassedOver]:
        """List what the starts of an epoch passed over, by their own word."""

    def add_tally(self, site: str, epoch: int, seq: int, rows: Range, received_at_ms: int) -> None:
        """Note that a tally of these rows is to be compared."""

    def reopen_tallies(self, site: str, epoch: int, rows: Sequence[Range]) -> None:
        """Have the tallies that speak of some of these rows, and were compared without them, compared again."""


class AccountStore(Protocol):
    """What became of a site's rows."""

    def numbers(self, site: str) -> Mapping[int, Numbers]:
        """Put every row number of each epoch into its class."""

    def epoch_times(self, site: str) -> list[EpochTimes]:
        """Tell when each epoch of a site was heard."""

    def tallies(self, site: str, limit: int) -> list[TallyRecord]:
        """List the newest tallies of every epoch of a site, the newest first."""

    def compare(self, site: str, record: TallyRecord) -> Verdict | None:
        """Compare a tally with what is here; None while rows are awaited, or when too much would have to be read."""

    def agent_starts(self, site: str, limit: int) -> list[AgentStart]:
        """List the newest starts of a site's agent in each epoch, the newest first."""
