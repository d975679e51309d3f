"""Backup and restore: a copy is whole and checked, and a ledger is never half another one."""

from __future__ import annotations

import io
import os
import re
import shutil
import sqlite3
import threading
from contextlib import closing
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from hub import commands
from hub.__main__ import main
from hub.api.app import create_app
from hub.errors import BadRequest, RetryLater
from hub.ingest.turn import Counters
from hub.io import files
from hub.io.backup import back_up, inspect, restore
from hub.io.ledger import SqlLedger
from protocol.events import AgentStarted
from tests.hub.builders import NOON_MS, SITE, TestHub, event, of
from tests.hub.door import ADMINISTRATOR, bearer, context_of
from tests.hub.test_rebuild import dump


def fill(hub: TestHub, *seqs: int) -> None:
    """Send rows with these seqs."""
    hub.send_batch(of(*(event(seq, AgentStarted("1", "b")) for seq in seqs)))


def url(path: Path) -> str:
    """Give the address of a ledger."""
    return f"sqlite:///{path}"


def received(path: Path) -> int:
    """Count the rows of a ledger in a file."""
    with closing(sqlite3.connect(path)) as db:
        return int(db.execute("SELECT coalesce(sum(last_seq - first_seq + 1), 0) FROM receipts").fetchone()[0])


def names(directory: Path) -> set[str]:
    """List the files of a folder."""
    return {path.name for path in directory.iterdir()}


def test_a_backup_holds_what_the_ledger_held(hub: TestHub, tmp_path: Path) -> None:
    """Every table, row by row; and what it holds is said."""
    fill(hub, 1, 2, 5)
    out = io.StringIO()
    assert commands.back_up(hub.ledger, tmp_path / "copy.db", NOON_MS, out) == 0
    assert re.search(
        r"copy\.db: 0\.\d MB, 1 site, 3 rows, the newest received 2026-11-23 12:00 UTC; checked", out.getvalue()
    )
    copy = SqlLedger(url(tmp_path / "copy.db"))
    assert dump(copy) == dump(hub.ledger)
    copy.close()


def test_a_backup_is_of_one_moment_while_the_hub_writes(hub: TestHub, tmp_path: Path) -> None:
    """Rows that are committed meanwhile are in it or not, but never half, and the ingest never waits for long."""
    stop = threading.Event()
    sent: list[int] = []

    def ingest() -> None:
        while not stop.is_set():
            fill(hub, *range(len(sent) * 10 + 1, len(sent) * 10 + 11))
            sent.append(1)

    writer = threading.Thread(target=ingest)
    writer.start()
    try:
        counts = [back_up(hub.ledger, tmp_path / f"{number}.db", NOON_MS).rows for number in range(15)]
    finally:
        stop.set()
        writer.join()
    assert hub.consumer.counters.retries == 0
    assert counts == sorted(counts)
    assert all(rows % 10 == 0 for rows in counts)
    assert [received(tmp_path / f"{number}.db") for number in range(15)] == counts
    assert counts[-1] > counts[0]


def test_a_backup_takes_the_place_of_an_older_one(hub: TestHub, tmp_path: Path) -> None:
    """Every night to the same name; nothing half written stays behind, not even of a run that was killed."""
    (tmp_path / "copy.db.part").write_bytes(b"what a killed run left")
    back_up(hub.ledger, tmp_path / "copy.db", NOON_MS)
    fill(hub, 1)
    back_up(hub.ledger, tmp_path / "copy.db", NOON_MS)
    assert received(tmp_path / "copy.db") == 1
    assert {name for name in names(tmp_path) if "copy" in name} == {"copy.db"}


def test_a_backup_never_overwrites_what_is_none(hub: TestHub, tmp_path: Path) -> None:
    """The ledger itself, under any of its names, and files of another kind stay as they are."""
    (tmp_path / "notes.txt").write_text("mine")
    (tmp_path / "link.db").symlink_to(tmp_path / "ledger.db")
    os.link(tmp_path / "ledger.db", tmp_path / "hard.db")
    for name in ("notes.txt", "ledger.db", "link.db", "hard.db"):
        with pytest.raises(BadRequest, match="name another file"):
            back_up(hub.ledger, tmp_path / name, NOON_MS)
    assert (tmp_path / "notes.txt").read_text() == "mine"
    with pytest.raises(RetryLater, match="unable to open database"):
        back_up(hub.ledger, tmp_path / "no" / "folder.db", NOON_MS)


def test_a_ledger_that_is_not_there_is_not_begun_by_a_backup(tmp_path: Path) -> None:
    """A wrong path gives no empty copy that looks like one."""
    with pytest.raises(BadRequest, match=r"ledger\.db cannot be read"):
        back_up(SqlLedger(url(tmp_path / "ledger.db")), tmp_path / "copy.db", NOON_MS)
    assert names(tmp_path) == set()


def test_a_server_makes_its_own_copies(tmp_path: Path) -> None:
    """For PostgreSQL the line to run is said, without the password."""
    address = "postgresql+psycopg://hub:secret@db.example:5433/kayasol"
    with pytest.raises(BadRequest) as refused:
        back_up(SqlLedger(address), tmp_path / "copy of today", NOON_MS)
    assert "pg_dump --host=db.example --port=5433 --username=hub --dbname=kayasol --format=custom" in str(refused.value)
    assert f"--file='{tmp_path}/copy of today'" in str(refused.value)
    assert "secret" not in str(refused.value)
    with pytest.raises(BadRequest, match=r"pg_restore --host=db\.example"):
        restore(address, tmp_path / "copy")


def test_the_age_of_the_last_backup_is_measured(hub: TestHub, tmp_path: Path) -> None:
    """Monitoring notices a backup that no longer runs; before the first there is no age."""
    context = context_of(hub.ledger, hub.store, NOON_MS + 90_000)
    headers = bearer(context.door, ADMINISTRATOR, NOON_MS)
    with TestClient(create_app(context, Counters()), headers=headers) as client:
        assert "\nkayasol_last_backup_age_seconds" not in client.get("/metrics").text
        back_up(hub.ledger, tmp_path / "copy.db", NOON_MS)
        assert "\nkayasol_last_backup_age_seconds 90.0" in client.get("/metrics").text


def test_a_restore_brings_the_copy_and_keeps_the_ledger_before(hub: TestHub, tmp_path: Path) -> None:
    """The present one gets another name, its last commits included; the copy gets its place."""
    fill(hub, 1, 2, 3)
    back_up(hub.ledger, tmp_path / "copy.db", NOON_MS)
    fill(hub, 4)
    hub.ledger.close()
    out = io.StringIO()
    assert commands.restore(url(tmp_path / "ledger.db"), tmp_path / "copy.db", out) == 0
    assert "is kept as " in out.getvalue()
    assert (received(tmp_path / "ledger.db"), received(tmp_path / "ledger.db.before-restore-1")) == (3, 4)
    restore(url(tmp_path / "ledger.db"), tmp_path / "ledger.db.before-restore-1")
    assert (received(tmp_path / "ledger.db"), received(tmp_path / "ledger.db.before-restore-2")) == (4, 3)
    assert {name for name in names(tmp_path) if "restoring" in name or "-wal" in name} == set()
    ack = hub.send_batch(of(event(5, AgentStarted("1", "b"))))
    assert (ack.upto, ack.missing) == (5, ())


def test_the_first_ack_after_a_restore_names_what_the_copy_lacks(hub: TestHub, tmp_path: Path) -> None:
    """That is how a site learns that it must send rows again."""
    fill(hub, 1, 2)
    back_up(hub.ledger, tmp_path / "copy.db", NOON_MS)
    fill(hub, 3, 4)
    hub.ledger.close()
    restore(url(tmp_path / "ledger.db"), tmp_path / "copy.db")
    assert hub.send_batch(of(event(5, AgentStarted("1", "b")))).missing == ((3, 4),)


def test_a_restore_waits_until_nobody_uses_the_ledger(hub: TestHub, tmp_path: Path) -> None:
    """By the lock that every command holds, and by SQLite's own for what holds none; nothing has changed then."""
    back_up(hub.ledger, tmp_path / "copy.db", NOON_MS)
    fill(hub, 1)
    path = tmp_path / "ledger.db"
    hub.ledger.close()
    with files.in_use(path), files.in_use(path), pytest.raises(RetryLater, match="systemctl stop kayasol-hub"):
        restore(url(path), tmp_path / "copy.db")
    with closing(sqlite3.connect(path)) as db:
        db.execute("SELECT count(*) FROM sites").fetchone()
        with pytest.raises(RetryLater, match="in use by another program"):
            restore(url(path), tmp_path / "copy.db")
    assert received(path) == 1
    assert not any("restor" in name for name in names(tmp_path))
    with files.alone(path), pytest.raises(RetryLater, match="is being restored"), files.in_use(path):
        pass
    restore(url(path), tmp_path / "copy.db")
    assert received(path) == 0


def test_a_copy_that_is_not_sound_is_not_restored(hub: TestHub, tmp_path: Path) -> None:
    """Damage, another kind of database and a newer release are each said; the ledger stays."""
    fill(hub, *range(1, 500))
    back_up(hub.ledger, tmp_path / "copy.db", NOON_MS)
    hub.ledger.close()
    whole = (tmp_path / "copy.db").read_bytes()
    damaged = bytearray(whole)
    damaged[20_000:40_000] = bytes(20_000)
    (tmp_path / "damaged.db").write_bytes(damaged)
    (tmp_path / "cut.db").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "noise.db").write_bytes(b"noise")
    (tmp_path / "header.db").write_bytes(b"SQLite format 3\0" + b"noise" * 1000)
    with closing(sqlite3.connect(tmp_path / "other.db")) as db, db:
        db.execute("CREATE TABLE diary (day TEXT)")
    shutil.copy(tmp_path / "copy.db", tmp_path / "newer.db")
    with closing(sqlite3.connect(tmp_path / "newer.db")) as db, db:
        db.execute("UPDATE alembic_version SET version_num = '9999'")
    for name, words in (
        ("damaged", "is damaged|no sound"), ("cut", "is damaged|no sound ledger"), ("noise", "is no copy of a ledger"),
        ("header", "is damaged|no sound"), ("other", "no such table: alembic_version"), ("newer", "newer release"),
        ("nothing", "cannot be read: No such file"), ("ledger", "is the ledger itself"),
    ):  # fmt: skip
        with pytest.raises(BadRequest, match=words):
            restore(url(tmp_path / "ledger.db"), tmp_path / f"{name}.db")
        assert received(tmp_path / "ledger.db") == 499
        assert not any("restor" in found for found in names(tmp_path))


def test_a_copy_of_an_older_release_is_brought_up_to_date(tmp_path: Path) -> None:
    """The tables are those of today before the ledger takes its place."""
    old = SqlLedger(url(tmp_path / "old.db"))
    old.migrate("0001")
    old.close()
    restore(url(tmp_path / "ledger.db"), tmp_path / "old.db")
    now = SqlLedger(url(tmp_path / "ledger.db"))
    assert dump(now)["sites"] == []
    now.close()


def test_a_damaged_ledger_is_set_aside_with_its_log(hub: TestHub, tmp_path: Path) -> None:
    """Whoever can mend it finds all of it; the copy is not touched by what was left in the log."""
    fill(hub, 1)
    back_up(hub.ledger, tmp_path / "copy.db", NOON_MS)
    hub.ledger.close()
    path = tmp_path / "ledger.db"
    path.write_bytes(b"x" * 2000)
    (tmp_path / "ledger.db-wal").write_bytes(b"w" * 2000)
    restored = restore(url(path), tmp_path / "copy.db")
    assert restored.aside == tmp_path / "ledger.db.before-restore-1"
    assert restored.aside.read_bytes() == b"x" * 2000
    assert (tmp_path / "ledger.db.before-restore-1-wal").read_bytes() == b"w" * 2000
    assert received(path) == 1


def test_a_log_without_its_ledger_does_not_leak_into_the_copy(hub: TestHub, tmp_path: Path) -> None:
    """SQLite would take it for that of the ledger that comes."""
    back_up(hub.ledger, tmp_path / "copy.db", NOON_MS)
    fill(hub, 1)
    shutil.copy(tmp_path / "ledger.db-wal", tmp_path / "log")
    hub.ledger.close()
    (tmp_path / "ledger.db").unlink()
    (tmp_path / "log").rename(tmp_path / "ledger.db-wal")
    restore(url(tmp_path / "ledger.db"), tmp_path / "copy.db")
    assert received(tmp_path / "ledger.db") == 0
    assert inspect(tmp_path / "ledger.db").rows == 0


def test_a_restored_ledger_belongs_to_the_owner_of_the_one_before(hub: TestHub, tmp_path: Path) -> None:
    """Root restores, the hub's own user goes on."""
    if os.geteuid() != 0:
        pytest.fail("this promise is about root; the tests run as root")
    back_up(hub.ledger, tmp_path / "copy.db", NOON_MS)
    hub.ledger.close()
    os.chown(tmp_path / "ledger.db", 12345, 23456)
    (tmp_path / "ledger.db").chmod(0o640)
    restore(url(tmp_path / "ledger.db"), tmp_path / "copy.db")
    known = (tmp_path / "ledger.db").stat()
    assert (known.st_uid, known.st_gid, known.st_mode & 0o777) == (12345, 23456, 0o640)


def test_the_commands_speak_in_sentences(hub: TestHub, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`backup`, `restore` and `rebuild` over their command line, and what goes wrong with code 2."""
    config = tmp_path / "hub.yaml"
    config.write_text(f"database: {url(tmp_path / 'ledger.db')}", "utf-8")
    fill(hub, 1)
    hub.ledger.close()
    start = ["--config", str(config)]
    assert main([*start, "backup", "--to", str(tmp_path / "copy.db")]) == 0
    assert main([*start, "restore", str(tmp_path / "copy.db")]) == 0
    assert main([*start, "rebuild", "--site", SITE.site, "--check"]) == 0
    assert "ecole-a: 1 row in 1 batch: everything is as the archive says" in capsys.readouterr().out
    with files.in_use(tmp_path / "ledger.db"):
        assert main([*start, "restore", str(tmp_path / "copy.db")]) == 2
    assert "kayasol-hub: the ledger" in capsys.readouterr().err
    with files.alone(tmp_path / "ledger.db"):
        assert main([*start, "serve"]) == 2
    assert "is being restored; wait" in capsys.readouterr().err
