"""Presence and doubts: the figures that decide what may be said of a site and of a charge."""

from __future__ import annotations

import pytest

from hub.domain.charging import LONG_AFTER_MS, ToCheck, doubts
from hub.domain.counters import risen
from hub.domain.presence import LATE_AFTER_MS, SILENT_AFTER_MS, Freshness, freshness
from protocol.events import EndReason


@pytest.mark.parametrize(
    ("age_ms", "word"),
    [
        (0, Freshness.CURRENT),
        (LATE_AFTER_MS, Freshness.CURRENT),
        (LATE_AFTER_MS + 1, Freshness.LATE),
        (SILENT_AFTER_MS, Freshness.LATE),
        (SILENT_AFTER_MS + 1, Freshness.SILENT),
    ],
)
def test_freshness_follows_the_age_of_the_newest_sample(age_ms: int, word: Freshness) -> None:
    """Each limit belongs to the kinder side."""
    assert freshness(1000, 1000 + age_ms) is word
    assert freshness(None, 1000) is Freshness.NEVER


@pytest.mark.parametrize(
    ("reason", "found", "start_ms", "end_ms", "expected"),
    [
        (EndReason.UNPLUGGED, False, 0, 1000, ()),
        (EndReason.POWER_LOSS, False, 0, 1000, (ToCheck.CUT_BY_POWER_LOSS,)),
        (EndReason.AGENT_STOPPED, True, 0, 1000, (ToCheck.AGENT_STOPPED, ToCheck.FOUND_AT_START)),
        (EndReason.UNPLUGGED, False, 0, LONG_AFTER_MS + 1, (ToCheck.TOO_LONG,)),
        (EndReason.UNPLUGGED, False, None, 1000, (ToCheck.TIME_UNKNOWN,)),
        (EndReason.UNPLUGGED, False, 0, None, (ToCheck.TIME_UNKNOWN,)),
        (None, False, 0, None, ()),
    ],
)
def test_every_doubt_has_its_cause(
    reason: EndReason | None, *, found: bool, start_ms: int | None, end_ms: int | None, expected: tuple[ToCheck, ...]
) -> None:
    """A plain charge has none; what is doubtful says why."""
    assert doubts(reason=reason, found=found, start_ms=start_ms, end_ms=end_ms, now_ms=2000) == expected


def test_an_open_charge_grows_doubtful_with_time() -> None:
    """It is measured against now; one that nobody will end is said so."""
    late_ms = LONG_AFTER_MS + 1
    assert doubts(reason=None, found=False, start_ms=0, end_ms=None, now_ms=late_ms) == (ToCheck.TOO_LONG,)
    gone = doubts(reason=None, found=False, start_ms=0, end_ms=None, now_ms=2000, abandoned=True)
    assert gone == (ToCheck.NEVER_ENDED,)


@pytest.mark.parametrize(
    ("readings", "came"),
    [
        ([], None),
        ([7.0], 0.0),
        ([7.0, 7.5, 9.0], 2.0),
        ([29_000.0, 29_001.0, 0.0, 0.5], 1.5),
        ([65_535.0, 3.0, 5.0], 2.0),
    ],
)
def test_a_counter_that_begins_anew_is_not_a_mountain_of_energy(readings: list[float], came: float | None) -> None:
    """A meter set to zero, a counter that wraps, another device: what is certain is counted, nothing is made up."""
    assert risen(readings) == came
