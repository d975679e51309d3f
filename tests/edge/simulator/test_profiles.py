"""Every device profile that comes with Kayasol, asked through a simulated village as the edge would ask a device."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from functools import cache

import pytest

from edge import readplan
from edge.encodings import TYPES
from edge.nameplate import placed
from edge.profiles import Profile, located, registers_of
from edge.readplan import Block, Limits, Words, plan
from edge.recognition import recognises
from edge.registers import Problem, Quantity, Reading, Register, Table
from edge.simulator.device import SimulatedDevice
from edge.simulator.faults import DyingBattery
from edge.simulator.spread import NEAREST, said
from edge.simulator.told import Teller
from edge.simulator.village import Village, health_centre, school
from edge.sunspec import PLACES
from edge.survey import Survey, survey
from firmware_config import profile_names
from protocol.metrics import CATALOGUE, Kind
from protocol.states import FAULT_BITS, FAULTS_METRIC
from tests.edge.simulator.asking import asking, profile_of

START = datetime(2026, 10, 12, tzinfo=UTC)
NIGHT, MORNING, NOON, EVENING = (START + timedelta(hours=hours) for hours in (27, 31.3, 36.2, 43))
CUT_OFF = START + timedelta(hours=20)

ALSO_LIKE: Mapping[str, frozenset[str]] = {
    # Two temperatures in one word may look like a voltage to a reader of GX devices, which are read over TCP only.
    "srne-rover": frozenset({"victron-battery"}),
}
"""Families whose probe holds on another family's simulated device, by the family simulated."""

ONE_FIGURE_FOR_TWO: Mapping[str, Mapping[str, str]] = {"must-pv18": {"panel_power_w": "charge_power_w"}}
"""Where one register stands for two metrics, and which of them the simulator lays there."""

_HALF_FLOAT = 2.0**-11

VILLAGES = {
    "school": school(1, START),
    "health centre": health_centre(2, START),
    "dying": school(3, START).with_faults(
        DyingBattery(start=START, end=START + timedelta(days=9), capacity_fraction=0.05)
    ),
}


@cache
def village_of(kind: str) -> Village:
    """Give a village in its second day."""
    village = Village(VILLAGES[kind])
    village.advance(EVENING)
    return village


@cache
def device_of(name: str, kind: str = "school") -> SimulatedDevice:
    """Give a device of this family in that village."""
    return SimulatedDevice(village_of(kind), profile_of(name), unit=7)


def read_through(name: str, at: datetime, kind: str = "school") -> tuple[Survey, list[Quantity]]:
    """Read all of a device; also say where its quantities are."""
    profile = profile_of(name)
    done = survey(asking(device_of(name, kind), at), profile, profile.all, profile.nameplate, profile.clock)
    return done, list(located(profile.all, done.bases))


@pytest.mark.parametrize("kind", VILLAGES)
@pytest.mark.parametrize("name", profile_names())
def test_what_a_profile_decodes_is_what_the_village_measured(name: str, kind: str) -> None:
    """Every metric that both know comes back within the register's resolution; nothing that comes is implausible."""
    teller = Teller(village_of(kind), profile_of(name))
    for at in (CUT_OFF, NIGHT, MORNING, NOON, EVENING):
        told = teller.readings(at)
        told |= {metric: told[other] for metric, other in ONE_FIGURE_FOR_TWO.get(name, {}).items()}
        done, quantities = read_through(name, at, kind)
        assert done.errors == {}
        for quantity in quantities:
            reading = readplan.reading(quantity, done.answers)
            assert reading is not None, quantity.metric
            assert _agrees(quantity, reading, told, done), (quantity.metric, at, reading, told.get(quantity.metric))


def _agrees(quantity: Quantity, reading: Reading, told: Mapping[str, float], done: Survey) -> bool:
    """Say whether a reading is what was told, as well as the device can say it."""
    wanted = told.get(quantity.metric)
    errors = [_error(register, done) for register in quantity.registers]
    error = sum(errors) if quantity.join == "plus" else max(errors)
    if reading.value is None:
        # A device whose "nothing" is a zero says that it has none of what is not there.
        little = wanted is None or abs(wanted) <= 2.0 * error
        return reading.problem is Problem.INVALID and little
    value = reading.value * 10.0**-quantity.decimals
    if wanted is None:
        return value == 0.0
    if quantity.metric == FAULTS_METRIC:
        return int(value) & ~int(wanted) == 0
    if CATALOGUE[quantity.metric].kind is Kind.STATE:
        return value in (wanted, *NEAREST.get(quantity.metric, {}).get(int(wanted), ()))
    if all(register.map for register in quantity.registers):
        return value in {said(register, wanted) for register in quantity.registers}
    half = any(register.type == "f16" for register in quantity.registers)
    return abs(value - wanted) <= error + abs(wanted) * (_HALF_FLOAT if half else 1e-6)


def _error(register: Register, done: Survey) -> float:
    """Tell how far a reading may be off, in the metric's unit: half a step of the register, half of what is kept."""
    step = register.scale
    for scale in register.scales:
        number = scale.raw(_words(done.answers, scale.table, scale.address, scale.count))
        step *= scale.multiplier(number) or 1
    steps = abs(step) if TYPES[register.type].exact else Fraction(0)
    kept = Fraction(1) if steps.denominator != 1 or not steps else Fraction(0)
    return float(steps + kept) * 0.51 * 10.0**-register.decimals


def _words(answers: Mapping[Block, Words], table: str, address: int, count: int) -> Words:
    block, words = next((b, w) for b, w in answers.items() if b.table == table and b.address <= address < b.end)
    at = (address - block.address) // block.step
    return words[at : at + count]


@pytest.mark.parametrize("name", profile_names())
def test_a_fault_is_told_by_every_device_that_has_a_bit_for_it(name: str) -> None:
    """When the load is cut to save the battery, it stands among the faults wherever the family knows such a thing."""
    village = village_of("dying")
    faults = int(village.readings(CUT_OFF)["faults"])
    assert faults == 1 << FAULT_BITS["low_voltage_disconnect"]
    done, quantities = read_through(name, CUT_OFF, "dying")
    for quantity in (quantity for quantity in quantities if quantity.metric == FAULTS_METRIC):
        known = {fault for register in quantity.registers for fault in register.flags.values()}
        coded = any(faults in register.map.values() for register in quantity.registers)
        reading = readplan.reading(quantity, done.answers)
        assert reading is not None
        assert reading.value == (faults if coded or "low_voltage_disconnect" in known else 0)


@pytest.mark.parametrize("name", profile_names())
def test_a_device_has_a_nameplate_and_a_clock(name: str) -> None:
    """Every line of the nameplate can be read, it has the unit's number, and the clock shows the village's time."""
    done, _ = read_through(name, NOON)
    profile = profile_of(name)
    for text in placed(profile.nameplate, done.bases):
        told = text.told(_words(done.answers, text.table, text.address, text.count))
        assert told
        assert text.name != "address" or told == "7"
    if profile.clock is not None:
        clock = profile.clock
        assert clock.told(_words(done.answers, clock.table, clock.address, clock.count)) == NOON.replace(tzinfo=None)


@pytest.mark.parametrize("kind", ["school", "health centre"])
@pytest.mark.parametrize("name", profile_names())
def test_a_simulated_device_is_recognised_by_day_and_by_night(name: str, kind: str) -> None:
    """The profile's own probe holds on it at any hour."""
    for at in (NIGHT, MORNING, NOON, EVENING):
        assert recognises(profile_of(name), asking(device_of(name, kind), at)), at


@pytest.mark.parametrize("name", profile_names())
def test_a_simulated_device_is_taken_for_no_other_but_those_known(name: str) -> None:
    """The probes of other families do not hold on it, except the few pairs that are written down."""
    taken_for = {
        other
        for kind in ("school", "health centre")
        for at in (CUT_OFF, NIGHT, MORNING, NOON, EVENING)
        for other in profile_names()
        if other != name and recognises(profile_of(other), asking(device_of(name, kind), at))
    }
    assert taken_for <= ALSO_LIKE.get(name, frozenset())


@pytest.mark.parametrize("name", profile_names())
def test_nothing_is_there_but_what_a_profile_reads(name: str) -> None:
    """What any reader may ask for is there, gaps included; every other address is refused."""
    done, quantities = read_through(name, NOON)
    profile = profile_of(name)
    limits = Limits(1 << 16, profile.limits.gap_max)
    readable = {place for block in plan(registers_of(quantities), limits) for place in _places(block)}
    readable |= {place for block in done.answers for place in _places(block)}
    device = device_of(name)
    if profile.models:
        readable |= {(table, at) for table, at in device.image(NOON) if at >= PLACES[0]}
    assert set(device.image(NOON)) == readable
    ask = asking(device, NOON)
    for table, at in readable:
        for beside in (at - profile.step, at + profile.step):
            if (table, beside) not in readable and beside >= 0:
                with pytest.raises(Exception, match="exception 2"):
                    ask(Block(table, beside, 1, profile.step))


def _places(block: Block) -> Iterator[tuple[Table, int]]:
    return ((block.table, at) for at in range(block.address, block.end, block.step))


@pytest.mark.parametrize("name", profile_names())
def test_where_zeros_mean_nothing_the_village_says_something(name: str) -> None:
    """No block that tells of the battery or the load is all zeros where that means: nothing there."""
    profile: Profile = profile_of(name)
    for at in (NIGHT, NOON) if profile.zeros_are_nothing else ():
        done, quantities = read_through(name, at)
        for quantity in quantities:
            if quantity.metric in ("battery_voltage_v", "load_power_w", "soc_pct"):
                answers = {block: words for block, words in done.answers.items() if any(words)}
                assert readplan.reading(quantity, answers) is not None, quantity.metric
