"""How fresh a site's data is, and what that allows to be said of it."""

from __future__ import annotations

from enum import StrEnum

LATE_AFTER_MS = 45 * 60_000
"""Three batches of the default profile: less is a weak network, not a silent site."""

SILENT_AFTER_MS = 24 * 3_600_000


class Freshness(StrEnum):
    """What is known of a site right now."""

    CURRENT = "current"
    LATE = "late"
    SILENT = "silent"
    NEVER = "never"


def freshness(newest_ms: int | None, now_ms: int) -> Freshness:
    """Judge the age of the newest sample."""
    if newest_ms is None:
        return Freshness.NEVER
    age_ms = now_ms - newest_ms
    if age_ms > SILENT_AFTER_MS:
        return Freshness.SILENT
    return Freshness.LATE if age_ms > LATE_AFTER_MS else Freshness.CURRENT
