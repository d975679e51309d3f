"""Where captured reads tell that a SunSpec device has its models."""

from __future__ import annotations

import pytest

from edge import profiles
from edge.model_list import ModelList
from edge.readplan import Block
from edge.registers import Table
from firmware_config import load, profile_text

COMMON, INVERTER, METER = 66, 50, 105


@pytest.fixture
def models() -> ModelList:
    """Know nothing yet of a device."""
    return ModelList(profiles.parse(load(profile_text("sunspec"), "device", "sunspec")))


def learn(models: ModelList, address: int, *words: int) -> dict[str, object]:
    """Show some words; give what they say of the list."""
    told = models.learn(Block(Table.HOLDING, address, len(words)), words)
    return {one.name.removeprefix("sunspec_"): one.value for one in told}


def test_headers_and_end_are_told(models: ModelList) -> None:
    """Two words with the number of a model and a length that it may have begin one, known here or not."""
    assert learn(models, 40_002, 1, COMMON) == {"model_1": 40_002}
    assert learn(models, 40_070, 103, INVERTER) == {"model_103": 40_070}
    assert learn(models, 40_122, 123, 24) == {"model_123": 40_122}
    assert learn(models, 40_148, 0xFFFF, 0) == {"end": 40_148}


@pytest.mark.parametrize("words", [(8000, 0), (0x0123, 0x4567), (411, 412), (103, 40), (0, 0), (5,)])
def test_two_words_of_a_body_are_no_header(models: ModelList, words: tuple[int, ...]) -> None:
    """What is no number of a model, or no length that it has, is somebody's figures."""
    assert learn(models, 40_083, *words) == {}
    assert models.bases == {}


def test_a_whole_list_may_be_read_at_once(models: ModelList) -> None:
    """Marker, models and their bodies in one read are all found."""
    words = (0x5375, 0x6E53, 1, COMMON, *[0] * COMMON, 103, INVERTER, *[0] * INVERTER)
    assert learn(models, 40_000, *words) == {"marker": 40_000, "model_1": 40_002, "model_103": 40_070}


def test_a_model_that_grows_with_its_inputs_is_known_with_any_number_of_them(models: ModelList) -> None:
    """Model 160 has twenty words for each input."""
    assert learn(models, 40_238, 160, 68, *[0] * 68) == {"model_160": 40_238}


def test_a_body_is_known_by_its_length(models: ModelList) -> None:
    """A hundred and five words are a meter; a common block may have one word more; short bodies say nothing."""
    learn(models, 40_190, *[0] * METER)
    assert models.bases[203] == 40_188
    learn(models, 50_004, *[0] * COMMON)
    assert models.bases[1] == 50_002
    before = dict(models.bases)
    learn(models, 60_002, *[0] * 24)
    assert models.bases == before


def test_a_body_where_the_list_has_it_is_taken_as_it_is(models: ModelList) -> None:
    """What begins behind a known header needs no guess, and words inside a model change nothing."""
    learn(models, 40_070, 103, INVERTER)
    before = dict(models.bases)
    learn(models, 40_072, *[7] * INVERTER)
    assert learn(models, 40_080, 302, 20) == {}
    assert models.bases == before


def test_a_marker_begins_a_new_list(models: ModelList) -> None:
    """What was known before a marker is another device's."""
    learn(models, 40_070, 103, INVERTER)
    assert learn(models, 40_000, 0x5375, 0x6E53) == {"marker": 40_000}
    assert models.bases == {}


def test_another_device_overrules_what_stood_there(models: ModelList) -> None:
    """A body that overruns a known model, or a header in the middle of one, is another device's list."""
    learn(models, 40_070, 103, INVERTER)
    learn(models, 40_071, *[0] * METER)
    assert 103 not in models.bases
    assert models.bases[203] == 40_069
    learn(models, 40_070, 103, INVERTER)
    assert models.bases == {103: 40_070}
    learn(models, 40_071, *[0] * (INVERTER - 1))
    assert models.bases == {103: 40_070}
