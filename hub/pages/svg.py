"""The pieces that every drawing is made of: looks, paths, texts and the frame with its one name. Pure.

A look is told twice: as attributes, so that a drawing is legible without the style sheet, and as a class, through
which the style sheet makes it follow the theme.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise

from markupsafe import Markup

Point = tuple[int, int]

_LOOKS = {
    "grid": Markup('class="s-li l" fill="none" stroke="#dccbbd"'),
    "axis": Markup('class="s-tr l2" stroke="#7a6658" stroke-width="2"'),
    "leader": Markup('class="s-enc l" stroke="#14213d"'),
    "free": Markup('class="s-tr l" stroke="#7a6658"'),
    "ground": Markup('class="f-ter" fill="#f3e4d8"'),
    "paper": Markup('class="f-fond" fill="#fbf7f2"'),
    "sun": Markup('class="f-sol l" fill="#f5b21b" stroke="#b3770f"'),
    "now": Markup('class="f-ici l2" fill="#f5b21b" stroke="#14213d" stroke-width="2"'),
    "casing": Markup('class="s-fond l6" fill="none" stroke="#fbf7f2" stroke-width="6"'),
    "load": Markup('class="s-enc l2" fill="none" stroke="#14213d" stroke-width="2"'),
    "level": Markup('class="s-bat l2" fill="none" stroke="#1857aa" stroke-width="2"'),
    "voltage": Markup('class="f-bat l" fill="#1857aa" stroke="#1857aa"'),
    "phone": Markup('class="f-tel" fill="#279b97"'),
    "check": Markup('class="f-fond s-enc l2" fill="#fbf7f2" stroke="#14213d" stroke-width="2" stroke-dasharray="4 3"'),
    "open": Markup('class="s-tel l2" stroke="#279b97" stroke-width="2" stroke-dasharray="3 3"'),
    "unknown": Markup('class="v-i l2" fill="none" stroke="#5f6780" stroke-width="2" stroke-dasharray="2 5"'),
    "box": Markup('class="s-tr" fill="none" stroke="#7a6658" stroke-width="2"'),
    "charged": Markup('class="f-bat" fill="#1857aa"'),
    "frame": Markup('class="v-c" stroke="#14213d" stroke-width="18"'),
    "lit": Markup('class="v-a" stroke="#f5b21b" stroke-width="14"'),
    "dark": Markup('class="v-e" stroke="#14213d" stroke-width="5"'),
}


def path(look: str, d: str) -> Markup:
    """Draw a path; nothing when it is empty."""
    return Markup('<path {} d="{}"/>').format(_LOOKS[look], d) if d else Markup()


def disc(look: str, x: int, y: int, radius: int) -> Markup:
    """Draw a disc."""
    return Markup('<circle {} cx="{}" cy="{}" r="{}"/>').format(_LOOKS[look], x, y, radius)


def text(words: str, x: int, y: int, how: str = "") -> Markup:
    """Write words; `how` may say middle, end, bold, and `fill` on a colour that is light in both themes."""
    known = {
        "middle": Markup(' text-anchor="middle"'),
        "end": Markup(' text-anchor="end"'),
        "bold": Markup(' font-weight="700"'),
        "fill": Markup(' class="sur"'),
    }
    looks = Markup().join(known[word] for word in how.split())
    return Markup('<text{} x="{}" y="{}">{}</text>').format(looks, x, y, words)


def drawing(size: Point, label: str, *parts: Markup) -> Markup:
    """Frame a drawing under the one name that a screen reader says."""
    head = Markup('<svg viewBox="0 0 {} {}" font-size="16" role="img" aria-label="{}">').format(*size, label)
    return head + Markup().join(parts) + Markup("</svg>")


def picture(size: Point, *parts: Markup) -> Markup:
    """Frame a small picture whose words stand beside it; it keeps its own size."""
    head = Markup('<svg viewBox="0 0 {0} {1}" width="{0}" height="{1}" font-size="16" aria-hidden="true">')
    return head.format(*size) + Markup().join(parts) + Markup("</svg>")


def rectangle(left: int, top: int, width: int, height: int) -> str:
    """Lay a closed path around a rectangle."""
    return f"M{left} {top}h{width}v{height}h{-width}z"


def line(points: Sequence[Point]) -> str:
    """Lay a path through points, in relative moves; steps on one level become one."""
    steps: list[Point] = []
    for (x0, y0), (x1, y1) in pairwise(points):
        level = y1 == y0
        if level and steps and steps[-1][1] == 0:
            steps[-1] = (steps[-1][0] + x1 - x0, 0)
        else:
            steps.append((x1 - x0, y1 - y0))
    return f"M{points[0][0]} {points[0][1]}" + "".join(map(_step, steps))


def _step(step: Point) -> str:
    dx, dy = step
    if dy == 0:
        return f"h{dx}"
    return f"v{dy}" if dx == 0 else f"l{dx} {dy}"


def strokes(y: int, spans: Iterable[Point]) -> str:
    """Lay level strokes from x to x, one after the other."""
    return "".join(f"M{x0} {y}h{x1 - x0}" for x0, x1 in spans)
