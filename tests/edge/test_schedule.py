"""Polling on a grid, and less often what does not answer."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from edge.schedule import BACK_OFF_AFTER, BACK_OFF_S, Schedule


def test_a_job_runs_once_at_each_grid_point() -> None:
    """Samples are evenly spaced on multiples of the interval, after a first one at once."""
    schedule = Schedule({"a": 10.0})
    runs = [now for now in range(7, 45) if schedule.due(float(now))]
    assert runs == [7, 10, 20, 30, 40]


def test_a_job_may_be_asked_for_sooner() -> None:
    """A daily job that failed runs again within minutes, once, and then on its grid; sooner things stay as they are."""
    schedule = Schedule({"daily": 86_400.0})
    schedule.due(0.0)
    schedule.hasten("daily", 600.0)
    schedule.hasten("daily", 900.0)
    assert schedule.due(599.0) == []
    assert schedule.due(600.0) == ["daily"]
    assert schedule.due(86_399.0) == []


def test_missed_points_are_not_made_up_for() -> None:
    """A loop that stood still goes on from where it is."""
    schedule = Schedule({"a": 10.0})
    assert schedule.due(0.0) == ["a"]
    assert schedule.due(95.0) == ["a"]
    assert schedule.due(99.0) == []
    assert schedule.next_due_s() == 100.0


def test_a_job_that_keeps_failing_runs_less_often() -> None:
    """After some failures in a row a device is asked at most once a minute, still on its grid, until it answers."""
    schedule = Schedule({"a": 25.0, "slow": 300.0})
    for expected in range(1, BACK_OFF_AFTER + 1):
        assert schedule.settle("a", succeeded=False) == expected
        schedule.settle("slow", succeeded=False)
    schedule.due(0.0)
    runs = [now for now in range(1, 400) if "a" in schedule.due(float(now))]
    assert runs == [75, 150, 225, 300, 375]
    assert runs[0] >= BACK_OFF_S
    assert schedule.settle("a", succeeded=True) == 0
    runs = [now for now in range(400, 520) if "a" in schedule.due(float(now))]
    assert runs == [450, 475, 500]


def test_a_slow_job_is_not_slowed_further() -> None:
    """An interval beyond the back-off stays as it is."""
    schedule = Schedule({"slow": 300.0})
    for _ in range(BACK_OFF_AFTER):
        schedule.settle("slow", succeeded=False)
    assert [now for now in range(1000) if schedule.due(float(now))] == [0, 300, 600, 900]


@given(
    st.dictionaries(st.sampled_from("abc"), st.integers(1, 50).map(float), min_size=1),
    st.lists(st.floats(0.01, 30), min_size=1, max_size=50),
)
def test_a_job_is_never_early_and_never_twice(intervals: dict[str, float], steps: list[float]) -> None:
    """Whenever the loop comes round, each job runs exactly when a grid point lies between this turn and the last."""
    schedule = Schedule(intervals)
    now, last = 0.0, dict.fromkeys(intervals, -math.inf)
    for step in steps:
        now += step
        due = schedule.due(now)
        for name, interval in intervals.items():
            crossed = last[name] == -math.inf or now // interval > last[name] // interval
            assert (name in due) == crossed
            if crossed:
                last[name] = now
        assert schedule.next_due_s() > now


def test_nothing_to_do_is_never_due() -> None:
    """Without jobs there is no next one."""
    schedule = Schedule({})
    assert schedule.due(5.0) == []
    assert schedule.next_due_s() == math.inf
