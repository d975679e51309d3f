"""Every row number of an epoch in exactly one class: received, given up by a cause, never taken, or missing. Pure.

What arrived is received, whatever was said of it. Of two declarations the one that knows more counts: that a row was
given up, then that a number never named a row, then that a row is no longer there.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from hub.starts import PassedOver, life
from protocol.events import GapCause
from protocol.ranges import Range, common, contains, holes, size, union, without

UNUSED = "unused"
VAGUE = ("lost", "let_go")
"""Causes by which a site declares what it does not know: they may speak of numbers that never named a row."""

_GIVEN_UP = tuple(cause.name.lower() for cause in GapCause if cause.name.lower() not in (UNUSED, *VAGUE))
CAUSES = (*_GIVEN_UP, *VAGUE)
"""The causes of loss, by the names under which the hub keeps them."""


WIDE = 2**20
"""Numbers that a site takes in a year or so; starts pass over a thousand times as many."""


@dataclass(frozen=True, slots=True)
class Numbers:
    """Rows 1 to `highest`: the ranges are disjoint and leave nothing out."""

    highest: int
    received: list[Range]
    lost: dict[str, list[Range]]
    unused: list[Range]
    missing: list[Range]
    forgotten: list[Range]
    """Of the received rows, those whose numbers the site says it never used: its card lost what it had confirmed."""

    def within(self, first: int, last: int) -> Numbers:
        """Look at a part only."""
        part = [(first, last)]
        return Numbers(
            min(self.highest, last),
            common(self.received, part),
            {cause: inside for cause, ranges in self.lost.items() if (inside := common(ranges, part))},
            common(self.unused, part),
            common(self.missing, part) + ([(max(first, self.highest + 1), last)] if last > self.highest else []),
            common(self.forgotten, part),
        )

    def lost_rows(self, causes: Iterable[str]) -> int:
        """Count the rows that were lost by some causes."""
        return sum(size(self.lost.get(cause, ())) for cause in causes)


def as_the_site_counts(
    declared: Mapping[str, Sequence[Range]], passed_over: Sequence[PassedOver], seq: int
) -> dict[str, Sequence[Range]]:
    """Declare as the card does that wrote row `seq`: what the starts of its own life passed over is no row.

    A start of another life that passed over the row itself knew nothing of it, nor the row of what that start passed
    over: there may have been rows, in a life that the card has forgotten since.
    """
    own = life(passed_over, seq)
    unused = union(found.numbers for found in own)
    others = [found.numbers for found in passed_over if found not in own and contains([found.numbers], seq)]
    counts: dict[str, Sequence[Range]] = {cause: without(ranges, unused) for cause, ranges in declared.items()}
    return {**counts, UNUSED: unused, VAGUE[0]: [*counts.get(VAGUE[0], ()), *without(others, unused)]}


def account(
    received: Iterable[Range],
    declared: Mapping[str, Sequence[Range]],
    passed_over: Iterable[PassedOver],
    ahead: Iterable[Range] = (),
) -> Numbers:
    """Put every number into its class; what a start passed over is no loss, even where another start lived in it.

    Where a card forgot a start, nobody can tell such a number from a row that was never heard of; a hole that is far
    wider than a site can fill is surely none, whether the start that passed over it is known or not, nor is what the
    hub does not wait for (`ahead`).
    """
    raw = union(found.numbers for found in passed_over)
    numbers = classify(received, declared)
    wide = [pair for pair in (*common(numbers.missing, raw), *numbers.missing) if size([pair]) >= WIDE]
    wide += common(numbers.missing, ahead)
    vague = [pair for cause in VAGUE for pair in common(numbers.lost.get(cause, ()), raw)]
    unused = union([*numbers.unused, *vague, *wide])
    lost = {cause: left for cause, ranges in numbers.lost.items() if (left := without(ranges, vague))}
    return replace(numbers, lost=lost, unused=unused, missing=without(numbers.missing, wide))


def classify(received: Iterable[Range], declared: Mapping[str, Sequence[Range]]) -> Numbers:
    """Put every number up to the highest known one into its class; `declared` is by cause."""
    here = union(received)
    given_up = sorted(declared.keys() - {UNUSED, *VAGUE})
    rest, classes = here, {}
    for cause in (*given_up, UNUSED, *VAGUE):
        ranges = without(declared.get(cause, ()), rest)
        if ranges:
            classes[cause] = ranges
            rest = union([*rest, *ranges])
    highest = rest[-1][1] if rest else 0
    return Numbers(
        highest=highest,
        received=here,
        lost={cause: ranges for cause, ranges in classes.items() if cause != UNUSED},
        unused=classes.get(UNUSED, []),
        missing=holes(rest, highest),
        forgotten=common(here, declared.get(UNUSED, ())),
    )
