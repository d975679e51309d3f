"""A batch: rows of one outbox generation on their way to the hub, and their lossless columnar bytes.

A row is a sample of one table (the columns of a table are named once, in a `Schema`) or an event. Every row carries
its seq, the number of the boot it was seen in and whole seconds since that boot; never a date. `encode` and `decode`
are inverse, and `decode` refuses everything that exceeds `limits` before it costs memory.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field

from protocol import events, wire
from protocol.columns import pack, unpack
from protocol.errors import Refusal, WireError
from protocol.limits import COLUMNS_MAX, EPOCH_MAX, EVENTS_MAX, ROWS_MAX, TABLES_MAX, VALUE_MAX, VALUES_MAX
from protocol.schema import ID_BYTES

Column = tuple[int | None, ...]


@dataclass(frozen=True, slots=True)
class TableRows:
    """Samples of table number `table` of the schema; the tuples run along the rows and have one length.

    `columns[c][r]` is the integer that column c holds in row r, times 10**-decimals of that column; None when the
    reading is missing.
    """

    table: int
    seqs: tuple[int, ...]
    boots: tuple[int, ...]
    uptimes_s: tuple[int, ...]
    columns: tuple[Column, ...]

    def __len__(self) -> int:
        return len(self.seqs)


@dataclass(frozen=True, slots=True)
class EventRow:
    """One event with its identity and its moment."""

    seq: int
    boot: int
    uptime_s: int
    event: events.Event | events.UnknownEvent


@dataclass(frozen=True, slots=True)
class Batch:
    """Rows of one epoch, samples under one schema; `schema_id` is empty when there are no samples."""

    epoch: int
    schema_id: bytes = b""
    tables: tuple[TableRows, ...] = ()
    events: tuple[EventRow, ...] = field(default=())
    ack_later: bool = False
    """The hub may leave this batch to the ack of a later one: each ack costs the site some 190 bytes."""

    def seqs(self) -> Iterator[int]:
        """Name every row in the batch, in no particular order."""
        for table in self.tables:
            yield from table.seqs
        for row in self.events:
            yield row.seq


def batch_id(payload: bytes) -> int:
    """Name a payload for as long as it is in flight: both sides compute it, so it costs no byte."""
    return zlib.crc32(payload)


def encode(batch: Batch) -> bytes:
    """Write a batch as the payload that goes on the `up` topic."""
    message = {
        1: batch.epoch,
        2: batch.schema_id,
        3: [_table_to_wire(table) for table in batch.tables],
        4: [[row.seq, row.boot, row.uptime_s, *events.to_wire(row.event)] for row in batch.events],
        5: batch.ack_later,
    }
    return wire.deflate(wire.encode({key: value for key, value in message.items() if value not in (b"", [], False)}))


def decode(payload: bytes) -> Batch:
    """Read a payload of the `up` topic; raises `WireError` with the reason when it is not a valid batch."""
    message = wire.decode(wire.inflate(payload))
    epoch = _integer(message.get(1), "epoch", EPOCH_MAX)
    if epoch == 0:
        raise WireError(Refusal.MALFORMED, "epoch 0 stands for no outbox")
    if not all(message.get(key, True) for key in (2, 3, 4)):
        raise WireError(Refusal.MALFORMED, "a field of the batch is there, but empty")
    schema_id = message.get(2, b"")
    if not isinstance(schema_id, bytes) or len(schema_id) not in (0, ID_BYTES):
        raise WireError(Refusal.MALFORMED, "the schema id is not 8 bytes")
    heads = [_table_head(item) for item in _list(message.get(3, []), "tables", TABLES_MAX)]
    if sum(count for _, count, _ in heads) > ROWS_MAX:
        raise WireError(Refusal.OVERSIZED, f"more than {ROWS_MAX} sample rows")
    if sum(count * _width(parts) for _, count, parts in heads) > VALUES_MAX:
        raise WireError(Refusal.OVERSIZED, f"more than {VALUES_MAX} values")
    tables = tuple(_table_from_wire(*head) for head in heads)
    rows = tuple(_event_from_wire(item) for item in _list(message.get(4, []), "events", EVENTS_MAX))
    ack_later = message.get(5, False)
    if not isinstance(ack_later, bool):
        raise WireError(Refusal.MALFORMED, "ack_later is not true or false")
    batch = Batch(epoch, schema_id, tables, rows, ack_later)
    seqs = list(batch.seqs())
    if not seqs or len(set(seqs)) != len(seqs):
        raise WireError(Refusal.MALFORMED, "the batch is empty or names a row twice")
    if bool(tables) != bool(schema_id):
        raise WireError(Refusal.MALFORMED, "samples and schema id come together or not at all")
    return batch


def _table_to_wire(rows: TableRows) -> list[object]:
    head = [pack(rows.seqs), pack(rows.boots), pack(rows.uptimes_s)]
    return [rows.table, len(rows), *head, [_column_to_wire(column) for column in rows.columns]]


def _column_to_wire(column: Column) -> bytes | list[bytes] | None:
    present = [value for value in column if value is not None]
    if not present:
        return None
    if len(present) == len(column):
        return pack(present)
    return [pack([int(value is not None) for value in column]), pack(present)]


def _table_head(item: object) -> tuple[int, int, list[object]]:
    """Read table number and row count, and leave the rest packed until the sum of the counts is known to be fair."""
    parts = _list(item, "a table", 16)
    if len(parts) < 6:  # noqa: PLR2004  table, count, seqs, boots, uptimes, columns
        raise WireError(Refusal.MALFORMED, "a table has too few parts")
    count = _integer(parts[1], "row count", ROWS_MAX)
    if count == 0:
        raise WireError(Refusal.MALFORMED, "a table holds no rows")
    return _integer(parts[0], "table number", TABLES_MAX - 1), count, parts[2:6]


def _width(parts: list[object]) -> int:
    return len(_list(parts[3], "columns", COLUMNS_MAX))


def _table_from_wire(table: int, count: int, parts: list[object]) -> TableRows:
    seqs, boots, uptimes = (_identity(part, count) for part in parts[:3])
    if min(seqs) < 1:
        raise WireError(Refusal.MALFORMED, "a row has seq 0")
    columns = _list(parts[3], "columns", COLUMNS_MAX)
    return TableRows(table, seqs, boots, uptimes, tuple(_column_from_wire(column, count) for column in columns))


def _identity(part: object, count: int) -> tuple[int, ...]:
    values = _unpack(part, count)
    if min(values) < 0:
        raise WireError(Refusal.MALFORMED, "a seq, boot or uptime is negative")
    return values


def _column_from_wire(part: object, count: int) -> Column:
    if part is None:
        return (None,) * count
    if isinstance(part, bytes):
        return _unpack(part, count)
    presence, values = (*_list(part, "a column with gaps", 2), None, None)[:2]
    mask = _unpack(presence, count)
    if not set(mask) <= {0, 1} or 1 not in mask:
        raise WireError(Refusal.MALFORMED, "the presence of a column is not a row of ones and zeros")
    present = iter(_unpack(values, sum(mask)))
    return tuple(next(present) if bit else None for bit in mask)


def _unpack(part: object, count: int) -> tuple[int, ...]:
    if not isinstance(part, bytes):
        raise WireError(Refusal.MALFORMED, "a column is not a byte string")
    return tuple(unpack(part, count))


def _event_from_wire(item: object) -> EventRow:
    parts = _list(item, "an event", 64)
    if len(parts) < 4:  # noqa: PLR2004  seq, boot, uptime, kind
        raise WireError(Refusal.MALFORMED, "an event has too few parts")
    seq, boot, uptime_s, kind = (_integer(part, "seq, boot, uptime or kind", VALUE_MAX) for part in parts[:4])
    if seq == 0:
        raise WireError(Refusal.MALFORMED, "a row has seq 0")
    return EventRow(seq, boot, uptime_s, events.from_wire(kind, parts[4:]))


def _list(item: object, what: str, most: int) -> list[object]:
    if not isinstance(item, list):
        raise WireError(Refusal.MALFORMED, f"{what} is not a list")
    if len(item) > most:
        raise WireError(Refusal.OVERSIZED, f"{what}: {len(item)} items, at most {most}")
    return item


def _integer(item: object, what: str, most: int) -> int:
    if not wire.is_integer(item, 0, most):
        raise WireError(Refusal.MALFORMED, f"{what} is not a number from 0 to {most}")
    return item
