"""Sites that send nothing but garbage are not heard for a while; what they once had acknowledged stays."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from sqlalchemy import func, select

from hub.api.operations import HubCollector
from hub.ingest.decode import Message
from hub.ingest.fair import FairQueue
from hub.ingest.novelty import RATES, Kind, Novelty
from hub.ingest.quarantine import FIRST_MS, LONGEST_MS, STREAK_MAX, Quarantine
from hub.io import tables as t
from protocol import batch, schema
from protocol.events import AlarmCleared
from protocol.schema import ColumnSpec, Schema, TableSpec
from protocol.topics import Address, Channel
from tests.hub.builders import ADDRESS, NOON_MS, SITE, MemoryInbox, TestHub, event, of
from tests.hub.door import context_of

OTHER = Address(5, "ecole-b")


def refused(quarantine: Quarantine, count: int, now_ms: int) -> list[int]:
    """Refuse so many messages of a site; lists the pauses that brought it."""
    pauses = [quarantine.refused("a", now_ms) for _ in range(count)]
    return [pause for pause in pauses if pause is not None]


def test_a_site_is_set_aside_for_longer_each_time_and_let_in_again() -> None:
    """A minute, then twice as long, up to an hour."""
    quarantine, now_ms = Quarantine(), NOON_MS
    assert refused(quarantine, STREAK_MAX - 1, now_ms) == []
    assert not quarantine.holds("a", now_ms)
    pauses = []
    for _ in range(9):
        pauses += refused(quarantine, STREAK_MAX, now_ms)
        now_ms += pauses[-1]
        assert quarantine.holds("a", now_ms - 1)
        assert not quarantine.holds("a", now_ms)
    assert pauses[:3] == [FIRST_MS, 2 * FIRST_MS, 4 * FIRST_MS]
    assert pauses[-1] == LONGEST_MS


def test_a_good_message_is_forgiveness() -> None:
    """A site that narrows a refused batch down to its one wrong row is never set aside."""
    quarantine = Quarantine()
    for _ in range(20):
        refused(quarantine, STREAK_MAX - 1, NOON_MS)
        quarantine.taken("a")
    assert not quarantine.holds("a", NOON_MS)
    assert refused(quarantine, STREAK_MAX, NOON_MS) == [FIRST_MS]


def test_a_clock_that_is_set_back_sets_nobody_aside_for_a_year() -> None:
    """No pause is longer than the longest."""
    quarantine = Quarantine()
    refused(quarantine, STREAK_MAX, NOON_MS)
    assert not quarantine.holds("a", NOON_MS - 365 * 86_400_000)


def garbage(hub: TestHub, count: int, at_ms: int) -> None:
    """Send so many messages that nobody can read, all different."""
    for number in range(count):
        hub.send(Channel.UP, b"garbage %d" % number, at_ms=at_ms)


def test_garbage_is_read_no_more_and_counted(hub: TestHub) -> None:
    """The state stands in the metrics; the broker is done with what is dropped; the log says it once."""
    garbage(hub, STREAK_MAX + 7, NOON_MS)
    assert hub.consumer.counters.rejected == {"malformed": STREAK_MAX}
    assert len(hub.inbox.settled) == STREAK_MAX + 8
    context = context_of(hub.ledger, hub.store, NOON_MS)
    found = {
        sample.name: sample.value
        for metric in HubCollector(hub.consumer.counters, context).collect()
        for sample in metric.samples
        if sample.labels.get("site") == SITE.site
    }
    assert (found["kayasol_site_dropped_total"], found["kayasol_site_set_aside_seconds"]) == (7, 60)


def test_a_site_that_was_set_aside_is_well_again_with_its_first_good_message(hub: TestHub) -> None:
    """What it sent meanwhile was not acknowledged, so it is sent again, and taken."""
    garbage(hub, STREAK_MAX, NOON_MS)
    sent = batch.encode(of(event(1, AlarmCleared("door"))))
    assert hub.send(Channel.UP, sent, at_ms=NOON_MS + 1) is None
    ack = hub.send(Channel.UP, sent, at_ms=NOON_MS + FIRST_MS + 1)
    assert ack is not None
    assert ack.upto == 1
    garbage(hub, STREAK_MAX, NOON_MS + FIRST_MS + 2)
    assert hub.send(Channel.UP, sent, at_ms=NOON_MS + 2 * FIRST_MS + 2) is not None


def test_strangers_are_set_aside_all_together(hub: TestHub) -> None:
    """Names are free: a thousand of them are one sender. A site that is enrolled afterwards is heard at once."""
    sent = batch.encode(of(event(1, AlarmCleared("door"))))
    for number in range(STREAK_MAX + 50):
        hub.send(Channel.UP, sent, Address(5, f"nobody-{number}"))
    assert hub.consumer.counters.rejected == {"unknown_site": STREAK_MAX}
    assert hub.send(Channel.UP, sent, OTHER) is None
    hub.ledger.add_site(replace(SITE, site=OTHER.site, shard=OTHER.shard))
    assert hub.send(Channel.UP, sent, OTHER) is not None


def kept(hub: TestHub, site: str | None = None) -> int:
    """Count the refused messages that are kept."""
    mine = t.rejects.c.site == site if site is not None else t.rejects.c.id > 0
    with hub.ledger.reading() as connection:
        return int(connection.execute(select(func.count()).select_from(t.rejects).where(mine)).scalar_one())


def test_refused_messages_of_one_site_do_not_push_out_anothers(hub: TestHub) -> None:
    """Each site has room for fifty; the oldest go, counted. All strangers together have as many."""
    hub.ledger.add_site(replace(SITE, site=OTHER.site, shard=OTHER.shard))
    hub.send(Channel.UP, b"one", OTHER)
    garbage(hub, 90, NOON_MS)
    for number in range(90):
        hub.send(Channel.UP, b"x", Address(5, f"nobody-{number}"))
    assert (kept(hub, OTHER.site), kept(hub, SITE.site), kept(hub)) == (1, 50, 101)
    assert hub.consumer.counters.forgotten == 80


def test_new_epochs_without_end_are_not_taken_and_not_acknowledged(hub: TestHub) -> None:
    """A site has a new epoch with a new card; what is over waits, and the epochs that are known go on."""
    most = int(RATES[Kind.EPOCH].most)
    acks = [
        hub.send(Channel.UP, batch.encode(of(event(1, AlarmCleared("door")), epoch=epoch)))
        for epoch in range(1, most + 6)
    ]
    assert [ack is not None for ack in acks] == [True] * most + [False] * 5
    assert hub.consumer.counters.too_new == {Kind.EPOCH: 5}
    assert hub.send_batch(of(event(2, AlarmCleared("door")))).upto == 2
    late = batch.encode(of(event(1, AlarmCleared("door")), epoch=most + 1))
    assert hub.send(Channel.UP, late, at_ms=NOON_MS + 86_400_000) is not None


def test_new_schemas_without_end_are_not_kept(hub: TestHub) -> None:
    """A schema is kept for good, so a site has few new ones a day."""
    for number in range(1, 60):
        described = Schema((TableSpec(f"t{number}", 60, (ColumnSpec("a.soc_pct", 0),)),))
        hub.send(Channel.SCHEMA, schema.encode(described))
    with hub.ledger.reading() as connection:
        found = connection.execute(select(func.count()).select_from(t.schemas)).scalar_one()
    assert found == int(RATES[Kind.SCHEMA].most)


def test_a_commit_that_failed_brought_nothing_new() -> None:
    """Only what is committed counts against a site."""
    novelty = Novelty()
    assert novelty.left("a", Kind.EPOCH, 0) == novelty.left("a", Kind.EPOCH, 0)
    novelty.brought({("a", Kind.EPOCH): 30}, 0)
    assert novelty.left("a", Kind.EPOCH, 0) == 2
    assert novelty.left("b", Kind.EPOCH, 0) == 32
    assert novelty.left("a", Kind.EPOCH, 86_400_000) == 18


class FairInbox(MemoryInbox):
    """An `Inbox` behind the real queue."""

    def __init__(self) -> None:
        super().__init__()
        self.queue = FairQueue()

    def arrive(self, address: Address, payload: bytes) -> None:
        """Let a message arrive."""
        self.queue.put(address.site, Message(address.topic(Channel.UP), payload, NOON_MS, mid=1), 0)

    def take(self, limit: int) -> list[Message]:
        """See `Inbox.take`."""
        return self.queue.take(limit, 0)


def _events(count: int) -> Callable[[int], bytes]:
    return lambda number: batch.encode(
        of(*(event(number * count + row + 1, AlarmCleared("x")) for row in range(count)))
    )


@pytest.mark.parametrize(
    "flood",
    [lambda number: b"garbage %d" % number, _events(1), _events(40), lambda _: bytes(60_000)],
    ids=["garbage", "tiny batches", "large batches", "zeros"],
)
def test_a_flood_of_one_site_costs_no_other_a_turn(hub: TestHub, flood: Callable[[int], bytes]) -> None:
    """Whatever one site sends, and however fast, another's batch is acknowledged in the turn after it arrives."""
    hub.ledger.add_site(replace(SITE, site=OTHER.site, shard=OTHER.shard))
    inbox = FairInbox()
    hub.consumer._inbox = hub.inbox = inbox  # noqa: SLF001  the same hub behind another queue
    number = 0
    for turn in range(1, 31):
        for _ in range(100):
            inbox.arrive(ADDRESS, flood(number))
            number += 1
        inbox.arrive(OTHER, batch.encode(of(event(turn, AlarmCleared("good")))))
        hub.consumer.step(NOON_MS)
        assert [ack.upto for address, ack in inbox.acks if address == OTHER][-1] == turn
