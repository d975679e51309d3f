"""Faults do what they say, from their first to their last second, and nothing else."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from edge.simulator.faults import (
    DustyPanel,
    DyingBattery,
    Fault,
    ModbusSilent,
    PiPowerCut,
    ShadedPanel,
    StuckSlot,
)
from edge.simulator.truth import Span
from edge.simulator.village import Village, school

START = datetime(2026, 10, 12, tzinfo=UTC)
BEGIN, END = START + timedelta(days=1, hours=9, seconds=17), START + timedelta(days=2, hours=15, seconds=5)
SECOND = timedelta(seconds=1)


def _village(*faults: Fault) -> Village:
    """Give a school with these faults that has lived three days."""
    village = Village(school(4, START).with_faults(*faults))
    village.advance(START + timedelta(days=3))
    return village


def test_a_pulled_cable_silences_modbus_and_nothing_else() -> None:
    """The controller is unreachable exactly between start and end; sun, load and kiosk go on as without it."""
    village = _village(ModbusSilent(start=BEGIN, end=END))
    assert [village.modbus_alive(at) for at in (BEGIN - SECOND, BEGIN, END - SECOND, END)] == [True, False, False, True]
    assert village.truth(END) == _village().truth(END)


def test_a_power_cut_of_the_pi_leaves_the_kiosk_working() -> None:
    """The Pi is off to the second while phones are charged and paid for, so that a hub must not see them."""
    village = _village(PiPowerCut(start=BEGIN, end=END))
    assert [village.pi_powered(at) for at in (BEGIN - SECOND, BEGIN, END - SECOND, END)] == [True, False, False, True]
    truth = village.truth(START + timedelta(days=3))
    assert truth.pi_without_power == (Span(BEGIN, END),)
    assert truth.charges == _village().truth(START + timedelta(days=3)).charges
    assert village.next_change(BEGIN - SECOND) <= BEGIN


def test_a_stuck_slot_is_occupied_and_earns_nothing() -> None:
    """Its level says occupied from start to end, day and night, and no session happens on it."""
    village = _village(StuckSlot(start=BEGIN, end=END, slot=1))
    for hours in range(1, 30):
        assert village.levels(BEGIN + timedelta(hours=hours))[1]
    assert village.levels(BEGIN)[1]
    assert not village.levels(END)[1]
    charges = village.truth(START + timedelta(days=3)).charges
    assert not any(c.slot == 1 and c.end > BEGIN and c.start < END for c in charges)
    assert any(c.slot == 1 for c in charges)


def test_a_stuck_slot_is_no_phone_in_the_truth() -> None:
    """What the truth calls plugged in are phones only."""
    village = _village(StuckSlot(start=BEGIN, end=END, slot=2))
    at = BEGIN.replace(hour=23)
    assert village.levels(at)[2]
    assert village.truth(at).plugged_in == ()


def test_shade_and_dust_take_light() -> None:
    """A panel in shade or under a layer of dust makes less while it lasts, and as much as before afterwards."""
    morning = START + timedelta(days=1, hours=7, minutes=30)
    dawn, noon = START + timedelta(days=1), START + timedelta(days=1, hours=12)
    clean = _village().readings(morning)["panel_power_w"]
    for fault, least, most in (
        (ShadedPanel(start=dawn, end=noon, light_lost=0.7), 0.3, 0.6),
        (DustyPanel(start=dawn, end=noon, light_lost=0.4), 0.55, 0.65),
    ):
        village = _village(fault)
        assert least < village.readings(morning)["panel_power_w"] / clean < most
        late = START + timedelta(days=2, hours=7, minutes=30)
        assert village.readings(late)["panel_power_w"] > 0.9 * _village().readings(late)["panel_power_w"]


@pytest.mark.parametrize(
    ("fault", "wrong"),
    [
        (ModbusSilent, {"end": BEGIN}),
        (DyingBattery, {"capacity_fraction": 0.0}),
        (ShadedPanel, {"light_lost": 1.5}),
    ],
)
def test_an_impossible_fault_is_refused(fault: type[Fault], wrong: dict[str, object]) -> None:
    """A fault that ends before it begins or takes more than there is says so; so does one on no slot of the kiosk."""
    with pytest.raises(ValueError, match=fault.__name__):
        fault(**({"start": BEGIN, "end": END} | wrong))  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="8 slots"):
        school(4, START).with_faults(StuckSlot(start=BEGIN, end=END, slot=9))


def test_a_dying_battery_falls_flat_in_the_evening() -> None:
    """With a tenth of its capacity left, the load is cut in an evening that a sound battery carries."""
    village = _village(DyingBattery(start=START, end=START + timedelta(days=3), capacity_fraction=0.1))
    assert village.truth(START + timedelta(days=3)).load_disconnected
    assert _village().truth(START + timedelta(days=3)).load_disconnected == ()
