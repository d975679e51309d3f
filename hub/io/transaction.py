"""The changes of one ingest step on one connection; committed or rolled back by the ledger that opened it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict

from sqlalchemy import Connection, delete, func, insert, select, update

from hub.account_store import Receipts
from hub.ingest.boots import Boot
from hub.ingest.dating import DATING, Anchor, Bounds, Date, Dater
from hub.ingest.decode import Message, Rejected
from hub.io import accounts
from hub.io import boots as boot_rows
from hub.io import tables as t
from hub.io.live import take
from hub.io.rows import anchor_of, in_parts, receipts_by_epoch
from hub.ports import Archived, Span
from hub.starts import PassedOver
from protocol import batch as wire_batch
from protocol import schema as wire_schema
from protocol.batch import EventRow
from protocol.control import SiteState
from protocol.errors import Refusal
from protocol.events import ChargingSession, SlotTaken
from protocol.limits import PAYLOAD_MAX_BYTES
from protocol.live import Live
from protocol.ranges import Range, common
from protocol.schema import Schema

REJECTS_MAX = 50
"""Refused messages kept of a site, and of all who are not enrolled together; the oldest give way to new ones."""

LATEST_MAX = 2048
"""Columns of which a site's newest value is kept: as many as its largest schema has."""


class SqlTransaction:
    """A `Transaction`; see the port for what each call promises."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self._schemas: dict[bytes, Schema | None] = {}

    def schema(self, schema_id: bytes) -> Schema | None:
        """See `Transaction.schema`."""
        if schema_id not in self._schemas:
            query = select(t.schemas.c.payload).where(t.schemas.c.id == schema_id)
            payload = self.connection.execute(query).scalar()
            self._schemas[schema_id] = None if payload is None else wire_schema.decode(payload)
        return self._schemas[schema_id]

    def add_schema(self, schema_id: bytes, payload: bytes) -> None:
        """See `Transaction.add_schema`."""
        if self.schema(schema_id) is None:
            self.connection.execute(insert(t.schemas).values(id=schema_id, payload=payload))
            self._schemas[schema_id] = wire_schema.decode(payload)

    def receipts(self, site: str, epoch: int) -> Receipts:
        """See `Transaction.receipts`."""
        c = t.receipts.c
        self.claim(site)
        query = select(t.receipts).where(c.site == site, c.epoch == epoch).order_by(c.first_seq)
        found = receipts_by_epoch(self.connection.execute(query))
        return found[0] if found else Receipts(epoch, (), {})

    def claim(self, site: str) -> None:
        """Have other writers of this site wait: an ingest and an import would each forget what the other took."""
        if self.connection.dialect.name != "sqlite":  # there, a transaction that writes is alone from its beginning
            self.connection.execute(select(t.sites.c.site).where(t.sites.c.site == site).with_for_update())

    def write_receipts(self, site: str, epoch: int, cause: str, ranges: Sequence[Range]) -> None:
        """See `Transaction.write_receipts`."""
        c = t.receipts.c
        mine = (c.site == site) & (c.epoch == epoch) & (c.cause == cause)
        rows = self.connection.execute(select(c.first_seq, c.last_seq).where(mine))
        before = {(row.first_seq, row.last_seq) for row in rows}
        for gone in in_parts([first for first, last in before - set(ranges)]):
            self.connection.execute(delete(t.receipts).where(mine, c.first_seq.in_(gone)))
        for first, last in set(ranges) - before:
            self.connection.execute(
                insert(t.receipts).values(site=site, epoch=epoch, cause=cause, first_seq=first, last_seq=last)
            )

    def passed_over(self, site: str, epoch: int) -> list[PassedOver]:
        """See `Transaction.passed_over`."""
        return accounts.passed_over(self.connection, site, epoch)

    def archive(self, site: str, epoch: int, payload: bytes, received_at_ms: int, span: Span) -> None:
        """See `Transaction.archive`."""
        self._place(
            {"site": site, "epoch": epoch, "received_at_ms": received_at_ms, "payload": payload, **asdict(span)}
        )

    def anchors(self, site: str, epoch: int, spans: Mapping[int, Range]) -> Mapping[int, list[Anchor]]:
        """See `Transaction.anchors`."""
        c = t.anchors.c
        found: dict[int, list[Anchor]] = {}
        for boot, (first_s, last_s) in spans.items():
            mine = (c.site == site) & (c.epoch == epoch) & (c.boot == boot) & c.source.in_(DATING)
            # The last anchor before the span dates its beginning; if there is none, the first anchor of all does.
            before = select(func.max(c.uptime_s)).where(mine, c.uptime_s <= first_s).scalar_subquery()
            earliest = select(func.min(c.uptime_s)).where(mine).scalar_subquery()
            start = func.coalesce(before, earliest)
            within = (c.uptime_s >= start) & ((c.uptime_s <= last_s) | (c.uptime_s == start))
            rows = self.connection.execute(select(t.anchors).where(mine, within)).all()
            if rows:
                found[boot] = [anchor_of(row) for row in rows]
        return found

    def add_anchor(self, site: str, epoch: int, row: EventRow, anchor: Anchor) -> None:
        """See `Transaction.add_anchor`."""
        self.connection.execute(
            insert(t.anchors).values(
                site=site, epoch=epoch, seq=row.seq, boot=row.boot, uptime_s=anchor.uptime_s, utc_ms=anchor.utc_ms,
                error_ms=anchor.error_ms, source=int(anchor.source),
            )
        )  # fmt: skip

    def boots(self, site: str, epoch: int, first: int, last: int) -> list[Boot]:
        """See `Transaction.boots`."""
        return boot_rows.near(self.connection, site, epoch, first, last)

    def kin(self, site: str, epoch: int, boots: Sequence[Boot]) -> list[Boot]:
        """See `Transaction.kin`."""
        return boot_rows.kin(self.connection, site, epoch, boots)

    def chips(self, site: str, epoch: int, boots: Sequence[int]) -> Mapping[int, Anchor]:
        """See `Transaction.chips`."""
        return boot_rows.chips(self.connection, site, epoch, boots)

    def write_boots(self, site: str, epoch: int, boots: Iterable[Boot]) -> None:
        """See `Transaction.write_boots`."""
        boot_rows.write(self.connection, site, epoch, boots)

    def zeros(self, site: str, epoch: int, first: int, last: int) -> Mapping[int, Bounds]:
        """See `Transaction.zeros`."""
        return boot_rows.zeros(self.connection, site, epoch, first, last)

    def open_session(self, site: str, epoch: int, row: EventRow, event: SlotTaken, start: Date) -> None:
        """See `Transaction.open_session`."""
        c = t.sessions.c
        known = select(c.slot).where(c.site == site, c.epoch == epoch, c.taken_seq == row.seq)
        if self.connection.execute(known).first() is not None:
            return
        self.connection.execute(
            insert(t.sessions).values(
                site=site, epoch=epoch, taken_seq=row.seq, slot=event.slot, found=event.found, start_boot=row.boot,
                start_uptime_s=row.uptime_s, start_ms=start.utc_ms, start_error_ms=start.error_ms,
            )
        )  # fmt: skip

    def close_session(self, site: str, epoch: int, seq: int, event: ChargingSession, start: Date, end: Date) -> None:
        """See `Transaction.close_session`."""
        c = t.sessions.c
        values = {
            "slot": event.slot, "found": event.found, "ended_seq": seq, "reason": int(event.reason),
            "start_boot": event.start_boot, "start_uptime_s": event.start_uptime_s, "start_ms": start.utc_ms,
            "start_error_ms": start.error_ms, "end_boot": event.end_boot, "end_uptime_s": event.end_uptime_s,
            "end_ms": end.utc_ms, "end_error_ms": end.error_ms,
        }  # fmt: skip
        mine = (c.site == site) & (c.epoch == epoch) & (c.taken_seq == event.taken_seq)
        closed = self.connection.execute(update(t.sessions).where(mine, c.ended_seq.is_(None)).values(values))
        if closed.rowcount == 0 and self.connection.execute(select(c.slot).where(mine)).first() is None:
            self.connection.execute(
                insert(t.sessions).values(site=site, epoch=epoch, taken_seq=event.taken_seq, **values)
            )

    def add_event(self, site: str, epoch: int, row: EventRow, values: Sequence[object], date: Date) -> None:
        """See `Transaction.add_event`."""
        self.connection.execute(
            insert(t.events).values(
                site=site, epoch=epoch, seq=row.seq, kind=row.event.kind, boot=row.boot, uptime_s=row.uptime_s,
                utc_ms=date.utc_ms, error_ms=date.error_ms, body=json.dumps(list(values), ensure_ascii=False),
            )
        )  # fmt: skip

    def archived_around(self, site: str, epoch: int, boot: int) -> list[int]:
        """See `Transaction.archived_around`."""
        c = t.archive.c
        mine = (c.site == site) & (c.epoch == epoch) & (c.first_boot <= boot) & (c.last_boot >= boot)
        return list(self.connection.execute(select(c.id).where(mine)).scalars())

    def archived(self, archive_id: int) -> Archived:
        """See `Transaction.archived`."""
        c = t.archive.c
        row = self.connection.execute(select(c.payload, c.start_ms, c.end_ms).where(c.id == archive_id)).one()
        return Archived(wire_batch.decode(row.payload), row.start_ms, row.end_ms)

    def date_batch(self, archive_id: int, span: Span) -> None:
        """See `Transaction.date_batch`."""
        self.connection.execute(update(t.archive).where(t.archive.c.id == archive_id).values(**asdict(span)))

    def redate(self, site: str, epoch: int, boot: int, dater: Dater) -> None:
        """See `Transaction.redate`."""
        for table, prefix, moment in (
            (t.sessions, "start_", "start_ms"), (t.sessions, "end_", "end_ms"), (t.events, "", "utc_ms"),
        ):  # fmt: skip
            c = table.c
            mine = (c.site == site) & (c.epoch == epoch) & (c[f"{prefix}boot"] == boot)
            for (uptime_s,) in self.connection.execute(select(c[f"{prefix}uptime_s"]).where(mine).distinct()).all():
                date = dater.date(boot, uptime_s)
                values = {moment: date.utc_ms, f"{prefix}error_ms": date.error_ms}
                self.connection.execute(update(table).where(mine, c[f"{prefix}uptime_s"] == uptime_s).values(values))

    def add_tally(self, site: str, epoch: int, seq: int, rows: Range, received_at_ms: int) -> None:
        """See `Transaction.add_tally`."""
        self.connection.execute(
            insert(t.tallies).values(
                site=site, epoch=epoch, seq=seq, first_seq=rows[0], last_seq=rows[1], received_at_ms=received_at_ms,
                look_at_ms=received_at_ms,
            )
        )  # fmt: skip

    def reopen_tallies(self, site: str, epoch: int, rows: Sequence[Range]) -> None:
        """See `Transaction.reopen_tallies`."""
        c = t.tallies.c
        mine = (c.site == site) & (c.epoch == epoch)
        within = (c.last_seq >= rows[0][0]) & (c.first_seq <= rows[-1][1])
        judged = select(c.seq, c.first_seq, c.last_seq).where(mine, within, c.verdict.is_not(None))
        for tally in self.connection.execute(judged).all():
            if common(rows, [(tally.first_seq, tally.last_seq)]):
                again = update(t.tallies).where(mine, c.seq == tally.seq)
                self.connection.execute(again.values(look_at_ms=c.received_at_ms, verdict=None))

    def forget_rollups(self, site: str, days: Iterable[int]) -> None:
        """See `Transaction.forget_rollups`."""
        c = t.rollups.c
        for day in days:
            mine = (c.site == site) & (c.day == day)
            row = self.connection.execute(select(c.payload.is_(None).label("stale")).where(mine)).first()
            if row is None:
                self.connection.execute(insert(t.rollups).values(site=site, day=day, payload=None))
            elif not row.stale:
                self.connection.execute(update(t.rollups).where(mine).values(payload=None))

    def heard(self, site: str, epoch: int, received_at_ms: int, latest: Mapping[str, tuple[float, int]]) -> None:
        """See `Transaction.heard`."""
        c = t.site_states.c
        row = self.connection.execute(select(c.latest, c.newest_ms, c.epoch).where(c.site == site)).first()
        merged = json.loads(row.latest) if row is not None else {}
        before_ms = row.newest_ms if row is not None else None
        for column, (value, utc_ms) in latest.items():
            if column not in merged or merged[column][1] <= utc_ms:
                merged[column] = [value, utc_ms]
        if len(merged) > LATEST_MAX:
            merged = dict(sorted(merged.items(), key=lambda item: -item[1][1])[:LATEST_MAX])
        newest_ms = max((utc_ms for _, utc_ms in merged.values()), default=None)
        # An old card that is read late does not make its epoch the present one.
        lives = before_ms is None or row is None or row.epoch is None or (newest_ms or 0) > before_ms
        values = {"received_at_ms": received_at_ms, "newest_ms": newest_ms, "latest": json.dumps(merged)}
        self._state(site, values | ({"epoch": epoch} if lives else {}))

    def state(self, site: str, state: SiteState, received_at_ms: int) -> None:
        """See `Transaction.state`."""
        del received_at_ms  # a retained message or a last will says nothing about when the site was heard
        self._state(site, {"online": state.online, "epoch": state.epoch, "software": state.software})

    def live(self, site: str, live: Live, values: Mapping[str, tuple[float, int]], received_at_ms: int) -> None:
        """See `Transaction.live`."""
        take(self.connection, site, live, values, received_at_ms)

    def reject(self, message: Message, rejected: Rejected) -> int:
        """See `Transaction.reject`; the same bytes are kept once, however often they are sent or imported."""
        c = t.rejects.c
        site = rejected.address.site if rejected.address is not None else None
        stranger = rejected.refusal is Refusal.UNKNOWN_SITE or site is None
        alike = (c.site.is_(None) | (c.refusal == Refusal.UNKNOWN_SITE)) if stranger else (c.site == site)
        kept = {"topic": message.topic[:200], "payload": message.payload[:PAYLOAD_MAX_BYTES]}
        known = select(c.id).where(alike, c.topic == kept["topic"], c.payload == kept["payload"]).limit(1)
        if self.connection.execute(known).first() is not None:
            return 0
        self.connection.execute(
            insert(t.rejects).values(
                received_at_ms=message.received_at_ms, refusal=rejected.refusal, site=site, reason=rejected.reason,
                **kept,
            )
        )  # fmt: skip
        newest = select(c.id).where(alike).order_by(c.id.desc()).limit(REJECTS_MAX)
        return self.connection.execute(delete(t.rejects).where(alike, c.id.not_in(newest))).rowcount

    def _place(self, values: dict[str, object]) -> None:
        self.connection.execute(insert(t.archive).values(values))

    def _state(self, site: str, values: Mapping[str, object]) -> None:
        updated = self.connection.execute(update(t.site_states).where(t.site_states.c.site == site).values(values))
        if updated.rowcount == 0:
            self.connection.execute(insert(t.site_states).values({"site": site, "latest": "{}", **values}))
