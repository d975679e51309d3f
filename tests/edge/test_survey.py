"""Reading a device through once."""

from __future__ import annotations

import pytest

from edge import profiles
from edge.errors import Refused, RetryLater
from edge.profiles import Profile
from edge.readplan import Block, Words
from edge.registers import Table
from edge.survey import Ask, survey
from firmware_config import load

TEXT = """\
profile: test
title: Three registers
sources: [none]
confidence: one source
wiring: [two wires]
bus: {baud: 9600, parity: none, stop_bits: 1, unit: 1, timeout_s: 1.0, pause_s: 0.0}
blocks: {count_max: 10, gap_max: 0}
registers:
  - {metric: load_power_w,      table: input, address: 0, type: u16}
  - {metric: soc_pct,           table: input, address: 1, type: u16}
  - {metric: battery_voltage_v, table: input, address: 9, type: u16}
nameplate:
  - {name: model, table: holding, address: 5, count: 2, form: ascii}
clock: {table: holding, address: 20, form: words, order: [year, month, day, hour, minute, second]}
"""
MODELS = """\
models:
  - ids: [802]
    about: battery
    registers:
      - {metric: soc_pct, table: holding, address: 3, type: u16}
"""
NO = Refused("does not know this address")


def read(text: str) -> Profile:
    """Read a profile."""
    return profiles.parse(load(text, "device", "test"))


def asking(held: dict[tuple[Table, int], int], asked: list[Block]) -> Ask:
    """Answer from these words, refuse the rest."""

    def ask(block: Block) -> Words:
        asked.append(block)
        try:
            return tuple(held[block.table, at] for at in range(block.address, block.end))
        except KeyError as error:
            raise NO from error

    return ask


def test_everything_is_read_and_what_is_refused_is_read_in_parts() -> None:
    """A refused block is asked for register by register; what is refused alone is told with the reason."""
    profile, asked = read(TEXT), []  # type: tuple[Profile, list[Block]]
    held = {(Table.INPUT, 0): 5, (Table.INPUT, 9): 13, **{(Table.HOLDING, 5 + i): 0x4141 for i in range(2)}}
    done = survey(asking(held, asked), profile, profile.all, profile.nameplate, profile.clock)
    assert done.answers == {
        Block(Table.INPUT, 0, 1): (5,),
        Block(Table.INPUT, 9, 1): (13,),
        Block(Table.HOLDING, 5, 2): (0x4141, 0x4141),
    }
    assert done.errors == {Block(Table.INPUT, 1, 1): NO, Block(Table.HOLDING, 20, 6): NO}
    assert Block(Table.INPUT, 0, 2) in asked


def test_silence_ends_the_reading_at_once() -> None:
    """A device that does not answer is not asked for every register."""
    profile = read(TEXT)

    def ask(block: Block) -> Words:
        raise RetryLater(f"silence at {block.address}")

    with pytest.raises(RetryLater, match="silence at 0"):
        survey(ask, profile, profile.all)


def test_a_block_that_is_ignored_costs_only_itself() -> None:
    """A device that answers some blocks and not others is read as far as it goes; one that falls silent is gone."""
    profile = read(TEXT)
    answering = asking({(Table.INPUT, at): 5 for at in (0, 1)}, [])

    def ask(block: Block) -> Words:
        if block.table is Table.HOLDING or block.address == 9:
            raise RetryLater("silence")
        return answering(block)

    done = survey(ask, profile, profile.all, profile.nameplate)
    assert set(done.answers) == {Block(Table.INPUT, 0, 2)}
    assert len(done.errors) == 2
    with pytest.raises(RetryLater):
        survey(ask, profile, profile.all, profile.nameplate, profile.clock)


def test_a_sunspec_device_is_walked_first() -> None:
    """The list is read, then the registers where the device has them; a device without a list is refused."""
    profile = read(TEXT[: TEXT.index("registers:")] + MODELS)
    words = (0x5375, 0x6E53, 802, 62, 0, 77) + (0,) * 60 + (0xFFFF, 0)
    held = {(Table.HOLDING, 40_000 + i): word for i, word in enumerate(words)}
    done = survey(asking(held, []), profile, profile.all)
    assert done.bases == {802: 40_002}
    assert done.answers[Block(Table.HOLDING, 40_005, 1)] == (77,)
    assert done.answers[Block(Table.HOLDING, 40_002, 2)] == (802, 62)
    with pytest.raises(Refused, match="no SunSpec marker"):
        survey(asking({}, []), profile, profile.all)
