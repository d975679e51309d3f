"""What is left when the dust has settled: outbox and ledger, read without the code under test and held together.

Where a row is, is read from SQL and from the archived payloads; nothing is taken from the hub's own sums but its
account of losses, which is itself what must be right.
"""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from protocol import batch, events, schema
from protocol.batch import EventRow, TableRows
from protocol.events import AlarmCleared, AlarmRaised, ChargingSession, SlotTaken
from protocol.ranges import Range, holes, runs, size, union, without
from protocol.schema import Schema
from tests.crash.load import COUNTER, WITNESS, witness

Row = tuple[object, ...]
"""Boot, uptime, and the event as on the wire."""


@dataclass
class Stored:
    """The rows of one epoch as the hub archived them: events, counts of the controller, and what it takes for lost."""

    seqs: list[int] = field(default_factory=list)
    events: dict[int, EventRow] = field(default_factory=dict)
    counts: dict[int, int] = field(default_factory=dict)
    received: list[Range] = field(default_factory=list)
    lost: dict[str, list[Range]] = field(default_factory=dict)
    ahead: list[Range] = field(default_factory=list)
    """Not waited for, and not settled: numbers of a life that the card may have forgotten."""

    sessions: int = 0

    def money(self) -> dict[int, Row]:
        """Give, by seq, what the rows that are money say."""
        return {
            seq: (row.boot, row.uptime_s, *events.to_wire(row.event))
            for seq, row in self.events.items()
            if isinstance(row.event, SlotTaken | ChargingSession)
        }

    def taken(self) -> Counter[int]:
        """Count by slot the phones that were plugged in while the agent looked."""
        events = (row.event for row in self.events.values())
        return Counter(event.slot for event in events if isinstance(event, SlotTaken) and not event.found)

    def alarms(self, code: str) -> list[bool]:
        """List the raising (True) and clearing of an alarm in the order in which it happened."""
        ordered = [self.events[seq].event for seq in sorted(self.events)]
        alarms = [event for event in ordered if isinstance(event, AlarmRaised | AlarmCleared)]
        return [isinstance(alarm, AlarmRaised) for alarm in alarms if alarm.code == code]

    def settled(self) -> list[Range]:
        """List what was received or is known to be lost."""
        return union([*self.received, *(pair for ranges in self.lost.values() for pair in ranges)])

    def missing(self) -> list[Range]:
        """List what is neither, up to the highest number heard of."""
        known = union([*self.settled(), *self.ahead])
        return holes(known, known[-1][1]) if known else []


@dataclass
class Left:
    """What an outbox holds: rows nobody acknowledged, and what the money rows say that somebody did."""

    epoch: int
    pending: list[Range]
    acknowledged_money: dict[int, Row]
    highest: int


def read_outbox(path: Path) -> Left:
    """Read a copy of an outbox."""
    with closing(sqlite3.connect(path)) as db:
        (epoch,) = db.execute("SELECT value FROM meta WHERE key = 'epoch'").fetchone()
        pending = runs(row[0] for row in db.execute("SELECT seq FROM rows"))
        kept = db.execute("SELECT seq, boot, uptime_s, body FROM kept WHERE lane = 0 AND acked_ms IS NOT NULL")
        money = {seq: (boot, uptime_s, *json.loads(body)) for seq, boot, uptime_s, body in kept}
        (highest,) = db.execute(
            "SELECT max(seq) FROM (SELECT max(seq) AS seq FROM sqlite_sequence WHERE name = 'rows'"
            " UNION ALL SELECT max(seq) FROM rows UNION ALL SELECT max(seq) FROM kept)"
        ).fetchone()
    return Left(int(epoch), pending, money, highest)


def read_ledger(path: Path) -> dict[int, Stored]:
    """Decode the archive in a copy of a ledger, epoch by epoch."""
    found: dict[int, Stored] = {}
    with closing(sqlite3.connect(path)) as db:
        schemas = {row[0]: schema.decode(row[1]) for row in db.execute("SELECT id, payload FROM schemas")}
        for (payload,) in db.execute("SELECT payload FROM archive ORDER BY id"):
            message = batch.decode(payload)
            stored = found.setdefault(message.epoch, Stored())
            stored.seqs += message.seqs()
            stored.events |= {row.seq: row for row in message.events}
            for table in message.tables:
                stored.counts |= _counts(table, schemas[message.schema_id])
        for epoch, cause, first, last in db.execute("SELECT epoch, cause, first_seq, last_seq FROM receipts"):
            stored = found.setdefault(epoch, Stored())
            others = {"": stored.received, "ahead": stored.ahead}
            (others[cause] if cause in others else stored.lost.setdefault(cause, [])).append((first, last))
        for epoch, ended in db.execute("SELECT epoch, count(ended_seq) FROM sessions GROUP BY epoch"):
            found[epoch].sessions = ended
    return found


def _counts(table: TableRows, named: Schema) -> dict[int, int]:
    """Read the controller's counts, by seq, and see that each is one that it really gave."""
    names = [spec.name for spec in named.tables[table.table].columns]
    if f"controller.{COUNTER}" not in names:
        return {}
    counts, witnesses = (table.columns[names.index(f"controller.{metric}")] for metric in (COUNTER, WITNESS))
    assert all(shown == (None if n is None else witness(n)) for n, shown in zip(counts, witnesses, strict=True))
    return {seq: n for seq, n in zip(table.seqs, counts, strict=True) if n is not None}


def assert_sound(stored: Iterable[Stored], controller_count: int) -> None:
    """See that nothing is in the hub twice or that never was, and that its sums are those of its archive."""
    seen: Counter[int] = Counter()
    for one in stored:
        assert max(Counter(one.seqs).values()) == 1
        assert union(one.received) == runs(one.seqs)
        # An outbox that went back may end a session again; it is the same session.
        ended = {row.event.taken_seq for row in one.events.values() if isinstance(row.event, ChargingSession)}
        assert one.sessions == len(ended)
        seen.update(one.counts.values())
    assert all(times == 1 for times in seen.values())
    assert max(seen, default=0) <= controller_count


def assert_complete(left: Left, stored: Stored) -> None:
    """See that each committed row is in the hub, declared lost or in the outbox, and that the hub has no more money."""
    assert union([*stored.settled(), *left.pending]) == [(1, left.highest)]
    assert_money(left, stored)
    in_order = [stored.counts[seq] for seq in sorted(stored.counts)]
    assert in_order == sorted(in_order)
    unheard = runs(set(stored.money()) - set(left.acknowledged_money))
    assert not without(unheard, left.pending)


def assert_money(left: Left, stored: Stored) -> None:
    """See that what the outbox takes for acknowledged money is in the hub, and says the same."""
    assert stored.money().items() >= left.acknowledged_money.items()


def nothing_missing(ledger: Path) -> bool:
    """Say whether the hub waits for no number."""
    return not any(one.missing() for one in read_ledger(ledger).values())


def line_of(what: str, seed: int, left: Left, stored: dict[int, Stored], more: str = "") -> str:
    """Sum a test up in a line for the person who runs it."""
    rows, money = sum(len(one.seqs) for one in stored.values()), sum(len(one.money()) for one in stored.values())
    causes = sum((Counter({c: size(r) for c, r in one.lost.items()}) for one in stored.values()), Counter[str]())
    lost = ", ".join(f"{count} {cause}" for cause, count in causes.items()) or "none"
    ahead = sum(size(one.ahead) for one in stored.values())
    return (
        f"\n{what}, seed {seed}: the edge numbered {left.highest} rows in its present epoch; in the hub {rows},"
        f" {money} of them money, of {len(stored)} epochs; declared lost: {lost};"
        f"{f' not waited for: {ahead};' if ahead else ''}"
        f" waiting: {size(left.pending)}{'; ' if more else ''}{more}\n"
    )
