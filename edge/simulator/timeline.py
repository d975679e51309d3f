"""When something was on: a record of switchings that answers for any instant, past or just written.

It keeps times as seconds since the village's first instant. It decides nothing and knows no calendar.
"""

from __future__ import annotations

from bisect import bisect_right


class Timeline:
    """One switch and every instant it changed; `set` must be called in the order of time."""

    def __init__(self, *, on: bool) -> None:
        self._first_on = on
        self._changed_s: list[float] = []

    def set(self, at_s: float, *, on: bool) -> None:
        """Note the state from `at_s` (s) on; saying the same twice changes nothing."""
        if on != (self._first_on ^ (len(self._changed_s) % 2 == 1)):
            self._changed_s.append(at_s)

    def on(self, at_s: float) -> bool:
        """State at `at_s` (s); a change counts from its own instant."""
        return self._first_on ^ (bisect_right(self._changed_s, at_s) % 2 == 1)

    def next_change_s(self, after_s: float) -> float | None:
        """Return the first change later than `after_s` (s), or None when none is known."""
        index = bisect_right(self._changed_s, after_s)
        return self._changed_s[index] if index < len(self._changed_s) else None

    def intervals_s(self, until_s: float, *, on: bool) -> list[tuple[float, float]]:
        """List the stretches (s, s) in the state `on` before `until_s`, the last one cut there."""
        edges = [0.0, *(at for at in self._changed_s if at < until_s), until_s]
        skip = 0 if self._first_on == on else 1
        pairs = zip(edges[skip:-1:2], edges[skip + 1 :: 2], strict=False)
        return [(start, end) for start, end in pairs if end > start]
