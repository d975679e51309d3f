"""What a controller counts and remembers: energy and charge, hours of each stage, extremes of the day and ever.

Counts stand as they were when a minute began, extremes take the minute in. Nothing here knows the calendar.
"""

from __future__ import annotations

from operator import add, gt
from typing import NamedTuple


class Counts(NamedTuple):
    """Everything that only grows, since the controller was first switched on."""

    generated_kwh: float = 0.0
    consumed_kwh: float = 0.0
    charged_kwh: float = 0.0
    discharged_kwh: float = 0.0
    charged_ah: float = 0.0
    discharged_ah: float = 0.0
    absorption_s: float = 0.0
    float_s: float = 0.0
    equalise_s: float = 0.0
    full_charges: int = 0
    over_discharges: int = 0
    minutes: int = 0


class Extremes(NamedTuple):
    """The highest of each, and the lowest battery voltage."""

    battery_v: float
    panel_v: float
    panel_w: float
    charge_a: float
    charge_w: float
    load_a: float
    load_w: float
    battery_v_min: float


class Tally:
    """Counts and extremes of one controller; the plant tells it every minute what it measured."""

    def __init__(self, battery_v: float) -> None:
        self.counts = Counts()
        self.today = self.ever = _at_rest(battery_v)
        self.at_midnights: list[Counts] = []
        """The counts at every midnight so far, oldest first."""

    @property
    def at_midnight(self) -> Counts:
        """Tell what the counts were when the day began."""
        return self.at_midnights[-1] if self.at_midnights else Counts()

    def midnight(self, battery_v: float) -> None:
        """Begin a new day."""
        self.at_midnights.append(self.counts)
        self.today = _at_rest(battery_v)

    def see(self, measured: Extremes) -> None:
        """Take a minute's values into the extremes."""
        self.today = _wider(self.today, measured)
        self.ever = _wider(self.ever, measured)

    def count(self, by: Counts) -> None:
        """Add what a minute brought."""
        self.counts = Counts._make(map(add, self.counts, by))


def _at_rest(battery_v: float) -> Extremes:
    return Extremes(battery_v, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, battery_v)


def _wider(known: Extremes, measured: Extremes) -> Extremes:
    """Take in a minute; most minutes set no record, and months of them must pass in seconds."""
    if measured.battery_v_min >= known.battery_v_min and not any(map(gt, measured[:-1], known)):
        return known
    highest = map(max, measured[:-1], known)
    return Extremes._make((*highest, min(known.battery_v_min, measured.battery_v_min)))
