"""Register words to values and back, for every type and for every register of every profile."""

from __future__ import annotations

import math
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge import profiles
from edge.registers import Problem, Reading, Register, Table, decode, encode
from firmware_config import load, profile_names, profile_text
from protocol.metrics import CATALOGUE

ALL = [
    register
    for name in profile_names()
    for register in profiles.parse(load(profile_text(name), "device", name)).registers
]
IDS = [f"{register.metric}@{register.address:04x}" for register in ALL]

words = st.integers(0, 0xFFFF)


def register(type_: str = "u16", metric: str = "battery_current_a", **more: object) -> Register:
    """Describe a register of a metric whose range is -500 to 500."""
    return Register(metric, Table.INPUT, 0, type_, **more)  # type: ignore[arg-type]  # passed through as given


@pytest.mark.parametrize(
    ("type_", "given_words", "raw"),
    [
        ("u16", [0xFFFF], 65535),
        ("s16", [0x8000], -32768),
        ("s16", [0x7FFF], 32767),
        ("u32", [0x0001, 0x0002], 65538),
        ("s32", [0xFFFF, 0xFFFE], -2),
        ("bit", [1], 1),
        ("u8_high", [0xAB12], 0xAB),
        ("u8_low", [0xAB12], 0x12),
        ("sm8_high", [0x9019], -16),
        ("sm8_low", [0x1990], -16),
        ("sm8_low", [0x1910], 16),
    ],
)
def test_a_type_reads_its_words(type_: str, given_words: list[int], raw: int) -> None:
    """Each type turns words into the number it stands for."""
    assert decode(register(type_), given_words).raw == raw


def test_the_low_word_may_come_first() -> None:
    """The order of the words of a 32-bit value is the profile's."""
    assert decode(register("u32", low_word_first=True), [2, 1]).raw == 65538
    assert encode(register("s32", low_word_first=True), -2, [0, 0]) == [0xFFFE, 0xFFFF]


def test_a_value_is_an_integer_with_decimals() -> None:
    """What the device said is kept without rounding: 12.95 V is 1295 hundredths."""
    volts = register(metric="battery_voltage_v", decimals=2)
    assert decode(volts, [1295]) == Reading(1295, 1295)
    tenths = register(metric="battery_voltage_v", scale=Fraction(4, 3), decimals=1)
    assert decode(tenths, [100]) == Reading(100, 133)


def test_a_bit_field_is_cut_out() -> None:
    """Only the bits named count, wherever in the words they stand."""
    field = register(metric="faults", type_="u32", bits=(14, 17))
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


@pytest.mark.parametrize("register_", ALL, ids=IDS)
@given(data=st.data())
def test_no_words_make_decoding_fail(register_: Register, data: st.DataObject) -> None:
    """Whatever a device answers, there is a plausible value or a reason why not."""
    answer = data.draw(st.lists(words, min_size=register_.count, max_size=register_.count))
    reading = decode(register_, answer)
    assert (reading.value is None) == (reading.problem is not None)
    if reading.value is not None:
        assert CATALOGUE[register_.metric].plausible(reading.value * 10.0**-register_.decimals)


@pytest.mark.parametrize("register_", ALL, ids=IDS)
@given(data=st.data())
def test_what_was_written_is_read_back(register_: Register, data: st.DataObject) -> None:
    """A reading put back into any words is the same reading, and the words around it are as they were."""
    size = register_.count
    answer = data.draw(st.lists(words, min_size=size, max_size=size))
    other = data.draw(st.lists(words, min_size=size, max_size=size))
    reading = decode(register_, answer)
    if reading.value is None:
        return
    value = reading.value * 10.0**-register_.decimals
    held = encode(register_, value, other)
    assert decode(register_, held).value == reading.value
    assert encode(register_, value, held) == held


def held_by(register_: Register) -> tuple[int, int]:
    """Tell the lowest and the highest raw number of a register."""
    if register_.bits is not None:
        return 0, (1 << (register_.bits[1] - register_.bits[0] + 1)) - 1
    kind, width = register_.type[0], {"u8": 8, "sm": 8}.get(register_.type[:2], 16 * register_.count)
    most = (1 << width) - 1 if kind == "u" else (1 << (width - 1)) - 1
    return (0, most) if kind == "u" else (-most, most)


@pytest.mark.parametrize("register_", ALL, ids=IDS)
@given(data=st.data())
def test_any_value_is_kept_to_its_resolution(register_: Register, data: st.DataObject) -> None:
    """A value the register can hold comes back within half a step."""
    metric = CATALOGUE[register_.metric]
    step = float(register_.scale) * 10.0**-register_.decimals
    lowest, highest = (raw * step for raw in held_by(register_))
    if register_.map:
        value: float = data.draw(st.sampled_from(sorted(set(register_.map.values()))))
    else:
        value = data.draw(st.floats(max(metric.low, lowest), min(metric.high, highest)))
    reading = decode(register_, encode(register_, value, [0] * register_.count))
    if reading.value is None:
        assert reading.problem in (Problem.INVALID, Problem.IMPLAUSIBLE)  # a marker, or the very edge of the range
    else:
        assert abs(reading.value * 10.0**-register_.decimals - value) <= step / 2 * 1.0001
