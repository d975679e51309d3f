"""What of a site's rows is here, what is missing, and what is known to be lost and why."""

from __future__ import annotations

from dataclasses import dataclass

from hub.answers.sites import find
from hub.ports import Ledger, Receipts
from protocol.ranges import Range, holes, size, union, without


@dataclass(frozen=True, slots=True)
class EpochLoss:
    """One outbox generation: rows 1 to `highest_seq` are each received, lost by a stated cause, or still missing."""

    epoch: str
    highest_seq: int
    received: int
    missing: int
    missing_ranges: list[Range]
    lost: dict[str, int]
    lost_ranges: dict[str, list[Range]]


@dataclass(frozen=True, slots=True)
class LossAnswer:
    """The account of a site over all its outbox generations."""

    site: str
    received: int
    missing: int
    lost: dict[str, int]
    kept_aside: int
    epochs: list[EpochLoss]


RANGES_SHOWN = 200


def loss(ledger: Ledger, site: str) -> LossAnswer:
    """Account for every row of a site; raises `NotFound`."""
    find(ledger, site)
    epochs = [_epoch(receipts) for receipts in ledger.all_receipts(site)]
    causes = sorted({cause for epoch in epochs for cause in epoch.lost})
    return LossAnswer(
        site=site,
        received=sum(epoch.received for epoch in epochs),
        missing=sum(epoch.missing for epoch in epochs),
        lost={cause: sum(epoch.lost.get(cause, 0) for epoch in epochs) for cause in causes},
        kept_aside=ledger.rejected(site),
        epochs=epochs,
    )


def _epoch(receipts: Receipts) -> EpochLoss:
    # What was given up and arrived all the same, before its loss was declared, is not lost.
    lost = {cause: without(ranges, receipts.received) for cause, ranges in receipts.lost.items()}
    settled = union([*receipts.received, *(pair for ranges in lost.values() for pair in ranges)])
    highest = settled[-1][1] if settled else 0
    missing = without(holes(settled, highest), receipts.ahead)
    return EpochLoss(
        epoch=f"{receipts.epoch:016x}",
        highest_seq=highest,
        received=size(receipts.received),
        missing=size(missing),
        missing_ranges=missing[:RANGES_SHOWN],
        lost={cause: size(ranges) for cause, ranges in lost.items()},
        lost_ranges={cause: ranges[:RANGES_SHOWN] for cause, ranges in lost.items()},
    )
