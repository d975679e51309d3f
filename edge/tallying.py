"""The count of all rows that an outbox takes, closed by a `Tally` after each day of uptime. Pure.

It is a value: the outbox keeps the one that belongs to what it has committed, and goes back to it when a commit fails.
"""

from __future__ import annotations

import json
import zlib
from dataclasses import astuple, dataclass, replace

from edge.ports import Values
from protocol import tally
from protocol.batch import EventRow
from protocol.events import Tally
from protocol.tally import Sums

DAY_S = 86_400
_NUMBERS = 10


@dataclass(frozen=True, slots=True)
class DayTally:
    """What the rows from `first_seq` on add up to; `watched_s` is the time between rows of one boot, over all."""

    first_seq: int
    sums: Sums = Sums()  # noqa: RUF009  a frozen value
    watched_s: int = 0
    boot: int = 0
    uptime_s: int = 0

    def with_sample(self, seq: int, schema_id: bytes, table: int, moment: tuple[int, int], values: Values) -> DayTally:
        """Count a sample, taken at this boot and uptime."""
        return self._with(tally.of_sample(seq, schema_id, table, *moment, values), *moment)

    def with_event(self, row: EventRow) -> DayTally:
        """Count an event."""
        return self._with(tally.of_event(row), row.boot, row.uptime_s)

    def due(self) -> bool:
        """Say whether a day of uptime is over."""
        return self.watched_s >= DAY_S

    def close(self, next_seq: int) -> tuple[Tally, DayTally]:
        """Say what there was before `next_seq`, and begin anew with that row."""
        rest = replace(self, first_seq=next_seq, sums=Sums(), watched_s=self.watched_s % DAY_S)
        return self.sums.tally(self.first_seq, next_seq - 1), rest

    def to_text(self) -> str:
        """Write it down so that a bit lost on the card shows."""
        numbers = [self.first_seq, *astuple(self.sums), self.watched_s, self.boot, self.uptime_s]
        return json.dumps([*numbers, _sum(numbers)])

    def _with(self, more: Sums, boot: int, uptime_s: int) -> DayTally:
        # Rows of a boot come almost in order of time; one that was asked for earlier takes nothing back.
        since_s = self.uptime_s if boot == self.boot else uptime_s
        latest_s = max(since_s, uptime_s)
        return DayTally(self.first_seq, self.sums + more, self.watched_s + latest_s - since_s, boot, latest_s)


def resume(text: str | None, next_seq: int) -> DayTally:
    """Go on from what was written down; where that is missing or damaged, begin with the next row."""
    try:
        *numbers, check = json.loads(text or "[0]")
    except (ValueError, TypeError):
        return DayTally(next_seq)
    if len(numbers) != _NUMBERS or check != _sum(numbers):
        return DayTally(next_seq)
    first_seq, *sums, watched_s, boot, uptime_s = numbers
    return DayTally(first_seq, Sums(*sums), watched_s, boot, uptime_s)


def _sum(numbers: list[int]) -> int:
    return zlib.crc32(repr(numbers).encode())
