"""The three simulated sites of the demo: their settings and their villages."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from edge.simulator.faults import PiPowerCut
from edge.simulator.spec import VillageSpec, health_centre, school, unlucky_school

HISTORY_POLL_S = 300
LIVE_POLL_S = 10
COMMUNE = "Kaya (simulation)"


@dataclass(frozen=True, slots=True)
class DemoSite:
    """One simulated site; `line` says how its controller is reached: `rtu` or `tcp`."""

    site: str
    name: str
    kind: str
    profile: str
    line: str
    slots: int
    seed: int
    village: Callable[[int, datetime, str], VillageSpec]
    look_at: str

    def spec(self, start: datetime) -> VillageSpec:
        """Describe its village from this moment on."""
        return self.village(self.seed, start, self.site)

    def settings(self, directory: Path, *, broker_port: int, controller_port: int, live: bool) -> str:
        """Write its site.yaml: for the months that pass in seconds, or for live watching."""
        poll_s, commit_s, batch_s = (LIVE_POLL_S, 5, 10) if live else (HISTORY_POLL_S, 600, 1)
        connection = (
            f"{{port: {directory}/controller}}"
            if self.line == "rtu"
            else f"{{host: 127.0.0.1, tcp_port: {controller_port}}}"
        )
        return f"""\
site:
  id: {self.site}
  name: {self.name}
  kind: {self.kind}
  commune: {COMMUNE}
  shard: 0
devices:
  controller:
    profile: {self.profile}
    connection: {connection}
    poll_interval_s: {poll_s}
kiosk:
  board: kiosk-8
  slots: {list(range(1, self.slots + 1))}
lights: {{from: gpio}}
uplink:
  host: 127.0.0.1
  tcp_port: {broker_port}
  tls: false
  batch_interval_s: {batch_s}
outbox:
  directory: {directory}/outbox
  commit_interval_s: {commit_s}
system: {{site_interval_s: {poll_s if not live else 60}}}
"""


def _cut_off(seed: int, start: datetime, name: str) -> VillageSpec:
    """Describe an unlucky school where somebody also pulls the Pi's plug now and then, in the middle of the day."""
    noon = start.replace(hour=12, minute=0)
    cuts = [
        PiPowerCut(start=noon + timedelta(days=day), end=noon + timedelta(days=day, minutes=45))
        for day in (9, 23, 38, 51, 58)
    ]
    return unlucky_school(seed, start, name).with_faults(*cuts)


SITES = (
    DemoSite(
        site="ecole-simulee-1",
        name="École simulée n° 1",
        kind="school",
        profile="epever-tracer",
        line="rtu",
        slots=8,
        seed=101,
        village=school,
        look_at="a school that does well: EPEVER controller over a serial line (RTU on a pseudo-terminal)",
    ),
    DemoSite(
        site="csps-simule",
        name="CSPS simulé",
        kind="health_centre",
        profile="srne-rover",
        line="tcp",
        slots=4,
        seed=202,
        village=health_centre,
        look_at="a health centre on 24 V with a vaccine fridge: SRNE controller over Modbus TCP",
    ),
    DemoSite(
        site="ecole-simulee-2",
        name="École simulée n° 2",
        kind="school",
        profile="srne-rover",
        line="rtu",
        slots=8,
        seed=305,
        village=_cut_off,
        look_at="a school with bad weather luck and an old battery: power cuts, holes in the data, charges to check",
    ),
)
