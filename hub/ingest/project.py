"""What a batch changes in the ledger: which rows are new, what they mean, which days must be summed anew.

Works on a transaction's own view, so that a row counts once however often and in whatever company it arrives.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from hub.account_store import AHEAD, Receipts
from hub.ingest.dating import Dater, earliest_ms
from hub.ingest.decode import BatchArrived, Message
from hub.ingest.redating import days, learn, span
from hub.ports import Transaction
from hub.starts import PassedOver, declared, nobodys
from protocol import batch as wire_batch
from protocol import events
from protocol.batch import Batch, EventRow, TableRows
from protocol.events import ChargingSession, ClockAnchor, Gap, GapCause, SlotTaken, Tally
from protocol.metrics import metric_of
from protocol.ranges import contains, runs, union
from protocol.schema import Schema

RECEIVED = ""


def apply(transaction: Transaction, arrived: BatchArrived, message: Message, known: Receipts) -> int:
    """Commit the new rows of a batch, of whose epoch this much is known; returns how many there were."""
    site, batch = arrived.address.site, arrived.batch
    fresh = new_rows(batch, known)
    seqs = list(fresh.seqs())
    if not seqs:
        return 0
    payload = message.payload if fresh == batch else wire_batch.encode(fresh)
    transaction.write_receipts(site, batch.epoch, RECEIVED, union([*known.received, *runs(seqs)]))
    _declare_lost(transaction, site, known, fresh.events)
    _tally(transaction, site, known, fresh, message.received_at_ms)
    dater = learn(transaction, site, fresh, known, message.received_at_ms)
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


def newest(batch: Batch, schema: Schema, dater: Dater, received_at_ms: int) -> dict[str, tuple[float, int]]:
    """Find the newest dated value of every column, which is at least that new.

    None can be newer than its arrival, whatever its clock said.
    """
    latest: dict[str, tuple[float, int]] = {}
    for table in batch.tables:
        for spec, values in zip(schema.tables[table.table].columns, table.columns, strict=True):
            for row in range(len(table) - 1, -1, -1):
                value = values[row]
                if value is not None and not metric_of(spec.name).plausible(value / 10**spec.decimals):
                    continue
                date = earliest_ms(dater.date(table.boots[row], table.uptimes_s[row]))
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


def _declare_lost(transaction: Transaction, site: str, known: Receipts, rows: Iterable[EventRow]) -> None:
    gaps: dict[GapCause, list[PassedOver]] = {}
    for row in rows:
        if isinstance(row.event, Gap) and (numbers := declared(row.seq, row.event)) is not None:
            gaps.setdefault(row.event.cause, []).append(PassedOver(row.seq, numbers))
    for cause, found in gaps.items():
        name = cause.name.lower()
        if cause is GapCause.UNUSED:
            unused, open_ = nobodys([*transaction.passed_over(site, known.epoch), *found])
            transaction.write_receipts(site, known.epoch, name, unused)
            transaction.write_receipts(site, known.epoch, AHEAD, open_)
        else:
            ranges = [gap.numbers for gap in found]
            transaction.write_receipts(site, known.epoch, name, union([*known.lost.get(name, ()), *ranges]))


def _tally(transaction: Transaction, site: str, known: Receipts, fresh: Batch, received_at_ms: int) -> None:
    """Note the site's own counts; where a row comes that a comparison did without, it is made again."""
    transaction.reopen_tallies(site, known.epoch, runs(fresh.seqs()))
    for row in fresh.events:
        if isinstance(row.event, Tally) and 1 <= row.event.first_seq <= row.event.last_seq < row.seq:
            rows = (row.event.first_seq, row.event.last_seq)
            transaction.add_tally(site, known.epoch, row.seq, rows, received_at_ms)


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
                pass  # learnt before anything was dated, or not believed; the archive has it either way
            case _:
                values = events.to_wire(row.event)[1:]
                transaction.add_event(site, batch.epoch, row, values, dater.date(row.boot, row.uptime_s))
