"""What the hub tells a site after a commit. Pure."""

from __future__ import annotations

from hub.ports import Receipts
from protocol.control import Ack, Refused
from protocol.ranges import holes, union


def compose(
    receipts: Receipts,
    *,
    utc_ms: int,
    batches: tuple[int, ...] = (),
    schemas_wanted: tuple[bytes, ...] = (),
    refused: tuple[Refused, ...] = (),
) -> Ack:
    """Sum up what is settled of an epoch."""
    settled = union([*receipts.received, *(pair for lost in receipts.lost.values() for pair in lost)])
    upto = settled[-1][1] if settled else 0
    return Ack(receipts.epoch, upto, utc_ms, tuple(holes(settled, upto)), batches, schemas_wanted, refused)
