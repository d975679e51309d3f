"""SIGKILL of backup and restore at random moments: the name stands for the old file or for the new one, whole."""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import sys
import time
from collections import Counter
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path

import pytest

from hub.errors import HubError
from hub.io.backup import back_up, inspect, restore
from hub.io.ledger import SqlLedger
from protocol.events import AgentStarted
from tests.hub.builders import NOON_MS, TestHub, event, of

KILLS = 60
ROWS = 400
"""Enough that a copy takes some time: some thousand pages."""


def make(directory: Path, batches: int) -> Path:
    """Write a ledger of so many batches; returns its file, closed."""
    directory.mkdir()
    hub = TestHub(directory)
    for number in range(batches):
        first = 1 + number * ROWS
        hub.send_batch(of(*(event(seq, AgentStarted("1", f"{seq:0500}")) for seq in range(first, first + ROWS))))
    hub.ledger.close()
    return directory / "ledger.db"


def killed(act: Callable[[], object], after_s: float) -> bool:
    """Run something in a child that is killed after so long; says whether it was still at it."""
    child = os.fork()
    if child == 0:
        code = 1
        with suppress(BaseException):
            act()
            code = 0
        os._exit(code)
    time.sleep(after_s)
    os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0
    return os.WIFSIGNALED(status)


def killed_at_step(act: Callable[[], object], directory: Path, step: int) -> bool:
    """Run something in a child that is killed as it touches a file of this folder for the `step`th time."""
    child = os.fork()
    if child == 0:
        left = [step]

        def count_down(name: str, arguments: tuple[object, ...]) -> None:
            if name.startswith(("open", "os.", "sqlite3.connect")) and str(directory) in str(arguments):
                left[0] -= 1
                if left[0] == 0:
                    os.kill(os.getpid(), signal.SIGKILL)

        sys.addaudithook(count_down)
        with suppress(BaseException):
            act()
            os._exit(0)
        os._exit(1)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0
    return os.WIFSIGNALED(status)


def duration_s(act: Callable[[], object]) -> float:
    """Measure how long something takes in a child that is left alone."""
    start_s = time.perf_counter()
    child = os.fork()
    if child == 0:
        with suppress(BaseException):
            act()
            os._exit(0)
        os._exit(1)
    assert os.waitpid(child, 0)[1] == 0
    return time.perf_counter() - start_s


def rows(path: Path) -> int:
    """Check a ledger through and count its rows, as SQLite reads it with whatever lies beside it."""
    with closing(sqlite3.connect(path)) as db:
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        return int(db.execute("SELECT sum(last_seq - first_seq + 1) FROM receipts").fetchone()[0])


def test_a_backup_that_is_killed_leaves_the_one_before(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """At whatever moment: the copy is sound, it is of the ledger before or after, and the next run succeeds."""
    seed = random.randrange(10**6)  # noqa: S311
    chance = random.Random(seed)  # noqa: S311
    path = make(tmp_path / "hub", 12)
    ledger = SqlLedger(f"sqlite:///{path}")
    copy = tmp_path / "copy.db"

    def act() -> object:
        return back_up(SqlLedger(f"sqlite:///{path}"), copy, NOON_MS)

    takes_s = max(duration_s(act), 0.01)
    seen: Counter[int] = Counter()
    cut = 0
    for number in range(KILLS):
        before, now = inspect(copy).rows, _add_row(path, number)
        cut += killed(act, chance.uniform(0, 1.2 * takes_s))
        found = inspect(copy).rows
        assert found in {before, now}
        seen[found] += 1
        if chance.random() < 0.2:
            act()
    ledger.close()
    with capsys.disabled():
        sys.stdout.write(f"\nbackup, seed {seed}: {cut} of {KILLS} killed at work, {len(seen)} different copies\n")
    assert cut > 0
    act()
    assert {name.name for name in tmp_path.iterdir()} == {"hub", "copy.db"}


def test_a_restore_that_is_killed_leaves_the_old_ledger_or_the_new(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """At whatever moment: the ledger is one or the other, whole, the other is not gone, and the next run succeeds."""
    seed = random.randrange(10**6)  # noqa: S311
    chance = random.Random(seed)  # noqa: S311
    path, other = make(tmp_path / "hub", 10), make(tmp_path / "other", 7)
    sizes = {10 * ROWS, 7 * ROWS}

    def act() -> object:
        return restore(f"sqlite:///{path}", copy)

    copies = {10 * ROWS: tmp_path / "ten.db", 7 * ROWS: tmp_path / "seven.db"}
    for source, copy in ((path, copies[10 * ROWS]), (other, copies[7 * ROWS])):
        back_up(SqlLedger(f"sqlite:///{source}"), copy, NOON_MS)
    copy = copies[7 * ROWS]
    takes_s = max(duration_s(act), 0.01)
    outcomes: Counter[str] = Counter()
    for _ in range(KILLS):
        before = rows(path)
        wanted = (sizes - {before}).pop()
        copy = copies[wanted]
        if chance.random() < 0.5:  # leave a log beside the ledger, as a killed hub does
            _leave_log(path)
        cut = killed(act, chance.uniform(0, 1.2 * takes_s))
        after = rows(path)
        assert after in {before, wanted}
        outcomes[("killed, " if cut else "done, ") + ("old" if after == before else "new")] += 1
        kept = {rows(found) for found in path.parent.glob("ledger.db.before-restore-*") if "-wal" not in found.name}
        assert after == before or before in kept
        for found in list(path.parent.glob("ledger.db.before-restore-*"))[:-1]:
            if not found.samefile(path):
                found.unlink()
    with capsys.disabled():
        sys.stdout.write(f"\nrestore, seed {seed}: {dict(sorted(outcomes.items()))}\n")
    assert outcomes["killed, old"] > 0
    act()
    assert rows(path) == rows(copy)
    assert not list(path.parent.glob("*.restoring*"))


def test_a_restore_may_be_killed_at_every_step(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Before each file that it opens, links or renames: the old ledger up to one step, from then on the new."""
    path, other = make(tmp_path / "hub", 2), make(tmp_path / "other", 1)
    copies = {2 * ROWS: tmp_path / "two.db", ROWS: tmp_path / "one.db"}
    for source, copy in ((path, copies[2 * ROWS]), (other, copies[ROWS])):
        back_up(SqlLedger(f"sqlite:///{source}"), copy, NOON_MS)
    step, states = 0, []
    cut = True
    while cut:
        step += 1
        if rows(path) == ROWS:
            restore(f"sqlite:///{path}", copies[2 * ROWS])
        _leave_log(path)
        cut = killed_at_step(lambda: restore(f"sqlite:///{path}", copies[ROWS]), tmp_path, step)
        states.append(rows(path))
        kept = [rows(name) for name in path.parent.glob("ledger.db.before-restore-?")]
        assert states[-1] == 2 * ROWS or 2 * ROWS in kept
    with capsys.disabled():
        sys.stdout.write(f"\nrestore killed at each of {step - 1} steps: {Counter(states)}\n")
    assert states == sorted(states, reverse=True)
    assert states[0] == 2 * ROWS
    assert states[-1] == ROWS


def test_a_backup_may_be_killed_at_every_step(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The name stands for the copy before up to one step, from then on for the new one."""
    path = make(tmp_path / "hub", 1)
    copy = tmp_path / "copy.db"
    step, now, cut = 0, 0, True
    while cut:
        step += 1
        back_up(SqlLedger(f"sqlite:///{path}"), copy, NOON_MS)
        before, now = inspect(copy).rows, _add_row(path, step)
        cut = killed_at_step(lambda: back_up(SqlLedger(f"sqlite:///{path}"), copy, NOON_MS), tmp_path, step)
        assert inspect(copy).rows in {before, now}
    with capsys.disabled():
        sys.stdout.write(f"\nbackup killed at each of {step - 1} steps\n")
    assert inspect(copy).rows == now


def _add_row(path: Path, number: int) -> int:
    """Change the ledger a little; returns how many rows it has then."""
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("INSERT INTO receipts VALUES ('ecole-a', 99, '', ?, ?)", (number * 2 + 1, number * 2 + 1))
    return rows(path)


def _leave_log(path: Path) -> None:
    """Change the ledger in a process that is killed before it has closed it."""
    child = os.fork()
    if child == 0:
        db = sqlite3.connect(path)
        db.execute("PRAGMA journal_mode=WAL")
        db.execute("UPDATE sites SET commune = commune || 'x'")
        db.commit()
        os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(child, 0)
    assert path.with_name("ledger.db-wal").stat().st_size > 0


def test_the_children_of_these_tests_say_when_they_fail() -> None:
    """A restore that is refused is not taken for one that was killed."""

    def refuse() -> None:
        raise HubError("no")

    with pytest.raises(AssertionError):
        killed(refuse, 0.5)
