"""The outbox on a real disk: kills, a full disk, and files that are damaged in every way a card can damage them."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import apsw
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.errors import RetryLater
from edge.io import outbox as module
from edge.io import outbox_file
from edge.io.outbox import SqliteOutbox
from edge.io.outbox_space import Space
from edge.io.outbox_view import check_sum, read_only
from edge.ports import Backlog
from protocol.batch import EventRow
from protocol.events import AlarmRaised, Gap, GapCause, Lane, SlotTaken
from protocol.ranges import members
from protocol.schema import ColumnSpec, Schema, TableSpec, encode, schema_id
from tests.fakes import session

ALL = 1_000_000
PLENTY = 10**9
NOISE = random.Random(1).randbytes(30_000)  # noqa: S311  the same noise every time
Open = Callable[..., SqliteOutbox]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Name the outbox's file."""
    return tmp_path / "outbox.db"


@pytest.fixture
def open_outbox(path: Path) -> Iterator[Open]:
    """Open outboxes at `path` and close what the test leaves open."""
    opened: list[SqliteOutbox] = []

    def open_(
        *, rows_max: int = ALL, bytes_max: int = PLENTY, disk_free_bytes: Callable[[Path], int] = lambda _: PLENTY
    ) -> SqliteOutbox:
        outbox = SqliteOutbox(Space(path, rows_max, bytes_max, disk_free_bytes))
        outbox.use_schema(b"schema-1", b"one")
        opened.append(outbox)
        return outbox

    yield open_
    for outbox in opened:
        outbox.close()


def fill(outbox: SqliteOutbox, samples: int, money: int = 0) -> list[int]:
    """Commit samples and money; returns the seqs of the money."""
    for i in range(samples):
        outbox.add_sample(0, 1, i, [i, 1234, None, 5678, -9] * 3)
    seqs = [outbox.add_event(1, i, SlotTaken(i)) for i in range(money)]
    outbox.commit([])
    return seqs


def pending(outbox: SqliteOutbox) -> list[int]:
    """List the seqs of what is pending."""
    return [row.seq for row in outbox.pending(ALL, frozenset())]


def gaps(outbox: SqliteOutbox) -> list[Gap]:
    """List the gaps that are pending."""
    events = [row.event for row in outbox.pending(ALL, frozenset()) if isinstance(row, EventRow)]
    return [event for event in events if isinstance(event, Gap)]


def pragma(outbox: SqliteOutbox, text: str) -> object:
    """Ask or tell the outbox's own connection something."""
    return outbox._db.execute(f"PRAGMA {text}").get  # noqa: SLF001  the pragmas are per connection


def test_a_commit_waits_for_the_disk(open_outbox: Open) -> None:
    """The file is in WAL mode and every commit is flushed: weaker settings lose committed rows in a power cut."""
    outbox = open_outbox()
    assert pragma(outbox, "journal_mode") == "wal"
    assert pragma(outbox, "synchronous") == 2


def test_money_displaces_telemetry_on_a_full_disk(open_outbox: Open) -> None:
    """When the disk is full, old samples make room, are named by gaps in the same commit, and money is stored."""
    outbox = open_outbox()
    fill(outbox, 2000)
    pragma(outbox, "max_page_count = 1")
    money = [seq for _ in range(40) for seq in fill(outbox, 5, money=5)]
    outbox.close()
    outbox = open_outbox()
    rows = pending(outbox)
    lost = set(members((gap.first_seq, gap.last_seq) for gap in gaps(outbox)))
    assert set(money) <= set(rows)
    assert lost
    assert lost.isdisjoint(rows)
    assert lost | set(rows) == set(range(1, max(rows) + 1))


def test_a_full_disk_without_telemetry_is_retried(open_outbox: Open) -> None:
    """With nothing to give up, money waits in memory; settled rows make room for it."""
    outbox = open_outbox()
    stored = fill(outbox, 0, money=300)
    pragma(outbox, "max_page_count = 1")
    taken = [outbox.add_event(1, i, SlotTaken(i)) for i in range(300)]
    with pytest.raises(RetryLater, match=r"outbox .*outbox\.db cannot be written: .*full"):
        outbox.commit([session(1)])
    assert (pending(outbox), outbox.uncommitted(), outbox.open_sessions()) == (stored, 300, [])
    pragma(outbox, "max_page_count = 10000")
    outbox.commit([session(1)])
    outbox.close()
    outbox = open_outbox()
    assert (pending(outbox), outbox.open_sessions()) == (stored + taken, [session(1)])


def test_a_full_disk_does_not_keep_the_agent_from_starting(open_outbox: Open) -> None:
    """After a power cut on a full disk, the new boot gets its number without a byte being written."""
    outbox = open_outbox()
    first = outbox.boot_number("a")
    fill(outbox, 0, money=300)
    outbox.close()
    outbox = open_outbox()
    pragma(outbox, "max_page_count = 1")
    assert outbox.boot_number("b") > first
    assert outbox.boot_number("a") == first


def test_an_agent_starts_on_a_full_disk(open_outbox: Open) -> None:
    """A new boot needs no room until its first commit, and then old samples make it."""
    outbox = open_outbox()
    outbox.boot_number("a")
    fill(outbox, 2000)
    outbox.close()
    outbox = open_outbox()
    pragma(outbox, "max_page_count = 1")
    assert outbox.boot_number("b") > 1
    money = fill(outbox, 0, money=300)
    outbox.close()
    outbox = open_outbox()
    assert set(money) <= set(pending(outbox))
    assert {gap.cause for gap in gaps(outbox)} == {GapCause.UNUSED, GapCause.DISK_FULL}


def test_an_ack_on_a_full_disk_is_no_crash(open_outbox: Open, caplog: pytest.LogCaptureFixture) -> None:
    """What cannot be let go now stays, counted rightly, and a later ack settles it."""
    outbox = open_outbox()
    money = fill(outbox, 0, money=300)
    pragma(outbox, "max_page_count = 1")
    outbox.settle(300, (), (), 1)
    outbox.refuse(money, "x" * 5000)
    if outbox.backlog().rows:
        assert "cannot be written" in caplog.text
        assert (pending(outbox), outbox.backlog()) == (money, Backlog(300, 0))
    pragma(outbox, "max_page_count = 10000")
    outbox.settle(300, (), (), 1)
    assert outbox.backlog() == Backlog(0, 0)


def test_settling_telemetry_needs_no_room(open_outbox: Open) -> None:
    """A full disk gets emptier by acks, money kept for audit included."""
    outbox = open_outbox()
    fill(outbox, 500, money=50)
    pragma(outbox, "max_page_count = 1")
    outbox.settle(550, (), (), 1)
    assert outbox.backlog() == Backlog(0, 0)
    assert fill(outbox, 100, money=1) == [651]


def test_a_disk_that_never_recovers_does_not_eat_the_memory(open_outbox: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond a limit the oldest uncommitted samples go, named by gaps; money stays in memory."""
    monkeypatch.setattr(module, "UNCOMMITTED_MAX", 200)
    outbox = open_outbox()
    stored = fill(outbox, 0, money=1)
    pragma(outbox, "max_page_count = 1")
    money = []
    for i in range(100):
        money.append(outbox.add_event(1, i, SlotTaken(1)))
        for _ in range(9):
            outbox.add_sample(0, 1, i, [1] * 40)
        if i % 10 == 9:
            with pytest.raises(RetryLater):
                outbox.commit([])
            assert outbox.uncommitted() < 320
    pragma(outbox, "max_page_count = 10000")
    outbox.commit([])
    rows = pending(outbox)
    lost = set(members((gap.first_seq, gap.last_seq) for gap in gaps(outbox)))
    assert set(stored + money) <= set(rows)
    assert lost | set(rows) == set(range(1, max(rows) + 1))
    assert lost.isdisjoint(rows)


def test_a_large_outbox_does_not_fill_the_disk(open_outbox: Open, path: Path) -> None:
    """With little space left on the disk the file no longer grows: the newest samples replace the oldest."""
    free = [PLENTY]
    outbox = open_outbox(disk_free_bytes=lambda _: free[0])
    fill(outbox, 3000)
    outbox.close()
    size, free[0] = path.stat().st_size, 50_000
    outbox = open_outbox(disk_free_bytes=lambda _: free[0])
    money = [seq for _ in range(100) for seq in fill(outbox, 30, money=1)]
    outbox.close()
    assert path.stat().st_size <= size + 50_000
    outbox = open_outbox()
    assert set(money) <= set(pending(outbox))
    assert gaps(outbox)


def test_a_small_outbox_keeps_its_samples_when_others_fill_the_disk(open_outbox: Open) -> None:
    """An outbox that uses less than what is left gives up nothing."""
    outbox = open_outbox(disk_free_bytes=lambda _: 1_000_000)
    fill(outbox, 500)
    fill(outbox, 500)
    assert outbox.backlog() == Backlog(1000, 0)


def test_bytes_are_limited_too(open_outbox: Open) -> None:
    """Samples go when the file holds more than it may, money does not."""
    outbox = open_outbox(bytes_max=200_000)
    money = [seq for _ in range(60) for seq in fill(outbox, 50, money=1)]
    assert 0 < len(pending(outbox)) < 2000
    assert set(money) <= set(pending(outbox))


def test_a_gap_is_stored_with_the_loss_it_names(open_outbox: Open) -> None:
    """No power cut can fall between giving rows up and saying so."""
    outbox = open_outbox(rows_max=200)
    for _ in range(8):
        fill(outbox, 50)
        outbox.close()
        outbox = open_outbox(rows_max=200)
        rows = pending(outbox)
        lost = set(members((gap.first_seq, gap.last_seq) for gap in gaps(outbox)))
        assert lost | set(rows) == set(range(1, max(rows) + 1))
        assert outbox.uncommitted() == 0


def damage_and_open(path: Path, spoil: Callable[[bytes], bytes]) -> tuple[str | None, int]:
    """Spoil a file that held 400 samples, open it and check that the outbox works; returns damage and rows found."""
    outbox = SqliteOutbox(Space(path, ALL, PLENTY))
    outbox.use_schema(b"schema-1", b"one")
    fill(outbox, 400)
    epoch = outbox.epoch
    outbox.close()
    path.write_bytes(spoil(path.read_bytes()))
    outbox = SqliteOutbox(Space(path, ALL, PLENTY))
    try:
        assert (outbox.epoch == epoch) == (outbox.damage is None)
        outbox.use_schema(b"schema-1", b"one")
        rows = outbox.backlog().rows
        fill(outbox, 0, money=1)
        assert outbox.backlog().rows == rows + 1
        return outbox.damage, rows
    finally:
        outbox.close()


@pytest.mark.parametrize(
    "spoil",
    [
        lambda data: data[: len(data) // 2],
        lambda data: data[:4096],
        lambda data: data[:50],
        lambda _: b"",
        lambda data: b"garbage!" * 4 + data[32:],
        lambda data: data[:18] + b"\x09" + data[19:],
        lambda data: data[:47] + b"\x09" + data[48:],
        lambda data: data[:8192] + NOISE[:4096] + data[12288:],
        lambda data: data[:8192] + bytes(8192) + data[16384:],
        lambda _: NOISE,
    ],
    ids=[
        *("half", "one page", "part of the header", "nothing", "no SQLite", "a later format", "a later schema"),
        *("a page of noise", "two empty pages", "noise"),
    ],
)
def test_a_damaged_file_is_set_aside(path: Path, spoil: Callable[[bytes], bytes]) -> None:
    """The agent goes on with a new epoch, says what was wrong, and leaves the old file for a person to look at."""
    damage, rows = damage_and_open(path, spoil)
    assert damage is not None
    assert "set aside as outbox.db.corrupt-1, a new epoch begins" in damage
    assert rows == 0
    assert path.with_name("outbox.db.corrupt-1").exists()


def test_every_damaged_file_is_kept(path: Path) -> None:
    """A second damage does not overwrite what the first one left."""
    for number in (1, 2, 3):
        damage, _ = damage_and_open(path, lambda data: data[:5000])
        assert damage is not None
        assert f"outbox.db.corrupt-{number}," in damage
        assert path.with_name(f"outbox.db.corrupt-{number}").stat().st_size == 5000


def test_a_lost_epoch_is_damage(path: Path) -> None:
    """A file whose epoch cannot be read is not used under another one."""
    SqliteOutbox(Space(path, ALL, PLENTY)).close()
    with apsw.Connection(str(path)) as db:
        db.execute("UPDATE meta SET value = value + 1 WHERE key = 'epoch'")
    db.close()
    outbox = SqliteOutbox(Space(path, ALL, PLENTY))
    assert outbox.damage is not None
    assert "the epoch is garbled" in outbox.damage
    outbox.close()


def test_a_lost_counter_gives_no_seq_twice(path: Path) -> None:
    """Should SQLite's own counter be gone, the rows themselves tell how far the seqs have come."""
    outbox = SqliteOutbox(Space(path, ALL, PLENTY))
    fill(outbox, 0, money=3)
    outbox.settle(3, (), (), 1)
    outbox.close()
    with apsw.Connection(str(path)) as db:
        db.execute("DELETE FROM sqlite_sequence")
    db.close()
    outbox = SqliteOutbox(Space(path, ALL, PLENTY))
    assert outbox.add_event(1, 1, SlotTaken(1)) == 4
    outbox.close()


@settings(max_examples=60)
@given(at=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7))
def test_any_flipped_bit_is_survived(tmp_path_factory: pytest.TempPathFactory, at: float, bit: int) -> None:
    """Wherever a bit flips, the outbox opens and works; a row that no longer says what was written is not sent."""

    def flip(data: bytes) -> bytes:
        spoilt = bytearray(data)
        spoilt[int(at * len(data))] ^= 1 << bit
        return bytes(spoilt)

    path = tmp_path_factory.mktemp("flipped") / "outbox.db"
    damage, _ = damage_and_open(path, flip)
    with read_only(path) as view:
        found = view.pending(ALL, frozenset())
    samples = [row for row in found if not isinstance(row, EventRow)]
    assert all(row.values == [row.uptime_s, 1234, None, 5678, -9] * 3 for row in samples)
    assert damage is not None or len(samples) >= 300


def test_a_damaged_row_is_set_aside_alone(open_outbox: Open, path: Path) -> None:
    """One spoilt row never blocks the others: it is passed over, kept aside, and the hub told not to wait for it."""
    outbox = open_outbox()
    fill(outbox, 5, money=1)
    outbox.close()
    with apsw.Connection(str(path)) as db:
        db.execute("UPDATE rows SET body = '[2' WHERE seq = 2")
        db.execute("UPDATE rows SET uptime_s = 77 WHERE seq = 3")
    db.close()
    outbox = open_outbox()
    outbox.add_event(3, 99, AlarmRaised("x"))
    assert pending(outbox) == [6, 1, 4, 5]
    assert pending(outbox) == [6, 1, 4, 5]
    outbox.commit([])
    assert outbox.backlog() == Backlog(6, 2)
    outbox.close()
    outbox = open_outbox()
    found = outbox.pending(ALL, frozenset())
    assert [row.seq for row in found] == [6, 7, 8, 1, 4, 5]
    assert found[2] == EventRow(8, 3, 99, Gap(2, 3, GapCause.OUTBOX_DAMAGED))
    kept = outbox._db.execute("SELECT seq, reason FROM kept").fetchall()  # noqa: SLF001  no port reads it
    assert kept == [(2, "damaged"), (3, "damaged")]


@pytest.mark.parametrize(
    ("spoil", "left"),
    [
        ("UPDATE rows SET body = CAST(x'f8ff' AS TEXT) WHERE seq = 3", [1, 2, 4]),
        ("UPDATE rows SET uptime_s = CAST(x'f8ff' AS TEXT) WHERE seq = 3", [1, 2, 4]),
        ("UPDATE boots SET boot_id = CAST(x'f8ff' AS TEXT)", [1, 2, 3, 4]),
        ("UPDATE meta SET value = CAST(x'f8ff' AS TEXT) WHERE key = 'tally'", [1, 2, 3, 4]),
    ],
)
def test_a_lost_bit_that_makes_text_of_numbers_stops_nobody(
    open_outbox: Open, path: Path, spoil: str, left: list[int]
) -> None:
    """A type that became text, which no alphabet has, makes one damaged value like any other."""
    outbox = open_outbox()
    outbox.boot_number("boot-1")
    fill(outbox, 4)
    outbox.close()
    with apsw.Connection(str(path)) as db:
        db.execute(spoil)
    db.close()
    outbox = open_outbox()
    assert outbox.damage is None
    outbox.boot_number("boot-2")
    outbox.commit([])
    assert [seq for seq in pending(outbox) if seq <= 4] == left
    assert outbox.reclaim([(1, 4)], 1) == []
    outbox.close()


def test_samples_whose_schema_is_damaged_block_nobody(open_outbox: Open, path: Path) -> None:
    """A hub could not take them, and would ask for their schema for ever; they are declared and set aside."""
    outbox = open_outbox()
    schema = encode(Schema((TableSpec("site", 60, (ColumnSpec("site.lights_on", 0),)),)))
    outbox.use_schema(schema_id(schema), schema)
    fill(outbox, 3)
    outbox.use_schema(b"schema-2", b"two")
    later = fill(outbox, 0, money=1)
    outbox.close()
    with apsw.Connection(str(path)) as db:
        db.execute("UPDATE schemas SET payload = ? WHERE id = ?", (schema[:-1], schema_id(schema)))
    db.close()
    outbox = open_outbox()
    assert pending(outbox) == later
    outbox.commit([])
    assert gaps(outbox) == [Gap(1, 3, GapCause.OUTBOX_DAMAGED)]


def test_a_damaged_session_is_not_billed(open_outbox: Open, path: Path) -> None:
    """An open session whose beginning is no longer what was written ends nowhere; the others go on."""
    outbox = open_outbox()
    outbox.commit([session(1), session(2)])
    outbox.close()
    with apsw.Connection(str(path)) as db:
        db.execute("UPDATE open_sessions SET start_uptime_s = start_uptime_s - 8 WHERE slot = 1")
    db.close()
    assert open_outbox().open_sessions() == [session(2)]


@pytest.mark.parametrize("spoil", ["UPDATE sqlite_sequence SET seq = 1 << 58", "UPDATE boots SET number = 1 << 58"])
def test_numbers_that_no_hub_would_take_are_damage(path: Path, spoil: str) -> None:
    """A counter that jumped beyond what the protocol allows would have every later row refused."""
    outbox = SqliteOutbox(Space(path, ALL, PLENTY))
    outbox.boot_number("a")
    fill(outbox, 1)
    outbox.close()
    with apsw.Connection(str(path)) as db:
        db.execute(spoil)
    db.close()
    outbox = SqliteOutbox(Space(path, ALL, PLENTY))
    assert outbox.damage is not None
    assert "the numbers are garbled" in outbox.damage
    outbox.close()


def test_a_row_that_no_hub_could_read_is_not_sent(open_outbox: Open) -> None:
    """A sound row with an event that the protocol does not allow does not stop the agent each time it looks."""
    outbox = open_outbox()
    row = (1, int(Lane.MONEY), None, None, 1, 5, b"[2,-1]")
    outbox._db.execute(module._INSERT, (*row, check_sum(*row)))  # noqa: SLF001  no port would take it
    outbox.close()
    outbox = open_outbox()
    fill(outbox, 1)
    assert pending(outbox) == [2]
    outbox.commit([])
    assert gaps(outbox) == [Gap(1, 1, GapCause.OUTBOX_DAMAGED)]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("tab", 16),
        ("tab", None),
        ("boot", -1),
        ("uptime_s", 2**60),
        ("uptime_s", b"5"),
        ("body", b"5"),
        ("body", b"{}"),
        ("body", b'["x"]'),
        ("body", b"[1e400]"),
        ("body", b"[%d]" % 2**60),
        ("body", b"[" * 50_000),
        ("body", 7.5),
    ],
)
def test_a_card_that_was_edited_with_right_check_sums_stops_nobody(
    open_outbox: Open, path: Path, name: str, value: object
) -> None:
    """A row whose contents no hub would take is set aside, whoever wrote them; the others are sent."""
    outbox = open_outbox()
    fill(outbox, 3)
    outbox.close()
    with apsw.Connection(str(path)) as db:
        db.execute(f"UPDATE rows SET {name} = ? WHERE seq = 2", (value,))  # noqa: S608  a name of our own
        ((*row, _),) = db.execute("SELECT * FROM rows WHERE seq = 2").fetchall()
        db.execute("UPDATE rows SET sum = ? WHERE seq = 2", (check_sum(*row),))
    db.close()
    outbox = open_outbox()
    assert pending(outbox) == [1, 3]
    outbox.commit([])
    assert gaps(outbox) == [Gap(2, 2, GapCause.OUTBOX_DAMAGED)]


@pytest.mark.parametrize("value", ["x", -1, None, 2**60])
def test_an_edited_session_is_not_billed(open_outbox: Open, path: Path, value: object) -> None:
    """What is no moment cannot be the beginning of a charge, even under a right check sum."""
    outbox = open_outbox()
    outbox.commit([session(1), session(2)])
    outbox.close()
    with apsw.Connection(str(path)) as db:
        try:
            db.execute("UPDATE open_sessions SET start_uptime_s = ? WHERE slot = 1", (value,))
        except apsw.ConstraintError:
            return  # the table refuses it
        ((*row, _),) = db.execute("SELECT * FROM open_sessions WHERE slot = 1").fetchall()
        db.execute("UPDATE open_sessions SET sum = ? WHERE slot = 1", (check_sum(*row),))
    db.close()
    assert open_outbox().open_sessions() == [session(2)]


@pytest.mark.parametrize("epoch", ["", "x", "-5", "0", "[1]", "9" * 40, "²"])
def test_an_epoch_that_is_none_is_damage_even_with_its_check_sum(path: Path, epoch: str) -> None:
    """The agent begins a new one instead of ending at every start; a reader beside it says why it cannot read."""
    SqliteOutbox(Space(path, ALL, PLENTY)).close()
    with apsw.Connection(str(path)) as db:
        db.execute("UPDATE meta SET value = ? WHERE key = 'epoch'", (epoch,))
        db.execute("UPDATE meta SET value = ? WHERE key = 'sum'", (outbox_file.epoch_sum(epoch),))
    db.close()
    with pytest.raises(RetryLater, match="damaged"), read_only(path):
        pass
    outbox = SqliteOutbox(Space(path, ALL, PLENTY))
    assert outbox.damage is not None
    assert "the epoch is garbled" in outbox.damage
    outbox.close()


def test_a_damaged_index_costs_no_row(open_outbox: Open, path: Path, tmp_path: Path) -> None:
    """What SQLite can rebuild from the rows themselves is rebuilt, not set aside."""
    outbox = open_outbox()
    fill(outbox, 300, money=1)
    root = outbox._db.execute("SELECT rootpage FROM sqlite_master WHERE name = 'rows_by_value'").get  # noqa: SLF001
    epoch = outbox.epoch
    outbox.close()
    data = bytearray(path.read_bytes())
    page = slice(4096 * (root - 1), 4096 * root)
    entry, spoilt = bytes([Lane.TELEMETRY, 1, 44]), bytes([Lane.TELEMETRY, 1, 45])
    assert entry in data[page]
    data[page] = data[page].replace(entry, spoilt)
    path.write_bytes(data)
    outbox = open_outbox()
    assert (outbox.epoch, outbox.damage) == (epoch, None)
    assert sorted(pending(outbox)) == list(range(1, 302))
    assert [entry.name for entry in tmp_path.iterdir() if "corrupt" in entry.name] == []


def test_garbled_tables_are_damage(open_outbox: Open, path: Path) -> None:
    """A name in the file that is not what it was, or is no text at all, is noticed before anything is written."""
    spoils = ((b"uptime_s", b"uptime_t"), (b"uptime_s", b"uptime\xa0s"), (b"KEY AUTO", b"KEY\xa0AUTO"))
    for number, (good, spoilt) in enumerate(spoils, start=1):
        open_outbox().close()
        path.write_bytes(path.read_bytes().replace(good, spoilt, 1))
        outbox = open_outbox()
        assert outbox.damage is not None
        assert f"corrupt-{number}" in outbox.damage
        outbox.close()


def test_a_folder_that_cannot_be_written_is_the_worlds_fault(tmp_path: Path) -> None:
    """A place where no file can be is no damage: nothing is set aside, and trying again may help."""
    place = tmp_path / "outbox.db"
    place.mkdir()
    with pytest.raises(RetryLater, match="cannot be opened"):
        SqliteOutbox(Space(place, ALL, PLENTY))
    assert list(tmp_path.iterdir()) == [place]


def test_a_locked_file_is_the_worlds_fault(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that another connection holds is sound; so is what it refuses to take."""
    outbox = SqliteOutbox(Space(path, ALL, PLENTY))
    pragma(outbox, "busy_timeout = 1")
    other = apsw.Connection(str(path))
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(RetryLater, match="database is locked"):
        outbox.commit([])
    outbox.close()
    monkeypatch.setattr(outbox_file, "BUSY_MS", 5)
    with pytest.raises(RetryLater, match=r"cannot be opened: .*database is locked"):
        SqliteOutbox(Space(path, ALL, PLENTY))
    other.close()
    assert not path.with_name("outbox.db.corrupt-1").exists()


def test_what_replaces_a_damaged_file_may_have_to_wait(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """If there is no room for a new file either, the agent says so and is started again."""
    path.write_bytes(b"garbage!" * 100)
    attempts = iter([False, True])

    def fill(db: apsw.Connection) -> None:
        if db.filename and next(attempts):
            db.pragma("max_page_count", 1)

    outbox_file._expected_tables()  # noqa: SLF001  its own connection is not the one to fill
    monkeypatch.setattr(apsw, "connection_hooks", [fill])
    with pytest.raises(RetryLater, match=r"cannot be created: .*database or disk is full"):
        SqliteOutbox(Space(path, ALL, PLENTY))


def test_a_reader_beside_the_writer_sees_what_is_committed(open_outbox: Open, path: Path) -> None:
    """Commands read the outbox while the agent runs and change nothing in it."""
    outbox = open_outbox()
    fill(outbox, 3)
    outbox.add_event(1, 1, SlotTaken(1))
    with read_only(path) as view:
        assert [row.seq for row in view.pending(ALL, frozenset())] == [1, 2, 3]
        assert view.epoch == outbox.epoch
    outbox.commit([])
    assert outbox.backlog() == Backlog(4, 0)


def test_a_reader_of_nothing_says_so(path: Path) -> None:
    """Without an outbox there is nothing to read, and none is made."""
    with pytest.raises(RetryLater, match="cannot be read"), read_only(path):
        pass
    assert not path.exists()


def test_a_lane_outlives_its_name(open_outbox: Open) -> None:
    """Lanes are stored by number, as the queries have them."""
    outbox = open_outbox()
    fill(outbox, 1, money=1)
    lanes = outbox._db.execute("SELECT lane, typeof(lane) FROM rows ORDER BY seq").fetchall()  # noqa: SLF001
    assert lanes == [(Lane.TELEMETRY, "integer"), (Lane.MONEY, "integer")]


def test_twenty_kills_lose_no_committed_row(path: Path) -> None:
    """Whenever the process is killed, each row whose commit had returned is there, and no seq is used twice."""
    delays = random.Random(7)  # noqa: S311  the same moments every time
    safe: set[int] = set()
    settled = 0
    for _ in range(20):
        command = [sys.executable, "-m", "tests.edge.io.writer", str(path), str(settled)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603  our own
            assert process.stdout is not None
            lines = [process.stdout.readline()]
            time.sleep(delays.random() * 0.03)
            process.kill()
            lines += process.stdout.readlines()
        whole = [line for line in lines if line.endswith("\n")]
        fresh = {int(seq) for line in whole for seq in line.split()}
        assert fresh
        assert safe.isdisjoint(fresh)
        safe |= fresh
        outbox = SqliteOutbox(Space(path, ALL, PLENTY))
        rows = set(pending(outbox))
        assert outbox.damage is None
        assert {seq for seq in safe if seq > settled} <= rows
        assert len(rows - safe) <= 11  # the commit nobody was told of, and what the start passed over
        outbox.close()
        safe |= rows
        settled = max(safe) // 2


def test_a_file_that_holds_no_outbox_yet_says_so(path: Path) -> None:
    """A power cut at the very first start leaves a file without an epoch: a command says so, in words."""
    with apsw.Connection(str(path)) as db:
        db.execute("CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID")
    db.close()
    with pytest.raises(RetryLater, match="has just been made"), read_only(path):
        pass
