"""A whole simulated village: sun, weather, panel, controller, battery, lights, kiosk and faults on one clock.

It lives on a fixed grid of one minute, however the caller steps, and keeps the last two days of the grid; what
happened at the kiosk and to the Pi's supply it keeps for ever, to the second. No clock, no file, no thread.
"""

from __future__ import annotations

from array import array
from datetime import date, datetime, timedelta
from hashlib import sha256

from edge.simulator.battery import Battery
from edge.simulator.faults import Conditions, FaultPlan
from edge.simulator.habits import DayDemand, demand_on
from edge.simulator.kiosk import Kiosk, customers_on
from edge.simulator.measure import measure
from edge.simulator.plant import Plant, PlantState
from edge.simulator.spec import VillageSpec, health_centre, school, unlucky_school
from edge.simulator.sun import MINUTES_A_DAY, Place, clear_day_w_m2
from edge.simulator.timeline import Timeline
from edge.simulator.truth import Charge, Span, Truth, minutes_by_date
from edge.simulator.weather import DayWeather, days

__all__ = ["Village", "VillageSpec", "health_centre", "school", "unlucky_school"]

PHONE_W = 5.0
GRID_S = 60
KEPT_MINUTES = 2 * MINUTES_A_DAY
LOOK_AHEAD_S = 3600.0
PANEL_RATED_V = 100.0  # what the small MPPT controllers of both voltages take


class Village:
    """One village living from `spec.start`; an answer does not depend on what was asked before, while it is kept."""

    def __init__(self, spec: VillageSpec) -> None:
        self.spec = spec
        self._offset = timedelta(hours=spec.utc_offset_h)
        local = spec.start + self._offset
        self._minute_of_day = local.hour * 60 + local.minute
        self._midnight_s = -60 * self._minute_of_day
        self._day = local.date()
        self._place = Place(spec.latitude_deg, spec.longitude_deg)
        self._weather = days(spec.seed, self._day, luck=spec.weather_luck, cleaning_days=spec.cleaning_days)
        self._noise_key = int.from_bytes(sha256(f"{spec.seed}/noise/{spec.name}".encode()).digest()[:8])
        self._faults = FaultPlan(spec.faults, spec.start)
        self._conditions, self._conditions_until_s = Conditions(), 0.0
        self._cut_edges_s = self._faults.pi_cut_edges_s()
        self.kiosk = Kiosk(spec.slots, tariff_xof=spec.tariff_xof, stuck=self._faults.stuck_slots())
        self._begin_day(self._day)
        battery = Battery(
            spec.chemistry, rated_ah=spec.battery_ah, nominal_v=spec.battery_v, health=spec.battery_health
        )
        ambient_c = self._sky.ambient_c[self._minute_of_day]
        self.plant = Plant(battery, spec.chemistry, panel_w=spec.panel_w, ambient_c=ambient_c)
        self._pi = Timeline(on=True)
        self._lit = Timeline(on=False)
        self._load = Timeline(on=True)
        self._rows: list[PlantState] = []
        self._first_row = 0
        self._generated_kwh = array("d")
        self._consumed_kwh = array("d")

    def advance(self, to: datetime) -> None:
        """Live until `to` (UTC); a time already lived changes nothing."""
        last = int(self._seconds(to) // GRID_S) + 1
        while self._first_row + len(self._rows) <= last:
            self._live_minute()

    def readings(self, at: datetime) -> dict[str, float]:
        """Give what the controller measures at `at`, by metric name; within two days of the latest time lived."""
        at_s = self._seconds(at)
        minute, share = divmod(at_s, GRID_S)
        now, after = self._row(at, int(minute)), self._row(at, int(minute) + 1)
        values = measure(now, after, share / GRID_S, self._noise_key, round(at_s * 1000))
        values["panel_rated_voltage_v"] = PANEL_RATED_V
        values["charge_rated_current_a"] = self.plant.rated_charge_a
        values["system_voltage_v"] = float(self.spec.battery_v)
        return values

    def levels(self, at: datetime) -> dict[int, bool]:
        """Say for each slot (1..n) whether it is occupied at `at`, to the second."""
        self.advance(at)
        at_s = self._seconds(at)
        return {slot: timeline.on(at_s) for slot, timeline in self.kiosk.occupied.items()}

    def pi_powered(self, at: datetime) -> bool:
        """Say whether the Pi has power at `at`."""
        self.advance(at)
        return self._pi.on(self._seconds(at))

    def lights_lit(self, at: datetime) -> bool:
        """Say whether the lighting circuit gives light at `at`: switched on and supplied."""
        self.advance(at)
        return self._lit.on(self._seconds(at))

    def modbus_alive(self, at: datetime) -> bool:
        """Say whether the charge controller's cable is in place at `at`."""
        return not self._faults.modbus_silent(self._seconds(at))

    def next_change(self, after: datetime) -> datetime:
        """Give the first instant later than `after` when a slot or the Pi's power changes, an hour at the most."""
        bound_s = self._seconds(after) + LOOK_AHEAD_S
        self.advance(self._instant(bound_s))
        watched = (self._pi, *self.kiosk.occupied.values())
        changes = (timeline.next_change_s(self._seconds(after)) for timeline in watched)
        return self._instant(min((bound_s, *(change for change in changes if change is not None))))

    def truth(self, until: datetime) -> Truth:
        """Tell what physically happened from the start until `until`, exactly."""
        self.advance(until)
        until_s = self._seconds(until)
        charges = tuple(
            Charge(
                sale.slot,
                self._instant(sale.start_s),
                self._instant(sale.end_s),
                sale.charged_s,
                sale.paid_xof,
                sale.exempted,
            )
            for sale in self.kiosk.sales
            if sale.end_s <= until_s
        )
        return Truth(
            until=until,
            charges=charges,
            plugged_in=tuple(self.kiosk.phones_at(until_s)),
            customers_lost_full=sum(at <= until_s for at in self.kiosk.lost_full_s),
            customers_lost_unpowered=sum(at <= until_s for at in self.kiosk.lost_unpowered_s),
            coins_xof=sum(charge.paid_xof for charge in charges),
            lit_minutes=minutes_by_date(self._spans(self._lit, until_s, on=True), self._offset),
            generated_kwh=_between(self._generated_kwh, until_s),
            consumed_kwh=_between(self._consumed_kwh, until_s),
            pi_without_power=self._spans(self._pi, until_s, on=False),
            load_disconnected=self._spans(self._load, until_s, on=False),
        )

    def _seconds(self, at: datetime) -> float:
        """Seconds since the start; a time before it is a caller's mistake."""
        seconds = (at - self.spec.start).total_seconds()
        if seconds < 0.0:
            raise ValueError(f"{self.spec.name} begins at {self.spec.start}, later than {at}")
        return seconds

    def _instant(self, seconds: float) -> datetime:
        """Instant (UTC) that many seconds after the start."""
        return self.spec.start + timedelta(seconds=seconds)

    def _spans(self, timeline: Timeline, until_s: float, *, on: bool) -> tuple[Span, ...]:
        """List the stretches of a timeline in one state, as instants."""
        pairs = timeline.intervals_s(until_s, on=on)
        return tuple(Span(self._instant(begin), self._instant(end)) for begin, end in pairs)

    def _row(self, at: datetime, minute: int) -> PlantState:
        """Find the grid minute, lived if it must be."""
        self.advance(at)
        if minute < self._first_row:
            raise LookupError(f"{self.spec.name} no longer keeps the minute of {at}")
        return self._rows[minute - self._first_row]

    def _begin_day(self, day: date) -> None:
        """Look out of the window: the day's light, weather, demand and customers."""
        spec = self.spec
        self._sky: DayWeather = next(self._weather)
        midnight = self._instant(self._midnight_s)
        self._beam_w_m2, self._diffuse_w_m2 = clear_day_w_m2(self._place, midnight)
        self._demand: DayDemand = demand_on(
            spec.seed, day, kind=spec.kind, appliances=spec.appliances, ambient_c=self._sky.ambient_c
        )
        customers = customers_on(spec.seed, day, slots=spec.slots, crowd=spec.crowd)
        self.kiosk.expect(customers, self._midnight_s)

    def _live_minute(self) -> None:
        """Live the next grid minute: light in, demands out, then what is worth remembering."""
        minute = self._minute_of_day
        begin_s = (self._first_row + len(self._rows)) * GRID_S
        if begin_s >= self._conditions_until_s:
            self._conditions, self._conditions_until_s = self._faults.conditions(begin_s)
            self.plant.battery.weaken(self._conditions.capacity_kept)
        load_on = self.plant.load_on
        lit = load_on and self._demand.lights[minute]
        phone_s = self.kiosk.advance(begin_s + GRID_S, powered=load_on)
        self._note_switches(begin_s, load_on=load_on, lit=lit)
        pi_w = self.spec.pi_w if self._pi.on(begin_s) else 0.0
        load_w = self._demand.watts[minute] + phone_s * PHONE_W / GRID_S
        if self.spec.pi_on_load_output:
            load_w, pi_w = load_w + pi_w, 0.0
        row = self.plant.step(self._light_w_m2(minute), self._sky.ambient_c[minute], load_w, pi_w)
        self._rows.append(row)
        self._generated_kwh.append(row.generated_kwh)
        self._consumed_kwh.append(row.consumed_kwh)
        self._minute_of_day = minute + 1
        if self._minute_of_day == MINUTES_A_DAY:
            self._turn_day()
        if len(self._rows) > 2 * KEPT_MINUTES:
            del self._rows[:KEPT_MINUTES]
            self._first_row += KEPT_MINUTES

    def _light_w_m2(self, minute: int) -> float:
        """Light that reaches the cells in this minute of the day, after sky, dust and faults (W/m2)."""
        sky, conditions = self._sky, self._conditions
        beam = self._beam_w_m2[minute] * sky.beam[minute] * conditions.beam_kept
        diffuse = self._diffuse_w_m2[minute] * sky.diffuse[minute]
        return (beam + diffuse) * (1.0 - sky.dust_lost) * conditions.light_kept

    def _note_switches(self, begin_s: int, *, load_on: bool, lit: bool) -> None:
        """Remember what was switched in the minute from `begin_s`; a cut of the Pi's supply to the second."""
        self._load.set(begin_s, on=load_on)
        self._lit.set(begin_s, on=lit)
        supplied = load_on if self.spec.pi_on_load_output else self.plant.direct_on
        if not self._cut_edges_s:
            self._pi.set(begin_s, on=supplied)
            return
        for at_s in (begin_s, *(edge for edge in self._cut_edges_s if begin_s < edge < begin_s + GRID_S)):
            self._pi.set(at_s, on=supplied and not self._faults.pi_cut(at_s))

    def _turn_day(self) -> None:
        """Go past midnight."""
        self._minute_of_day = 0
        self._midnight_s += MINUTES_A_DAY * 60
        self._day += timedelta(days=1)
        self.plant.midnight()
        self._begin_day(self._day)


def _between(grid: array[float], at_s: float) -> float:
    """Value of a grid series at `at_s`, on the straight line between its minutes."""
    minute, share = divmod(at_s, GRID_S)
    low, high = grid[int(minute)], grid[int(minute) + 1]
    return low + (high - low) * share / GRID_S
