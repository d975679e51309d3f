"""Device profiles: facts that fit the catalogue and each other, or a sentence that says which do not."""

from __future__ import annotations

from fractions import Fraction

import pytest

from edge import profiles
from edge.profiles import Bus, Profile
from edge.registers import Register, Table
from firmware_config import ConfigError, load

HEAD = """\
profile: test
title: A test
sources: [none]
confidence: one source
bus: {baud: 9600, parity: even, stop_bits: 2, unit: 7, timeout_s: 0.5, pause_s: 0.1}
blocks: {count_max: 20, gap_max: 3}
registers:
"""


def read(*lines: str, head: str = HEAD) -> Profile:
    """Read a profile with these registers."""
    return profiles.parse(load(head + "".join(f"  - {{{line}}}\n" for line in lines), "device", "test.yaml"))


def test_a_profile_is_read_as_it_stands() -> None:
    """Bus, limits and registers arrive as the facts they are."""
    profile = read(
        "metric: soc_pct, table: holding, address: 0x10, type: u16, invalid: [65535]",
        "metric: load_on, table: coil, address: 2, type: bit",
        "metric: generated_total_kwh, table: input, address: 4, type: u32, words: low_first, scale: 0.01",
        "metric: charge_stage, table: input, address: 6, type: u16, bits: [2, 3], map: {0: 0, 0x2: 4}",
    )
    assert (profile.name, profile.title, profile.confidence) == ("test", "A test", "one source")
    assert profile.bus == Bus(9600, "even", 2, 7, 0.5, 0.1)
    assert (profile.count_max, profile.gap_max) == (20, 3)
    assert profile.registers == (
        Register("soc_pct", Table.HOLDING, 16, "u16", invalid=frozenset({65535})),
        Register("load_on", Table.COIL, 2, "bit"),
        Register("generated_total_kwh", Table.INPUT, 4, "u32", low_word_first=True, decimals=2),
        Register("charge_stage", Table.INPUT, 6, "u16", bits=(2, 3), map={0: 0, 2: 4}),
    )
    assert [register.metric for register in profile.only(())] == [r.metric for r in profile.registers]
    assert [register.metric for register in profile.only(("load_on",))] == ["load_on"]


@pytest.mark.parametrize(
    ("scale", "decimals", "factor"),
    [
        ("scale: 1", 0, Fraction(1)),
        ("scale: 0.1", 1, Fraction(1)),
        ("scale: 0.005", 3, Fraction(5)),
        ("scale: 2.5", 1, Fraction(25)),
        ("scale: -0.01", 2, Fraction(-1)),
        ("scale: 10", 0, Fraction(10)),
        ("scale: 0.0030517578125, decimals: 2", 2, Fraction("0.30517578125")),
    ],
)
def test_a_scale_is_what_is_written(scale: str, decimals: int, factor: Fraction) -> None:
    """A decimal scale gives exact integers with as few decimals as hold it; another one says how many to keep."""
    (register,) = read(f"metric: battery_current_a, table: input, address: 0, type: s16, {scale}").registers
    assert (register.decimals, register.scale) == (decimals, factor)


GOOD = "metric: battery_voltage_v, table: input, address: 0, type: u16"


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (["metric: volts, table: input, address: 0, type: u16"], "[0].metric: the catalogue knows no metric 'volts'"),
        ([f"{GOOD}, scale: 0"], "[0].scale: a scale of zero loses every reading"),
        (
            [f"{GOOD}, scale: 0.0030517578125"],
            "[0].scale: 0.0030517578125 is no decimal fraction; say how many decimals to keep",
        ),
        ([f"{GOOD}, scale: .inf"], "[0].scale: .inf is no number to work with"),
        (
            ["metric: load_on, table: coil, address: 0, type: u16"],
            "[0].type: coils and discrete inputs are of type bit, registers are not",
        ),
        (
            ["metric: load_on, table: input, address: 0, type: bit"],
            "[0].type: coils and discrete inputs are of type bit, registers are not",
        ),
        ([GOOD.replace("u16", "u32")], "[0]: a 32-bit type needs its word order, a shorter one has none"),
        ([f"{GOOD}, words: low_first"], "[0]: a 32-bit type needs its word order, a shorter one has none"),
        (
            [GOOD.replace("address: 0, type: u16", "address: 65535, type: u32, words: low_first")],
            "[0].address: the register ends beyond address 65535",
        ),
        ([f"{GOOD}, bits: [3, 2]"], "[0].bits: bits go from the lower to the higher, at most 15 here"),
        ([f"{GOOD}, bits: [3, 16]"], "[0].bits: bits go from the lower to the higher, at most 15 here"),
        (
            [GOOD.replace("u16", "u8_high, bits: [7, 8]")],
            "[0].bits: bits go from the lower to the higher, at most 7 here",
        ),
        (
            [GOOD.replace("u16", "s16, bits: [0, 3]")],
            "[0].bits: a s16 has no bits to choose from; only u16, u32, u8_high, u8_low have",
        ),
        (
            ["metric: charge_stage, table: input, address: 0, type: u16, map: {0: 0, 1: 9}"],
            "[0].map.1: 9 is no charge_stage, which goes from 0 to 4",
        ),
        ([GOOD, GOOD.replace("address: 0", "address: 5")], "[1].metric: battery_voltage_v stands twice"),
        (
            [
                "metric: generated_total_kwh, table: input, address: 8, type: u32, words: high_first",
                "metric: soc_pct, table: input, address: 9, type: u16",
            ],
            "[1].address: overlaps generated_total_kwh",
        ),
        (
            [
                "metric: generated_total_kwh, table: input, address: 8, type: u32, words: low_first, bits: [0, 15]",
                "metric: soc_pct, table: input, address: 8, type: u8_low",
            ],
            "[1].address: overlaps generated_total_kwh",
        ),
        (
            [
                "metric: load_on, table: coil, address: 8, type: bit",
                "metric: night, table: coil, address: 8, type: bit",
            ],
            "[1].address: overlaps load_on",
        ),
    ],
)
def test_a_contradiction_is_said_where_it_stands(lines: list[str], expected: str) -> None:
    """Line, key and reason, as for a site."""
    with pytest.raises(ConfigError) as caught:
        read(*lines)
    line = 7 + len(lines)
    assert str(caught.value) == f"test.yaml line {line}: registers{expected}"


def test_a_register_must_fit_one_request() -> None:
    """A 32-bit value read in two requests can be torn."""
    with pytest.raises(ConfigError, match=r"takes 2 words, more than blocks\.count_max lets one request read"):
        read(
            "metric: generated_total_kwh, table: input, address: 8, type: u32, words: high_first",
            head=HEAD.replace("count_max: 20", "count_max: 1"),
        )


def test_parts_of_a_word_may_be_different_metrics() -> None:
    """Bytes, bit fields, halves of a 32-bit value and other tables do not overlap."""
    profile = read(
        "metric: controller_temp_c, table: input, address: 1, type: sm8_high",
        "metric: battery_temp_c, table: input, address: 1, type: sm8_low",
        "metric: load_on, table: input, address: 2, type: u8_high, bits: [7, 7]",
        "metric: charge_stage, table: input, address: 2, type: u16, bits: [8, 14], map: {0: 0}",
        "metric: soc_pct, table: input, address: 2, type: u8_low",
        "metric: night, table: holding, address: 2, type: u16",
        "metric: faults, table: input, address: 3, type: u32, words: high_first, bits: [0, 15]",
        "metric: load_power_w, table: input, address: 3, type: u16",
    )
    assert len(profile.registers) == 8
