"""What a charging session is worth believing, and why not."""

from __future__ import annotations

from enum import StrEnum

from protocol.events import EndReason

LONG_AFTER_MS = 12 * 3_600_000
"""A phone is full long before; longer means a stuck slot or a phone that stayed overnight."""


class ToCheck(StrEnum):
    """Why a person should look at a session before it counts."""

    CUT_BY_POWER_LOSS = "cut_by_power_loss"
    AGENT_STOPPED = "agent_stopped"
    FOUND_AT_START = "found_at_start"
    TOO_LONG = "too_long"
    NEVER_ENDED = "never_ended"
    TIME_UNKNOWN = "time_unknown"


def doubts(
    *,
    reason: EndReason | None,
    found: bool,
    start_ms: int | None,
    end_ms: int | None,
    now_ms: int,
    abandoned: bool = False,
) -> tuple[ToCheck, ...]:
    """List what is doubtful about a session; an empty list is a plain charge.

    `abandoned` when it was open in an outbox that is no longer in use, so that its end will never be told.
    """
    found_doubts = []
    if abandoned:
        found_doubts.append(ToCheck.NEVER_ENDED)
    if reason is EndReason.POWER_LOSS:
        found_doubts.append(ToCheck.CUT_BY_POWER_LOSS)
    if reason is EndReason.AGENT_STOPPED:
        found_doubts.append(ToCheck.AGENT_STOPPED)
    if found:
        found_doubts.append(ToCheck.FOUND_AT_START)
    if start_ms is None or (reason is not None and end_ms is None):
        found_doubts.append(ToCheck.TIME_UNKNOWN)
    elif (end_ms if end_ms is not None else now_ms) - start_ms > LONG_AFTER_MS:
        found_doubts.append(ToCheck.TOO_LONG)
    return tuple(found_doubts)
