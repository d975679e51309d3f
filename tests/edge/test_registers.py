"""Register words to values and back, for every kind of register in every profile."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge import profiles
from edge.encodings import TYPES
from edge.profiles import registers_of
from edge.registers import Problem, Reading, Register, Scale, Table, decode, encode
from firmware_config import load, profile_names, profile_text
from protocol.metrics import CATALOGUE
from protocol.states import FAULT_BITS


def kind_of(register: Register) -> tuple[Any, ...]:
    """Tell registers apart by how they are read, not by where they stand."""
    meaning = (tuple(register.map.items()), tuple(register.flags.items()), register.invalid)
    known = CATALOGUE[register.metric]
    plausible = register.plausible or (known.low, known.high)
    number = (register.scale, register.offset, register.decimals, len(register.scales))
    return (register.type, register.low_word_first, register.bits, *meaning, plausible, number)


ALL = {
    kind_of(register): (name, register)
    for name in profile_names()
    for register in registers_of(profiles.parse(load(profile_text(name), "device", name)).all)
}
KINDS = [register for _, register in ALL.values()]
IDS = [f"{name}-{register.metric}@{register.address:04x}" for name, register in ALL.values()]
EXAMPLES = 25

words = st.integers(0, 0xFFFF)


def register(type_: str = "u16", metric: str = "battery_current_a", **more: Any) -> Register:  # noqa: ANN401  passed through as given
    """Describe a register of a metric whose range is -500 to 500."""
    return Register(Table.INPUT, 0, type_, metric=metric, **more)


def usual_of(register_: Register) -> tuple[Fraction, ...]:
    """Give the multipliers that most devices have."""
    return tuple(multiplier for scale in register_.scales if (multiplier := scale.multiplier(scale.usual)))


def test_the_low_word_may_come_first() -> None:
    """The order of the words of a value is the profile's."""
    assert decode(register("u32", low_word_first=True), [2, 1]).raw == 65538
    assert encode(register("s32", low_word_first=True), -2, [0, 0]) == [0xFFFE, 0xFFFF]


def test_a_value_is_an_integer_with_decimals() -> None:
    """What the device said is kept without rounding: 12.95 V is 1295 hundredths."""
    volts = register(metric="battery_voltage_v", decimals=2)
    assert decode(volts, [1295]) == Reading(1295, 1295)
    thirds = register(metric="battery_voltage_v", scale=Fraction(4, 3), decimals=1)
    assert decode(thirds, [100]) == Reading(100, 133)


def test_an_offset_is_added_before_the_scale() -> None:
    """A temperature coded as tenths above -100 degrees is read as degrees."""
    temperature = register(metric="battery_temp_c", offset=-1000, decimals=1)
    assert decode(temperature, [1152]) == Reading(1152, 152)
    assert encode(temperature, 15.2, [0]) == [1152]


def test_a_float_is_rounded_to_the_decimals_of_the_profile() -> None:
    """A float carries more digits than it knows; what is no number is no reading."""
    volts = register("f32", metric="load_voltage_v", scale=Fraction(100), decimals=2)
    assert decode(volts, [0x4366, 0xE666]).value == 23090
    assert decode(volts, [0x7FC0, 0]).problem is Problem.INVALID
    assert encode(volts, 230.9, [0, 0]) == [0x4366, 0xE666]


def test_a_bit_field_is_cut_out() -> None:
    """Only the bits named count, wherever in the words they stand."""
    field = register(metric="operating_days", type_="u32", bits=(14, 17))
    assert decode(field, [0x0002, 0x4000]).raw == 0b1001
    assert encode(field, 0b0110, [0xFFFF, 0xFFFF]) == [0xFFFD, 0xBFFF]


def test_what_is_no_figure_says_why() -> None:
    """A marker, an unknown code and an impossible value are each told apart, with the raw value."""
    marked = register(metric="soc_pct", invalid=frozenset({0xFFFF}))
    assert decode(marked, [0xFFFF]) == Reading(0xFFFF, None, Problem.INVALID)
    assert decode(marked, [606]) == Reading(606, None, Problem.IMPLAUSIBLE)
    assert decode(marked, [100]) == Reading(100, 100)
    coded = register(metric="charge_stage", map={2: 4})
    assert decode(coded, [2]) == Reading(2, 4)
    assert decode(coded, [3]) == Reading(3, None, Problem.UNMAPPED)


def test_a_device_may_be_held_to_less_than_the_catalogue() -> None:
    """A 12 V controller that reports 300 V is wrong, although some other device could be right."""
    volts = register(metric="battery_voltage_v", plausible=(0, 80))
    assert decode(volts, [300]).problem is Problem.IMPLAUSIBLE
    assert decode(register(metric="battery_voltage_v"), [300]).value == 300


def test_faults_become_those_of_the_common_list() -> None:
    """Bits by name, several bits for one fault, codes by name, and a code nobody listed as another fault."""
    bits = register(metric="faults", flags={4: "panel_short", 7: "load_short", 8: "load_short"})
    assert decode(bits, [0b1_1001_0000]).value == 1 << FAULT_BITS["panel_short"] | 1 << FAULT_BITS["load_short"]
    assert decode(bits, [0b10]).value == 0
    assert encode(bits, 1 << FAULT_BITS["panel_short"], [0xFFFF]) == [0b1_0000]
    codes = register(metric="faults", map={0: 0, 2: 1 << FAULT_BITS["fan"]})
    assert [decode(codes, [code]).value for code in (0, 2, 3)] == [0, 1 << FAULT_BITS["fan"], 1]


def test_scales_multiply_and_their_absence_is_no_reading() -> None:
    """A factor, a power of ten and a sign taken from other cells; a scale that is marked invalid spoils the value."""
    factor = Scale(Table.INPUT, 1, "u32", name="v_pu", factor=Fraction(1, 65536), usual=180 << 16)
    power = Scale(Table.INPUT, 3, "s16", name="sf", exponent=True, invalid=frozenset({-32768}), usual=0)
    sign = Scale(Table.INPUT, 4, "u16", name="direction", map={0: 1, 1: -1}, usual=0)
    assert factor.multiplier(180 << 16) == 180
    assert (power.multiplier(-2), power.multiplier(-32768), power.multiplier(99)) == (Fraction(1, 100), None, None)
    assert (sign.multiplier(1), sign.multiplier(7)) == (Fraction(-1), None)
    assert factor.multiplier(0) is None
    assert factor.multiplier(math.nan) is None
    amps = register("s16", scales=(power, sign), scale=Fraction(100), decimals=2)
    assert decode(amps, [1409], (Fraction(1, 100), Fraction(-1))).value == -1409
    assert decode(amps, [1409], (None, Fraction(-1))) == Reading(1409, None, Problem.INVALID)
    assert encode(amps, -14.09, [0], (Fraction(1, 100), Fraction(-1))) == [1409]


def test_a_register_of_a_model_is_put_where_the_model_is() -> None:
    """A relative address and those of its scales count from the model's id."""
    scale = Scale(Table.HOLDING, 15, "s16", name="sf")
    placed = Register(Table.HOLDING, 14, "s16", metric="load_power_w", scales=(scale,), models=(103,)).at(40069)
    assert [cell.address for cell in placed.cells] == [40083, 40084]
    assert placed.models == ()


def test_words_may_stand_two_addresses_apart() -> None:
    """On a device that counts bytes, two words end four addresses further on."""
    assert Register(Table.HOLDING, 0x1290, "u32", metric="battery_voltage_v", step=2).end == 0x1294


def test_writing_leaves_the_neighbours_alone() -> None:
    """What else stands in the words of a register survives a write."""
    assert encode(register("u8_high"), 0x12, [0xABCD]) == [0x12CD]
    assert encode(register("sm8_low"), -16, [0xABCD]) == [0xAB90]
    assert encode(register("u16", bits=(4, 7)), 0, [0xFFFF]) == [0xFF0F]


@pytest.mark.parametrize(
    ("into", "value"),
    [
        (register("u16"), -1),
        (register("s16"), 40_000),
        (register("u8_low"), 256),
        (register("sm8_high"), -128),
        (register("u16", bits=(2, 3)), 4),
        (register(metric="charge_stage", map={0: 0}), 3),
        (register("u32"), math.inf),
        (register("u32"), math.nan),
    ],
)
def test_a_value_that_does_not_fit_is_refused(into: Register, value: float) -> None:
    """Nothing is cut off silently; the metric is named."""
    with pytest.raises(ValueError, match=into.metric):
        encode(into, value, [0] * into.count)


@pytest.mark.parametrize("register_", KINDS, ids=IDS)
@given(data=st.data())
@settings(max_examples=EXAMPLES)
def test_no_words_make_decoding_fail(register_: Register, data: st.DataObject) -> None:
    """Whatever a device answers, there is a plausible value or a reason why not."""
    answer = data.draw(st.lists(words, min_size=register_.count, max_size=register_.count))
    reading = decode(register_, answer, usual_of(register_))
    assert (reading.value is None) == (reading.problem is not None)
    if reading.value is not None:
        assert CATALOGUE[register_.metric].plausible(reading.value * 10.0**-register_.decimals)


@pytest.mark.parametrize("register_", KINDS, ids=IDS)
@given(data=st.data())
@settings(max_examples=EXAMPLES)
def test_what_was_written_is_read_back(register_: Register, data: st.DataObject) -> None:
    """A reading put back into any words is the same reading, and the words around it are as they were."""
    size, usual = register_.count, usual_of(register_)
    answer = data.draw(st.lists(words, min_size=size, max_size=size))
    other = data.draw(st.lists(words, min_size=size, max_size=size))
    reading = decode(register_, answer, usual)
    listed = not register_.map or reading.value in register_.map.values()  # an unlisted fault code has no way back
    marked = reading.value == 0 and 0 in register_.invalid  # what rounds to a marker cannot be told from it
    if reading.value is None or marked or not listed:
        return
    value = reading.value * 10.0**-register_.decimals
    try:
        held = encode(register_, value, other, usual)
    except ValueError:
        assert not TYPES[register_.type].exact  # the very edge of a float
        return
    assert decode(register_, held, usual).value == reading.value
    assert encode(register_, value, held, usual) == held
