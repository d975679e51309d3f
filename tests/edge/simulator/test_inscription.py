"""Simulated nameplates: what is written on them, and that it is what a probe looks for."""

from __future__ import annotations

import re

import pytest

from edge.nameplate import FORMS, Text
from edge.profiles import Profile, parse
from edge.registers import Table
from edge.simulator.example import example
from edge.simulator.inscription import inscription
from firmware_config import load

PROFILE = """\
profile: invented
title: Invented
sources: [nobody]
confidence: one source
wiring: [none]
bus: {{baud: 9600, parity: none, stop_bits: 1, unit: 5, timeout_s: 1, pause_s: 0}}
blocks: {{count_max: 20, gap_max: 0}}
probe: [{{nameplate: {name}, like: '{like}'}}]
registers: [{{metric: soc_pct, table: input, address: 0, type: u16}}]
nameplate: [{{name: {name}, table: holding, address: 0, count: {count}, form: {form}{map}}}]
"""


@pytest.mark.parametrize(
    ("expression", "text"),
    [
        ("RIV", "RIV"),
        ("PV|PH|EP", "PV"),
        ("^JK$", "JK"),
        ("[A-Z0-9]{2}[A-Z0-9 -]+", "AAA"),
        (r"067\.05|[0-9]{3}[.][0-9]{2}", "067.05"),
        (r"\d+\.\d{1,2}", "1.1"),
        ("(?:ML|MT)[0-9]{4}-?X*", "ML0000"),
        ("(A|B)+(C(D|E))", "ACD"),
        ("[^x]y", " y"),
        ("a.?b*?", "a"),
        (r"\w\s\[", "A ["),
        ("[]a]", "]"),
    ],
)
def test_the_plainest_text_that_an_expression_takes(expression: str, text: str) -> None:
    """First alternatives, first letters, fewest repetitions."""
    assert example(expression) == text
    assert re.fullmatch(expression, text)


@pytest.mark.parametrize("expression", ["(?=a)b", r"(a)\1", "a|b)", "(?!x)y(?i:z)"])
def test_an_expression_that_is_too_clever_is_refused(expression: str) -> None:
    """Nothing is written that the expression would not take."""
    with pytest.raises(ValueError, match="no example of"):
        example(expression)


def _written(name: str, form: str, count: int, like: str, texts: str = "") -> str | None:
    """Write a line of a nameplate and read it back."""
    text = PROFILE.format(name=name, like=like, count=count, form=form, map=f", map: {texts}" if texts else "")
    profile: Profile = parse(load(text, "device", "invented"))
    (line,) = profile.nameplate
    return line.told(inscription(profile, line, 9))


@pytest.mark.parametrize(
    ("name", "form", "count", "like", "told"),
    [
        ("model", "ascii", 8, "[A-Z0-9]{2}[A-Z0-9 -]+", "SIMULATED"),
        ("model", "ascii", 8, "RIV", "RIV SIMULATED"),
        ("model", "ascii", 1, "PV|PH", "PV"),
        ("model", "ascii_wide", 9, ".+", "SIMULATED"),
        ("model", "ascii_low_first", 6, "TS", "TS SIMULATED"),
        ("maker", "ascii", 3, "PYLON|[A-Za-z]{3}", "PYLON"),
        ("built", "ascii_wide", 20, "Jan|Feb", "Jan 1 2026"),
        ("model", "number", 1, "340[0-9]{2}", "34000"),
        ("model", "number_low_first", 2, "100000", "100000"),
        ("model", "hex", 1, "3105|[0-9A-F]{4}", "3105"),
        ("firmware", "version_bytes", 2, "01[.]02[.]03", "01.02.03"),
        ("firmware", "version_digits", 1, "2[.]05[.]01", "2.05.01"),
        ("firmware", "version_hundredths", 1, "2[.]15", "2.15"),
        ("firmware", "bcd", 1, "15", "15"),
        ("address", "number", 1, "1$|[1-9][0-9]{0,2}$", "9"),
    ],
)
def test_a_nameplate_says_that_it_is_simulated_or_what_is_looked_for(
    name: str, form: str, count: int, like: str, told: str
) -> None:
    """The most telling of what the form can hold and the probe takes."""
    assert _written(name, form, count, like) == told


def test_a_named_number_is_chosen_by_its_name() -> None:
    """Of the texts that a device's numbers stand for, the first that the probe takes."""
    texts = "{1: string inverter, 3: single-phase hybrid, 768: single-phase hybrid}"
    assert _written("model", "number", 1, "single-phase", texts) == "single-phase hybrid"


def test_a_probe_that_no_inscription_satisfies_is_told() -> None:
    """A profile whose own probe can never hold on its own nameplate is found out."""
    with pytest.raises(ValueError, match="invented: nothing to write as model that is like XY"):
        _written("model", "number", 1, "XY")


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", ["maker", "model", "serial", "firmware", "hardware", "protocol", "options", "address"])
def test_every_form_has_something_to_say(form: str, name: str) -> None:
    """Where no probe asks, there is a text all the same, however short the place."""
    profile = parse(load(PROFILE.format(name="model", like=".", count=1, form="ascii", map=""), "device", "invented"))
    for count in (1, 2, 8):
        line = Text(f"{name}", Table.HOLDING, 0, count, form)
        words = inscription(profile, line, 9)
        assert len(words) == count
        assert line.told(words)
