"""What every outbox promises, on the real one and on the one that tests use: they must not be told apart."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Protocol

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.errors import RetryLater
from edge.io.outbox import SqliteOutbox
from edge.io.outbox_space import Space
from edge.ports import Backlog, OpenSession, SampleRow
from protocol import seal, tally
from protocol.batch import EventRow
from protocol.events import (
    AgentStarted,
    AlarmCleared,
    AlarmRaised,
    AnchorSource,
    ChargingSession,
    ClockAnchor,
    EndReason,
    Event,
    Gap,
    GapCause,
    Lane,
    SlotTaken,
    Tally,
)
from protocol.limits import VALUE_MAX
from protocol.ranges import members
from protocol.seal import Seals
from protocol.tally import Sums
from tests.fakes import EvenChance, MemoryOutbox, session

ALL = 1_000_000
SCHEMA, OTHER_SCHEMA = b"schema-1", b"schema-2"
NOW_MS = 1_800_000_000_000
DAY_MS = 86_400_000
Box = SqliteOutbox | MemoryOutbox


class Maker(Protocol):
    """How to come by an outbox of one implementation, cut its power and look behind its port."""

    key: bytes | None
    """The device key that outboxes are opened with."""

    def open(self, *, rows_max: int = ALL) -> Box:
        """Begin with an empty outbox that takes samples under `SCHEMA`."""

    def cut_power(self, outbox: Box) -> Box:
        """Take the power away and open again what is left."""

    def kept(self, outbox: Box) -> dict[int, str]:
        """Tell why rows were kept that are no longer pending."""

    def fill_disk(self, outbox: Box) -> None:
        """Let the disk have no room for another row."""

    def free_disk(self, outbox: Box) -> None:
        """Let the disk have room again."""


class SqliteMaker:
    """Outboxes in files of one folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._numbers = itertools.count()
        self.key: bytes | None = None
        self._opened: list[SqliteOutbox] = []

    def open(self, *, rows_max: int = ALL) -> Box:
        """See `Maker.open`."""
        return self._open(self._folder / f"{next(self._numbers)}.db", rows_max)

    def cut_power(self, outbox: Box) -> Box:
        """See `Maker.cut_power`; an open transaction would be rolled back by the next reader."""
        assert isinstance(outbox, SqliteOutbox)
        outbox.close()
        return self._open(outbox._space.path, outbox._space.rows_max)  # noqa: SLF001  no port names the file

    def kept(self, outbox: Box) -> dict[int, str]:
        """See `Maker.kept`."""
        assert isinstance(outbox, SqliteOutbox)
        return dict(outbox._db.execute("SELECT seq, reason FROM kept"))  # noqa: SLF001  no port reads it

    def fill_disk(self, outbox: Box) -> None:
        """See `Maker.fill_disk`; SQLite then answers exactly as on a full disk."""
        assert isinstance(outbox, SqliteOutbox)
        outbox._db.execute("PRAGMA max_page_count = 1")  # noqa: SLF001  it settles for the present size

    def free_disk(self, outbox: Box) -> None:
        """See `Maker.free_disk`."""
        assert isinstance(outbox, SqliteOutbox)
        outbox._db.execute("PRAGMA max_page_count = 1000000")  # noqa: SLF001

    def close(self) -> None:
        """Close whatever was opened."""
        for outbox in self._opened:
            outbox.close()

    def _open(self, path: Path, rows_max: int) -> SqliteOutbox:
        outbox = SqliteOutbox(Space(path, rows_max, 10**9), EvenChance(), self.key)
        self._opened.append(outbox)
        outbox.use_schema(SCHEMA, b"one")
        return outbox


class MemoryMaker:
    """Outboxes without a disk."""

    def __init__(self) -> None:
        self.key: bytes | None = None

    def open(self, *, rows_max: int = ALL) -> Box:
        """See `Maker.open`."""
        outbox = MemoryOutbox(rows_max=rows_max, key=self.key)
        outbox.use_schema(SCHEMA, b"one")
        return outbox

    def cut_power(self, outbox: Box) -> Box:
        """See `Maker.cut_power`."""
        assert isinstance(outbox, MemoryOutbox)
        again = outbox.reopen(self.key)
        again.use_schema(SCHEMA, b"one")
        return again

    def kept(self, outbox: Box) -> dict[int, str]:
        """See `Maker.kept`."""
        assert isinstance(outbox, MemoryOutbox)
        return outbox.kept

    def fill_disk(self, outbox: Box) -> None:
        """See `Maker.fill_disk`."""
        assert isinstance(outbox, MemoryOutbox)
        outbox.disk_refuses = "the disk is full"

    def free_disk(self, outbox: Box) -> None:
        """See `Maker.free_disk`."""
        assert isinstance(outbox, MemoryOutbox)
        outbox.disk_refuses = None


@pytest.fixture(params=["sqlite", "memory"])
def maker(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Maker]:
    """Give each test every implementation in turn."""
    if request.param == "memory":
        yield MemoryMaker()
        return
    sqlite = SqliteMaker(tmp_path)
    yield sqlite
    sqlite.close()


def seqs(outbox: Box, limit: int = ALL, exclude: Sequence[int] = ()) -> list[int]:
    """List the seqs of what is pending."""
    return [row.seq for row in outbox.pending(limit, frozenset(exclude))]


def fill(outbox: Box, count: int, start_s: int = 0) -> list[int]:
    """Take samples, one a minute, and commit them."""
    taken = [outbox.add_sample(0, 1, start_s + 60 * i, [i, None]) for i in range(count)]
    outbox.commit([])
    return taken


def test_seqs_only_grow_even_over_restarts_that_find_nothing_left(maker: Maker) -> None:
    """A seq names one row for good: it is not given again when its row is gone."""
    outbox = maker.open()
    assert fill(outbox, 3) == [1, 2, 3]
    outbox.settle(3, (), (), NOW_MS)
    assert outbox.backlog() == Backlog(0, 0)
    outbox = maker.cut_power(outbox)
    assert fill(outbox, 2) == [4, 5]


def test_what_is_not_committed_is_not_there(maker: Maker) -> None:
    """Rows taken are invisible until the commit, and a power cut forgets them."""
    outbox = maker.open()
    fill(outbox, 1)
    outbox.add_event(1, 5, SlotTaken(3))
    assert outbox.uncommitted() == 1
    assert seqs(outbox) == [1]
    assert outbox.backlog() == Backlog(1, 0)
    outbox = maker.cut_power(outbox)
    assert outbox.uncommitted() == 0
    assert seqs(outbox) == [1]


def test_a_commit_that_returned_survives_a_power_cut(maker: Maker) -> None:
    """Every kind of row comes back exactly as it was taken."""
    outbox = maker.open()
    kinds: list[Event] = [
        SlotTaken(3, found=True),
        ChargingSession(3, 1, 1, 10, 2, 20, EndReason.POWER_LOSS, found=True),
        ClockAnchor(1_700_000_000_000, 100, AnchorSource.HUB),
        AgentStarted("0.1.0", "boot-é"),
        Gap(7, 9, GapCause.LOST),
        AlarmRaised("silent:controller", "câble débranché"),
        AlarmCleared("silent:controller"),
    ]
    events = [EventRow(outbox.add_event(2, 30 + i, kind), 2, 30 + i, kind) for i, kind in enumerate(kinds)]
    sample = SampleRow(outbox.add_sample(4, 2, 99, [None, -5, 2**52]), SCHEMA, 4, 2, 99, [None, -5, 2**52])
    outbox.commit([])
    outbox = maker.cut_power(outbox)
    found = outbox.pending(ALL, frozenset())
    assert sorted(found, key=lambda row: row.seq) == [*events, sample]


def test_money_goes_first_and_telemetry_last(maker: Maker) -> None:
    """Pending rows come in order of value, and within one value in order of seq."""
    outbox = maker.open()
    note = outbox.add_event(1, 0, ClockAnchor(1, 1, AnchorSource.NTP))
    samples = [outbox.add_sample(0, 1, 1, [1]), outbox.add_sample(0, 1, 2, [2])]
    alarm = outbox.add_event(1, 3, AlarmRaised("x"))
    money = [outbox.add_event(1, 4, SlotTaken(1)), outbox.add_event(1, 5, SlotTaken(2))]
    outbox.commit([])
    assert seqs(outbox) == [*money, alarm, note, *samples]
    assert outbox.backlog() == Backlog(6, 1)


def test_what_is_on_its_way_is_left_out(maker: Maker) -> None:
    """Excluded rows are passed over and do not count against the limit."""
    outbox = maker.open()
    fill(outbox, 6)
    assert seqs(outbox, limit=2) == [1, 2]
    assert seqs(outbox, limit=2, exclude=[1, 2, 4]) == [3, 5]
    assert seqs(outbox, limit=2, exclude=[5, 6, 99]) == [1, 2]
    assert seqs(outbox, exclude=range(1, 7)) == []
    assert seqs(outbox, limit=0) == []


def test_one_list_has_samples_of_one_schema(maker: Maker) -> None:
    """Samples under an older schema go alone, with any events, so that they fit one batch."""
    outbox = maker.open()
    old = fill(outbox, 2)
    outbox.use_schema(OTHER_SCHEMA, b"two")
    new = fill(outbox, 2)
    event = outbox.add_event(1, 9, SlotTaken(1))
    outbox.commit([])
    assert seqs(outbox) == [event, *old]
    assert seqs(outbox, exclude=old) == [event, *new]
    assert outbox.schema_payload(SCHEMA) == b"one"
    assert outbox.schema_payload(OTHER_SCHEMA) == b"two"
    assert outbox.schema_payload(b"unknown!") is None


def test_an_ack_settles_what_it_covers_and_nothing_else(maker: Maker) -> None:
    """Everything up to `upto` goes except what is missing, and so do the rows of the batches it names."""
    outbox = maker.open()
    fill(outbox, 12)
    outbox.settle(6, ((2, 3), (5, 5)), (9, 11), NOW_MS)
    assert seqs(outbox) == [2, 3, 5, 7, 8, 10, 12]
    assert outbox.backlog() == Backlog(7, 0)


def test_missing_ranges_may_overlap_in_any_order(maker: Maker) -> None:
    """A row that any range calls missing stays, however the hub wrote its ranges."""
    outbox = maker.open()
    fill(outbox, 12)
    outbox.settle(12, ((8, 9), (1, 10), (3, 4)), (), NOW_MS)
    assert seqs(outbox) == list(range(1, 11))


def test_settling_twice_or_what_never_was_changes_nothing(maker: Maker) -> None:
    """Acks may be repeated, and may speak of rows that are long gone."""
    outbox = maker.open()
    fill(outbox, 4)
    for _ in range(2):
        outbox.settle(2, (), (3, 99), NOW_MS)
        assert outbox.backlog() == Backlog(1, 0)
    assert seqs(outbox) == [4]


def test_rows_not_yet_committed_cannot_be_settled(maker: Maker) -> None:
    """What nobody can have seen is not let go, whatever an ack says."""
    outbox = maker.open()
    fill(outbox, 1)
    outbox.add_event(1, 5, SlotTaken(3))
    outbox.settle(50, (), (2,), NOW_MS)
    outbox.commit([])
    assert seqs(outbox) == [2]


def test_acknowledged_rows_are_kept_aside(maker: Maker) -> None:
    """What the hub has is no longer pending, but still there for the day it loses it."""
    outbox = maker.open()
    money = outbox.add_event(1, 1, SlotTaken(1))
    alarm = outbox.add_event(1, 2, AlarmRaised("x"))
    sample = outbox.add_sample(0, 1, 3, [1])
    outbox.commit([])
    outbox.settle(sample, (), (), NOW_MS)
    assert outbox.backlog() == Backlog(0, 0)
    outbox = maker.cut_power(outbox)
    assert maker.kept(outbox) == dict.fromkeys([money, alarm, sample], "acknowledged")


def test_samples_are_kept_for_days_and_money_for_a_season(maker: Maker) -> None:
    """By the hub's clock, samples are forgotten after 3 days, everything else after 90."""
    outbox = maker.open()
    money, sample = outbox.add_event(1, 1, SlotTaken(1)), outbox.add_sample(0, 1, 3, [1])
    outbox.commit([])
    outbox.settle(sample, (), (), NOW_MS)
    for days, kept in ((2.9, {money, sample}), (3.1, {money}), (89.9, {money}), (90.1, set())):
        outbox.reclaim([(9, 10)], NOW_MS + round(days * DAY_MS))
        outbox.reclaim([(sample + 1, VALUE_MAX)], NOW_MS + round(days * DAY_MS))
        assert maker.kept(outbox).keys() == kept


def test_what_the_hub_lost_is_sent_again(maker: Maker) -> None:
    """Rows that a later ack lacks wait again, each in its lane; those that the hub still has do not."""
    outbox = maker.open()
    taken = fill(outbox, 6)
    money = outbox.add_event(1, 400, SlotTaken(1))
    outbox.commit([])
    outbox.settle(money, (), (), NOW_MS)
    assert outbox.backlog() == Backlog(0, 0)
    assert outbox.reclaim([(2, 3), (6, 2**53)], NOW_MS + 1) == []
    assert seqs(outbox) == [money, *taken[1:3], taken[5]]
    assert outbox.backlog().rows == 4
    outbox.settle(money, (), (), NOW_MS + 2)
    assert outbox.backlog() == Backlog(0, 0)


def test_an_ack_that_comes_late_sends_nothing_again(maker: Maker) -> None:
    """An ack written before the one that settled a row says nothing about that row."""
    outbox = maker.open()
    taken = fill(outbox, 3)
    outbox.settle(3, (), (), NOW_MS)
    assert outbox.reclaim([(2, 2**53)], NOW_MS) == []
    assert outbox.reclaim([(2, 2**53)], NOW_MS - 5000) == []
    assert seqs(outbox) == []
    assert maker.kept(outbox).keys() == set(taken)


def test_what_the_hub_lost_comes_back_however_late_it_says_so(maker: Maker) -> None:
    """A site that was away for long after the hub was set back sends again before it forgets."""
    outbox = maker.open()
    taken = fill(outbox, 3)
    outbox.settle(3, (), (), NOW_MS)
    outbox.reclaim([(2, VALUE_MAX)], NOW_MS + 30 * DAY_MS)
    assert seqs(outbox) == taken[1:]


def test_starts_are_told_again_when_the_hub_forgot_them(maker: Maker) -> None:
    """The gaps of all starts wait again, and nothing else does."""
    outbox = maker.open()
    fill(outbox, 2)
    for boot in ("a", "b"):
        outbox.boot_number(boot)
        outbox.add_event(1, 5, Gap(1, 1, GapCause.LOST))
        outbox.commit([])
    starts = [
        row.seq
        for row in outbox.pending(ALL, frozenset())
        if isinstance(row, EventRow) and isinstance(row.event, Gap) and row.event.cause is GapCause.UNUSED
    ]
    outbox.settle(VALUE_MAX, (), (), NOW_MS)
    outbox.repeat_starts(NOW_MS)
    assert seqs(outbox) == []
    outbox.repeat_starts(NOW_MS + DAY_MS)
    assert seqs(outbox) == starts
    assert len(starts) >= 1
    outbox.settle(VALUE_MAX, (), (), NOW_MS + DAY_MS)
    outbox.repeat_starts(NOW_MS + DAY_MS + 1)
    assert seqs(outbox) == []


def test_numbers_waited_for_in_vain_are_named_once(maker: Maker) -> None:
    """What the hub lacks and nobody has any more is told, until a `Gap` for it waits; what still waits is not."""
    outbox = maker.open()
    fill(outbox, 5)
    outbox.settle(3, (), (), NOW_MS)
    outbox.reclaim([(4, 2**53)], NOW_MS + 4 * DAY_MS)
    assert outbox.reclaim([(2, 2**53)], NOW_MS + 5 * DAY_MS) == [(2, 3)]
    outbox.add_event(1, 9, Gap(2, 3, GapCause.LET_GO))
    outbox.commit([])
    assert outbox.reclaim([(2, 2**53)], NOW_MS + 6 * DAY_MS) == []


def test_a_start_begins_beyond_all_numbers(maker: Maker) -> None:
    """Seqs passed over are declared unused by the first commit, with the boot before; the first passes over none.

    A restart in the same boot does as well: not only a power cut makes a card forget.
    """
    outbox = maker.open()
    assert outbox.boot_number("a") == 1
    assert fill(outbox, 3) == [1, 2, 3]
    outbox = maker.cut_power(outbox)
    assert outbox.boot_number("a") == 1
    row = fill(outbox, 1)[0]
    assert outbox.pending(1, frozenset()) == [EventRow(row - 1, 1, 0, Gap(4, row - 2, GapCause.UNUSED))]
    assert row > 5
    outbox = maker.cut_power(outbox)
    boot = outbox.boot_number("b")
    again = fill(outbox, 1)[0]
    assert EventRow(again - 1, boot, 0, Gap(row + 1, again - 2, GapCause.UNUSED, 1)) in outbox.pending(2, frozenset())
    assert boot > 1
    outbox = maker.cut_power(outbox)
    assert outbox.boot_number("b") == boot


def test_an_outbox_that_forgot_all_but_its_epoch_begins_elsewhere(maker: Maker) -> None:
    """Without a row or a boot left, a start passes over seqs and boots all the same: others may have been given."""
    outbox = maker.cut_power(maker.open())
    assert outbox.boot_number("a") > 1
    assert fill(outbox, 1)[0] > 2


def test_what_is_remembered_is_stored_with_the_rows(maker: Maker) -> None:
    """A remembered text survives from the next commit on, and not before."""
    outbox = maker.open()
    assert outbox.recall("budget") is None
    outbox.remember("budget", "one")
    outbox.commit([])
    outbox.remember("budget", "two")
    outbox = maker.cut_power(outbox)
    assert outbox.recall("budget") == "one"


def test_a_summary_goes_before_detail(maker: Maker) -> None:
    """The samples that stand for an hour are sent first, and given up last."""
    outbox = maker.open()
    detail = [outbox.add_sample(0, 1, i, [i]) for i in range(3)]
    summary = outbox.add_sample(0, 1, 9, [9], summary=True)
    outbox.commit([])
    assert seqs(outbox) == [summary, *detail]


def test_what_the_hub_refuses_is_set_aside_whole(maker: Maker) -> None:
    """Refused rows are kept with the reason, whatever they are, and do not come again."""
    outbox = maker.open()
    alarm = outbox.add_event(1, 2, AlarmRaised("x"))
    sample = outbox.add_sample(0, 1, 3, [1])
    left = outbox.add_sample(0, 1, 4, [1])
    outbox.commit([])
    outbox.refuse([alarm, sample], "unknown site")
    assert outbox.backlog() == Backlog(1, 0)
    outbox = maker.cut_power(outbox)
    assert seqs(outbox) == [left]
    assert maker.kept(outbox) == dict.fromkeys([alarm, sample], "refused: unknown site")


def test_open_sessions_are_those_of_the_last_commit(maker: Maker) -> None:
    """A power cut finds the sessions as they were last committed, in slot order."""
    outbox = maker.open()
    outbox.commit([session(7), session(2, 5)])
    outbox = maker.cut_power(outbox)
    assert outbox.open_sessions() == [session(2, 5), session(7)]
    found = OpenSession(4, 9, 1, 2, 3, 4, found=True)
    outbox.commit([found])
    outbox = maker.cut_power(outbox)
    assert outbox.open_sessions() == [found]
    outbox.commit([])
    assert maker.cut_power(outbox).open_sessions() == []


def test_a_boot_keeps_its_number(maker: Maker) -> None:
    """Boots are numbered upwards from 1, and the same boot has the same number after a restart of the agent."""
    outbox = maker.open()
    first, second, again = (outbox.boot_number(boot) for boot in ("a", "b", "a"))
    assert (first, again) == (1, 1)
    assert second > 1
    outbox.commit([])
    assert maker.cut_power(outbox).boot_number("b") == second


def test_the_epoch_outlives_a_restart(maker: Maker) -> None:
    """The same outbox is the same generation."""
    outbox = maker.open()
    epoch = outbox.epoch
    again = maker.cut_power(outbox)
    assert (again.epoch, again.damage) == (epoch, None)


def test_a_limit_sheds_the_oldest_telemetry_and_says_so(maker: Maker) -> None:
    """Beyond the limit old samples go; money, alarms and notes stay; every lost row is named by one `Gap`."""
    outbox = maker.open(rows_max=300)
    money, notes = [], []
    taken: list[int] = []
    for i in range(600):
        if i % 50 == 0:
            money.append(outbox.add_event(1, 60 * i, SlotTaken(1)))
            notes.append(outbox.add_event(1, 60 * i, ClockAnchor(i, 1, AnchorSource.NTP)))
        taken += fill(outbox, 1, 60 * i)
        assert outbox.backlog().rows <= 310
    outbox = maker.cut_power(outbox)
    rows = outbox.pending(ALL, frozenset())
    samples = [row.seq for row in rows if isinstance(row, SampleRow)]
    gaps = [row.event for row in rows if isinstance(row, EventRow) and isinstance(row.event, Gap)]
    lost = sorted(members((gap.first_seq, gap.last_seq) for gap in gaps))
    assert lost + samples == taken
    assert len(samples) > 200
    assert {gap.cause for gap in gaps} == {GapCause.DISK_FULL}
    assert {*money, *notes} <= {row.seq for row in rows}
    assert outbox.backlog() == Backlog(len(rows), len(gaps))


def test_a_disk_that_refuses_loses_nothing_that_was_taken(maker: Maker) -> None:
    """A failed commit leaves everything as it was, and the next one that succeeds stores each row once."""
    outbox = maker.open()
    first = [outbox.add_event(1, i, AlarmRaised("x" * 400)) for i in range(20)]
    outbox.commit([session(1)])
    maker.fill_disk(outbox)
    second = [outbox.add_event(1, i, AlarmRaised("y" * 400)) for i in range(20)]
    for _ in range(3):
        with pytest.raises(RetryLater, match="disk is full"):
            outbox.commit([])
        assert outbox.uncommitted() == 20
        assert seqs(outbox) == first
        assert outbox.open_sessions() == [session(1)]
    maker.free_disk(outbox)
    outbox.commit([])
    assert outbox.uncommitted() == 0
    assert seqs(maker.cut_power(outbox)) == first + second


def added_up(rows: Sequence[SampleRow | EventRow]) -> Sums:
    """Sum rows up as the hub would."""
    total = Sums()
    for row in rows:
        if isinstance(row, EventRow):
            total += tally.of_event(row)
        else:
            total += tally.of_sample(form_of(row))
    return total


def form_of(row: SampleRow) -> bytes:
    """Write a sample in its canonical form."""
    return tally.sample_form(row.seq, row.schema_id, row.table, row.boot, row.uptime_s, row.values)


def sealed_with(key: bytes, epoch: int, first_seq: int, rows: Sequence[SampleRow | EventRow]) -> Seals:
    """Seal rows as the hub would."""
    links = (
        (row.seq, True, tally.event_form(row)) if isinstance(row, EventRow) else (row.seq, False, form_of(row))
        for row in rows
    )
    return seal.chain(seal.begin(key, epoch, first_seq), links).seals()


def tallies(outbox: Box) -> list[EventRow]:
    """List the tallies that wait to be sent."""
    rows = outbox.pending(ALL, frozenset())
    return [row for row in rows if isinstance(row, EventRow) and isinstance(row.event, Tally)]


def test_each_day_of_uptime_ends_with_a_tally_of_all_its_rows(maker: Maker) -> None:
    """Over reboots and power cuts, what the tally says is what a hub that has every row adds up."""
    outbox = maker.open()
    outbox.boot_number("a")
    fill(outbox, 5)
    outbox.add_sample(0, 1, 500, [7, 8])  # never committed: it never was
    outbox = maker.cut_power(outbox)
    boot = outbox.boot_number("b")
    outbox.add_event(boot, 60, SlotTaken(3))
    outbox.commit([])
    assert tallies(outbox) == []
    outbox.add_event(boot, 60 + 86_400, AlarmRaised("door"))
    outbox.commit([])
    rows = outbox.pending(ALL, frozenset())
    (said,) = tallies(outbox)
    before = [row for row in rows if row.seq < said.seq]
    assert said.event == added_up(before).tally(1, said.seq - 1)
    assert len(before) == 8  # five samples, the numbers that the second boot passed over, a charge, an alarm
    outbox.add_event(boot, 60 + 2 * 86_400, AlarmCleared("door"))
    outbox.commit([])
    _, second = tallies(outbox)
    rows = [row for row in outbox.pending(ALL, frozenset()) if said.seq <= row.seq < second.seq]
    assert second.event == added_up(rows).tally(said.seq, second.seq - 1)


def test_what_is_given_up_or_was_refused_by_the_disk_stays_in_the_tally(maker: Maker) -> None:
    """Each row counts once, when it is taken; commits that fail, and rows that go, change nothing."""
    outbox = maker.open(rows_max=100)
    fill(outbox, 100)
    taken = outbox.pending(ALL, frozenset())
    outbox.add_event(1, 6000, AlarmRaised("disk"))
    maker.fill_disk(outbox)
    for _ in range(3):
        try:
            outbox.commit([])
        except RetryLater:
            continue
    maker.free_disk(outbox)
    outbox.add_event(1, 60 + 86_400, AlarmCleared("disk"))
    outbox.commit([])
    outbox.add_event(1, 60 + 2 * 86_400, AlarmCleared("disk"))
    outbox.commit([])
    first, second = (row.event for row in tallies(outbox))
    left = outbox.pending(ALL, frozenset())
    assert len([row for row in left if isinstance(row, SampleRow)]) < 100
    known = {row.seq: row for row in [*taken, *left]}
    assert isinstance(first, Tally)
    assert isinstance(second, Tally)
    for said in (first, second):
        rows = [row for seq, row in known.items() if said.first_seq <= seq <= said.last_seq]
        assert said == added_up(rows).tally(said.first_seq, said.last_seq)
    assert (first.first_seq, second.first_seq) == (1, first.last_seq + 1)


KEY, OTHER_KEY = b"k" * seal.KEY_BYTES, b"o" * seal.KEY_BYTES


def rows_of(outbox: Box, said: EventRow) -> list[SampleRow | EventRow]:
    """List the waiting rows that a tally speaks of."""
    assert isinstance(said.event, Tally)
    first, last = said.event.first_seq, said.event.last_seq
    return [row for row in outbox.pending(ALL, frozenset()) if first <= row.seq <= last]


def seals_of(said: EventRow) -> Seals | None:
    """Read the seals of a tally."""
    assert isinstance(said.event, Tally)
    return seal.of_tally(said.event)


def a_day(outbox: Box, boot: int, start_s: int) -> None:
    """Take some rows, and let a day of uptime pass."""
    outbox.add_event(boot, start_s, SlotTaken(3))
    outbox.add_sample(0, boot, start_s + 60, [1, None])
    outbox.add_event(boot, start_s + 86_400, AlarmCleared("door"))
    outbox.commit([])


def test_with_a_device_key_each_tally_is_sealed(maker: Maker) -> None:
    """Over reboots and power cuts, the seal is that of all rows of the tally; what was not committed never was."""
    maker.key = KEY
    outbox = maker.open()
    outbox.boot_number("a")
    fill(outbox, 5)
    outbox.add_event(1, 400, SlotTaken(1))
    outbox = maker.cut_power(outbox)
    a_day(outbox, outbox.boot_number("b"), 60)
    outbox = maker.cut_power(outbox)
    a_day(outbox, outbox.boot_number("c"), 60)
    first, second = tallies(outbox)
    assert seals_of(first) == sealed_with(KEY, outbox.epoch, 1, rows_of(outbox, first))
    assert seals_of(second) == sealed_with(KEY, outbox.epoch, first.seq, rows_of(outbox, second))


def test_a_key_that_comes_later_seals_from_the_next_tally_on(maker: Maker) -> None:
    """The rows before it are told without a seal, in a tally that does not wait for the day to end."""
    outbox = maker.open()
    outbox.boot_number("a")
    fill(outbox, 5)
    assert tallies(outbox) == []
    outbox.use_key(KEY)
    a_day(outbox, 1, 400)
    outbox.use_key(KEY)
    a_day(outbox, 1, 400 + 86_400)
    first, second = tallies(outbox)
    assert (seals_of(first), len(rows_of(outbox, first))) == (None, 8)
    assert seals_of(second) == sealed_with(KEY, outbox.epoch, first.seq, rows_of(outbox, second))


@pytest.mark.parametrize("key", [None, OTHER_KEY])
def test_rows_of_two_keys_never_share_a_seal(maker: Maker, key: bytes | None) -> None:
    """A key that is gone or another one after a restart ends what the one before had begun to seal."""
    maker.key = KEY
    outbox = maker.open()
    boot = outbox.boot_number("a")
    fill(outbox, 5)
    maker.key = key
    outbox = maker.cut_power(outbox)
    a_day(outbox, boot, 400)
    a_day(outbox, boot, 400 + 86_400)
    first, second = tallies(outbox)
    assert seals_of(first) is None
    expected = None if key is None else sealed_with(key, outbox.epoch, first.seq, rows_of(outbox, second))
    assert seals_of(second) == expected


def test_a_disk_that_refuses_commits_leaves_the_seal_right(maker: Maker) -> None:
    """Each row is sealed once, however often its commit fails."""
    maker.key = KEY
    outbox = maker.open()
    fill(outbox, 20)
    outbox.add_event(1, 60 + 86_400, SlotTaken(3))
    maker.fill_disk(outbox)
    for _ in range(3):
        try:
            outbox.commit([])
        except RetryLater:
            continue
    maker.free_disk(outbox)
    outbox.commit([])
    a_day(outbox, 1, 60 + 86_400)
    first, second = tallies(outbox)
    events = [row for row in rows_of(outbox, first) if isinstance(row, EventRow)]
    found = seals_of(first)
    assert found is not None
    assert found.events == sealed_with(KEY, outbox.epoch, 1, events).events
    assert seals_of(second) == sealed_with(KEY, outbox.epoch, first.seq, rows_of(outbox, second))


_small = st.integers(0, 40)
_step = st.one_of(
    st.tuples(st.just("sample"), st.integers(0, 3)),
    st.tuples(
        st.just("event"), st.sampled_from([SlotTaken(1), AlarmRaised("a", "b"), ClockAnchor(5, 1, AnchorSource.HUB)])
    ),
    st.tuples(
        st.just("commit"), st.lists(st.builds(session, st.integers(1, 8)), max_size=3, unique_by=lambda s: s.slot)
    ),
    st.tuples(
        st.just("settle"),
        st.tuples(
            _small, st.lists(st.tuples(_small, _small).map(sorted).map(tuple), max_size=3), st.lists(_small, max_size=5)
        ),
    ),
    st.tuples(st.just("refuse"), st.lists(_small, max_size=3)),
    st.tuples(st.just("schema"), st.sampled_from([SCHEMA, OTHER_SCHEMA])),
    st.tuples(st.just("reclaim"), st.lists(st.tuples(_small, _small).map(sorted).map(tuple), max_size=3)),
    st.tuples(st.just("boot"), st.sampled_from(["a", "b", "c"])),
    st.tuples(st.just("sample"), st.sampled_from([90_000, 180_000, 270_000])),
    st.tuples(st.just("restart"), st.none()),
)


@settings(max_examples=30)
@given(steps=st.lists(_step, min_size=5, max_size=40), limit=_small, exclude=st.sets(_small))
def test_the_two_cannot_be_told_apart(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, object]], limit: int, exclude: set[int]
) -> None:
    """Whatever is done to both, they answer alike."""
    sqlite, memory = SqliteMaker(tmp_path_factory.mktemp("outbox")), MemoryMaker()
    makers: list[Maker] = [sqlite, memory]
    boxes: list[Box] = [sqlite.open(), memory.open()]
    try:
        for verb, what in steps:
            boxes = [_do(maker, outbox, verb, what) for maker, outbox in zip(makers, boxes, strict=True)]
            one, other = (_view(outbox, limit, frozenset(exclude)) for outbox in boxes)
            assert one == other
        assert sqlite.kept(boxes[0]) == memory.kept(boxes[1])
    finally:
        sqlite.close()


def _do(maker: Maker, outbox: Box, verb: str, what: object) -> Box:
    match verb, what:
        case "sample", int(value):
            outbox.add_sample(0, 1, value, [value])
        case "event", (SlotTaken() | AlarmRaised() | ClockAnchor()) as event:
            outbox.add_event(1, 2, event)
        case "commit", list(sessions):
            outbox.commit(sessions)
        case "settle", (int(upto), list(missing), list(batch)):
            outbox.settle(upto, missing, batch, NOW_MS)
        case "refuse", list(batch):
            outbox.refuse(batch, "no")
        case "reclaim", list(lacking):
            outbox.reclaim(lacking, NOW_MS + 1)
        case "boot", str(boot_id):
            outbox.boot_number(boot_id)
        case "schema", bytes(schema_id):
            outbox.use_schema(schema_id, schema_id)
        case _:
            return maker.cut_power(outbox)
    return outbox


def _view(outbox: Box, limit: int, exclude: frozenset[int]) -> tuple[object, ...]:
    return (
        outbox.pending(limit, exclude),
        outbox.pending(ALL, frozenset()),
        outbox.backlog(),
        outbox.uncommitted(),
        outbox.open_sessions(),
    )


def test_detail_is_given_up_for_the_budget_in_the_commit_that_says_so(maker: Maker) -> None:
    """The oldest detail goes, summaries and money stay; a power cut before the commit leaves everything as it was."""
    outbox = maker.open()
    outbox.add_event(1, 0, SlotTaken(1))
    for uptime_s in range(10):
        outbox.add_sample(0, 1, uptime_s, (1,), summary=uptime_s == 0)
    outbox.commit([])
    assert (outbox.rows_in(Lane.MONEY), outbox.rows_in(Lane.SUMMARY), outbox.rows_in(Lane.TELEMETRY)) == (1, 1, 9)
    assert outbox.give_up(4) == 4
    again = maker.cut_power(outbox)
    assert again.rows_in(Lane.TELEMETRY) == 9
    assert (again.give_up(4), again.give_up(2), again.give_up(100)) == (4, 2, 3)
    again.commit([])
    assert (again.rows_in(Lane.SUMMARY), again.rows_in(Lane.TELEMETRY)) == (1, 0)
    events = [row.event for row in again.pending(ALL, frozenset()) if isinstance(row, EventRow)]
    shed = [(e.first_seq, e.last_seq) for e in events if isinstance(e, Gap) and e.cause is GapCause.SHED_BUDGET]
    assert shed == [(3, 6), (7, 8), (9, 11)]


def test_rows_may_be_listed_down_to_a_lane(maker: Maker) -> None:
    """What a budget holds back is not listed, and each sample knows its lane."""
    outbox = maker.open()
    outbox.add_sample(0, 1, 0, (1,), summary=True)
    outbox.add_sample(0, 1, 1, (1,))
    outbox.add_event(1, 2, AlarmRaised("door"))
    outbox.commit([])
    listed = [len(outbox.pending(ALL, frozenset(), lane)) for lane in Lane]
    assert listed == [0, 1, 1, 2, 3]
    samples = [row for row in outbox.pending(ALL, frozenset()) if isinstance(row, SampleRow)]
    assert [row.lane for row in samples] == [Lane.SUMMARY, Lane.TELEMETRY]
