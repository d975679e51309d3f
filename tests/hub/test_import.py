"""Import: courier files go the way of messages, any number of times, in any order, beside a running hub."""

from __future__ import annotations

import io
import random
import tracemalloc
import zlib
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import event as sa_event
from sqlalchemy import select

from hub import commands
from hub.__main__ import main
from hub.ingest import courier as courier_ingest
from hub.io import tables as t
from protocol import batch, courier
from protocol.batch import Batch
from protocol.courier import Courier
from protocol.events import AgentStarted, SlotTaken
from protocol.ranges import Range, size
from tests.hub import histories
from tests.hub.builders import NOON_MS, SCHEMA_PAYLOAD, SITE, TestHub, anchor, event, of, samples

ROWS = (anchor(1, 0, NOON_MS), samples(2, [60, 120], [100, 200]), event(4, SlotTaken(1), uptime_s=90))


def write(path: Path, *sent: Batch | bytes, schemas: Sequence[bytes] = (SCHEMA_PAYLOAD,)) -> Path:
    """Write a courier file; bytes stand for a payload that is none."""
    payloads = tuple(what if isinstance(what, bytes) else batch.encode(what) for what in sent)
    path.write_bytes(courier.encode(Courier(SITE.site, tuple(schemas), payloads)))
    return path


def run(hub: TestHub, *paths: Path) -> tuple[int, list[str]]:
    """Import; returns the exit code and the lines that were printed."""
    out = io.StringIO()
    code = commands.import_files(hub.ledger, paths, lambda: NOON_MS, out, io.StringIO())
    return code, out.getvalue().splitlines()


def received(hub: TestHub) -> list[Range]:
    """List the numbers of the rows that are here, all of one epoch."""
    (numbers,) = hub.ledger.numbers(SITE.site).values()
    return numbers.received


def test_a_file_brings_what_is_new_and_says_so(hub: TestHub, tmp_path: Path) -> None:
    """Rows that the hub has are counted apart from new ones; no ack is sent."""
    hub.send_batch(of(*ROWS[:1]))
    acks = len(hub.inbox.acks)
    path = write(tmp_path / "a.kayasol", of(*ROWS))
    assert run(hub, path) == (
        0,
        [f"{path}: ecole-a, 4 rows in 1 batch, 3 new", "in all: 1 file, 4 rows in 1 batch, 3 new"],
    )
    assert run(hub, path)[1][0].endswith("4 rows in 1 batch, nothing new")
    assert len(hub.inbox.acks) == acks
    found = hub.store.samples(SITE.site, ["controller.panel_power_w"], 0, 2 * NOON_MS)["controller.panel_power_w"]
    assert [sample.value for sample in found] == [100, 200]


def test_the_site_learns_of_an_import_at_its_next_ack(hub: TestHub, tmp_path: Path) -> None:
    """What a courier brought is settled like what came over the link."""
    run(hub, write(tmp_path / "a.kayasol", of(*ROWS)))
    assert hub.send_batch(of(event(5, SlotTaken(2)))).upto == 5


def test_a_schema_serves_wherever_it_stands_in_the_file(tmp_path: Path) -> None:
    """Records may have any order; batches wait for the schemas of their file."""
    hub = TestHub(tmp_path, schema_known=False)
    payload = batch.encode(of(*ROWS))
    first = courier.encode(Courier(SITE.site, (), (payload,)))
    both = courier.encode(Courier(SITE.site, (SCHEMA_PAYLOAD,), ()))
    head = f"kayasol-courier 1 {SITE.site}\n".encode()
    body = first[:-9] + both[len(head) : -9]
    path = tmp_path / "a.kayasol"
    path.write_bytes(body + b"E\0\0\0\4" + zlib.crc32(body).to_bytes(4, "big"))
    assert run(hub, path)[0] == 0
    assert received(hub) == [(1, 4)]
    hub.ledger.close()


def test_a_batch_without_its_schema_is_left_in_the_file(tmp_path: Path) -> None:
    """It is not taken, that is said, and the same file serves once the schema is known."""
    hub = TestHub(tmp_path, schema_known=False)
    path = write(tmp_path / "a.kayasol", of(*ROWS), schemas=())
    code, lines = run(hub, path)
    assert (code, "1 batch not taken, for their schema" in lines[0]) == (1, True)
    assert run(hub, path, write(tmp_path / "b.kayasol"), path)[1][-1].startswith(
        "in all: 3 files, 4 rows in 1 batch, 4"
    )
    hub.ledger.close()


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "this is no courier file"),
        (courier.encode(Courier(SITE.site, (SCHEMA_PAYLOAD,), (batch.encode(of(*ROWS)),)))[:-1], "is cut off"),
        (courier.encode(Courier(SITE.site, (), (batch.encode(of(*ROWS)),))).replace(b"ecole-a", b"ecole-b"), "damaged"),
        (courier.encode(Courier("ecole-x", (), (batch.encode(of(*ROWS)),))), "no site 'ecole-x' is enrolled"),
        (b"kayasol-courier 2 ecole-a\n", "version 2"),
    ],
)
def test_a_file_that_is_not_sound_is_refused_whole_and_the_others_go_on(
    hub: TestHub, tmp_path: Path, data: bytes, words: str
) -> None:
    """Nothing of it is taken; the exit code and the last line say that something is left to do."""
    bad = tmp_path / "bad.kayasol"
    bad.write_bytes(data)
    code, lines = run(hub, bad, write(tmp_path / "good.kayasol", of(event(9, AgentStarted("1", "b")))))
    assert code == 1
    assert "refused whole: " in lines[0]
    assert words in lines[0]
    assert lines[-1] == "in all: 2 files, 1 row in 1 batch, 1 new; 1 file refused"
    assert received(hub) == [(9, 9)]


def test_a_payload_that_cannot_be_taken_is_kept_aside_once(hub: TestHub, tmp_path: Path) -> None:
    """As from the broker; importing it again changes nothing, and the rest of the file is taken."""
    path = write(tmp_path / "a.kayasol", b"noise", of(*ROWS))
    first, again = run(hub, path), run(hub, path)
    assert first[0] == again[0] == 1
    assert "4 new; 1 payload refused (malformed) and kept aside" in first[1][0]
    assert first[1][1] == again[1][1]
    assert first[1][1].startswith("    refused: payload does not inflate")
    with hub.ledger.reading() as connection:
        assert len(connection.execute(select(t.rejects)).all()) == 1


def test_a_file_that_cannot_be_read_is_said(hub: TestHub, tmp_path: Path) -> None:
    """A slip in the name ends in a sentence."""
    code, lines = run(hub, tmp_path / "nothing.kayasol")
    assert code == 1
    assert lines[0].endswith("refused whole: the file cannot be read: No such file or directory")


def test_folders_are_searched_and_what_systems_hide_there_is_not(hub: TestHub, tmp_path: Path) -> None:
    """A stick has folders, and other files; one without any courier file is said to be so."""
    (tmp_path / "stick" / "deep").mkdir(parents=True)
    write(tmp_path / "stick" / "b.kayasol", of(*ROWS))
    write(tmp_path / "stick" / "deep" / "a.kayasol", of(*ROWS))
    (tmp_path / "stick" / "._a.kayasol").write_bytes(b"a shadow that a Mac leaves")
    (tmp_path / "stick" / "photo.jpg").write_bytes(b"x")
    code, lines = run(hub, tmp_path / "stick")
    assert (code, lines[-1]) == (0, "in all: 2 files, 8 rows in 2 batches, 4 new")
    (tmp_path / "empty").mkdir()
    config = tmp_path / "hub.yaml"
    config.write_text(f"database: sqlite:///{tmp_path}/ledger.db", "utf-8")
    assert main(["--config", str(config), "import", str(tmp_path / "empty")]) == 2
    assert main(["--config", str(config), "import", str(tmp_path / "stick")]) == 0


def test_a_full_disk_stops_an_import_that_goes_on_later(hub: TestHub, tmp_path: Path) -> None:
    """What was committed stays, what was not is said, and the same file completes it."""
    many = [of(event(seq, AgentStarted("1", "b" * 500)), epoch=3) for seq in range(1, 400)]
    path = write(tmp_path / "a.kayasol", *many)
    limit = [90]

    def shrink(dbapi: object, _: object) -> None:
        dbapi.cursor().execute(f"PRAGMA max_page_count={limit[0]}")  # type: ignore[attr-defined]

    hub.ledger.engine.dispose()
    sa_event.listen(hub.ledger.engine, "connect", shrink)
    code, lines = run(hub, path)
    assert code == 1
    assert "then it had to stop: the ledger " in lines[0]
    assert " refuses: database or disk is full; import it again" in lines[0]
    before = size(received(hub))
    assert 0 < before < 399
    limit[0] = 10**6
    hub.ledger.engine.dispose()
    code, lines = run(hub, path)
    assert (code, f"{399 - before} new" in lines[0]) == (0, True)


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, 10**9))
def test_any_mixture_of_link_and_files_in_any_order_brings_every_row_once(
    tmp_path_factory: pytest.TempPathFactory, seed: int
) -> None:
    """Batches by the link, by files, by both, and files twice: each row is there once."""
    chance = random.Random(seed)  # noqa: S311
    directory = tmp_path_factory.mktemp("hub")
    hub = TestHub(directory)
    sent = histories.batches(chance)
    for number in range(chance.randrange(1, 4)):
        chosen = [one for one in sent if chance.random() < 0.5]
        write(directory / f"{number}.kayasol", *chosen)
        for one in chance.sample(sent, len(sent) // 2):
            hub.send_batch(one)
        for _ in range(2):
            assert run(hub, directory / f"{number}.kayasol")[0] == 0
    write(directory / "rest.kayasol", *sent)
    rows = {(one.epoch, seq) for one in sent for seq in one.seqs()}
    assert run(hub, directory / "rest.kayasol")[0] == 0
    assert sum(size(known.received) for known in hub.ledger.numbers(SITE.site).values()) == len(rows)
    assert run(hub, directory / "rest.kayasol")[1][0].endswith("nothing new")
    hub.ledger.close()


def test_a_large_file_takes_little_memory(hub: TestHub, tmp_path: Path) -> None:
    """Records are read as they are needed: a file of many megabytes costs a group of messages, not itself."""
    path = write(tmp_path / "a.kayasol", *[bytes(60_000)] * 400)
    assert path.stat().st_size > 20_000_000
    tracemalloc.start()
    with path.open("rb") as file:
        outcome = courier_ingest.take(hub.ledger, file, NOON_MS, lambda _: None)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert outcome.done.rejected == {"malformed": 400}
    assert peak < 12_000_000


def test_progress_is_told_up_to_the_end(hub: TestHub, tmp_path: Path) -> None:
    """The bar reaches the size of the file."""
    path = write(tmp_path / "a.kayasol", of(*ROWS))
    told: list[int] = []
    with path.open("rb") as file:
        courier_ingest.take(hub.ledger, file, NOON_MS, told.append)
    assert told
    assert path.stat().st_size - 9 <= told[-1] <= path.stat().st_size
