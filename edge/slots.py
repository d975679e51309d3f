"""Charging slots: raw levels in, sessions out.

    free ──level──▶ arriving ──held for debounce──▶ taken ──level gone──▶ leaving ──held──▶ free
                       └── level gone ──▶ free                  └── level back ──▶ taken

A session begins when its level first appeared, not when the debounce was satisfied, and ends likewise. What the agent
finds occupied at its first look is a session with `found` set: when it really began is unknown.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Change:
    """A slot settled: `occupied` since `uptime_s`; `found` when it was so at the first look."""

    slot: int
    occupied: bool
    uptime_s: float
    found: bool = False


@dataclass(slots=True)
class _Slot:
    occupied: bool
    doubt_since_s: float | None = None


@dataclass(slots=True)
class SlotDebouncer:
    """Turns sampled levels into settled changes; a change shorter than `debounce_s` never happened."""

    debounce_s: float
    _slots: dict[int, _Slot] = field(default_factory=dict)

    def step(self, levels: Mapping[int, bool], uptime_s: float) -> list[Change]:
        """Take the levels seen now; returns the slots that settled, in slot order."""
        changes = [self._sample(slot, level, uptime_s) for slot, level in sorted(levels.items())]
        return [change for change in changes if change is not None]

    def occupied(self) -> Iterable[int]:
        """List the slots that are settled as occupied."""
        return (slot for slot, state in self._slots.items() if state.occupied)

    def _sample(self, slot: int, level: bool, uptime_s: float) -> Change | None:  # noqa: FBT001  the level is the input
        state = self._slots.get(slot)
        if state is None:
            self._slots[slot] = _Slot(level)
            return Change(slot, occupied=True, uptime_s=uptime_s, found=True) if level else None
        if level == state.occupied:
            state.doubt_since_s = None
            return None
        if state.doubt_since_s is None:
            state.doubt_since_s = uptime_s
        if uptime_s - state.doubt_since_s < self.debounce_s:
            return None
        change = Change(slot, occupied=level, uptime_s=state.doubt_since_s)
        self._slots[slot] = _Slot(level)
        return change
