"""Numbers in words, for every type and both ways."""

from __future__ import annotations

import json
import math
from importlib import resources

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.encodings import TYPES, Number


@pytest.mark.parametrize(
    ("type_", "words", "number"),
    [
        ("u16", [0xFFFF], 65535),
        ("s16", [0x8000], -32768),
        ("s16", [0x7FFF], 32767),
        ("u32", [0x0001, 0x0002], 65538),
        ("s32", [0xFFFF, 0xFFFE], -2),
        ("u64", [0, 0, 1, 0], 65536),
        ("s64", [0xFFFF] * 4, -1),
        ("f16", [0x4A66], 12.796875),
        ("f32", [0x4366, 0xE666], 230.89999389648438),
        ("f64", [0x3FF8, 0, 0, 0], 1.5),
        ("bit", [1], 1),
        ("u8_high", [0xAB12], 0xAB),
        ("u8_low", [0xAB12], 0x12),
        ("s8_high", [0xF012], -16),
        ("s8_low", [0x1280], -128),
        ("s8_low", [0x127F], 127),
        ("sm8_high", [0x9019], -16),
        ("sm8_low", [0x1990], -16),
        ("sm8_low", [0x1910], 16),
        ("bcd16", [0x1234], 1234),
        ("bcd32", [0x0098, 0x7654], 987654),
        ("ten_thousands", [2, 758], 20758),
        ("hour_minute", [0x030F], 195),
    ],
)
def test_a_type_reads_and_writes_its_words(type_: str, words: list[int], number: Number) -> None:
    """Each type turns words into the number that they stand for, and that number into the same words."""
    encoding = TYPES[type_]
    assert encoding.words == len(words)
    assert encoding.read(words) == number
    assert encoding.write(number, words) == words


def test_digits_that_are_none_are_no_number() -> None:
    """A decimal group above nine, or a sixtieth minute, is not read as something near."""
    assert math.isnan(TYPES["bcd16"].read([0x12A4]))
    assert math.isnan(TYPES["hour_minute"].read([0x033C]))


@pytest.mark.parametrize(
    ("type_", "number"),
    [("u16", -1), ("u16", 65536), ("s16", 32768), ("s16", -32769), ("u8_low", 256), ("s8_low", 128), ("sm8_low", -128)],
)
def test_what_a_type_cannot_hold_is_refused(type_: str, number: int) -> None:
    """A number beyond the type is not cut off."""
    with pytest.raises(OverflowError):
        TYPES[type_].write(number, [0])


@pytest.mark.parametrize("type_", sorted(TYPES))
@given(data=st.data())
def test_no_words_make_reading_fail(type_: str, data: st.DataObject) -> None:
    """Whatever stands in the words, they are read; and what was read is written back as the same number."""
    encoding = TYPES[type_]
    words = data.draw(st.lists(st.integers(0, 0xFFFF), min_size=encoding.words, max_size=encoding.words))
    number = encoding.read(words)
    if math.isfinite(number):
        assert encoding.read(encoding.write(number, words)) == number


def test_the_schema_knows_the_same_types() -> None:
    """A type that works may be written in a profile, and no other."""
    text = resources.files("firmware_config").joinpath("schemas", "device.schema.json").read_text("utf-8")
    assert json.loads(text)["$defs"]["type"]["enum"] == list(TYPES)
