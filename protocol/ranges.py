"""Sets of seqs as sorted, disjoint, closed ranges: what was received, what is missing, what may go."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from math import inf

Range = tuple[int, int]


def runs(seqs: Iterable[int]) -> list[Range]:
    """Gather seqs, in any order, into ranges."""
    return union((seq, seq) for seq in seqs)


def union(ranges: Iterable[Range]) -> list[Range]:
    """Join ranges that overlap or touch."""
    joined: list[Range] = []
    for first, last in sorted(ranges):
        if joined and first <= joined[-1][1] + 1:
            joined[-1] = (joined[-1][0], max(last, joined[-1][1]))
        else:
            joined.append((first, last))
    return joined


def holes(ranges: Sequence[Range], upto: int) -> list[Range]:
    """List what ranges, sorted by their beginning, leave out of 1..upto."""
    left, start = [], 1
    for first, last in ranges:
        if first > upto:
            break
        if first > start:
            left.append((start, first - 1))
        start = max(start, last + 1)
    if start <= upto:
        left.append((start, upto))
    return left


def without(ranges: Iterable[Range], removed: Iterable[Range]) -> list[Range]:
    """List what of the ranges is not in `removed`."""
    left, gone, at = [], union(removed), 0
    for first, last in union(ranges):
        while at < len(gone) and gone[at][1] < first:
            at += 1
        start, ahead = first, at
        while ahead < len(gone) and gone[ahead][0] <= last:
            if gone[ahead][0] > start:
                left.append((start, gone[ahead][0] - 1))
            start = max(start, gone[ahead][1] + 1)
            ahead += 1
        if start <= last:
            left.append((start, last))
        at = max(at, ahead - 1)
    return left


def common(ranges: Iterable[Range], others: Iterable[Range]) -> list[Range]:
    """List what two sets of ranges have in common."""
    ours = union(ranges)
    return without(ours, without(ours, others))


def size(ranges: Iterable[Range]) -> int:
    """Count the seqs in disjoint ranges."""
    return sum(last - first + 1 for first, last in ranges)


def members(ranges: Iterable[Range]) -> Iterator[int]:
    """Name every seq in the ranges."""
    for first, last in ranges:
        yield from range(first, last + 1)


def contains(ranges: Sequence[Range], seq: int) -> bool:
    """Say whether a seq lies in one of the sorted, disjoint ranges."""
    at = bisect_right(ranges, (seq, inf)) - 1
    return at >= 0 and ranges[at][1] >= seq
