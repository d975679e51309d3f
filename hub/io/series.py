"""The embedded series: samples straight from the archive of batches, summaries of whole days kept beside it.

A summary is a pure function of the archive. Ingest marks the days that a batch touches as stale; `roll_up` computes
them once they are over, and until then they are computed whenever they are asked for.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence

from sqlalchemy import Connection, select, update

from hub import rollup
from hub.errors import RetryLater
from hub.ingest.dating import Dater
from hub.io import tables as t
from hub.io.boots import read_dater
from hub.io.ledger import SqlLedger
from hub.io.rest import Patience
from hub.series import DAY_MS, HOUR_MS, Bucket, Sample, summarise
from protocol import batch as wire_batch
from protocol import schema as wire_schema
from protocol.batch import TableRows
from protocol.errors import WireError
from protocol.metrics import metric_of
from protocol.schema import Schema, TableSpec

_LOG = logging.getLogger(__name__)

PATIENCE_S = 20.0
"""How long one reading may take; a month of raw samples of a site takes a few seconds."""

_Decimals = dict[str, int]


class EmbeddedSeries:
    """A `SeriesStore` over the ledger's own database."""

    def __init__(self, ledger: SqlLedger) -> None:
        self._ledger = ledger
        self._schemas: dict[bytes, Schema] = {}

    def samples(self, site: str, columns: Sequence[str], start_ms: int, end_ms: int) -> Mapping[str, list[Sample]]:
        """See `SeriesStore.samples`."""
        with self._ledger.reading() as connection:
            found, _ = self._read(connection, site, start_ms, end_ms, frozenset(columns))
        return {column: found.get(column, []) for column in columns}

    def hours(self, site: str, columns: Sequence[str], start_ms: int, end_ms: int) -> Mapping[str, list[Bucket]]:
        """See `SeriesStore.hours`."""
        hours: dict[str, list[Bucket]] = {column: [] for column in columns}
        c = t.rollups.c
        within = (c.site == site) & (c.day >= start_ms // DAY_MS) & (c.day * DAY_MS < end_ms)
        with self._ledger.reading() as connection:
            for row in connection.execute(select(c.day, c.payload).where(within).order_by(c.day)).all():
                day = rollup.decode(row.payload) if row.payload else self._summary(connection, site, row.day)[0]
                for column in columns:
                    hours[column] += [b for b in day.get(column, ()) if start_ms <= b.start_ms < end_ms]
        return hours

    def columns(self, site: str) -> list[str]:
        """See `SeriesStore.columns`."""
        return sorted(self._ledger.presence(site).latest or {})

    def roll_up(self, now_ms: int) -> bool:
        """Summarise one finished day that changed; False when there is none."""
        c = t.rollups.c
        finished = (now_ms - HOUR_MS) // DAY_MS
        with self._ledger.begin() as transaction:
            connection = transaction.connection
            stale = select(c.site, c.day).where(c.payload.is_(None), c.day < finished)
            row = connection.execute(stale.where(c.site.not_in(self._ledger.rest.resting())).limit(1)).first()
            if row is None:
                return False
            with self._ledger.rest.after(row.site):
                payload = self.day_payload(connection, row.site, row.day)
            mine = (c.site == row.site) & (c.day == row.day)
            connection.execute(update(t.rollups).where(mine).values(payload=payload))
        return True

    def day_payload(self, connection: Connection, site: str, day: int) -> bytes:
        """Summarise one day as it is stored; one that takes too long is marked like one that is too wild."""
        try:
            return _stored(*self._summary(connection, site, day))
        except RetryLater as error:
            _LOG.warning("a day of %s cannot be summarised: %s", site, error)
            return b""

    def _summary(self, connection: Connection, site: str, day: int) -> tuple[rollup.Day, _Decimals]:
        found, decimals = self._read(connection, site, day * DAY_MS, (day + 1) * DAY_MS, None)
        return {column: summarise(samples, HOUR_MS) for column, samples in found.items()}, decimals

    def _read(
        self, connection: Connection, site: str, start_ms: int, end_ms: int, wanted: frozenset[str] | None
    ) -> tuple[dict[str, list[Sample]], _Decimals]:
        """Read dated samples of the wanted columns (None: all), in order of time, and how fine each column is."""
        c = t.archive.c
        query = select(c.epoch, c.payload).where(c.site == site, c.end_ms >= start_ms, c.start_ms < end_ms)
        daters: dict[int, Dater] = {}
        patience = Patience(PATIENCE_S)
        found: dict[str, list[Sample]] = {}
        decimals: _Decimals = {}
        for row in connection.execute(query.order_by(c.start_ms)):
            if patience.over():
                raise RetryLater(f"{site} has sent too much of that time to be read at once")
            if row.epoch not in daters:
                daters[row.epoch] = read_dater(connection, site, row.epoch)
            batch = wire_batch.decode(row.payload)
            schema = self._schema(connection, batch.schema_id) if batch.schema_id else None
            for table in batch.tables if schema is not None else ():
                if schema is not None and table.table < len(schema.tables):
                    spec = schema.tables[table.table]
                    _gather(table, spec, daters[row.epoch], wanted, (start_ms, end_ms), found, decimals)
        for samples in found.values():
            samples.sort(key=lambda sample: sample.utc_ms)
        return found, decimals

    def _schema(self, connection: Connection, schema_id: bytes) -> Schema | None:
        if schema_id not in self._schemas:
            payload = connection.execute(select(t.schemas.c.payload).where(t.schemas.c.id == schema_id)).scalar()
            if payload is None:
                return None
            self._schemas[schema_id] = wire_schema.decode(payload)
        return self._schemas[schema_id]


def _stored(day: rollup.Day, decimals: _Decimals) -> bytes:
    """Encode a day; one that is too wild for that is marked with no bytes, and computed whenever it is asked for."""
    try:
        payload = rollup.encode(day, decimals)
        rollup.decode(payload)
    except WireError as error:
        _LOG.warning("a day cannot be summarised: %s", error)
        return b""
    return payload


def _gather(  # noqa: PLR0913, PLR0917  the inner loop of every chart
    table: TableRows,
    spec: TableSpec,
    dater: Dater,
    wanted: frozenset[str] | None,
    period: tuple[int, int],
    found: dict[str, list[Sample]],
    decimals: _Decimals,
) -> None:
    dates = [dater.date(boot, uptime_s) for boot, uptime_s in zip(table.boots, table.uptimes_s, strict=True)]
    rows = [
        (row, date.utc_ms, date.error_ms or 0)
        for row, date in enumerate(dates)
        if date.utc_ms is not None and period[0] <= date.utc_ms < period[1]
    ]
    for column, values in zip(spec.columns, table.columns, strict=False):
        if wanted is not None and column.name not in wanted:
            continue
        scale, interval_ms = 10**column.decimals, spec.interval_s * 1000
        metric = metric_of(column.name)
        decimals[column.name] = max(column.decimals, decimals.get(column.name, 0))
        samples = found.setdefault(column.name, [])
        for row, utc_ms, error_ms in rows:
            value = values[row]
            # The edge keeps implausible readings aside; a hub that sees one all the same does not show it either.
            if value is not None and metric.plausible(value / scale):
                samples.append(Sample(utc_ms, value / scale, interval_ms, error_ms))
