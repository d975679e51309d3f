"""Row numbers against plain Python sets: every one in exactly one class, whatever was received and declared."""

from __future__ import annotations

from collections.abc import Iterable

from hypothesis import given
from hypothesis import strategies as st

from hub.numbers import CAUSES, UNUSED, VAGUE, WIDE, Numbers, account, as_the_site_counts, classify
from hub.starts import PassedOver
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


@given(histories, st.lists(st.builds(PassedOver, st.integers(61, 90), _range), max_size=4))
def test_what_starts_passed_over_is_no_loss(
    history: tuple[list[Range], dict[str, list[Range]]], passed_over: list[PassedOver]
) -> None:
    """The account too puts every number into one class, and no vague word makes a loss of what was passed over."""
    numbers = account(*history, passed_over)
    assert sorted(seq for part in classes(numbers) for seq in part) == list(range(1, numbers.highest + 1))
    raw = as_set(found.numbers for found in passed_over)
    assert not raw & as_set(p for cause in VAGUE for p in numbers.lost.get(cause, []))
    assert as_set(numbers.received) == as_set(history[0])


def test_a_hole_that_no_site_can_fill_is_none_where_a_start_passed_over_it() -> None:
    """A card forgot a start: what its next one did not pass over is no missing row, unless it is small enough to be."""
    far = 4 * WIDE
    starts = [PassedOver(far + 1, (11, far)), PassedOver(far + 9, (11, far + 8))]
    numbers = account([(1, 10), (2 * WIDE, 2 * WIDE + 5), (2 * WIDE + 9, 2 * WIDE + 9), (far + 1, far + 9)], {}, starts)
    assert numbers.missing == [(2 * WIDE + 6, 2 * WIDE + 8)]
    assert numbers.unused == [(11, 2 * WIDE - 1), (2 * WIDE + 10, far)]
    unheard_start = account([(1, 10), (far, far), (far + 4, far + 4)], {}, [])
    assert (unheard_start.missing, unheard_start.unused) == ([(far + 1, far + 3)], [(11, far - 1)])


def test_a_card_counts_with_what_it_knew() -> None:
    """What the starts of its life passed over is no row; what another life passed over with its count may have been."""
    starts = [PassedOver(20, (5, 19)), PassedOver(90, (25, 89))]
    declared = {"disk_full": [(7, 8), (22, 23)], "let_go": [(30, 31)], UNUSED: [(5, 19)]}
    present = as_the_site_counts(declared, starts, 95)
    assert present == {"disk_full": [(22, 23)], "let_go": [], UNUSED: [(5, 19), (25, 89)], "lost": []}
    forgotten = as_the_site_counts(declared, starts, 40)
    assert forgotten[UNUSED] == [(5, 19)]
    assert as_set(forgotten["lost"]) == set(range(25, 90))


def test_two_lives_of_one_card_do_not_count_each_others_rows() -> None:
    """Both forked after row 10; each has two starts, whose numbers lie among what the other passed over."""
    one = [PassedOver(20, (11, 19)), PassedOver(40, (21, 39))]
    other = [PassedOver(30, (11, 29)), PassedOver(60, (31, 59))]
    assert as_the_site_counts({}, [*one, *other], 45)[UNUSED] == [(11, 19), (21, 39)]
    assert as_the_site_counts({}, [*one, *other], 65)[UNUSED] == [(11, 29), (31, 59)]
