"""Integer columns: lossless, small, and never more than what was asked for."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from protocol.columns import pack, unpack
from protocol.errors import WireError
from protocol.limits import VALUE_MAX
from tests.protocol.strategies import values


@given(st.lists(values | st.integers(-3, 3), max_size=300))
@example([0] * 200)
@example([VALUE_MAX, -VALUE_MAX] * 40)
def test_any_column_round_trips(column: list[int]) -> None:
    """What was packed is what is unpacked."""
    assert unpack(pack(column), len(column)) == column


@given(st.binary(max_size=200), st.integers(0, 300))
def test_any_bytes_are_refused_or_give_exactly_the_rows_asked_for(data: bytes, count: int) -> None:
    """Hostile bytes cannot make a column longer than its table."""
    with contextlib.suppress(WireError):
        assert len(unpack(data, count)) == count


def test_a_regular_clock_costs_almost_nothing() -> None:
    """An hour of minutes, seq by seq, takes eight bytes at most."""
    assert len(pack([1_000_000 + 60 * minute for minute in range(60)])) <= 8
    assert len(pack(list(range(5000, 5060)))) <= 6


def test_a_constant_takes_a_nibble_a_block() -> None:
    """A state that does not change costs 4 bits for every 64 rows."""
    assert len(pack([5] * 640)) - len(pack([5])) <= 5


@pytest.mark.parametrize("column", [[VALUE_MAX + 1], [0, -VALUE_MAX - 1]])
def test_a_value_beyond_exact_doubles_is_refused(column: list[int]) -> None:
    """Nothing is sent that JSON could not show exactly."""
    with pytest.raises(WireError):
        pack(column)


def test_a_sum_beyond_exact_doubles_is_refused() -> None:
    """Differences cannot be stacked into a number that no honest sender could have packed."""
    honest = pack([VALUE_MAX, VALUE_MAX - 1])
    forged = bytes([honest[0] | 0x80]) + honest[1:]
    with pytest.raises(WireError):
        unpack(forged, 64)


@pytest.mark.parametrize(("data", "count"), [(b"", 1), (b"\x00", 0), (pack([1, 2, 3]), 2), (pack([1, 2]), 90)])
def test_a_wrong_count_is_refused(data: bytes, count: int) -> None:
    """Bytes and row count must agree."""
    with pytest.raises(WireError):
        unpack(data, count)
