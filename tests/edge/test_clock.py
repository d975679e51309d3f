"""Anchors: as few as the hub needs to date every row, and never claiming to be surer than they are."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

from hypothesis import given
from hypothesis import strategies as st

from edge.clock import ANCHOR_EVERY_S, DRIFT_MS, AnchorKeeper, HubTime, Instant, utc_text
from protocol.events import AnchorSource, ClockAnchor

START = datetime(2026, 10, 12, 6, 0, tzinfo=UTC)
START_MS = int(START.timestamp() * 1000)


def instant(uptime_s: float, *, synced: bool = True, off_s: float = 0.0) -> Instant:
    """Read a clock that showed `START` at boot, and is off by so much now."""
    return Instant(uptime_s, START + timedelta(seconds=uptime_s + off_s), synced)


def hub(sent_s: float, received_s: float, utc_s: float) -> HubTime:
    """Bring the hub's time in an ack."""
    return HubTime(START_MS + round(utc_s * 1000), sent_s, received_s)


def test_a_synced_clock_is_anchored_at_once_and_then_rarely() -> None:
    """One anchor for a boot, and one each `ANCHOR_EVERY_S`, because every anchor costs bytes."""
    keeper = AnchorKeeper()
    due = [now for now in range(0, 2 * ANCHOR_EVERY_S + 1, 10) if keeper.step(instant(float(now))) is not None]
    assert due == [0, ANCHOR_EVERY_S, 2 * ANCHOR_EVERY_S]


def test_an_anchor_stands_on_a_whole_second() -> None:
    """Rows carry whole seconds, so the time is that of the second, not of the moment."""
    assert AnchorKeeper().step(instant(7.25)) == (7, ClockAnchor(START_MS + 7000, 100, AnchorSource.NTP))


def test_an_unsynced_clock_is_no_anchor() -> None:
    """What the Pi believes without NTP is not passed on."""
    assert AnchorKeeper().step(instant(7.0, synced=False)) is None


def test_the_hubs_time_lies_between_sending_and_receiving() -> None:
    """The middle is taken, and half the way is the error."""
    anchor = AnchorKeeper().step(instant(30.0, synced=False), hub(10.0, 16.0, 13.0))
    assert anchor == (13, ClockAnchor(START_MS + 13_000, 3001, AnchorSource.HUB))


def test_ntp_replaces_the_hub_and_not_the_other_way_round() -> None:
    """A better source is taken at once; a worse one only when the better one is long gone."""
    keeper = AnchorKeeper()
    assert keeper.step(instant(10.0, synced=False), hub(9.0, 10.0, 9.5)) is not None
    better = keeper.step(instant(20.0))
    assert better is not None
    assert better[1].source is AnchorSource.NTP
    assert keeper.step(instant(30.0, synced=False), hub(29.0, 30.0, 29.5)) is None
    late = 20.0 + ANCHOR_EVERY_S
    assert keeper.step(instant(late + 2, synced=False), hub(late, late + 2, late + 1)) is not None


def test_a_clock_that_jumps_is_anchored_when_it_stands_by_it() -> None:
    """Uptime does not jump, so a new time is doubted for a minute; a second and the known errors are no jump."""
    keeper = AnchorKeeper()
    keeper.step(instant(0.0))
    assert keeper.step(instant(60.0, off_s=1.1)) is None
    assert keeper.step(instant(70.0, off_s=-5.0)) is None
    assert keeper.step(instant(129.0, off_s=-5.0)) is None
    assert keeper.step(instant(130.0, off_s=-5.0)) == (130, ClockAnchor(START_MS + 125_000, 100, AnchorSource.NTP))
    assert keeper.step(instant(140.0, off_s=-5.0)) is None


def test_a_clock_that_jumps_there_and_back_makes_no_anchor() -> None:
    """Somebody set the clock by hand, and the daemon put it right before the doubt was over."""
    keeper = AnchorKeeper()
    keeper.step(instant(0.0))
    assert keeper.step(instant(70.0, off_s=7200.0)) is None
    assert keeper.step(instant(80.0)) is None
    assert keeper.step(instant(135.0, off_s=7200.0)) is None


def test_a_synced_clock_that_contradicts_the_hub_is_not_believed() -> None:
    """A time server that lies by hours must not date anything, until it agrees with the hub again."""
    keeper = AnchorKeeper()
    wrong = keeper.step(instant(10.0, off_s=7200.0))
    assert wrong is not None
    told = keeper.step(instant(20.0, off_s=7200.0), hub(18.0, 20.0, 19.0))
    assert told == (19, ClockAnchor(START_MS + 19_000, 1001, AnchorSource.HUB))
    assert keeper.step(instant(90.0, off_s=7200.0)) is None
    right = keeper.step(instant(100.0), hub(98.0, 100.0, 99.0))
    assert right == (100, ClockAnchor(START_MS + 100_000, 100, AnchorSource.NTP))


def test_a_clock_chip_counts_only_where_nothing_better_is_known() -> None:
    """It gives an anchor of its own source, and none once the hub or a time server has told the time."""
    keeper = AnchorKeeper()
    chip = replace(instant(7.0, synced=False), rtc=START + timedelta(seconds=9))
    assert keeper.step(chip) == (7, ClockAnchor(START_MS + 9000, 2000, AnchorSource.RTC))
    assert keeper.step(replace(chip, uptime_s=60.0, rtc=START + timedelta(seconds=62))) is None
    assert keeper.step(instant(70.0, synced=False), hub(68.0, 70.0, 69.0)) is not None
    late = replace(chip, uptime_s=70.0 + 2 * ANCHOR_EVERY_S, rtc=START + timedelta(days=3))
    assert keeper.step(late) is None


def test_a_hub_that_was_never_set_tells_nothing() -> None:
    """An ack from 1970 neither makes an anchor nor puts a good clock in doubt."""
    lost = HubTime(5000, 9.0, 10.0)
    assert AnchorKeeper().step(instant(10.0, synced=False), lost) is None
    assert AnchorKeeper().step(instant(10.0), lost) is not None


def test_a_chip_without_its_battery_is_no_anchor() -> None:
    """It counts from 1970 or 2000 again, and the Pi 5 has such a chip."""
    for year in (1970, 2000):
        chip = replace(instant(7.0, synced=False), rtc=datetime(year, 1, 1, 0, 5, tzinfo=UTC))
        assert AnchorKeeper().step(chip) is None


def test_a_slow_network_is_no_drift() -> None:
    """Two acks that disagree within what the network may have taken are one time."""
    keeper = AnchorKeeper()
    assert keeper.step(instant(20.0, synced=False), hub(0.0, 20.0, 1.0)) is not None
    assert keeper.step(instant(60.0, synced=False), hub(40.0, 60.0, 59.0)) is None


@given(
    sent_s=st.floats(0, 1e6),
    there_s=st.floats(0, 100),
    back_s=st.floats(0, 100),
    drift_s=st.floats(-1e5, 1e5),
)
def test_an_anchor_holds_what_it_claims(sent_s: float, there_s: float, back_s: float, drift_s: float) -> None:
    """However long the way there and the way back, the true time is within the anchor's error."""
    arrived_s, received_s = sent_s + there_s, sent_s + there_s + back_s
    anchor = AnchorKeeper().step(
        instant(received_s, synced=False), hub(sent_s, received_s, round(arrived_s + drift_s, 3))
    )
    assert anchor is not None
    uptime_s, claim = anchor
    true_ms = START_MS + (uptime_s + drift_s) * 1000
    assert abs(claim.utc_ms - true_ms) <= claim.error_ms + 2  # and two roundings
    assert DRIFT_MS > 2


def test_a_person_sees_whether_the_clock_can_be_trusted() -> None:
    """The text is in UTC, whatever the zone of the clock, and marked when it is not synchronised."""
    local = datetime(2026, 10, 12, 8, 0, tzinfo=timezone(timedelta(hours=2)))
    assert utc_text(Instant(0.0, local, synced=True)) == "2026-10-12 06:00:00 UTC"
    assert utc_text(Instant(0.0, local, synced=False)) == "2026-10-12 06:00:00 UTC (not synchronised)"
