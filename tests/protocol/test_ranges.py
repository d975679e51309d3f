"""Ranges against plain Python sets."""

from __future__ import annotations

from itertools import islice, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.limits import VALUE_MAX
from protocol.ranges import Range, common, contains, holes, members, runs, size, union, without

seqs = st.integers(1, 60)
_range = st.tuples(seqs, st.integers(0, 12)).map(lambda pair: (pair[0], sum(pair)))
some_ranges = st.lists(_range, max_size=12)


def _as_set(ranges: list[Range]) -> set[int]:
    return {seq for first, last in ranges for seq in range(first, last + 1)}


@given(st.lists(seqs, max_size=60))
def test_runs_hold_exactly_what_was_gathered(gathered: list[int]) -> None:
    """Order and repetition do not matter, and nothing is added."""
    assert _as_set(runs(gathered)) == set(gathered)


@given(some_ranges)
def test_a_union_is_the_union_of_sets(ranges: list[Range]) -> None:
    """Overlapping, touching and nested ranges are one set."""
    assert _as_set(union(ranges)) == _as_set(ranges)


@given(some_ranges)
def test_a_union_is_as_short_as_can_be(ranges: list[Range]) -> None:
    """Its ranges are sorted and a seq apart, so that equal sets are equal lists."""
    joined = union(ranges)
    assert all(first <= last for first, last in joined)
    assert all(after[0] > before[1] + 1 for before, after in pairwise(joined))
    assert union(joined) == joined


@given(some_ranges, st.integers(0, 80))
def test_holes_are_the_complement(ranges: list[Range], upto: int) -> None:
    """What is left out of 1 to `upto` is what no range holds."""
    assert _as_set(holes(union(ranges), upto)) == set(range(1, upto + 1)) - _as_set(ranges)


@given(some_ranges, st.integers(0, 80))
def test_holes_of_overlapping_ranges_name_no_row_that_one_of_them_holds(ranges: list[Range], upto: int) -> None:
    """Ranges sorted by their beginning are enough; one that lies within another changes nothing."""
    assert _as_set(holes(sorted(ranges), upto)) == set(range(1, upto + 1)) - _as_set(ranges)


@given(some_ranges, st.integers(0, 80))
def test_holes_of_holes_are_what_there_was(ranges: list[Range], upto: int) -> None:
    """A site reads `missing` backwards and finds what is settled."""
    assert _as_set(holes(holes(union(ranges), upto), upto)) == _as_set(ranges) & set(range(1, upto + 1))


@given(some_ranges, seqs)
def test_contains_agrees_with_the_set(ranges: list[Range], seq: int) -> None:
    """A seq is in the ranges when it is in the set."""
    assert contains(union(ranges), seq) == (seq in _as_set(ranges))


@given(some_ranges)
def test_size_and_members_agree_with_the_set(ranges: list[Range]) -> None:
    """Every seq is counted and named once, in order."""
    joined = union(ranges)
    assert size(joined) == len(_as_set(ranges))
    assert list(members(joined)) == sorted(_as_set(ranges))


@pytest.mark.parametrize("last", [10, VALUE_MAX])
def test_a_range_costs_nothing_however_long(last: int) -> None:
    """A hostile `Gap` over all seqs is two numbers, not a list."""
    everything = union([(1, last), (2, 3)])
    assert everything == [(1, last)]
    assert size(everything) == last
    assert holes(everything, last) == []
    assert contains(everything, last)
    assert list(islice(members(everything), 3)) == [1, 2, 3]


@given(some_ranges, some_ranges)
def test_without_is_set_difference(ranges: list[Range], removed: list[Range]) -> None:
    """What is left is what Python's sets leave."""
    left = without(ranges, removed)
    assert _as_set(left) == _as_set(ranges) - _as_set(removed)
    assert left == union(left)


@given(some_ranges, some_ranges)
def test_common_is_set_intersection(ranges: list[Range], others: list[Range]) -> None:
    """What two sets share is what Python's sets share."""
    shared = common(ranges, others)
    assert _as_set(shared) == _as_set(ranges) & _as_set(others)
    assert shared == union(shared)
