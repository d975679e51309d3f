"""The outbox as it can be read: by its one writer, and by commands beside it while the agent runs."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import astuple, fields
from pathlib import Path
from typing import Any

import apsw

from edge.errors import RetryLater
from edge.io.outbox_file import BUSY_MS, is_epoch
from edge.ports import OpenSession, SampleRow
from protocol import events, wire
from protocol.batch import EventRow
from protocol.errors import WireError
from protocol.events import Lane
from protocol.limits import TABLES_MAX, VALUE_MAX

_NAMES = ("seq", "lane", "schema_id", "tab", "boot", "uptime_s", "body", "sum")
COLUMNS = ", ".join(_NAMES)
ACKED = "acknowledged"
"""Why a row is kept that the hub has."""

_SESSION = [field.name for field in fields(OpenSession)]


def readable(*columns: str) -> str:
    """Select columns that hold no text, so that one which a lost bit turned into text no alphabet has can be read."""
    return ", ".join(f"iif(typeof({column}) = 'text', CAST({column} AS BLOB), {column})" for column in columns)


READABLE = readable(*_NAMES)
"""What `checked_row` takes; reading `COLUMNS` as they stand may fail on a damaged row."""


def check_sum(*columns: object) -> int:
    """Sum up a row, so that a bit that an SD card lost shows."""
    return zlib.crc32(repr(columns).encode())


def body_text(body: Sequence[object]) -> bytes:
    """Write the contents of a row as the file has them."""
    return json.dumps(body, separators=(",", ":")).encode()


def session_columns(session: OpenSession) -> tuple[int, ...]:
    """Lay out an open session as the file has it, its check sum at the end."""
    columns = tuple(map(int, astuple(session)))
    return *columns, check_sum(*columns)


class OutboxView:
    """What is committed in an outbox."""

    def __init__(self, db: apsw.Connection) -> None:
        self._db = db
        self.damaged: set[int] = set()
        """Rows met that do not say what was once written; they are passed over."""

        epoch = self.recall("epoch")
        if epoch is None:
            raise RetryLater("the outbox has just been made: no agent has run on it yet")
        if not is_epoch(epoch):
            raise ValueError("its epoch is garbled")
        self.epoch = int(epoch)

    def open_sessions(self) -> list[OpenSession]:
        """List the sessions that were open at the last commit; one that is damaged is not to be billed."""
        rows = self._db.execute(f"SELECT {readable(*_SESSION, 'sum')} FROM open_sessions ORDER BY slot")  # noqa: S608
        return [
            OpenSession(**dict(zip(_SESSION, row, strict=True)) | {"found": bool(row[-1])})
            for *row, stored_sum in rows
            if check_sum(*row) == stored_sum and all(wire.is_integer(number, 0, VALUE_MAX) for number in row)
        ]

    def pending(self, limit: int, exclude: frozenset[int], up_to: Lane = Lane.TELEMETRY) -> list[SampleRow | EventRow]:
        """See `Outbox.pending`; samples are all of one schema, so that they fit one batch."""
        found: list[SampleRow | EventRow] = []
        schema_id: bytes | None = None
        readable: dict[bytes | None, bool] = {None: True}
        rows = self._db.execute(
            f"SELECT {READABLE} FROM rows WHERE lane <= ? ORDER BY lane, seq LIMIT ?",  # noqa: S608
            (int(up_to), limit + len(exclude | self.damaged)),
        )
        for *columns, stored_sum in rows:
            if len(found) == limit:
                break
            seq = columns[0]
            if seq in exclude or seq in self.damaged:
                continue
            if columns[2] not in readable:
                readable[columns[2]] = self.schema_payload(columns[2]) is not None
            row = checked_row([*columns, stored_sum]) if readable[columns[2]] else None
            if row is None:
                self.damaged.add(seq)
                continue
            if isinstance(row, SampleRow):
                schema_id = schema_id or row.schema_id
                if row.schema_id != schema_id:
                    break
            found.append(row)
        return found

    def everything(self, *, kept: bool) -> Iterator[SampleRow | EventRow]:
        """Give every row that the hub lacks, in order of value; if `kept`, then those too that it has acknowledged."""
        sources = [f"SELECT {READABLE} FROM rows ORDER BY lane, seq"]  # noqa: S608
        if kept:
            sources.append(f"SELECT {READABLE} FROM kept WHERE reason = '{ACKED}' ORDER BY lane, seq")  # noqa: S608
        for source in sources:
            for columns in self._db.execute(source):
                row = checked_row(columns)
                if row is None:
                    self.damaged.add(columns[0])
                else:
                    yield row

    def rows_in(self, lane: Lane) -> int:
        """See `Outbox.rows_in`."""
        return self._scalar("SELECT count(*) FROM rows WHERE lane = ?", (int(lane),))

    def schema_payload(self, schema_id: bytes) -> bytes | None:
        """See `Outbox.schema_payload`."""
        query = f"SELECT {readable('payload', 'sum')} FROM schemas WHERE id = ?"  # noqa: S608
        row = self._db.execute(query, (schema_id,)).fetchone()
        return bytes(row[0]) if row is not None and check_sum(schema_id, row[0]) == row[1] else None

    def recall(self, key: str) -> str | None:
        """See `Outbox.recall`."""
        text = self._db.execute("SELECT CAST(value AS BLOB) FROM meta WHERE key = ?", (key,)).get
        return None if text is None else bytes(text).decode("utf-8", "replace")

    def _scalar(self, sql: str, arguments: tuple[object, ...] = ()) -> int:
        return int(self._db.execute(sql, arguments).get)


def checked_row(columns: Sequence[Any]) -> SampleRow | EventRow | None:
    """Rebuild a row from `READABLE`; None when it does not say what was once written."""
    *columns, stored_sum = columns
    return _row(columns) if check_sum(*columns) == stored_sum else None


def _row(columns: list[Any]) -> SampleRow | EventRow | None:
    """Rebuild a row; None when its contents are none that the protocol allows: a check sum can be made by hand."""
    seq, lane, schema_id, table, boot, uptime_s, body = columns
    if not (
        wire.is_integer(seq, 1, VALUE_MAX) and all(wire.is_integer(moment, 0, VALUE_MAX) for moment in (boot, uptime_s))
    ):
        return None
    try:
        content = json.loads(body)
        if schema_id is None:
            return EventRow(seq, boot, uptime_s, events.from_wire(content[0], content[1:]))
        if wire.is_integer(table, 0, TABLES_MAX - 1) and isinstance(content, list) and all(map(_may_be_sent, content)):
            return SampleRow(seq, schema_id, table, boot, uptime_s, content, Lane(lane))
    except (WireError, ValueError, TypeError, LookupError, RecursionError):
        pass
    return None


def _may_be_sent(value: object) -> bool:
    return value is None or wire.is_integer(value, -VALUE_MAX, VALUE_MAX)


@contextmanager
def read_only(path: Path) -> Iterator[OutboxView]:
    """Open an outbox beside its writer; raises `RetryLater` when there is none."""
    try:
        db = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)
        db.set_busy_timeout(BUSY_MS)
        try:
            yield _view(db, path)
        finally:
            db.close()
    except apsw.Error as error:
        raise RetryLater(f"the outbox {path} cannot be read: {error}") from error


def _view(db: apsw.Connection, path: Path) -> OutboxView:
    try:
        return OutboxView(db)
    except ValueError as error:
        raise RetryLater(f"the outbox {path} is damaged ({error}): the agent sets it aside when it starts") from error
