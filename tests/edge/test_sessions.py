"""Charging sessions: opened once, closed once, and honest about what a restart did not let us see."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from edge.ports import OpenSession
from edge.sessions import RESUME_WITHIN_S, SessionBook
from edge.slots import Change
from protocol.events import ChargingSession, EndReason, SlotTaken
from tests.fakes import session


def taken(slot: int, at_s: float, *, found: bool = False) -> Change:
    """Say that a slot was taken."""
    return Change(slot, occupied=True, uptime_s=at_s, found=found)


def freed(slot: int, at_s: float) -> Change:
    """Say that a slot became free."""
    return Change(slot, occupied=False, uptime_s=at_s)


def ended(of: OpenSession, reason: EndReason) -> ChargingSession:
    """Describe a session as it ends where it was last seen."""
    return ChargingSession(
        of.slot, of.taken_seq, of.start_boot, of.start_uptime_s, of.last_boot, of.last_uptime_s, reason, of.found
    )


def test_a_session_is_named_by_the_row_that_opened_it() -> None:
    """Plugging in makes a `SlotTaken`; unplugging a `ChargingSession` that carries its seq and both moments."""
    book = SessionBook(boot=3)
    assert book.opens(taken(5, 100.9)) == SlotTaken(5)
    book.opened(taken(5, 100.9), taken_seq=41)
    assert book.snapshot(130) == [OpenSession(5, 41, 3, 100, 3, 130, found=False)]
    assert book.closes(freed(5, 160.2)) == ChargingSession(5, 41, 3, 100, 3, 160, EndReason.UNPLUGGED)
    assert book.snapshot(170) == []


def test_what_was_found_is_marked_to_the_end() -> None:
    """A session whose beginning nobody saw says so when it opens and when it closes."""
    book = SessionBook(boot=1)
    assert book.opens(taken(2, 1.0, found=True)) == SlotTaken(2, found=True)
    book.opened(taken(2, 1.0, found=True), taken_seq=1)
    closed = book.closes(freed(2, 60.0))
    assert closed is not None
    assert closed.found


def test_a_slot_that_was_never_taken_closes_nothing() -> None:
    """An end without a beginning is no session."""
    assert SessionBook(boot=1).closes(freed(2, 60.0)) is None


def test_a_power_cut_ends_a_session_where_it_was_last_seen() -> None:
    """After a reboot the session ends at the last commit before it, and the phone still there begins a new one."""
    left = session(4, 17, boot=1, start_s=10, last_s=300)
    book = SessionBook(boot=2)
    assert book.recover([left], uptime_s=30) == [ended(left, EndReason.POWER_LOSS)]
    assert book.opens(taken(4, 31.0, found=True)) == SlotTaken(4, found=True)
    assert book.first_look_done() == []


def test_a_short_absence_of_the_agent_does_not_end_a_session() -> None:
    """If the Pi did not reboot and the phone is still there, the session goes on under its old name."""
    left = session(4, 17, start_s=10, last_s=300)
    book = SessionBook(boot=1)
    assert book.recover([left], uptime_s=300 + RESUME_WITHIN_S) == []
    assert book.snapshot(421) == [left]
    assert book.opens(taken(4, 422.0, found=True)) is None
    assert book.first_look_done() == []
    assert book.closes(freed(4, 500.0)) == ChargingSession(4, 17, 1, 10, 1, 500, EndReason.UNPLUGGED)


def test_a_phone_that_left_meanwhile_ends_its_session() -> None:
    """What was open and is free at the first look ended when it was last seen, because the agent was stopped."""
    left = session(4, 17, last_s=300)
    book = SessionBook(boot=1)
    book.recover([left], uptime_s=310)
    assert book.first_look_done() == [ended(left, EndReason.AGENT_STOPPED)]
    assert book.snapshot(320) == []
    assert book.first_look_done() == []


def test_a_long_absence_of_the_agent_ends_a_session() -> None:
    """Nobody knows what happened in the time nobody looked."""
    left = session(4, 17, last_s=300)
    book = SessionBook(boot=1)
    assert book.recover([left], uptime_s=301 + RESUME_WITHIN_S) == [ended(left, EndReason.AGENT_STOPPED)]
    assert book.opens(taken(4, 430.0, found=True)) == SlotTaken(4, found=True)


def test_a_phone_plugged_in_later_is_another_session() -> None:
    """Only what is there at the first look can be the session that was left open."""
    book = SessionBook(boot=1)
    book.recover([session(4, 17, last_s=300)], uptime_s=310)
    assert book.opens(taken(4, 311.0)) == SlotTaken(4)


@given(
    st.lists(
        st.tuples(st.sampled_from(["take", "free", "restart", "reboot"]), st.integers(1, 3), st.integers(0, 200)),
        max_size=60,
    )
)
def test_every_session_that_opens_ends_exactly_once(steps: list[tuple[str, int, int]]) -> None:
    """Through any restarts, each `SlotTaken` has one end or is still open, and no end comes before its beginning."""
    now, boot, seq = 0, 1, 0
    book = SessionBook(boot)
    present: set[int] = set()
    opened: list[int] = []
    closed: list[ChargingSession] = []
    for verb, slot, wait_s in steps:
        now += wait_s
        if verb == "take" and slot not in present:
            present.add(slot)
            assert book.opens(taken(slot, float(now))) == SlotTaken(slot)
            seq += 1
            opened.append(seq)
            book.opened(taken(slot, float(now)), seq)
        elif verb == "free" and slot in present:
            present.remove(slot)
            end = book.closes(freed(slot, float(now)))
            assert end is not None
            closed.append(end)
        elif verb in ("restart", "reboot"):
            left = book.snapshot(now)
            now, boot = (5, boot + 1) if verb == "reboot" else (now + wait_s, boot)
            present ^= {slot} & present  # one phone may leave while nobody looks
            book = SessionBook(boot)
            closed += book.recover(left, now)
            for found in sorted(present):
                change = taken(found, float(now), found=True)
                if book.opens(change) is not None:
                    seq += 1
                    opened.append(seq)
                    book.opened(change, seq)
            closed += book.first_look_done()
        still_open = [one.taken_seq for one in book.snapshot(now)]
        assert sorted([end.taken_seq for end in closed] + still_open) == opened
        assert {one.slot for one in book.snapshot(now)} == present
    for end in closed:
        assert (end.start_boot, end.start_uptime_s) <= (end.end_boot, end.end_uptime_s)
