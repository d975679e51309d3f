"""Real devices: every case in the folders beside this file, decoded by the profile that the folder is named after."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge.encodings import TYPES
from edge.profiles import registers_of
from edge.registers import Register
from firmware_config import profile_names
from tests.devices.cases import CASES, MEASURED, decoded, left_out, lines_of, profile_of

VERIFIED = "verified against real captures"
LEAST, SHARE = 5, 1 / 4
"""How many metrics captures must confirm before a profile may be called verified, and which share of those polled."""


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.parent.name}/{case.stem}")
def test_a_device_is_read_as_it_meant(case: Path) -> None:
    """Each line of the case gives the values that the device, or its document, says it stands for."""
    for line, told, exception in decoded(case):
        where = line.get("id", line.get("address"))
        assert {"source", "kind", "device"} <= line.keys(), f"{case} {where} must say where it comes from"
        said = {name: one.value for name, one in told.items()} | ({} if exception is None else {"exception": exception})
        expected = line["expect"]
        assert expected, f"{case} {where} expects nothing"
        assert {name: said.get(name, "not told") for name in expected} == expected, where
        if line["kind"] == "dump":
            assert said == expected, where


def test_a_capture_is_decoded_once_or_left_out_for_a_reason() -> None:
    """No capture stands twice, and one that is left out says why."""
    ids = [line["id"] for case in CASES for line in lines_of(case) if "id" in line]
    out = left_out()
    assert all(line["why"] for line in out)
    both = ids + [line["id"] for line in out]
    assert len(set(both)) == len(both)


Order = tuple[int, bool, bool]


def order_of(register: Register) -> Order:
    """Tell how a number is laid into words, its sign aside."""
    encoding = TYPES[register.type]
    return encoding.words, encoding.exact, register.low_word_first


def confirmed(name: str) -> tuple[set[str], set[Order]]:
    """Tell which metrics of a profile real captures confirm, and which word orders they show."""
    metrics: set[str] = set()
    orders: set[Order] = set()
    by_metric = {quantity.metric: quantity for quantity in profile_of(name).all}
    for case in CASES:
        if case.parent.name != name:
            continue
        for line, told, _ in decoded(case):
            if line["kind"] not in MEASURED:
                continue
            seen = {metric for metric in line["expect"] if metric in by_metric and told.get(metric, None) is not None}
            metrics |= {metric for metric in seen if told[metric].value is not None}
            orders |= {
                order_of(register)
                for metric in seen
                if told[metric].value
                for register in by_metric[metric].registers
                if len({order_of(other) for other in by_metric[metric].registers})
                == 1  # else nobody knows which it was
            }
    return metrics, orders


@pytest.mark.parametrize("name", profile_names())
def test_confidence_is_what_the_cases_carry(name: str) -> None:
    """A profile is "verified" when real captures confirm a quarter of it and every order of words, and else is not."""
    profile = profile_of(name)
    metrics, orders = confirmed(name)
    polled = {quantity.metric for quantity in profile.quantities}
    wide = {order_of(one) for one in registers_of(profile.quantities) if TYPES[one.type].words > 1}
    enough = len(metrics) >= LEAST and len(metrics & polled) >= SHARE * len(polled)
    assert (profile.confidence == VERIFIED) == (enough and wide <= orders)


def test_every_folder_is_a_profile() -> None:
    """A folder whose name is misspelt would not be noticed otherwise."""
    folders = {case.parent.name for case in CASES}
    assert folders <= set(profile_names())
