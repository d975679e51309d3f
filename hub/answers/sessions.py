"""Which phones were charged when, and which sessions a person should look at."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from hub.answers.sites import find
from hub.answers.times import Moment, moment, period, utc
from hub.domain.charging import ToCheck, doubts
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
    """The sessions that touch a period, and those whose time is unknown.

    A charge is counted where it ended, so that neighbouring periods add up: `ended` and, of them and the open ones,
    `to_check`. One that ends after the period is listed but counts in a later one.
    """

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
    start_ms, end_ms = period(start, end)
    epoch = ledger.presence(site).epoch
    records = ledger.sessions(site, start_ms, end_ms)
    found = [describe(record, now_ms, current=record.epoch == epoch) for record in records]
    counted = [session for session in found if _counts(session, utc(start_ms), utc(end_ms))]
    return SessionsAnswer(
        site=site,
        start=utc(start_ms),
        end=utc(end_ms),
        ended=sum(session.end is not None for session in counted),
        open=sum(session.end is None for session in counted),
        to_check=sum(bool(session.to_check) for session in counted),
        time_unknown=sum(session.start.at is None for session in found),
        sessions=found,
    )


def _counts(session: SessionAnswer, start: datetime, end: datetime) -> bool:
    if session.start.at is None:
        return False
    return session.end is None or (session.end.at is not None and start <= session.end.at < end)


def describe(record: SessionRecord, now_ms: int, *, current: bool = True) -> SessionAnswer:
    """Say what is known of one session; `current` when its outbox is the one in use."""
    reason = None if record.reason is None else EndReason(record.reason)
    end_ms = None if record.end is None else record.end.utc_ms
    start_ms = record.start.utc_ms
    lasted_s = record.lasted_s
    if lasted_s is None and start_ms is not None and end_ms is not None:
        lasted_s = (end_ms - start_ms) // 1000
    return SessionAnswer(
        id=f"{record.epoch:016x}-{record.taken_seq}",
        slot=record.slot,
        start=moment(record.start),
        end=None if record.end is None else moment(record.end),
        duration_s=None if record.end is None else lasted_s,
        end_reason=None if reason is None else reason.name.lower(),
        to_check=doubts(
            reason=reason,
            found=record.found,
            start_ms=start_ms,
            end_ms=end_ms,
            now_ms=now_ms,
            abandoned=record.end is None and not current,
        ),
    )
