"""What the hub tells a site after a commit. Pure."""

from __future__ import annotations

from hub.account_store import Receipts
from hub.numbers import UNUSED
from protocol.batch import Batch
from protocol.control import Ack, Refused
from protocol.ranges import contains, holes, union


def compose(
    receipts: Receipts,
    *,
    utc_ms: int,
    batches: tuple[int, ...] = (),
    schemas_wanted: tuple[bytes, ...] = (),
    refused: tuple[Refused, ...] = (),
    forked: bool = False,
) -> Ack:
    """Sum up what is settled of an epoch; if it has forked, only what is named."""
    if forked:
        return Ack(receipts.epoch, 0, utc_ms, (), batches, schemas_wanted, refused, forked=True)
    settled = union([*receipts.received, *(pair for lost in receipts.lost.values() for pair in lost)])
    upto = settled[-1][1] if settled else 0
    return Ack(receipts.epoch, upto, utc_ms, tuple(holes(settled, upto)), batches, schemas_wanted, refused)


def forks(receipts: Receipts, batch: Batch) -> bool:
    """Say whether a batch has numbers that a start passed over: the card has gone back, and lives a second time.

    What the hub knows of its first life, as long as it does not know where the second began, says nothing about rows of
    the second that are still to come.
    """
    unused = receipts.lost.get(UNUSED, ())
    return bool(unused) and any(contains(unused, seq) for seq in batch.seqs())
