"""Which phones were charged when, and which sessions a person should look at."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from hub.answers.sites import find
from hub.answers.times import Moment, moment, to_ms, utc
from hub.domain.charging import ToCheck, doubts
from hub.errors import BadRequest
from hub.ports import Ledger, SessionRecord
from protocol.events import EndReason


@dataclass(frozen=True, slots=True)
class SessionAnswer:
    """One charging session; `id` never changes, whatever becomes known later. An open one has no end."""

    id: str
    slot: int
    start: Moment
    end: Moment | None
    duration_s: int | None
    end_reason: str | None
    to_check: tuple[ToCheck, ...]


@dataclass(frozen=True, slots=True)
class SessionsAnswer:
    """The sessions that touch a period, and those whose time is unknown, with counts that never mix the two."""

    site: str
    start: datetime
    end: datetime
    ended: int
    open: int
    to_check: int
    time_unknown: int
    sessions: list[SessionAnswer]


def sessions(ledger: Ledger, *, site: str, start: datetime, end: datetime, now_ms: int) -> SessionsAnswer:
    """List the sessions of a period; raises `NotFound` or `BadRequest`."""
    find(ledger, site)
    start_ms, end_ms = to_ms(start), to_ms(end)
    if end_ms <= start_ms:
        raise BadRequest("end must be later than start")
    found = [describe(record, now_ms) for record in ledger.sessions(site, start_ms, end_ms)]
    dated = [session for session in found if session.start.at is not None]
    return SessionsAnswer(
        site=site,
        start=utc(start_ms),
        end=utc(end_ms),
        ended=sum(session.end is not None for session in dated),
        open=sum(session.end is None for session in dated),
        to_check=sum(bool(session.to_check) for session in dated),
        time_unknown=len(found) - len(dated),
        sessions=found,
    )


def describe(record: SessionRecord, now_ms: int) -> SessionAnswer:
    """Say what is known of one session."""
    reason = None if record.reason is None else EndReason(record.reason)
    end_ms = None if record.end is None else record.end.utc_ms
    start_ms = record.start.utc_ms
    known = start_ms is not None and end_ms is not None
    return SessionAnswer(
        id=f"{record.epoch:016x}-{record.taken_seq}",
        slot=record.slot,
        start=moment(record.start),
        end=None if record.end is None else moment(record.end),
        duration_s=(end_ms - start_ms) // 1000 if known and end_ms is not None and start_ms is not None else None,
        end_reason=None if reason is None else reason.name.lower(),
        to_check=doubts(reason=reason, found=record.found, start_ms=start_ms, end_ms=end_ms, now_ms=now_ms),
    )
