"""Where a label may stand on a chart without touching what is drawn there. Pure.

Heights are given per quarter hour, smaller is higher. A label stands above everything and as near as it can to what
it names; when that is some way off, a leader joins them. One that finds no room is left out: every fact of a drawing
stands in words beside it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from hub.pages.quarters import Grid

LEFT = 36
INSIDE = 288
"""Where the day begins on a chart, and how wide it is: three units for each of its 96 quarter hours."""

TALL = 14
"""Units from the foot of the letters to their top."""

LETTER = 10
"""Units of a letter, on the generous side for any plain font."""

_AIR = 5


@dataclass(frozen=True, slots=True)
class Spot:
    """A place for words: the quarters that they cover, the foot of the letters, and what they name."""

    quarters: range
    y: int
    target: tuple[int, int] | None = None

    def middle(self, grid: Grid) -> int:
        """Measure where the middle of the words is."""
        return LEFT + (self.quarters.start + self.quarters.stop) * INSIDE // (2 * grid.count)

    def clears(self, other: Spot) -> bool:
        """Say whether two labels keep apart."""
        beside = self.quarters.stop <= other.quarters.start or other.quarters.stop <= self.quarters.start
        return beside or abs(self.y - other.y) >= TALL + 2


def wide(words: str) -> int:
    """Estimate in quarters how wide words are."""
    return len(words) * LETTER * 96 // INSIDE + 1


def above(
    words: str, targets: Mapping[int, int], tops: Sequence[int], *, ceiling: int, taken: Sequence[Spot] = ()
) -> Spot | None:
    """Find the place above everything (`tops`, for each quarter of the day) that is nearest to one of the targets."""
    best: tuple[tuple[int, int], Spot] | None = None
    width = wide(words)
    for start in range(len(tops) - width + 1):
        y = min(tops[start : start + width]) - _AIR
        for quarter in range(start, start + width):
            if quarter not in targets:
                continue
            spot = Spot(range(start, start + width), y, (quarter, targets[quarter]))
            score = (targets[quarter] - y, abs(2 * (quarter - start) - width))
            if (best is None or score < best[0]) and y - TALL >= ceiling and all(spot.clears(other) for other in taken):
                best = (score, spot)
    return best[1] if best is not None else None


def within(words: str, tops: Mapping[int, int], floors: Mapping[int, int]) -> Spot | None:
    """Find the place with most room between the edge of an area and whatever lies under it."""
    best: tuple[int, Spot] | None = None
    width = wide(words) + 2
    for start in sorted(tops):
        quarters = range(start, start + width)
        if not all(quarter in tops for quarter in quarters):
            continue
        top = max(tops[quarter] for quarter in quarters)
        room = min(floors[quarter] for quarter in quarters) - top
        if room >= TALL + 2 * _AIR and (best is None or room > best[0]):
            best = (room, Spot(quarters, top + (room + TALL) // 2))
    return best[1] if best is not None else None
