"""The table of who did what: lines are added in the transaction of what they tell, and never changed."""

from __future__ import annotations

import json
from collections.abc import Iterator

from sqlalchemy import Connection, insert, select

from hub.access.audit import Act, Entry, following
from hub.io import access_tables as a
from hub.io.ledger import SqlLedger
from hub.io.rows import Row

_PAGE = 1000


def write(connection: Connection, act: Act) -> None:
    """Add a line, inside the transaction of what it tells."""
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("LOCK TABLE audit IN EXCLUSIVE MODE")  # two lines must not follow the same one
    last = connection.execute(select(a.audit).order_by(a.audit.c.number.desc()).limit(1)).first()
    entry = following(None if last is None else _entry(last), act)
    connection.execute(
        insert(a.audit).values(
            number=entry.number, at_ms=act.at_ms, actor=act.actor, action=act.action, subject=act.subject,
            details=json.dumps(dict(act.details)), previous=entry.previous, sum=entry.sum,
        )
    )  # fmt: skip


class AuditTable:
    """The part of an `AccessStore` that is the record."""

    _ledger: SqlLedger

    def record(self, act: Act) -> None:
        """See `AuditStore.record`."""
        with self._ledger.begin() as transaction:
            write(transaction.connection, act)

    def audit(self, limit: int, before: int | None = None) -> list[Entry]:
        """See `AuditStore.audit`."""
        query = select(a.audit).order_by(a.audit.c.number.desc()).limit(limit)
        if before is not None:
            query = query.where(a.audit.c.number < before)
        with self._ledger.reading() as connection:
            return [_entry(row) for row in connection.execute(query)]

    def audit_from_the_first(self) -> Iterator[Entry]:
        """See `AuditStore.audit_from_the_first`."""
        with self._ledger.reading() as connection:
            for row in connection.execution_options(yield_per=_PAGE).execute(
                select(a.audit).order_by(a.audit.c.number)
            ):
                yield _entry(row)


def _entry(row: Row) -> Entry:
    act = Act(row.at_ms, row.actor, row.action, row.subject, json.loads(row.details))
    return Entry(row.number, act, bytes(row.previous), bytes(row.sum))
