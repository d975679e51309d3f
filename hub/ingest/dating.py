"""When a row was: from boot and uptime to UTC, by the anchors of that boot. Pure.

A row is dated by the last anchor at or before it; rows before the first anchor of their boot by that one. So a later
anchor never moves a row that was already dated, and every date follows from the archive alone.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from protocol.events import AnchorSource

EARLIEST_MS = 946_684_800_000
LATEST_MS = 4_102_444_800_000
"""From 2000 to 2100: nothing that a site measured lies outside, whatever its clock or its sender says."""

AHEAD_MAX_MS = 86_400_000
SYNCED_WITHIN_MS = 2_000
DRIFT_PPM = 100
"""How fast a Pi's crystal may run away from an anchor."""


class TimeQuality(StrEnum):
    """How sure a date is."""

    SYNCED = "synced"
    RECONSTRUCTED = "reconstructed"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, order=True)
class Anchor:
    """At `uptime_s` of its boot the time was `utc_ms`, give or take `error_ms`."""

    uptime_s: int
    utc_ms: int
    error_ms: int
    source: AnchorSource


@dataclass(frozen=True, slots=True)
class Date:
    """A moment and how far it may be off; both None when nothing is known."""

    utc_ms: int | None
    error_ms: int | None

    @property
    def quality(self) -> TimeQuality:
        """Say it in the one word that pages and API show."""
        return quality_of(self.error_ms)


UNKNOWN = Date(None, None)


def quality_of(error_ms: int | None) -> TimeQuality:
    """Name the quality of a date with this error."""
    if error_ms is None:
        return TimeQuality.UNKNOWN
    return TimeQuality.SYNCED if error_ms <= SYNCED_WITHIN_MS else TimeQuality.RECONSTRUCTED


def plausible(utc_ms: int, received_at_ms: int) -> bool:
    """Say whether an anchor may be believed: no row can have been dated long after it arrived."""
    return EARLIEST_MS <= utc_ms <= received_at_ms + AHEAD_MAX_MS


class Dater:
    """Dates rows of one site and epoch."""

    def __init__(self, anchors: Mapping[int, Iterable[Anchor]]) -> None:
        self._anchors = {boot: sorted(found) for boot, found in anchors.items()}
        self._uptimes = {boot: [anchor.uptime_s for anchor in found] for boot, found in self._anchors.items()}

    def date(self, boot: int, uptime_s: int) -> Date:
        """Date one row."""
        found = self._anchors.get(boot)
        if not found:
            return UNKNOWN
        anchor = found[max(bisect_right(self._uptimes[boot], uptime_s) - 1, 0)]
        distance_s = uptime_s - anchor.uptime_s
        utc_ms = anchor.utc_ms + distance_s * 1000
        if not EARLIEST_MS <= utc_ms < LATEST_MS:
            return UNKNOWN
        return Date(utc_ms, anchor.error_ms + abs(distance_s) * DRIFT_PPM // 1000)
