"""Dating: from boot and uptime to UTC, with an honest error."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from hub.ingest.dating import UNKNOWN, Anchor, Dater, TimeQuality
from protocol.events import AnchorSource


def ntp(uptime_s: int, utc_ms: int, error_ms: int = 100) -> Anchor:
    """Make an anchor."""
    return Anchor(uptime_s, utc_ms, error_ms, AnchorSource.NTP)


def test_a_row_is_dated_by_the_last_anchor_before_it() -> None:
    """Each anchor holds until the next one."""
    dater = Dater({1: [ntp(100, 1_000_000), ntp(200, 1_105_000)]})
    assert dater.date(1, 150).utc_ms == 1_050_000
    assert dater.date(1, 210).utc_ms == 1_115_000


def test_rows_before_the_first_anchor_are_dated_by_it() -> None:
    """A boot that learns the time late knows it for its beginning too."""
    assert Dater({1: [ntp(100, 1_000_000)]}).date(1, 40).utc_ms == 940_000


@given(st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 10**12)), min_size=1, max_size=8))
def test_a_later_anchor_never_moves_what_was_dated(found: list[tuple[int, int]]) -> None:
    """A row dated by an anchor before it keeps its date whatever is learnt afterwards."""
    anchors = sorted(ntp(*pair) for pair in found)
    early, all_of_them = Dater({1: anchors[:1]}), Dater({1: anchors})
    next_s = min((a.uptime_s for a in anchors if a.uptime_s > anchors[0].uptime_s), default=anchors[0].uptime_s + 10)
    same = [a for a in anchors if a.uptime_s == anchors[0].uptime_s]
    if len(same) == 1:
        assert early.date(1, next_s - 1) == all_of_them.date(1, next_s - 1)


def test_the_error_grows_with_the_distance() -> None:
    """A crystal may drift 100 ppm, and the quality says when that matters."""
    dater = Dater({1: [ntp(0, 0)]})
    assert dater.date(1, 1000).error_ms == 200
    assert dater.date(1, 10_000).quality is TimeQuality.SYNCED
    assert dater.date(1, 100_000).quality is TimeQuality.RECONSTRUCTED


def test_a_boot_without_anchor_is_unknown() -> None:
    """No anchor, no date, and never a guess."""
    assert Dater({1: [ntp(0, 0)]}).date(2, 5) == UNKNOWN
    assert UNKNOWN.quality is TimeQuality.UNKNOWN
    assert not Dater({1: []}).knows(1)
