"""When a row was: from boot and uptime to UTC, by the anchors of that boot. Pure.

A row is dated by the last anchor at or before it; rows before the first anchor of their boot by that one. So a later
anchor never moves a row that was already dated by an anchor. A boot without anchors has the middle of its bounds, if
its neighbours bound it (see `boots`).
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

DATING = (AnchorSource.NTP, AnchorSource.HUB)
"""The sources that date rows by themselves."""

AHEAD_MAX_MS = 86_400_000
ERROR_MAX_MS = 366 * 86_400_000
"""An anchor that may be off by more tells nothing."""

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


@dataclass(frozen=True, slots=True)
class Bounds:
    """Something happened from `low_ms` to `high_ms`, and no one knows when."""

    low_ms: int
    high_ms: int

    @property
    def width_ms(self) -> int:
        """Say how much is left open."""
        return self.high_ms - self.low_ms


def quality_of(error_ms: int | None) -> TimeQuality:
    """Name the quality of a date with this error."""
    if error_ms is None:
        return TimeQuality.UNKNOWN
    return TimeQuality.SYNCED if error_ms <= SYNCED_WITHIN_MS else TimeQuality.RECONSTRUCTED


def earliest_ms(date: Date) -> int | None:
    """Give the earliest moment that a date allows; a synced one is taken as it stands."""
    if date.utc_ms is None or date.error_ms is None or date.error_ms <= SYNCED_WITHIN_MS:
        return date.utc_ms
    return date.utc_ms - date.error_ms


def plausible(utc_ms: int, error_ms: int, received_at_ms: int) -> bool:
    """Say whether an anchor may be believed: no row can have been dated long after it arrived."""
    return EARLIEST_MS <= utc_ms <= received_at_ms + AHEAD_MAX_MS and error_ms <= ERROR_MAX_MS


def shortest_ms(uptime_s: int) -> int:
    """Tell what time has passed at least when so much uptime was counted by a crystal that runs fast."""
    return uptime_s * 1000 - drift_ms(uptime_s)


def drift_ms(uptime_s: int) -> int:
    """Tell how far a crystal may have run away in this time."""
    return -(-uptime_s * DRIFT_PPM // 1000)


class Dater:
    """Dates rows of one site and epoch; `zeros` are the bounds of the boots that have no anchors."""

    def __init__(self, anchors: Mapping[int, Iterable[Anchor]], zeros: Mapping[int, Bounds] | None = None) -> None:
        self._zeros = zeros or {}
        self._anchors = {boot: sorted(found) for boot, found in anchors.items()}
        self._uptimes = {boot: [anchor.uptime_s for anchor in found] for boot, found in self._anchors.items()}

    def date(self, boot: int, uptime_s: int) -> Date:
        """Date one row."""
        found = self._anchors.get(boot)
        if not found:
            return self._between(boot, uptime_s)
        anchor = found[max(bisect_right(self._uptimes[boot], uptime_s) - 1, 0)]
        distance_s = uptime_s - anchor.uptime_s
        utc_ms = anchor.utc_ms + distance_s * 1000
        return _within_reason(utc_ms, anchor.error_ms + abs(distance_s) * DRIFT_PPM // 1000)

    def _between(self, boot: int, uptime_s: int) -> Date:
        """Take the middle; however close the bounds are, nobody read a clock, so it is never called synced."""
        zero = self._zeros.get(boot)
        if zero is None:
            return UNKNOWN
        half_ms = max((zero.width_ms + 1) // 2, SYNCED_WITHIN_MS + 1)
        return _within_reason((zero.low_ms + zero.high_ms) // 2 + uptime_s * 1000, half_ms + drift_ms(uptime_s))


def _within_reason(utc_ms: int, error_ms: int) -> Date:
    return Date(utc_ms, error_ms) if EARLIEST_MS <= utc_ms < LATEST_MS else UNKNOWN
