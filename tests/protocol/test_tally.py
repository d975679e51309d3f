"""Tallies: both sides add up the same, whatever the order and the company in which rows come."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import reduce
from operator import add

from hypothesis import given
from hypothesis import strategies as st

from protocol import batch as wire_batch
from protocol import tally
from protocol.batch import Batch, EventRow
from protocol.events import AlarmCleared, ChargingSession, EndReason, SlotTaken
from protocol.limits import VALUE_MAX
from protocol.tally import Sums
from tests.protocol.strategies import batches


def sample(seq: int, schema_id: bytes, table: int, boot: int, uptime_s: int, values: Sequence[int | None]) -> Sums:
    """Sum up one sample."""
    return tally.of_sample(tally.sample_form(seq, schema_id, table, boot, uptime_s, values))


def row_by_row(batch: Batch) -> Sums:
    """Sum up as a site does, which takes one row after another."""
    singles = [
        sample(
            seq, batch.schema_id, table.table, table.boots[row], table.uptimes_s[row],
            [column[row] for column in table.columns],
        )
        for table in batch.tables
        for row, seq in enumerate(table.seqs)
    ]  # fmt: skip
    return reduce(add, [*singles, *(tally.of_event(row) for row in batch.events)], Sums())


@given(batches())
def test_the_hub_sums_up_what_the_site_summed_up(sent: Batch) -> None:
    """A batch that crossed the wire adds up to its rows taken one by one."""
    arrived = wire_batch.decode(wire_batch.encode(sent))
    assert tally.of_batch(arrived, lambda _: True) == row_by_row(sent)
    assert tally.of_batch(arrived, lambda _: True).rows == len(list(sent.seqs()))


@given(batches(), st.integers(1, VALUE_MAX))
def test_rows_may_be_split_in_any_way(sent: Batch, pivot: int) -> None:
    """The sums of two parts are the sums of the whole, and a row that does not count adds nothing."""
    low, high = tally.of_batch(sent, lambda seq: seq < pivot), tally.of_batch(sent, lambda seq: seq >= pivot)
    assert low + high == tally.of_batch(sent, lambda _: True)
    assert tally.of_batch(sent, lambda _: False) == Sums()


def test_any_difference_in_a_row_shows() -> None:
    """Number, boot, uptime, schema, table, value, and a reading that is missing rather than zero: each shows."""
    plain = sample(1, b"schema-1", 0, 1, 60, [5, 0])
    others = [
        sample(2, b"schema-1", 0, 1, 60, [5, 0]),
        sample(1, b"schema-2", 0, 1, 60, [5, 0]),
        sample(1, b"schema-1", 1, 1, 60, [5, 0]),
        sample(1, b"schema-1", 0, 2, 60, [5, 0]),
        sample(1, b"schema-1", 0, 1, 61, [5, 0]),
        sample(1, b"schema-1", 0, 1, 60, [0, 5]),
        sample(1, b"schema-1", 0, 1, 60, [5, None]),
    ]
    assert len({other.check for other in [plain, *others]}) == 8
    assert {replace(other, check=0) for other in [plain, *others]} == {Sums(samples=1)}


def test_each_kind_of_row_is_counted_apart() -> None:
    """Samples, charges begun, charges ended with their seconds, and the rest."""
    ended = ChargingSession(1, 1, 1, 100, 1, 700, EndReason.UNPLUGGED)
    events = (EventRow(1, 1, 100, SlotTaken(1)), EventRow(2, 1, 700, ended), EventRow(3, 1, 800, AlarmCleared("door")))
    sums = tally.of_batch(Batch(1, events=events), lambda _: True)
    assert replace(sums, check=0) == Sums(0, 1, 1, 600, 1)


def test_only_what_one_boot_saw_has_a_length() -> None:
    """Across a reboot the uptimes cannot be compared; a row with its end before its start adds nothing."""
    ended = ChargingSession(1, 1, 1, 100, 2, 700, EndReason.POWER_LOSS)
    assert tally.charged_s(ended) == 0
    assert tally.charged_s(replace(ended, end_boot=1, end_uptime_s=40)) == 0


@given(st.builds(Sums, *[st.integers(0, 2**32 - 1)] * 6))
def test_a_tally_says_what_was_summed_up(sums: Sums) -> None:
    """The event carries the sums and the numbers that they are of."""
    said = sums.tally(5, 9)
    assert (said.first_seq, said.last_seq, tally.of_tally(said)) == (5, 9, sums)
