"""What a simulated village is: one frozen description, and presets that look like real sites.

The villages are invented; only the rough place (near Kaya, Burkina Faso) is real. Nothing here runs anything.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime

from edge.simulator.battery import Chemistry
from edge.simulator.faults import Fault, StuckSlot
from edge.simulator.habits import Appliances, Kind

_VOLTAGES = (12, 24)


@dataclass(frozen=True, slots=True, kw_only=True)
class VillageSpec:
    """Everything that decides a village; the same description gives the same village to the last digit.

    `start` is UTC on a whole minute. `weather_luck` runs from -1 (bad) to 1 (good). `battery_health` is the share
    of the rated capacity left at the start. `crowd` scales the number of customers.
    """

    name: str
    seed: int
    start: datetime
    latitude_deg: float = 13.09
    longitude_deg: float = -1.08
    utc_offset_h: float = 0.0
    kind: Kind = Kind.SCHOOL
    panel_w: float = 250.0
    battery_ah: float = 150.0
    battery_v: int = 12
    chemistry: Chemistry = Chemistry.SEALED
    battery_health: float = 0.95
    slots: int = 8
    crowd: float = 1.0
    tariff_xof: int = 100
    appliances: Appliances = field(default_factory=lambda: Appliances(lights_w=40.0))
    pi_w: float = 3.5
    pi_on_load_output: bool = False
    weather_luck: float = 0.0
    cleaning_days: int = 30
    faults: tuple[Fault, ...] = ()

    def __post_init__(self) -> None:
        if self.start.tzinfo is None or self.start.second or self.start.microsecond:
            raise ValueError(f"{self.name}: start must be UTC on a whole minute, not {self.start}")
        if self.battery_v not in _VOLTAGES:
            raise ValueError(f"{self.name}: battery_v must be 12 or 24, not {self.battery_v}")
        if not -1.0 <= self.weather_luck <= 1.0:
            raise ValueError(f"{self.name}: weather_luck must lie in -1..1, not {self.weather_luck}")
        if self.slots < 0 or self.cleaning_days < 1:
            raise ValueError(f"{self.name}: slots must be 0 or more and cleaning_days 1 or more")
        if any(isinstance(fault, StuckSlot) and not 1 <= fault.slot <= self.slots for fault in self.faults):
            raise ValueError(f"{self.name}: a stuck slot must be one of its {self.slots} slots")

    def with_faults(self, *faults: Fault) -> VillageSpec:
        """Give the same village with these faults on top of its own."""
        return replace(self, faults=self.faults + faults)


def school(seed: int, start: datetime, name: str = "ecole-simulee") -> VillageSpec:
    """Describe a primary school with evening classes and a kiosk of eight slots; its battery carries it through."""
    return VillageSpec(
        name=name, seed=seed, start=start, battery_ah=120.0, appliances=Appliances(lights_w=60.0, fan_w=25.0)
    )


def health_centre(seed: int, start: datetime, name: str = "csps-simule") -> VillageSpec:
    """Describe a health centre on 24 V LiFePO4 with a vaccine fridge, light every evening and a small kiosk."""
    return VillageSpec(
        name=name,
        seed=seed,
        start=start,
        kind=Kind.HEALTH_CENTRE,
        panel_w=700.0,
        battery_ah=150.0,
        battery_v=24,
        chemistry=Chemistry.LIFEPO4,
        slots=4,
        appliances=Appliances(
            lights_w=60.0, lights_from_h=18.0, lights_until_h=22.0, night_light_w=8.0, fridge_w=65.0, fan_w=40.0
        ),
        cleaning_days=14,
    )


def unlucky_school(seed: int, start: datetime, name: str = "ecole-simulee-malchanceuse") -> VillageSpec:
    """Describe a school with a small old battery, dusty panels and bad weather: its load output is cut now and then."""
    return VillageSpec(
        name=name,
        seed=seed,
        start=start,
        panel_w=160.0,
        battery_ah=66.0,
        chemistry=Chemistry.FLOODED,
        battery_health=0.5,
        appliances=Appliances(lights_w=50.0),
        pi_on_load_output=True,
        weather_luck=-0.8,
        cleaning_days=60,
    )
