"""Real devices: every case in the folders beside this file, decoded by the profile that the folder is named after.

A case is a file of JSON lines. The first says where it comes from; each other line is one register as `kayasol-edge
dump` prints it: metric, table, address, words, and the value (null when it is no figure, with the problem).
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from edge import profiles
from edge.profiles import Profile
from edge.registers import Register, decode
from firmware_config import load, profile_names, profile_text

HERE = Path(__file__).parent
CASES = sorted(HERE.glob("*/*.jsonl"))
MEASURED = {"real_test_data", "field_capture"}
"""Kinds of case that show what a device said, as against what a document or a forum says it says."""


@cache
def profile_of(name: str) -> Profile:
    """Read a profile."""
    return profiles.parse(load(profile_text(name), "device", name))


def lines_of(case: Path) -> list[dict[str, Any]]:
    """Read a case, its head first."""
    head, *lines = (json.loads(line) for line in case.read_text("utf-8").splitlines())
    return [head, *(line for line in lines if "error" not in line)]


def register_of(name: str, metric: str) -> Register:
    """Find the register of a metric."""
    return next(register for register in profile_of(name).registers if register.metric == metric)


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.parent.name}/{case.stem}")
def test_a_device_is_read_as_it_meant(case: Path) -> None:
    """Each register of the case gives the value that the device, or its document, says it stands for."""
    name = case.parent.name
    head, *lines = lines_of(case)
    assert {"source", "kind", "device"} <= head.keys(), f"the first line of {case} must say where the case comes from"
    assert lines
    for line in lines:
        register = register_of(name, line["metric"])
        assert (register.table, register.address, register.count) == (
            line["table"],
            line["address"],
            len(line["words"]),
        )
        reading = decode(register, line["words"])
        value = None if reading.value is None else round(reading.value * 10.0**-register.decimals, register.decimals)
        assert (value, reading.problem) == (line["value"], line.get("problem")), line["metric"]


@pytest.mark.parametrize("name", profile_names())
def test_confidence_is_what_the_cases_carry(name: str) -> None:
    """A profile says "verified against real captures" when such cases cover half of it and a 32-bit order, else not."""
    measured = [lines_of(case) for case in CASES if case.parent.name == name]
    covered = {line["metric"] for head, *lines in measured if head["kind"] in MEASURED for line in lines}
    orders = {
        line["metric"]
        for head, *lines in measured
        if head["kind"] in MEASURED
        for line in lines
        if len(line["words"]) > 1 and any(line["words"])
    }
    profile = profile_of(name)
    wide = any(register.count > 1 for register in profile.registers)
    verified = len(covered) >= len(profile.registers) / 2 and (bool(orders) or not wide)
    assert (profile.confidence == "verified against real captures") == verified


def test_every_folder_is_a_profile() -> None:
    """A folder whose name is misspelt would not be noticed otherwise."""
    folders = {case.parent.name for case in CASES}
    assert folders <= set(profile_names())
