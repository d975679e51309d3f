"""Live values under the names of their schema. Pure."""

from __future__ import annotations

from protocol.live import Live
from protocol.metrics import metric_of
from protocol.schema import Schema


def live_values(live: Live, schema: Schema, received_at_ms: int) -> dict[str, tuple[float, int]]:
    """Name the plausible values and date each by its age; what fits no table of the schema is left out."""
    values: dict[str, tuple[float, int]] = {}
    for table in live.tables:
        specs = schema.tables[table.table].columns if table.table < len(schema.tables) else ()
        if len(specs) != len(table.values):
            continue
        for spec, reading in zip(specs, table.values, strict=True):
            value = None if reading is None else reading / 10**spec.decimals
            if value is not None and metric_of(spec.name).plausible(value):
                values[spec.name] = (value, received_at_ms - 1000 * table.age_s)
    return values
