"""The battery and the plant around it keep the laws of physics."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.simulator.battery import Battery, Chemistry
from edge.simulator.plant import BOOST, BULK, EQUALISE, FLOAT, OFF, SET_POINTS, Plant, PlantState

chemistries = st.sampled_from(Chemistry)


class Metered(Battery):
    """A battery that adds up what passes its terminals, kWh."""

    net_kwh = 0.0

    def step(self, net_w: float, limit_v: float) -> tuple[float, float]:
        """Live a minute and count it."""
        volts, amps = super().step(net_w, limit_v)
        self.net_kwh += volts * amps / 60_000.0
        return volts, amps


@given(chemistries, st.lists(st.floats(-400.0, 400.0), max_size=300), st.floats(0.0, 1.0))
def test_charge_stays_between_empty_and_full(chemistry: Chemistry, powers: list[float], soc: float) -> None:
    """Whatever is drawn or pushed in, the state of charge stays within 0..1 and the voltage under its limit."""
    battery = Battery(chemistry, rated_ah=100.0, nominal_v=12, soc=soc)
    for power in powers:
        volts, amps = battery.step(power, 14.4)
        assert 0.0 <= battery.soc <= 1.0
        assert volts <= 14.4 or amps <= 0.0
        assert amps * power >= 0.0


@given(chemistries, st.lists(st.floats(-100.0, 100.0), min_size=1, max_size=300))
def test_no_more_energy_comes_out_than_went_in(chemistry: Chemistry, powers: list[float]) -> None:
    """Energy at the terminals minus the change of stored energy is a loss, never a gain."""
    battery = Metered(chemistry, rated_ah=100.0, nominal_v=12, soc=0.5)
    stored_kwh = 0.0
    for power in powers:
        before_ah, rest_v = battery.charge_ah, battery.rest_v()
        battery.step(power, 14.4)
        stored_kwh += (battery.charge_ah - before_ah) * (rest_v + battery.rest_v()) / 2.0 / 1000.0
    surface_kwh = 0.001  # what a quarter of an hour of surface charge may still give back
    assert battery.net_kwh >= stored_kwh - surface_kwh


@pytest.mark.parametrize("chemistry", Chemistry)
def test_voltage_sags_under_load_and_rises_under_charge(chemistry: Chemistry) -> None:
    """The terminal voltage stands below rest while discharging and above it while charging; an old one worse."""
    sound, old = (Battery(chemistry, rated_ah=100.0, nominal_v=12, health=h, soc=0.5) for h in (1.0, 0.5))
    rest_v = sound.rest_v()
    sags = [rest_v - battery.step(-60.0, 14.4)[0] for battery in (sound, old)]
    assert 0.0 < sags[0] < sags[1]
    assert sound.step(80.0, 14.4)[0] > rest_v


def test_a_charged_lead_battery_takes_ever_less_at_the_limit() -> None:
    """Held at its boost voltage, the current falls to a tail below a hundredth of the capacity."""
    battery = Battery(Chemistry.SEALED, rated_ah=100.0, nominal_v=12, soc=0.6)
    amps = [battery.step(150.0, 14.4)[1] for _ in range(24 * 60)]
    assert amps[0] > 9.0
    assert amps[-1] < 1.0
    assert battery.soc > 0.97


def test_a_hot_battery_ages_faster() -> None:
    """A year at 35 °C costs about twice the calendar capacity of a year at 25 °C."""
    mild, hot = (Battery(Chemistry.SEALED, rated_ah=100.0, nominal_v=12) for _ in range(2))
    for _ in range(365):
        mild.age_a_day(25.0)
        hot.age_a_day(35.0)
    assert (1.0 - hot.health) / (1.0 - mild.health) == pytest.approx(2.0)


def _day(plant: Plant, *, light: float, load_w: float) -> list[PlantState]:
    """Twelve hours of flat light, then twelve of night."""
    return [plant.step(light if minute < 720 else 0.0, 30.0, load_w, 3.5) for minute in range(1440)]


@pytest.mark.parametrize("chemistry", Chemistry)
def test_energy_is_accounted_for_to_the_last_joule(chemistry: Chemistry) -> None:
    """What the charger gave equals what the load, the unseen drain and the battery's terminals took."""
    battery = Metered(chemistry, rated_ah=60.0, nominal_v=12)
    plant = Plant(battery, chemistry, panel_w=200.0, ambient_c=30.0)
    for light, load_w in ((600.0, 30.0), (80.0, 60.0), (0.0, 60.0), (900.0, 20.0)):
        _day(plant, light=light, load_w=load_w)
    unseen_kwh = plant.direct_kwh + battery.net_kwh
    last = plant.step(0.0, 30.0, 0.0, 0.0)
    assert last.generated_kwh == pytest.approx(last.consumed_kwh + unseen_kwh, rel=1e-9)


def test_a_sunny_day_goes_bulk_boost_float_off() -> None:
    """A lead battery is charged in bulk, held two hours at boost, then floated; at night the charger is off."""
    plant = Plant(Battery(Chemistry.SEALED, rated_ah=100.0, nominal_v=12), Chemistry.SEALED, panel_w=250, ambient_c=30)
    states = _day(plant, light=800.0, load_w=10.0)
    order = list(dict.fromkeys(state.stage for state in states))
    assert order == [BULK, BOOST, FLOAT, OFF]
    assert sum(state.stage == BOOST for state in states) == 119
    assert states[700].battery_v == pytest.approx(13.8, abs=0.2)
    assert states[-1].night


def test_only_a_flooded_battery_is_equalised_and_only_monthly() -> None:
    """Equalise appears after four weeks on a flooded battery and never on a sealed one."""
    for chemistry, expected in ((Chemistry.FLOODED, 1), (Chemistry.SEALED, 0)):
        plant = Plant(Battery(chemistry, rated_ah=60.0, nominal_v=12), chemistry, panel_w=250.0, ambient_c=30.0)
        equalised = 0
        for _ in range(40):
            equalised += any(state.stage == EQUALISE for state in _day(plant, light=700.0, load_w=5.0))
            plant.midnight()
        assert equalised == expected


def test_a_full_battery_leaves_the_panel_unused() -> None:
    """In float the panel gives only what is wanted, and its voltage climbs towards open circuit."""
    plant = Plant(Battery(Chemistry.SEALED, rated_ah=60.0, nominal_v=12), Chemistry.SEALED, panel_w=250, ambient_c=30)
    states = _day(plant, light=800.0, load_w=10.0)
    bulk, floating = states[5], states[715]
    assert floating.panel_v * floating.panel_a < 0.2 * bulk.panel_v * bulk.panel_a
    assert floating.panel_v > bulk.panel_v


def test_the_load_is_cut_at_low_voltage_and_comes_back_well_charged() -> None:
    """The output opens below the cut-off, stays open until the reconnect voltage, and draws nothing meanwhile."""
    plant = Plant(Battery(Chemistry.SEALED, rated_ah=40.0, nominal_v=12), Chemistry.SEALED, panel_w=150, ambient_c=30)
    dark = [plant.step(0.0, 30.0, 50.0, 0.0) for _ in range(1440)]
    first_off = next(index for index, state in enumerate(dark) if not state.load_on)
    assert dark[first_off - 1].battery_v < SET_POINTS[Chemistry.SEALED].load_off_v
    assert not any(state.load_on for state in dark[first_off:])
    assert dark[-1].load_w == 0.0
    assert dark[-1].faults != 0
    light = [plant.step(500.0, 30.0, 50.0, 0.0) for _ in range(300)]
    back = next(index for index, state in enumerate(light) if state.load_on)
    assert light[back - 1].battery_v > SET_POINTS[Chemistry.SEALED].load_on_v


def test_the_shown_charge_is_wrong_under_load_as_on_real_controllers() -> None:
    """The controller shows much less than the truth under load, and full soon after dawn."""
    plant = Plant(Battery(Chemistry.SEALED, rated_ah=60.0, nominal_v=12), Chemistry.SEALED, panel_w=250, ambient_c=30)
    loaded = [plant.step(0.0, 30.0, 120.0, 0.0) for _ in range(60)][-1]
    assert loaded.soc_shown_pct < loaded.soc_true_pct - 15.0
    charging = [plant.step(700.0, 30.0, 0.0, 0.0) for _ in range(60)][-1]
    assert charging.soc_shown_pct == 100.0
    assert charging.soc_true_pct < 90.0
