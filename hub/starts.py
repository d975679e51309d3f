"""Numbers that the starts of an agent passed over, when a card may have gone back and lived more than once. Pure.

A start at number s declares that nobody has the numbers from the last that it knew to s - 1. If its card forgot an
earlier start, that one's rows lie among them; and its own may lie among those that the forgotten one passed over. So a
declared range is certain only up to the first start inside it. What follows there is one life's past or another's
future: no loss, and not settled either. Where a later start says that its life had come to a number inside the range,
and the start of that life is not known (a hub that was set back has lost it), nothing of the range is certain.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import inf

from protocol.events import Gap
from protocol.ranges import Range, union, without


@dataclass(frozen=True, slots=True, order=True)
class PassedOver:
    """Numbers that a start passed over, and the row that says so."""

    seq: int
    numbers: Range

    @property
    def begins(self) -> bool:
        """Say whether a start says it of itself: what is said again later stands elsewhere, and begins no life."""
        return self.numbers[1] == self.seq - 1


def declared(seq: int, gap: Gap) -> Range | None:
    """Give the numbers that the gap in row `seq` speaks of; None when it speaks of none.

    They came before it: one that reaches further would settle rows that are still to come.
    """
    last = min(gap.last_seq, seq - 1)
    return (gap.first_seq, last) if 1 <= gap.first_seq <= last else None


def nobodys(starts: Iterable[PassedOver]) -> tuple[list[Range], list[Range]]:
    """Tell which numbers are surely nobody's, and which one of several lives may still give."""
    known = list(starts)
    begins = sorted(start.seq for start in known)
    came_to = sorted(start.numbers[0] - 1 for start in known if start.begins)
    unused = []
    for start in known:
        first, last = start.numbers
        at = bisect_left(begins, first)
        if at < len(begins) and begins[at] <= last:
            last = begins[at] - 1
        at = bisect_left(came_to, first)
        if at < len(came_to) and came_to[at] <= last:
            continue
        if first <= last:
            unused.append((first, last))
    return union(unused), without((start.numbers for start in known), unused)


def life(starts: Sequence[PassedOver], seq: int) -> list[PassedOver]:
    """Walk back from a row over the starts before it: each begins right after what the one before had come to.

    What was said again holds for every life.
    """
    at_starts = sorted((found.seq, found.numbers[0], found) for found in starts if found.begins)
    own = [found for found in starts if not found.begins]
    while (at := bisect_right(at_starts, (seq, inf)) - 1) >= 0:
        _, first, found = at_starts[at]
        own.append(found)
        seq = first - 1
    return own
