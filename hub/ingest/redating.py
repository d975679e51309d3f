"""What a batch teaches about time: the anchors and the boots it speaks of, and whatever must be dated anew by them.

Works on a transaction's own view, like `project`, which it serves.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace

from hub.account_store import Receipts
from hub.ingest.boots import Boot, Edges, borders, bounds, edges, moved, seen
from hub.ingest.dating import DATING, EARLIEST_MS, LATEST_MS, Anchor, Bounds, Dater, plausible
from hub.ports import Span, Transaction
from hub.series import DAY_MS
from protocol.batch import Batch
from protocol.events import AnchorSource, ChargingSession, ClockAnchor, Gap
from protocol.limits import VALUE_MAX
from protocol.ranges import Range

DAYS_MAX = 40
_WHOLE_BOOT = (0, VALUE_MAX)


def learn(transaction: Transaction, site: str, batch: Batch, known: Receipts, received_at_ms: int) -> Dater:
    """Keep what the batch teaches, date anew what that moves, and return what dates the batch itself."""
    anchored, stale = _anchor(transaction, site, batch, known, received_at_ms)
    reach = uptimes(batch)
    zeros, renewed = _place(transaction, site, batch, reach, anchored, received_at_ms)
    _redate(transaction, site, batch.epoch, stale | renewed)
    return Dater(transaction.anchors(site, batch.epoch, reach), zeros)


def span(batch: Batch, dater: Dater) -> Span:
    """Give the time that the batch's samples cover, as far as it is known, their boots, and the numbers of its rows."""
    boots = [boot for boot, _ in _sampled(batch)]
    dates = [dater.date(boot, uptime_s).utc_ms for boot, uptime_s in _sampled(batch)]
    known = [date for date in dates if date is not None]
    seqs = list(batch.seqs())
    return Span(
        min(known, default=None), max(known, default=None), min(boots, default=None), max(boots, default=None),
        min(seqs), max(seqs),
    )  # fmt: skip


def days(batch: Batch, dater: Dater) -> set[int]:
    """Name the UTC days in which the batch has samples."""
    dates = (dater.date(boot, uptime_s).utc_ms for boot, uptime_s in _sampled(batch))
    return {date // DAY_MS for date in dates if date is not None}


def uptimes(batch: Batch) -> dict[int, Range]:
    """Give for every boot that the batch speaks of the uptimes from first to last."""
    moments: dict[int, list[int]] = {}
    for boot, uptime_s in _sampled(batch):
        moments.setdefault(boot, []).append(uptime_s)
    for row in batch.events:
        moments.setdefault(row.boot, []).append(row.uptime_s)
        if isinstance(row.event, ChargingSession):
            moments.setdefault(row.event.start_boot, []).append(row.event.start_uptime_s)
            moments.setdefault(row.event.end_boot, []).append(row.event.end_uptime_s)
    return {boot: (min(found), max(found)) for boot, found in moments.items()}


def _sampled(batch: Batch) -> Iterable[tuple[int, int]]:
    for table in batch.tables:
        yield from zip(table.boots, table.uptimes_s, strict=True)


def _anchor(
    transaction: Transaction, site: str, batch: Batch, known: Receipts, received_at_ms: int
) -> tuple[set[int], set[int]]:
    """Keep the batch's believable anchors; returns the boots they date, and those whose rows may have other dates now.

    The latter are the boots that had no anchor, and those of which later rows or anchors are here: batches do not come
    in order.
    """
    newest_seq = known.received[-1][1] if known.received else 0
    found = [
        (row, row.event)
        for row in batch.events
        if isinstance(row.event, ClockAnchor) and _worth_keeping(row.event, received_at_ms)
    ]
    anchored = {row.boot for row, event in found if event.source in DATING}
    before = transaction.anchors(site, batch.epoch, dict.fromkeys(anchored, _WHOLE_BOOT))
    stale = set()
    for row, event in found:
        anchor = Anchor(row.uptime_s, event.utc_ms, event.error_ms, event.source)
        transaction.add_anchor(site, batch.epoch, row, anchor)
        others = before.get(row.boot, [])
        overtaken = row.seq < newest_seq or any(other.uptime_s > anchor.uptime_s for other in others)
        if event.source in DATING and (not others or overtaken):
            stale.add(row.boot)
    return anchored, stale


def _worth_keeping(anchor: ClockAnchor, received_at_ms: int) -> bool:
    """Say whether an anchor may be believed, or is a controller's, which is kept to show how wrong its clock is."""
    if anchor.source is AnchorSource.CONTROLLER:
        return EARLIEST_MS <= anchor.utc_ms < LATEST_MS
    return plausible(anchor.utc_ms, anchor.error_ms, received_at_ms)


def _place(
    transaction: Transaction,
    site: str,
    batch: Batch,
    reach: Mapping[int, Range],
    anchored: set[int],
    received_at_ms: int,
) -> tuple[dict[int, Bounds], set[int]]:
    """Keep what is known of the boots by now; returns the bounds around here, and the boots that got other ones."""
    before = {boot.boot: boot for boot in transaction.boots(site, batch.epoch, min(reach), max(reach))}
    known = dict(before)
    previous, rows = _previous(batch), _rows(batch)
    for number, uptimes_s in reach.items():
        boot = seen(known.get(number), number, uptimes_s, received_at_ms, rows[number])
        told = boot.previous or previous.get(number, 0)
        known[number] = replace(boot, anchored=boot.anchored or number in anchored, previous=told)
    kin = _kin(transaction, site, batch.epoch, before, known)
    before |= kin
    known = kin | known
    boots = [known[number] for number in sorted(known)]
    dated: dict[int, Edges] = {}
    for boot in borders(known):
        found = edges(boot, Dater(transaction.anchors(site, batch.epoch, {boot.boot: (0, boot.last_s)})))
        dated |= {} if found is None else {boot.boot: found}
    silent = [boot.boot for boot in boots if not boot.anchored]
    chips = transaction.chips(site, batch.epoch, silent) if silent else {}
    renewed = moved(boots, bounds(boots, dated, chips), anchored=bool(anchored))
    known |= {boot.boot: boot for boot in renewed}
    transaction.write_boots(site, batch.epoch, [b for number, b in known.items() if before.get(number) != b])
    return {number: boot.zero for number, boot in known.items() if boot.zero is not None}, {b.boot for b in renewed}


def _previous(batch: Batch) -> dict[int, int]:
    """Read which boot was before which; one that claims to follow a larger number is not believed."""
    gaps = [(row.boot, row.event.previous_boot) for row in batch.events if isinstance(row.event, Gap)]
    return {boot: previous for boot, previous in gaps if 0 < previous < boot}


def _rows(batch: Batch) -> Counter[int]:
    """Count the batch's rows by boot."""
    return Counter([*(boot for table in batch.tables for boot in table.boots), *(row.boot for row in batch.events)])


def _kin(
    transaction: Transaction, site: str, epoch: int, before: Mapping[int, Boot], known: Mapping[int, Boot]
) -> dict[int, Boot]:
    """Find all boots that those without anchors here hang on, through others without: a rare errand."""

    def changed(boot: Boot) -> bool:
        old = before.get(boot.boot)
        return old is None or (old.anchored, old.previous) != (boot.anchored, boot.previous)

    found: dict[int, Boot] = {}
    asking = [boot for boot in known.values() if not boot.anchored or changed(boot)]
    while asking:
        new = [
            boot for boot in transaction.kin(site, epoch, asking) if boot.boot not in found and boot.boot not in known
        ]
        found |= {boot.boot: boot for boot in new}
        asking = [boot for boot in new if not boot.anchored]
    return found


def _redate(transaction: Transaction, site: str, epoch: int, boots: set[int]) -> None:
    """Date everything of these boots anew, by all that is known by now."""
    touched: dict[int, None] = {}
    for boot in boots:
        zeros = transaction.zeros(site, epoch, boot, boot)
        transaction.redate(site, epoch, boot, Dater(transaction.anchors(site, epoch, {boot: _WHOLE_BOOT}), zeros))
        touched |= dict.fromkeys(transaction.archived_around(site, epoch, boot))
    # Each is read once, and alone: a site may have sent any number of batches that claim to be of every boot.
    for archive_id in touched:
        found = transaction.archived(archive_id)
        if boots.isdisjoint(boot for boot, _ in _sampled(found.batch)):
            continue
        reach = uptimes(found.batch)
        zeros = transaction.zeros(site, epoch, min(reach), max(reach))
        dater = Dater(transaction.anchors(site, epoch, reach), zeros)
        transaction.date_batch(archive_id, span(found.batch, dater))
        if found.start_ms is not None and found.end_ms is not None:
            transaction.forget_rollups(site, _days_between(found.start_ms, found.end_ms))
        transaction.forget_rollups(site, days(found.batch, dater))


def _days_between(start_ms: int, end_ms: int) -> Iterable[int]:
    first, last = start_ms // DAY_MS, end_ms // DAY_MS
    # A batch covers hours; one that claims years would only make work.
    return range(first, min(last, first + DAYS_MAX) + 1)
