"""What of a site's rows is here, what is missing, and what is known to be lost and why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import date, datetime, timedelta
from enum import StrEnum

from hub.account_store import EpochTimes, TallyRecord
from hub.answers.sites import find
from hub.answers.times import Moment, moment, utc
from hub.answers.unobserved import Unobserved, unobserved
from hub.numbers import Numbers
from hub.ports import Ledger
from hub.seals import SealVerdict
from hub.tallies import Verdict
from protocol.events import Traffic, from_wire
from protocol.ranges import Range, size
from protocol.tally import Sums

RANGES_SHOWN = 200
TALLIES_SHOWN = 40
COMPARED_AT_ONCE = 5
"""Tallies that an answer compares by itself, before the ingest has found a quiet moment."""

FIRST_DAY = date(1970, 1, 1)
_DAYS_MAX = 1_000_000
_BYTES_BY_KIND = [
    field.name
    for field in fields(Traffic)
    if field.name.endswith("_bytes") and field.name not in ("budget_bytes", "left_bytes")
]


@dataclass(frozen=True, slots=True)
class EpochLoss:
    """One outbox generation: each of the rows 1 to `highest_seq` is received, lost by a cause, unused, or missing.

    A missing row is not yet arrived while the site lives in this epoch; after that, it is on a card that was replaced,
    and whether there are rows after the highest one nobody here can know. `forgotten` rows are received ones that the
    site's card has lost after it had confirmed them.
    """

    epoch: str
    in_use: bool
    first_received_at: datetime | None
    last_received_at: datetime | None
    first_row: Moment | None
    last_row: Moment | None
    highest_seq: int
    received: int
    missing: int
    not_yet_arrived: int
    card_replaced: int
    unused: int
    forgotten: int
    missing_ranges: list[Range]
    lost: dict[str, int]
    lost_ranges: dict[str, list[Range]]


class Comparison(StrEnum):
    """What came of comparing a site's count with ours."""

    AGREES = "agrees"
    DIFFERS = "differs"
    WAITING = "waiting"


@dataclass(frozen=True, slots=True)
class TallyAnswer:
    """A site's count of its rows, and ours of the same numbers (None while rows are awaited).

    `lost` rows were taken and given up with a cause, and `forgotten` ones are here only; both are explained.
    """

    epoch: str
    at: datetime | None
    first_seq: int
    last_seq: int
    comparison: Comparison
    differs: tuple[str, ...]
    there: Sums
    here: Sums | None
    lost: int
    forgotten: int
    awaited: int
    seals: SealVerdict | None = None
    """Whether the rows are as the site took them; None while rows are awaited, and for a site without a device key."""


@dataclass(frozen=True, slots=True)
class TrafficAnswer:
    """What a site's last counted day has cost on its link, both ways, all overhead estimated in, by what bytes carried.

    The day is a UTC day, None when no trusted clock told it. `left_bytes` could still be spent after it; with the
    budget it is None where nobody counts. `shed_rows` were given up because the budget could not carry them.
    """

    at: datetime | None
    day: date | None
    total_bytes: int
    bytes_by_kind: dict[str, int]
    budget_bytes: int | None
    left_bytes: int | None
    shed_rows: int


@dataclass(frozen=True, slots=True)
class LossAnswer:
    """The account of a site over all its outbox generations; `missing` is what is not yet arrived or on old cards."""

    site: str
    received: int
    missing: int
    not_yet_arrived: int
    card_replaced: int
    unused: int
    forgotten: int
    lost: dict[str, int]
    kept_aside: int
    kept_aside_by: dict[str, int]
    epochs: list[EpochLoss]
    tallies: list[TallyAnswer]
    unobserved: Unobserved
    traffic: TrafficAnswer | None


def loss(ledger: Ledger, site: str) -> LossAnswer:
    """Account for every row of a site, the epoch in use first; raises `NotFound`."""
    find(ledger, site)
    numbers = ledger.numbers(site)
    epochs = _epochs(ledger, site, numbers)
    causes = sorted({cause for epoch in epochs for cause in epoch.lost})
    aside = dict(ledger.rejected(site))
    return LossAnswer(
        site=site,
        received=sum(epoch.received for epoch in epochs),
        missing=sum(epoch.missing for epoch in epochs),
        not_yet_arrived=sum(epoch.not_yet_arrived for epoch in epochs),
        card_replaced=sum(epoch.card_replaced for epoch in epochs),
        unused=sum(epoch.unused for epoch in epochs),
        forgotten=sum(epoch.forgotten for epoch in epochs),
        lost={cause: sum(epoch.lost.get(cause, 0) for epoch in epochs) for cause in causes},
        kept_aside=sum(aside.values()),
        kept_aside_by=aside,
        epochs=epochs,
        tallies=_tallies(ledger, site, numbers),
        unobserved=unobserved(ledger, site),
        traffic=_traffic(ledger, site),
    )


def _tallies(ledger: Ledger, site: str, numbers: Mapping[int, Numbers]) -> list[TallyAnswer]:
    """List a site's newest counts of its rows beside ours, the newest first."""
    answers, left = [], COMPARED_AT_ONCE
    for record in ledger.tallies(site, TALLIES_SHOWN):
        if record.epoch not in numbers:
            continue  # it came while this answer was being put together
        known = numbers[record.epoch].within(record.first_seq, record.last_seq)
        verdict = record.verdict
        if verdict is None and left > 0:
            left -= 1
            verdict = ledger.compare(site, record)
        answers.append(_tally(record, verdict, size(known.missing)))
    return answers


def _epochs(ledger: Ledger, site: str, numbers: Mapping[int, Numbers]) -> list[EpochLoss]:
    """Account for each epoch: the one in use, then by when the last row came, for a number tells no order."""
    present = ledger.presence(site).epoch
    times = {found.epoch: found for found in ledger.epoch_times(site)}

    def order(epoch: int) -> tuple[bool, int]:
        known = times.get(epoch)
        return epoch == present, 0 if known is None else known.last_received_ms

    return [
        _epoch(epoch, numbers[epoch], times.get(epoch), in_use=present is None or epoch == present)
        for epoch in sorted(numbers, key=order, reverse=True)
    ]


def _epoch(epoch: int, numbers: Numbers, times: EpochTimes | None, *, in_use: bool) -> EpochLoss:
    missing = size(numbers.missing)
    return EpochLoss(
        epoch=f"{epoch:016x}",
        in_use=in_use,
        first_received_at=None if times is None else utc(times.first_received_ms),
        last_received_at=None if times is None else utc(times.last_received_ms),
        first_row=None if times is None else moment(times.first),
        last_row=None if times is None else moment(times.last),
        highest_seq=numbers.highest,
        received=size(numbers.received),
        missing=missing,
        not_yet_arrived=missing if in_use else 0,
        card_replaced=0 if in_use else missing,
        unused=size(numbers.unused),
        forgotten=size(numbers.forgotten),
        missing_ranges=numbers.missing[:RANGES_SHOWN],
        lost={cause: size(ranges) for cause, ranges in numbers.lost.items()},
        lost_ranges={cause: ranges[:RANGES_SHOWN] for cause, ranges in numbers.lost.items()},
    )


def _tally(record: TallyRecord, verdict: Verdict | None, awaited: int) -> TallyAnswer:
    judged = Comparison.WAITING
    if verdict is not None:
        judged = Comparison.AGREES if verdict.agrees else Comparison.DIFFERS
    return TallyAnswer(
        epoch=f"{record.epoch:016x}",
        at=None if record.utc_ms is None else utc(record.utc_ms),
        first_seq=record.first_seq,
        last_seq=record.last_seq,
        comparison=judged,
        differs=() if verdict is None else verdict.differs,
        there=record.claimed,
        here=None if verdict is None else verdict.here,
        lost=0 if verdict is None else verdict.lost,
        forgotten=0 if verdict is None else verdict.forgotten,
        awaited=awaited,
        seals=None if verdict is None else verdict.seals,
    )


def _traffic(ledger: Ledger, site: str) -> TrafficAnswer | None:
    present = ledger.presence(site).epoch
    found = [event for event in ledger.events(site, [Traffic.kind], 0) if present is None or event.epoch == present]
    told = from_wire(Traffic.kind, list(found[-1].values)) if found else None
    if not isinstance(told, Traffic):
        return None
    by_kind = {name.removesuffix("_bytes"): getattr(told, name) for name in _BYTES_BY_KIND}
    return TrafficAnswer(
        at=None if found[-1].utc_ms is None else utc(found[-1].utc_ms),
        day=FIRST_DAY + timedelta(told.day) if 0 < told.day < _DAYS_MAX else None,
        total_bytes=sum(by_kind.values()),
        bytes_by_kind=by_kind,
        budget_bytes=told.budget_bytes or None,
        left_bytes=told.left_bytes if told.budget_bytes else None,
        shed_rows=told.shed_rows,
    )
