"""Delivery over a link that loses, repeats and delays: all arrives, nothing is let go that did not, nothing storms."""

from __future__ import annotations

import itertools
import random
import zlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.clock import HubTime
from edge.ports import Backlog
from edge.uplink import (
    CONNECT_FIRST_S,
    CONNECT_MAX_S,
    CONNECT_PROVEN_S,
    LATE_MAX,
    RETRY_MAX_S,
    ROWS_FULL,
    ROWS_LEAST,
    WINDOW,
    Settlement,
    Uplink,
)
from protocol.control import Ack, Refused
from protocol.ranges import holes, members, runs

EPOCH = 77
SCHEMA = b"schema-1"
INTERVAL_S = 900.0
TIMEOUT_S = 60.0
A_DAY_S = 86_400


def uplink(seed: int = 1) -> Uplink:
    """Give an uplink that was never connected."""
    return Uplink(EPOCH, INTERVAL_S, TIMEOUT_S, random.Random(seed))  # noqa: S311  jitter keeps no secret


def connected(now_s: float = 0.0) -> Uplink:
    """Give an uplink whose link is up."""
    up = uplink()
    assert not up.should_connect(connected=True, connecting=False, now_s=now_s)
    return up


def ack(*batches: int, upto: int = 0, epoch: int = EPOCH, missing: Iterable[tuple[int, int]] = ()) -> Ack:
    """Acknowledge some batches."""
    return Ack(epoch, upto, 1_000_000, missing=tuple(missing), batches=batches)


def backlog(rows: int, urgent: int = 0) -> Backlog:
    """Count rows."""
    return Backlog(rows, urgent)


def test_a_batch_goes_when_its_time_has_come() -> None:
    """The first goes at once, the next when the interval is over, and none when there is nothing to send."""
    up = connected()
    assert not up.may_send(backlog(0), 0.0)
    assert up.may_send(backlog(5), 0.0)
    up.sent(1, range(1, 6), SCHEMA, 0.0)
    assert up.acknowledged(ack(1), 1.0) is not None
    assert not up.may_send(backlog(5), INTERVAL_S - 1)
    assert up.may_send(backlog(5), INTERVAL_S)


def test_a_backlog_and_an_alarm_do_not_wait() -> None:
    """A full batch goes at once; an alarm too, unless something is on its way already."""
    up = connected()
    up.sent(1, range(1, 6), SCHEMA, 0.0)
    assert up.may_send(backlog(5 + ROWS_FULL), 1.0)
    assert not up.may_send(backlog(4 + ROWS_FULL), 1.0)
    assert not up.may_send(backlog(6, urgent=1), 1.0)
    up.acknowledged(ack(1), 2.0)
    assert up.may_send(backlog(1, urgent=1), 2.0)


def test_no_more_is_in_flight_than_the_window() -> None:
    """However much waits, at most `WINDOW` batches are out, and their rows are not sent twice meanwhile."""
    up = connected()
    for batch in range(WINDOW):
        assert up.may_send(backlog(10_000), 0.0)
        up.sent(batch, [batch], SCHEMA, 0.0)
    assert not up.may_send(backlog(10_000), 0.0)
    assert up.excluded() == frozenset(range(WINDOW))


def test_an_ack_settles_what_it_names_and_brings_the_time() -> None:
    """The rows of named batches are settled; the hub's clock lies between the last sending and now."""
    up = connected()
    up.sent(1, [1, 2], SCHEMA, 10.0)
    up.sent(2, [3], SCHEMA, 12.0)
    settlement = up.acknowledged(ack(1, 2, 99, upto=3, missing=[(2, 2)]), 15.0)
    assert settlement is not None
    assert (settlement.upto, settlement.missing, sorted(settlement.seqs)) == (3, ((2, 2),), [1, 2, 3])
    assert settlement.hub_time == HubTime(1_000_000, 12.0, 15.0)
    assert (up.in_flight, up.last_ack_s) == ({}, 15.0)


def test_an_ack_of_another_epoch_is_not_ours() -> None:
    """What the hub says of an earlier outbox settles nothing in this one."""
    up = connected()
    up.sent(1, [1], SCHEMA, 0.0)
    assert up.acknowledged(ack(1, upto=50, epoch=EPOCH + 1), 1.0) is None
    assert list(up.in_flight) == [1]


def test_a_refusal_without_an_epoch_settles_nothing() -> None:
    """Epoch 0 stands for a batch the hub could not read: it may be refused, but nothing counts as stored."""
    up = connected()
    up.sent(1, [1], SCHEMA, 0.0)
    up.sent(2, [2], SCHEMA, 0.0)
    unread = Ack(0, 50, 1_000_000, batches=(2,), refused=(Refused(1, "unreadable"),))
    assert up.acknowledged(unread, 1.0) == Settlement(0, (), (), 1_000_000, refused=(((1,), "unreadable"),))
    assert list(up.in_flight) == [2]


def test_a_lost_ack_is_made_good_by_the_next() -> None:
    """A cumulative ack that covers a batch it does not name takes it out of flight; one that lacks a row does not."""
    up = connected()
    up.sent(1, [1, 2], SCHEMA, 0.0)
    up.sent(2, [3, 4], SCHEMA, 0.0)
    settlement = up.acknowledged(ack(upto=4, missing=[(4, 4)]), 1.0)
    assert settlement is not None
    assert settlement.hub_time is None
    assert list(up.in_flight) == [2]
    assert up.last_ack_s == 1.0
    up.acknowledged(ack(upto=3), 2.0)
    assert list(up.in_flight) == [2]
    assert up.may_send(backlog(2 + ROWS_FULL), 2.0)


def test_sums_are_not_believed_before_the_hub_knows_of_this_start() -> None:
    """They may speak of a start that the card forgot: rows that were never sent would seem to be settled."""
    up = connected()
    up.start_seq = 40
    up.sent(1, (7, 8), SCHEMA, 0.0)
    up.sent(2, (40, 41), SCHEMA, 0.0)
    first = up.acknowledged(ack(1, upto=90, missing=[(5, 6)]), 1.0)
    assert first is not None
    assert (set(first.seqs), first.upto, first.missing, first.lacking) == ({7, 8}, 0, (), ())
    assert list(up.in_flight) == [2]
    second = up.acknowledged(ack(2, upto=41, missing=[(5, 6)]), 2.0)
    assert second is not None
    assert (second.upto, second.missing) == (41, ((5, 6),))
    assert second.lacking[0] == (5, 6)


def test_an_ack_from_before_this_start_was_known_is_no_sum() -> None:
    """It was written when the hub knew only of the life that the card forgot; it may come days late."""
    up = connected()
    up.start_seq = 40
    up.sent(1, (40, 41), SCHEMA, 0.0)
    known = up.acknowledged(Ack(EPOCH, 90, 5_000, batches=(1,)), 1.0)
    late = up.acknowledged(Ack(EPOCH, 80, 4_999), 2.0)
    assert known is not None
    assert late is not None
    assert (known.upto, late.upto, late.lacking) == (90, 0, ())


def test_an_ack_of_a_forked_epoch_settles_what_it_names() -> None:
    """The hub cannot tell one life of the card from the other yet; the starts are then told again."""
    up = connected()
    up.sent(1, (7, 8), SCHEMA, 0.0)
    settlement = up.acknowledged(Ack(EPOCH, 0, 5_000, batches=(1,), forked=True), 1.0)
    assert settlement is not None
    assert (set(settlement.seqs), settlement.upto, settlement.lacking, settlement.forked) == ({7, 8}, 0, (), True)


def test_silence_is_answered_with_patience() -> None:
    """Each time-out puts everything back, waits longer before the next attempt, and tries with fewer rows."""
    up = connected()
    now, waits, rows = 0.0, [], []
    for attempt in range(12):
        assert up.may_send(backlog(5000), now)
        up.sent(attempt, [attempt], SCHEMA, now)
        rows.append(up.rows_max)
        now += TIMEOUT_S
        assert not up.may_send(backlog(5000), now)
        assert up.in_flight == {}
        failed = now
        while not up.may_send(backlog(5000), now):
            now += 1.0
        waits.append(now - failed)
    for wait, nominal in zip(waits, [60.0 * 2**n for n in range(12)], strict=True):
        assert 0.5 * min(nominal, RETRY_MAX_S) <= wait <= 1.5 * min(nominal, RETRY_MAX_S) + 1
    assert rows[:6] == [480, 240, 120, 60, 30, 30]
    assert rows[-1] == ROWS_LEAST


def test_an_ack_ends_the_patience() -> None:
    """Once the hub answers, the backlog goes as fast as acks come back, in batches that grow again."""
    up = connected()
    for attempt in range(4):
        up.sent(attempt, [attempt], SCHEMA, 100.0 * attempt)
        up.may_send(backlog(5000), 100.0 * attempt + TIMEOUT_S)
    assert up.rows_max == ROWS_LEAST
    up.sent(9, [9], SCHEMA, 500.0)
    up.acknowledged(ack(9), 501.0)
    assert up.rows_max == 2 * ROWS_LEAST
    assert up.may_send(backlog(2 * ROWS_LEAST), 501.0)
    assert not up.may_send(backlog(2 * ROWS_LEAST - 1), 501.0)


def test_a_late_ack_still_counts() -> None:
    """A batch that was given up is settled when its ack comes after all, and the hub's time is not made younger."""
    up = connected()
    up.sent(1, [1, 2], SCHEMA, 0.0)
    assert not up.may_send(backlog(5), TIMEOUT_S)
    settlement = up.acknowledged(ack(1), 100.0)
    assert settlement is not None
    assert sorted(settlement.seqs) == [1, 2]
    assert settlement.hub_time == HubTime(1_000_000, 0.0, 100.0)
    assert up.may_send(backlog(5), 100.0)


def test_the_time_of_a_repeated_batch_reaches_back_to_its_first_sending() -> None:
    """The ack may answer the first copy, so the hub's time is claimed no more exactly than that."""
    up = connected()
    up.sent(1, [1], SCHEMA, 0.0)
    up.may_send(backlog(1), TIMEOUT_S)
    up.sent(1, [1], SCHEMA, 200.0)
    settlement = up.acknowledged(ack(1), 201.0)
    assert settlement is not None
    assert settlement.hub_time == HubTime(1_000_000, 0.0, 201.0)


def test_bytes_that_were_acknowledged_and_go_again_tell_no_time() -> None:
    """A full disk may not let go of what is acknowledged: it goes again, and the ack may answer the first copy."""
    up = connected()
    up.sent(1, [1, 2], SCHEMA, 0.0)
    up.acknowledged(ack(1), 5.0)
    up.sent(1, [1, 2], SCHEMA, 200.0)
    settlement = up.acknowledged(ack(1), 201.0)
    assert settlement is not None
    assert (sorted(settlement.seqs), settlement.hub_time) == ([1, 2], None)


def test_what_an_earlier_process_may_have_sent_tells_no_time() -> None:
    """An ack may have been under way since before a restart: only bytes with a row of this process are surely new."""
    up = Uplink(EPOCH, INTERVAL_S, TIMEOUT_S, random.Random(1), start_seq=40)  # noqa: S311  jitter keeps no secret
    up.should_connect(connected=True, connecting=False, now_s=0.0)
    up.sent(1, [38, 39], SCHEMA, 0.0)
    up.sent(2, [37, 40], SCHEMA, 1.0)
    first, second = up.acknowledged(ack(1), 5.0), up.acknowledged(ack(2), 5.0)
    assert first is not None
    assert second is not None
    assert (first.hub_time, second.hub_time) == (None, HubTime(1_000_000, 1.0, 5.0))


def test_what_was_given_up_long_ago_is_forgotten() -> None:
    """The memory for late acks is bounded."""
    up = connected()
    for attempt in range(3 * LATE_MAX):
        up.sent(attempt, [attempt], SCHEMA, 10_000.0 * attempt)
        up.may_send(backlog(1), 10_000.0 * attempt + TIMEOUT_S)
    settlement = up.acknowledged(ack(*range(3 * LATE_MAX)), 1e6)
    assert settlement is not None
    assert len(settlement.seqs) == LATE_MAX


def test_a_lost_connection_puts_everything_back() -> None:
    """What was in flight goes again as soon as the link is back."""
    up = connected()
    up.sent(1, range(1, 6), SCHEMA, 0.0)
    up.should_connect(connected=False, connecting=False, now_s=70.0)
    assert up.excluded() == frozenset()
    up.should_connect(connected=True, connecting=False, now_s=75.0)
    assert up.may_send(backlog(5), 75.0)


def test_attempts_to_connect_get_rarer() -> None:
    """A broker that is away is tried at 2, 4, 8 … 900 s, with jitter, and never while an attempt is under way."""
    up = uplink()
    assert up.should_connect(connected=False, connecting=False, now_s=0.0)
    assert not any(up.should_connect(connected=False, connecting=True, now_s=float(now)) for now in range(100_000))
    attempts = [
        now for now in range(100_000, 120_000) if up.should_connect(connected=False, connecting=False, now_s=now)
    ]
    gaps = [b - a for a, b in itertools.pairwise(attempts)]
    nominal = [min(2 * CONNECT_FIRST_S * 2**n, CONNECT_MAX_S) for n in range(len(gaps))]
    assert all(0.5 * n - 1 <= gap <= 1.5 * n + 1 for gap, n in zip(gaps, nominal, strict=True))
    assert max(gaps) > CONNECT_MAX_S / 2


@pytest.mark.parametrize(("lasted_s", "quick"), [(CONNECT_PROVEN_S, True), (CONNECT_PROVEN_S - 1, False)])
def test_a_connection_that_never_lasts_is_tried_ever_less_often(*, lasted_s: float, quick: bool) -> None:
    """A loss after a good connection is repaired at once; one kicked again and again is tried ever less often."""
    up, now = uplink(), 0.0
    waits = []
    for _ in range(8):
        waited = 0.0
        while not up.should_connect(connected=False, connecting=False, now_s=now):
            now += 1.0
            waited += 1.0
        waits.append(waited)
        up.should_connect(connected=True, connecting=False, now_s=now)
        now += lasted_s
    assert (max(waits) <= 1.5 * CONNECT_FIRST_S + 1) == quick
    if not quick:
        up.sent(1, [1], SCHEMA, now)
        up.acknowledged(ack(1), now)
        up.should_connect(connected=False, connecting=False, now_s=now)
        assert up.should_connect(connected=False, connecting=False, now_s=now + 1.5 * CONNECT_FIRST_S)


def test_a_schema_that_is_wanted_costs_one_round() -> None:
    """The batch goes again at once behind its schema; a hub that keeps asking is answered ever less often."""
    up = connected()
    up.sent(1, [1], SCHEMA, 0.0)
    up.sent(2, [2], b"", 0.0)
    wanted = Ack(EPOCH, 0, 1_000_000, schemas_wanted=(SCHEMA,))
    settlement = up.acknowledged(wanted, 1.0)
    assert settlement is not None
    assert (settlement.schemas_wanted, settlement.seqs, list(up.in_flight)) == ((SCHEMA,), (), [2])
    assert up.may_send(backlog(2), 1.0)
    up.sent(1, [1], SCHEMA, 1.0)
    up.acknowledged(wanted, 2.0)
    assert not up.may_send(backlog(2), 2.0 + 0.4 * TIMEOUT_S)
    up.acknowledged(ack(2), 40.0)
    assert up.may_send(backlog(ROWS_FULL), 40.0)


def test_one_bad_row_is_found_by_halving() -> None:
    """A refused batch goes again in halves, without waiting; only a row refused alone is given up."""
    up = connected()
    sizes, now, given_up = [], 0.0, None
    for batch in range(7):
        assert up.may_send(backlog(100), now)
        size = min(up.rows_max, 100)
        sizes.append(size)
        up.sent(batch, range(1, size + 1), SCHEMA, now)
        now += 1.0
        settlement = up.acknowledged(Ack(EPOCH, 0, 1_000_000, refused=(Refused(batch, "bad"), Refused(999, "?"))), now)
        assert settlement is not None
        given_up = settlement.refused
        assert bool(given_up) == (batch == 6)
    assert sizes == [100, 50, 25, 12, 6, 3, 1]
    assert given_up == (((1,), "bad"),)
    assert up.last_ack_s == now


@dataclass
class Hub:
    """A hub that stores what reaches it, wants schemas it lacks, and refuses batches that hold the poisoned row."""

    poisoned: int = 0
    stored: set[int] = field(default_factory=set)
    has_schema: bool = False

    def take(self, batch_id: int, seqs: tuple[int, ...]) -> Ack:
        """Answer one batch."""
        refused: tuple[Refused, ...] = ()
        wanted: tuple[bytes, ...] = ()
        done: tuple[int, ...] = ()
        if self.poisoned in seqs:
            refused = (Refused(batch_id, "bad"),)
        elif not self.has_schema:
            wanted = (SCHEMA,)
        else:
            self.stored |= set(seqs)
            done = (batch_id,)
        upto = max(self.stored, default=0)
        return Ack(EPOCH, upto, 1, tuple(holes(runs(self.stored), upto)), done, wanted, refused)


@dataclass
class World:
    """An uplink, its outbox, a lossy network and a hub, on one clock."""

    dice: random.Random
    loss: float
    delay_s: float
    hub: Hub
    rows: int
    up: Uplink = field(default_factory=uplink)
    now: float = 0.0
    linked: bool = False
    waiting: list[int] = field(default_factory=list)
    given_up: set[int] = field(default_factory=set)
    on_the_way: list[tuple[float, Callable[[], None]]] = field(default_factory=list)
    acks: list[Ack] = field(default_factory=list)
    sent: int = 0
    sent_rows: int = 0
    connects: int = 0

    def __post_init__(self) -> None:
        self.waiting = list(range(1, self.rows + 1))

    def step(self, seconds: float, link_up: float) -> None:
        """Let some time pass and do what an agent does."""
        self.now += seconds
        self.linked = self.linked and self.dice.random() < link_up
        for due in [item for item in self.on_the_way if item[0] <= self.now]:
            self.on_the_way.remove(due)
            due[1]()
        for message in self.acks if self.linked else ():
            self._settle(message)
        self.acks.clear()
        if self.up.should_connect(connected=self.linked, connecting=False, now_s=self.now):
            self.connects += 1
            self.linked = self.dice.random() < link_up
        while self.linked and self.up.may_send(Backlog(len(self.waiting), 0), self.now):
            free = [seq for seq in self.waiting if seq not in self.up.excluded()][: self.up.rows_max]
            if not free:
                break
            self._send(tuple(free))
        assert len(self.up.in_flight) <= WINDOW

    def _send(self, seqs: tuple[int, ...]) -> None:
        batch_id = zlib.crc32(repr(seqs).encode())
        self.up.sent(batch_id, seqs, SCHEMA, self.now)
        self.sent += 1
        self.sent_rows += len(seqs)
        self._post(lambda: self._answer(self.hub.take(batch_id, seqs)))

    def _answer(self, message: Ack) -> None:
        self._post(lambda: self.acks.append(message))

    def _settle(self, message: Ack) -> None:
        settlement = self.up.acknowledged(message, self.now)
        assert settlement is not None
        lacking = set(members(settlement.missing))
        settled = {seq for seq in self.waiting if seq <= settlement.upto and seq not in lacking} | set(settlement.seqs)
        refused = {seq for seqs, _ in settlement.refused for seq in seqs}
        assert settled <= self.hub.stored | self.given_up
        assert refused <= {self.hub.poisoned}
        self.given_up |= refused
        self.waiting = [seq for seq in self.waiting if seq not in settled | refused]
        if settlement.schemas_wanted:
            self._post(lambda: setattr(self.hub, "has_schema", True))

    def _post(self, arrive: Callable[[], None]) -> None:
        """Put something on the way: it may be lost, and it may arrive twice."""
        for _ in range(self.dice.choice((1, 1, 1, 2))):
            if self.dice.random() >= self.loss:
                self.on_the_way.append((self.now + self.dice.random() * self.delay_s, arrive))


@settings(max_examples=60)
@given(
    seed=st.integers(0, 2**32),
    loss=st.floats(0, 0.9),
    delay_s=st.sampled_from([0.5, 20.0, 300.0]),
    link_up=st.floats(0.3, 1.0),
    rows=st.integers(1, 1500),
    poisoned=st.booleans(),
)
def test_everything_is_settled_in_the_end_and_only_what_arrived(
    *, seed: int, loss: float, delay_s: float, link_up: float, rows: int, poisoned: bool
) -> None:
    """Through any loss, repetition, delay and reconnection; a row the hub will not take is the only one given up."""
    dice = random.Random(seed)  # noqa: S311  repeatable
    hub = Hub(poisoned=dice.randint(1, rows) if poisoned else 0)
    world = World(dice, loss, delay_s, hub, rows)
    for _ in range(200):
        world.step(20.0, link_up)
    world.loss, world.delay_s = 0.0, 1.0
    for _ in range(2000):
        world.step(20.0, 1.0)
        if not world.waiting:
            break
    assert world.waiting == []
    assert world.hub.stored | world.given_up == set(range(1, rows + 1))
    assert world.given_up <= {world.hub.poisoned}


def a_day(hub: Hub, *, link_up: float, loss: float = 0.0) -> World:
    """Let a day with a large backlog pass, in steps of ten seconds."""
    world = World(random.Random(5), loss, 2.0, hub, 3000)  # noqa: S311  repeatable
    for _ in range(A_DAY_S // 10):
        world.step(10.0, link_up)
    return world


@pytest.mark.parametrize("link_up", [1.0, 0.9, 0.5])
def test_a_silent_hub_does_not_empty_the_purse(link_up: float) -> None:
    """A day in which nothing is acknowledged costs few batches and handshakes, even if the link breaks all the time."""
    world = a_day(Hub(), link_up=link_up, loss=1.0)
    assert world.sent_rows < 10_000
    assert world.connects < 250


def test_a_hub_that_forever_asks_for_a_schema_does_not_either() -> None:
    """A schema the hub cannot store is not sent at the speed of the network."""
    hub = Hub()
    world = World(random.Random(5), 0.0, 2.0, hub, 3000)  # noqa: S311  repeatable
    for _ in range(A_DAY_S // 10):
        world.step(10.0, 1.0)
        hub.has_schema = False
    assert world.sent < 150


def test_a_hub_that_refuses_everything_is_given_little() -> None:
    """A hub set up wrongly costs a few rows a day, not all of them."""
    up, now, given_up, rows = connected(), 0.0, 0, 3000
    while now < A_DAY_S:
        now += 10.0
        if up.may_send(backlog(rows), now):
            up.sent(int(now), range(1, up.rows_max + 1), SCHEMA, now)
            settlement = up.acknowledged(Ack(EPOCH, 0, 1, refused=(Refused(int(now), "unknown site"),)), now)
            assert settlement is not None
            given_up += len(settlement.refused)
    assert 0 < given_up < 40


def patient() -> Uplink:
    """Give an uplink in a connection in which the hub has acknowledged, and may leave three acks to the fourth."""
    up = connected()
    up.acks_every = 4
    up.sent(1, [1], SCHEMA, 0.0)
    up.acknowledged(ack(1, upto=1), 1.0)
    return up


def test_an_ack_may_wait_only_when_all_goes_well() -> None:
    """Not before the hub has answered in this connection, not for an alarm, not in a backlog, not while one is due."""
    up = connected()
    up.acks_every = 4
    assert not up.may_wait(backlog(10))
    assert not connected().may_wait(backlog(10))
    up = patient()
    assert up.may_wait(backlog(10))
    assert not up.may_wait(backlog(10, urgent=1))
    assert not up.may_wait(backlog(ROWS_FULL))
    up.sent(2, [2], SCHEMA, 900.0)
    assert not up.may_wait(backlog(10))


def test_a_batch_whose_ack_may_wait_is_not_missed_and_leaves_the_window_open() -> None:
    """It is neither sent again after the time-out, nor does it keep others from going."""
    up = patient()
    for number in (2, 3, 4):
        up.sent(number, [number], SCHEMA, 900.0 * number, ack_later=True)
    assert not up.may_wait(backlog(10))
    assert up.may_send(backlog(10), 900.0 * 5)
    assert up.excluded() == {2, 3, 4}
    assert (up.awaiting(), up.silent()) == (0, False)


def test_the_ack_of_a_later_batch_settles_those_before_or_sends_them_again() -> None:
    """What it covers is done; what it does not is taken for lost and goes again."""
    up = patient()
    up.sent(2, [2], SCHEMA, 900.0, ack_later=True)
    up.sent(3, [3], SCHEMA, 1800.0, ack_later=True)
    up.sent(4, [4], SCHEMA, 2700.0)
    up.acknowledged(ack(4, upto=4, missing=[(3, 3)]), 2701.0)
    assert up.in_flight == {}
    assert up.acknowledged(ack(3, upto=4), 2800.0) is not None


def test_a_batch_that_nothing_followed_goes_again_and_asks() -> None:
    """A site that has nothing more to say still learns that its last rows arrived."""
    up = patient()
    up.sent(2, [2], SCHEMA, 900.0, ack_later=True)
    assert not up.may_send(backlog(1), 900.0 + 5 * INTERVAL_S - 1)
    assert up.may_send(backlog(1), 900.0 + 5 * INTERVAL_S)
    assert not up.may_wait(backlog(1))


def test_a_lost_connection_leaves_open_what_may_have_arrived() -> None:
    """Batches that went well before the link broke are not paid for twice: the next ack tells."""
    up = patient()
    up.sent(2, [2], SCHEMA, 900.0, ack_later=True)
    up.should_connect(connected=False, connecting=False, now_s=2000.0)
    assert up.excluded() == {2}
    assert not up.may_wait(backlog(1))


def test_a_poor_site_connects_no_more_often_than_it_is_told() -> None:
    """The pause holds even for the first attempt after a loss."""
    up = connected()
    up.should_connect(connected=False, connecting=False, now_s=1.0, pause_s=3600.0)
    tried = [
        s for s in range(2, 7200, 10) if up.should_connect(connected=False, connecting=False, now_s=s, pause_s=3600.0)
    ]
    assert len(tried) <= 4
