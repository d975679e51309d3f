"""What the account of a site's rows is made of, read from the ledger: epochs, starts, sums of rows, tallies."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from sqlalchemy import ColumnElement, Connection, RowMapping, func, select, update

from hub.account_store import AgentStart, EpochTimes, PastRow, Receipts, TallyRecord
from hub.io import tables as t
from hub.io.boots import read_dater
from hub.io.enrolment import device_keys
from hub.io.rest import Patience
from hub.io.rows import receipts_by_epoch
from hub.numbers import Numbers, account, as_the_site_counts, classify
from hub.seals import Sealed
from hub.seals import judge as judge_seals
from hub.starts import PassedOver, declared
from hub.tallies import Verdict, counted, from_plain, judge, settled, to_plain
from protocol import batch as wire_batch
from protocol import seal
from protocol import tally as wire_tally
from protocol.events import AgentStarted, Gap, GapCause, Tally, from_wire
from protocol.ranges import Range, contains, size, union, without
from protocol.seal import Link
from protocol.tally import Sums

BATCHES_MAX = 4_000
"""What is read for one comparison; a tally that claims more than some weeks waits for ever."""

PATIENCE_S = 10.0
"""How long one comparison may take; what a site counts in a day takes tenths."""

SEALED_ROWS_MAX = 100_000
"""Rows that are held in memory for one seal; three devices polled every ten seconds take a quarter a day."""

LOOK_AGAIN_MS = (900_000, 86_400_000)
"""How soon, and how late, a tally whose rows are not all here is looked at again."""

_STEPS_BACK = 20


def numbers(connection: Connection, site: str) -> dict[int, Numbers]:
    """See `Ledger.numbers`."""
    return {
        found.epoch: account(found.received, found.lost, passed_over(connection, site, found.epoch), found.ahead)
        for found in _receipts(connection, site)
    }


def epoch_times(connection: Connection, site: str) -> list[EpochTimes]:
    """See `Ledger.epoch_times`."""
    return [
        _Past(connection, site, epoch, known).times()
        for epoch, known in numbers(connection, site).items()
        if known.received
    ]


def tallies(connection: Connection, site: str, limit: int) -> list[TallyRecord]:
    """See `Ledger.tallies`."""
    c, e = t.tallies.c, t.events.c
    same = (c.site == e.site) & (c.epoch == e.epoch) & (c.seq == e.seq)
    query = select(t.tallies, e.utc_ms, e.body).join(t.events, same).where(c.site == site)
    newest = query.order_by(c.received_at_ms.desc(), c.seq.desc()).limit(limit)
    return [_tally_record(row) for row in connection.execute(newest).mappings()]


def agent_starts(connection: Connection, site: str, limit: int) -> list[AgentStart]:
    """See `Ledger.agent_starts`."""
    c = t.events.c
    found = []
    for epoch, known in numbers(connection, site).items():
        mine = (c.site == site) & (c.kind == AgentStarted.kind) & (c.epoch == epoch)
        newest = connection.execute(select(c.seq, c.boot).where(mine).order_by(c.seq.desc()).limit(limit + 1)).all()
        boots = [row.boot for row in newest[1:]] + [None]
        past = _Past(connection, site, epoch, known)
        again = zip(newest[:limit], boots, strict=False)
        found += [past.start(row.seq, again=row.boot == before) for row, before in again]
    return found


def passed_over(connection: Connection, site: str, epoch: int) -> list[PassedOver]:
    """See `Transaction.passed_over`."""
    c = t.events.c
    query = select(c.seq, c.body).where(c.site == site, c.epoch == epoch, c.kind == Gap.kind)
    gaps = [(row.seq, from_wire(Gap.kind, json.loads(row.body))) for row in connection.execute(query)]
    unused = [(seq, gap) for seq, gap in gaps if isinstance(gap, Gap) and gap.cause is GapCause.UNUSED]
    return [PassedOver(seq, found) for seq, gap in unused if (found := declared(seq, gap)) is not None]


@dataclass(frozen=True, slots=True)
class Due:
    """A tally to be compared now."""

    site: str
    record: TallyRecord
    received_at_ms: int


def due_tally(connection: Connection, now_ms: int, resting: Sequence[str] = ()) -> Due | None:
    """Find the tally that has waited longest for its comparison, of a site that does not rest."""
    c, e = t.tallies.c, t.events.c
    same = (c.site == e.site) & (c.epoch == e.epoch) & (c.seq == e.seq)
    query = (
        select(t.tallies, e.utc_ms, e.body).join(t.events, same).where(c.look_at_ms <= now_ms, c.site.not_in(resting))
    )
    row = connection.execute(query.order_by(c.look_at_ms).limit(1)).mappings().first()
    return None if row is None else Due(row["site"], _tally_record(row), row["received_at_ms"])


def compare(connection: Connection, site: str, record: TallyRecord) -> Verdict | None:
    """See `Ledger.compare`."""
    receipts = _receipts(connection, site, record.epoch)[0]
    counts = as_the_site_counts(receipts.lost, passed_over(connection, site, record.epoch), record.seq)
    known = classify(receipts.received, counts).within(record.first_seq, record.last_seq)
    ranges = counted(known)
    here = _sums(connection, site, record.epoch, ranges) if settled(known) else None
    if here is None:
        return None
    told = Sealed(
        record.epoch, record.first_seq, record.claimed, here, record.seals,
        follows=record.first_seq == 1
        or _is_tally(connection, site, record.epoch, record.first_seq)
        or contains(union(pair for lost in known.lost.values() for pair in lost), record.first_seq),
    )  # fmt: skip
    sealed = judge_seals(told, device_keys(connection, site), _links(connection, site, ranges, told))
    return replace(judge(record.claimed, here, known), seals=sealed)


def note(connection: Connection, due: Due, verdict: Verdict | None, now_ms: int) -> None:
    """Keep a verdict, or look again later: the longer it has been waited for, the later."""
    c = t.tallies.c
    mine = (c.site == due.site) & (c.epoch == due.record.epoch) & (c.seq == due.record.seq)
    soonest, latest = LOOK_AGAIN_MS
    again_ms = now_ms + min(max((now_ms - due.received_at_ms) // 4, soonest), latest)
    told = (
        {"look_at_ms": again_ms} if verdict is None else {"look_at_ms": None, "verdict": json.dumps(to_plain(verdict))}
    )
    connection.execute(update(t.tallies).where(mine).values(told))


def _receipts(connection: Connection, site: str, epoch: int | None = None) -> list[Receipts]:
    c = t.receipts.c
    mine = (c.site == site) if epoch is None else (c.site == site) & (c.epoch == epoch)
    return receipts_by_epoch(connection.execute(select(t.receipts).where(mine).order_by(c.epoch, c.first_seq)))


def _sums(connection: Connection, site: str, epoch: int, ranges: Sequence[Range]) -> Sums | None:
    """Sum up the received rows of these numbers; None when there is too much to be read at once."""
    if not ranges:
        return Sums()
    overlaps = _overlaps(site, epoch, ranges)
    if connection.execute(select(func.count()).select_from(t.archive).where(overlaps)).scalar_one() > BATCHES_MAX:
        return None
    total, patience = Sums(), Patience(PATIENCE_S)
    for row in connection.execute(select(t.archive.c.payload).where(overlaps)):
        if patience.over():
            return None
        total += wire_tally.of_batch(wire_batch.decode(row.payload), lambda seq: contains(ranges, seq))
    return total


def _links(connection: Connection, site: str, ranges: Sequence[Range], told: Sealed) -> Iterable[Link] | None:
    """Lay the received rows of these numbers out for their seal, once they are asked for; None for too many."""
    if told.here.rows > SEALED_ROWS_MAX:
        return None
    if not ranges:
        return ()
    return (
        link
        for row in connection.execute(select(t.archive.c.payload).where(_overlaps(site, told.epoch, ranges)))
        for link in seal.links(wire_batch.decode(row.payload), lambda seq: contains(ranges, seq))
    )


def _overlaps(site: str, epoch: int, ranges: Sequence[Range]) -> ColumnElement[bool]:
    c = t.archive.c
    return (c.site == site) & (c.epoch == epoch) & (c.last_seq >= ranges[0][0]) & (c.first_seq <= ranges[-1][1])


def _is_tally(connection: Connection, site: str, epoch: int, seq: int) -> bool:
    c = t.events.c
    query = select(c.kind).where(c.site == site, c.epoch == epoch, c.seq == seq)
    return connection.execute(query).scalar() == Tally.kind


def _tally_record(row: RowMapping) -> TallyRecord:
    event = from_wire(Tally.kind, json.loads(row["body"]))
    claimed, seals = (wire_tally.of_tally(event), seal.of_tally(event)) if isinstance(event, Tally) else (Sums(), None)
    verdict = None if row["verdict"] is None else from_plain(json.loads(row["verdict"]))
    return TallyRecord(
        row["epoch"], row["seq"], row["utc_ms"], row["first_seq"], row["last_seq"], claimed, verdict, seals
    )


class _Past:
    """What came before a row of an epoch; the batches that were read are kept, for neighbours lie in the same."""

    def __init__(self, connection: Connection, site: str, epoch: int, known: Numbers) -> None:
        self._connection = connection
        self._mine = (t.archive.c.site == site) & (t.archive.c.epoch == epoch)
        self._epoch = epoch
        self._numbers = known
        self._starts = {found.seq for found in passed_over(connection, site, epoch) if found.begins}
        self._dater = read_dater(connection, site, epoch)
        self._batches: dict[int, dict[int, tuple[int, int]]] = {}

    def times(self) -> EpochTimes:
        """Tell when the epoch was heard, by the batches at both ends of its numbers."""
        c = t.archive.c
        rows = select(c.received_at_ms).where(self._mine)
        arrived = [
            self._connection.execute(rows.order_by(order).limit(1)).scalar_one()
            for order in (c.last_seq, c.last_seq.desc())
        ]
        first, last = self._row(self._numbers.received[0][0]), self._row(self._numbers.received[-1][1])
        return EpochTimes(self._epoch, min(arrived), max(arrived), first.date, last.date)

    def start(self, seq: int, *, again: bool) -> AgentStart:
        """Describe a start of the agent, whose row this is, by the last row before; `again` in the same boot."""
        row = self._row(seq)
        powered = self._dater.date(row.boot, 0)
        for before in map(self._row, self._back(seq)):
            # A start first says which numbers it passes over, in a row that belongs to the start itself.
            if before.seq not in self._starts and (again or before.boot != row.boot):
                return AgentStart(self._epoch, row, powered, before, self._absent(before.seq, seq))
        return AgentStart(self._epoch, row, powered, None, self._absent(0, seq))

    def _back(self, seq: int) -> Iterator[int]:
        """Name the received rows before a row, the last one first."""
        left = _STEPS_BACK
        for first, last in reversed(self._numbers.received):
            for before in range(min(last, seq - 1), first - 1, -1):
                if left == 0:
                    return
                left -= 1
                yield before

    def _absent(self, before: int, seq: int) -> int:
        if seq - before <= 1:
            return 0
        taken = without([(before + 1, seq - 1)], self._numbers.unused)
        return size(without(taken, self._numbers.received))

    def _row(self, seq: int) -> PastRow:
        """Find the moment of a received row."""
        boot, uptime_s = next((rows[seq] for rows in self._batches.values() if seq in rows), None) or self._read(seq)
        return PastRow(seq, boot, uptime_s, self._dater.date(boot, uptime_s))

    def _read(self, seq: int) -> tuple[int, int]:
        c = t.archive.c
        query = select(c.id, c.payload).where(self._mine, c.last_seq >= seq, c.first_seq <= seq).order_by(c.last_seq)
        for found in self._connection.execute(query):
            if found.id not in self._batches:
                self._batches[found.id] = _rows(wire_batch.decode(found.payload))
            if seq in self._batches[found.id]:
                return self._batches[found.id][seq]
        raise LookupError(f"row {seq} was received and is not in the archive")


def _rows(batch: wire_batch.Batch) -> dict[int, tuple[int, int]]:
    rows = {row.seq: (row.boot, row.uptime_s) for row in batch.events}
    for table in batch.tables:
        rows.update(zip(table.seqs, zip(table.boots, table.uptimes_s, strict=True), strict=True))
    return rows
