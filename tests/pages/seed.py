"""A ledger as pages meet it: three sites, filled through the real consumer from real batches. Deterministic.

One school sends and has lived a full day; one health centre is late, with a power cut in its day; one school was
enrolled and never heard.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from random import Random

from hub.ingest.consumer import Consumer
from hub.ingest.decode import Message
from hub.io.ledger import SqlLedger
from hub.ports import Site
from protocol import batch as wire_batch
from protocol import schema as wire_schema
from protocol import tally
from protocol.batch import Batch, EventRow, TableRows
from protocol.events import (
    AgentStarted,
    AnchorSource,
    ChargingSession,
    ClockAnchor,
    EndReason,
    Event,
    Gap,
    GapCause,
    SlotTaken,
    Traffic,
)
from protocol.live import Live, LiveTable, encode_live
from protocol.ranges import runs
from protocol.schema import ColumnSpec, Schema, TableSpec
from protocol.tally import Sums
from protocol.topics import Address, Channel
from tests.hub.builders import MemoryInbox

MINUTE_MS = 60_000
START_MS = round(datetime(2026, 11, 22, tzinfo=UTC).timestamp() * 1000)
"""A Sunday at midnight: two days are lived from here."""

NOW_MS = round(datetime(2026, 11, 23, 20, 44, tzinfo=UTC).timestamp() * 1000)
DAY_MIN = 24 * 60
BATCH_MIN = 6 * 60
HOUR_MIN = 60

SCHOOL = Site(
    "ecole-a", "École simulée A", "school", "Boussouma", 3, None, None, "Africa/Ouagadougou", tuple(range(1, 9))
)
CENTRE = Site("csps-b", "CSPS simulé B", "health_centre", "Kaya", 3, None, None, "Africa/Ouagadougou", (1, 2, 3, 4))
UNHEARD = Site("ecole-c", "École simulée C", "school", "Kaya", 4, None, None, "Africa/Ouagadougou", tuple(range(1, 9)))

_CONTROLLER = {"panel_power_w": 1, "load_power_w": 1, "battery_voltage_v": 2, "soc_pct": 0,
               "generated_total_kwh": 2, "consumed_total_kwh": 2}  # fmt: skip
SCHEMA = Schema((
    TableSpec("controller", 60, tuple(ColumnSpec(f"controller.{name}", n) for name, n in _CONTROLLER.items())),
    TableSpec("site", 60, (ColumnSpec("site.lit", 0), ColumnSpec("site.slots_occupied", 0))),
))  # fmt: skip


TRAFFIC = Traffic(
    day=START_MS // 86_400_000, budget_bytes=82_000, left_bytes=311_388, money_bytes=2_190, alarm_bytes=310,
    note_bytes=2_260, summary_bytes=1_102, detail_bytes=41_930, schema_bytes=0, live_bytes=5_400,
    control_bytes=17_420, shed_rows=64,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Phone:
    """One phone at the kiosk, in minutes since the start; without `end` it is still there."""

    slot: int
    start: int
    end: int | None
    reason: EndReason = EndReason.UNPLUGGED
    found: bool = False


@dataclass(frozen=True, slots=True)
class Life:
    """What a site lives: when it was powered, in minutes since the start, and the phones that came.

    What was sampled in the minutes `given_up` found no room on its card.
    """

    site: Site
    awake: tuple[range, ...]
    phones: tuple[Phone, ...]
    panel_w: float
    seed: int
    given_up: range = range(0)


def customers(slots: Sequence[int], day: int, seed: int, until: int) -> Iterator[Phone]:
    """Let phones come to a kiosk for a day."""
    chance = Random(seed)  # noqa: S311  a village, not a secret
    for slot in slots:
        at = day * DAY_MIN + 450 + chance.randrange(150)
        while at < min(day * DAY_MIN + 1215, until):
            end = at + chance.randrange(50, 170)
            yield Phone(slot, at, end if end < until else None)
            at = end + chance.randrange(15, 200)


_LAST = (NOW_MS - START_MS) // MINUTE_MS - 4
_CUT, _BACK, _SILENT = DAY_MIN + 550, DAY_MIN + 713, DAY_MIN + 1055
LIVES = (
    Life(SCHOOL, (range(_LAST + 1),), (
        *customers(SCHOOL.slots[:6], 0, 11, DAY_MIN),
        *(phone for phone in customers(SCHOOL.slots[:7], 1, 23, _LAST) if phone.slot != 6),
        Phone(6, DAY_MIN + 430, DAY_MIN + 1187),
    ), 420, 5),
    Life(CENTRE, (range(_CUT), range(_BACK, _SILENT)), (
        *customers(CENTRE.slots, 0, 31, DAY_MIN),
        Phone(1, DAY_MIN + 480, _CUT - 1, EndReason.POWER_LOSS),
        Phone(2, DAY_MIN + 445, DAY_MIN + 540),
        Phone(2, _BACK, DAY_MIN + 790, found=True),
        Phone(3, DAY_MIN + 905, DAY_MIN + 1010),
        Phone(4, DAY_MIN + 1001, None),
    ), 260, 9, range(240, 300)),
)  # fmt: skip


@dataclass(slots=True)
class _Plant:
    """Panels, battery and load, a minute at a time: plausible rather than true."""

    life: Life
    chance: Random
    charge: float = 0.4
    generated_wh: float = 0.0
    consumed_wh: float = 0.0
    cloud: float = 1.0

    def minute(self, at: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Live one minute; returns a row of each table."""
        of_day = at % DAY_MIN
        if of_day == 0:
            self.generated_wh = self.consumed_wh = 0.0
        self.cloud = min(1.0, max(0.35, self.cloud + self.chance.uniform(-0.06, 0.065)))
        sun = max(0.0, math.sin(math.pi * (of_day - 365) / 700)) if 365 <= of_day <= 1065 else 0.0
        phones = sum(p.start <= at and (p.end is None or at < p.end) for p in self.life.phones)
        lit = 1080 + 12 <= of_day < 1080 + 190 or 320 <= of_day < 365
        load = 24.0 + 5.5 * phones + (48.0 if lit else 0.0) + self.chance.uniform(-1, 1)
        panel = self.life.panel_w * sun * self.cloud * min(1.0, (1.04 - self.charge) * 8)
        self.charge = min(1.0, max(0.1, self.charge + (panel * 0.92 - load) / 60 / 4800))
        self.generated_wh += panel / 60
        self.consumed_wh += load / 60
        volts = 11.7 + 1.25 * self.charge + (panel - load) / 330 + self.chance.uniform(-0.03, 0.03)
        controller = (
            round(panel * 10), round(load * 10), round(min(volts, 14.4) * 100), round(self.charge * 100),
            round(self.generated_wh / 10), round(self.consumed_wh / 10),
        )  # fmt: skip
        return controller, (int(lit), phones)


@dataclass(slots=True)
class _Outbox:
    """Numbers rows as an agent does, and hands out a batch now and then."""

    rows: tuple[list[tuple[int, int, int, tuple[int, ...]]], ...] = field(default_factory=lambda: ([], []))
    events: list[EventRow] = field(default_factory=list)
    seq: int = 0
    counted: Sums = field(default_factory=Sums)
    first: int = 1

    def next(self) -> int:
        """Give the next row its number."""
        self.seq += 1
        return self.seq

    def flush(self, gone: Sequence[int]) -> Batch:
        """Hand out what waits, but for the samples that were given up; all of it is counted."""
        self.counted += tally.of_batch(self._batch(), lambda _: True)
        for rows in self.rows:
            rows[:] = [row for row in rows if row[0] not in gone]
        batch = self._batch()
        self.rows, self.events = ([], []), []
        return batch

    def give_up(self, gone: Sequence[int], boot: int, uptime_s: int) -> None:
        """Declare that some samples found no room."""
        for first, last in runs(gone):
            self.events.append(EventRow(self.next(), boot, uptime_s, Gap(first, last, GapCause.DISK_FULL)))

    def close_day(self, boot: int, uptime_s: int) -> None:
        """Say the count of all rows that were handed out, and what the day has cost."""
        last, self.seq = self.seq, self.seq + 1
        self.events.append(EventRow(self.seq, boot, uptime_s, self.counted.tally(self.first, last)))
        self.first, self.counted = self.seq, Sums()
        self.events.append(EventRow(self.next(), boot, uptime_s, TRAFFIC))

    def _batch(self) -> Batch:
        tables = tuple(_table(number, rows) for number, rows in enumerate(self.rows) if rows)
        named = wire_schema.schema_id(wire_schema.encode(SCHEMA)) if tables else b""
        return Batch(7, named, tables, tuple(self.events))


def _table(number: int, rows: Sequence[tuple[int, int, int, tuple[int, ...]]]) -> TableRows:
    seqs, boots, uptimes_s, values = zip(*rows, strict=True)
    return TableRows(number, seqs, boots, uptimes_s, tuple(zip(*values, strict=True)))


def batches(life: Life) -> Iterator[tuple[int, Batch]]:
    """Live a life, and yield its batches with the minute each is sent."""
    outbox, plant = _Outbox(), _Plant(life, Random(life.seed))  # noqa: S311  a village, not a secret
    taken: dict[Phone, tuple[int, int, int]] = {}
    gone: list[int] = []
    for boot, awake in enumerate(life.awake, start=1):
        for at in awake:
            uptime_s = (at - awake.start) * 60
            if at == awake.start:
                outbox.events.append(EventRow(outbox.next(), boot, 0, AgentStarted("0.1.0", f"boot-{boot}")))
            if uptime_s % 3600 == 0:
                anchor = ClockAnchor(START_MS + at * MINUTE_MS, 40, AnchorSource.NTP)
                outbox.events.append(EventRow(outbox.next(), boot, uptime_s, anchor))
            for phone in (phone for phone in life.phones if phone.start == at):
                taken[phone] = (outbox.next(), boot, uptime_s)
                outbox.events.append(EventRow(*taken[phone], SlotTaken(phone.slot, phone.found)))
            for phone in (phone for phone in life.phones if phone.end == at):
                event = _ended(phone, taken[phone], boot, uptime_s)
                outbox.events.append(EventRow(outbox.next(), boot, uptime_s, event))
            for rows, values in zip(outbox.rows, plant.minute(at), strict=True):
                rows.append((outbox.next(), boot, uptime_s, values))
                gone += [outbox.seq] if at in life.given_up else []
            if at % BATCH_MIN == BATCH_MIN - 1 or at == awake[-1]:
                outbox.give_up(gone, boot, uptime_s)
                yield at, outbox.flush(gone)
                gone.clear()
            if at % DAY_MIN == DAY_MIN - 1:
                outbox.close_day(boot, uptime_s)


def _ended(phone: Phone, taken: tuple[int, int, int], boot: int, uptime_s: int) -> Event:
    seq, start_boot, start_uptime_s = taken
    return ChargingSession(phone.slot, seq, start_boot, start_uptime_s, boot, uptime_s, phone.reason, phone.found)


def fill(path: Path, *, lives: Sequence[Life] = LIVES, sites: Sequence[Site] = (SCHOOL, CENTRE, UNHEARD)) -> SqlLedger:
    """Make a ledger file with the sites enrolled and everything they sent ingested; the caller closes it."""
    ledger = SqlLedger(f"sqlite:///{path}")
    ledger.migrate()
    for site in sites:
        ledger.add_site(site)
    inbox = MemoryInbox()
    consumer = Consumer(ledger, inbox)
    for life in lives:
        address = Address(life.site.shard, life.site.site)
        inbox.waiting.append(Message(address.topic(Channel.SCHEMA), wire_schema.encode(SCHEMA), START_MS))
        for minute, batch in batches(life):
            inbox.waiting.append(
                Message(address.topic(Channel.UP), wire_batch.encode(batch), START_MS + minute * MINUTE_MS)
            )
        while consumer.step(NOW_MS):
            pass
    _watch(ledger, inbox)
    while consumer.step(NOW_MS):
        pass
    return ledger


def _watch(ledger: SqlLedger, inbox: MemoryInbox) -> None:
    """Have somebody watch the school: it answered a moment ago."""
    ledger.ask_live(SCHOOL.site, 300, NOW_MS - 20_000)
    (asked,) = ledger.unsent_commands(NOW_MS - 60_000)
    ledger.command_sent(asked, NOW_MS - 19_000)
    tables = (LiveTable(0, 3, (0, 715, 1243, 61, 0, 0)), LiveTable(1, 3, (1, 3)))
    schema_id = wire_schema.schema_id(wire_schema.encode(SCHEMA))
    answer = Live(asked.command_id, 288, schema_id, tables)
    topic = Address(SCHOOL.shard, SCHOOL.site).topic(Channel.LIVE)
    inbox.waiting.append(Message(topic, encode_live(answer), NOW_MS - 12_000))
