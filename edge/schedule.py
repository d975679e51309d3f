"""What is due at a given uptime: devices on their grid, later when they do not answer.

Grid points are multiples of the interval since boot, so samples of one table are evenly spaced and cost few bytes.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

BACK_OFF_AFTER = 5
"""Failed polls in a row before a device is asked less often."""

BACK_OFF_S = 60.0


@dataclass(slots=True)
class Schedule:
    """When each named job runs next; a job that keeps failing runs at most every `BACK_OFF_S`."""

    intervals_s: dict[str, float]
    _due_s: dict[str, float] = field(default_factory=dict)
    _failures: dict[str, int] = field(default_factory=dict)

    def due(self, uptime_s: float) -> list[str]:
        """List the jobs to start now, each at most once per grid point, and plan their next turn."""
        jobs = [name for name in self.intervals_s if uptime_s >= self._due_s.get(name, 0.0)]
        for name in jobs:
            self._due_s[name] = self._next(name, uptime_s)
        return jobs

    def next_due_s(self) -> float:
        """Tell the uptime at which the next job is due."""
        return min((self._due_s.get(name, 0.0) for name in self.intervals_s), default=math.inf)

    def settle(self, name: str, *, succeeded: bool) -> int:
        """Note how a job went; returns the failures in a row, this one included."""
        self._failures[name] = 0 if succeeded else self._failures.get(name, 0) + 1
        return self._failures[name]

    def hasten(self, name: str, due_s: float) -> None:
        """Let a job run at `due_s` at the latest, once."""
        self._due_s[name] = min(due_s, self._due_s.get(name, 0.0))

    def _next(self, name: str, uptime_s: float) -> float:
        interval_s = self.intervals_s[name]
        if self._failures.get(name, 0) >= BACK_OFF_AFTER:
            interval_s *= math.ceil(BACK_OFF_S / interval_s)
        return (math.floor(uptime_s / interval_s) + 1) * interval_s
