"""Whatever a day brings, its page can be made and tells no lies."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from hub.answers.sessions import SessionAnswer
from hub.domain.charging import ToCheck
from hub.domain.presence import Freshness
from hub.pages.day_view import day_view
from tests.hub.pages.days import SOMETIME, Level, at, charge, day, site
from tests.hub.pages.test_charts import read

METRICS = ("panel_power_w", "load_power_w", "battery_voltage_v", "soc_pct", "generated_total_kwh",
           "consumed_total_kwh", "lit")  # fmt: skip
LEVELS = st.one_of(st.floats(0, 3000), st.tuples(st.floats(0, 20), st.floats(20, 60)))
TRACKS = st.dictionaries(st.integers(0, 91), LEVELS, max_size=92).map(lambda levels: dict(sorted(levels.items())))


def made(slot: int, start: float | None, length: float | None, reasons: set[ToCheck]) -> SessionAnswer:
    """Lay out a charge that may lack its beginning or its end."""
    end = None if length is None else at((start or 0) + length)
    return charge(slot, SOMETIME if start is None else at(start), end, *reasons)


CHARGES = st.lists(
    st.builds(
        made,
        st.integers(1, 12),
        st.none() | st.floats(-30, 22),
        st.none() | st.floats(0, 30),
        st.sets(st.sampled_from(ToCheck)),
    ),
    max_size=12,
)


@settings(max_examples=150)
@given(
    tracks=st.dictionaries(st.sampled_from(METRICS), TRACKS),
    hour=st.floats(0, 40),
    freshness=st.sampled_from(Freshness),
    zone=st.sampled_from(["Africa/Ouagadougou", "Europe/Paris"]),
    on=st.sampled_from([date(2026, 11, 23), date(2026, 10, 25), date(2026, 3, 29)]),
    found=CHARGES,
)
def test_any_day_can_be_told(
    tracks: dict[str, dict[int, Level]],
    hour: float,
    freshness: Freshness,
    zone: str,
    on: date,
    found: list[SessionAnswer],
) -> None:
    """Any tracks, any hour, any charges: well-formed drawings in whole numbers, and a figure only where data are."""
    now = datetime(on.year, on.month, on.day, tzinfo=UTC) + timedelta(hours=hour)
    described = site(zone=zone, freshness=freshness, newest=None if freshness is Freshness.NEVER else now)
    view = day_view(day(tracks, now=now, of=described, on=on, sessions=found))
    for section in view.sections:
        if section.chart:
            drawing = read(section.chart)
            assert all(float(text.get("x", "nan")).is_integer() for text in drawing.iter("text"))
            assert not any("." in path.get("d", "") for path in drawing.iter("path"))
    energy = view.sections[0].figures
    assert [fact.unknown for fact in energy] == [not tracks.get(name) for name in METRICS[4:6]]
    assert len(view.charges) == len(found)
