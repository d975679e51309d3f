"""A battery as one source with memory: charge in ampere-hours, voltage that sags and rises, slow ageing.

Lead-acid (flooded or sealed) and LiFePO4, described for a 12 V block and multiplied by the number of blocks in
series. It does not model single cells, freezing or thermal runaway, and it never refuses a current by itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from math import exp, inf, sqrt

STEP_S = 60.0
_STEP_H = STEP_S / 3600.0
_MINUTES_A_MONTH = 43_200.0
_DAYS_A_YEAR = 365.25


class Chemistry(StrEnum):
    """What the battery is made of."""

    FLOODED = "flooded"
    SEALED = "sealed"
    LIFEPO4 = "lifepo4"


@dataclass(frozen=True, slots=True)
class Cells:
    """What a chemistry does, for a 12 V block; resistances are ohms x Ah, so that they shrink with size.

    `charge` and `discharge` are (constant, slope, floor): constant + slope / (room + floor)^1.2, the shape of
    Copetti, Lorenzo and Chenlo (1993) with its current term made constant so that a voltage limit has a closed form.
    """

    rest_v: tuple[float, ...]  # open-circuit voltage at 0, 5, 10 … 100 % charge
    charge: tuple[float, float, float]
    discharge: tuple[float, float, float]
    coulomb_efficiency: float
    gassing_slope: float  # how fast charge efficiency falls near full (20.73 in Copetti 1993), inf: not at all
    self_discharge_per_month: float
    throughputs_to_80_pct: float  # capacities drawn until a fifth is lost, at 25 °C
    calendar_loss_per_year: float


_LEAD_REST_V = (
    10.70, 11.60, 11.84, 11.94, 12.02, 12.08, 12.14, 12.20, 12.25, 12.30, 12.35,
    12.40, 12.45, 12.50, 12.55, 12.59, 12.63, 12.68, 12.72, 12.77, 12.82,
)  # fmt: skip
_LFP_REST_V = (
    10.60, 12.20, 12.75, 12.86, 12.95, 13.02, 13.07, 13.10, 13.13, 13.15, 13.16,
    13.17, 13.18, 13.20, 13.24, 13.28, 13.30, 13.31, 13.32, 13.35, 13.60,
)  # fmt: skip

_GASSING = 20.73
_LEAD_CHARGE = (3.0, 1.6, 0.010)
_LEAD_DISCHARGE = (2.1, 0.45, 0.03)

CELLS: dict[Chemistry, Cells] = {
    Chemistry.FLOODED: Cells(_LEAD_REST_V, _LEAD_CHARGE, _LEAD_DISCHARGE, 0.96, _GASSING, 0.05, 350.0, 0.03),
    Chemistry.SEALED: Cells(_LEAD_REST_V, _LEAD_CHARGE, _LEAD_DISCHARGE, 0.97, _GASSING, 0.03, 400.0, 0.04),
    Chemistry.LIFEPO4: Cells(_LFP_REST_V, (1.6, 0.1, 0.008), (1.6, 0.03, 0.02), 0.995, inf, 0.02, 3000.0, 0.015),
}

_MEMORY = exp(-STEP_S / 900.0)  # surface charge fades over about a quarter of an hour
_OHMIC_SHARE = 0.3  # the part of a resistance that answers at once; the rest builds up


class Battery:
    """State of one battery bank; `step` moves it by one grid minute."""

    def __init__(
        self, chemistry: Chemistry, *, rated_ah: float, nominal_v: int, health: float = 1.0, soc: float = 0.8
    ) -> None:
        self.cells = CELLS[chemistry]
        self.rated_ah = rated_ah
        self.blocks = nominal_v // 12
        self.health = health
        self.capacity_ah = rated_ah * health
        self.charge_ah = self.capacity_ah * soc
        self.lost_ah = 0.0  # charge that vanished with capacity, for the books
        self._weakened = 1.0
        self._surface_v = 0.0
        self._drawn_ah = 0.0

    @property
    def soc(self) -> float:
        """Charge as a share (0-1) of the capacity it has today."""
        return self.charge_ah / self.capacity_ah

    def rest_v(self) -> float:
        """Open-circuit voltage (V) of the bank after hours of rest, from the table of its chemistry."""
        place = self.charge_ah / self.capacity_ah * 20.0
        index = min(19, int(place))
        low = self.cells.rest_v[index]
        return (low + (self.cells.rest_v[index + 1] - low) * (place - index)) * self.blocks

    def step(self, net_w: float, limit_v: float) -> tuple[float, float]:
        """Take `net_w` (W, positive charges) for one minute without passing `limit_v`; return (V, A) at its end.

        Solves V x I = W for a source behind a resistance. Less is taken at the limit, less is given when empty.
        """
        cells = self.cells
        soc = self.charge_ah / self.capacity_ah
        constant, slope, floor = cells.charge if net_w > 0.0 else cells.discharge
        room = 1.0 - soc if net_w > 0.0 else soc
        wear = 3.0 - 2.0 * self.health  # resistance grows as capacity fades
        resistance = (constant + slope / (room + floor) ** 1.2) * wear * self.blocks / self.capacity_ah
        slow = resistance * (1.0 - _OHMIC_SHARE)
        source_v = self.rest_v() + self._surface_v * _MEMORY
        total = resistance * _OHMIC_SHARE + slow * (1.0 - _MEMORY)
        current = (sqrt(max(0.0, source_v * source_v + 4.0 * total * net_w)) - source_v) / (2.0 * total)
        if current > 0.0 and source_v + current * total > limit_v:
            current = max(0.0, (limit_v - source_v) / total)
        elif current < 0.0:
            current = max(current, -self.charge_ah / _STEP_H)  # an empty battery has nothing to give
        voltage = source_v + current * total
        self._surface_v = self._surface_v * _MEMORY + current * slow * (1.0 - _MEMORY)
        self._count(current, soc)
        return voltage, current

    def _count(self, current: float, soc: float) -> None:
        """Count coulombs for one minute: what charging loses to gassing (Copetti 1993), what leaks away."""
        cells = self.cells
        if current > 0.0:
            kept = cells.coulomb_efficiency
            if soc < 1.0 or cells.gassing_slope < inf:
                tenth = current * 10.0 / self.capacity_ah
                kept *= 1.0 - exp(cells.gassing_slope / (tenth + 0.55) * (soc - 1.0))
            charge = self.charge_ah + current * kept * _STEP_H
        else:
            charge = self.charge_ah + current * _STEP_H
            self._drawn_ah -= current * _STEP_H
        charge *= 1.0 - cells.self_discharge_per_month / _MINUTES_A_MONTH
        self.charge_ah = min(self.capacity_ah, max(0.0, charge))

    def weaken(self, capacity_fraction: float) -> None:
        """Make only this share (0-1) of the aged capacity usable from now on: a dying battery, or 1.0 a sound one."""
        self._weakened = capacity_fraction
        self._resize()

    def age_a_day(self, temp_c: float) -> None:
        """Lose a day's worth of capacity: use plus calendar, doubled every 10 °C above 25 (lead-acid rule)."""
        haste = 2.0 ** ((temp_c - 25.0) / 10.0)
        used = 0.2 * self._drawn_ah / self.rated_ah / self.cells.throughputs_to_80_pct
        self.health = max(0.05, self.health - haste * (used + self.cells.calendar_loss_per_year / _DAYS_A_YEAR))
        self._drawn_ah = 0.0
        self._resize()

    def _resize(self) -> None:
        """Fit the charge into the capacity there is now."""
        self.capacity_ah = self.rated_ah * self.health * self._weakened
        self.lost_ah += max(0.0, self.charge_ah - self.capacity_ah)
        self.charge_ah = min(self.charge_ah, self.capacity_ah)
