"""Counters that only rise, until they are set to zero, wrap round, or belong to another device. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise


def risen(values: Iterable[float]) -> float | None:
    """Tell how far a counter came, in the order of its readings; None without any.

    A fall is a new beginning: what was counted between the last reading before it and zero is not known, and not
    guessed, so the sum is then what is certain.
    """
    read = list(values)
    if not read:
        return None
    return sum(max(after - before, 0.0) for before, after in pairwise(read))
