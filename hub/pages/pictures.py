"""Small pictures beside their words: the slots of a kiosk as numbered squares, the level of a battery. Pure."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from markupsafe import Markup

from hub.pages import svg

_CELL = 32
_SIDE = 26
_PER_LINE = 8
_WIDE = 48
_HIGH = 24


def squares(slots: Sequence[int], occupied: Collection[int]) -> Markup:
    """Draw one numbered square per slot, filled when it is occupied."""
    corners = {slot: (1 + _CELL * (at % _PER_LINE), 1 + _CELL * (at // _PER_LINE)) for at, slot in enumerate(slots)}
    boxes = {slot: svg.rectangle(x, y, _SIDE, _SIDE) for slot, (x, y) in corners.items()}
    width = 2 + _SIDE + _CELL * (min(len(slots), _PER_LINE) - 1)
    height = 2 + _SIDE + _CELL * ((len(slots) - 1) // _PER_LINE)
    numbers = (
        svg.text(str(slot), x + _SIDE // 2, y + 19, "middle bold fill" if slot in occupied else "middle")
        for slot, (x, y) in corners.items()
    )
    return svg.picture(
        (width, height),
        svg.path("phone", "".join(box for slot, box in boxes.items() if slot in occupied)),
        svg.path("box", "".join(box for slot, box in boxes.items() if slot not in occupied)),
        *numbers,
    )


def gauge(level_pct: float) -> Markup:
    """Draw a battery filled to its level."""
    filled = round((_WIDE - 6) * min(max(level_pct, 0), 100) / 100)
    return svg.picture(
        (_WIDE + 6, _HIGH),
        svg.path("charged", svg.rectangle(4, 4, filled, _HIGH - 8) if filled else ""),
        svg.path("box", svg.rectangle(1, 1, _WIDE, _HIGH - 2) + svg.rectangle(_WIDE + 1, 8, 4, _HIGH - 16)),
    )
