"""The ground that every chart of a day stands on: hours, scale, unknown stretches and the present. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from markupsafe import Markup

from hub.pages import french, labels, svg
from hub.pages.labels import INSIDE, LEFT, Spot
from hub.pages.quarters import MARKS_H, Grid, runs

WIDTH = LEFT + INSIDE + 20
LANE = 22
"""Height of the line of words above a plot."""

FOOT = 28
"""Height of the hours under it."""

UNKNOWN = "inconnu"
_EARTH = 5
_SUN = 5
_LEADER_FROM = 14
"""Words that stand closer than this to what they name need no leader."""


def x_of(grid: Grid, quarter: int) -> int:
    """Measure where a quarter begins."""
    return LEFT + quarter * INSIDE // grid.count


def x_at(grid: Grid, utc_ms: int) -> int:
    """Measure where a moment is, kept within the day."""
    inside = min(max(utc_ms, grid.start_ms), grid.end_ms) - grid.start_ms
    return LEFT + inside * INSIDE // (grid.end_ms - grid.start_ms)


def spans(grid: Grid, stretches: Iterable[range]) -> list[svg.Point]:
    """Measure from where to where stretches reach."""
    return [(x_of(grid, stretch.start), x_of(grid, stretch.stop)) for stretch in stretches]


def plot(grid: Grid, top: int, base: int, levels: Iterable[int] = ()) -> Markup:
    """Draw the lines behind a plot, at the hours and at some levels."""
    across = svg.strokes(top, [(LEFT, LEFT + INSIDE)]) + "".join(f"M{LEFT} {y}h{INSIDE}" for y in levels)
    return svg.path("grid", across + "".join(f"M{x_of(grid, mark)} {top}v{base - top}" for mark in grid.marks))


def scale(figures: Iterable[tuple[int, str]]) -> Markup:
    """Write the figures of a scale into the margin."""
    return Markup().join(svg.text(words, LEFT - 6, y + 6, "end") for y, words in figures)


def floor(grid: Grid, base: int, unknown: Sequence[range]) -> Markup:
    """Draw the line at the foot of a plot: solid, and dots where it is unknown."""
    missing = {quarter for stretch in unknown for quarter in stretch}
    known = spans(grid, runs(quarter for quarter in range(grid.count) if quarter not in missing))
    return svg.path("axis", svg.strokes(base, known)) + svg.path("unknown", svg.strokes(base, spans(grid, unknown)))


def ground(grid: Grid, base: int, unknown: Sequence[range]) -> Markup:
    """Draw the horizon, its hours, and a small sun where today has come to."""
    earth = svg.path("ground", svg.rectangle(LEFT, base, INSIDE, _EARTH))
    marks = zip(MARKS_H, (x_of(grid, mark) for mark in grid.marks), strict=True)
    sun = svg.disc("now", x_at(grid, grid.until_ms), base, _SUN) if grid.today else Markup()
    return earth + floor(grid, base, unknown) + hours(marks, base + FOOT - 6) + sun


def hours(marks: Iterable[tuple[int, int]], y: int) -> Markup:
    """Write hours at their places."""
    return Markup().join(svg.text(french.clock(hour), x, y, "middle") for hour, x in marks)


def tops(grid: Grid, base: int, *drawn: Mapping[int, int]) -> list[int]:
    """Give, for each quarter of the day, the height above which words may stand."""
    heights = [min(line.get(quarter, base) for line in drawn) for quarter in range(grid.count)]
    sun = range(grid.elapsed - 2, grid.elapsed + 3) if grid.today else range(0)
    return [min(height, base - _SUN - 2) if quarter in sun else height for quarter, height in enumerate(heights)]


def hole(holes: Sequence[range], heights: Sequence[int], *, top: int, base: int) -> Spot | None:
    """Find a place for the word at the widest unknown stretch."""
    if not holes:
        return None
    widest = max(holes, key=len)
    return labels.above(UNKNOWN, {(widest.start + widest.stop) // 2: base}, heights, ceiling=top)


def say(grid: Grid, words: str, spot: Spot | None, how: str = "") -> Markup:
    """Write words in the place that was found for them, if one was, and lead from there to what they name."""
    if spot is None:
        return Markup()
    leader = ""
    if spot.target is not None and spot.target[1] - spot.y >= _LEADER_FROM:
        quarter, y = spot.target
        leader = f"M{(x_of(grid, quarter) + x_of(grid, quarter + 1)) // 2} {spot.y + 3}V{y}"
    return svg.path("leader", leader) + svg.text(words, spot.middle(grid), spot.y, f"middle {how}")
