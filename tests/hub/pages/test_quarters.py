"""The quarter hours of a day, and its evening."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from hub.answers.day import DayAnswer
from hub.domain.presence import Freshness
from hub.pages.evening import Light, evening_of
from hub.pages.quarters import Grid, grid_of, runs
from tests.hub.pages.days import NIGHT, WHOLE, day, flat, site

EVENING = datetime(2026, 11, 23, 20, 44, tzinfo=UTC)
PANEL = "panel_power_w"


def laid(answer: DayAnswer) -> Grid:
    """Cut the day of an answer."""
    return grid_of(answer)


def test_a_past_day_has_96_quarters_and_ends_at_24_h() -> None:
    """A day is drawn whole; its end is called 24 h."""
    grid = laid(day())
    assert (grid.count, grid.elapsed, grid.today, grid.marks) == (96, 96, False, (0, 24, 48, 72, 96))
    assert [grid.clock(quarter) for quarter in (0, 33, 96)] == ["0\u00a0h", "8\u00a0h\u00a015", "24\u00a0h"]


@pytest.mark.parametrize(
    ("on", "quarters", "marks"),
    [(date(2026, 10, 25), 100, (0, 28, 52, 76, 100)), (date(2026, 3, 29), 92, (0, 20, 44, 68, 92))],
)
def test_a_change_of_the_clocks_moves_the_hours(on: date, quarters: int, marks: tuple[int, ...]) -> None:
    """Where clocks change, the day has 25 or 23 hours and its marks stand where the clock says so."""
    grid = laid(day(on=on, of=site(zone="Europe/Paris")))
    assert (grid.count, grid.marks) == (quarters, marks)
    assert grid.clock(marks[2]) == "12\u00a0h"


def test_today_is_unknown_only_as_far_as_it_has_gone() -> None:
    """What has not happened yet is not unknown."""
    answer = day({PANEL: flat(0, range(40))}, now=EVENING, of=site(freshness=Freshness.LATE))
    grid = laid(answer)
    assert grid.today
    assert grid.unknown(answer.tracks[PANEL]) == [range(40, 82)]
    assert grid.holes(answer.tracks[PANEL]) == [range(40, 82)]


def test_the_last_quarters_of_a_site_that_sends_are_on_their_way() -> None:
    """A site that sends has no hole at its end, but keeps the holes before."""
    answer = day({PANEL: flat(0, [*range(10), *range(20, 80)])}, now=EVENING)
    grid = laid(answer)
    assert grid.unknown(answer.tracks[PANEL]) == [range(10, 20), range(80, 82)]
    assert grid.holes(answer.tracks[PANEL]) == grid.silent(answer) == [range(10, 20)]
    whole = day({PANEL: flat(0, range(82))}, now=EVENING)
    assert grid.holes(whole.tracks[PANEL]) == []


def test_unknown_of_two_tracks_is_what_either_misses() -> None:
    """Two tracks drawn together are unknown where one of them is; the site is silent where both are."""
    answer = day({PANEL: flat(0, range(50)), "load_power_w": flat(9, range(40, 96))})
    grid = laid(answer)
    assert grid.unknown(*answer.tracks.values()) == [range(40), range(50, 96)]
    assert grid.silent(answer) == []
    assert grid.unknown(None) == [WHOLE]


def test_a_site_without_tracks_is_silent_after_its_newest_data() -> None:
    """A kiosk without a controller is heard until its newest data; one never heard is silent all day."""
    noon = datetime(2026, 11, 23, 12, 1, tzinfo=UTC)
    heard, never = day(of=site(newest=noon)), day(of=site(newest=None))
    assert laid(heard).silent(heard) == [range(49, 96)]
    assert laid(never).silent(never) == [WHOLE]


def test_runs_join_neighbours() -> None:
    """Numbers that follow each other become one stretch."""
    assert runs([5, 1, 2, 3, 9]) == [range(1, 4), range(5, 6), range(9, 10)]


def test_where_lights_are_not_watched_there_is_no_evening() -> None:
    """A site without a lighting circuit gets no strip."""
    answer = day()
    assert evening_of(answer, laid(answer)) is None


def test_an_evening_tells_lit_dark_and_unknown_apart() -> None:
    """A quarter is lit when it mostly was; missing quarters are unknown, never dark."""
    answer = day({"lit": flat(0, range(73)) | flat((0, 1), range(73, 80)) | flat(0, range(84, 96))}, now=NIGHT)
    evening = evening_of(answer, laid(answer))
    assert evening is not None
    assert evening.stretches == [
        (Light.DARK, range(72, 73)), (Light.LIT, range(73, 80)),
        (Light.UNKNOWN, range(80, 84)), (Light.DARK, range(84, 96)),
    ]  # fmt: skip
    assert [evening.quarters(light) for light in Light] == [7, 13, 4]


def test_an_evening_under_way_stops_where_data_are_awaited() -> None:
    """The quarters that the next message brings are neither unknown nor dark."""
    answer = day({"lit": flat(1, range(79))}, now=EVENING)
    evening = evening_of(answer, laid(answer))
    assert evening is not None
    assert evening.stretches == [(Light.LIT, range(72, 79))]
