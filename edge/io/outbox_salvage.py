"""A damaged outbox that was set aside: every row that can still be read and whose check sum holds."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import apsw

from edge.errors import Refused, RetryLater
from edge.io.outbox_file import epoch_sum
from edge.io.outbox_view import ACKED, READABLE, OutboxView, checked_row, readable
from edge.ports import SampleRow
from protocol import schema
from protocol.batch import EventRow
from protocol.errors import WireError
from protocol.limits import VALUE_MAX


class Salvage(OutboxView):
    """What is left of an outbox; `damaged` and `unreadable` count what is not, once `everything` has ended."""

    def __init__(self, db: apsw.Connection) -> None:
        super().__init__(db)
        self.unreadable = 0
        """Places in the file in which rows were, nobody knows how many."""

    def everything(self, *, kept: bool) -> Iterator[SampleRow | EventRow]:
        """See `OutboxView.everything`; in the order in which the rows were taken, without what is damaged."""
        for table, where in (("rows", "true"), ("kept", f"reason = '{ACKED}'"))[: 1 + kept]:
            for columns in self._readable(table, where):
                row = checked_row(columns)
                if row is None:
                    self.damaged.add(columns[0])
                else:
                    yield row

    def schema_payload(self, schema_id: bytes) -> bytes | None:
        """See `Outbox.schema_payload`; one that is not what it was is as good as none."""
        with suppress(apsw.Error, WireError):
            query = f"SELECT {readable('payload')} FROM schemas WHERE id = ?"  # noqa: S608
            payload = self._db.execute(query, (schema_id,)).get
            if isinstance(payload, bytes) and schema.schema_id(payload) == schema_id:
                return payload
        return None

    def _readable(self, table: str, where: str) -> Iterator[list[Any]]:
        """Read rows by number; where the file gives none, go on behind."""
        at: int | None = 0
        while at is not None:
            try:
                for columns in self._from(table, where, at):
                    if columns[0] < at:
                        raise apsw.CorruptError
                    yield list(columns)
                    at = columns[0] + 1
            except apsw.Error:
                self.unreadable += 1
                at = self._behind(table, where, at)
            else:
                return

    def _behind(self, table: str, where: str, at: int) -> int | None:
        """Find the first number behind a damaged place from which the file can be read again."""
        low, high = 0, 1
        while not self._reads(table, where, at + high):
            low, high = high, 2 * high
            if at + high > 2 * VALUE_MAX:
                return None
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (low, middle) if self._reads(table, where, at + middle) else (middle, high)
        return at + high

    def _reads(self, table: str, where: str, at: int) -> bool:
        try:
            return all(columns[0] >= at for columns in self._from(table, where, at, limit=1))
        except apsw.Error:
            return False

    def _from(self, table: str, where: str, at: int, limit: int = -1) -> Iterator[tuple[Any, ...]]:
        # The tables are read themselves, never an index, which may be what is damaged.
        sql = f"SELECT {READABLE} FROM {table} NOT INDEXED WHERE seq >= ? AND {where} ORDER BY seq LIMIT ?"  # noqa: S608
        yield from self._db.execute(sql, (at, limit))


@contextmanager
def salvage(path: Path, workspace: Path) -> Iterator[Salvage]:
    """Open a copy of a damaged outbox, so that the file itself stays as it is for whoever may do better.

    The copy lies in a folder of the workspace for as long as it is open. Raises `Refused` when the outbox is so damaged
    that its rows have no identity, `RetryLater` when it cannot be copied.
    """
    with ExitStack() as stack:
        try:
            workspace.mkdir(parents=True, exist_ok=True)
            folder = stack.enter_context(tempfile.TemporaryDirectory(dir=workspace))
            copy = Path(folder) / "outbox.db"
            shutil.copyfile(path, copy)
            with suppress(FileNotFoundError):
                shutil.copyfile(path.with_name(path.name + "-wal"), copy.with_name(copy.name + "-wal"))
        except OSError as error:
            raise RetryLater(f"{path} cannot be copied to be read: {error.strerror}") from error
        db = apsw.Connection(str(copy))
        try:
            found = Salvage(db)
            if found.recall("sum") != epoch_sum(str(found.epoch)):
                raise ValueError("the epoch is garbled")  # noqa: TRY301  said below, like what SQLite finds
        except (apsw.Error, TypeError, ValueError) as error:
            db.close()
            raise Refused(f"{path} is too damaged to tell whose rows are in it: {error}; keep it") from error
        try:
            yield found
        finally:
            db.close()
