"""Numbers passed over: what is surely nobody's, whatever a card forgot."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.starts import PassedOver, declared, life, nobodys
from protocol.events import Gap, GapCause
from protocol.ranges import Range, members


def test_an_honest_card_passes_over_what_it_says() -> None:
    """Each start knows of all before it: everything that it declares is nobody's, and nothing stays open."""
    assert nobodys([PassedOver(11, (1, 10)), PassedOver(90, (20, 89)), PassedOver(400, (95, 399))]) == (
        [(1, 10), (20, 89), (95, 399)],
        [],
    )


def test_a_second_life_inside_a_range_leaves_its_future_open() -> None:
    """One start passed over 2 to 899; a start that forgot it lives from 400 on."""
    assert nobodys([PassedOver(900, (2, 899)), PassedOver(400, (2, 399))]) == ([(2, 399)], [(400, 899)])


def test_a_second_life_beyond_covers_the_first() -> None:
    """A start that forgot the one at 400, whose rows may have arrived, lies at 900."""
    assert nobodys([PassedOver(900, (2, 899)), PassedOver(400, (2, 399)), PassedOver(1500, (930, 1499))]) == (
        [(2, 399), (930, 1499)],
        [(400, 899)],
    )


@pytest.mark.parametrize(
    ("seq", "first", "last", "numbers"), [(5, 7, 6, None), (9, 0, 3, None), (9, 9, 9, None), (20, 11, 90, (11, 19))]
)
def test_a_gap_speaks_of_what_came_before_it(seq: int, first: int, last: int, numbers: Range | None) -> None:
    """A range that is empty, begins below 1 or lies beyond its row declares nothing; one that reaches there is cut."""
    assert declared(seq, Gap(first, last, GapCause.UNUSED)) == numbers


def test_a_row_belongs_to_the_starts_that_lead_to_it() -> None:
    """From row 95 one walks back to the start at 90, from there to 20; 60 is of another life, 93 only says again."""
    first, other, second, again = (
        PassedOver(20, (11, 19)), PassedOver(60, (31, 59)), PassedOver(90, (26, 89)), PassedOver(93, (11, 19)),
    )  # fmt: skip
    assert sorted(life([first, other, second, again], 95)) == [first, second, again]
    assert [found.begins for found in (first, again)] == [True, False]


@given(lives=st.lists(st.tuples(st.integers(0, 10), st.integers(1, 40), st.integers(0, 6)), min_size=1, max_size=12))
def test_no_row_of_any_life_is_nobodys(lives: list[tuple[int, int, int]]) -> None:
    """Whatever state each start goes on from: no number that any of them gives to a row is called unused."""
    ends = [0]
    starts: list[PassedOver] = []
    given_out: set[int] = set()
    for state, jump, rows in lives:
        known = ends[state % len(ends)]
        at = known + jump
        while at in given_out:  # luck that the real jumps, up to 2^32, make all but certain
            at += 1
        starts.append(PassedOver(at, (known + 1, at - 1)))
        taken = list(range(at, at + 1 + rows))
        if given_out.isdisjoint(taken):
            given_out |= set(taken)
            ends.append(taken[-1])
        else:
            given_out.add(at)
            ends.append(at)
    unused, _ = nobodys(starts)
    assert given_out.isdisjoint(members(unused))
