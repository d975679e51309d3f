"""Everything that follows from the archive, computed anew: the archive is replayed, in the order in which it came.

Each batch goes the very way it went when it arrived, so that a rebuild cannot know better or worse than the ingest.
One transaction a site: others see it as it was, then as it is.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import cast

from sqlalchemy import Connection, Table, delete, func, null, select, update

from hub import rollup
from hub.errors import BadRequest
from hub.ingest import project
from hub.ingest.decode import BatchArrived, Message
from hub.io import tables as t
from hub.io.ledger import SqlLedger
from hub.io.series import EmbeddedSeries
from hub.io.transaction import SqlTransaction
from hub.ports import Site
from protocol import batch as wire_batch
from protocol.errors import WireError
from protocol.topics import Address, Channel

Progress = Callable[[int], None]
"""Told how many batches are done with."""

_Rows = dict[tuple[object, ...], int]
_SPAN = ("start_ms", "end_ms", "first_boot", "last_boot")


@dataclass(frozen=True, slots=True)
class Difference:
    """How one table of a site is not what the archive says: rows that lacked, that were too many, that were wrong."""

    table: str
    lacking: int
    surplus: int
    wrong: int


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """What was replayed, and in what the ledger differed from it."""

    batches: int
    rows: int
    differences: list[Difference]


class _Replay(SqlTransaction):
    """A transaction in which a batch takes its own place in the archive again."""

    archive_id = 0

    def _place(self, values: dict[str, object]) -> None:
        derived = {name: value for name, value in values.items() if name != "payload"}
        self.connection.execute(update(t.archive).where(t.archive.c.id == self.archive_id).values(derived))


def count_batches(ledger: SqlLedger, site: str) -> int:
    """Say how much there is to replay."""
    with ledger.reading() as connection:
        query = select(func.count()).select_from(t.archive).where(t.archive.c.site == site)
        return int(connection.execute(query).scalar_one())


def rebuild(ledger: SqlLedger, site: Site, progress: Progress, *, check: bool) -> Rebuilt:
    """Compute a site anew, or with `check` only say what would change; raises `BadRequest` for a damaged archive."""
    with _replaying(ledger, keep=not check) as transaction:
        connection = transaction.connection
        transaction.claim(site.site)
        before = _everything(connection, site.site)
        summarised = _summarised_days(connection, site.site)
        epoch = connection.execute(select(t.site_states.c.epoch).where(t.site_states.c.site == site.site)).scalar()
        _clear(connection, site.site)
        ids = connection.execute(select(t.archive.c.id).where(t.archive.c.site == site.site).order_by(t.archive.c.id))
        rows = 0
        batches = 0
        for batches, (archive_id,) in enumerate(ids.all(), 1):
            transaction.archive_id = archive_id
            rows += _replay(transaction, site, archive_id)
            progress(batches)
        if epoch is not None:  # the site itself said it last, in a message that no archive keeps
            mine = t.site_states.c.site == site.site
            connection.execute(update(t.site_states).where(mine).values(epoch=epoch))
        _summarise(connection, EmbeddedSeries(ledger), site.site, summarised)
        after = _everything(connection, site.site)
    found = [_difference(name, before[name], after[name]) for name in before if before[name] != after[name]]
    return Rebuilt(batches, rows, found)


@contextmanager
def _replaying(ledger: SqlLedger, *, keep: bool) -> Iterator[_Replay]:
    with ledger.begin() as transaction:
        yield _Replay(transaction.connection)
        if not keep:
            transaction.connection.rollback()


def _replay(transaction: _Replay, site: Site, archive_id: int) -> int:
    query = select(t.archive.c.payload, t.archive.c.received_at_ms).where(t.archive.c.id == archive_id)
    row = transaction.connection.execute(query).one()
    topic = Address(site.shard, site.site).topic(Channel.UP)
    try:
        batch = wire_batch.decode(row.payload)
    except WireError as error:
        raise BadRequest(f"{site.site}: batch {archive_id} of the archive cannot be read: {error}") from error
    arrived = BatchArrived(Address(site.shard, site.site), batch, wire_batch.batch_id(row.payload))
    count = sum(1 for _ in batch.seqs())
    message = Message(topic, row.payload, row.received_at_ms)
    if project.apply(transaction, arrived, message, transaction.receipts(site.site, batch.epoch)) != count:
        raise BadRequest(f"{site.site}: batch {archive_id} of the archive repeats rows of an earlier one")
    return count


def _clear(connection: Connection, site: str) -> None:
    for table in t.DERIVED:
        connection.execute(delete(table).where(table.c.site == site))
    connection.execute(update(t.archive).where(t.archive.c.site == site).values(dict.fromkeys(_SPAN, null())))
    forgotten = {"received_at_ms": None, "newest_ms": None, "latest": "{}"}
    connection.execute(update(t.site_states).where(t.site_states.c.site == site).values(forgotten))


def _summarised_days(connection: Connection, site: str) -> list[int]:
    c = t.rollups.c
    return list(connection.execute(select(c.day).where(c.site == site, c.payload.is_not(None))).scalars())


def _summarise(connection: Connection, store: EmbeddedSeries, site: str, days: list[int]) -> None:
    """Summarise the days that had their summary before; the others wait for a quiet moment, as ever."""
    c = t.rollups.c
    for day in days:
        payload = store.day_payload(connection, site, day)
        connection.execute(update(t.rollups).where(c.site == site, c.day == day).values(payload=payload))


def _everything(connection: Connection, site: str) -> dict[str, _Rows]:
    """Take a picture of all that is derived: by table, each row's key and what it says."""
    found = {table.name: _rows(connection, table, site) for table in (*t.DERIVED, t.archive)}
    c = t.site_states.c
    state = connection.execute(select(c.received_at_ms, c.newest_ms, c.latest).where(c.site == site)).first()
    if state is not None and state.received_at_ms is not None:
        said = (state.received_at_ms, state.newest_ms, json.dumps(json.loads(state.latest), sort_keys=True))
        found[t.site_states.name] = {(site,): hash(said)}
    else:
        found[t.site_states.name] = {}
    return found


def _rows(connection: Connection, table: Table, site: str) -> _Rows:
    keys = [column.name for column in table.primary_key]
    others = [column.name for column in table.columns if column.name not in keys]
    left_out = {t.archive: {"payload"}, t.tallies: {"verdict", "look_at_ms"}}  # quiet moments fill the latter in
    others = [name for name in others if name not in left_out.get(table, ())]
    rows = connection.execute(select(*(table.c[name] for name in [*keys, *others])).where(table.c.site == site))
    return {
        tuple(row[: len(keys)]): hash(tuple(_comparable(table, value) for value in row[len(keys) :])) for row in rows
    }


def _comparable(table: Table, value: object) -> object:
    # Two releases may compress the same summary into other bytes.
    return repr(rollup.decode(cast("bytes", value))) if table is t.rollups and value else value


def _difference(table: str, before: _Rows, after: _Rows) -> Difference:
    return Difference(
        table,
        len(after.keys() - before.keys()),
        len(before.keys() - after.keys()),
        sum(before[key] != after[key] for key in before.keys() & after.keys()),
    )
