"""Block reads: everything wanted is fetched, within what the device allows, and joined into values."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.readplan import Block, Limits, pieces, plan, read, reading
from edge.registers import Problem, Quantity, Reading, Register, Scale, Table


def register(address: int, type_: str = "u16", table: Table = Table.INPUT, metric: str = "operating_days") -> Register:
    """Describe a register by where it stands."""
    return Register(table, address, type_, metric=metric)


registers = st.lists(
    st.builds(
        register,
        st.integers(0, 300),
        st.sampled_from(["u16", "u32", "u8_high"]),
        st.sampled_from([Table.INPUT, Table.HOLDING]),
    ),
    max_size=30,
)


@given(registers, st.integers(2, 40), st.integers(0, 40))
def test_every_register_lies_in_one_block(wanted: list[Register], count_max: int, gap_max: int) -> None:
    """Whatever is wanted is fetched, no block is longer than allowed, none overlaps and none reads a useless end."""
    blocks = plan(wanted, Limits(count_max, gap_max))
    for one in wanted:
        assert any(block.holds(one) for block in blocks)
    for block in blocks:
        inside = [one for one in wanted if block.holds(one)]
        assert 1 <= block.count <= count_max
        assert min(one.address for one in inside) == block.address
        assert max(one.end for one in inside) == block.end
        ordered = sorted({at for one in inside for at in range(one.address, one.end)})
        assert all(b - a - 1 <= gap_max for a, b in itertools.pairwise(ordered))
    assert list(blocks) == list(plan(wanted[::-1], Limits(count_max, gap_max)))


@pytest.mark.parametrize(("gap_max", "expected"), [(1, [(0, 1), (3, 2)]), (2, [(0, 5)]), (0, [(0, 1), (3, 2)])])
def test_a_gap_is_bridged_only_as_far_as_allowed(gap_max: int, expected: list[tuple[int, int]]) -> None:
    """A device that refuses unused addresses is never asked for more of them than its profile says."""
    blocks = plan([register(3), register(0), register(4)], Limits(10, gap_max))
    assert [(block.address, block.count) for block in blocks] == expected


def test_a_block_does_not_straddle_where_a_device_forbids_it() -> None:
    """A device that serves 0 to 44 and 45 to 89 apart is asked apart."""
    blocks = plan([register(43), register(44), register(45)], Limits(45, 10, align=45))
    assert [(block.address, block.count) for block in blocks] == [(43, 2), (45, 1)]


def test_registers_in_one_word_share_it() -> None:
    """Two bytes of a word, or a register inside another's block, cost no further read."""
    blocks = plan([register(0, "u8_low"), register(0, "u8_high"), register(0, "u32")], Limits(10))
    assert blocks == (Block(Table.INPUT, 0, 2),)


def test_tables_are_read_apart() -> None:
    """One request reads one table."""
    blocks = plan([register(0), register(1, table=Table.HOLDING)], Limits(10, 10))
    assert set(blocks) == {Block(Table.INPUT, 0, 1), Block(Table.HOLDING, 1, 1)}


def test_a_scale_is_read_with_what_it_scales() -> None:
    """Value and scale stand in one block, even where the gap between them is wider than others may be."""
    scale = Scale(Table.INPUT, 0, "s16", name="sf", exponent=True, usual=0)
    scaled = Register(Table.INPUT, 7, "u16", metric="load_power_w", scales=(scale,))
    (block,) = plan([scaled, register(3)], Limits(10))
    assert block == Block(Table.INPUT, 0, 8)
    assert read(scaled, {block: (2, 0, 0, 0, 0, 0, 0, 5)}) == Reading(5, 500)
    assert read(scaled, {Block(Table.INPUT, 7, 1): (5,)}) is None


def test_a_device_that_counts_bytes_is_read_by_words() -> None:
    """Words two addresses apart are one block of that many words."""
    volts = Register(Table.HOLDING, 0x1290, "u32", metric="battery_voltage_v", step=2)
    amps = Register(Table.HOLDING, 0x1294, "u16", metric="battery_current_a", step=2)
    (block,) = plan([volts, amps], Limits(10))
    assert (block.address, block.count, block.end) == (0x1290, 3, 0x1296)
    assert block.words_of(amps, (1, 2, 3)) == (3,)


def test_a_refused_block_falls_into_what_can_still_be_read() -> None:
    """The parts of a block are its registers, one inside another not asked twice; a single one is itself."""
    inside = [register(0, "u32"), register(1, "u8_low"), register(2)]
    (block,) = plan(inside, Limits(10))
    assert pieces(block, inside) == [Block(Table.INPUT, 0, 2), Block(Table.INPUT, 2, 1)]
    assert pieces(Block(Table.INPUT, 2, 1), inside) == [Block(Table.INPUT, 2, 1)]
    assert pieces(Block(Table.INPUT, 9, 1), inside) == []


FIRST, SECOND = Block(Table.INPUT, 0, 1), Block(Table.INPUT, 9, 1)


def quantity(join: str, *more: Register) -> Quantity:
    """Join two registers, in two blocks, of a metric from 0 to 100."""
    marked = Register(Table.INPUT, 0, "u16", metric="soc_pct", invalid=frozenset({0xFFFF}))
    return Quantity("soc_pct", 0, (marked, Register(Table.INPUT, 9, "u16", metric="soc_pct"), *more), join)


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ((40,), (50,), Reading(40, 40)),
        (None, (50,), Reading(50, 50)),
        ((0xFFFF,), (50,), Reading(50, 50)),
        ((606,), (50,), Reading(606, None, Problem.IMPLAUSIBLE)),
        ((0xFFFF,), None, Reading(0xFFFF, None, Problem.INVALID)),
        (None, None, None),
    ],
)
def test_a_second_source_is_used_when_the_first_says_nothing(
    first: tuple[int, ...] | None, second: tuple[int, ...] | None, expected: Reading | None
) -> None:
    """A block not answered or a marker gives way to the next line; nonsense does not hide behind it."""
    answers = {block: words for block, words in ((FIRST, first), (SECOND, second)) if words is not None}
    assert reading(quantity("else"), answers) == expected


def test_a_sum_needs_all_its_parts() -> None:
    """Two arrays make a panel power only when both are known."""
    assert reading(quantity("plus"), {FIRST: (40,), SECOND: (50,)}) == Reading(90, 90)
    assert reading(quantity("plus"), {FIRST: (40,)}) is None
    assert reading(quantity("plus"), {FIRST: (0xFFFF,), SECOND: (50,)}) == Reading(0xFFFF, None, Problem.INVALID)


def test_a_fault_needs_one_word_and_no_fault_needs_all() -> None:
    """What any word shows is a fault; that there is none is known when every word was read."""
    words = [Register(Table.INPUT, at, "u16", metric="faults", flags={3: "fan", 4: "sensor"}) for at in (0, 9)]
    faults = Quantity("faults", 0, tuple(words), "any")
    fan = reading(faults, {FIRST: (8,)})
    assert fan is not None
    assert fan.value
    assert reading(faults, {FIRST: (8,), SECOND: (8,)}) == fan
    assert reading(faults, {FIRST: (0,)}) is None
    assert reading(faults, {FIRST: (0,), SECOND: (0,)}) == Reading(0, 0)


def test_nothing_wanted_is_nothing_asked() -> None:
    """No registers, no requests."""
    assert plan([], Limits(10)) == ()
