"""Debouncing: what a phone does counts, what a contact does not."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from edge.slots import Change, SlotDebouncer


def test_a_change_counts_from_its_beginning_once_it_has_held() -> None:
    """A session starts when the level first appeared, not when it had held long enough; and ends likewise."""
    slots = SlotDebouncer(2.0)
    assert slots.step({1: False}, 0.0) == []
    assert slots.step({1: True}, 10.0) == []
    assert slots.step({1: True}, 11.9) == []
    assert slots.step({1: True}, 12.0) == [Change(1, occupied=True, uptime_s=10.0)]
    assert list(slots.occupied()) == [1]
    assert slots.step({1: False}, 50.0) == []
    assert slots.step({1: False}, 52.5) == [Change(1, occupied=False, uptime_s=50.0)]
    assert list(slots.occupied()) == []


def test_a_shorter_change_never_happened() -> None:
    """A contact that bounces, either way, makes no session and ends none; each bounce begins the wait anew."""
    slots = SlotDebouncer(2.0)
    slots.step({1: False, 2: True}, 0.0)
    for now in range(1, 20):
        shaking = now % 2 == 0
        assert slots.step({1: shaking, 2: shaking}, float(now)) == []
    assert list(slots.occupied()) == [2]


def test_what_is_there_at_the_first_look_is_found() -> None:
    """An occupied slot is a session of unknown beginning; a free one is nothing."""
    slots = SlotDebouncer(2.0)
    assert slots.step({2: True, 1: True, 3: False}, 7.0) == [
        Change(1, occupied=True, uptime_s=7.0, found=True),
        Change(2, occupied=True, uptime_s=7.0, found=True),
    ]


def test_without_a_debounce_every_look_counts() -> None:
    """A debounce of zero believes each level at once."""
    slots = SlotDebouncer(0.0)
    slots.step({1: False}, 0.0)
    assert slots.step({1: True}, 1.0) == [Change(1, occupied=True, uptime_s=1.0)]
    assert slots.step({1: False}, 2.0) == [Change(1, occupied=False, uptime_s=2.0)]


@given(st.lists(st.tuples(st.floats(0.1, 3.0), st.booleans()), max_size=80), st.floats(0, 4))
def test_changes_alternate_and_are_as_long_as_they_must(levels: list[tuple[float, bool]], debounce_s: float) -> None:
    """Whatever the pin does: taken, free, taken, free …; and no state is entered on less than its debounce."""
    slots = SlotDebouncer(debounce_s)
    now = 0.0
    seen: list[tuple[float, bool]] = []
    changes: list[Change] = []
    for step, level in levels:
        now += step
        seen.append((now, level))
        for change in slots.step({1: level}, now):
            changes.append(change)
            if not change.found:
                held = [value for at, value in seen if change.uptime_s <= at <= now]
                assert set(held) == {change.occupied}
                assert now - change.uptime_s >= debounce_s
    assert all(a.occupied != b.occupied for a, b in itertools.pairwise(changes))
    assert all(a.uptime_s <= b.uptime_s for a, b in itertools.pairwise(changes))
    if changes:
        assert changes[0].occupied
        assert bool(list(slots.occupied())) == changes[-1].occupied
