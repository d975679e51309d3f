"""Summaries: joined in any steps they say the same, and a stored day equals the archive."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub import rollup
from hub.series import DAY_MS, HOUR_MS, Sample, auto_step, completeness, join, summarise
from protocol.events import AlarmRaised
from tests.hub.builders import NOON_MS, TestHub, anchor, event, of, samples

_moments = st.lists(st.integers(0, 3 * DAY_MS), min_size=1, max_size=60, unique=True).map(sorted)


@given(_moments, st.data())
def test_joining_hours_gives_the_days_that_samples_give(moments: list[int], data: st.DataObject) -> None:
    """A coarse summary does not depend on the road it was made by."""
    values = data.draw(st.lists(st.integers(-1000, 1000), min_size=len(moments), max_size=len(moments)))
    found = [Sample(at, value, 60_000, at % 7) for at, value in zip(moments, values, strict=True)]
    assert join(summarise(found, HOUR_MS), DAY_MS) == summarise(found, DAY_MS)


@given(_moments, st.data())
def test_any_day_of_summaries_round_trips(moments: list[int], data: st.DataObject) -> None:
    """What is stored for a day is what was computed."""
    values = data.draw(st.lists(st.integers(-10_000, 10_000), min_size=len(moments), max_size=len(moments)))
    found = [Sample(at, value / 100, 60_000, 100) for at, value in zip(moments, values, strict=True)]
    day = {"controller.panel_power_w": summarise(found, HOUR_MS)}
    stored = rollup.decode(rollup.encode(day, {"controller.panel_power_w": 2}))
    (column,) = stored.values()
    for before, after in zip(day["controller.panel_power_w"], column, strict=True):
        assert after.total == pytest.approx(before.total)
        assert (after.start_ms, after.least, after.most, after.count, after.observed_ms) == (
            before.start_ms, before.least, before.most, before.count, before.observed_ms,
        )  # fmt: skip


@pytest.mark.parametrize(("days", "step"), [(1, "raw"), (7, "15m"), (60, "1h"), (400, "1d")])
def test_the_automatic_step_fits_a_chart(days: int, step: str) -> None:
    """A longer period gets coarser points."""
    assert auto_step(0, days * DAY_MS) == step


def test_completeness_is_observed_over_expected() -> None:
    """Half observed is one half, and doubled polls are not more than all."""
    assert completeness(HOUR_MS, 0, 2 * HOUR_MS) == 0.5
    assert completeness(3 * HOUR_MS, 0, 2 * HOUR_MS) == 1.0
    assert completeness(0, 5, 5) == 0.0


def test_a_late_batch_renews_the_summary_of_its_day(hub: TestHub) -> None:
    """A stored summary never outlives what it was made of."""
    start_ms = NOON_MS - DAY_MS
    day = start_ms // DAY_MS * DAY_MS
    hub.send_batch(of(anchor(1, 0, start_ms), samples(2, [60, 120], [100, 200])))
    assert hub.store.roll_up(NOON_MS + DAY_MS)
    assert not hub.store.roll_up(NOON_MS + DAY_MS)
    (before,) = hub.store.hours("ecole-a", ["controller.panel_power_w"], day, day + DAY_MS)["controller.panel_power_w"]
    hub.send_batch(of(samples(4, [180], [600])))
    (after,) = hub.store.hours("ecole-a", ["controller.panel_power_w"], day, day + DAY_MS)["controller.panel_power_w"]
    assert (before.mean, after.mean) == (150, 300)
    assert hub.store.roll_up(NOON_MS + DAY_MS)
    (stored,) = hub.store.hours("ecole-a", ["controller.panel_power_w"], day, day + DAY_MS)["controller.panel_power_w"]
    assert stored == after


def test_today_is_not_summarised_before_it_is_over(hub: TestHub) -> None:
    """A day that still grows is computed when asked for."""
    hub.send_batch(of(anchor(1, 0, NOON_MS), samples(2, [60], [100]), event(3, AlarmRaised("a"))))
    assert not hub.store.roll_up(NOON_MS + HOUR_MS)
    assert (
        hub.store.hours("ecole-a", ["controller.panel_power_w"], NOON_MS, NOON_MS + HOUR_MS)[
            "controller.panel_power_w"
        ][0].count
        == 1
    )


def test_a_missing_value_is_absent_not_zero(hub: TestHub) -> None:
    """A reading that was no figure leaves a hole."""
    hub.send_batch(of(anchor(1, 0, NOON_MS), samples(2, [60, 120, 180], [100, None, 300])))
    found = hub.store.samples("ecole-a", ["controller.panel_power_w"], 0, 2 * NOON_MS)["controller.panel_power_w"]
    assert [sample.value for sample in found] == [100, 300]
