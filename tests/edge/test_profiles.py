"""Device profiles: facts that fit the catalogue and each other, or a sentence that says which do not."""

from __future__ import annotations

from fractions import Fraction

import pytest

from edge import profiles
from edge.profiles import Bus, Profile, located, registers_of
from edge.readplan import Limits
from edge.registers import Quantity, Register, Table
from firmware_config import ConfigError, load
from protocol.states import FAULT_BITS

HEAD = """\
profile: test
title: A test
sources: [none]
confidence: one source
wiring: [two wires]
bus: {baud: 9600, parity: even, stop_bits: 2, unit: 7, timeout_s: 0.5, pause_s: 0.1}
blocks: {count_max: 20, gap_max: 3}
"""
LINES = "registers:\n"


def whole(text: str) -> Profile:
    """Read a profile as it stands."""
    return profiles.parse(load(text, "device", "test.yaml"))


def read(*lines: str, head: str = HEAD, under: str = LINES) -> Profile:
    """Read a profile with these registers."""
    return whole(head + under + "".join(f"  - {{{line}}}\n" for line in lines))


def only(profile: Profile) -> Register:
    """Give the one register of a profile."""
    (register,) = registers_of(profile.quantities)
    return register


def test_a_profile_is_read_as_it_stands() -> None:
    """Bus, limits and registers arrive as the facts they are."""
    profile = read(
        "metric: soc_pct, table: holding, address: 0x10, type: u16, invalid: [65535], plausible: [5, 95]",
        "metric: load_on, table: coil, address: 2, type: bit",
        "metric: generated_total_kwh, table: input, address: 4, type: u32, words: low_first, scale: 0.01",
        "metric: charge_stage, table: input, address: 6, type: u16, bits: [2, 3], map: {0: 0, 0x2: 4}",
        "metric: battery_temp_c, table: input, address: 7, type: u16, offset: -1000, scale: 0.1",
    )
    assert (profile.name, profile.title, profile.confidence) == ("test", "A test", "one source")
    assert profile.bus == Bus(7, 0.5, 0.1, 9600, "even", 2)
    assert profile.limits == Limits(20, 3)
    assert profile.quantities == tuple(
        Quantity(register.metric, register.decimals, (register,))
        for register in (
            Register(Table.HOLDING, 16, "u16", metric="soc_pct", invalid=frozenset({65535}), plausible=(5, 95)),
            Register(Table.COIL, 2, "bit", metric="load_on"),
            Register(Table.INPUT, 4, "u32", low_word_first=True, metric="generated_total_kwh", decimals=2),
            Register(Table.INPUT, 6, "u16", bits=(2, 3), metric="charge_stage", map={0: 0, 2: 4}),
            Register(Table.INPUT, 7, "u16", metric="battery_temp_c", offset=-1000, decimals=1),
        )
    )
    assert profile.only(()) == profile.quantities
    assert [quantity.metric for quantity in profile.only(("load_on",))] == ["load_on"]


def test_settings_and_extra_are_told_apart_from_what_is_polled() -> None:
    """Three lists: at every poll, once a day, only when asked for; and each metric stands in one of them."""
    line = "  - {metric: %s, table: input, address: %d, type: u16}\n"
    text = HEAD + LINES + line % ("soc_pct", 0) + "settings:\n" + line % ("system_voltage_v", 1)
    profile = whole(text + "extra:\n" + line % ("soh_pct", 2))
    assert [quantity.metric for quantity in profile.all] == ["soc_pct", "system_voltage_v", "soh_pct"]
    assert [quantity.metric for quantity in profile.only(("soh_pct", "soc_pct"))] == ["soc_pct", "soh_pct"]
    with pytest.raises(ConfigError, match="extra: soc_pct stands under registers already"):
        whole(text + "extra:\n" + line % ("soc_pct", 2))


def test_a_scale_is_read_with_the_profile() -> None:
    """A named scale is found by the lines that it multiplies, as factor or as power of ten."""
    scales = (
        "scales:\n"
        "  - {name: v_pu, table: input, address: 0, type: u32, words: high_first, factor: 1/65536, usual: 11796480}\n"
        "  - {name: w_sf, table: input, address: 3, type: s16, exponent: true, invalid: [-32768]}\n"
    )
    lines = (
        "metric: battery_voltage_v, table: input, address: 5, type: s16, scale: 1/32768, scales: [v_pu], decimals: 2",
        "metric: load_power_w, table: input, address: 6, type: s16, scales: [w_sf], decimals: 1",
    )
    volts, watts = registers_of(read(*lines, head=HEAD + scales).quantities)
    assert (volts.scale, volts.scales[0].factor, volts.scales[0].usual) == (
        Fraction(100, 32768),
        Fraction(1, 65536),
        180 << 16,
    )
    assert (watts.scales[0].exponent, watts.scales[0].usual) == (True, 0)


def test_lines_of_one_metric_are_joined() -> None:
    """Else is a second source, plus a sum whose parts may be metrics of their own."""
    profile = read(
        "metric: battery_voltage_v, table: input, address: 0, type: u16, scale: 0.01",
        "metric: battery_voltage_v, table: input, address: 1, type: u16, scale: 0.1, decimals: 2, join: else",
        "metric: panel_power_w, table: input, address: 2, type: u16, join: plus",
        "metric: panel_power_w, table: input, address: 3, type: u16, join: plus",
        "metric: panel_2_power_w, table: input, address: 3, type: u16",
    )
    assert [(q.metric, q.join, len(q.registers)) for q in profile.quantities] == [
        ("battery_voltage_v", "else", 2),
        ("panel_power_w", "plus", 2),
        ("panel_2_power_w", "else", 1),
    ]


FAULTS = "faults:\n  - {table: input, address: 0x10, type: u16, %s}\n"


def test_faults_are_named_by_the_common_list() -> None:
    """Bits and codes become bits of the common list; several lines are one metric, and 0 is no fault."""
    lines = (
        FAULTS % "flags: {4: panel_short}" + "  - {table: input, address: 0x11, type: u16, codes: {1: none, 3: fan}}\n"
    )
    (faults,) = whole(HEAD + lines).quantities
    assert (faults.metric, faults.join) == ("faults", "any")
    assert faults.registers[0].flags == {4: "panel_short"}
    assert faults.registers[1].map == {0: 0, 1: 0, 3: 1 << FAULT_BITS["fan"]}


MODELS = """\
models:
  - ids: [101, 103]
    about: inverter
    length: 50
    scales:
      - {name: w_sf, table: holding, address: 15, type: s16, exponent: true}
    registers:
      - {metric: load_power_w, table: holding, address: 14, type: s16, scales: [w_sf], decimals: 1}
    nameplate:
      - {name: model, table: holding, address: 20, count: 2, form: ascii}
  - ids: [111]
    about: inverter, floats
    registers:
      - {metric: load_power_w, table: holding, address: 22, type: f32, words: high_first, decimals: 1}
"""


def test_models_are_put_where_the_device_has_them() -> None:
    """A metric of several models is read from the first that the device has; what it lacks is left out."""
    profile = whole(HEAD + MODELS)
    (power,) = profile.quantities
    assert len(power.registers) == 2
    (placed,) = located(profile.quantities, {103: 40069, 111: 40121})
    assert [register.address for register in placed.registers] == [40083, 40143]
    (floats,) = located(profile.quantities, {111: 40121})
    assert [register.address for register in floats.registers] == [40143]
    assert located(profile.quantities, {})[0].registers == ()
    assert [text.models for text in profile.nameplate] == [(101, 103)]


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
        ("scale: 79.16/32768, decimals: 2", 2, Fraction(7916, 32768)),
    ],
)
def test_a_scale_is_what_is_written(scale: str, decimals: int, factor: Fraction) -> None:
    """A decimal scale gives exact integers with as few decimals as hold it; another one says how many to keep."""
    register = only(read(f"metric: battery_current_a, table: input, address: 0, type: s16, {scale}"))
    assert (register.decimals, register.scale) == (decimals, factor)


GOOD = "metric: battery_voltage_v, table: input, address: 0, type: u16"


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (["metric: volts, table: input, address: 0, type: u16"], "[0].metric: the catalogue knows no metric 'volts'"),
        (
            ["metric: battery_volts, table: input, address: 0, type: u16"],
            "[0].metric: the catalogue knows no metric 'battery_volts'; did you mean battery_voltage_v?",
        ),
        (
            ["metric: faults, table: input, address: 0, type: u16"],
            "[0].metric: faults stand in a list of their own, with a name for each",
        ),
        (
            [GOOD.replace("u16", "f16")],
            "[0]: the value is no decimal fraction; say how many decimals to keep",
        ),
        ([f"{GOOD}, scale: 1/0"], '[0].scale: must be a number, or a fraction written as "79.16/32768"'),
        ([f"{GOOD}, plausible: [80, 0]"], "[0].plausible: goes from the lower to the higher"),
        ([f"{GOOD}, scales: [v_pu]"], "[0].scales[0]: there is no scale 'v_pu' in the list of scales"),
        (
            [GOOD.replace("u16", "s16, invalid: [32768]")],
            "[0].invalid[0]: a s16 never holds 32768",
        ),
        (
            [
                f"{GOOD}, join: plus",
                f"{GOOD.replace('address: 0', 'address: 1')}, join: plus",
                f"{GOOD.replace('address: 0', 'address: 2')}, join: else",
            ],
            "[2].join: battery_voltage_v is joined by plus already",
        ),
        ([f"{GOOD}, join: else"], "[0].join: there is no line of battery_voltage_v before it to join"),
        (
            [GOOD, f"{GOOD.replace('address: 0', 'address: 1')}, scale: 0.1, join: else"],
            "[1]: keeps 1 decimals, battery_voltage_v before it 0",
        ),
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
        ([GOOD.replace("u16", "u32")], "[0]: a type of several words needs their order, a shorter one has none"),
        ([f"{GOOD}, words: low_first"], "[0]: a type of several words needs their order, a shorter one has none"),
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
            "[0].bits: a s16 has no bits to choose from",
        ),
        (
            ["metric: charge_stage, table: input, address: 0, type: u16, map: {0: 0, 1: 9}"],
            "[0].map.1: 9 is no charge_stage, which goes from 0 to 4",
        ),
        (
            [GOOD, GOOD.replace("address: 0", "address: 5")],
            "[1].metric: battery_voltage_v stands twice; say join: else or join: plus",
        ),
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
    line = 8 + len(lines)
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
        "metric: operating_days, table: input, address: 3, type: u32, words: high_first, bits: [0, 15]",
        "metric: load_power_w, table: input, address: 3, type: u16",
    )
    assert len(profile.quantities) == 8


PLATE = "nameplate:\n  - {name: model, table: input, address: 0x30, count: 4, form: ascii}\n"
SCALES = "scales:\n  - {name: sf, table: input, address: 0x90, type: s16%s}\n"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (HEAD, "line 1: missing registers or models: a profile reads something"),
        (
            HEAD.replace("baud: 9600, parity: even, stop_bits: 2, ", "") + LINES + "  - {" + GOOD + "}\n",
            "line 6: bus: missing baud, parity and stop_bits, or tcp_port: the device must be reached somehow",
        ),
        (HEAD + FAULTS % "flags: {4: pannel_short}", "there is no fault 'pannel_short'; did you mean panel_short?"),
        (HEAD + FAULTS % "codes: {4: zzz}", "codes.4: there is no fault 'zzz'; there are other, battery_over_voltage"),
        (HEAD + FAULTS % "bits: [0, 3]", "must be a place of faults with either flags"),
        (HEAD + FAULTS % "flags: {16: fan}", "faults[0].flags.16: there are bits 0 to 15 here"),
        (HEAD + FAULTS % "bits: [0, 3], flags: {7: fan}", "faults[0].flags.7: there are bits 0 to 3 here"),
        (HEAD + FAULTS.replace("u16", "s16") % "flags: {0: fan}", "faults[0].type: a s16 has no bits to choose from"),
        (HEAD + SCALES % "" + (SCALES % "").partition("\n")[2], "scales[1].name: sf stands twice"),
        (HEAD + PLATE.replace("count: 4", "count: 30") + LINES + "  - {" + GOOD + "}\n", "blocks.count_max lets one"),
        (HEAD + SCALES % ", factor: 0", "scales[0].factor: a scale of zero loses every reading"),
        (HEAD + SCALES % ", usual: 0", "scales[0].usual: 0 is no scale"),
        (
            HEAD + SCALES % "" + LINES + "  - {" + GOOD + ", scales: [sf], decimals: 1}\n",
            "registers[0].scales: sf cannot be read in the same request as battery_voltage_v",
        ),
        (
            HEAD + LINES + "  - {" + GOOD + "}\nprobe:\n  - {metric: soc_pct}\n",
            "probe[0].metric: the profile does not read soc_pct",
        ),
        (
            HEAD + LINES + "  - {" + GOOD + "}\nprobe:\n  - {nameplate: serial, like: a}\n",
            "probe[0].nameplate: the nameplate has no serial",
        ),
        (
            HEAD + PLATE + LINES + "  - {" + GOOD + "}\nprobe:\n  - {nameplate: model, like: '('}\n",
            "probe[0].like: is no regular expression",
        ),
        (
            HEAD + LINES + "  - {" + GOOD + "}\nclock: {table: input, address: 9, form: bytes}\n",
            "clock: bytes and words need the order of their parts, an epoch has none",
        ),
    ],
)
def test_what_stands_beside_the_registers_is_held_to_account_too(text: str, expected: str) -> None:
    """Bus, faults, scales, nameplate, probe and clock are refused with the place and the reason."""
    with pytest.raises(ConfigError) as caught:
        whole(text)
    assert expected in str(caught.value)


def test_probe_clock_and_nameplate_are_read() -> None:
    """What scan looks for, and what a device says of itself, arrive as they stand."""
    profile = whole(
        HEAD
        + PLATE
        + LINES
        + "  - {"
        + GOOD
        + "}\nprobe:\n  - {metric: battery_voltage_v, low: 8}\n  - {nameplate: model, like: '^A'}\n"
        + "clock: {table: holding, address: 9, form: bytes, order: [year, month, day, hour, minute, second]}\n"
    )
    assert [(probe.metric, probe.low, probe.nameplate) for probe in profile.probe] == [
        ("battery_voltage_v", 8, ""),
        ("", float("-inf"), "model"),
    ]
    assert profile.clock is not None
    assert (profile.clock.address, profile.clock.count) == (9, 3)
    assert profile.nameplate[0].count == 4
