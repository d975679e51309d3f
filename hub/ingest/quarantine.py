"""Sites that send nothing but what must be refused are set aside for a while, and for longer each time. Pure.

What they send meanwhile is dropped unread. Nothing is lost by that: a row is the site's until the hub has acknowledged
it. A site that narrows a refused batch down to the one row that is wrong sends good halves in between, and is never
set aside; one that is broken gets through now and then, and is well again with its first good message.
"""

from __future__ import annotations

from dataclasses import dataclass

STREAK_MAX = 100
"""Refused messages in a row that set a site aside."""

FIRST_MS = 60_000
LONGEST_MS = 3_600_000


@dataclass(slots=True)
class _Record:
    """How a site has behaved since its last good message."""

    streak: int = 0
    pause_ms: int = FIRST_MS


class Quarantine:
    """Remembers of each site how many of its messages in a row were refused; sites without any take no memory."""

    def __init__(self) -> None:
        self._records: dict[str, _Record] = {}
        self.until_ms: dict[str, int] = {}
        """When the sites that were set aside are heard again."""

        self.dropped: dict[str, int] = {}
        """Messages dropped unread, by site."""

    def holds(self, site: str, now_ms: int) -> bool:
        """Say whether a site is set aside now; no clock that is set back makes that longer than it can be."""
        return 0 < self.until_ms.get(site, 0) - now_ms <= LONGEST_MS

    def drop(self, site: str) -> None:
        """Count a message that was dropped unread."""
        self.dropped[site] = self.dropped.get(site, 0) + 1

    def taken(self, site: str) -> None:
        """Note a good message: all is forgiven."""
        self._records.pop(site, None)
        self.until_ms.pop(site, None)

    def refused(self, site: str, now_ms: int) -> int | None:
        """Note a refused message; gives for how long that sets the site aside, if it does."""
        record = self._records.setdefault(site, _Record())
        record.streak += 1
        if record.streak < STREAK_MAX:
            return None
        pause_ms, record.streak = record.pause_ms, 0
        self.until_ms[site] = now_ms + pause_ms
        record.pause_ms = min(2 * pause_ms, LONGEST_MS)
        return pause_ms
