"""The queue before the ingest: no site takes another's place, however much it sends."""

from __future__ import annotations

from hub.ingest.decode import Message
from hub.ingest.fair import FairQueue, Share
from hub.pace import Bucket, Rate

HOGS = [f"hog-{number}" for number in range(200)]
KIB = 1024


def message(site: str, size: int = 100) -> Message:
    """Make a message of a site."""
    return Message(f"kayasol/1/0/{site}/up", bytes(size), 0)


def senders(taken: list[Message]) -> list[str]:
    """Name whose messages these are."""
    return [one.topic.split("/")[3] for one in taken]


def flooded(queue: FairQueue, site: str, count: int, size: int = 100) -> int:
    """Put as many messages of a site as there is room for; returns how many of `count` that were."""
    return sum(queue.put(site, message(site, size), 0) == [] for _ in range(count))


def test_sites_are_served_in_turn_and_the_one_that_was_served_waits_longest() -> None:
    """Round robin, over the borders of turns."""
    queue = FairQueue()
    for site in ("a", "b", "c"):
        flooded(queue, site, 3)
    assert senders(queue.take(4, 0)) == ["a", "b", "c", "a"]
    assert senders(queue.take(4, 0)) == ["b", "c", "a", "b"]
    assert senders(queue.take(9, 0)) == ["c"]
    assert queue.waiting_bytes == 0


def test_a_site_has_no_more_than_its_share_of_a_turn() -> None:
    """A turn is one transaction: a hundred messages of one site would hold up everybody's acks."""
    queue = FairQueue()
    flooded(queue, "hog", 100)
    flooded(queue, "good", 2)
    assert senders(queue.take(64, 0)) == ["hog", "good", "hog", "good", *["hog"] * 6]
    assert len(queue.take(64, 0)) == 8


def test_all_that_a_site_may_have_on_its_way_finds_room() -> None:
    """25 batches of the largest size, as the protocol allows them."""
    queue = FairQueue()
    assert flooded(queue, "a", 25, 64 * KIB) == 25
    assert flooded(queue, "a", 100, 64 * KIB) == 6
    assert queue.overflowed == {"a": 94}


def test_two_hundred_hogs_leave_room_for_one_who_comes_late() -> None:
    """Where everything is full, the longest lane loses what came last: it is given back, and was not acknowledged."""
    queue = FairQueue()
    for hog in HOGS:
        flooded(queue, hog, 64, 64 * KIB)
    dropped = [one for _ in range(2) for one in queue.put("good", message("good", 64 * KIB), 0)]
    assert set(senders(dropped)) <= set(HOGS)
    assert len(dropped) == 2
    assert queue.waiting_bytes <= 64 * 2**20
    assert "good" in senders(queue.take(len(HOGS) + 1, 0))


def test_empty_messages_take_room_too() -> None:
    """What costs memory is bounded, and that is not the payload alone."""
    queue = FairQueue(Share(waiting=10**6))
    assert sum(flooded(queue, hog, 1000, 0) for hog in HOGS) <= 65_536
    assert queue.put("good", message("good", 0), 0) != [message("good", 0)]


def test_nobody_loses_a_message_for_one_who_has_more() -> None:
    """Where all lanes are alike, the newcomer finds no room."""
    queue = FairQueue(Share(all_waiting_bytes=4 * KIB))
    for site in ("a", "b", "c", "d"):
        assert queue.put(site, message(site, 0), 0) == []
    assert queue.put("a", message("a", 0), 0) == [message("a", 0)]
    assert senders(queue.take(9, 0)) == ["a", "b", "c", "d"]


def test_who_sends_too_many_waits_and_nobody_else_does() -> None:
    """A message over the rate is not lost: it stays in its lane until its time has come."""
    queue = FairQueue(Share(messages=Rate(3, 0.5)))
    flooded(queue, "hog", 10)
    assert len(queue.take(64, 0)) == 3
    assert (queue.take(64, 0), queue.ready(0)) == ([], False)
    flooded(queue, "good", 1)
    assert queue.ready(0)
    assert senders(queue.take(64, 0)) == ["good"]
    assert len(queue.take(64, 2.5)) == 2  # the second one is paid for by what comes later
    assert queue.take(64, 3) == []


def test_who_costs_too_much_time_waits_until_it_is_paid_back() -> None:
    """Hostile batches that are small and slow are held back by what they cost, not by their number."""
    queue = FairQueue(Share(work=Rate(10, 0.25)))
    flooded(queue, "hog", 10)
    queue.charge({"hog": 11.0, "good": 0.1}, 0)
    flooded(queue, "good", 1)
    assert senders(queue.take(64, 0)) == ["good"]
    assert queue.take(64, 3.9) == []
    assert senders(queue.take(1, 4.1)) == ["hog"]


def test_who_sends_too_many_bytes_waits() -> None:
    """What one site adds to the ledger is bounded."""
    queue = FairQueue(Share(payload=Rate(100 * KIB, KIB)))
    flooded(queue, "hog", 10, 60 * KIB)
    assert len(queue.take(64, 0)) == 2
    assert queue.take(64, 19) == []
    assert len(queue.take(64, 21)) == 1


def test_a_month_of_backlog_is_not_held_up() -> None:
    """480-row batches, two on their way: 300 of them pass as fast as they come, none waits, none is dropped."""
    queue, turns = FairQueue(), 0
    for _ in range(150):
        assert flooded(queue, "back-again", 2, 12 * KIB) == 2
        assert len(queue.take(64, 0)) == 2
        queue.charge({"back-again": 0.1}, 0)  # on a slow server
        turns += 1
    assert (turns, queue.overflowed) == (150, {})


def test_sites_that_were_quiet_for_long_take_no_memory() -> None:
    """A flood of made-up names leaves nothing behind."""
    queue = FairQueue()
    for number in range(5000):
        queue.put(f"s{number}", message("x"), 0)
        queue.take(1, 0)
    for number in range(6000):
        queue.put("good", message("good"), 86_400.0 + number)
        queue.take(1, 86_400.0 + number)
    assert len(queue._lanes) == 1  # noqa: SLF001  what is measured is inside


def test_a_bucket_neither_gives_nor_takes_when_its_clock_is_set_back() -> None:
    """Time goes on from wherever it stands."""
    bucket = Bucket.full(Rate(10, 1), 1000)
    bucket.spend(4)
    assert bucket.fill(0) == 6
    assert bucket.wait_s(8) == 2
    assert bucket.fill(2) == 8
    assert bucket.fill(100) == 10
