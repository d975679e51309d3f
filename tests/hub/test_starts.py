"""Numbers passed over: what is surely nobody's, whatever a card forgot."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from hub.ingest.starts import Start, passed_over
from protocol.ranges import members


def test_an_honest_card_passes_over_what_it_says() -> None:
    """Each start knows of all before it: everything that it declares is nobody's, and nothing stays open."""
    assert passed_over([Start(11, 1, 10), Start(90, 20, 89), Start(400, 95, 399)]) == (
        [(1, 10), (20, 89), (95, 399)],
        [],
    )


def test_a_second_life_inside_a_range_leaves_its_future_open() -> None:
    """One start passed over 2 to 899; a start that forgot it lives from 400 on."""
    assert passed_over([Start(900, 2, 899), Start(400, 2, 399)]) == ([(2, 399)], [(400, 899)])


def test_a_second_life_beyond_covers_the_first() -> None:
    """A start that forgot the one at 400, whose rows may have arrived, lies at 900."""
    assert passed_over([Start(900, 2, 899), Start(400, 2, 399), Start(1500, 930, 1499)]) == (
        [(2, 399), (930, 1499)],
        [(400, 899)],
    )


def test_a_start_that_says_nothing_is_ignored() -> None:
    """A range that is empty, begins below 1 or reaches beyond its own row declares nothing more."""
    assert passed_over([Start(5, 7, 6), Start(9, 0, 3), Start(20, 11, 90)]) == ([(11, 19)], [])


@given(lives=st.lists(st.tuples(st.integers(0, 10), st.integers(1, 40), st.integers(0, 6)), min_size=1, max_size=12))
def test_no_row_of_any_life_is_nobodys(lives: list[tuple[int, int, int]]) -> None:
    """Whatever state each start goes on from: no number that any of them gives to a row is called unused."""
    ends = [0]
    starts: list[Start] = []
    given_out: set[int] = set()
    for state, jump, rows in lives:
        known = ends[state % len(ends)]
        at = known + jump
        while at in given_out:  # luck that the real jumps, up to 2^32, make all but certain
            at += 1
        starts.append(Start(at, known + 1, at - 1))
        taken = list(range(at, at + 1 + rows))
        if given_out.isdisjoint(taken):
            given_out |= set(taken)
            ends.append(taken[-1])
        else:
            given_out.add(at)
            ends.append(at)
    unused, _ = passed_over(starts)
    assert given_out.isdisjoint(members(unused))
