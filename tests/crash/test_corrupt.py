"""Files spoilt by a dying card, between one life of a process and the next."""

from __future__ import annotations

import random
import signal
import time
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from hub.answers.loss import loss
from hub.io.ledger import SqlLedger
from tests.crash.account import (
    assert_complete,
    assert_money,
    assert_sound,
    line_of,
    nothing_missing,
    read_ledger,
    read_outbox,
)
from tests.crash.damage import PAGE, damage
from tests.crash.load import Load
from tests.crash.world import Place, loaded, site_of, until, until_agent_runs, until_drained

ROUNDS = 8
CUTS = 5


@pytest.mark.timeout(300)
def test_a_spoilt_outbox_costs_rows_that_are_counted_and_never_sends_a_wrong_one(
    tmp_path: Path, seed: int, chance: random.Random, tell: Callable[[str], None]
) -> None:
    """After each damage the agent comes up; what arrives was really read; what the old epoch lacks is known."""
    done: Counter[str] = Counter()
    with loaded(Load(tmp_path / "pins", chance)) as load, site_of("nats", Place.plain(tmp_path), load) as site:
        load.open_kiosk()
        for _ in range(ROUNDS):
            time.sleep(chance.uniform(1, 3))
            site.end("edge", chance.choice((signal.SIGKILL, signal.SIGTERM)))
            done[damage(tmp_path / "outbox" / "outbox.db", chance)] += 1
            site.start("edge")
            until_agent_runs(site)
        load.close_kiosk()
        time.sleep(2)
        assert site.lives("edge")
        until_drained(site)
        left, stored = read_outbox(site.outbox()), read_ledger(site.ledger())
    aside = sum(path.suffix.removeprefix(".corrupt-").isdecimal() for path in (tmp_path / "outbox").iterdir())
    missing = {f"{epoch:016x}": one.missing() for epoch, one in stored.items()}
    tell(line_of("outbox spoilt", seed, left, stored, f"{aside} files set aside; {dict(done)}"))
    assert_sound(stored.values(), load.count)
    assert_money(left, stored[left.epoch])
    assert not missing[f"{left.epoch:016x}"]
    assert len(stored) > 1
    ledger = SqlLedger(f"sqlite:///{site.ledger()}")
    with closing(ledger):
        answer = loss(ledger, "crash")
    assert {epoch.epoch: epoch.missing_ranges for epoch in answer.epochs} == missing


@pytest.mark.timeout(300)
def test_a_log_that_lost_its_end_never_gives_one_number_to_two_rows(
    tmp_path: Path, seed: int, chance: random.Random, tell: Callable[[str], None]
) -> None:
    """What the outbox forgot may have been sent: money taken afterwards is in the hub all the same, as it was."""
    cut = 0
    with loaded(Load(tmp_path / "pins", chance)) as load, site_of("mosquitto", Place.plain(tmp_path), load) as site:
        load.open_kiosk()
        for turn in range(CUTS):
            time.sleep(chance.uniform(2, 3))
            site.end("edge")
            log = tmp_path / "outbox" / "outbox.db-wal"
            whole = log.stat().st_size
            with log.open("r+b") as file:
                file.truncate(chance.randrange(whole))
            cut += whole - log.stat().st_size
            if turn % 2:
                site.boot()
            else:
                site.start("edge")
            until_agent_runs(site)
        load.close_kiosk()
        time.sleep(2)
        until_drained(site)
        until(lambda: nothing_missing(site.ledger()), "the hub waits for numbers that nobody has")
        left, stored = read_outbox(site.outbox()), read_ledger(site.ledger())
    tell(line_of("log cut off", seed, left, stored, f"{cut} bytes of log lost"))
    assert_sound(stored.values(), load.count)
    assert_money(left, stored[left.epoch])
    # A log cut off at its very beginning leaves no outbox: its epoch ends there, and the next has no start before it.
    assert {cause for one in stored.values() for cause in one.lost} <= {"unused"}


@pytest.mark.timeout(120)
def test_a_hub_does_not_start_on_a_damaged_ledger(
    tmp_path: Path, seed: int, chance: random.Random, tell: Callable[[str], None]
) -> None:
    """It says what to do; nothing is acknowledged meanwhile, and with the sound file back all rows arrive."""
    with loaded(Load(tmp_path / "pins", chance)) as load, site_of("nats", Place.plain(tmp_path), load) as site:
        load.open_kiosk()
        time.sleep(3)
        site.end("hub", signal.SIGTERM)
        ledger = tmp_path / "ledger.db"
        sound = ledger.read_bytes()
        for spoilt in (_middle_garbled(sound, chance), b"no ledger at all" * 1000):
            ledger.write_bytes(spoilt)
            assert site.run("refusal", site.commands["hub"]) == 2
            said = (tmp_path / "refusal.log").read_text("utf-8")
            assert "is damaged" in said
            assert "kayasol-hub restore FILE" in said
            assert "Traceback" not in said
            tell(said)
        ledger.write_bytes(sound)
        site.start("hub")
        load.close_kiosk()
        until_drained(site)
        left, stored = read_outbox(site.outbox()), read_ledger(site.ledger())
    tell(line_of("ledger damaged", seed, left, stored))
    assert_sound(stored.values(), load.count)
    assert_complete(left, stored[left.epoch])


def _middle_garbled(data: bytes, chance: random.Random) -> bytes:
    """Spoil every page but the first, so that the file still looks like one of SQLite."""
    return data[:PAGE] + chance.randbytes(len(data) - PAGE)
