"""Answers: every figure with its period, its completeness and its doubts; what is unknown is said."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from hub.answers.day import counted, day_of
from hub.answers.series import series
from hub.answers.sessions import sessions
from hub.answers.sites import latest, list_sites, one_site, words_of
from hub.domain.charging import ToCheck
from hub.domain.columns import primary
from hub.domain.presence import LATE_AFTER_MS, SILENT_AFTER_MS, Freshness
from hub.errors import BadRequest, NotFound
from hub.ingest.dating import TimeQuality
from protocol import schema
from protocol.batch import Batch, TableRows
from protocol.events import ChargingSession, EndReason, SlotTaken
from protocol.schema import ColumnSpec, Schema, TableSpec
from protocol.states import FAULT_BITS
from protocol.topics import Channel
from tests.hub.builders import NOON_MS, TestHub, anchor, event, of, samples

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.fixture
def lively(hub: TestHub) -> TestHub:
    """Give a hub whose site sent a quarter of an hour of samples, an open session and two ended ones."""
    hub.send_batch(
        of(
            anchor(1, 0, NOON_MS),
            samples(2, [60 * minute for minute in range(15)], [100 + minute for minute in range(15)]),
            event(20, SlotTaken(3), uptime_s=300),
            event(21, ChargingSession(1, 19, 1, 10, 1, 610, EndReason.UNPLUGGED), uptime_s=610),
            event(22, ChargingSession(2, 18, 1, 20, 1, 400, EndReason.POWER_LOSS, found=True), uptime_s=400),
        ),
        NOON_MS + 15 * 60_000,
    )
    return hub


def test_a_current_site_shows_its_newest_values(lively: TestHub) -> None:
    """Fresh data may be shown as the present state."""
    (site,) = list_sites(lively.ledger, NOON_MS + 15 * 60_000)
    assert (site.freshness, site.panel_power_w, site.slots_occupied) == (Freshness.CURRENT, 114.0, (3,))
    assert site.newest_at == NOON + timedelta(minutes=14)
    assert site.soc_pct is None


@pytest.mark.parametrize(("age_ms", "word"), [(LATE_AFTER_MS, Freshness.LATE), (SILENT_AFTER_MS, Freshness.SILENT)])
def test_a_silent_sites_present_state_is_unknown(lively: TestHub, age_ms: int, word: Freshness) -> None:
    """What a site said long ago is not what it is now."""
    site = one_site(lively.ledger, "ecole-a", NOON_MS + 14 * 60_000 + age_ms + 1)
    assert (site.freshness, site.panel_power_w, site.slots_occupied) == (word, None, None)


def test_a_site_never_heard_is_said_to_be_so(hub: TestHub) -> None:
    """No data is not an empty kiosk."""
    site = one_site(hub.ledger, "ecole-a", NOON_MS)
    assert (site.freshness, site.newest_at, site.slots_occupied) == (Freshness.NEVER, None, None)
    assert latest(hub.ledger, "ecole-a") == []


def test_an_unknown_site_is_not_found(hub: TestHub) -> None:
    """The sentence names the site that was asked for."""
    with pytest.raises(NotFound, match="'nowhere'"):
        one_site(hub.ledger, "nowhere", NOON_MS)


def test_the_newest_values_carry_unit_and_moment(lively: TestHub) -> None:
    """Every column is listed once."""
    values = {value.column: value for value in latest(lively.ledger, "ecole-a")}
    power = values["controller.panel_power_w"]
    assert (power.value, power.unit, power.at) == (114.0, "W", NOON + timedelta(minutes=14))


def test_a_series_says_how_complete_it_is(lively: TestHub) -> None:
    """Fifteen minutes observed of sixty is a quarter, for the period and for its point."""
    answer = series(
        lively.ledger, lively.store, site="ecole-a", metric="panel_power_w", start=NOON, end=NOON + HOUR, step="1h"
    )
    (point,) = answer.points
    assert (answer.column, answer.unit, answer.completeness) == ("controller.panel_power_w", "W", 0.25)
    assert (point.mean, point.min, point.max, point.count, point.completeness) == (107.0, 100.0, 114.0, 15, 0.25)
    assert point.quality is TimeQuality.SYNCED


@pytest.mark.parametrize(("step", "points"), [("raw", 15), ("15m", 1), ("1d", 1), ("auto", 15)])
def test_every_step_is_answered(lively: TestHub, step: str, points: int) -> None:
    """The same samples at any step."""
    answer = series(
        lively.ledger,
        lively.store,
        site="ecole-a",
        metric="controller.panel_power_w",
        start=NOON,
        end=NOON + HOUR,
        step=step,
    )
    assert len(answer.points) == points
    assert sum(point.count for point in answer.points) == 15


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"metric": "unheard_of"}, "there is no metric"),
        ({"end": NOON}, "later than start"),
        ({"step": "7m"}, "step must be one of"),
        ({"end": NOON + timedelta(days=40), "step": "raw"}, "coarser step"),
    ],
)
def test_a_question_that_cannot_be_answered_is_refused_in_words(
    lively: TestHub, change: dict[str, object], words: str
) -> None:
    """The message says what would be valid."""
    question: dict[str, object] = {
        "site": "ecole-a",
        "metric": "panel_power_w",
        "start": NOON,
        "end": NOON + HOUR,
        **change,
    }
    with pytest.raises(BadRequest, match=words):
        series(lively.ledger, lively.store, **question)  # type: ignore[arg-type]


def test_sessions_are_counted_apart_from_those_to_check(lively: TestHub) -> None:
    """An interrupted charge is flagged, an open one is not ended."""
    answer = sessions(lively.ledger, site="ecole-a", start=NOON - HOUR, end=NOON + HOUR, now_ms=NOON_MS + 900_000)
    assert (answer.ended, answer.open, answer.to_check, answer.time_unknown) == (2, 1, 1, 0)
    by_slot = {session.slot: session for session in answer.sessions}
    assert (by_slot[1].duration_s, by_slot[1].end_reason, by_slot[1].to_check) == (600, "unplugged", ())
    assert by_slot[2].to_check == (ToCheck.CUT_BY_POWER_LOSS, ToCheck.FOUND_AT_START)
    assert by_slot[3].end is None


def test_an_undated_session_is_listed_and_counted_apart(hub: TestHub) -> None:
    """A charge whose time is unknown belongs to no period, but is not hidden."""
    hub.send_batch(of(event(1, ChargingSession(1, 1, 1, 10, 1, 610, EndReason.UNPLUGGED))))
    answer = sessions(hub.ledger, site="ecole-a", start=NOON, end=NOON + HOUR, now_ms=NOON_MS)
    assert (answer.ended, answer.time_unknown) == (0, 1)
    assert answer.sessions[0].to_check == (ToCheck.TIME_UNKNOWN,)


def test_a_session_of_half_a_day_is_to_check(hub: TestHub) -> None:
    """A stuck slot does not pass for a phone."""
    hub.send_batch(of(anchor(1, 0, NOON_MS), event(2, SlotTaken(1), uptime_s=0)))
    answer = sessions(hub.ledger, site="ecole-a", start=NOON, end=NOON + HOUR, now_ms=NOON_MS + 13 * 3_600_000)
    assert answer.sessions[0].to_check == (ToCheck.TOO_LONG,)


def test_a_day_is_local_and_measured_until_now(lively: TestHub) -> None:
    """Today's completeness counts what could have been seen so far, not the evening to come."""
    now_ms = NOON_MS + 15 * 60_000
    answer = day_of(lively.ledger, lively.store, site="ecole-a", day=None, now_ms=now_ms)
    assert (answer.day, answer.observed_until) == (date(2026, 11, 23), NOON + timedelta(minutes=15))
    power = answer.tracks["panel_power_w"]
    assert power.completeness == pytest.approx(15 / (12 * 60 + 15))
    assert counted(answer.tracks["generated_total_kwh"]) == 0.14
    assert counted(power) is None
    assert counted(None) is None


def test_a_charge_over_midnight_counts_on_the_day_it_ended(hub: TestHub) -> None:
    """Neighbouring days add up: listed on both, counted once."""
    hub.send_batch(
        of(anchor(1, 0, NOON_MS), event(2, ChargingSession(1, 9, 1, 39_600, 1, 46_800, EndReason.UNPLUGGED)))
    )
    midnight = datetime(2026, 11, 24, tzinfo=UTC)
    days = [
        sessions(hub.ledger, site="ecole-a", start=start, end=start + 24 * HOUR, now_ms=NOON_MS)
        for start in (midnight - 24 * HOUR, midnight)
    ]
    assert [day.ended for day in days] == [0, 1]
    assert [len(day.sessions) for day in days] == [1, 1]


def test_a_slot_left_open_by_an_old_outbox_is_free_and_its_charge_to_check(hub: TestHub) -> None:
    """After a card was replaced, what the old one had open says nothing about now."""
    hub.send_batch(of(anchor(1, 0, NOON_MS), samples(2, [0], [1]), event(3, SlotTaken(1), uptime_s=10)))
    hub.send_batch(of(anchor(1, 0, NOON_MS + 60_000), samples(2, [0], [1]), epoch=2), at_ms=NOON_MS + 60_000)
    assert one_site(hub.ledger, "ecole-a", NOON_MS + 120_000).slots_occupied == ()
    answer = sessions(hub.ledger, site="ecole-a", start=NOON, end=NOON + HOUR, now_ms=NOON_MS + 120_000)
    assert answer.sessions[0].to_check == (ToCheck.NEVER_ENDED,)


def test_a_card_read_late_does_not_bring_the_old_outbox_back(hub: TestHub) -> None:
    """Rows of an earlier epoch that come by courier do not change the present."""
    hub.send_batch(of(anchor(1, 0, NOON_MS), samples(2, [0], [1]), event(3, SlotTaken(2), uptime_s=10), epoch=2))
    hub.send_batch(of(anchor(1, 0, NOON_MS - 60_000), samples(2, [0], [1]), event(3, SlotTaken(1)), epoch=1))
    assert one_site(hub.ledger, "ecole-a", NOON_MS + 1000).slots_occupied == (2,)


def test_a_date_in_the_future_does_not_hide_silence(hub: TestHub) -> None:
    """No sample can be newer than its arrival, whatever a clock said."""
    hub.send_batch(of(anchor(1, 0, NOON_MS + 400 * 86_400_000), samples(2, [0], [1])))
    assert one_site(hub.ledger, "ecole-a", NOON_MS + 3 * 86_400_000).freshness is Freshness.NEVER
    hub.send_batch(of(anchor(3, 0, NOON_MS + 3_600_000, boot=2), samples(4, [0], [1], boot=2)))
    assert one_site(hub.ledger, "ecole-a", NOON_MS + 3 * 86_400_000).freshness is Freshness.SILENT


def test_two_devices_that_tell_the_same_are_chosen_between_the_same_way_everywhere() -> None:
    """Present state and day choose the same column, the first by name."""
    assert primary(["b.panel_power_w", "a.panel_power_w", "a.soc_pct"], ("panel_power_w",)) == {
        "panel_power_w": "a.panel_power_w"
    }


def test_faults_are_told_in_words(hub: TestHub) -> None:
    """What the devices report as faults stands in both languages, each once; no device that tells is unknown."""
    columns = tuple(ColumnSpec(f"{device}.faults", 0) for device in ("battery", "controller"))
    payload = schema.encode(Schema((TableSpec("controller", 60, columns),)))
    hub.send(Channel.SCHEMA, payload)
    overload, fan = (1 << FAULT_BITS[name] for name in ("overload", "fan"))
    rows = TableRows(0, (2,), (1,), (0,), ((overload,), (overload | fan,)))
    hub.send_batch(Batch(1, schema.schema_id(payload), (rows,), (anchor(1, 0, NOON_MS),)), NOON_MS + 60_000)
    faults = one_site(hub.ledger, "ecole-a", NOON_MS + 60_000).faults
    assert faults is not None
    assert [fault.fr for fault in faults] == ["surcharge", "ventilateur"]
    assert [value.words[-1].en for value in latest(hub.ledger, "ecole-a")] == ["load too high", "fan"]


def test_a_site_without_faults_told_has_none_known(lively: TestHub) -> None:
    """A device that does not speak of faults does not say that there are none."""
    assert one_site(lively.ledger, "ecole-a", NOON_MS + 15 * 60_000).faults is None


def test_a_state_is_told_in_words_and_a_number_is_not() -> None:
    """A charge stage has words; a voltage needs none."""
    assert [words.fr for words in words_of("charge_stage", 1.0)] == ["maintien (floating)"]
    assert words_of("battery_voltage_v", 13.1) == ()
