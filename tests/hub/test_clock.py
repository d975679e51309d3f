"""The clock answer: daylight's verdict, and an account of what is dated how."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from hub.answers.clock import ClockAnswer, clock
from hub.answers.day import day_of
from hub.answers.sessions import sessions
from hub.answers.times import utc
from hub.domain.sunshine import Verdict
from hub.pages.clock_words import clock_words
from hub.pages.day_view import day_view
from hub.pages.french import NBSP
from protocol import batch, schema
from protocol.batch import TableRows
from protocol.events import AnchorSource, ChargingSession, ClockAnchor, EndReason, Gap, GapCause, SlotTaken
from protocol.schema import ColumnSpec, Schema, TableSpec
from protocol.topics import Channel
from tests.hub.builders import NOON_MS, SITE, TestHub, anchor, event, of, samples

DAY_MS = 86_400_000
MIDNIGHT_MS = NOON_MS - DAY_MS // 2
PANEL = Schema((TableSpec("controller", 900, (ColumnSpec("controller.panel_voltage_v", 0),)),))


def sunny(hub: TestHub, days: int, *, ahead_h: int = 0) -> None:
    """Send quarter hours of a panel that is lit from six to six by the sun, dated by a clock that is ahead."""
    payload = schema.encode(PANEL)
    hub.send(Channel.SCHEMA, payload)
    count = days * 96
    volts = tuple(20 if 24 <= quarter % 96 < 72 else 0 for quarter in range(count))
    rows = TableRows(0, tuple(range(2, count + 2)), (1,) * count, tuple(q * 900 for q in range(count)), (volts,))
    start_ms = MIDNIGHT_MS - days * DAY_MS + ahead_h * 3_600_000
    sent = batch.Batch(1, schema.schema_id(payload), (rows,), (anchor(1, 0, start_ms),))
    hub.send_batch(sent)


def judged(hub: TestHub) -> ClockAnswer:
    """Ask for the clock of the one site."""
    return clock(hub.ledger, hub.store, site="ecole-a", now_ms=NOON_MS)


@pytest.mark.parametrize(("ahead_h", "verdict"), [(0, "agrees"), (4, "ahead"), (-5, "behind")])
def test_daylight_judges_the_clock(hub: TestHub, ahead_h: int, verdict: str) -> None:
    """Without coordinates by the time zone's meridian, with them more closely; the page says it when it is wrong."""
    sunny(hub, 10, ahead_h=ahead_h)
    answer = judged(hub)
    assert (answer.verdict, answer.place, answer.judged_by) == (verdict, "timezone", "controller.panel_voltage_v")
    assert answer.ahead_h == pytest.approx(ahead_h, abs=0.5)
    assert answer.days >= 8
    hub.ledger.add_site(replace(SITE, latitude=13.09, longitude=-1.08))
    assert (judged(hub).verdict, judged(hub).place, judged(hub).tolerance_h) == (verdict, "site", 1.5)
    said = clock_words(judged(hub))
    assert len(said) == (ahead_h != 0)
    assert all(("en avance d’environ 4" if ahead_h > 0 else "en retard d’environ 5") in line for line in said)


def test_a_site_without_panels_has_no_verdict(hub: TestHub) -> None:
    """Nothing measured is nothing said."""
    answer = judged(hub)
    assert (answer.verdict, answer.ahead_h, answer.judged_by, answer.days) == (Verdict.UNKNOWN, None, None, 0)
    assert clock_words(answer) == []


def test_what_has_no_date_is_counted_and_listed(hub: TestHub) -> None:
    """Rows and charges of unknown time are in the account, on the page and in the list, with their exact duration."""
    ended = ChargingSession(2, 1, 1, 100, 1, 700, EndReason.UNPLUGGED)
    hub.send_batch(
        of(event(1, SlotTaken(2), uptime_s=100), event(2, ended, uptime_s=700), samples(3, [60, 120], [1, 2]))
    )
    first = of(event(9, Gap(5, 8, GapCause.UNUSED, 1), boot=5), anchor(10, 0, NOON_MS - 9_000_000, boot=5))
    hub.send_batch(first)
    opened = of(event(19, Gap(11, 18, GapCause.UNUSED, 5), boot=7), event(20, SlotTaken(1), uptime_s=60, boot=7))
    hub.send_batch(opened)
    answer = judged(hub)
    assert answer.boots == {"anchored": 1, "bounded": 1, "unknown": 1}
    assert answer.rows == {"anchored": 2, "bounded": 2, "unknown": 4}
    assert (answer.sessions_unknown, answer.anchors) == (1, {"ntp": 1})
    assert "4 enregistrements n’ont pas d’heure connue" in clock_words(answer)[0]
    listed = sessions(hub.ledger, site="ecole-a", start=utc(MIDNIGHT_MS), end=utc(NOON_MS), now_ms=NOON_MS)
    by_slot = {session.slot: session for session in listed.sessions}
    assert (by_slot[2].start.at, by_slot[2].start.quality, by_slot[2].duration_s) == (None, "unknown", 600)
    assert by_slot[1].start.quality == "reconstructed"
    assert by_slot[1].start.error_s == pytest.approx(9_000_000 / 2000, abs=60)
    day = day_of(hub.ledger, hub.store, site="ecole-a", day=date(2026, 11, 23), now_ms=NOON_MS)
    (known, unknown) = day_view(day).charges
    assert (unknown.start, unknown.duration) == ("inconnue", f"10{NBSP}min")
    assert "heure reconstituée" in known.remark.lower()


@pytest.mark.parametrize(
    ("ahead_s", "said"),
    [
        (0, []),
        (1200, []),
        (-7200, [f"en retard de 2{NBSP}h"]),
        (5 * 3600, [f"en avance de 5{NBSP}h"]),
        (-400 * 86_400, ["en retard de 400 jours"]),
    ],
)
def test_a_controller_whose_clock_is_wrong_is_told(hub: TestHub, ahead_s: int, said: list[str]) -> None:
    """It dates nothing, however wrong; the page says how wrong, for its totals of the day begin at its midnight."""
    sent_ms = NOON_MS - 3_600_000
    told = ClockAnchor(sent_ms + 60_000 + ahead_s * 1000, 2000, AnchorSource.CONTROLLER)
    hub.send_batch(of(anchor(1, 0, sent_ms), event(2, told, uptime_s=60)))
    answer = judged(hub)
    assert answer.controller is not None
    assert (answer.controller.ahead_s, answer.controller.read.at) == (ahead_s, utc(sent_ms + 60_000))
    assert (answer.anchors, answer.rows["anchored"]) == ({"ntp": 1, "controller": 1}, 2)
    assert len(clock_words(answer)) == len(said)
    assert all(words in line for words, line in zip(said, clock_words(answer), strict=True))


def test_a_controllers_clock_without_a_date_tells_nothing(hub: TestHub) -> None:
    """Nobody knows what time it was when it was read."""
    hub.send_batch(of(event(1, ClockAnchor(NOON_MS, 2000, AnchorSource.CONTROLLER), uptime_s=60)))
    assert judged(hub).controller is None
