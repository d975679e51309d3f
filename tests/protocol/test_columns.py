"""Integer columns: lossless, small, and never more than what was asked for."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from protocol.columns import pack, unpack
from protocol.errors import Refusal, WireError
from protocol.limits import VALUE_MAX
from tests.protocol.strategies import values


@given(st.lists(values | st.integers(-3, 3), max_size=300))
@example([0] * 200)
@example([VALUE_MAX, -VALUE_MAX] * 40)
@example([VALUE_MAX, -VALUE_MAX, VALUE_MAX, *range(0, 60_000, 1000)])
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


def _clock(rows: int) -> list[int]:
    return [3600 + 60 * row for row in range(rows)]


def test_a_reboot_in_the_uptimes_does_not_cost_the_whole_block() -> None:
    """Two differences that break the rhythm are escaped; the other sixty stay a bit each."""
    rebooted = [*_clock(32), *_clock(32)]
    assert len(pack(rebooted)) - len(pack(_clock(64))) <= 20
    assert unpack(pack(rebooted), 64) == rebooted


@pytest.mark.parametrize("outlier", [40_000, 2**32, VALUE_MAX])
def test_an_outlier_does_not_cost_the_whole_block(outlier: int) -> None:
    """A reading far off costs its own two differences, and at most a bit for each of the others."""
    calm = [1260 + 7 * row % 5 for row in range(64)]
    wild = [*calm[:30], outlier, *calm[31:]]
    assert len(pack(wild)) - len(pack(calm)) <= 2 * (20 + 6 + outlier.bit_length() + 1) // 8 + 8
    assert unpack(pack(wild), 64) == wild


@pytest.mark.parametrize(
    "column",
    [
        [VALUE_MAX, -VALUE_MAX, VALUE_MAX, *range(0, 60_000, 1000)],
        [-VALUE_MAX, VALUE_MAX, -VALUE_MAX, *range(0, 60_000, 1000)],
        [*range(0, 60_000, 1000), VALUE_MAX, -VALUE_MAX, VALUE_MAX, -VALUE_MAX],
    ],
)
def test_the_longest_second_differences_round_trip(column: list[int]) -> None:
    """A jump across the whole range and back is read by the side that did not write it."""
    packed = pack(column)
    assert packed[0] & 0x80, "second differences are shorter here, so they are what is tested"
    assert unpack(packed, len(column)) == column


@pytest.mark.parametrize(("bits", "read"), [(58, True), (59, False)])
def test_a_number_longer_than_any_column_needs_is_refused(bits: int, *, read: bool) -> None:
    """A length is limited before its bits are read; leading zeros do no harm."""
    text = f"0{bits:06b}{10:0{bits}b}"
    data = int(text + "0" * (-len(text) % 8), 2).to_bytes(-(-len(text) // 8), "big")
    if read:
        assert unpack(data, 1) == [5]
        return
    with pytest.raises(WireError, match="59 bits") as refused:
        unpack(data, 1)
    assert refused.value.refusal is Refusal.MALFORMED


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
