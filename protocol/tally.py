"""Counting rows on both sides in one way, so that the hub can tell that it has what the site took. Pure.

The site sums up every row that it takes and says so once a day in a `Tally`; the hub sums up what it has of the same
numbers. A check that is a sum does not depend on the order in which rows come.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from protocol import events, wire
from protocol.batch import Batch, EventRow, TableRows
from protocol.events import ChargingSession, SlotTaken, Tally

CHECK_MODULUS = 2**32


@dataclass(frozen=True, slots=True)
class Sums:
    """What a set of rows adds up to; sums of disjoint sets are added."""

    samples: int = 0
    taken: int = 0
    ended: int = 0
    charged_s: int = 0
    others: int = 0
    check: int = 0

    @property
    def rows(self) -> int:
        """Count the rows."""
        return self.samples + self.taken + self.ended + self.others

    def __add__(self, other: Sums) -> Sums:
        """Join the sums of two sets that have no row in common."""
        return Sums(
            self.samples + other.samples,
            self.taken + other.taken,
            self.ended + other.ended,
            self.charged_s + other.charged_s,
            self.others + other.others,
            (self.check + other.check) % CHECK_MODULUS,
        )

    def tally(self, first_seq: int, last_seq: int) -> Tally:
        """Say it as an event that speaks of these numbers."""
        return Tally(first_seq, last_seq, self.samples, self.taken, self.ended, self.charged_s, self.others, self.check)


def of_tally(tally: Tally) -> Sums:
    """Read what a site has counted."""
    return Sums(tally.samples, tally.taken, tally.ended, tally.charged_s, tally.others, tally.check)


def sample_form(
    seq: int, schema_id: bytes, table: int, boot: int, uptime_s: int, values: Sequence[int | None]
) -> bytes:
    """Write a sample in its canonical form."""
    return wire.canonical([seq, boot, uptime_s, schema_id, table, list(values)])


def event_form(row: EventRow) -> bytes:
    """Write an event in its canonical form."""
    return wire.canonical([row.seq, row.boot, row.uptime_s, *events.to_wire(row.event)])


def sample_forms(schema_id: bytes, table: TableRows, counts: Callable[[int], bool]) -> Iterator[tuple[int, bytes]]:
    """Write the samples of a table whose numbers count, each with its seq."""
    rows = zip(*table.columns, strict=True) if table.columns else [()] * len(table)
    for seq, boot, uptime_s, values in zip(table.seqs, table.boots, table.uptimes_s, rows, strict=True):
        if counts(seq):
            yield seq, sample_form(seq, schema_id, table.table, boot, uptime_s, values)


def of_sample(form: bytes) -> Sums:
    """Sum up one sample, given in its canonical form."""
    return Sums(samples=1, check=zlib.crc32(form))


def of_event(row: EventRow, form: bytes | None = None) -> Sums:
    """Sum up one event, whose canonical form may be known."""
    check = zlib.crc32(event_form(row) if form is None else form)
    match row.event:
        case SlotTaken():
            return Sums(taken=1, check=check)
        case ChargingSession() as session:
            return Sums(ended=1, charged_s=charged_s(session), check=check)
        case _:
            return Sums(others=1, check=check)


def of_batch(batch: Batch, counts: Callable[[int], bool]) -> Sums:
    """Sum up the rows of a batch whose numbers count."""
    total = Sums()
    for table in batch.tables:
        total += _of_table(batch.schema_id, table, counts)
    for row in batch.events:
        if counts(row.seq):
            total += of_event(row)
    return total


def charged_s(session: ChargingSession) -> int:
    """Give the length of a charge; 0 when a reboot lies in it, for then no side can know it from the row alone."""
    same_boot = session.start_boot == session.end_boot
    return max(session.end_uptime_s - session.start_uptime_s, 0) if same_boot else 0


def _of_table(schema_id: bytes, table: TableRows, counts: Callable[[int], bool]) -> Sums:
    samples = check = 0
    for _, form in sample_forms(schema_id, table, counts):
        samples += 1
        check += zlib.crc32(form)
    return Sums(samples=samples, check=check % CHECK_MODULUS)
