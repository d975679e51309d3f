"""Messages to start from: those that SPEC.md works out byte by byte, and the smallest of each kind."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from typing import Any

import cbor2

from protocol import batch, control, events, live, schema, wire

Cbor = dict[int, Any]
Decode = Callable[[bytes], object]

SCHEMA = schema.Schema(
    (
        schema.TableSpec(
            "mppt", 60, (schema.ColumnSpec("mppt.battery_voltage_v", 2), schema.ColumnSpec("mppt.panel_power_w", 0))
        ),
    )
)
SCHEMA_ID = schema.schema_id(schema.encode(SCHEMA))
BATCH = batch.Batch(
    0x0123456789ABCDEF,
    SCHEMA_ID,
    (batch.TableRows(0, (101, 102, 103), (7, 7, 7), (3600, 3660, 3720), ((1261, 1263, 1262), (180, None, 195))),),
    (batch.EventRow(104, 7, 3725, events.SlotTaken(3)),),
)
ONE_EVENT = batch.Batch(1, events=(batch.EventRow(1, 1, 0, events.AlarmCleared("door")),))
ACK = control.Ack(BATCH.epoch, 104, 1_763_887_200_000, batches=(batch.batch_id(batch.encode(BATCH)),))
STATE = control.SiteState(online=True, epoch=BATCH.epoch, software="0.1.0")

EVENT = [1, 1, 0, events.AlarmCleared.kind, "door"]
TABLE = [0, 1, b"\x05\x00", b"\x05\x00", b"\x05\x00", [None]]
COLUMN = ["mppt.soc_pct", 0]
SAMPLES: Cbor = {0: 1, 1: 1, 2: b"12345678", 3: [TABLE]}
EVENTS: Cbor = {0: 1, 1: 1, 4: [EVENT]}
TABLES: Cbor = {0: 1, 1: [["mppt", 60, [COLUMN]]]}
SETTLED: Cbor = {0: 1, 1: 1, 2: 1, 3: 1}
COMMAND = live.LiveCommand(7, 600)
LIVE = live.Live(7, 590, SCHEMA_ID, (live.LiveTable(0, 3, (1261, None)),))

ONLINE: Cbor = {0: 1, 1: True, 2: 1}

DECODERS: dict[str, Decode] = {
    "batch": lambda plain: batch.decode(wire.deflate(plain)),
    "schema": lambda plain: schema.decode(wire.deflate(plain)),
    "ack": control.decode_ack,
    "state": control.decode_state,
    "command": live.decode_command,
    "live": live.decode_live,
}
"""For each rule of batch.cddl, what reads such a message before it is deflated."""


def deflated(message: Cbor) -> bytes:
    """Give the payload of a message that goes deflated, whether or not the code would write it."""
    return zlib.compress(cbor2.dumps(message))


def event(kind: int, *values: object) -> Cbor:
    """Give a batch of one event with these fields."""
    return {**EVENTS, 4: [[1, 1, 0, kind, *values]]}
