"""A message that wakes a bug, or that no ledger holds, stops neither the ingest nor the other sites."""

from __future__ import annotations

import pytest
from sqlalchemy.exc import IntegrityError

from hub.errors import RetryLater
from hub.ingest.decode import Message
from hub.io.transaction import SqlTransaction
from protocol import batch
from protocol.errors import Refusal
from protocol.events import SlotTaken
from protocol.topics import Channel
from tests.hub.builders import ADDRESS, NOON_MS, TestHub, event, of

SPOILT = 13
"""The slot that breaks the ledger in these tests."""


def spoil(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    """Have the ledger fail on one slot."""
    sound = SqlTransaction.open_session

    def open_session(self: SqlTransaction, *arguments: object) -> None:
        if isinstance(arguments[3], SlotTaken) and arguments[3].slot == SPOILT:
            raise error
        sound(self, *arguments)  # type: ignore[arg-type]  # passed on as they came

    monkeypatch.setattr(SqlTransaction, "open_session", open_session)


def arrive(hub: TestHub, *slots: int) -> list[bytes]:
    """Let a batch with one charge arrive for each slot."""
    payloads = [batch.encode(of(event(seq, SlotTaken(slot)))) for seq, slot in enumerate(slots, 1)]
    hub.inbox.waiting += [Message(ADDRESS.topic(Channel.UP), payload, NOON_MS, mid=1) for payload in payloads]
    return payloads


@pytest.mark.parametrize(
    "error", [OverflowError("too large"), KeyError("x"), IntegrityError("INSERT", None, Exception("twice"))]
)
def test_what_cannot_be_taken_is_kept_aside_alone(
    hub: TestHub, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    """The others of its turn are committed and acknowledged; its site is told, and sets the row aside."""
    spoil(monkeypatch, error)
    payloads = arrive(hub, 1, 2, SPOILT, 4, 5)
    assert [hub.consumer.step(NOON_MS) for _ in range(6)] == [1, 1, 1, 1, 1, 0]
    assert hub.inbox.acks[-1][1].upto == 5
    assert hub.inbox.acks[-1][1].missing == ((3, 3),)
    refused = [one for _, ack in hub.inbox.acks for one in ack.refused]
    assert [one.batch_id for one in refused] == [batch.batch_id(payloads[2])]
    assert hub.consumer.counters.rejected == {Refusal.MALFORMED: 1}
    assert len(hub.inbox.settled) == 6
    arrive(hub, 6, 7)
    assert hub.consumer.step(NOON_MS) == 2


def test_a_ledger_that_is_away_is_no_fault_of_a_message(hub: TestHub, monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything waits, and nothing is kept aside."""
    spoil(monkeypatch, RetryLater("the disk is full"))
    arrive(hub, 1, SPOILT)
    assert hub.consumer.step(NOON_MS) == 0
    monkeypatch.undo()
    assert hub.consumer.step(NOON_MS + 10_000) == 2
    assert hub.consumer.counters.rejected == {}


def test_a_ledger_that_goes_away_between_two_of_them_loses_none(hub: TestHub, monkeypatch: pytest.MonkeyPatch) -> None:
    """Taken one at a time, each is committed before it is acknowledged, as ever."""
    spoil(monkeypatch, KeyError("x"))
    arrive(hub, 1, SPOILT, 3)
    assert hub.consumer.step(NOON_MS) == 1
    monkeypatch.undo()
    with monkeypatch.context() as away:
        spoil(away, RetryLater("the disk is full"))
        assert hub.consumer.step(NOON_MS) == 0
    assert [hub.consumer.step(NOON_MS + 10_000) for _ in range(3)] == [1, 1, 0]
    assert hub.inbox.acks[-1][1].upto == 3
