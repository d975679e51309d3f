"""Row numbers against plain Python sets: every one in exactly one class, whatever was received and declared."""

from __future__ import annotations

from collections.abc import Iterable

from hypothesis import given
from hypothesis import strategies as st

from hub.numbers import CAUSES, UNUSED, VAGUE, Numbers, classify
from protocol.events import GapCause
from protocol.ranges import Range, members

_range = st.tuples(st.integers(1, 60), st.integers(0, 12)).map(lambda pair: (pair[0], sum(pair)))
ranges = st.lists(_range, max_size=8)
histories = st.tuples(ranges, st.dictionaries(st.sampled_from([cause.name.lower() for cause in GapCause]), ranges))


def as_set(ranges: Iterable[Range]) -> set[int]:
    """Name every number, sorted and overlapping or not."""
    return {seq for pair in ranges for seq in members([pair])}


def classes(numbers: Numbers) -> list[list[int]]:
    """List the classes with their numbers, each as often as it is named."""
    return [list(members(part)) for part in (numbers.received, numbers.unused, numbers.missing, *numbers.lost.values())]


@given(histories)
def test_every_number_is_in_exactly_one_class(history: tuple[list[Range], dict[str, list[Range]]]) -> None:
    """From 1 to the highest known, no number is left out and none is counted twice."""
    received, declared = history
    numbers = classify(received, declared)
    assert sorted(seq for part in classes(numbers) for seq in part) == list(range(1, numbers.highest + 1))
    assert numbers.highest == max(as_set(received) | as_set(p for r in declared.values() for p in r), default=0)


@given(histories)
def test_what_arrived_is_received_whatever_was_said_of_it(
    history: tuple[list[Range], dict[str, list[Range]]],
) -> None:
    """A declaration takes nothing away; rows of numbers that were declared unused are told apart."""
    received, declared = history
    numbers = classify(received, declared)
    assert as_set(numbers.received) == as_set(received)
    assert as_set(numbers.forgotten) == as_set(received) & as_set(declared.get(UNUSED, []))


@given(histories)
def test_the_declaration_that_knows_more_counts(history: tuple[list[Range], dict[str, list[Range]]]) -> None:
    """A row that was given up is lost; a number that never named a row is not; a vague word explains the rest."""
    received, declared = history
    numbers = classify(received, declared)
    sure = as_set(p for cause, r in declared.items() if cause not in (UNUSED, *VAGUE) for p in r) - as_set(received)
    unused = as_set(declared.get(UNUSED, [])) - as_set(received) - sure
    assert as_set(p for cause, r in numbers.lost.items() if cause not in VAGUE for p in r) == sure
    assert as_set(numbers.unused) == unused
    vague = as_set(p for cause in VAGUE for p in declared.get(cause, [])) - as_set(received) - sure - unused
    assert as_set(p for cause in VAGUE for p in numbers.lost.get(cause, [])) == vague


@given(histories, st.integers(1, 80), st.integers(0, 30))
def test_a_part_is_the_part_of_every_class(
    history: tuple[list[Range], dict[str, list[Range]]], first: int, length: int
) -> None:
    """Within a range too each number is in exactly one class; beyond the highest known one it is missing."""
    part = classify(*history).within(first, first + length)
    assert sorted(seq for found in classes(part) for seq in found) == list(range(first, first + length + 1))


def test_every_cause_of_the_protocol_has_its_place() -> None:
    """A cause that is added must be a loss, a vague word, or no loss."""
    assert {*CAUSES, UNUSED} == {cause.name.lower() for cause in GapCause}
