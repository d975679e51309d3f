"""The words behind codes and fault bits."""

from __future__ import annotations

import pytest

from protocol.metrics import CATALOGUE, Kind
from protocol.states import FAULT_BITS, FAULTS, STATES, faults_of, state_words


def test_every_fault_has_a_bit_of_its_own_and_words_in_both_languages() -> None:
    """Names are unique, the bits fit the metric, and nobody reads an empty string."""
    assert len(FAULT_BITS) == len(FAULTS)
    assert (1 << len(FAULTS)) - 1 <= CATALOGUE["faults"].high
    assert all(fault.words.en and fault.words.fr for fault in FAULTS)


def test_fault_bits_are_told_in_words() -> None:
    """Each bit is a fault; none is no fault; a bit of a later version is told as another fault."""
    bits = 1 << FAULT_BITS["fan"] | 1 << FAULT_BITS["load_short"]
    assert [fault.name for fault in faults_of(bits)] == ["load_short", "fan"]
    assert faults_of(0) == []
    assert [fault.name for fault in faults_of(1 << 49)] == ["other"]


@pytest.mark.parametrize("metric", STATES)
def test_a_state_s_codes_lie_in_its_range(metric: str) -> None:
    """What has words may be stored."""
    known = CATALOGUE[metric]
    assert known.kind is Kind.STATE
    assert all(known.plausible(code) for code in STATES[metric])


def test_a_state_is_told_in_words() -> None:
    """A code of the catalogue has its words; a number has none."""
    words = state_words("charge_stage", 2)
    assert words is not None
    assert (words.en, words.fr) == ("boost (absorption)", "absorption")
    assert state_words("soc_pct", 2) is None
    assert state_words("charge_stage", 99) is None
