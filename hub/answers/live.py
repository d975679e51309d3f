"""What a site shows right now, while somebody watches: asked for, answered, ended, each said plainly."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from hub.answers.sites import Value, find, value_of
from hub.answers.times import utc
from hub.live_store import LiveRecord
from hub.ports import Ledger
from protocol.events import CommandCode
from protocol.live import LIVE_EVERY_S, LIVE_MAX_S

PATIENCE_MS = 60_000
"""A site that is connected answers within seconds; after so long it is said that it did not."""

GRACE_MS = 30_000
"""How long after its announced end a view whose last message was lost is still called live."""

MINUTES_MAX = LIVE_MAX_S // 60
_MESSAGE_BYTES, _VALUE_BYTES = 190, 3


class LiveState(StrEnum):
    """How a live view stands."""

    NEVER = "never"
    ASKED = "asked"
    UNANSWERED = "unanswered"
    LIVE = "live"
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class LiveAnswer:
    """A live view: when it was asked for, how it stands, and the newest values, each with its moment."""

    site: str
    name: str
    timezone: str
    connected: bool | None
    """Whether the site was connected when last heard: only then can it answer."""

    state: LiveState
    asked_at: datetime | None
    ends_at: datetime | None
    received_at: datetime | None
    age_s: int | None
    outcome: str | None
    """Once it has ended: done, refused or stopped (both: the day's budget for live views is used)."""

    cost_at_most_bytes_a_minute: int
    values: list[Value]


def ask(ledger: Ledger, site: str, minutes: int, now_ms: int) -> LiveAnswer:
    """Ask a site for live values; raises `NotFound`."""
    find(ledger, site)
    ledger.ask_live(site, 60 * minutes, now_ms)
    return live_of(ledger, site, now_ms)


def live_of(ledger: Ledger, site: str, now_ms: int) -> LiveAnswer:
    """Tell how the live view of a site stands; raises `NotFound`."""
    found, presence, record = find(ledger, site), ledger.presence(site), ledger.live(site)
    received_ms = None if record is None else record.received_at_ms
    return LiveAnswer(
        site=site,
        name=found.name,
        timezone=found.timezone,
        connected=presence.online,
        state=LiveState.NEVER if record is None else _state(record, now_ms),
        asked_at=None if record is None else utc(record.asked_at_ms),
        ends_at=None if record is None or record.ends_at_ms is None else utc(record.ends_at_ms),
        received_at=None if received_ms is None else utc(received_ms),
        age_s=None if received_ms is None else max(now_ms - received_ms, 0) // 1000,
        outcome=None if record is None or record.code is None else CommandCode(record.code).name.lower(),
        cost_at_most_bytes_a_minute=cost(len(presence.latest or {})),
        values=[] if record is None else [value_of(column, *record.latest[column]) for column in sorted(record.latest)],
    )


def cost(columns: int) -> int:
    """Estimate the bytes of a minute, all overhead included, of a site that polls as often as it may send."""
    return 60 // LIVE_EVERY_S * (_MESSAGE_BYTES + _VALUE_BYTES * columns)


def _state(record: LiveRecord, now_ms: int) -> LiveState:
    if record.code is not None:
        return LiveState.ENDED
    if record.ends_at_ms is not None:
        return LiveState.LIVE if now_ms <= record.ends_at_ms + GRACE_MS else LiveState.ENDED
    return LiveState.ASKED if now_ms - record.asked_at_ms < PATIENCE_MS else LiveState.UNANSWERED
