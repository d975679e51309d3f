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
from tests.simulation.disk import Habits
from tests.simulation.faults import Fault, Kind
from tests.simulation.kiosk import DAY_S
from tests.simulation.life import START_MS, Life
from tests.simulation.site import Traits, settings_of
from tests.simulation.truth import Row, contents_of
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
    traits = Traits(Habits(0.5), ntp=False, chip=None, settings=(settings, settings), rows_max=2_000_000)
    life = Life(4, tmp_path, DAYS + 0.9, faults=sorted(faults), traits=traits)
    life.network.bits_per_s = MODEM_BITS_PER_S
    life.run()
    verdict = Verdict(life)
    assert verdict.complaints == []
    arrivals = _arrivals(life)
    back_ms = START_MS + round((DAYS + 0.9) * DAY_S * 1000)
    waited = [(at_ms, row) for at_ms, row in arrivals if at_ms > back_ms and START_MS + row.at_s * 1000 < back_ms]
    connected_ms = min(at_ms for at_ms, _ in waited)
    took_s = {lane: sorted((at_ms - connected_ms) / 1000 for at_ms, row in waited if row.lane is lane) for lane in Lane}
    assert len(waited) > DAYS * 2000
    assert max(at_ms for at_ms, _ in waited) <= connected_ms + HOUR_MS
    for before, after in pairwise(Lane):
        assert took_s[before][-1] <= took_s[after][-1]
    with capsys.disabled():
        sys.stdout.write(
            "\na month offline, then 20 kbit/s: rows that waited, and seconds until the last was at the hub\n"
        )
        for lane in Lane:
            sys.stdout.write(f"  {lane.name.lower():<10}{len(took_s[lane]):>8}{took_s[lane][-1]:>8.0f} s\n")


def _arrivals(life: Life) -> list[tuple[int, Row]]:
    """Tell when each row that is at the hub arrived."""
    found = []
    c = t.archive.c
    with life.centre.ledger.reading() as connection:
        for epoch, payload, at_ms in connection.execute(select(c.epoch, c.payload, c.received_at_ms)):
            found += [(at_ms, life.truth.rows[epoch, seq]) for seq, _ in contents_of(batch.decode(payload))]
    return found
