"""Both sides' counts and seals through every misfortune of a site: what the hub adds up is always explained."""

from __future__ import annotations

import copy
import random
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edge.delivery import compose
from edge.ports import SampleRow
from hub.answers.loss import Comparison, loss
from hub.enrolment_store import Offer
from hub.seals import Seal, SealVerdict
from protocol import batch as wire_batch
from protocol.batch import Batch, EventRow
from protocol.control import Ack
from protocol.events import AgentStarted, AlarmCleared, ChargingSession, EndReason, Gap, GapCause, SlotTaken
from protocol.seal import KEY_BYTES
from tests.fakes import MemoryOutbox
from tests.hub.builders import NOON_MS, SCHEMA_ID, SCHEMA_PAYLOAD, TestHub

KEY = b"k" * KEY_BYTES
STEPS = 40
HOURS = 7
EVERYTHING = 10_000
FAR = 2**50


class Site:
    """A site whose rows, commits, cuts and cards are drawn from one seed."""

    def __init__(self, hub: TestHub, seed: int) -> None:
        self.chance = random.Random(seed)  # noqa: S311  a misfortune must be repeatable
        self.outbox = MemoryOutbox(epoch=1 + seed, rows_max=60, chance=self.chance, key=KEY)
        hub.ledger.enrol(Offer("ecole-a", hub.ledger.new_token("ecole-a", NOON_MS), KEY), NOON_MS)
        self.outbox.use_schema(SCHEMA_ID, SCHEMA_PAYLOAD)
        self.hub = hub
        self.boots = 0
        self.uptime_s = 0
        self.reboot()

    def reboot(self) -> None:
        """Come back after a cut with what was committed, in a new boot."""
        self.outbox = self.outbox.reopen(KEY)
        self.outbox.use_schema(SCHEMA_ID, SCHEMA_PAYLOAD)
        self.boots += 1
        self.boot = self.outbox.boot_number(f"boot-{self.boots}")
        self.uptime_s = 30
        self.outbox.add_event(self.boot, self.uptime_s, AgentStarted("0", "boot"))
        self.outbox.commit([])
        self.earlier = copy.deepcopy(self.outbox)

    def live(self) -> None:
        """Take rows for some hours, and commit them or not."""
        for _ in range(self.chance.randrange(6)):
            self.uptime_s += self.chance.randrange(HOURS * 3600)
            moment = self.boot, self.uptime_s
            match self.chance.randrange(4):
                case 0:
                    taken = self.outbox.add_event(*moment, SlotTaken(1))
                    ended = ChargingSession(1, taken, self.boot, 30, self.boot, self.uptime_s, EndReason.UNPLUGGED)
                    self.outbox.add_event(*moment, ended)
                case _:
                    values = [self.chance.choice([None, self.chance.randrange(9)]) for _ in range(3)]
                    self.outbox.add_sample(0, *moment, values)
        if self.chance.random() < 0.8:
            self.outbox.commit([])

    def send(self, limit: int) -> Ack | None:
        """Send some of what waits; what comes back may be lost."""
        rows = self.outbox.pending(limit, frozenset())
        if not rows:
            return None
        return self.hub.send_batch(self._through(compose(self.outbox.epoch, rows)))

    def deliver(self) -> None:
        """Send, and let go of what is acknowledged."""
        ack = self.send(self.chance.randrange(1, 40))
        if ack is not None and self.chance.random() < 0.7:
            self.outbox.settle(ack.upto, ack.missing, (), NOON_MS)

    def refuse(self) -> None:
        """Have the hub refuse rows: they are declared, committed, and set aside."""
        seqs = [row.seq for row in self.outbox.pending(2, frozenset()) if not _is_gap(row)]
        for seq in seqs:
            self.outbox.add_event(self.boot, self.uptime_s, Gap(seq, seq, GapCause.REFUSED_BY_HUB))
        self.outbox.commit([])
        self.outbox.refuse(seqs, "no")

    def forget(self) -> None:
        """Take the card back to an earlier state, as one does that lied or was restored."""
        self.outbox = self.earlier
        self.outbox._chance = self.chance  # noqa: SLF001  luck does not repeat itself
        self.reboot()

    def remember(self) -> None:
        """Keep an image of the card."""
        self.earlier = copy.deepcopy(self.outbox)

    def settle_down(self) -> None:
        """Deliver everything, after three more days, so that a last tally covers the misfortunes."""
        for _ in range(3):
            self.uptime_s += 86_400
            self.outbox.add_event(self.boot, self.uptime_s, AlarmCleared("door"))
            self.outbox.commit([])
        while (ack := self.send(EVERYTHING)) is not None:
            self.outbox.settle(ack.upto, ack.missing, (), NOON_MS)

    def _through(self, sent: Batch) -> Batch:
        return wire_batch.decode(wire_batch.encode(sent))


def _is_gap(row: SampleRow | EventRow) -> bool:
    return isinstance(row, EventRow) and isinstance(row.event, Gap)


def _misfortunes(site: Site) -> Iterator[None]:
    acts = [site.live] * 6 + [site.deliver] * 3 + [site.reboot] * 2 + [site.refuse, site.forget, site.remember]
    for _ in range(STEPS):
        yield site.chance.choice(acts)()


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 2**32))
def test_every_tally_agrees_whatever_befell_the_site(tmp_path_factory: pytest.TempPathFactory, seed: int) -> None:
    """Cuts, full disks, refusals, lost acks, cards that forget: once the dust settles, both sides count the same."""
    hub = TestHub(Path(tmp_path_factory.mktemp("tally")))
    try:
        site = Site(hub, seed)
        for _ in _misfortunes(site):
            pass
        site.settle_down()
        while hub.ledger.compare_tally(NOON_MS):
            pass
        answer = loss(hub.ledger, "ecole-a")
        assert answer.missing == 0
        assert answer.tallies
        assert [found for found in answer.tallies if found.comparison is not Comparison.AGREES] == []
        assert all(isinstance(found.lost, int) for found in answer.tallies)
        for found in answer.tallies:
            assert found.seals is not None
            assert {found.seals.events, found.seals.samples} <= {Seal.AGREES, Seal.ROWS_LOST}
            assert found.lost or found.seals == SealVerdict(Seal.AGREES, Seal.AGREES)
    finally:
        hub.ledger.close()


@pytest.mark.parametrize("seed", range(5))
def test_a_row_that_is_lost_without_a_word_is_found(tmp_path: Path, seed: int) -> None:
    """A hub that drops one row and calls it received is found out by the count."""
    hub = TestHub(tmp_path)
    site = Site(hub, seed)
    for _ in range(3):
        site.live()
    site.outbox.commit([])
    rows = [row for row in site.outbox.pending(EVERYTHING, frozenset()) if isinstance(row, EventRow)]
    dropped = next(row for row in rows if isinstance(row.event, AgentStarted))
    site.outbox.settle(0, (), [dropped.seq], NOON_MS)
    said = Gap(dropped.seq, dropped.seq, GapCause.UNUSED)
    hub.send_batch(Batch(site.outbox.epoch, events=(EventRow(FAR, 1, 0, said),)))
    site.settle_down()
    while hub.ledger.compare_tally(NOON_MS):
        pass
    assert Comparison.DIFFERS in {found.comparison for found in loss(hub.ledger, "ecole-a").tallies}
    hub.ledger.close()
