"""The whole way of a value in one process and simulated time: what the hub says is what happened in the village."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from demo.compare import Span, spans_agree
from edge import settings as site_settings
from edge.agent import Agent
from edge.clock import Instant
from edge.simulator.faults import ModbusSilent, PiPowerCut, StuckSlot
from edge.simulator.truth import Truth
from edge.simulator.village import Village, VillageSpec, health_centre, school, unlucky_school
from edge.simulator.virtual import VirtualSite
from firmware_config import board_text, profile_text
from hub.answers.loss import LossAnswer, loss
from hub.answers.series import series
from hub.answers.sessions import SessionAnswer, sessions
from hub.answers.times import to_ms
from hub.enrol import site_from_yaml
from hub.ingest.consumer import Consumer
from hub.io.ledger import SqlLedger
from hub.io.series import EmbeddedSeries
from protocol.topics import Address
from tests.pipe import Pipe

START = datetime(2026, 11, 2, tzinfo=UTC)

SITE = """\
site: {{id: simulated, name: Simulated, kind: school, commune: Kaya, shard: 0}}
devices:
  controller:
    profile: {profile}
    connection: {{host: 127.0.0.1}}
    poll_interval_s: 300
kiosk: {{board: kiosk-8, slots: {slots}}}
lights: {{from: gpio}}
uplink: {{host: 127.0.0.1, tls: false, ack_timeout_s: 20}}
outbox: {{directory: {directory}/outbox}}
"""


@dataclass
class Outcome:
    """What is left when a village has lived: its truth and the hub that heard of it."""

    truth: Truth
    ledger: SqlLedger
    store: EmbeddedSeries
    until: datetime

    def sessions(self) -> list[SessionAnswer]:
        """List the hub's sessions."""
        answer = sessions(self.ledger, site="simulated", start=START, end=self.until, now_ms=to_ms(self.until))
        return answer.sessions

    def loss(self) -> LossAnswer:
        """Account for the rows."""
        return loss(self.ledger, "simulated")

    def counter(self, metric: str) -> float:
        """Read a lifetime counter at the end."""
        answer = series(
            self.ledger, self.store, site="simulated", metric=metric, start=START, end=self.until, step="1h"
        )
        return answer.points[-1].max


@contextmanager
def lived(
    spec: VillageSpec, days: int, directory: Path, *, profile: str = "epever-tracer", bad_luck: float = 0.0
) -> Iterator[Outcome]:
    """Let a village live with a real agent, a real hub, and a link that loses and repeats as much as `bad_luck`."""
    text = SITE.format(profile=profile, directory=directory, slots=list(range(1, spec.slots + 1)))
    settings = site_settings.parse(text, "site.yaml", profile_text=profile_text, board_text=board_text)
    with closing(SqlLedger(f"sqlite:///{directory}/ledger.db")) as ledger:
        ledger.migrate()
        site = site_from_yaml(text, "site.yaml", board_text)
        ledger.add_site(site)
        pipe = Pipe(Address(0, "simulated"), loss=bad_luck, twice=bad_luck, chance=random.Random(spec.seed))  # noqa: S311
        pipe.consumer = Consumer(ledger, pipe)
        village = Village(spec)
        until = START + timedelta(days=days)
        network = iter(range(10**9))

        def deliver(agent: Agent, now: Instant) -> None:
            pipe.now_ms = to_ms(now.utc)
            if pipe.chance.random() < bad_luck:
                pipe.disconnect()
            for _ in range(20_000):
                agent.deliver(now, network_s=float(next(network)))
                if agent.waiting() <= (500 if now.utc < until else 0):
                    return
            raise AssertionError("the outbox never empties")

        VirtualSite(village, settings, pipe).run(until, deliver, timedelta(hours=6))
        yield Outcome(village.truth(until), ledger, EmbeddedSeries(ledger), until)


@pytest.mark.parametrize(
    ("spec", "profile"),
    [(school(1, START), "epever-tracer"), (health_centre(2, START), "srne-rover")],
)
def test_every_charge_and_kilowatt_hour_is_the_villages_own(spec: VillageSpec, profile: str, tmp_path: Path) -> None:
    """Ten days of a site that never loses power: the same charges, to the second, and the same energy."""
    with lived(spec, 10, tmp_path, profile=profile) as outcome:
        stored = [_span(s) for s in outcome.sessions() if s.end is not None and not s.to_check]
        physical = [Span(c.slot, c.start, c.end) for c in outcome.truth.charges]
        assert spans_agree(physical, stored) == len(physical) == len(stored)
        assert outcome.counter("generated_total_kwh") == pytest.approx(outcome.truth.generated_kwh, abs=0.06)
        assert outcome.counter("consumed_total_kwh") == pytest.approx(outcome.truth.consumed_kwh, abs=0.06)
        answer = outcome.loss()
        assert (answer.missing, answer.lost, len(answer.epochs)) == (0, {}, 1)


@pytest.mark.parametrize("bad_luck", [0.1, 0.4])
def test_a_link_that_loses_and_repeats_changes_no_figure(bad_luck: float, tmp_path: Path) -> None:
    """Messages and acks vanish or come twice, connections break: every row is there once all the same."""
    with lived(school(3, START), 4, tmp_path, bad_luck=bad_luck) as outcome:
        stored = [_span(s) for s in outcome.sessions() if s.end is not None]
        physical = [Span(c.slot, c.start, c.end) for c in outcome.truth.charges]
        assert spans_agree(physical, stored) == len(physical) == len(stored)
        assert outcome.loss().missing == 0


def test_power_cuts_leave_flagged_charges_and_no_missing_rows(tmp_path: Path) -> None:
    """What a cut interrupts is said to be interrupted; what was committed before it is all there."""
    noon = START + timedelta(days=1, hours=12)
    cuts = [PiPowerCut(start=noon + timedelta(days=d), end=noon + timedelta(days=d, minutes=40)) for d in range(3)]
    with lived(unlucky_school(4, START).with_faults(*cuts), 5, tmp_path, profile="srne-rover") as outcome:
        off = outcome.truth.pi_without_power
        assert len(off) >= 3
        physical = [Span(c.slot, c.start, c.end) for c in outcome.truth.charges]
        whole = [
            c for c in physical if not any(c.start < o.end + timedelta(seconds=30) and o.start < c.end for o in off)
        ]
        stored = outcome.sessions()
        plain = [_span(s) for s in stored if s.end is not None and not s.to_check]
        assert spans_agree(whole, plain) == len(whole) == len(plain)
        assert any(s.end_reason == "power_loss" for s in stored)
        assert outcome.loss().missing == 0


def test_a_stuck_slot_and_a_pulled_cable_are_told_from_customers(tmp_path: Path) -> None:
    """A slot that never frees is to check; a silent controller leaves a hole and an alarm, not zeros."""
    day = timedelta(days=1)
    spec = school(5, START).with_faults(
        StuckSlot(slot=8, start=START + timedelta(hours=9), end=START + 2 * day),
        ModbusSilent(start=START + day, end=START + day + timedelta(hours=6)),
    )
    with lived(spec, 3, tmp_path) as outcome:
        stuck = [s for s in outcome.sessions() if s.slot == 8 and "too_long" in s.to_check]
        assert stuck
        answer = series(
            outcome.ledger, outcome.store, site="simulated", metric="battery_voltage_v",
            start=START + day + timedelta(hours=1), end=START + day + timedelta(hours=5), step="1h",
        )  # fmt: skip
        assert (answer.points, answer.completeness) == ([], 0.0)
        codes = [record.values[0] for record in outcome.ledger.events("simulated", [6, 7], 0)]
        assert codes == ["silent:controller", "silent:controller"]


def _span(session: SessionAnswer) -> Span:
    assert session.end is not None
    assert session.start.at is not None
    assert session.end.at is not None
    return Span(session.slot, session.start.at, session.end.at)
