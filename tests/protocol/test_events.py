"""Events: any one survives the wire, and nothing else passes for one."""

from __future__ import annotations

import contextlib
from dataclasses import fields
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol import events
from protocol.errors import Refusal, WireError
from protocol.events import (
    AlarmCleared,
    AlarmRaised,
    ChargingSession,
    ClockAnchor,
    EndReason,
    Event,
    Gap,
    GapCause,
    Lane,
    SlotTaken,
    UnknownEvent,
)
from protocol.limits import TEXT_MAX, VALUE_MAX
from tests.protocol.strategies import any_event

KINDS: dict[int, type[Event]] = {cls.kind: cls for cls in get_args(Event)}
_anything = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary() | st.lists(st.integers())


@given(any_event)
def test_any_event_round_trips(event: Event | UnknownEvent) -> None:
    """What is laid out as kind and values is rebuilt as it was, with the same types."""
    kind, *values = events.to_wire(event)
    assert isinstance(kind, int)
    rebuilt = events.from_wire(kind, values)
    assert rebuilt == event
    assert [type(getattr(rebuilt, field.name)) for field in fields(rebuilt)] == [
        type(getattr(event, field.name)) for field in fields(event)
    ]


@given(any_event)
def test_an_event_is_laid_out_in_plain_integers_and_texts(event: Event | UnknownEvent) -> None:
    """No flag or enumeration reaches the wire as anything but its number."""
    assert {type(value) for value in events.to_wire(event)} <= {int, str}


@given(st.integers(0, 12), st.lists(_anything, max_size=10))
def test_any_values_are_refused_or_valid(kind: int, values: list[object]) -> None:
    """Hostile values raise the one error of the wire, or make an event that can be sent again."""
    with contextlib.suppress(WireError):
        event = events.from_wire(kind, values)
        again, *rest = events.to_wire(event)
        assert again == kind
        assert events.from_wire(kind, rest) == event


@given(any_event, st.lists(_anything, min_size=1, max_size=3))
def test_fields_of_a_later_release_are_ignored(event: Event | UnknownEvent, more: list[object]) -> None:
    """What follows the known fields of a known event does not matter."""
    kind, *values = events.to_wire(event)
    if isinstance(event, UnknownEvent) or not isinstance(kind, int):
        return
    values += [0] * (len(fields(event)) - len(values))  # those of a tally without seals are left out
    assert events.from_wire(kind, [*values, *more]) == event


def test_fields_of_a_later_release_may_be_missing() -> None:
    """A field with a default is filled; the defaults are those that say nothing happened."""
    assert events.from_wire(SlotTaken.kind, [3]) == SlotTaken(3, found=False)
    assert events.from_wire(AlarmRaised.kind, ["door"]) == AlarmRaised("door", "")
    session = events.from_wire(ChargingSession.kind, [3, 9, 1, 60, 1, 120, 0])
    assert session == ChargingSession(3, 9, 1, 60, 1, 120, EndReason.UNPLUGGED, found=False)


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        (SlotTaken.kind, []),
        (SlotTaken.kind, [-1]),
        (SlotTaken.kind, [VALUE_MAX + 1]),
        (SlotTaken.kind, [True]),
        (SlotTaken.kind, ["3"]),
        (SlotTaken.kind, [3.0]),
        (SlotTaken.kind, [3, 2]),
        (SlotTaken.kind, [3, True]),
        (SlotTaken.kind, [3, 1.0]),
        (SlotTaken.kind, [3, None]),
        (ClockAnchor.kind, [1, 1, -1]),
        (ClockAnchor.kind, [1, 1, "ntp"]),
        (Gap.kind, [1, True, 0]),
        (Gap.kind, [1, 2, True]),
        (Gap.kind, [1, None, 5]),
        (Gap.kind, [1, 2, 7, 1.5]),
        (Gap.kind, [1, 2, VALUE_MAX + 1]),
        (AlarmRaised.kind, [5]),
        (AlarmRaised.kind, ["x" * (TEXT_MAX + 1)]),
        (AlarmCleared.kind, [b"door"]),
        (200, [1.5]),
        (200, [None]),
        (200, [True]),
        (200, [VALUE_MAX + 1]),
        (200, ["x" * (TEXT_MAX + 1)]),
    ],
)
def test_a_value_that_breaks_a_rule_is_refused(kind: int, values: list[object]) -> None:
    """Type, range and length of every field are checked, of unknown kinds too."""
    with pytest.raises(WireError) as refused:
        events.from_wire(kind, values)
    assert refused.value.refusal is Refusal.MALFORMED


@pytest.mark.parametrize(
    "event",
    [
        SlotTaken(VALUE_MAX, found=True),
        Gap(1, VALUE_MAX, GapCause.LOST),
        AlarmRaised("é" * TEXT_MAX, "\U0001f50b" * TEXT_MAX),
        UnknownEvent(200, (-VALUE_MAX, VALUE_MAX, "x" * TEXT_MAX)),
    ],
)
def test_values_at_the_limit_are_taken(event: Event | UnknownEvent) -> None:
    """A limit is the last value allowed; texts are counted in characters."""
    kind, *values = events.to_wire(event)
    assert isinstance(kind, int)
    assert events.from_wire(kind, values) == event


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        (Gap.kind, [1, 2, 7]),
        (ClockAnchor.kind, [1_763_887_200_000, 50, 4]),
        (ChargingSession.kind, [3, 9, 1, 60, 1, 120, 77, 0]),
        (Gap.kind, [1, 2, 7, "a field of a later release", -1]),
    ],
)
def test_an_event_with_an_unknown_word_is_kept_whole(kind: int, values: list[object]) -> None:
    """A cause, source or reason that a later release defined is carried as it came, and can be sent on."""
    kept = events.from_wire(kind, values)
    assert kept == UnknownEvent(kind, tuple(values))
    assert events.to_wire(kept) == [kind, *values]


def test_over_long_texts_are_cut_where_they_are_written() -> None:
    """What is written is never more than what is read; characters are cut, not bytes."""
    kind, *values = events.to_wire(AlarmRaised("c" * (TEXT_MAX + 1), "é" * 5000))
    assert isinstance(kind, int)
    assert events.from_wire(kind, values) == AlarmRaised("c" * TEXT_MAX, "é" * TEXT_MAX)


def test_half_a_surrogate_pair_is_replaced_where_it_is_written() -> None:
    """A file name that is no Unicode may stand in an alarm; it must not keep the batch from being encoded."""
    assert events.to_wire(AlarmRaised("disk", "/media/\udce9cole")) == [AlarmRaised.kind, "disk", "/media/?cole"]


def test_kinds_are_numbered_without_gap_and_once() -> None:
    """A kind names one event for good, and the next free number is the next one."""
    assert sorted(KINDS) == list(range(1, len(get_args(Event)) + 1))


def test_money_and_alarms_are_in_their_lanes() -> None:
    """What the parents count is shed last; what explains a loss travels at once."""
    assert SlotTaken.lane is ChargingSession.lane is Lane.MONEY
    assert Gap.lane is AlarmRaised.lane is AlarmCleared.lane is Lane.ALARM
    assert sorted(Lane) == [Lane.MONEY, Lane.ALARM, Lane.NOTE, Lane.SUMMARY, Lane.TELEMETRY]
    assert all(cls.lane is not Lane.TELEMETRY for cls in KINDS.values())
