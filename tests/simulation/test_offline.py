"""A month without network, with a power cut a day and a wrong clock; then a GPRS modem and one hour."""

from __future__ import annotations

import sys
from itertools import pairwise
from pathlib import Path

import pytest
from sqlalchemy import select

from hub.io import tables as t
from protocol import batch
from protocol.events import Lane
from tests.simulation.faults import Fault, Kind
from tests.simulation.kiosk import DAY_S
from tests.simulation.life import START_MS, Life, settings_of
from tests.simulation.truth import contents_of
from tests.simulation.verdict import Verdict

SITE = """\
site: {id: simulated, name: Simulated, kind: school, commune: Kaya, shard: 0}
devices:
  controller:
    profile: epever-tracer
    connection: {host: 127.0.0.1}
    metrics: [panel_voltage_v, panel_current_a, panel_power_w, charge_current_a, charge_power_w, load_voltage_v,
      load_current_a, load_power_w, battery_temp_c, controller_temp_c, soc_pct, charge_stage,
      battery_voltage_max_today_v, battery_voltage_min_today_v, consumed_total_kwh, generated_today_kwh,
      generated_total_kwh, battery_voltage_v, battery_current_a]
kiosk: {board: kiosk-8, slots: [1, 2, 3, 4], sample_interval_s: 0.05}
lights: {from: gpio}
uplink: {host: 127.0.0.1, tls: false}
outbox: {directory: /nowhere}
"""
DAYS = 30
MODEM_BITS_PER_S = 20_000
HOUR_MS = 3_600_000


@pytest.mark.timeout(900)
def test_a_month_offline_is_delivered_within_an_hour(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """At 20 kbit/s everything arrives within an hour of modem time, in order of value, and every figure is right."""
    day = DAY_S
    faults = [Fault(0.9 * day, DAYS * day, Kind.LINK_DOWN), Fault(day, DAYS * day, Kind.CLOCK_BACK)]
    faults += [Fault((n + 1.3) * day, 900.0 + 60 * n, Kind.POWER_CUT_WRITING) for n in range(DAYS)]
    settings = settings_of(SITE)
    life = Life(4, tmp_path, DAYS + 0.9, faults=sorted(faults), settings=(settings, settings))
    life.network.bits_per_s = MODEM_BITS_PER_S
    life.disk.habits.lies = 0.0
    life.run()
    verdict = Verdict(life)
    assert verdict.complaints == []
    back_ms = START_MS + round((DAYS + 0.9) * DAY_S * 1000)
    arrivals = _arrivals(life)
    late = {lane: [at_ms for at_ms, row_lane in arrivals if row_lane is lane and at_ms > back_ms] for lane in Lane}
    connected_ms = min(at_ms for lane in Lane for at_ms in late[lane])
    backlog = {lane: [at_ms for at_ms in late[lane] if at_ms <= connected_ms + HOUR_MS] for lane in Lane}
    assert sum(map(len, backlog.values())) > DAYS * 2800
    for before, after in pairwise(Lane):
        assert _most(backlog[before]) <= _most(backlog[after])
    with capsys.disabled():
        sys.stdout.write("\na month offline, 20 kbit/s: rows and seconds until 99 % of each lane were at the hub\n")
        for lane in Lane:
            sys.stdout.write(
                f"  {lane.name.lower():<10}{len(backlog[lane]):>8}{(_most(backlog[lane]) - connected_ms) / 1000:>8.0f} s\n"
            )


def _most(arrivals_ms: list[int]) -> int:
    """Tell when nearly all had come: what is taken meanwhile comes later, of every lane."""
    return sorted(arrivals_ms)[len(arrivals_ms) * 99 // 100 - 1]


def _arrivals(life: Life) -> list[tuple[int, Lane]]:
    """Tell when each row that is at the hub arrived, and its lane."""
    found = []
    with life.centre.ledger.reading() as connection:
        for epoch, payload, at_ms in connection.execute(
            select(t.archive.c.epoch, t.archive.c.payload, t.archive.c.received_at_ms)
        ):
            for seq, _ in contents_of(batch.decode(payload)):
                found.append((at_ms, life.truth.rows[epoch, seq].lane))
    return found
