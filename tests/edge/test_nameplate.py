"""What a device says of itself."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from importlib import resources

import pytest

from edge.nameplate import CLOCK_PARTS, FORMS, Clock, Text, placed
from edge.registers import Table


def text(form: str, count: int = 2, **more: object) -> Text:
    """Describe a text."""
    return Text("model", Table.HOLDING, 10, count, form, **more)  # type: ignore[arg-type]  # passed through as given


@pytest.mark.parametrize(
    ("form", "words", "said"),
    [
        ("ascii", [0x2020, 0x524E, 0x4700, 0x0000], "RNG"),
        ("ascii", [0xFFFF, 0xFFFF], None),
        ("ascii", [0x0102, 0x4142], None),
        ("ascii_low_first", [0x4241, 0x0043], "ABC"),
        ("ascii_wide", [77, 97, 121, 32], "May"),
        ("number", [0x0001, 0x0002], "65538"),
        ("number", [0xFFFF, 0xFFFF], None),
        ("number_low_first", [0x0002, 0x0001], "65538"),
        ("version_bytes", [0x0003, 0x0201], "03.02.01"),
        ("version_digits", [10414], "1.04.14"),
        ("version_hundredths", [663], "6.63"),
        ("bcd", [0x0123], "123"),
        ("hex", [0x0C4A], "0C4A"),
    ],
)
def test_a_text_is_read_in_its_form(form: str, words: list[int], said: str | None) -> None:
    """Characters, numbers and versions come out as people write them; what is no text is none."""
    assert text(form, len(words)).told(words) == said


def test_a_number_may_stand_for_a_name() -> None:
    """A model code is told by its name, or not at all."""
    model = text("number", 1, map={0: "TS-MPPT-45", 1: "TS-MPPT-60"})
    assert (model.told([1]), model.told([7])) == ("TS-MPPT-60", None)
    assert model.laid("anything") == [0]


@pytest.mark.parametrize("form", ["ascii", "ascii_low_first", "ascii_wide", "number"])
def test_a_simulated_text_is_read_back(form: str) -> None:
    """What a simulator lays down says the same to every reader."""
    plate = text(form, 4)
    assert plate.told(plate.laid("1234")) == "1234"


def test_a_text_of_a_model_is_put_where_the_model_is() -> None:
    """A SunSpec nameplate counts from its model; a device without the model has none."""
    plain, common = text("ascii"), text("ascii", models=(1,))
    assert [one.address for one in placed([plain, common], {1: 40002})] == [10, 40012]
    assert placed([common], {}) == []
    assert plain.end == 12


ORDER = ("minute", "second", "day", "hour", "year", "month")


def local(*parts: int) -> datetime:
    """Give a time as a device shows it, in a zone that nobody knows."""
    return datetime(*parts, tzinfo=UTC).replace(tzinfo=None)  # type: ignore[arg-type,misc]  # year to second


@pytest.mark.parametrize(
    ("clock", "words", "time"),
    [
        (Clock(Table.HOLDING, 0x9013, "bytes", ORDER), [0x1805, 0x0202, 0x0F07], local(2015, 7, 2, 2, 24, 5)),
        (Clock(Table.INPUT, 33022, "words", CLOCK_PARTS), [22, 11, 13, 19, 39, 23], local(2022, 11, 13, 19, 39, 23)),
        (Clock(Table.INPUT, 830, "epoch"), [0, 0, 0x6734, 0xB3C0], local(2024, 11, 13, 14, 12, 16)),
    ],
)
def test_a_clock_is_read_and_set_in_simulation(clock: Clock, words: list[int], time: datetime) -> None:
    """A part a byte, a part a word, or seconds since 1970: the same time both ways."""
    assert clock.told(words) == time
    assert clock.laid(time.replace(tzinfo=UTC)) == words
    assert clock.end == clock.address + len(words)


def test_a_clock_that_shows_no_time_is_none() -> None:
    """A thirteenth month is no date, nor is an age beyond the calendar; a year written out is taken as written."""
    clock = Clock(Table.INPUT, 0, "words", CLOCK_PARTS)
    assert clock.told([22, 13, 1, 0, 0, 0]) is None
    assert clock.told([1999, 1, 1, 0, 0, 0]) is None
    assert clock.told([2026, 1, 2, 3, 4, 5]) == local(2026, 1, 2, 3, 4, 5)
    assert Clock(Table.INPUT, 0, "epoch").told([0xFFFF] * 4) is None


def test_the_schema_knows_the_same_forms() -> None:
    """A form that works may be written in a profile, and no other."""
    schema = resources.files("firmware_config").joinpath("schemas", "device.schema.json").read_text("utf-8")
    assert json.loads(schema)["$defs"]["nameplate"]["items"]["properties"]["form"]["enum"] == list(FORMS)
