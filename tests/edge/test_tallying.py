"""The site's running count of its rows: a day at a time, over reboots, and never silently wrong."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.tallying import DAY_S, DayTally, Sealer, resume
from protocol import seal, tally
from protocol.batch import EventRow
from protocol.events import AlarmCleared, SlotTaken
from protocol.tally import Sums


def row(seq: int, uptime_s: int, boot: int = 1) -> EventRow:
    """Lay out an event."""
    return EventRow(seq, boot, uptime_s, AlarmCleared("door"))


def test_a_day_of_uptime_closes_a_tally() -> None:
    """The tally speaks of every row since the one before it; what was watched beyond the day counts for the next."""
    running = DayTally(1).with_event(row(1, 30)).with_sample(2, b"schema-1", 0, (1, 30 + DAY_S - 1), [5, None])
    assert not running.due()
    running = running.with_event(EventRow(3, 1, 30 + DAY_S + 9, SlotTaken(2)))
    assert running.due()
    said, rest = running.close(4)
    assert (said.first_seq, said.last_seq, said.samples, said.taken, said.others) == (1, 3, 1, 1, 1)
    assert (rest.first_seq, rest.sums, rest.watched_s) == (4, Sums(), 9)


def test_a_reboot_does_not_end_a_day() -> None:
    """Only time between rows of one boot counts, however many boots it takes."""
    running = DayTally(1)
    for boot in range(1, 5):
        running = running.with_event(row(2 * boot, 60, boot)).with_event(row(2 * boot + 1, 60 + DAY_S // 4, boot))
    assert running.watched_s == DAY_S
    assert running.sums.others == 8


def test_a_row_that_was_asked_for_earlier_takes_nothing_back() -> None:
    """A device's slow answer is stamped with the moment of the question."""
    running = (
        DayTally(1).with_event(row(1, 100)).with_event(row(2, 160)).with_event(row(3, 150)).with_event(row(4, 170))
    )
    assert running.watched_s == 70


@given(st.builds(DayTally, st.integers(1, 2**53), st.builds(Sums, *[st.integers(0, 2**32)] * 6), *[st.integers(0)] * 3))
def test_what_is_written_down_is_resumed(running: DayTally) -> None:
    """A restart goes on where the last commit was."""
    assert resume(running.to_text(), 99) == running


@pytest.mark.parametrize("text", [None, "", "5", "[]", "[1, 2]", "{", '{"first_seq": 1}', "null"])
def test_without_a_sound_note_the_count_begins_with_the_next_row(text: str | None) -> None:
    """A new outbox, or a damaged note, makes no false count."""
    assert resume(text, 7) == DayTally(7)


def test_a_digit_that_changed_on_the_card_is_noticed() -> None:
    """A count that is not what was written is not told to the hub."""
    numbers = json.loads(DayTally(1).with_event(row(1, 30)).to_text())
    numbers[5] += 1
    assert resume(json.dumps(numbers), 7) == DayTally(7)


SEALER, OTHER = Sealer(b"k" * seal.KEY_BYTES, 7), Sealer(b"o" * seal.KEY_BYTES, 7)


def test_what_a_key_has_sealed_is_resumed_with_that_key_and_no_other() -> None:
    """The chains go on where the last commit was; another key, or none, does not go on with them."""
    running = DayTally(1).under(SEALER).with_event(row(1, 30)).with_sample(2, b"schema-1", 0, (1, 60), [5, None])
    text = running.to_text()
    assert resume(text, 99, SEALER) == running
    assert not resume(text, 99, SEALER).due()
    for sealer, due in ((OTHER, True), (None, False)):
        resumed = resume(text, 99, sealer)
        assert (resumed.sums, resumed.chains, resumed.due()) == (running.sums, None, due)


def test_the_key_is_never_written_down() -> None:
    """Neither beside the count, nor where a program shows it."""
    running = DayTally(1).under(SEALER).with_event(row(1, 30))
    for shown in (running.to_text(), repr(running)):
        assert SEALER.key.hex() not in shown
        assert repr(SEALER.key)[2:-1] not in shown


def test_a_tally_is_sealed_when_its_chains_have_seen_every_row() -> None:
    """Begun before the key, it is closed at once and without a seal; the next one has one."""
    said, rest = DayTally(1).with_event(row(1, 30)).under(SEALER).close(2)
    assert seal.of_tally(said) is None
    said, _ = rest.with_event(row(2, 60)).close(3)
    assert seal.of_tally(said) == SEALER.begin(2).with_event(_form(2, 60)).seals()


def test_a_note_whose_seal_was_changed_on_the_card_is_noticed() -> None:
    """What is not what was written is not gone on with."""
    *said, check = json.loads(DayTally(1).under(SEALER).with_event(row(1, 30)).to_text())
    said[-1] = "00" * 32
    assert resume(json.dumps([*said, check]), 7, SEALER) == DayTally(7).under(SEALER)


def _form(seq: int, uptime_s: int) -> bytes:
    return tally.event_form(row(seq, uptime_s))
