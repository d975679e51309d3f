"""What a batch changes in the ledger: which rows are new, what they mean, which days must be summed anew.

Works on a transaction's own view, so that a row counts once however often and in whatever company it arrives.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from hub.ingest.dating import Anchor, Dater, plausible
from hub.ingest.decode import BatchArrived, Message
from hub.ingest.starts import Start, passed_over
from hub.ports import AHEAD, Receipts, Span, Transaction
from hub.series import DAY_MS
from protocol import batch as wire_batch
from protocol import events
from protocol.batch import Batch, EventRow, TableRows
from protocol.events import ChargingSession, ClockAnchor, Gap, GapCause, SlotTaken, Tally
from protocol.limits import VALUE_MAX
from protocol.metrics import metric_of
from protocol.ranges import Range, contains, runs, union
from protocol.schema import Schema

RECEIVED = ""
DAYS_MAX = 40
_WHOLE_BOOT = (0, VALUE_MAX)


def apply(transaction: Transaction, arrived: BatchArrived, message: Message) -> int:
    """Commit the new rows of a batch to this transaction; returns how many there were."""
    site, batch = arrived.address.site, arrived.batch
    known = transaction.receipts(site, batch.epoch)
    fresh = new_rows(batch, known)
    seqs = list(fresh.seqs())
    if not seqs:
        return 0
    payload = message.payload if fresh == batch else wire_batch.encode(fresh)
    transaction.write_receipts(site, batch.epoch, RECEIVED, union([*known.received, *runs(seqs)]))
    _declare_lost(transaction, site, known, fresh.events)
    _tally(transaction, site, known, fresh, message.received_at_ms)
    for boot in _anchor(transaction, site, fresh, known, message.received_at_ms):
        _redate(transaction, site, batch.epoch, boot)
    dater = Dater(transaction.anchors(site, batch.epoch, uptimes(fresh)))
    transaction.archive(site, fresh.epoch, payload, message.received_at_ms, span(fresh, dater))
    _events(transaction, site, fresh, dater)
    transaction.forget_rollups(site, days(fresh, dater))
    schema = transaction.schema(fresh.schema_id)
    latest = newest(fresh, schema, dater, message.received_at_ms) if schema is not None else {}
    transaction.heard(site, batch.epoch, message.received_at_ms, latest)
    return len(seqs)


def new_rows(batch: Batch, known: Receipts) -> Batch:
    """Leave out the rows that were received before."""
    if not any(contains(known.received, seq) for seq in batch.seqs()):
        return batch
    tables = tuple(table for table in (_new(table, known) for table in batch.tables) if len(table))
    return replace(
        batch,
        schema_id=batch.schema_id if tables else b"",
        tables=tables,
        events=tuple(row for row in batch.events if not contains(known.received, row.seq)),
    )


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


def newest(batch: Batch, schema: Schema, dater: Dater, received_at_ms: int) -> dict[str, tuple[float, int]]:
    """Find the newest dated value of every column; none can be newer than its arrival, whatever its clock said."""
    latest: dict[str, tuple[float, int]] = {}
    for table in batch.tables:
        for spec, values in zip(schema.tables[table.table].columns, table.columns, strict=True):
            for row in range(len(table) - 1, -1, -1):
                value = values[row]
                if value is not None and not metric_of(spec.name).plausible(value / 10**spec.decimals):
                    continue
                date = dater.date(table.boots[row], table.uptimes_s[row]).utc_ms
                if value is not None and date is not None:
                    latest[spec.name] = (value / 10**spec.decimals, min(date, received_at_ms))
                    break
    return latest


def _new(table: TableRows, known: Receipts) -> TableRows:
    keep = [row for row, seq in enumerate(table.seqs) if not contains(known.received, seq)]
    return TableRows(
        table.table,
        tuple(table.seqs[row] for row in keep),
        tuple(table.boots[row] for row in keep),
        tuple(table.uptimes_s[row] for row in keep),
        tuple(tuple(column[row] for row in keep) for column in table.columns),
    )


def _sampled(batch: Batch) -> Iterable[tuple[int, int]]:
    for table in batch.tables:
        yield from zip(table.boots, table.uptimes_s, strict=True)


def _declare_lost(transaction: Transaction, site: str, known: Receipts, rows: Iterable[EventRow]) -> None:
    # A gap speaks of what came before it; one that reaches further would settle rows that are still to come.
    gaps = [
        (row.event.cause, Start(row.seq, row.event.first_seq, min(row.event.last_seq, row.seq - 1)))
        for row in rows
        if isinstance(row.event, Gap)
    ]
    for cause in {cause for cause, _ in gaps}:
        name = GapCause(cause).name.lower()
        declared = [gap for gap_cause, gap in gaps if gap_cause == cause]
        if cause == GapCause.UNUSED:
            unused, open_ = passed_over([*transaction.starts(site, known.epoch), *declared])
            transaction.write_receipts(site, known.epoch, name, unused)
            transaction.write_receipts(site, known.epoch, AHEAD, open_)
        else:
            ranges = [(gap.first, gap.last) for gap in declared if 1 <= gap.first <= gap.last]
            transaction.write_receipts(site, known.epoch, name, union([*known.lost.get(name, ()), *ranges]))


def _tally(transaction: Transaction, site: str, known: Receipts, fresh: Batch, received_at_ms: int) -> None:
    """Note the site's own counts; where a row comes that a comparison did without, it is made again."""
    transaction.reopen_tallies(site, known.epoch, runs(fresh.seqs()))
    for row in fresh.events:
        if isinstance(row.event, Tally) and 1 <= row.event.first_seq <= row.event.last_seq < row.seq:
            rows = (row.event.first_seq, row.event.last_seq)
            transaction.add_tally(site, known.epoch, row.seq, rows, received_at_ms)


def _anchor(transaction: Transaction, site: str, batch: Batch, known: Receipts, received_at_ms: int) -> set[int]:
    """Keep the batch's believable anchors; returns the boots in which rows may now have another date.

    Those are the boots that had no anchor, and those of which later rows or anchors are here: batches do not come in
    order.
    """
    newest_seq = known.received[-1][1] if known.received else 0
    found = [
        (row, row.event)
        for row in batch.events
        if isinstance(row.event, ClockAnchor) and plausible(row.event.utc_ms, received_at_ms)
    ]
    boots = {row.boot for row, _ in found}
    before = transaction.anchors(site, batch.epoch, dict.fromkeys(boots, _WHOLE_BOOT))
    moved = set()
    for row, event in found:
        anchor = Anchor(row.uptime_s, event.utc_ms, event.error_ms, event.source)
        transaction.add_anchor(site, batch.epoch, row, anchor)
        others = before.get(row.boot, [])
        if not others or row.seq < newest_seq or any(other.uptime_s > anchor.uptime_s for other in others):
            moved.add(row.boot)
    return moved


def _redate(transaction: Transaction, site: str, epoch: int, boot: int) -> None:
    """Date everything of a boot anew, by all the anchors it has by now."""
    transaction.redate(site, epoch, boot, Dater(transaction.anchors(site, epoch, {boot: _WHOLE_BOOT})))
    for archived in transaction.batches_of_boot(site, epoch, boot):
        dater = Dater(transaction.anchors(site, epoch, uptimes(archived.batch)))
        transaction.date_batch(archived.archive_id, span(archived.batch, dater))
        if archived.start_ms is not None and archived.end_ms is not None:
            transaction.forget_rollups(site, _days_between(archived.start_ms, archived.end_ms))
        transaction.forget_rollups(site, days(archived.batch, dater))


def _days_between(start_ms: int, end_ms: int) -> Iterable[int]:
    first, last = start_ms // DAY_MS, end_ms // DAY_MS
    # A batch covers hours; one that claims years would only make work.
    return range(first, min(last, first + DAYS_MAX) + 1)


def _events(transaction: Transaction, site: str, batch: Batch, dater: Dater) -> None:
    for row in batch.events:
        match row.event:
            case SlotTaken():
                start = dater.date(row.boot, row.uptime_s)
                transaction.open_session(site, batch.epoch, row, row.event, start)
            case ChargingSession() as session:
                start = dater.date(session.start_boot, session.start_uptime_s)
                end = dater.date(session.end_boot, session.end_uptime_s)
                transaction.close_session(site, batch.epoch, row.seq, session, start, end)
            case ClockAnchor():
                pass  # kept by _anchor before anything is dated, or not believed; the archive has it either way
            case _:
                values = events.to_wire(row.event)[1:]
                transaction.add_event(site, batch.epoch, row, values, dater.date(row.boot, row.uptime_s))
