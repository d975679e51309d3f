"""Numbers that the starts of an agent passed over, when a card may have gone back and lived more than once. Pure.

A start at number s declares that nobody has the numbers from the last that it knew to s - 1. If its card forgot an
earlier start, that one's rows lie among them; and its own may lie among those that the forgotten one passed over. So a
declared range is certain only up to the first start inside it. What follows there is one life's past or another's
future: no loss, and not settled either.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable
from typing import NamedTuple

from protocol.ranges import Range, union, without


class Start(NamedTuple):
    """The row `seq` of a start, and the numbers that it says nobody has."""

    seq: int
    first: int
    last: int


def passed_over(starts: Iterable[Start]) -> tuple[list[Range], list[Range]]:
    """Tell which numbers are surely nobody's, and which one of several lives may still give."""
    known = list(starts)
    begins = sorted(start.seq for start in known)
    unused, declared = [], []
    for start in known:
        last = min(start.last, start.seq - 1)
        if not 1 <= start.first <= last:
            continue
        declared.append((start.first, last))
        at = bisect_left(begins, start.first)
        if at < len(begins) and begins[at] <= last:
            last = begins[at] - 1
        if start.first <= last:
            unused.append((start.first, last))
    return union(unused), without(union(declared), unused)
