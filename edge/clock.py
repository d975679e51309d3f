"""What time it is, and how sure: boots, uptime, and the anchors that let the hub date every row.

Rows carry uptime only. An anchor says what the time was at one uptime; a new one is due when there is none for this
boot, when a better source appears, when the old one is three hours old, or when the clocks drifted apart by a second.
Uptime never jumps, so a wall clock that does is doubted until it has stood by its new time for a minute; and one that
calls itself synchronised but contradicts the hub is not believed.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from protocol.events import AnchorSource, ClockAnchor

ANCHOR_EVERY_S = 3 * 3600
DRIFT_MS = 1000
_NTP_ERROR_MS = 100
_RTC_ERROR_MS = 2000  # as it is read, in whole seconds; how far it ran away since it was set, the hub must judge
DOUBT_S = 60.0
CONTRADICTS_MS = 60_000
SINCE = datetime(2026, 1, 1, tzinfo=UTC)
"""A clock that shows less was never set: a chip whose battery died counts from 1970 or 2000, and so may a hub."""


@dataclass(frozen=True, slots=True)
class Instant:
    """One reading of the Pi's clocks: seconds since boot, the wall clock with its trust, and the clock chip, if any."""

    uptime_s: float
    utc: datetime
    synced: bool
    rtc: datetime | None = None


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
    _doubted_since_s: float | None = None
    _contradicted: bool = False

    def step(self, now: Instant, hub_time: HubTime | None = None) -> tuple[int, ClockAnchor] | None:
        """Return an anchor and its uptime when one is due: from NTP when synced, else the hub's ack, else the chip."""
        if hub_time is not None and hub_time.utc_ms >= _ms(SINCE):
            middle_s = (hub_time.sent_uptime_s + hub_time.received_uptime_s) / 2
            error_ms = round((hub_time.received_uptime_s - hub_time.sent_uptime_s) * 500) + 1
            apart_ms = abs(_ms(now.utc) - hub_time.utc_ms - (now.uptime_s - middle_s) * 1000)
            self._contradicted = now.synced and apart_ms > error_ms + CONTRADICTS_MS
            if not now.synced or self._contradicted:
                return self._take(middle_s, hub_time.utc_ms, error_ms, AnchorSource.HUB)
        if now.synced and not self._contradicted:
            return (
                None if self._doubtful(now) else self._take(now.uptime_s, _ms(now.utc), _NTP_ERROR_MS, AnchorSource.NTP)
            )
        if now.rtc is not None and now.rtc >= SINCE and self._nothing_better():
            return self._take(now.uptime_s, _ms(now.rtc), _RTC_ERROR_MS, AnchorSource.RTC)
        return None

    def _doubtful(self, now: Instant) -> bool:
        """Tell whether a synced clock jumped less than a minute ago: it may not know yet that it is wrong."""
        if self._last is None or self._last[1].source is not AnchorSource.NTP:
            return False
        last_s, last = self._last
        expected_ms = last.utc_ms + (now.uptime_s - last_s) * 1000
        if abs(_ms(now.utc) - expected_ms) <= DRIFT_MS + 2 * _NTP_ERROR_MS:
            self._doubted_since_s = None
            return False
        if self._doubted_since_s is None:
            self._doubted_since_s = now.uptime_s
        return now.uptime_s - self._doubted_since_s < DOUBT_S

    def _nothing_better(self) -> bool:
        return self._last is None or self._last[1].source is AnchorSource.RTC

    def _take(
        self, uptime_s: float, utc_ms: int, error_ms: int, source: AnchorSource
    ) -> tuple[int, ClockAnchor] | None:
        whole_s = int(uptime_s)  # rows carry whole seconds, so the anchor is moved onto one
        anchor = ClockAnchor(utc_ms - round((uptime_s - whole_s) * 1000), error_ms, source)
        if self._last is not None and not self._worthwhile(whole_s, anchor, *self._last):
            return None
        self._last = (whole_s, anchor)
        self._doubted_since_s = None
        return self._last

    @staticmethod
    def _worthwhile(uptime_s: int, anchor: ClockAnchor, last_s: int, last: ClockAnchor) -> bool:
        if anchor.source != last.source and (anchor.source, last.source) != (AnchorSource.HUB, AnchorSource.NTP):
            return anchor.source < last.source or uptime_s - last_s >= ANCHOR_EVERY_S
        expected_ms = last.utc_ms + (uptime_s - last_s) * 1000
        drift_ms = abs(anchor.utc_ms - expected_ms)
        return uptime_s - last_s >= ANCHOR_EVERY_S or drift_ms > DRIFT_MS + anchor.error_ms + last.error_ms


def _ms(utc: datetime) -> int:
    return round(utc.timestamp() * 1000)


def utc_text(now: Instant) -> str:
    """Show the wall clock to a person, marked when it cannot be trusted."""
    text = now.utc.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    return text if now.synced else f"{text} (not synchronised)"
