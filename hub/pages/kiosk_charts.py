"""The drawings of a kiosk and of an evening's light: one row per slot, one strip per evening. Pure."""

from __future__ import annotations

from markupsafe import Markup

from hub.answers.day import DayAnswer
from hub.answers.sessions import SessionAnswer
from hub.answers.times import to_ms
from hub.pages import axes, svg
from hub.pages.axes import FOOT, LANE, WIDTH, x_at
from hub.pages.evening import Evening, Light
from hub.pages.labels import INSIDE, LEFT, LETTER
from hub.pages.quarters import EVENING_FROM_H, Grid, runs

_ROW = 24
_BAR = 14
_TAIL = 12
_LEAST = 3
_STRIP_Y = 34


def slots(answer: DayAnswer, grid: Grid, label: str) -> Markup:
    """Draw a bar for each phone: dashed when it is to check, its end open while it goes on or is not known."""
    rows = {slot: LANE + _ROW * row + _ROW // 2 for row, slot in enumerate(slots_of(answer))}
    base = LANE + _ROW * len(rows) + 4
    silent = grid.silent(answer)
    unheard = {quarter for stretch in silent for quarter in stretch}
    heard = axes.spans(grid, runs(quarter for quarter in range(grid.elapsed) if quarter not in unheard))
    bars = [(session, _bar(grid, answer, session, rows[session.slot])) for session in drawn(answer)]
    return svg.drawing(
        (WIDTH, base + FOOT),
        label,
        axes.plot(grid, LANE, base),
        axes.scale((y, str(slot)) for slot, y in rows.items()),
        svg.text("prise", 0, LANE - 8),
        svg.path("free", "".join(svg.strokes(y, heard) for y in rows.values())),
        svg.path("unknown", "".join(svg.strokes(y, axes.spans(grid, silent)) for y in rows.values())),
        svg.path("phone", "".join(bar for session, (bar, _) in bars if not session.to_check)),
        svg.path("check", "".join(bar for session, (bar, _) in bars if session.to_check)),
        svg.path("open", "".join(tail for _, (_, tail) in bars)),
        axes.ground(grid, base, silent),
        _silence(grid, silent),
    )


def slots_of(answer: DayAnswer) -> list[int]:
    """List the slots of the kiosk, and any other that a charge names."""
    return sorted({*answer.site.slots, *(session.slot for session in answer.sessions.sessions)})


def drawn(answer: DayAnswer) -> list[SessionAnswer]:
    """List the charges whose beginning is known: the others have no place on a day."""
    return [session for session in answer.sessions.sessions if session.start.at is not None]


def _bar(grid: Grid, answer: DayAnswer, session: SessionAnswer, y: int) -> tuple[str, str]:
    """Lay the bar of one charge and, when its end is not known, the dashes that go on from it."""
    start_ms = to_ms(session.start.at) if session.start.at is not None else grid.start_ms
    end = session.end.at if session.end is not None else None
    seen_ms = min(to_ms(answer.site.newest_at), grid.until_ms) if answer.site.newest_at is not None else start_ms
    end_ms = to_ms(end) if end is not None else max(seen_ms, start_ms)
    x0 = x_at(grid, start_ms)
    x1 = max(x_at(grid, end_ms), x0 + _LEAST)
    top, width = y - _BAR // 2, x1 - x0
    if end is not None or end_ms >= grid.end_ms:
        return svg.rectangle(x0, top, width, _BAR), ""
    bar = f"M{x1} {top}h{-width}v{_BAR}h{width}"
    return bar, f"M{x1} {top + 1}h{_TAIL}M{x1} {top + _BAR - 1}h{_TAIL}"


def _silence(grid: Grid, silent: list[range]) -> Markup:
    """Write the word over the widest stretch without news."""
    if not silent:
        return Markup()
    widest = max(silent, key=len)
    room = len(axes.UNKNOWN) * LETTER // 2
    middle = (axes.x_of(grid, widest.start) + axes.x_of(grid, widest.stop)) // 2
    return svg.text(axes.UNKNOWN, min(max(middle, LEFT + 24 + room), WIDTH - room), LANE - 8, "middle")


def strip(evening: Evening, label: str) -> Markup:
    """Draw the evening: lit high and framed, dark low, unknown as dots; what is to come stays blank."""
    quarter = INSIDE // (evening.last - evening.first)
    spans = {
        light: [
            (LEFT + (stretch.start - evening.first) * quarter, LEFT + (stretch.stop - evening.first) * quarter)
            for state, stretch in evening.stretches
            if state is light
        ]
        for light in Light
    }
    words = (
        svg.text(light, (x0 + x1) // 2, LANE - 6, "middle")
        for light, stretches in spans.items()
        for x0, x1 in stretches
        if x1 - x0 >= len(light) * LETTER
    )
    marks = ((EVENING_FROM_H + hour, LEFT + hour * INSIDE // 6) for hour in (0, 2, 4, 6))
    return svg.drawing(
        (WIDTH, _STRIP_Y + 12 + FOOT),
        label,
        svg.path("grid", svg.rectangle(LEFT, _STRIP_Y - 9, INSIDE, 18)),
        svg.path("frame", svg.strokes(_STRIP_Y, spans[Light.LIT])),
        svg.path("lit", svg.strokes(_STRIP_Y, spans[Light.LIT])),
        svg.path("dark", svg.strokes(_STRIP_Y, spans[Light.DARK])),
        svg.path("unknown", svg.strokes(_STRIP_Y, spans[Light.UNKNOWN])),
        *words,
        axes.hours(marks, _STRIP_Y + 12 + FOOT - 6),
    )
