"""The table of live views: asked for by the web, sent by the ingest, filled by the site. One row a site, no history."""

from __future__ import annotations

import json
import secrets
from abc import ABC, abstractmethod
from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Protocol

from sqlalchemy import Connection, insert, select, update

from hub.io import tables as t
from hub.io.rows import Row
from hub.live_store import LiveRecord
from protocol.limits import VALUE_MAX
from protocol.live import Live

_c = t.live_views.c


class _Writing(Protocol):
    @property
    def connection(self) -> Connection:
        """The transaction's connection."""


class LiveTable(ABC):
    """The part of the ledger that speaks of live views."""

    @abstractmethod
    def begin(self) -> AbstractContextManager[_Writing]:
        """See `Ledger.begin`."""

    @abstractmethod
    def reading(self) -> AbstractContextManager[Connection]:
        """Open a connection to read from."""

    def ask_live(self, site: str, seconds: int, now_ms: int) -> None:
        """See `Ledger.ask_live`."""
        values = {
            "command_id": 1 + secrets.randbelow(VALUE_MAX), "asked_at_ms": now_ms, "seconds": seconds,
            "sent_at_ms": None, "received_at_ms": None, "ends_at_ms": None, "code": None, "latest": "{}",
        }  # fmt: skip
        with self.begin() as transaction:
            updated = transaction.connection.execute(update(t.live_views).where(_c.site == site).values(values))
            if not updated.rowcount:
                transaction.connection.execute(insert(t.live_views).values(site=site, **values))

    def live(self, site: str) -> LiveRecord | None:
        """See `Ledger.live`."""
        with self.reading() as connection:
            row = connection.execute(select(t.live_views).where(_c.site == site)).first()
        return None if row is None else _record(row)

    def unsent_commands(self, since_ms: int) -> list[LiveRecord]:
        """See `Ledger.unsent_commands`."""
        query = select(t.live_views).where(_c.sent_at_ms.is_(None), _c.asked_at_ms >= since_ms)
        with self.reading() as connection:
            return [_record(row) for row in connection.execute(query)]

    def command_sent(self, record: LiveRecord, now_ms: int) -> None:
        """See `Ledger.command_sent`."""
        mine = (_c.site == record.site) & (_c.command_id == record.command_id)
        with self.begin() as transaction:
            transaction.connection.execute(update(t.live_views).where(mine).values(sent_at_ms=now_ms))


def take(
    connection: Connection, site: str, live: Live, values: Mapping[str, tuple[float, int]], received_at_ms: int
) -> None:
    """Note what a site sent, if it answers the command that was last given to it."""
    mine = (_c.site == site) & (_c.command_id == live.command_id)
    row = connection.execute(select(_c.latest).where(mine)).first()
    if row is None:
        return
    latest = json.loads(row.latest) | {column: list(value) for column, value in values.items()}
    changes = {
        "received_at_ms": received_at_ms,
        "ends_at_ms": received_at_ms + 1000 * live.left_s,
        "code": None if live.code is None else int(live.code),
        "latest": json.dumps(latest),
    }
    connection.execute(update(t.live_views).where(mine).values(changes))


def _record(row: Row) -> LiveRecord:
    latest = {column: (value, utc_ms) for column, (value, utc_ms) in json.loads(row.latest).items()}
    return LiveRecord(
        row.site, row.command_id, row.asked_at_ms, row.seconds, row.sent_at_ms, row.received_at_ms, row.ends_at_ms,
        row.code, latest,
    )  # fmt: skip
