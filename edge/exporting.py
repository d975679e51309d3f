"""The command `export`: rows of an outbox as a courier file. It changes nothing in the outbox."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from edge import wiring
from edge.delivery import fitting
from edge.errors import Refused, RetryLater
from edge.io.outbox_salvage import Salvage, salvage
from edge.io.outbox_view import OutboxView, read_only
from edge.ports import SampleRow
from edge.settings import Settings
from edge.uplink import ROWS_FULL
from protocol import courier
from protocol.batch import EventRow
from protocol.courier import Courier

Row = SampleRow | EventRow


@dataclass(slots=True)
class _Load:
    """What a courier file is made of."""

    rows: int = 0
    highest_seq: int = 0
    payloads: list[bytes] = field(default_factory=list)
    schemas: dict[bytes, bytes] = field(default_factory=dict)
    nameless: set[bytes] = field(default_factory=set)
    """Schemas that some rows need and the outbox no longer has."""


def export(settings: Settings, folder: Path, outbox_file: Path | None, *, kept: bool) -> str:
    """Write a courier file and say what is in it.

    It carries what the hub lacks; with `kept`, also what it has acknowledged and the site still keeps, for a hub that
    lost its ledger; of an `outbox_file` that was set aside, whatever can still be read.
    """
    present = Path(settings.outbox.directory) / wiring.OUTBOX
    if outbox_file is None:
        with read_only(present) as outbox:
            load = _gather(outbox, kept=kept)
            name = f"{settings.site}-{outbox.epoch:016x}-{load.highest_seq}{'-all' if kept else ''}"
            told = _damage(outbox)
    else:
        _require_set_aside(outbox_file, present)
        with salvage(outbox_file, folder) as outbox:
            load = _gather(outbox, kept=True)
            name = f"{settings.site}-{outbox.epoch:016x}-{load.highest_seq}-salvaged"
            told = _damage(outbox)
    if load.nameless:
        told += f"; {len(load.nameless)} of their schemas are gone: the hub must know them"
    if not load.payloads:
        return f"nothing to export: {'the hub has everything' if outbox_file is None and not kept else 'no row'}{told}"
    path = folder / f"{name}{courier.SUFFIX}"
    data = courier.encode(Courier(settings.site, tuple(load.schemas.values()), tuple(load.payloads)))
    _write_whole(path, data)
    batches = f"{len(load.payloads)} batch{'es' if len(load.payloads) > 1 else ''}"
    return f"{path}: {load.rows} rows in {batches}, {len(data)} bytes{told}"


def _gather(outbox: OutboxView, *, kept: bool) -> _Load:
    load = _Load()
    for some in _runs(outbox.everything(kept=kept)):
        left = some
        while left:
            rows, message, payload = fitting(outbox.epoch, left)
            left = left[len(rows) :]
            load.rows += len(rows)
            load.highest_seq = max(load.highest_seq, *(row.seq for row in rows))
            load.payloads.append(payload)
            if message.schema_id and message.schema_id not in load.schemas:
                schema = outbox.schema_payload(message.schema_id)
                if schema is None:
                    load.nameless.add(message.schema_id)
                else:
                    load.schemas[message.schema_id] = schema
    return load


def _runs(rows: Iterator[Row]) -> Iterator[list[Row]]:
    """Cut rows into lists that fit a batch: not too many, samples of one schema, none twice."""
    run: dict[int, Row] = {}
    schema_id: bytes | None = None
    for row in rows:
        other = isinstance(row, SampleRow) and schema_id not in {None, row.schema_id}
        if len(run) == ROWS_FULL or other or row.seq in run:
            yield list(run.values())
            run, schema_id = {}, None
        run[row.seq] = row
        if isinstance(row, SampleRow):
            schema_id = row.schema_id
    if run:
        yield list(run.values())


def _damage(outbox: OutboxView) -> str:
    told = f"; {len(outbox.damaged)} rows are damaged and left out" if outbox.damaged else ""
    if isinstance(outbox, Salvage) and outbox.unreadable:
        told += f"; in {outbox.unreadable} places the file cannot be read"
    return told


def _require_set_aside(path: Path, present: Path) -> None:
    if not path.exists():
        raise RetryLater(f"there is no {path}")
    if present.exists() and path.samefile(present):
        raise Refused(f"{path} is the present outbox: leave --outbox out, or name a file that was set aside")


def _write_whole(path: Path, data: bytes) -> None:
    """Write a file that is either whole or not there, even if the stick is pulled."""
    fresh = path.with_suffix(".part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with fresh.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)
    except OSError as error:
        raise RetryLater(f"{path} cannot be written: {error.strerror}") from error
