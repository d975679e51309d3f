"""Moments as answers carry them: UTC datetimes with the quality of their date."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from hub.errors import BadRequest
from hub.ingest.dating import EARLIEST_MS, LATEST_MS, Date, TimeQuality


@dataclass(frozen=True, slots=True)
class Moment:
    """A date, how sure it is, and how far it may be off; `at` is None when nothing is known."""

    at: datetime | None
    quality: TimeQuality
    error_s: float | None


def moment(date: Date) -> Moment:
    """Turn a stored date into a moment."""
    at = None if date.utc_ms is None else utc(date.utc_ms)
    return Moment(at, date.quality, None if date.error_ms is None else date.error_ms / 1000)


def utc(utc_ms: int) -> datetime:
    """Turn UTC milliseconds into a datetime."""
    return datetime.fromtimestamp(utc_ms / 1000, UTC)


def to_ms(at: datetime) -> int:
    """Turn a datetime into UTC milliseconds; one without a zone is UTC."""
    return round((at if at.tzinfo is not None else at.replace(tzinfo=UTC)).timestamp() * 1000)


def period(start: datetime, end: datetime) -> tuple[int, int]:
    """Turn both ends of a question into UTC milliseconds; raises `BadRequest` when it is no period."""
    start_ms, end_ms = to_ms(start), to_ms(end)
    if end_ms <= start_ms:
        raise BadRequest("end must be later than start")
    if start_ms < EARLIEST_MS or end_ms > LATEST_MS:
        raise BadRequest("start and end must lie between 2000 and 2100")
    return start_ms, end_ms
