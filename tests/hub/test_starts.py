"""Numbers passed over: what is surely nobody's, whatever a card forgot."""

from __future__ import annotations

from dataclasses import dataclass

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


def test_a_start_that_tells_of_an_unknown_life_opens_the_range_it_lived_in() -> None:
    """A life came to 450 before the start at 2000; the hub was set back, and no longer knows that it began at 400."""
    first, later = PassedOver(900, (2, 899)), PassedOver(2000, (451, 1999))
    assert nobodys([first, later]) == ([(451, 899)], [(2, 450), (900, 1999)])
    assert nobodys([first, later, PassedOver(400, (2, 399))]) == ([(2, 399), (451, 899)], [(400, 450), (900, 1999)])


@dataclass
class Life:
    """The rows that one start gave, and where its life had come to before."""

    start: PassedOver
    rows: range


def lived(lives: list[tuple[int, int, int]]) -> list[Life]:
    """Let starts go on from any state that there was, each a jump further, and give some rows."""
    found: list[Life] = []
    given_out: set[int] = set()
    for state, jump, count in lives:
        known = found[state % len(found)].rows[-1] if found else 0
        at = known + jump
        while at in given_out:  # luck that the real jumps, up to 2^32, make all but certain
            at += 1
        rows = range(at, at + 1 + count)
        rows = rows if given_out.isdisjoint(rows) else range(at, at + 1)
        given_out |= set(rows)
        found.append(Life(PassedOver(at, (known + 1, at - 1)), rows))
    return found


LIVES = st.lists(st.tuples(st.integers(0, 10), st.integers(1, 40), st.integers(0, 6)), min_size=1, max_size=12)


@given(lives=LIVES)
def test_no_row_of_any_life_is_nobodys(lives: list[tuple[int, int, int]]) -> None:
    """Whatever state each start goes on from: no number that any of them gives to a row is called unused."""
    found = lived(lives)
    unused, _ = nobodys(one.start for one in found)
    assert {seq for one in found for seq in one.rows}.isdisjoint(members(unused))


@given(lives=LIVES, hidden=st.sets(st.integers(0, 11)))
def test_no_row_that_a_known_start_tells_of_is_nobodys(lives: list[tuple[int, int, int]], hidden: set[int]) -> None:
    """A hub that was set back lacks some starts: what those gave that it still hears of is open, never unused."""
    found = lived(lives)
    known = [one for at, one in enumerate(found) if at not in hidden]
    told = {one.start.numbers[0] - 1 for one in known}
    rows = {seq for one in found if one in known or one.rows[-1] in told for seq in one.rows}
    unused, _ = nobodys(one.start for one in known)
    assert rows.isdisjoint(members(unused))
