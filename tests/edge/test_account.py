"""The link's account: connections, attempts and pings are booked as they happen, batches to the lanes of their rows."""

from __future__ import annotations

from datetime import UTC, datetime

from edge.account import Account
from edge.budget import restored
from edge.clock import HubTime, Instant
from edge.ports import SampleRow
from edge.traffic import ATTEMPT_BYTES, Kind, Tariff
from protocol.batch import EventRow
from protocol.events import AlarmCleared, Lane, SlotTaken, UnknownEvent

TARIFF = Tariff(tls=True, topic_bytes=30, qos=1)
DAY_S = 86_400


def account(qos: int = 1) -> Account:
    """Give the account of a boot, with pings after 100 s of silence."""
    return Account(restored(None, 100_000), Tariff(tls=True, topic_bytes=30, qos=qos), 100.0)


def booked(of: Account, kind: Kind) -> int:
    """Tell what one kind has cost."""
    return of.booked.by_kind[kind]


def test_a_connection_is_booked_once() -> None:
    """As long as it lasts it costs nothing more but its pings."""
    book = account()
    for now_s in (0.0, 1.0, 2.0):
        book.link_is(connected=True, now_s=now_s)
    assert (booked(book, Kind.CONTROL), book.connections) == (TARIFF.connected(), 1)


def test_silence_costs_a_ping() -> None:
    """Either direction silent for the keepalive is enough; a batch with a receipt breaks both silences."""
    book = account()
    book.link_is(connected=True, now_s=0.0)
    book.batch_sent([EventRow(1, 1, 0, SlotTaken(1))], 50, 60.0)
    book.link_is(connected=True, now_s=159.0)
    assert book.pings == 0
    book.link_is(connected=True, now_s=160.0)
    assert book.pings == 1
    quiet = account(qos=0)
    quiet.link_is(connected=True, now_s=0.0)
    quiet.batch_sent([EventRow(1, 1, 0, SlotTaken(1))], 50, 60.0)
    quiet.link_is(connected=True, now_s=100.0)
    assert quiet.pings == 1


def test_an_attempt_that_led_nowhere_is_booked_with_the_next() -> None:
    """One that succeeds is part of its connection."""
    book = account()
    book.attempted()
    assert booked(book, Kind.CONTROL) == 0
    book.attempted()
    assert booked(book, Kind.CONTROL) == ATTEMPT_BYTES
    book.link_is(connected=True, now_s=0.0)
    book.link_is(connected=False, now_s=1.0)
    book.attempted()
    assert booked(book, Kind.CONTROL) == ATTEMPT_BYTES + TARIFF.connected()


def test_every_lane_pays_for_its_rows_to_the_last_byte() -> None:
    """A batch of all lanes is shared out whole."""
    book = account()
    rows: list[SampleRow | EventRow] = [
        EventRow(1, 1, 0, SlotTaken(1)),
        EventRow(2, 1, 0, AlarmCleared("door")),
        EventRow(3, 1, 0, UnknownEvent(99, ())),
        SampleRow(4, b"12345678", 0, 1, 0, (1,), Lane.SUMMARY),
        SampleRow(5, b"12345678", 0, 1, 0, (1,), Lane.TELEMETRY),
    ]
    book.batch_sent(rows, 400, 0.0)
    assert book.booked.total() == TARIFF.published(400)
    assert all(booked(book, Kind(lane)) > 0 for lane in Lane)


def test_a_batch_of_samples_teaches_what_one_costs() -> None:
    """Events, which are few and dear, do not."""
    book = account()
    before = book.budget.row_bytes
    book.batch_sent([EventRow(1, 1, 0, SlotTaken(1))], 50, 0.0)
    assert book.budget.row_bytes == before
    book.batch_sent([SampleRow(seq, b"12345678", 0, 1, 0, (1,)) for seq in range(480)], 2000, 0.0)
    assert book.budget.row_bytes == TARIFF.published(2000) / 480


def test_acks_and_other_messages_are_booked() -> None:
    """What comes is control, what goes has its kind, live values without a receipt."""
    book = account()
    book.received(33, 0.0)
    book.sent(Kind.SCHEMA, 300, 0.0)
    book.sent(Kind.LIVE, 70, 0.0)
    assert booked(book, Kind.CONTROL) == TARIFF.received(33)
    assert booked(book, Kind.SCHEMA) == TARIFF.published(300)
    assert booked(book, Kind.LIVE) == TARIFF.published(70, qos=0)


def test_the_hub_tells_the_day_where_ntp_does_not() -> None:
    """A wall clock that nobody vouches for is not believed; the hub's is, for the rest of the boot."""
    book = account()
    wrong = datetime(1970, 1, 1, tzinfo=UTC)
    book.turn(Instant(0, wrong, synced=False))
    assert book.budget.trusted_day == 0
    book.told(None)
    book.told(HubTime(20_000 * DAY_S * 1000, 9.0, 10.0))
    assert book.turn(Instant(11, wrong, synced=False)) is None
    assert book.budget.trusted_day == 20_000
    assert book.turn(Instant(10 + DAY_S, wrong, synced=False)) is not None
    assert book.budget.trusted_day == 20_001
