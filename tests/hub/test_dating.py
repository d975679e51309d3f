"""Dating: from boot and uptime to UTC, with an honest error."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from hub.ingest.dating import ERROR_MAX_MS, UNKNOWN, Anchor, Dater, TimeQuality, plausible
from protocol.events import AnchorSource

T0_MS = 1_700_000_000_000


def ntp(uptime_s: int, after_ms: int, error_ms: int = 100) -> Anchor:
    """Make an anchor some milliseconds after `T0_MS`."""
    return Anchor(uptime_s, T0_MS + after_ms, error_ms, AnchorSource.NTP)


def test_a_row_is_dated_by_the_last_anchor_before_it() -> None:
    """Each anchor holds until the next one."""
    dater = Dater({1: [ntp(100, 1_000_000), ntp(200, 1_105_000)]})
    assert dater.date(1, 150).utc_ms == T0_MS + 1_050_000
    assert dater.date(1, 210).utc_ms == T0_MS + 1_115_000


def test_rows_before_the_first_anchor_are_dated_by_it() -> None:
    """A boot that learns the time late knows it for its beginning too."""
    assert Dater({1: [ntp(100, 1_000_000)]}).date(1, 40).utc_ms == T0_MS + 940_000


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
    assert Dater({1: []}).date(1, 5) == UNKNOWN


def test_a_date_outside_of_this_century_is_no_date() -> None:
    """Whatever an anchor or an uptime claims, no answer has to compute with the year 287396."""
    assert Dater({1: [ntp(0, 0)]}).date(1, 2**53) == UNKNOWN
    assert Dater({1: [ntp(2**53, 0)]}).date(1, 0) == UNKNOWN
    assert plausible(T0_MS, 0, T0_MS)
    assert not plausible(0, 0, T0_MS)
    assert not plausible(T0_MS + 2 * 86_400_000, 0, T0_MS)


def test_an_anchor_that_may_be_years_off_dates_nothing() -> None:
    """A site's newest value is never said to be from before this calendar, whatever error an anchor admits."""
    assert plausible(T0_MS, ERROR_MAX_MS, T0_MS)
    assert not plausible(T0_MS, ERROR_MAX_MS + 1, T0_MS)
