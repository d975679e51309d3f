"""The walk along a SunSpec device's own list."""

from __future__ import annotations

import pytest

from edge.readplan import Block
from edge.registers import Table
from edge.sunspec import END, MARKER, Chain


def test_models_are_found_where_the_device_says() -> None:
    """Each model begins behind the one before it, however long that is; the first of a kind counts."""
    chain = Chain()
    asked = []
    for words in (MARKER, (1, 66), (103, 50), (203, 105), (203, 105), (END, 0)):
        asked.append(chain.block())
        chain.take(words)
    assert chain.complete
    assert chain.bases == {1: 40002, 103: 40070, 203: 40122}
    assert asked[:3] == [Block(Table.HOLDING, address, 2) for address in (40000, 40002, 40070)]


def test_the_marker_is_looked_for_in_three_places() -> None:
    """A refusal or other words at one place lead to the next."""
    chain = Chain()
    chain.take(None)
    chain.take((0, 0))
    assert chain.block().address == 50000
    chain.take(MARKER)
    assert chain.block().address == 50002


def test_a_device_without_a_list_is_told_so() -> None:
    """Three places without a marker are no SunSpec device."""
    chain = Chain()
    chain.take(None)
    chain.take(None)
    with pytest.raises(LookupError, match="no SunSpec marker at 40000, 0, 50000"):
        chain.take(None)


def test_a_list_that_breaks_off_is_told_so() -> None:
    """A refusal in the middle of the list names the place."""
    chain = Chain()
    chain.take(MARKER)
    with pytest.raises(LookupError, match="breaks off at 40002"):
        chain.take(None)


@pytest.mark.parametrize("length", [0, 60_000])
def test_a_list_without_an_end_is_given_up(length: int) -> None:
    """Neither models of no length nor addresses beyond the last keep the agent busy for ever."""
    chain = Chain()
    chain.take(MARKER)

    def walk_on() -> None:
        for _ in range(200):
            chain.take((7, length))

    with pytest.raises(LookupError, match="has no end"):
        walk_on()
