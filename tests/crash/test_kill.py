"""SIGKILL, stalls and a forgetful broker at random under load: what the edge committed is in the hub exactly once."""

from __future__ import annotations

import random
import shutil
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.crash.account import assert_complete, assert_sound, line_of, read_ledger, read_outbox
from tests.crash.load import Load
from tests.crash.world import Place, Site, loaded, site_of, until_drained

KILLS = 50
STALLS = 6
REBOOTS = 6
WIPES = 3


def _wipe(site: Site) -> None:
    """Have the broker lose all it knew: messages it acknowledged, sessions, subscriptions."""
    site.end("broker")
    for store in ("jetstream", "mosquitto.db"):
        found = site.place.directory / "broker" / store
        if found.is_dir():
            shutil.rmtree(found)
        found.unlink(missing_ok=True)
    site.start("broker")


@pytest.mark.timeout(400)
@pytest.mark.parametrize("kind", ["nats", "mosquitto"])
def test_fifty_kills_lose_nothing_and_count_nothing_twice(
    kind: str, tmp_path: Path, seed: int, chance: random.Random, tell: Callable[[str], None]
) -> None:
    """Every committed row is in the hub once, whoever was killed, stalled, rebooted or emptied, and when."""
    strokes = ["kill"] * KILLS + ["stall"] * STALLS + ["reboot"] * REBOOTS + ["wipe"] * WIPES
    chance.shuffle(strokes)
    done: Counter[str] = Counter()
    with loaded(Load(tmp_path / "pins", chance)) as load, site_of(kind, Place.plain(tmp_path), load) as site:
        load.open_kiosk()
        time.sleep(3)
        for stroke in strokes:
            victim = {"wipe": "broker", "reboot": "edge"}.get(stroke) or chance.choice(list(site.commands))
            match stroke:
                case "kill":
                    site.kill(victim)
                case "stall":
                    site.stall(victim, chance.uniform(0.5, 2))
                case "reboot":
                    site.reboot()
                case _:
                    _wipe(site)
            done[f"{victim} {stroke}"] += 1
            time.sleep(chance.uniform(0.3, 1.6))
        load.close_kiosk()
        until_drained(site)
        plugged = load.plugged.total()
    left, stored = read_outbox(site.outbox()), read_ledger(site.ledger())
    tell(line_of(kind, seed, left, stored, f"{dict(done)}; {plugged} phones plugged in"))
    assert list(stored) == [left.epoch]
    assert_sound(stored.values(), load.count)
    assert_complete(left, stored[left.epoch])
    assert sum(len(one.seqs) for one in stored.values()) > 3 * KILLS
