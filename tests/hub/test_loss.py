"""The account of a site's rows, from real batches: classes, epochs, both sides' counts, time without rows."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from importlib import import_module

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from hub.answers.loss import Comparison, LossAnswer, TrafficAnswer, loss
from hub.answers.unobserved import PauseKind
from hub.io import accounts
from hub.io import tables as t
from hub.ports import Site
from protocol import batch as wire_batch
from protocol import control, tally
from protocol.batch import EventRow, TableRows
from protocol.control import SiteState
from protocol.events import (
    AgentStarted,
    AlarmCleared,
    AlarmRaised,
    ChargingSession,
    EndReason,
    Gap,
    GapCause,
    SlotTaken,
    Traffic,
)
from protocol.tally import Sums
from protocol.topics import Address, Channel
from tests.hub.builders import NOON_MS, TestHub, anchor, event, of, samples

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
MINUTE_MS = 60_000
FAR = 4_000_000_000
"""Where a second boot may begin to count."""


def started(seq: int, uptime_s: int = 0, boot: int = 1) -> EventRow:
    """Lay out the start of an agent."""
    return event(seq, AgentStarted("0.1.0", f"boot-{boot}"), uptime_s=uptime_s, boot=boot)


def gap(seq: int, first: int, last: int, cause: GapCause, boot: int = 1) -> EventRow:
    """Lay out a declaration that rows will not come."""
    return event(seq, Gap(first, last, cause), boot=boot)


def told(seq: int, first: int, last: int, rows: Sums, *, uptime_s: int = 0, boot: int = 1) -> EventRow:
    """Lay out a site's count of some rows."""
    return event(seq, rows.tally(first, last), uptime_s=uptime_s, boot=boot)


def sums(*rows: EventRow | TableRows) -> Sums:
    """Sum up rows as a site does."""
    return tally.of_batch(of(*rows), lambda _: True)


def lives_in(hub: TestHub, epoch: int) -> None:
    """Let the site say which outbox it has now."""
    hub.send(Channel.STATE, control.encode_state(SiteState(online=True, epoch=epoch, software="0.1.0")))


def account(hub: TestHub) -> LossAnswer:
    """Ask for the account."""
    return loss(hub.ledger, "ecole-a")


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_the_classes_add_up_to_the_highest_number(hub: TestHub, data: st.DataObject) -> None:
    """Whatever comes in whatever order, twice or never: each number of each epoch is told exactly once."""
    name = f"site-{data.draw(st.uuids()).hex[:20]}"
    hub.ledger.add_site(Site(name, "X", "school", "Kaya", 3, None, None, "Africa/Ouagadougou", ()))
    address = Address(3, name)
    for _ in range(data.draw(st.integers(1, 6))):
        epoch = data.draw(st.integers(1, 2))
        seqs = data.draw(st.sets(st.integers(1, 60), min_size=1, max_size=10))
        rows = [event(seq, AlarmCleared("door")) for seq in seqs]
        first, length = data.draw(st.integers(1, 50)), data.draw(st.integers(0, 8))
        cause = data.draw(st.sampled_from(GapCause))
        rows.append(gap(data.draw(st.integers(61, 70)), first, first + length, cause))
        hub.send(Channel.UP, wire_batch.encode(of(*rows, epoch=epoch)), address)
    answer = loss(hub.ledger, name)
    for found in answer.epochs:
        parts = (found.received, found.not_yet_arrived, found.card_replaced, found.unused, *found.lost.values())
        assert sum(parts) == found.highest_seq
        assert found.missing == found.not_yet_arrived + found.card_replaced
    assert answer.received == sum(found.received for found in answer.epochs)
    assert answer.missing == answer.not_yet_arrived + answer.card_replaced


def test_passed_over_numbers_are_no_loss(hub: TestHub) -> None:
    """A boot that begins far beyond the last number leaves nothing missing, and is not searched number by number."""
    hub.send_batch(of(started(1), anchor(2, 0, NOON_MS), samples(3, [60, 120], [5, 6])))
    jump = gap(FAR, 5, FAR - 1, GapCause.UNUSED, boot=900)
    hub.send_batch(of(jump, started(FAR + 1, 30, boot=900), anchor(FAR + 2, 30, NOON_MS + 20 * MINUTE_MS, boot=900)))
    answer = account(hub)
    assert (answer.received, answer.missing, answer.lost, answer.unused) == (7, 0, {}, FAR - 5)
    (pause,) = answer.unobserved.pauses
    assert pause.kind is PauseKind.POWERED_OFF
    assert (pause.start.at, pause.end.at) == (NOON + timedelta(minutes=2), NOON + timedelta(minutes=20))
    assert pause.powered.at == NOON + timedelta(minutes=19, seconds=30)
    assert pause.low_s == pytest.approx(18 * 60, abs=1)
    assert (pause.low_s or 0) <= 18 * 60 <= (pause.high_s or 0)


def test_the_epoch_that_the_site_lives_in_decides_what_may_still_come(hub: TestHub) -> None:
    """Missing numbers of a card that is gone are not awaited; put back, they are, for cards have no order."""
    hub.send_batch(of(started(1), anchor(2, 0, NOON_MS), samples(5, [60], [5]), epoch=7))
    hub.send_batch(of(started(1), anchor(3, 0, NOON_MS + 60 * MINUTE_MS), samples(4, [60], [5]), epoch=3))
    lives_in(hub, 3)
    answer = account(hub)
    assert [(found.epoch[-1], found.in_use, found.not_yet_arrived, found.card_replaced) for found in answer.epochs] == [
        ("3", True, 1, 0), ("7", False, 0, 2),
    ]  # fmt: skip
    assert (answer.missing, answer.not_yet_arrived, answer.card_replaced) == (3, 1, 2)
    lives_in(hub, 7)
    again = account(hub)
    assert [(found.epoch[-1], found.in_use, found.card_replaced) for found in again.epochs] == [
        ("7", True, 0),
        ("3", False, 1),
    ]


def test_the_time_between_two_cards_is_told(hub: TestHub) -> None:
    """A card that is replaced, and an old one that is put back, each begin where the other was last seen."""
    hub.send_batch(of(started(1), anchor(2, 0, NOON_MS), samples(3, [60], [5]), epoch=7))
    hub.send_batch(of(started(1), anchor(2, 0, NOON_MS + 60 * MINUTE_MS), samples(3, [600], [5]), epoch=3))
    back = (started(5, 0, 9), anchor(6, 0, NOON_MS + 120 * MINUTE_MS, boot=9))
    hub.send_batch(of(gap(4, 4, 4, GapCause.UNUSED, boot=9), *back, epoch=7))
    found = account(hub).unobserved
    assert [(pause.kind, pause.start.at, pause.end.at) for pause in found.pauses] == [
        (PauseKind.CARD_REPLACED, NOON + timedelta(minutes=70), NOON + timedelta(minutes=120)),
        (PauseKind.CARD_REPLACED, NOON + timedelta(minutes=1), NOON + timedelta(minutes=60)),
    ]
    assert found.low_s < (50 + 59) * 60 < found.high_s


def test_an_agent_that_stopped_is_not_a_power_cut(hub: TestHub) -> None:
    """Within one boot the pause is known to the second, even when nobody knows the date."""
    jump = gap(FAR, 4, FAR - 1, GapCause.UNUSED)
    hub.send_batch(of(started(1), samples(2, [60, 120], [5, 6]), jump, started(FAR + 1, 300)))
    found = account(hub).unobserved
    (pause,) = found.pauses
    assert (pause.kind, pause.low_s, pause.high_s, pause.start.at) == (PauseKind.AGENT_STOPPED, 180.0, 180.0, None)
    assert found.unknown == 0


def test_a_pause_without_dates_is_counted_and_not_measured(hub: TestHub) -> None:
    """A boot that no anchor dates ended at some time; its length is unknown, and said to be."""
    hub.send_batch(of(started(1), samples(2, [60], [5]), started(3, 30, 2), anchor(4, 30, NOON_MS, boot=2)))
    found = account(hub).unobserved
    (pause,) = found.pauses
    assert (pause.kind, pause.low_s, pause.high_s) == (PauseKind.POWERED_OFF, None, None)
    assert (found.unknown, found.low_s, found.high_s) == (1, 0, 0)


def test_rows_that_are_not_here_may_fill_a_pause(hub: TestHub) -> None:
    """Where rows were lost before a power cut, the pause may have been much shorter than it looks."""
    hub.send_batch(
        of(
            started(1), anchor(2, 0, NOON_MS), samples(3, [60], [5]), gap(9, 4, 8, GapCause.DISK_FULL, boot=2),
            started(10, 30, 2), anchor(11, 30, NOON_MS + 60 * MINUTE_MS, boot=2),
        )
    )  # fmt: skip
    (pause,) = account(hub).unobserved.pauses
    assert (pause.absent, pause.low_s) == (5, 0.0)
    assert pause.high_s == pytest.approx(59 * 60, abs=2)


def test_a_device_that_was_silent_is_told_apart_from_the_site(hub: TestHub) -> None:
    """From the alarm to its end, to the next start of the agent, or still."""
    quiet, loud = "silent:controller", "silent:battery"
    hub.send_batch(
        of(
            started(1), anchor(2, 0, NOON_MS),
            event(3, AlarmRaised(quiet, "no answer"), uptime_s=60), event(4, AlarmRaised(loud), uptime_s=90),
            event(5, AlarmRaised("door"), uptime_s=91), event(6, AlarmCleared(quiet), uptime_s=660),
            started(7, 900), event(8, AlarmRaised(quiet), uptime_s=1000),
        )
    )  # fmt: skip
    found = [(s.device, s.start, s.end, s.lasted_s, s.over) for s in account(hub).unobserved.silences]
    assert found == [
        ("controller", NOON + timedelta(seconds=1000), None, None, False),
        ("battery", NOON + timedelta(seconds=90), None, None, True),
        ("controller", NOON + timedelta(seconds=60), NOON + timedelta(seconds=660), 600, True),
    ]


ROWS = (
    started(1), anchor(2, 0, NOON_MS), samples(3, [60, 120, 180], [5, None, 7]),
    event(6, SlotTaken(2), uptime_s=190),
    event(7, ChargingSession(2, 6, 1, 190, 1, 790, EndReason.UNPLUGGED), uptime_s=790),
)  # fmt: skip


def test_both_sides_agree_and_the_verdict_is_kept(hub: TestHub) -> None:
    """What the site counted is what is here; the answer says so at once, a quiet moment writes it down."""
    hub.send_batch(of(*ROWS, told(8, 1, 7, sums(*ROWS))))
    (found,) = account(hub).tallies
    assert (found.comparison, found.differs, found.lost, found.awaited) == (Comparison.AGREES, (), 0, 0)
    assert found.here == found.there == Sums(3, 1, 1, 600, 2, sums(*ROWS).check)
    assert hub.ledger.compare_tally(NOON_MS)
    assert not hub.ledger.compare_tally(NOON_MS)
    (kept,) = hub.ledger.tallies("ecole-a", 5)
    assert kept.verdict is not None
    assert account(hub).tallies == [found]


def test_a_difference_is_found_and_named(hub: TestHub) -> None:
    """A sample too few and a charge that lasted longer: both are said."""
    claimed = sums(*ROWS) + Sums(samples=1, charged_s=60)
    hub.send_batch(of(*ROWS, told(8, 1, 7, claimed)))
    assert hub.ledger.compare_tally(NOON_MS)
    (found,) = account(hub).tallies
    assert (found.comparison, found.differs) == (Comparison.DIFFERS, ("samples", "charged_s", "rows"))


def test_a_tally_waits_for_its_rows(hub: TestHub) -> None:
    """While a row is missing there is no verdict; the ledger looks again after a while, not all the time."""
    hub.send_batch(of(*ROWS[:2], told(8, 1, 7, sums(*ROWS))))
    (found,) = account(hub).tallies
    assert (found.comparison, found.awaited, found.here) == (Comparison.WAITING, 5, None)
    assert hub.ledger.compare_tally(NOON_MS)
    assert not hub.ledger.compare_tally(NOON_MS + accounts.LOOK_AGAIN_MS[0] - 1)
    hub.send_batch(of(*ROWS[2:]))
    assert hub.ledger.compare_tally(NOON_MS + accounts.LOOK_AGAIN_MS[0])
    assert account(hub).tallies[0].comparison is Comparison.AGREES


def test_rows_given_up_with_a_cause_are_subtracted_and_counted_again_if_they_come(hub: TestHub) -> None:
    """Two samples were shed: the counts agree without them; one comes all the same, and they agree with it."""
    late = samples(3, [60], [5])
    hub.send_batch(of(*ROWS[:2], samples(5, [180], [7]), *ROWS[3:], gap(8, 3, 4, GapCause.SHED_BUDGET)))
    hub.send_batch(of(told(9, 1, 7, sums(*ROWS))))
    assert hub.ledger.compare_tally(NOON_MS)
    assert (account(hub).tallies[0].comparison, account(hub).tallies[0].lost) == (Comparison.AGREES, 2)
    hub.send_batch(of(late))
    assert hub.ledger.compare_tally(NOON_MS)
    (found,) = account(hub).tallies
    assert (found.comparison, found.lost) == (Comparison.AGREES, 1)


def test_rows_that_the_card_forgot_are_counted_by_neither_side(hub: TestHub) -> None:
    """A card that lied loses rows that the hub has: they stay, and the site's count is not held against them."""
    forgotten = (samples(8, [840, 900], [9, 9]), event(10, SlotTaken(3), uptime_s=910))
    hub.send_batch(of(*ROWS, *forgotten))
    jump = gap(FAR, 8, FAR - 1, GapCause.UNUSED, boot=900)
    again = (jump, started(FAR + 1, 30, 900))
    hub.send_batch(of(*again, told(FAR + 2, 1, FAR + 1, sums(*ROWS, *again), boot=900)))
    answer = account(hub)
    (found,) = answer.tallies
    assert (found.comparison, found.forgotten, answer.forgotten) == (Comparison.AGREES, 3, 3)
    assert answer.received == len(list(of(*ROWS, *forgotten, *again).seqs())) + 1


def test_a_tally_that_speaks_of_what_is_to_come_is_not_compared(hub: TestHub) -> None:
    """A hostile range is kept as an event, and asks for no work."""
    bad = [told(8, 1, 8, Sums()), told(9, 5, 4, Sums()), told(10, 0, 4, Sums())]
    hub.send_batch(of(*ROWS, *bad))
    assert account(hub).tallies == []
    assert not hub.ledger.compare_tally(NOON_MS)


def test_a_tally_over_too_many_batches_waits(hub: TestHub, monkeypatch: pytest.MonkeyPatch) -> None:
    """One comparison reads so many batches and no more; what claims more gets no verdict."""
    for row in ROWS:
        hub.send_batch(of(row))
    hub.send_batch(of(told(8, 1, 7, sums(*ROWS))))
    monkeypatch.setattr(accounts, "BATCHES_MAX", 4)
    assert hub.ledger.compare_tally(NOON_MS)
    assert account(hub).tallies[0].comparison is Comparison.WAITING


def test_messages_kept_aside_are_counted_by_reason(hub: TestHub) -> None:
    """A batch that cannot be read is not lost silently."""
    hub.send(Channel.UP, b"nonsense")
    hub.send(Channel.UP, b"\x78\x9c")
    answer = account(hub)
    assert answer.kept_aside == 2
    assert answer.kept_aside_by == {"malformed": 1, "truncated": 1}


def test_the_newest_report_on_bytes_is_shown(hub: TestHub) -> None:
    """Of the reports of a site on its bytes the last one counts."""
    day = NOON.date().toordinal() - date(1970, 1, 1).toordinal()
    older = Traffic(0, 80_000, 9_000, 1, 2, 3, 4, 5, 6, 7, 8, 0)
    newer = Traffic(day, 82_000, 300_000, 2_000, 300, 1_500, 900, 40_000, 450, 0, 16_000, 64)
    hub.send_batch(of(*ROWS, event(8, older), event(9, newer, uptime_s=60)))
    assert account(hub).traffic == TrafficAnswer(
        at=NOON + timedelta(minutes=1),
        day=NOON.date(),
        total_bytes=61_150,
        bytes_by_kind={
            "money": 2_000, "alarm": 300, "note": 1_500, "summary": 900, "detail": 40_000, "schema": 450, "live": 0,
            "control": 16_000,
        },
        budget_bytes=82_000,
        left_bytes=300_000,
        shed_rows=64,
    )  # fmt: skip


def test_a_day_without_a_clock_or_a_budget_says_so(hub: TestHub) -> None:
    """What nobody counted or dated is unknown, never zero; an absurd day is none."""
    for seq, day in ((8, 0), (9, 2**50)):
        hub.send_batch(of(*ROWS, event(seq, Traffic(day, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 0))))
        found = account(hub).traffic
        assert found is not None
        assert (found.day, found.budget_bytes, found.left_bytes, found.total_bytes) == (None, None, None, 36)


def test_a_site_that_was_never_heard_has_an_empty_account(hub: TestHub) -> None:
    """Nothing is missing of what never was."""
    answer = account(hub)
    assert (answer.received, answer.missing, answer.epochs, answer.tallies) == (0, 0, [], [])
    assert answer.unobserved.pauses == []
    assert answer.traffic is None


LATER = {
    "live_views", "enrolment_tokens", "device_keys", "programmes", "communes", "accounts", "grants", "attempts",
    "sign_ins", "invitations", "tokens", "audit",
}  # fmt: skip
"""Tables that later migrations add."""


def test_an_older_ledger_learns_the_numbers_of_its_batches(hub: TestHub) -> None:
    """The migration reads every batch once; afterwards a tally over old rows is compared like any other."""
    hub.send_batch(of(*ROWS))
    before = import_module("hub.io.migrations.versions.0003_tallies").down_revision
    with hub.ledger.engine.begin() as connection:
        later = [table for table in reversed(t.metadata.sorted_tables) if table.name in LATER]
        for table in later:
            table.drop(connection)
        t.tallies.drop(connection)
        connection.exec_driver_sql("DROP INDEX archive_by_seq")
        for column in ("first_seq", "last_seq"):
            connection.exec_driver_sql(f"ALTER TABLE archive DROP COLUMN {column}")
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = ?", (before,))
    hub.ledger.migrate()
    with hub.ledger.reading() as connection:
        numbers = connection.execute(select(t.archive.c.first_seq, t.archive.c.last_seq)).all()
    assert [tuple(row) for row in numbers] == [(1, 7)]
    hub.send_batch(of(told(8, 1, 7, sums(*ROWS))))
    assert account(hub).tallies[0].comparison is Comparison.AGREES
