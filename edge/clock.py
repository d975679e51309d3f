"""What time it is, and how sure: boots, uptime, and the anchors that let the hub date every row.

Rows carry uptime only. An anchor says what the time was at one uptime; a new one is due when there is none for this
boot, when a better source appears, when the old one is three hours old, or when the clocks drifted apart by a second.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from protocol.events import AnchorSource, ClockAnchor

ANCHOR_EVERY_S = 3 * 3600
DRIFT_MS = 1000
_NTP_ERROR_MS = 100


@dataclass(frozen=True, slots=True)
class Instant:
    """One reading of the Pi's clocks: seconds since boot, and the wall clock with its trust."""

    uptime_s: float
    utc: datetime
    synced: bool


@dataclass(frozen=True, slots=True)
class HubTime:
    """The hub's clock as an ack brought it: it lies between sending the batch and receiving the ack."""

    utc_ms: int
    sent_uptime_s: float
    received_uptime_s: float


@dataclass(slots=True)
class AnchorKeeper:
    """Decides when an anchor is worth a row."""

    _last: tuple[int, ClockAnchor] | None = None

    def step(self, now: Instant, hub_time: HubTime | None = None) -> tuple[int, ClockAnchor] | None:
        """Return an anchor and its uptime when one is due: from NTP when synced, else from the hub's ack."""
        if now.synced:
            utc_ms = round(now.utc.timestamp() * 1000)
            return self._take(now.uptime_s, utc_ms, _NTP_ERROR_MS, AnchorSource.NTP)
        if hub_time is None:
            return None
        middle_s = (hub_time.sent_uptime_s + hub_time.received_uptime_s) / 2
        error_ms = round((hub_time.received_uptime_s - hub_time.sent_uptime_s) * 500) + 1
        return self._take(middle_s, hub_time.utc_ms, error_ms, AnchorSource.HUB)

    def _take(
        self, uptime_s: float, utc_ms: int, error_ms: int, source: AnchorSource
    ) -> tuple[int, ClockAnchor] | None:
        whole_s = int(uptime_s)  # rows carry whole seconds, so the anchor is moved onto one
        anchor = ClockAnchor(utc_ms - round((uptime_s - whole_s) * 1000), error_ms, source)
        if self._last is not None and not self._worthwhile(whole_s, anchor, *self._last):
            return None
        self._last = (whole_s, anchor)
        return self._last

    @staticmethod
    def _worthwhile(uptime_s: int, anchor: ClockAnchor, last_s: int, last: ClockAnchor) -> bool:
        if anchor.source != last.source:
            return anchor.source < last.source or uptime_s - last_s >= ANCHOR_EVERY_S
        expected_ms = last.utc_ms + (uptime_s - last_s) * 1000
        drift_ms = abs(anchor.utc_ms - expected_ms)
        return uptime_s - last_s >= ANCHOR_EVERY_S or drift_ms > DRIFT_MS + anchor.error_ms + last.error_ms


def utc_text(now: Instant) -> str:
    """Show the wall clock to a person, marked when it cannot be trusted."""
    text = now.utc.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    return text if now.synced else f"{text} (not synchronised)"
