"""What a stretch of registers says."""

from __future__ import annotations

import pytest

from edge import profiles
from edge.decoding import Told, tell
from edge.profiles import Profile
from edge.readplan import Block
from edge.registers import Table
from firmware_config import load

TEXT = """\
profile: test
title: A bit of everything
sources: [none]
confidence: one source
wiring: [two wires]
bus: {baud: 9600, parity: none, stop_bits: 1, unit: 1, timeout_s: 1.0, pause_s: 0.0}
blocks: {count_max: 40, gap_max: 9}
scales:
  - {name: v_pu, table: input, address: 0, type: u32, words: high_first, factor: 1/65536, usual: 11796480}
  - {name: w_sf, table: input, address: 2, type: s16, exponent: true, invalid: [-32768]}
registers:
  - {metric: battery_voltage_v, table: input, address: 3, type: s16, scale: 1/32768, scales: [v_pu], decimals: 2}
  - {metric: load_power_w, table: input, address: 4, type: s16, scales: [w_sf], decimals: 1}
  - {metric: soc_pct, table: input, address: 5, type: u16, invalid: [65535], plausible: [0, 100]}
  - {metric: generated_total_kwh, table: input, address: 6, type: u32, words: low_first, scale: 0.1}
  - {metric: charge_stage, table: input, address: 8, type: u16, map: {1: 2}}
  - {metric: panel_power_w, table: input, address: 9, type: u16, join: plus}
  - {metric: panel_power_w, table: input, address: 20, type: u16, join: plus}
faults:
  - {table: input, address: 10, type: u16, flags: {0: fan, 1: load_short}}
  - {table: input, address: 30, type: u16, flags: {0: sensor}}
nameplate:
  - {name: model, table: holding, address: 5, count: 2, form: ascii}
clock: {table: holding, address: 20, form: words, order: [year, month, day, hour, minute, second]}
"""


@pytest.fixture
def profile() -> Profile:
    """Read the profile."""
    return profiles.parse(load(TEXT, "device", "test"))


def said(profile: Profile, address: int, *words: int, table: Table = Table.INPUT) -> dict[str, Told]:
    """Tell what these words say."""
    block = Block(table, address, len(words))
    return {told.name: told for told in tell(profile, {block: words}, {})}


def test_values_carry_unit_raw_number_and_words(profile: Profile) -> None:
    """Scales in the same stretch are used; states and faults are put in words."""
    told = said(profile, 0, 180, 0, 1, 2184, 123, 80, 7, 1, 1)
    assert told["battery_voltage_v"] == Told("battery_voltage_v", 12.0, "V", 2184)
    assert told["load_power_w"] == Told("load_power_w", 1230.0, "W", 123)
    assert told["soc_pct"] == Told("soc_pct", 80, "%", 80)
    assert told["generated_total_kwh"].value == 6554.3
    assert told["charge_stage"].words == "boost (absorption)"
    assert (told["v_pu"].value, told["w_sf"].value) == (180.0, 1)


def test_a_scale_that_is_not_here_is_assumed_and_said(profile: Profile) -> None:
    """A lone register of a scaled device is read as most have it, with a note that it is so."""
    told = said(profile, 3, 2184)["battery_voltage_v"]
    assert (told.value, told.note) == (12.0, "assumes the usual v_pu 180, which are not here")


def test_what_is_no_figure_says_why(profile: Profile) -> None:
    """Markers, nonsense, unknown codes, halves and parts are each refused in words, with the raw number."""
    told = said(profile, 2, 0x8000, 0, 5, 606, 9)
    assert told["soc_pct"] == Told("soc_pct", None, "%", 606, "implausible: no soc_pct is outside 0 to 100")
    assert told["generated_total_kwh"].refused == "takes 2 words, and not all of them are here"
    assert told["load_power_w"].refused == "the device marks that it has no reading"
    assert told["w_sf"].refused == "the device marks that it has no scale"
    assert said(profile, 8, 5)["charge_stage"].refused == "a code that the profile does not know"
    assert said(profile, 9, 5)["panel_power_w"].refused == "belongs together with registers that are not here"


def test_faults_are_told_from_the_words_that_are_here(profile: Profile) -> None:
    """A lone word of faults says what it shows, and that others belong to it."""
    assert said(profile, 10, 0b11)["faults"].words == "short circuit at the load, fan"
    none = said(profile, 10, 0)["faults"]
    assert (none.words, none.note) == ("none", "other words that tell faults are not here")


def test_nameplate_and_clock_are_told(profile: Profile) -> None:
    """Texts come as texts, the clock as a time; what is empty or no time says so."""
    assert said(profile, 5, 0x4142, 0x4320, table=Table.HOLDING)["model"].value == "ABC"
    assert said(profile, 5, 0, 0, table=Table.HOLDING)["model"].refused == "empty"
    clock = said(profile, 20, 26, 11, 23, 12, 30, 0, table=Table.HOLDING)["clock"]
    assert clock.value == "2026-11-23T12:30:00"
    assert said(profile, 20, 0, 0, 0, 0, 0, 0, table=Table.HOLDING)["clock"].refused == "no time of day"


def test_nothing_is_said_of_other_registers(profile: Profile) -> None:
    """Words that the profile does not know are silent."""
    assert said(profile, 500, 1, 2) == {}
