"""The charts of a site's power and battery over a day: answers in, inline SVG out. Pure.

The window is always the whole day, whatever arrived. Unknown is dots and the word, never zero and never joined;
what has not happened yet stays blank. What a chart says in words comes from the views.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from markupsafe import Markup

from hub.answers.day import DayAnswer, Track
from hub.pages import axes, french, labels, svg
from hub.pages.axes import FOOT, LANE, WIDTH, x_of
from hub.pages.labels import LEFT, Spot
from hub.pages.quarters import Grid, runs

_HIGH = 104
_PANEL = 66
_NICE = (1, 1.5, 2, 3, 4, 5, 6, 8, 10)
_KILO = 1000
_SPAN_MIN_V = 2

Heights = dict[int, int]
"""Per known quarter, where its value stands on the drawing."""


def power(answer: DayAnswer, grid: Grid, label: str) -> Markup:
    """Draw the panels as an area and the load as a line, from 0."""
    panel, load = answer.tracks.get("panel_power_w"), answer.tracks.get("load_power_w")
    top = scale_top(max((track.most or 0 for track in (panel, load) if track is not None), default=0))
    unit, base = _KILO if top >= _KILO else 1, LANE + _HIGH
    suns = _heights({q: bucket.mean for q, bucket in grid.known(panel).items()}, base, _HIGH / top)
    loads = _heights({q: bucket.mean for q, bucket in grid.known(load).items()}, base, _HIGH / top)
    lines = "".join(svg.line(_points(grid, run, loads)) for run in runs(loads))
    figures = ((LANE, top), (LANE + _HIGH // 2, top / 2), (base, 0)) if suns or loads else ()
    return svg.drawing(
        (WIDTH, base + FOOT),
        label,
        axes.plot(grid, LANE, base, [LANE + _HIGH // 2]),
        axes.scale((y, french.number(watts / unit, 1 if watts % unit else 0)) for y, watts in figures),
        svg.text("watts" if unit == 1 else "kilowatts", LEFT, LANE - 8),
        svg.path("sun", "".join(_area(grid, run, suns, base) for run in runs(suns))),
        axes.ground(grid, base, grid.unknown(panel, load)),
        svg.path("casing", lines),
        svg.path("load", lines),
        *_power_labels(grid, grid.holes(panel, load), suns, loads),
    )


def battery(answer: DayAnswer, grid: Grid, label: str) -> Markup:
    """Draw the level as the controller estimates it, from 0, and the band of voltages on a scale of its own."""
    level, voltage = answer.tracks.get("soc_pct"), answer.tracks.get("battery_voltage_v")
    first, second = LANE + _PANEL, 2 * (LANE + _PANEL) + 8
    scale = voltage_scale(voltage)
    low, high = scale or (0, 1)
    volts, per_volt = grid.known(voltage), _PANEL / (high - low)
    levels = _heights({q: bucket.mean for q, bucket in grid.known(level).items()}, first, _PANEL / 100)
    tops = _heights({q: bucket.most - low for q, bucket in volts.items()}, second, per_volt)
    feet = _heights({q: bucket.least - low for q, bucket in volts.items()}, second, per_volt)
    band = (svg.line([*_points(grid, run, tops), *reversed(_points(grid, run, feet))]) for run in runs(volts))
    return svg.drawing(
        (WIDTH, second + FOOT),
        label,
        axes.plot(grid, LANE, first, [first - _PANEL // 2]),
        axes.scale([(LANE, "100"), (first - _PANEL // 2, "50"), (first, "0")]),
        svg.text(f"niveau estimé, en{french.NBSP}%", LEFT, LANE - 8),
        axes.floor(grid, first, grid.unknown(level)),
        svg.path("level", "".join(svg.line(_points(grid, run, levels)) for run in runs(levels))),
        axes.plot(grid, second - _PANEL, second),
        axes.scale([(second - _PANEL, str(high)), (second, str(low))] if scale else []),
        svg.text("tension, en volts", LEFT, second - _PANEL - 8),
        axes.ground(grid, second, grid.unknown(voltage)),
        svg.path("voltage", "".join(f"{d}z" for d in band)),
        _hole(grid, grid.holes(level), levels, first),
        _hole(grid, grid.holes(voltage), tops, second),
    )


def scale_top(most: float) -> float:
    """Choose a round end for a scale from 0, and never less than 10."""
    step = 10.0 ** math.floor(math.log10(max(most, 10)))
    return next(step * nice for nice in _NICE if step * nice >= most)


def voltage_scale(track: Track | None) -> tuple[int, int] | None:
    """Choose whole volts around what was measured, at least two apart; it does not begin at 0."""
    if track is None or track.least is None or track.most is None:
        return None
    low = math.floor(track.least)
    return low, max(math.ceil(track.most), low + _SPAN_MIN_V)


def _power_labels(grid: Grid, holes: list[range], suns: Heights, loads: Heights) -> list[Markup]:
    """Name what is drawn, where there is room for it."""
    base = LANE + _HIGH
    tops = axes.tops(grid, base, suns, loads)
    unknown = axes.hole(holes, tops, top=LANE, base=base)
    for quarter in (quarter for stretch in holes for quarter in stretch):
        tops[quarter] = LANE  # other words would seem to speak of what is unknown
    panels = labels.within("panneaux", suns, {q: loads.get(q, base) for q in suns})
    how = "fill" if panels is not None else ""
    title = Spot(range(labels.wide("kilowatts")), LANE - 8)
    taken = [title, *(spot for spot in (unknown, panels) if spot is not None)]
    if panels is None:
        half = (base + min(suns.values(), default=base)) // 2
        sunny = {q: y for q, y in suns.items() if y <= half and y < base}
        panels = labels.above("panneaux", sunny, tops, ceiling=0, taken=taken)
        taken += [panels] if panels is not None else []
    upper = {q: y for q, y in loads.items() if y <= suns.get(q, base)}
    load = labels.above("consommation", upper, tops, ceiling=0, taken=taken)
    return [
        axes.say(grid, axes.UNKNOWN, unknown),
        axes.say(grid, "panneaux", panels, how),
        axes.say(grid, "consommation", load),
    ]


def _hole(grid: Grid, holes: list[range], drawn: Mapping[int, int], base: int) -> Markup:
    tops = axes.tops(grid, base, drawn)
    return axes.say(grid, axes.UNKNOWN, axes.hole(holes, tops, top=base - _PANEL - 4, base=base))


def _heights(values: Mapping[int, float], base: int, scale: float) -> Heights:
    return {quarter: base - round(max(value, 0) * scale) for quarter, value in values.items()}


def _points(grid: Grid, run: range, heights: Mapping[int, int]) -> list[svg.Point]:
    """Go through the middle of each quarter of a run, and out to its edges."""
    inner = [((x_of(grid, q) + x_of(grid, q + 1)) // 2, heights[q]) for q in run]
    return [(x_of(grid, run.start), inner[0][1]), *inner, (x_of(grid, run.stop), inner[-1][1])]


def _area(grid: Grid, run: range, heights: Mapping[int, int], base: int) -> str:
    return svg.line([(x_of(grid, run.start), base), *_points(grid, run, heights), (x_of(grid, run.stop), base)]) + "z"
