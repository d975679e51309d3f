"""The verdict on a tally: what is explained agrees, and nothing else does."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.numbers import classify
from hub.tallies import ROWS, Verdict, counted, from_plain, judge, settled, to_plain
from protocol import tally
from protocol.batch import EventRow
from protocol.events import AlarmCleared, ChargingSession, EndReason, SlotTaken
from protocol.ranges import contains, runs
from protocol.tally import Sums

SITE = Sums(samples=10, taken=2, ended=2, charged_s=900, others=1, check=77)
ALL = classify([(1, 15)], {})


def _row(seq: int) -> EventRow:
    events = (
        SlotTaken(seq),
        ChargingSession(1, seq, 1, 0, 1, seq, EndReason.UNPLUGGED),
        AlarmCleared("x" * (seq % 7)),
    )
    return EventRow(seq, 1, seq, events[seq % 3])


def _sums(seqs: set[int]) -> Sums:
    return sum((tally.of_event(_row(seq)) for seq in seqs), Sums())


_seqs = st.sets(st.integers(1, 40))


@given(taken=_seqs, lost=_seqs, vague=_seqs, forgotten=_seqs)
def test_a_history_without_fault_always_agrees(
    taken: set[int], lost: set[int], vague: set[int], forgotten: set[int]
) -> None:
    """Rows lost with a cause, numbers never used, vague words, rows that the card forgot: all of it is explained."""
    lost, vague, forgotten = lost & taken, vague - lost, forgotten - taken
    unused = set(range(1, 41)) - taken - vague
    declared = {"disk_full": runs(lost), "let_go": runs(vague), "unused": runs(unused | forgotten)}
    numbers = classify(runs((taken - lost - vague) | forgotten), declared).within(1, 40)
    assert settled(numbers)
    here = _sums({seq for seq in range(1, 41) if contains(counted(numbers), seq)})
    verdict = judge(_sums(taken), here, numbers)
    assert verdict.agrees, verdict
    assert verdict.lost == len(taken) - here.rows
    assert verdict.forgotten == len(forgotten)


@given(taken=st.sets(st.integers(1, 40), min_size=1))
def test_a_row_that_is_not_here_and_not_explained_is_seen(taken: set[int]) -> None:
    """One row fewer on our side, with its number settled as unused, is a difference."""
    gone = min(taken)
    numbers = classify(runs(taken - {gone}), {"unused": runs(set(range(1, 41)) - taken | {gone})}).within(1, 40)
    verdict = judge(_sums(taken), _sums(taken - {gone}), numbers)
    assert ROWS in verdict.differs
    assert not verdict.agrees


@pytest.mark.parametrize(
    ("here", "differs"),
    [
        (SITE, ()),
        (replace(SITE, check=78), ("check",)),
        (replace(SITE, charged_s=899, check=1), ("charged_s", "check")),
        (replace(SITE, samples=9, others=2), ("samples", "others")),
        (replace(SITE, samples=11), ("samples", ROWS)),
    ],
)
def test_the_sums_that_differ_are_named(here: Sums, differs: tuple[str, ...]) -> None:
    """Where no row was given up, everything must be equal."""
    assert judge(SITE, here, ALL).differs == differs


@pytest.mark.parametrize(
    ("here", "differs"),
    [
        (replace(SITE, samples=7, check=5), ()),
        (replace(SITE, samples=8, ended=1, charged_s=400, check=5), ()),
        (replace(SITE, samples=7, charged_s=899, check=5), ("charged_s",)),
        (replace(SITE, samples=8, check=5), (ROWS,)),
        (replace(SITE, samples=6, taken=3, check=5), ("taken",)),
        (replace(SITE, samples=8, ended=1, charged_s=901, check=5), ("charged_s",)),
    ],
)
def test_where_rows_were_given_up_the_rest_is_still_held_to_account(here: Sums, differs: tuple[str, ...]) -> None:
    """Three rows are lost with a cause: the counts must say so, and nothing may be here that was not taken."""
    numbers = classify([(1, 12)], {"disk_full": [(13, 15)]})
    assert judge(SITE, here, numbers).differs == differs


def test_a_verdict_is_kept_as_it_is() -> None:
    """It passes through JSON."""
    verdict = Verdict(("samples",), SITE, 3, 4)
    assert from_plain(json.loads(json.dumps(to_plain(verdict)))) == verdict
