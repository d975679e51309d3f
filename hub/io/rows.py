"""Rows of the ledger as the values of its port. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, TypeVar

from hub.account_store import AHEAD, Receipts
from hub.ingest.boots import Boot
from hub.ingest.dating import UNKNOWN, Anchor, Bounds, Date
from hub.ports import EventRecord, Presence, SessionRecord, Site
from protocol.events import AnchorSource

Row = Any
"""A row of SQLAlchemy: attributes by column name."""


Key = TypeVar("Key")

AT_ONCE = 500
"""Keys in one statement; databases bound how many there may be, and sites bring any number."""


def is_key(number: int) -> bool:
    """Say whether a row can have this number; whoever asks for another asks for nothing that there is."""
    return 0 < number < 1 << 63


def in_parts(keys: Sequence[Key]) -> Iterator[Sequence[Key]]:
    """Cut keys into parts that one statement takes."""
    return (keys[at : at + AT_ONCE] for at in range(0, len(keys), AT_ONCE))


def site_of(row: Row) -> Site:
    """Read an enrolled site."""
    return Site(
        row.site, row.name, row.kind, row.commune_name, row.shard, row.latitude, row.longitude, row.timezone,
        tuple(json.loads(row.slots)),
    )  # fmt: skip


def presence(row: Row | None) -> Presence:
    """Read what was last heard of a site."""
    if row is None:
        return Presence()
    latest = {column: (value, utc_ms) for column, (value, utc_ms) in json.loads(row.latest).items()}
    return Presence(row.online, row.epoch, row.software, row.received_at_ms, row.newest_ms, latest)


def session_record(row: Row) -> SessionRecord:
    """Read a charging session."""
    start = Date(row.start_ms, row.start_error_ms) if row.start_ms is not None else UNKNOWN
    end = Date(row.end_ms, row.end_error_ms) if row.ended_seq is not None else None
    lasted_s = row.end_uptime_s - row.start_uptime_s if row.end_boot == row.start_boot else None
    return SessionRecord(row.epoch, row.taken_seq, row.slot, row.found, start, end, row.reason, lasted_s)


def event_record(row: Row) -> EventRecord:
    """Read another event."""
    values = tuple(json.loads(row.body))
    return EventRecord(row.seq, row.kind, row.utc_ms, values, row.epoch, row.boot, row.uptime_s, row.error_ms)


def anchor_of(row: Row) -> Anchor:
    """Read a clock anchor."""
    return Anchor(row.uptime_s, row.utc_ms, row.error_ms, AnchorSource(row.source))


def boot_of(row: Row) -> Boot:
    """Read what is known of a boot."""
    zero = None if row.start_low_ms is None else bounds_of(row)
    return Boot(
        row.boot,
        row.first_uptime_s,
        row.last_uptime_s,
        row.latest_ms,
        row.previous_boot,
        row.anchored,
        zero,
        row.row_count,
    )


def bounds_of(row: Row) -> Bounds:
    """Read the bounds of a boot that has some."""
    return Bounds(row.start_low_ms, row.start_high_ms)


def receipts_by_epoch(rows: Iterable[Row]) -> list[Receipts]:
    """Gather ranges, in order of epoch and seq, by epoch and cause."""
    epochs: dict[int, dict[str, list[tuple[int, int]]]] = {}
    for row in rows:
        epochs.setdefault(row.epoch, {}).setdefault(row.cause, []).append((row.first_seq, row.last_seq))
    return [
        Receipts(
            epoch,
            tuple(causes.get("", ())),
            {cause: tuple(ranges) for cause, ranges in causes.items() if cause not in ("", AHEAD)},
            tuple(causes.get(AHEAD, ())),
        )
        for epoch, causes in epochs.items()
    ]
