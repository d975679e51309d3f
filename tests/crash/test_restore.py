"""A hub that forgets what it acknowledged: its ledger restored from a copy, or its log cut off."""

from __future__ import annotations

import random
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.crash.account import assert_complete, assert_sound, line_of, nothing_missing, read_ledger, read_outbox
from tests.crash.load import Load
from tests.crash.world import Place, loaded, site_of, until, until_drained

TURNS = 3


@pytest.mark.timeout(240)
def test_a_restored_ledger_is_filled_up_again_by_the_site(
    tmp_path: Path, seed: int, chance: random.Random, tell: Callable[[str], None]
) -> None:
    """Rows that the hub had acknowledged and lost come again, each once; the edge may be killed in between."""
    forgotten = 0
    with loaded(Load(tmp_path / "pins", chance)) as load, site_of("mosquitto", Place.plain(tmp_path), load) as site:
        load.open_kiosk()
        for turn in range(TURNS):
            time.sleep(2)
            backup = shutil.copy(site.ledger(), tmp_path / "backup.db")
            time.sleep(chance.uniform(3, 5))
            before = _rows(site.ledger())
            site.end("hub")
            for file in tmp_path.glob("ledger.db*"):
                file.unlink()
            shutil.copy(backup, tmp_path / "ledger.db")
            forgotten += before - _rows(backup)
            if turn:
                site.kill("edge")
            site.start("hub")
        load.close_kiosk()
        time.sleep(2)
        until_drained(site)
        until(lambda: nothing_missing(site.ledger()), "the hub still lacks rows")
        left, stored = read_outbox(site.outbox()), read_ledger(site.ledger())
    tell(line_of("ledger restored", seed, left, stored, f"{forgotten} acknowledged rows forgotten"))
    assert_sound(stored.values(), load.count)
    assert_complete(left, stored[left.epoch])
    assert set(stored[left.epoch].lost) <= {"unused"}
    assert forgotten > 10


def _rows(ledger: str | Path) -> int:
    return sum(len(one.seqs) for one in read_ledger(Path(ledger)).values())
