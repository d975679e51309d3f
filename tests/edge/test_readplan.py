"""Block reads: everything wanted is fetched, within what the device allows."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.readplan import Block, plan, words_of
from edge.registers import Register, Table

registers = st.lists(
    st.builds(
        Register,
        st.just("faults"),
        st.sampled_from([Table.INPUT, Table.HOLDING]),
        st.integers(0, 300),
        st.sampled_from(["u16", "u32", "u8_high"]),
    ),
    max_size=30,
)


def register(address: int, type_: str = "u16", table: Table = Table.INPUT) -> Register:
    """Describe a register by where it stands."""
    return Register("faults", table, address, type_)


@given(registers, st.integers(2, 40), st.integers(0, 40))
def test_every_register_lies_in_one_block(wanted: list[Register], count_max: int, gap_max: int) -> None:
    """Whatever is wanted is fetched, no block is longer than allowed, none overlaps and none reads a useless end."""
    blocks = plan(wanted, count_max=count_max, gap_max=gap_max)
    for one in wanted:
        assert any(block.holds(one) for block in blocks)
    for block in blocks:
        inside = [one for one in wanted if block.holds(one)]
        assert 1 <= block.count <= count_max
        assert min(one.address for one in inside) == block.address
        assert max(one.address + one.count for one in inside) == block.address + block.count
        read = {at for one in inside for at in range(one.address, one.address + one.count)}
        ordered = sorted(read)
        assert all(b - a - 1 <= gap_max for a, b in itertools.pairwise(ordered))
    assert list(blocks) == list(plan(wanted[::-1], count_max=count_max, gap_max=gap_max))


@pytest.mark.parametrize(("gap_max", "expected"), [(1, [(0, 1), (3, 2)]), (2, [(0, 5)]), (0, [(0, 1), (3, 2)])])
def test_a_gap_is_bridged_only_as_far_as_allowed(gap_max: int, expected: list[tuple[int, int]]) -> None:
    """A device that refuses unused addresses is never asked for more of them than its profile says."""
    blocks = plan([register(3), register(0), register(4)], count_max=10, gap_max=gap_max)
    assert [(block.address, block.count) for block in blocks] == expected


def test_registers_in_one_word_share_it() -> None:
    """Two bytes of a word, or a register inside another's block, cost no further read."""
    blocks = plan([register(0, "u8_low"), register(0, "u8_high"), register(0, "u32")], count_max=10, gap_max=0)
    assert blocks == (Block(Table.INPUT, 0, 2),)


def test_tables_are_read_apart() -> None:
    """One request reads one table."""
    blocks = plan([register(0), register(1, table=Table.HOLDING)], count_max=10, gap_max=10)
    assert set(blocks) == {Block(Table.INPUT, 0, 1), Block(Table.HOLDING, 1, 1)}


def test_words_are_found_in_the_block_that_has_them() -> None:
    """A register gets its own words, and none when its block was not answered."""
    answers = {Block(Table.HOLDING, 10, 3): (1, 2, 3), Block(Table.INPUT, 10, 3): (7, 8, 9)}
    assert words_of(register(11, "u32"), answers) == (8, 9)
    assert words_of(register(10), answers) == (7,)
    assert words_of(register(12, "u32"), answers) is None
    assert words_of(register(9), answers) is None


def test_nothing_wanted_is_nothing_asked() -> None:
    """No registers, no requests."""
    assert plan([], count_max=10, gap_max=0) == ()
