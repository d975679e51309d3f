"""Where readings are laid in the registers of a device: what is special about families, on small invented ones."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

import pytest

from edge import readplan
from edge.errors import Refused
from edge.profiles import Profile, located, parse
from edge.readplan import Block, Words
from edge.registers import Table
from edge.simulator.device import SimulatedDevice
from edge.simulator.image import ProfileImage
from edge.simulator.slave import Image
from edge.simulator.village import Village, school
from edge.survey import survey
from firmware_config import load
from protocol.states import FAULT_BITS, FAULTS_METRIC
from tests.edge.simulator.asking import asking

NOW = datetime(2026, 10, 12, 9, 30, 15, tzinfo=UTC)
HEAD = """\
profile: invented
title: Invented
sources: [nobody]
confidence: one source
wiring: [none]
bus: {baud: 9600, parity: none, stop_bits: 1, unit: 5, timeout_s: 1, pause_s: 0}
"""
LVD, HOT, FAN = (1 << FAULT_BITS[name] for name in ("low_voltage_disconnect", "controller_hot", "fan"))


def _profile(lines: str, blocks: str = "{count_max: 20, gap_max: 0}") -> Profile:
    return parse(load(f"{HEAD}blocks: {blocks}\n{lines}", "device", "invented"))


def _laid(profile: Profile, readings: Mapping[str, float]) -> Image:
    return ProfileImage(profile).words(readings, NOW)


def _told(profile: Profile, readings: Mapping[str, float]) -> dict[str, float | None]:
    """Lay readings and read them back, all in one request."""
    image = _laid(profile, readings)

    def ask(block: Block) -> Words:
        return tuple(image[block.table, at] for at in range(block.address, block.end, block.step))

    done = survey(ask, profile, profile.all)
    told: dict[str, float | None] = {}
    for quantity in located(profile.all, done.bases):
        reading = readplan.reading(quantity, done.answers)
        assert reading is not None
        told[quantity.metric] = None if reading.value is None else reading.value * 10.0**-quantity.decimals
    return told


SUM = """\
registers:
  - {metric: charge_current_a,  table: input, address: 1, type: u16, scale: 0.1}
  - {metric: battery_current_a, table: input, address: 1, type: u16, scale: 0.1, join: plus}
  - {metric: battery_current_a, table: input, address: 2, type: u16, scale: -0.1, join: plus}
  - {metric: panel_power_w,     table: input, address: 3, type: u16, join: plus}
  - {metric: panel_power_w,     table: input, address: 4, type: u16, join: plus}
"""


def test_a_sum_is_shared_out_among_its_parts() -> None:
    """A part that is a figure of its own keeps it, a part that counts the other way takes what is negative."""
    told = {"charge_current_a": 3.0, "battery_current_a": -1.5, "panel_power_w": 70.0}
    assert _told(_profile(SUM), told) == pytest.approx(told)
    image = _laid(_profile(SUM), told)
    assert [image[Table.INPUT, at] for at in (1, 2, 3, 4)] == [30, 45, 70, 0]


def test_a_sum_without_a_value_is_nothing_and_one_too_large_a_mistake() -> None:
    """Parts stand at 0, or the sum is refused as any other reading would be."""
    assert _told(_profile(SUM), {}) == dict.fromkeys(("charge_current_a", "battery_current_a", "panel_power_w"), 0.0)
    with pytest.raises(ValueError, match="panel_power_w: 70000"):
        _laid(_profile(SUM), {"panel_power_w": 70_000.0})


DIRECTION = """\
scales:
  - {name: direction, table: input, address: 3, type: u16, map: {0: 1, 1: -1}, usual: 0}
registers:
  - {metric: battery_current_a, table: input, address: 1, type: u16, scale: 0.1, decimals: 1, scales: [direction]}
  - {metric: battery_power_w,   table: input, address: 2, type: u16, decimals: 0, scales: [direction]}
"""


@pytest.mark.parametrize(("amps", "watts", "code"), [(2.0, 25.0, 0), (-2.0, -25.0, 1), (0.0, 0.0, 0), (-0.01, -1.0, 1)])
def test_a_direction_of_its_own_is_turned_as_needed(amps: float, watts: float, code: int) -> None:
    """Where registers have no sign, the cell that tells the direction says it for all of them."""
    told = {"battery_current_a": amps, "battery_power_w": watts}
    assert _told(_profile(DIRECTION), told) == pytest.approx(told, abs=0.05)
    assert _laid(_profile(DIRECTION), told)[Table.INPUT, 3] == code


SIGN_OF_ANOTHER = """\
scales:
  - {name: direction, table: input, address: 1, type: u16, bits: [15, 15], map: {0: 1, 1: -1}, usual: 0}
registers:
  - {metric: battery_current_a, table: input, address: 1, type: s16, scale: 0.1}
  - {metric: battery_power_w,   table: input, address: 2, type: u16, decimals: 0, scales: [direction]}
"""


@pytest.mark.parametrize(("amps", "watts", "power"), [(-2.0, -25.0, -25.0), (2.0, 25.0, 25.0), (-0.04, -0.6, 0.0)])
def test_a_direction_that_is_the_sign_of_another_figure_stays(amps: float, watts: float, power: float) -> None:
    """What rounds to nothing has no direction, and a power without one is none."""
    told = _told(_profile(SIGN_OF_ANOTHER), {"battery_current_a": amps, "battery_power_w": watts})
    assert told == pytest.approx({"battery_current_a": amps, "battery_power_w": power}, abs=0.05)


SCALED_BY_A_FIGURE = """\
scales:
  - {name: system_v, table: holding, address: 1, type: u8_low, factor: 1/12, usual: 12}
settings:
  - {metric: boost_v,              table: holding, address: 2, type: u16, scale: 0.1, decimals: 1, scales: [system_v]}
  - {metric: system_voltage_v,     table: holding, address: 1, type: u8_low}
  - {metric: battery_rated_voltage_v, table: holding, address: 1, type: u8_high}
"""


def test_a_figure_that_scales_others_is_laid_before_them() -> None:
    """On a 24 V village the set points that count for 12 V are halved; two figures share a word."""
    profile = _profile(SCALED_BY_A_FIGURE.replace("settings:", "registers:"))
    told = {"boost_v": 28.4, "system_voltage_v": 24.0, "battery_rated_voltage_v": 48.0}
    assert _told(profile, told) == pytest.approx(told)
    assert _laid(profile, told)[Table.HOLDING, 2] == 142


FAULTS = """\
registers:
  - {metric: charge_switch, table: holding, address: 1, type: u16, bits: [1, 1]}
faults:
  - {table: holding, address: 1, type: u16, flags: {0: low_voltage_disconnect, 4: fan, 5: fan}}
  - {table: holding, address: 2, type: u16, codes: {3: controller_hot, 7: low_voltage_disconnect}}
  - {table: holding, address: 3, type: u16, codes: {3: controller_hot, 7: low_voltage_disconnect}}
"""


@pytest.mark.parametrize(
    ("faults", "words"),
    [(0, [2, 0, 0]), (LVD, [3, 7, 0]), (HOT, [2, 3, 0]), (LVD | HOT, [3, 3, 7]), (LVD | HOT | FAN, [0x33, 3, 7])],
)
def test_faults_stand_as_bits_and_as_one_code_in_each_place(faults: int, words: list[int]) -> None:
    """Bits that mean something else are left alone, and every place tells another fault."""
    told = {"charge_switch": 1.0, FAULTS_METRIC: float(faults)}
    image = _laid(_profile(FAULTS), told)
    assert [image[Table.HOLDING, at] for at in (1, 2, 3)] == words
    assert _told(_profile(FAULTS), told) == told


def test_a_fault_that_a_device_has_no_bit_for_is_not_told() -> None:
    """It says that nothing is wrong, as it would."""
    battery_cold = float(1 << FAULT_BITS["battery_cold"])
    assert _told(_profile(FAULTS), {"charge_switch": 0.0, FAULTS_METRIC: battery_cold})[FAULTS_METRIC] == 0.0


CODES = """\
registers:
  - {metric: charge_stage,      table: holding, address: 1, type: u16, map: {0: 0, 1: 1, 2: 2}}
  - {metric: device_state,      table: holding, address: 2, type: u16, map: {3: 4}, invalid: [9]}
  - {metric: panel_rated_voltage_v, table: holding, address: 3, type: u16, map: {0: 75, 1: 150, 2: 250}}
  - {metric: ambient_temp_c,    table: holding, address: 4, type: u16, offset: -1000, scale: 0.1, invalid: [0]}
  - {metric: load_power_w,      table: holding, address: 5, type: u16}
"""


def test_what_has_no_code_or_no_value_is_told_as_near_as_can_be() -> None:
    """Bulk is boost, a rating is the nearest, a state without a likeness and a missing sensor are none, else 0."""
    told = _told(_profile(CODES), {"charge_stage": 4.0, "device_state": 2.0, "panel_rated_voltage_v": 100.0})
    assert told == {
        "charge_stage": 2.0,
        "device_state": None,
        "panel_rated_voltage_v": 75.0,
        "ambient_temp_c": None,
        "load_power_w": 0.0,
    }


def test_a_reading_that_a_register_cannot_hold_is_a_mistake_that_is_told() -> None:
    """It is neither cut off nor left out."""
    with pytest.raises(ValueError, match="load_power_w: 70000"):
        _laid(_profile(CODES), {"load_power_w": 70_000.0})


MODELS = """\
models:
  - ids: [1]
    about: common
    length: 4
    nameplate:
      - {name: maker, table: holding, address: 2, count: 4, form: ascii}
  - ids: [103, 113]
    about: inverter
    registers:
      - {metric: inverter_power_w, table: holding, address: 14, type: s16}
"""


def test_a_sunspec_list_is_as_long_as_its_models() -> None:
    """A model whose length the profile leaves open reaches to its last register."""
    profile = _profile(MODELS, "{count_max: 100, gap_max: 50}")
    image = _laid(profile, {"inverter_power_w": -5.0})
    words = [image[Table.HOLDING, 40_000 + i] for i in range(25)]
    assert words[:4] == [0x5375, 0x6E53, 1, 4]
    assert words[8:10] == [103, 13]
    assert words[22:] == [0x10000 - 5, 0xFFFF, 0]
    assert _told(profile, {"inverter_power_w": -5.0}) == {"inverter_power_w": -5.0}


BYTES = """\
registers:
  - {metric: battery_voltage_v, table: holding, address: 0x1200, type: u32, words: high_first, scale: 0.001}
  - {metric: soc_pct,           table: holding, address: 0x1206, type: u16}
"""


def test_addresses_that_count_bytes_are_answered_word_by_word() -> None:
    """Asked for four words, the device gives those at every second address; between and behind them is nothing."""
    device = SimulatedDevice(
        Village(school(1, NOW.replace(second=0))), _profile(BYTES, "{count_max: 9, gap_max: 1, step: 2}")
    )
    ask = asking(device, NOW)
    high, low, gap, percent = ask(Block(Table.HOLDING, 0x1200, 4, 2))
    assert 11_000 < high << 16 | low < 15_000
    assert (gap, ask(Block(Table.HOLDING, 0x1206, 1, 2))) == (0, (percent,))
    for address, count in ((0x1200, 5), (0x1201, 1), (0x11FE, 2)):
        with pytest.raises(Exception, match="exception 2"):
            ask(Block(Table.HOLDING, address, count, 2))


def test_words_come_without_a_line_between_or_are_refused() -> None:
    """What a virtual line hands over is what a real one would carry."""
    device = SimulatedDevice(Village(school(1, NOW.replace(second=0))), _profile(CODES))
    block = Block(Table.HOLDING, 1, 5)
    assert device.words(block, NOW) == asking(device, NOW)(block)
    with pytest.raises(Refused, match="nothing stands at"):
        device.words(Block(Table.HOLDING, 1, 6), NOW)


def test_within_a_second_all_requests_see_one_moment() -> None:
    """Two halves of a device read one after the other belong together; the next second is another."""
    device = SimulatedDevice(
        Village(school(1, NOW.replace(second=0))), _profile(BYTES, "{count_max: 9, gap_max: 1, step: 2}")
    )
    assert device.image(NOW) is device.image(NOW.replace(microsecond=999_999))
    assert device.image(NOW) != device.image(NOW.replace(second=16))
