"""Schemas: the names of the columns of a batch, sent once and then referred to by id.

The id is a hash of the encoded schema, so the same configuration has the same id on every side and after every
restart, and a schema cannot be swapped under a batch.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from protocol import topics, wire
from protocol.errors import Refusal, WireError
from protocol.limits import COLUMNS_MAX, TABLES_MAX
from protocol.metrics import CATALOGUE

ID_BYTES = 8
_DECIMALS_MAX = 6
_INTERVAL_MAX_S = 86_400


@dataclass(frozen=True, slots=True)
class ColumnSpec:
    """One column: `source.metric`, and how many decimals its integers carry."""

    name: str
    decimals: int


@dataclass(frozen=True, slots=True)
class TableSpec:
    """One kind of sample: its columns, and the seconds that one sample stands for."""

    name: str
    interval_s: int
    columns: tuple[ColumnSpec, ...]


@dataclass(frozen=True, slots=True)
class Schema:
    """All tables of one site configuration."""

    tables: tuple[TableSpec, ...]


def encode(schema: Schema) -> bytes:
    """Write a schema as the payload of the `schema` topic; equal schemas give equal bytes."""
    tables = [
        [table.name, table.interval_s, [[column.name, column.decimals] for column in table.columns]]
        for table in schema.tables
    ]
    return wire.deflate(wire.encode({1: tables}))


def schema_id(payload: bytes) -> bytes:
    """Name an encoded schema by its contents, before compression; raises `WireError` when it does not inflate."""
    return hashlib.sha256(wire.inflate(payload)).digest()[:ID_BYTES]


def decode(payload: bytes) -> Schema:
    """Read a schema; raises `WireError` for a column whose metric the catalogue does not know."""
    tables = wire.decode(wire.inflate(payload)).get(1)
    if not isinstance(tables, list) or not 1 <= len(tables) <= TABLES_MAX:
        raise WireError(Refusal.MALFORMED, f"a schema has 1 to {TABLES_MAX} tables")
    schema = Schema(tuple(_table(item) for item in tables))
    if len({table.name for table in schema.tables}) != len(tables):
        raise WireError(Refusal.MALFORMED, "a schema names a table twice")
    return schema


def _table(item: object) -> TableSpec:
    match item:
        case [str(name), interval_s, list(columns), *_] if (
            topics.is_name(name)
            and wire.is_integer(interval_s, 1, _INTERVAL_MAX_S)
            and 1 <= len(columns) <= COLUMNS_MAX
        ):
            specs = tuple(_column(column) for column in columns)
        case _:
            raise WireError(Refusal.MALFORMED, f"a table of the schema is not valid: {item!r:.60}")
    if len({spec.name for spec in specs}) != len(specs):
        raise WireError(Refusal.MALFORMED, f"table {name!r} names a column twice")
    return TableSpec(name, interval_s, specs)


def _column(item: object) -> ColumnSpec:
    match item:
        case [str(name), decimals, *_] if wire.is_integer(decimals, 0, _DECIMALS_MAX):
            source, _, metric = name.rpartition(".")
        case _:
            raise WireError(Refusal.MALFORMED, f"a column of the schema is not valid: {item!r:.60}")
    if not topics.is_name(source) or metric not in CATALOGUE:
        raise WireError(Refusal.MALFORMED, f"column {name!r:.60} is not source.metric of the catalogue")
    return ColumnSpec(name, decimals)
