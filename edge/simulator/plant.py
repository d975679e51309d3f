"""Panel, charge controller, battery and load output, one grid minute at a time.

An MPPT controller with the stages of common 12/24 V models: bulk, boost for two hours, float, monthly equalise for
flooded batteries, and a load output that opens at low voltage. It measures like one too: its state of charge is
guessed from the terminal voltage, so it reads low under load and full under charge. Loads wired straight to the
battery drain it unseen. Faults and weather arrive as numbers; nothing here knows the calendar.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import log, sqrt
from typing import NamedTuple

from edge.simulator.battery import STEP_S, Battery, Chemistry
from edge.simulator.tally import Counts, Extremes, Tally
from protocol.states import FAULT_BITS

OFF, FLOAT, BOOST, EQUALISE, BULK = range(5)
FAULT_LOW_VOLTAGE_DISCONNECT = 1 << FAULT_BITS["low_voltage_disconnect"]
FAULT_CONTROLLER_HOT = 1 << FAULT_BITS["controller_hot"]
EQUALISE_EVERY_DAYS = 28
BOOST_MIN = 120
EQUALISE_MIN = 120
NIGHT_BELOW_V = 5.0
"""Panel voltage per 12 V block."""
HOT_C = 80.0
_STEP_H = STEP_S / 3600.0
_MINUTE_KWH = _STEP_H / 1000.0
_MPPT_EFFICIENCY = 0.96
_OWN_W = 0.15  # what the controller itself draws from the battery
_WAKES_AT_W = 1.0
_FALLEN_MIN = 10
_DIRECT_CUT_V, _DIRECT_BACK_V = 10.9, 12.0  # what a 5 V converter on the battery terminals can live with, per block
_SOC_EMPTY_V = {Chemistry.FLOODED: 11.3, Chemistry.SEALED: 11.3, Chemistry.LIFEPO4: 12.4}
_SOC_FULL_V = {Chemistry.FLOODED: 12.85, Chemistry.SEALED: 12.85, Chemistry.LIFEPO4: 13.4}


@dataclass(frozen=True, slots=True)
class SetPoints:
    """Voltages of the controller for one 12 V block at 25 °C; `per_c_v` compensates boost and float per °C."""

    boost_v: float
    float_v: float
    boost_again_v: float
    load_off_v: float
    load_on_v: float
    equalise_v: float | None = None
    per_c_v: float = -0.018


SET_POINTS = {
    Chemistry.SEALED: SetPoints(14.4, 13.8, 13.2, 11.1, 12.6),
    Chemistry.FLOODED: SetPoints(14.6, 13.8, 13.2, 11.1, 12.6, equalise_v=14.8),
    Chemistry.LIFEPO4: SetPoints(14.2, 13.6, 13.2, 12.0, 12.9, per_c_v=0.0),
}
"""Usual factory settings of small MPPT controllers: lead-acid ones compensate -3 mV/°C per 2 V cell."""


class Sun(NamedTuple):
    """What the panel would give: voltage and power at its best point, voltage at open circuit."""

    best_v: float
    best_w: float
    open_v: float


class PlantState(NamedTuple):
    """What holds during one grid minute; the counts as they stand at its beginning, the extremes with it."""

    panel_v: float
    panel_a: float
    battery_v: float
    charge_a: float
    load_a: float
    target_v: float
    ambient_c: float
    battery_temp_c: float
    controller_temp_c: float
    soc_shown_pct: float
    soc_true_pct: float
    health_pct: float
    stage: int
    load_on: bool
    direct_on: bool
    night: bool
    faults: int
    charge_w: float
    load_w: float
    sun: Sun
    counts: Counts
    at_midnight: Counts
    today: Extremes
    ever: Extremes

    @property
    def generated_kwh(self) -> float:
        """Energy that the charger delivered since the start."""
        return self.counts.generated_kwh

    @property
    def consumed_kwh(self) -> float:
        """Energy that left through the load output since the start."""
        return self.counts.consumed_kwh


class Plant:
    """The electrical site; `step` lives one minute and returns what it was like."""

    def __init__(self, battery: Battery, chemistry: Chemistry, *, panel_w: float, ambient_c: float) -> None:
        self.battery = battery
        self.panel_w = panel_w
        self.rated_charge_a = next(
            (rated for rated in (10.0, 20.0, 30.0, 40.0, 60.0) if rated * 12 * battery.blocks >= panel_w), 100.0
        )
        self.load_on = True
        self.direct_on = True
        self.direct_kwh = 0.0
        self._set = SET_POINTS[chemistry]
        self._chemistry = chemistry
        self._stage = OFF
        self._boosted_min = self._equalised_min = self._fallen_min = self._days_unequalised = 0
        self._battery_temp_c = self._controller_temp_c = ambient_c
        self._battery_v = battery.rest_v()
        self._shown_v = self._battery_v
        self._was_night = True
        self.tally = Tally(self._battery_v)

    def midnight(self) -> None:
        """Turn the controller's day: today's counters and extremes start again, the battery ages."""
        self.tally.midnight(self._battery_v)
        self._days_unequalised += 1
        self.battery.age_a_day(self._battery_temp_c)

    def step(self, light_w_m2: float, ambient_c: float, load_w: float, direct_w: float) -> PlantState:
        """Live one minute under this light (W/m2 on the cells), with these demands (W) while they are supplied."""
        blocks = self.battery.blocks
        cell_c = ambient_c + 0.03 * light_w_m2  # nominal operating cell temperature of 44 °C
        peak_w = self.panel_w * light_w_m2 / 1000.0 * (1.0 - 0.004 * (cell_c - 25.0))
        peak_v, open_v = _panel_volts(light_w_m2, cell_c, blocks)
        load_w = load_w if self.load_on else 0.0
        unseen_w = _OWN_W + (direct_w if self.direct_on else 0.0)
        ready_w = min(peak_w * _MPPT_EFFICIENCY, self.rated_charge_a * self._battery_v)
        if ready_w < _WAKES_AT_W:
            ready_w, self._stage = 0.0, OFF
        elif self._stage == OFF:
            self._stage = BULK
        need_w = load_w + unseen_w
        limit_v = self._limit_v()
        battery_v, battery_a = self.battery.step(ready_w - need_w, limit_v)
        charge_w = max(0.0, min(ready_w, battery_v * battery_a + need_w))
        # An empty battery gives less than is wanted: the load goes short until the next minute cuts it off.
        load_w = max(0.0, load_w - max(0.0, need_w + battery_v * battery_a - charge_w))
        night = open_v < NIGHT_BELOW_V * blocks
        stage_before = self._stage
        self._turn_stage(battery_v, limit_v, night=night)
        self._warm(ambient_c, charge_w)
        self._battery_v = battery_v
        self._shown_v += (battery_v - self._shown_v) / 5.0
        panel_v, panel_a = _panel_point(charge_w / _MPPT_EFFICIENCY, peak_w, peak_v, open_v)
        charge_a, load_a = charge_w / battery_v, load_w / battery_v
        self.tally.see(Extremes(battery_v, panel_v, panel_v * panel_a, charge_a, charge_w, load_a, load_w, battery_v))
        state = PlantState(
            panel_v,
            panel_a,
            battery_v,
            charge_a,
            load_a,
            limit_v if self._stage != OFF else 0.0,
            ambient_c,
            self._battery_temp_c,
            self._controller_temp_c,
            self._shown_pct(),
            100.0 * self.battery.soc,
            100.0 * self.battery.capacity_ah / self.battery.rated_ah,
            self._stage,
            self.load_on,
            self.direct_on,
            night,
            self._fault_bits(),
            charge_w,
            load_w,
            Sun(peak_v, peak_w, open_v),
            self.tally.counts,
            self.tally.at_midnight,
            self.tally.today,
            self.tally.ever,
        )
        load_was_on = self.load_on
        self._switch_outputs(battery_v / blocks)
        filled, emptied = self._stage == FLOAT != stage_before, load_was_on and not self.load_on
        self._count(charge_w, load_w, filled=filled, emptied=emptied)
        self.direct_kwh += unseen_w * _MINUTE_KWH
        return state

    def _count(self, charge_w: float, load_w: float, *, filled: bool, emptied: bool) -> None:
        """Count the minute: what the controller sees pass, which is not what flows past it."""
        net_w = charge_w - load_w
        into_w, out_w = max(0.0, net_w), max(0.0, -net_w)
        self.tally.count(
            Counts(
                charge_w * _MINUTE_KWH,
                load_w * _MINUTE_KWH,
                into_w * _MINUTE_KWH,
                out_w * _MINUTE_KWH,
                into_w / self._battery_v * _STEP_H,
                out_w / self._battery_v * _STEP_H,
                STEP_S * (self._stage == BOOST),
                STEP_S * (self._stage == FLOAT),
                STEP_S * (self._stage == EQUALISE),
                filled,
                emptied,
                1,
            )
        )

    def _limit_v(self) -> float:
        """Voltage the stage allows, moved by the battery's temperature."""
        if self._stage == FLOAT:
            limit = self._set.float_v
        elif self._stage == EQUALISE and self._set.equalise_v is not None:
            limit = self._set.equalise_v
        else:
            limit = self._set.boost_v
        return (limit + self._set.per_c_v * (self._battery_temp_c - 25.0)) * self.battery.blocks

    def _turn_stage(self, battery_v: float, limit_v: float, *, night: bool) -> None:
        """Move between bulk, boost, equalise and float; a new dawn starts over."""
        if self._was_night and not night:
            self._boosted_min = self._equalised_min = 0
            self._stage = BULK
        self._was_night = night
        at_limit = battery_v > limit_v - 0.05 * self.battery.blocks
        if self._stage in (BULK, BOOST):
            self._stage = BOOST if at_limit else BULK
            self._boosted_min += at_limit
            if self._boosted_min >= BOOST_MIN:
                due = self._set.equalise_v is not None and self._days_unequalised >= EQUALISE_EVERY_DAYS
                self._stage = EQUALISE if due else FLOAT
        elif self._stage == EQUALISE:
            self._equalised_min += 1
            if self._equalised_min >= EQUALISE_MIN:
                self._stage = FLOAT
                self._days_unequalised = 0
        elif self._stage == FLOAT:
            fallen = battery_v < self._set.boost_again_v * self.battery.blocks
            self._fallen_min = self._fallen_min + 1 if fallen else 0
            if self._fallen_min >= _FALLEN_MIN:
                self._stage, self._boosted_min, self._fallen_min = BULK, 0, 0

    def _warm(self, ambient_c: float, charge_w: float) -> None:
        """Let battery and controller follow the room: hours for the one, minutes for the other."""
        self._battery_temp_c += (ambient_c + 1.0 - self._battery_temp_c) / 240.0
        self._controller_temp_c += (ambient_c + 3.0 + 0.05 * charge_w - self._controller_temp_c) / 15.0

    def _shown_pct(self) -> float:
        """Guess the charge from the voltage, as the controller does (%)."""
        empty_v, full_v = _SOC_EMPTY_V[self._chemistry], _SOC_FULL_V[self._chemistry]
        shown = (self._shown_v / self.battery.blocks - empty_v) / (full_v - empty_v)
        return float(round(100.0 * min(1.0, max(0.0, shown))))

    def _fault_bits(self) -> int:
        """Say what is wrong, in bits of the common list."""
        faults = 0 if self.load_on else FAULT_LOW_VOLTAGE_DISCONNECT
        return faults | FAULT_CONTROLLER_HOT if self._controller_temp_c > HOT_C else faults

    def _switch_outputs(self, block_v: float) -> None:
        """Open or close the load output and the direct consumers for the next minute, each with hysteresis."""
        if block_v < self._set.load_off_v:
            self.load_on = False
        elif block_v > self._set.load_on_v:
            self.load_on = True
        if block_v < _DIRECT_CUT_V:
            self.direct_on = False
        elif block_v > _DIRECT_BACK_V:
            self.direct_on = True


def _panel_volts(light_w_m2: float, cell_c: float, blocks: int) -> tuple[float, float]:
    """Voltage at maximum power and open circuit of 36 cells per block: log of light, -0.35 %/°C, none in the dark."""
    if light_w_m2 < 1.0:
        return 0.0, 13.8 * light_w_m2 * blocks
    bend = (1.0 + 0.055 * log(light_w_m2 / 1000.0)) * (1.0 - 0.0035 * (cell_c - 25.0)) * blocks
    return 18.2 * bend, 22.3 * bend


def _panel_point(drawn_w: float, peak_w: float, peak_v: float, open_v: float) -> tuple[float, float]:
    """Where on its curve the panel works (V, A): pushed towards open circuit the less is drawn of its peak."""
    if drawn_w <= 0.0 or peak_w <= 0.0:
        return open_v, 0.0
    volts = peak_v + (open_v - peak_v) * sqrt(max(0.0, 1.0 - drawn_w / peak_w))
    return volts, drawn_w / volts
