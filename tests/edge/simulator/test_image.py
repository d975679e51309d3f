"""Register images of real device families."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from edge.profiles import Profile, parse
from edge.readplan import plan
from edge.registers import Table, decode
from edge.simulator.image import ProfileImage
from edge.simulator.slave import RegisterBank, answer
from edge.simulator.village import Village, school
from firmware_config import load, profile_names, profile_text
from protocol.metrics import CATALOGUE

START = datetime(2026, 10, 12, tzinfo=UTC)


def _profile(name: str) -> Profile:
    """Read a profile that comes with Kayasol."""
    return parse(load(profile_text(name), "device", name))


@pytest.mark.parametrize("name", profile_names())
def test_what_a_profile_decodes_is_what_the_village_measured(name: str) -> None:
    """Every metric that both know comes back within the register's resolution; the others hold 0."""
    profile, village = _profile(name), Village(school(1, START))
    maker = ProfileImage(profile)
    for hours in (3, 7.2, 12, 19, 35):
        readings = village.readings(START + timedelta(hours=hours))
        image = maker.words(readings)
        for register in profile.registers:
            words = [image[register.table, register.address + i] for i in range(register.count)]
            if register.metric not in readings:
                continue
            value = decode(register, words).value
            assert value is not None
            step = float(register.scale) * 10.0**-register.decimals
            expected = readings[register.metric]
            if register.metric == "charge_stage":
                assert value in ({2, 4} if expected == 4 else {expected})
            else:
                assert value * 10.0**-register.decimals == pytest.approx(expected, abs=0.51 * step)


@pytest.mark.parametrize("name", profile_names())
def test_every_planned_block_is_answered_and_nothing_outside(name: str) -> None:
    """What the agent's read plan asks for exists, gaps included; the addresses around it are refused."""
    profile = _profile(name)
    image = ProfileImage(profile).words({})
    blocks = plan(profile.registers, count_max=profile.count_max, gap_max=profile.gap_max)
    functions = {Table.COIL: 1, Table.DISCRETE: 2, Table.HOLDING: 3, Table.INPUT: 4}
    for block in blocks:
        pdu = bytes((functions[block.table],)) + block.address.to_bytes(2, "big") + block.count.to_bytes(2, "big")
        assert answer(pdu, RegisterBank(lambda: image))[0] == functions[block.table]
    top = max(address for _, address in image)
    for table in Table:
        pdu = bytes((functions[table],)) + (top + 1).to_bytes(2, "big") + b"\x00\x01"
        assert answer(pdu, RegisterBank(lambda: image)) == bytes((functions[table] | 0x80, 2))


def test_the_village_knows_the_main_metrics_of_a_controller() -> None:
    """Nothing that the EPEVER profile records is left at 0 for want of a simulated value."""
    readings = Village(school(1, START)).readings(START)
    assert {register.metric for register in _profile("epever-tracer").registers} <= readings.keys() <= CATALOGUE.keys()
