"""What a simulated site is like for all its life: how it is set up, which card and clocks it has, what it may spend."""

from __future__ import annotations

import random
from dataclasses import dataclass
from functools import cache, partial

from edge import settings as site_settings
from edge.settings import Settings
from firmware_config import board_text, profile_text
from tests.simulation.disk import Habits

SLOTS = (1, 2, 3, 4)
COMMIT_S = 60.0
DEBOUNCE_S = 2.0
SCARCE_ROWS = 70
"""What the outbox of a few sites holds at most: samples must go when their link is down for half a day."""

SITE = """\
site: {{id: simulated, name: Simulated, kind: school, commune: Kaya, shard: 0}}
devices:
  controller:
    profile: epever-tracer
    connection: {{host: 127.0.0.1}}
    poll_interval_s: {poll_s}
    metrics: {metrics}
kiosk: {{board: kiosk-8, slots: [1, 2, 3, 4], sample_interval_s: 0.05, debounce_s: 2}}
lights: {{from: gpio}}
uplink:
  host: 127.0.0.1
  tls: false
  batch_interval_s: {batch_s}
  acks_every: {acks_every}
  daily_budget_kb: {budget_kb}
outbox: {{directory: /nowhere, commit_interval_s: 60}}
system: {{site_interval_s: 3600, poll_interval_s: 7200}}
"""
_POLLED = (
    (2400, "[battery_voltage_v, soc_pct, panel_power_w, generated_total_kwh]"),
    (1800, "[battery_voltage_v, generated_total_kwh]"),
)
"""What the configurations that a life changes between read of the controller, and how often."""


@dataclass(frozen=True, slots=True)
class Traits:
    """What one site has and may do, drawn once."""

    habits: Habits
    ntp: bool
    chip: str | None
    """The clock chip: there is none, it is right, or its battery is empty and it began in 2000."""

    settings: tuple[Settings, Settings]
    """The two configurations that a life changes between."""

    rows_max: int
    """What the outbox may hold."""

    @property
    def counts_bytes(self) -> bool:
        """Say whether the site has a budget."""
        return bool(self.settings[0].uplink.daily_budget_kb)


def draw(chance: random.Random) -> Traits:
    """Draw what a site is like; some must send little, and some hold little."""
    habits = Habits(chance.choice((0.0, 0.5, 1.0)), tears=chance.random() < 0.5)
    if chance.random() < 0.15:
        habits.lies = chance.choice((0.02, 0.3, 1.0))
    thrifty = chance.random() < 0.25
    configured = partial(
        SITE.format,
        acks_every=4 if thrifty else 1,
        batch_s=7_200 if thrifty else 21_600,
        budget_kb=25 if chance.random() < 0.2 else 0,
    )
    first, second = (settings_of(configured(poll_s=poll_s, metrics=metrics)) for poll_s, metrics in _POLLED)
    chip = chance.choice((None, None, None, "right", "empty"))
    rows_max = SCARCE_ROWS if chance.random() < 0.15 else first.outbox.rows_max
    return Traits(habits, chance.random() < 0.4, chip, (first, second), rows_max)


@cache
def settings_of(text: str) -> Settings:
    """Read a site's settings."""
    return site_settings.parse(text, "site.yaml", profile_text=profile_text, board_text=board_text)
