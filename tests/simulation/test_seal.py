"""Seals on a real card: power that goes at any write, and hands that edit what is written."""

from __future__ import annotations

import itertools
import json
import random
import shutil
import sqlite3
from contextlib import closing, suppress
from pathlib import Path

import apsw
import pytest

from edge.delivery import compose
from edge.io.outbox import SqliteOutbox
from edge.io.outbox_space import Space
from edge.io.outbox_view import body_text, check_sum
from hub.answers.loss import loss
from hub.enrolment_store import Offer
from hub.seals import Seal, SealVerdict
from protocol import batch as wire_batch
from protocol.events import AgentStarted, AlarmCleared, ChargingSession, EndReason, SlotTaken
from protocol.seal import KEY_BYTES
from tests.hub.builders import NOON_MS, SCHEMA_ID, SCHEMA_PAYLOAD, TestHub
from tests.simulation.disk import Disk, Habits, PowerCut, mounted

KEY, OTHER_KEY = b"k" * KEY_BYTES, b"o" * KEY_BYTES
ALL = 10**9
DAY_S = 86_400
BOOTS = itertools.count()
AGREES = SealVerdict(Seal.AGREES, Seal.AGREES)


class Card:
    """A site whose rows are on a real card, in the hand of a test."""

    def __init__(self, folder: Path, key: bytes | None = KEY, chance: random.Random | None = None) -> None:
        self.path = folder / "outbox.db"
        self.key = key
        self._chance = chance or random.Random(1)  # noqa: S311  a misfortune must be repeatable
        self.start()

    def start(self) -> None:
        """Boot the Pi."""
        self.outbox = SqliteOutbox(Space(self.path, ALL, ALL, lambda _: ALL), self._chance, self.key)
        self.outbox.use_schema(SCHEMA_ID, SCHEMA_PAYLOAD)
        boot_id = f"boot-{next(BOOTS)}"
        self.boot = self.outbox.boot_number(boot_id)
        self.uptime_s = 30
        self.outbox.add_event(self.boot, self.uptime_s, AgentStarted("0", boot_id))
        self.outbox.commit([])

    def a_day(self) -> None:
        """Charge phones and sample for a day of uptime, with a commit now and then."""
        for _ in range(4):
            moment = self.boot, self.uptime_s
            taken = self.outbox.add_event(*moment, SlotTaken(1))
            self.outbox.add_sample(0, *moment, [self.uptime_s, None, 3])
            self.outbox.commit([])
            self.uptime_s += DAY_S // 4
            ended = ChargingSession(1, taken, self.boot, moment[1], self.boot, self.uptime_s, EndReason.UNPLUGGED)
            self.outbox.add_event(self.boot, self.uptime_s, ended)
            self.outbox.commit([])

    def deliver(self, hub: TestHub) -> None:
        """Send everything that waits."""
        while rows := self.outbox.pending(50, frozenset()):
            payload = wire_batch.encode(compose(self.outbox.epoch, rows))
            ack = hub.send_batch(wire_batch.decode(payload))
            self.outbox.settle(ack.upto, ack.missing, [row.seq for row in rows], NOON_MS)


@pytest.fixture
def hub(tmp_path: Path) -> TestHub:
    """Give a hub that knows the key of the site."""
    hub = TestHub(tmp_path)
    hub.ledger.enrol(Offer("ecole-a", hub.ledger.new_token("ecole-a", NOON_MS), KEY), NOON_MS)
    return hub


def verdicts(hub: TestHub) -> list[SealVerdict | None]:
    """List what the seals say, the oldest first."""
    while hub.ledger.compare_tally(NOON_MS):
        pass
    return [found.seals for found in sorted(loss(hub.ledger, "ecole-a").tallies, key=lambda found: found.first_seq)]


@pytest.mark.parametrize("survives", [0.0, 0.5])
def test_power_may_go_at_any_write(tmp_path: Path, survives: float) -> None:
    """At each of the writes and flushes of some days in turn: the seals of what is left agree."""
    cuts = 0
    for countdown in range(0, 60, 3):
        folder = tmp_path / str(countdown)
        folder.mkdir()
        chance = random.Random(countdown)  # noqa: S311
        disk = Disk(chance, Habits(survives, tears=True))
        with mounted(disk):
            card = Card(folder, chance=chance)
            for _ in range(3):
                disk.countdown = countdown
                with suppress(PowerCut):
                    card.a_day()
                    disk.countdown = None
                    continue
                cuts += 1
                disk.cut()
                with suppress(apsw.Error, PowerCut):
                    card.outbox.close()
                disk.restore()
                card.start()
            card.a_day()
            card.a_day()
            hub = TestHub(folder)
            hub.ledger.enrol(Offer("ecole-a", hub.ledger.new_token("ecole-a", NOON_MS), KEY), NOON_MS)
            card.deliver(hub)
            card.outbox.close()
        found = verdicts(hub)
        hub.ledger.close()
        assert len(found) >= 2
        assert set(found) == {AGREES}
    assert cuts >= 30


def edit(path: Path, kind: int, change: dict[int, int], nth: int) -> None:
    """Change fields of the so-manieth event of a kind that waits on a card, check sums and all."""
    with closing(sqlite3.connect(path)) as db, db:
        rows = db.execute("SELECT seq, lane, schema_id, tab, boot, uptime_s, body FROM rows ORDER BY seq").fetchall()
        row = [row for row in rows if row[2] is None and json.loads(row[6])[0] == kind][nth]
        body = json.loads(row[6])
        for at, value in change.items():
            body[at] = value
        edited = (*row[:6], body_text(body))
        db.execute("UPDATE rows SET body = ?, sum = ? WHERE seq = ?", (edited[6], check_sum(*edited), row[0]))


def test_an_edited_card_shows_on_that_day_and_no_other(hub: TestHub, tmp_path: Path) -> None:
    """A shorter charge, written over with sqlite3 while the Pi is off, its check sum right: day two of three."""
    card = Card(tmp_path / "card")
    for _ in range(3):
        card.a_day()
    card.outbox.close()
    edit(card.path, ChargingSession.kind, {6: 1}, nth=5)
    card.start()
    card.deliver(hub)
    card.outbox.close()
    assert verdicts(hub) == [AGREES, SealVerdict(Seal.DIFFERS, Seal.AGREES), AGREES]


def test_an_edit_in_the_day_that_runs_shows_when_it_ends(hub: TestHub, tmp_path: Path) -> None:
    """The chain of the day so far is on the card, and cannot be made to fit without the key."""
    card = Card(tmp_path / "card")
    card.a_day()
    card.outbox.add_event(card.boot, card.uptime_s + 60, SlotTaken(3))
    card.outbox.commit([])
    card.outbox.close()
    edit(card.path, SlotTaken.kind, {1: 2}, nth=4)
    card.start()
    card.a_day()
    card.deliver(hub)
    card.outbox.close()
    assert verdicts(hub) == [AGREES, SealVerdict(Seal.DIFFERS, Seal.AGREES)]


@pytest.mark.parametrize(("key", "seal"), [(None, Seal.UNSEALED), (OTHER_KEY, Seal.DIFFERS)])
def test_a_stolen_copy_without_the_key_cannot_pass(hub: TestHub, tmp_path: Path, key: bytes | None, seal: Seal) -> None:
    """It goes on where the card was, with no key or with one of its own: none of its days agree."""
    card = Card(tmp_path / "card")
    card.a_day()
    card.deliver(hub)
    card.outbox.close()
    shutil.copytree(tmp_path / "card", tmp_path / "copy")
    copy = Card(tmp_path / "copy", key)
    for _ in range(2):
        copy.a_day()
    copy.deliver(hub)
    copy.outbox.close()
    first, *others = verdicts(hub)
    assert first == AGREES
    assert len(others) >= 2
    assert {found.events for found in others if found is not None} <= {seal, Seal.UNSEALED}
    assert others[-1] == SealVerdict(seal, seal)


def test_a_card_that_was_set_back_goes_on_with_its_seals(hub: TestHub, tmp_path: Path) -> None:
    """An image of yesterday lives a second time: both lives are sealed right, each with what it knows."""
    card = Card(tmp_path / "card")
    card.a_day()
    card.outbox.add_event(card.boot, card.uptime_s + 60, AlarmCleared("door"))
    card.outbox.commit([])
    card.outbox.close()
    shutil.copytree(tmp_path / "card", tmp_path / "image")
    card.start()
    card.a_day()
    card.deliver(hub)
    card.outbox.close()
    again = Card(tmp_path / "image", chance=random.Random(2))  # noqa: S311
    again.a_day()
    again.deliver(hub)
    again.outbox.close()
    assert set(verdicts(hub)) == {AGREES}
