"""Export: what an outbox holds travels as a file, whether it waits, is kept, or lies in a damaged outbox."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import apsw
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge import settings as site_settings
from edge.__main__ import main
from edge.errors import Refused, RetryLater
from edge.exporting import export
from edge.io.outbox import SqliteOutbox
from edge.io.outbox_space import Space
from edge.settings import Settings
from firmware_config import board_text, profile_text
from protocol import batch, courier, schema
from protocol.batch import Batch
from protocol.events import SlotTaken
from protocol.schema import ColumnSpec, Schema, TableSpec

SITE = """\
site: {{id: ecole-a, name: École A, kind: school, commune: Kaya, shard: 3}}
devices: {{controller: {{profile: epever-tracer, connection: {{host: 127.0.0.1}}}}}}
uplink: {{host: hub.example.org}}
outbox: {{directory: {directory}}}
"""
ONE, TWO = (
    schema.encode(Schema((TableSpec("controller", 60, (ColumnSpec(f"{name}.panel_power_w", 0),)),)))
    for name in ("one", "two")
)
ALL = 10**9
SETTINGS = site_settings.parse(
    SITE.format(directory="/nowhere"), "site.yaml", profile_text=profile_text, board_text=board_text
)


def site(directory: Path) -> Settings:
    """Give the settings of a site whose outbox lies in this folder."""
    return replace(SETTINGS, outbox=replace(SETTINGS.outbox, directory=str(directory)))


def opened(directory: Path) -> SqliteOutbox:
    """Open the outbox of that folder."""
    outbox = SqliteOutbox(Space(directory / "outbox.db", ALL, ALL, lambda _: ALL))
    outbox.use_schema(schema.schema_id(ONE), ONE)
    return outbox


def fill(outbox: SqliteOutbox, rows: int) -> list[int]:
    """Commit samples that say their own number, and a slot taken after each ten."""
    seqs = []
    for number in range(rows):
        seqs.append(outbox.add_sample(0, 1, number, [number * 7]))
        if number % 10 == 0:
            seqs.append(outbox.add_event(1, number, SlotTaken(number)))
    outbox.commit([])
    return seqs


def carried(folder: Path) -> tuple[list[Batch], set[bytes]]:
    """Read every courier file of a folder: its batches and the ids of its schemas."""
    files = [courier.decode(path.read_bytes()) for path in folder.glob("*.kayasol")]
    batches = [batch.decode(payload) for file in files for payload in file.batches]
    return batches, {schema.schema_id(payload) for file in files for payload in file.schemas}


def seqs_of(batches: list[Batch]) -> list[int]:
    """List the seqs of batches, and hold what their rows say against what was written."""
    for one in batches:
        assert all(row.event == SlotTaken(row.uptime_s) for row in one.events)
        for table in one.tables:
            assert table.columns == (tuple(uptime_s * 7 for uptime_s in table.uptimes_s),)
    return sorted(seq for one in batches for seq in one.seqs())


@pytest.fixture
def outbox(tmp_path: Path) -> Iterator[SqliteOutbox]:
    """Give the open outbox of the site at `tmp_path`."""
    outbox = opened(tmp_path)
    yield outbox
    outbox.close()


def test_what_the_hub_lacks_is_written_beside_the_running_agent(outbox: SqliteOutbox, tmp_path: Path) -> None:
    """Every waiting row with its schema, money first; the outbox keeps them all."""
    seqs = fill(outbox, 1200)
    told = export(site(tmp_path), tmp_path / "stick", None, kept=False)
    assert re.search(rf"ecole-a-{outbox.epoch:016x}-{max(seqs)}\.kayasol: 1320 rows in 3 batches, \d+ bytes$", told)
    batches, schemas = carried(tmp_path / "stick")
    assert (seqs_of(batches), schemas) == (seqs, {schema.schema_id(ONE)})
    assert len(batches[0].events) == 120
    assert outbox.backlog().rows == 1320


def test_nothing_to_export_writes_nothing(outbox: SqliteOutbox, tmp_path: Path) -> None:
    """When the hub has everything, that is said."""
    outbox.settle(max(fill(outbox, 10)), (), (), 1)
    assert export(site(tmp_path), tmp_path / "stick", None, kept=False) == "nothing to export: the hub has everything"
    assert not (tmp_path / "stick").exists()


def test_all_brings_what_the_hub_has_acknowledged_too(outbox: SqliteOutbox, tmp_path: Path) -> None:
    """For a hub that lost its ledger: kept rows and waiting ones, but none that the hub refused."""
    first, last = fill(outbox, 30), fill(outbox, 30)
    outbox.refuse(first[:2], "no")
    outbox.settle(first[-1], (), (), 1)
    told = export(site(tmp_path), tmp_path / "stick", None, kept=True)
    assert f"-{last[-1]}-all.kayasol: 64 rows in 1 batch," in told
    assert seqs_of(carried(tmp_path / "stick")[0]) == (first + last)[2:]


def test_rows_of_several_schemas_go_in_several_batches(outbox: SqliteOutbox, tmp_path: Path) -> None:
    """A changed configuration makes another schema, and both travel."""
    seqs = fill(outbox, 5)
    outbox.use_schema(schema.schema_id(TWO), TWO)
    seqs += fill(outbox, 5)
    export(site(tmp_path), tmp_path / "stick", None, kept=False)
    batches, schemas = carried(tmp_path / "stick")
    assert (seqs_of(batches), schemas) == (seqs, {schema.schema_id(ONE), schema.schema_id(TWO)})


def test_a_damaged_outbox_gives_what_is_sound(tmp_path: Path) -> None:
    """Spoilt rows and a spoilt schema are left out and counted; the damaged file is not touched."""
    outbox = opened(tmp_path)
    seqs = fill(outbox, 100)
    outbox.settle(seqs[20], (), (), 1)
    outbox.close()
    with apsw.Connection(str(tmp_path / "outbox.db")) as db:
        db.execute("UPDATE rows SET body = '[1]' WHERE seq = ?", (seqs[50],))
        db.execute("UPDATE kept SET uptime_s = 1 WHERE seq = ?", (seqs[5],))
        db.execute("UPDATE schemas SET payload = x'00'")
    db.close()
    aside = tmp_path / "outbox.db.corrupt-1"
    (tmp_path / "outbox.db").rename(aside)
    before = aside.read_bytes()
    told = export(site(tmp_path), tmp_path / "stick", aside, kept=False)
    assert "-salvaged.kayasol: 108 rows in " in told
    assert told.endswith("; 2 rows are damaged and left out; 1 of their schemas are gone: the hub must know them")
    assert seqs_of(carried(tmp_path / "stick")[0]) == [seq for seq in seqs if seq not in {seqs[5], seqs[50]}]
    assert aside.read_bytes() == before
    assert [path.suffix for path in (tmp_path / "stick").iterdir()] == [".kayasol"]


@settings(max_examples=40)
@given(st.integers(0, 10**9))
def test_whatever_pages_are_spoilt_the_others_are_saved(tmp_path_factory: pytest.TempPathFactory, seed: int) -> None:
    """No wrong row is ever exported, and a page that is lost costs its own rows and no others."""
    directory = tmp_path_factory.mktemp("site")
    outbox = opened(directory)
    seqs = fill(outbox, 1000)
    outbox.close()
    chance = random.Random(seed)  # noqa: S311
    path = directory / "outbox.db"
    with apsw.Connection(str(path)) as db:
        pages = list(db.execute("SELECT pageno, name FROM dbstat WHERE pagetype = 'leaf'"))
    db.close()
    leaves, others = ([page for page, of in pages if of == name] for name in ("rows", "rows_by_value"))
    lost = chance.sample(leaves, chance.randrange(1, 4)) + chance.sample(others, chance.randrange(len(others)))
    data = bytearray(path.read_bytes())
    for page in lost:
        data[(page - 1) * 4096 : page * 4096] = chance.randbytes(4096) if chance.random() < 0.5 else bytes(4096)
    aside = directory / "outbox.db.corrupt-1"
    aside.write_bytes(data[: len(data) - chance.choice([0, 0, 1000])])
    told = export(site(directory), directory / "stick", aside, kept=False)
    found = seqs_of(carried(directory / "stick")[0])
    assert set(found) <= set(seqs)
    assert "cannot be read" in told or "damaged" in told
    spoilt_leaves = len(set(lost) & set(leaves)) + 1  # and the one that may have been cut off
    assert len(found) >= len(seqs) - spoilt_leaves * (len(seqs) // len(leaves) + 60)


@settings(max_examples=40)
@given(at=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7))
def test_a_flipped_bit_never_makes_a_wrong_row(tmp_path_factory: pytest.TempPathFactory, at: float, bit: int) -> None:
    """Wherever it flips: each exported row says what was written, or the file is refused in a sentence."""
    directory = tmp_path_factory.mktemp("site")
    outbox = opened(directory)
    seqs = fill(outbox, 200)
    outbox.close()
    data = bytearray((directory / "outbox.db").read_bytes())
    data[int(at * len(data))] ^= 1 << bit
    (directory / "aside").write_bytes(data)
    refused = ""
    try:
        export(site(directory), directory / "stick", directory / "aside", kept=True)
    except Refused as error:
        refused = str(error)
    batches, _ = carried(directory / "stick")
    assert set(seqs_of(batches)) <= set(seqs)
    assert {one.epoch for one in batches} <= {outbox.epoch}
    assert bool(batches) != ("too damaged" in refused)


def test_what_is_no_outbox_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A missing file, the present outbox and noise each end in a sentence."""
    opened(tmp_path).close()
    (tmp_path / "noise").write_bytes(b"noise" * 1000)
    with pytest.raises(RetryLater, match="there is no"):
        export(site(tmp_path), tmp_path / "stick", tmp_path / "nothing", kept=False)
    with pytest.raises(Refused, match="is the present outbox"):
        export(site(tmp_path), tmp_path / "stick", tmp_path / "outbox.db", kept=False)
    with pytest.raises(Refused, match="too damaged to tell whose rows are in it"):
        export(site(tmp_path), tmp_path / "stick", tmp_path / "noise", kept=False)
    (tmp_path / "site.yaml").write_text(SITE.format(directory=tmp_path), "utf-8")
    start = ["--site", str(tmp_path / "site.yaml"), "export", "--to", str(tmp_path / "stick")]
    assert main([*start, "--all"]) == 0
    assert "nothing to export: no row" in capsys.readouterr().out
    assert main([*start, "--outbox", str(tmp_path / "noise")]) == 2
    assert "kayasol-edge: " in capsys.readouterr().err
