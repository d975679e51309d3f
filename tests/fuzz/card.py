"""An SD card that lost bits, or that somebody edited: the outbox's file, opened and used, read beside it, salvaged."""

from __future__ import annotations

import json
import os
import random
import tempfile
import zlib
from functools import cache
from pathlib import Path

import apsw
import cbor2

from edge.delivery import fitting
from edge.errors import EdgeError
from edge.io.device_key import KeyFiles
from edge.io.outbox import SqliteOutbox
from edge.io.outbox_salvage import salvage
from edge.io.outbox_space import Space
from edge.io.outbox_view import check_sum, read_only
from edge.ports import OpenSession, SampleRow
from protocol import batch, schema
from protocol.batch import EventRow
from protocol.events import AlarmRaised, AnchorSource, ChargingSession, ClockAnchor, EndReason, SlotTaken
from protocol.limits import VALUE_MAX
from tests.fuzz import blind
from tests.fuzz.target import Target, whole
from tests.protocol import examples

_PAGE = 4096
_BODIES = (
    b"[]",
    b"null",
    b"{}",
    b"[5]",
    b"[1]",
    b"[99,1]",
    b"[1,2,3",
    b"\xff",
    b"[1e999]",
    b'["x"]',
    b"[[[[1]]]]",
    b'[4,"\\ud800","b"]',
    b"5",
    b"[3,-1,0,0]",
    b"[" * 50_000,
)
_UPDATES = (
    ("rows", ("lane", "schema_id", "tab", "boot", "uptime_s", "body")),
    ("kept", ("lane", "schema_id", "tab", "boot", "uptime_s", "body")),
    ("open_sessions", ("taken_seq", "start_boot", "start_uptime_s", "last_boot", "last_uptime_s", "found")),
)


def targets() -> list[Target]:
    """List the readers of the card."""
    return [Target("outbox", 1, _outbox, _fed_outbox), Target("device-key", 2, _key, _fed_key)]


def memory() -> str | None:
    """Name a folder in memory, where there is one."""
    return "/dev/shm" if os.access("/dev/shm", os.W_OK) else None  # noqa: S108  random names, private folders


def _outbox(chance: random.Random) -> bytes:
    """Draw a file and its log, packed, for they hold many zeros."""
    data, log = _sound()
    match chance.randrange(4):
        case 0:
            data, log = _edited(data, chance), b""  # the log would undo it
        case 1:
            log = blind.changed(log, chance)
        case 2:
            page = _PAGE * chance.randrange(len(data) // _PAGE)
            data = (
                data[:page]
                + blind.changed(data[page : page + _PAGE], chance)[:_PAGE].ljust(_PAGE, b"\0")
                + data[page + _PAGE :]
            )
        case _:
            data = blind.changed(data, chance)
    return zlib.compress(cbor2.dumps([data, log]), 1)


@cache
def _sound() -> tuple[bytes, bytes]:
    """Fill an outbox with rows of every kind; some are acknowledged, some stand in the log only."""
    with tempfile.TemporaryDirectory(dir=memory()) as folder:
        path = Path(folder) / "outbox.db"
        outbox = SqliteOutbox(Space(path, 1000, 10**8), random.Random(1))  # noqa: S311  the same file every time
        payload = schema.encode(examples.SCHEMA)
        boot = outbox.boot_number("first")
        outbox.use_schema(schema.schema_id(payload), payload)
        for at_s in range(60):
            outbox.add_sample(0, boot, at_s, (1200 + at_s, None), summary=at_s % 10 == 0)
        outbox.add_event(boot, 1, SlotTaken(1))
        outbox.add_event(boot, 9, ChargingSession(1, 61, boot, 1, boot, 9, EndReason.UNPLUGGED))
        outbox.add_event(boot, 9, ClockAnchor(1_795_435_200_000, 100, AnchorSource.NTP))
        outbox.commit([OpenSession(2, 62, boot, 1, boot, 9, found=False)])
        outbox.settle(20, (), (61,), 1_795_435_200_000)
        outbox.refuse((30,), "no good")
        outbox._db.wal_checkpoint()  # noqa: SLF001  so that the file has something, and the log too
        outbox.add_event(boot, 10, AlarmRaised("door", "open"))
        outbox.commit([])
        return path.read_bytes(), path.with_name("outbox.db-wal").read_bytes()


def _edited(data: bytes, chance: random.Random) -> bytes:
    """Let somebody edit the file who knows how its check sums are made."""
    with tempfile.TemporaryDirectory(dir=memory()) as folder:
        path = Path(folder) / "edited.db"
        path.write_bytes(data)
        db = apsw.Connection(str(path))
        db.pragma("journal_mode", "DELETE")
        for _ in range(chance.randrange(1, 4)):
            _edit(db, chance)
        db.close()
        return path.read_bytes()


def _edit(db: apsw.Connection, chance: random.Random) -> None:
    table, names = chance.choice(_UPDATES)
    value = chance.choice((whole(chance) % 2**63, None, "x", b"\xff\xfe", 1.5, *_BODIES))
    key = "slot" if table == "open_sessions" else "seq"
    try:
        sql = f"UPDATE {table} SET {chance.choice(names)} = ? WHERE {key} % ? = 0"  # noqa: S608  names of our own
        db.execute(sql, (value, chance.randrange(1, 9)))
        if chance.random() < 0.2:
            known = ("epoch", "sum", "tally", "traffic", "clock")
            db.execute(
                "INSERT OR REPLACE INTO meta VALUES (?, ?)",
                (chance.choice(known), chance.choice(("", "x", "0", "9" * 30, "[1]", "{}"))),
            )
        if chance.random() < 0.1:
            db.execute(f"UPDATE {table} SET {key} = {key} + ?", (chance.choice((1, VALUE_MAX, 2**62)),))  # noqa: S608
    except apsw.Error:
        return  # the table itself refuses it
    columns = {"rows": "seq, lane, schema_id, tab, boot, uptime_s, body"}
    columns["kept"] = columns["rows"]
    columns["open_sessions"] = "slot, taken_seq, start_boot, start_uptime_s, last_boot, last_uptime_s, found"
    for row in db.execute(f"SELECT {columns[table]} FROM {table}").fetchall():  # noqa: S608
        db.execute(f"UPDATE {table} SET sum = ? WHERE {key} = ?", (check_sum(*row), row[0]))  # noqa: S608


def _fed_outbox(data: bytes) -> None:
    try:
        file, log = cbor2.loads(zlib.decompress(data))
    except (zlib.error, cbor2.CBORError, TypeError, ValueError):
        return
    with tempfile.TemporaryDirectory(dir=memory()) as folder:
        path = Path(folder) / "outbox.db"
        path.write_bytes(file)
        path.with_name("outbox.db-wal").write_bytes(log)
        for use in (_read_beside, _salvaged, _used):
            try:
                use(path)
            except EdgeError as error:
                str(error)


def _read_beside(path: Path) -> None:
    with read_only(path) as view:
        _sent(view.epoch, list(view.everything(kept=True)))


def _salvaged(path: Path) -> None:
    with salvage(path, path.parent / "workspace") as found:
        rows = list(found.everything(kept=True))
        for schema_id in {row.schema_id for row in rows if isinstance(row, SampleRow)}:
            found.schema_payload(schema_id)
        _sent(found.epoch, rows)


def _sent(epoch: int, rows: list[SampleRow | EventRow]) -> None:
    """Send what an outbox gives, as the agent and `export` do."""
    some: list[SampleRow | EventRow] = []
    for row in [*rows, None]:
        before = next((one.schema_id for one in some if isinstance(one, SampleRow)), None)
        if row is None or (isinstance(row, SampleRow) and before not in (None, row.schema_id)):
            while some:
                sent, _, payload = fitting(epoch, some)
                batch.batch_id(payload)
                some = some[len(sent) :]
        if row is not None:
            some.append(row)


def _used(path: Path) -> None:
    outbox = SqliteOutbox(Space(path, 1000, 10**8), random.Random(2))  # noqa: S311  likewise
    try:
        boot = outbox.boot_number("second")
        outbox.open_sessions()
        rows = outbox.pending(500, frozenset())
        _sent(outbox.epoch, rows)
        outbox.add_event(boot, 1, SlotTaken(1))
        outbox.commit([])
        outbox.settle(30, ((5, 6),), [row.seq for row in rows][:5], 1_795_435_300_000)
        outbox.reclaim([(1, 10), (40, VALUE_MAX)], 1_795_435_400_000)
        outbox.repeat_starts(1_795_435_500_000)
        outbox.give_up(3)
        outbox.refuse([row.seq for row in rows][-3:], "no")
        outbox.commit([])
        outbox.backlog()
        json.dumps([row.seq for row in outbox.pending(500, frozenset())])
    finally:
        outbox.close()


def _key(chance: random.Random) -> bytes:
    """Draw the file of a device key, a key that was offered, and a token, with a stroke between them."""
    said = f"{chance.randbytes(32).hex()} -"
    sound = f"{said} {zlib.crc32(said.encode()):08x}\n".encode()
    files = [sound, sound, b"A" * 32]
    for at in range(3):
        drawn = chance.random()
        files[at] = blind.changed(files[at], chance) if drawn < 0.6 else files[at] if drawn < 0.9 else b""
    return b"|".join(files)


def _fed_key(data: bytes) -> None:
    names = ("device-key", "device-key.offered", "token")
    with tempfile.TemporaryDirectory(dir=memory()) as folder:
        for name, content in zip(names, data.split(b"|", 2), strict=False):
            (Path(folder) / name).write_bytes(content)
        files = KeyFiles(Path(folder) / "device-key", Path(folder) / "token")
        try:
            token = files.token()
            key = files.candidate()
            if token is not None:
                json.dumps({"token": token})
                assert files.adopt(token) == key, "the key that is kept is not the one that was offered"
        except EdgeError as error:
            str(error).encode()
