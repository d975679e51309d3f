"""When nothing was seen of a site, and why: powered off, agent stopped, card replaced, a device that was silent."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from hub.account_store import AgentStart, EpochTimes, PastRow
from hub.answers.sites import find
from hub.answers.times import Moment, moment, utc
from hub.ingest.dating import Date
from hub.ports import EventRecord, Ledger
from protocol.events import AgentStarted, AlarmCleared, AlarmRaised

STARTS_MAX = 60
"""Starts of an agent that are looked at, the newest ones of each epoch."""

SILENCES_SPAN_MS = 62 * 86_400_000
_SILENT = "silent:"


class PauseKind(StrEnum):
    """Why no row was taken; a machine that was off cannot say whether its agent had stopped before."""

    POWERED_OFF = "powered_off"
    AGENT_STOPPED = "agent_stopped"
    CARD_REPLACED = "card_replaced"


@dataclass(frozen=True, slots=True)
class Pause:
    """Time without rows, from the last row before to the first one after; the machine ran again from `powered`.

    `low_s` and `high_s` bound its length, None when it cannot be known. `absent` rows were taken in between, but are
    not here: where there are some, the pause may have been much shorter.
    """

    kind: PauseKind
    start: Moment
    powered: Moment
    end: Moment
    low_s: float | None
    high_s: float | None
    absent: int


@dataclass(frozen=True, slots=True)
class Silence:
    """A device that did not answer; `end` is None while it lasts or when nobody saw the end."""

    device: str
    start: datetime | None
    end: datetime | None
    lasted_s: int | None
    over: bool


@dataclass(frozen=True, slots=True)
class Unobserved:
    """Time without rows: the pauses, the newest first, and what their lengths add up to; `unknown` ones not added."""

    pauses: list[Pause]
    low_s: float
    high_s: float
    unknown: int
    silences: list[Silence]


def unobserved(ledger: Ledger, site: str) -> Unobserved:
    """List when a site was not seen, as far as its newest starts go back; raises `NotFound`."""
    find(ledger, site)
    presence = ledger.presence(site)
    times = {found.epoch: found for found in ledger.epoch_times(site)}
    pauses = pauses_of(ledger.agent_starts(site, STARTS_MAX), times.values())
    since_ms = (presence.received_at_ms or 0) - SILENCES_SPAN_MS
    events = ledger.events(site, (AgentStarted.kind, AlarmRaised.kind, AlarmCleared.kind), since_ms)
    return Unobserved(
        pauses=pauses,
        low_s=sum(pause.low_s or 0.0 for pause in pauses),
        high_s=sum(pause.high_s or 0.0 for pause in pauses),
        unknown=sum(pause.high_s is None for pause in pauses),
        silences=silences_of(events),
    )


def pauses_of(starts: Iterable[AgentStart], epochs: Iterable[EpochTimes]) -> list[Pause]:
    """Tell the pause that each start ended; the very first start of a site ended none."""
    found = list(starts)
    seen = [(start.epoch, start.before.date) for start in found if start.before is not None]
    seen += [(epoch.epoch, epoch.last) for epoch in epochs]
    pauses = [(start, pause) for start in found if (pause := _pause(start, seen)) is not None]
    pauses.sort(key=lambda pair: (pair[1].end.at is not None, pair[1].end.at or 0, pair[0].row.seq), reverse=True)
    return [pause for _, pause in pauses]


def _pause(start: AgentStart, seen: Iterable[tuple[int, Date]]) -> Pause | None:
    other = _other(start, seen)
    if other is not None:
        return _between(PauseKind.CARD_REPLACED, other, start, 0)
    if start.before is None:
        return None
    same_boot = start.before.boot == start.row.boot
    kind = PauseKind.AGENT_STOPPED if same_boot else PauseKind.POWERED_OFF
    pause = _between(kind, start.before.date, start, start.absent)
    return _exact(pause, start.before, start.row) if same_boot else pause


def _other(start: AgentStart, seen: Iterable[tuple[int, Date]]) -> Date | None:
    """Find what another outbox saw last before this start, if that is newer than what this one saw.

    Outboxes are ordered by dates alone: a card that was taken out may be put back.
    """
    if start.row.date.utc_ms is None or (start.before is not None and start.before.date.utc_ms is None):
        return None
    own_ms = -1 if start.before is None else start.before.date.utc_ms or 0
    between = [
        (date.utc_ms, date)
        for epoch, date in seen
        if epoch != start.epoch and date.utc_ms is not None and own_ms < date.utc_ms <= start.row.date.utc_ms
    ]
    return max(between, key=lambda pair: pair[0])[1] if between else None


def _between(kind: PauseKind, before: Date, start: AgentStart, absent: int) -> Pause:
    after, low_s, high_s = start.row.date, None, None
    if None not in (before.utc_ms, before.error_ms, after.utc_ms, after.error_ms):
        length_ms = (after.utc_ms or 0) - (before.utc_ms or 0)
        error_ms = (after.error_ms or 0) + (before.error_ms or 0)
        high_s = max(length_ms + error_ms, 0) / 1000
        low_s = 0.0 if absent else max(length_ms - error_ms, 0) / 1000
    return Pause(kind, moment(before), moment(start.powered), moment(after), low_s, high_s, absent)


def _exact(pause: Pause, before: PastRow, after: PastRow) -> Pause:
    """Within one boot the length is known to the second, whatever the dates."""
    high_s = float(after.uptime_s - before.uptime_s)
    low_s = 0.0 if pause.absent else high_s
    return Pause(pause.kind, pause.start, pause.powered, pause.end, low_s, high_s, pause.absent)


def silences_of(events: Iterable[EventRecord]) -> list[Silence]:
    """Pair each device's falling silent with its next answer, the newest first; a new start of the agent ends all."""
    found: list[Silence] = []
    silent: dict[str, EventRecord] = {}
    epoch = None
    for event in events:
        if event.epoch != epoch or event.kind == AgentStarted.kind:
            found += [_silence(device, raised, None, over=True) for device, raised in silent.items()]
            silent.clear()
        epoch = event.epoch
        code = str(event.values[0]) if event.values else ""
        if event.kind == AgentStarted.kind or not code.startswith(_SILENT):
            continue
        device = code.removeprefix(_SILENT)
        raised = silent.pop(device, None)
        if event.kind == AlarmRaised.kind:
            silent[device] = raised or event
        elif raised is not None:
            found.append(_silence(device, raised, event, over=True))
    found += [_silence(device, raised, None, over=False) for device, raised in silent.items()]
    return sorted(found, key=lambda silence: (silence.start is not None, silence.start), reverse=True)


def _silence(device: str, raised: EventRecord, cleared: EventRecord | None, *, over: bool) -> Silence:
    return Silence(
        device=device,
        start=None if raised.utc_ms is None else utc(raised.utc_ms),
        end=None if cleared is None or cleared.utc_ms is None else utc(cleared.utc_ms),
        lasted_s=cleared.uptime_s - raised.uptime_s if cleared is not None and cleared.boot == raised.boot else None,
        over=over,
    )
