"""Clients that others wrote read our simulator over a real line, and read there what our edge reads."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from math import nan
from pathlib import Path

import pytest

from tests.system.frozen import MOMENTS, Figure, Moment, ours, served
from tests.system.readers.batteries import JK, RENOGY_BATTERY
from tests.system.readers.client import Client, Family, Quantity
from tests.system.readers.deye import DEYE_SINGLE, DEYE_THREE
from tests.system.readers.epever import EPEVER
from tests.system.readers.meters import EASTRON, PZEM_AC
from tests.system.readers.renogy import RENOGY
from tests.system.readers.sunspec import SUNSPEC

FAMILIES = (EPEVER, RENOGY, RENOGY_BATTERY, JK, PZEM_AC, EASTRON, DEYE_SINGLE, DEYE_THREE, SUNSPEC)

ByMoment = dict[str, Figure]
_HALF_A_STEP = 0.501
"""A hair more than half, because hundredths are no binary fractions."""


@dataclass(slots=True)
class Readings:
    """What our edge read, and what each client read, by metric and moment."""

    ours: dict[str, ByMoment] = field(default_factory=dict)
    theirs: dict[tuple[str, str], ByMoment] = field(default_factory=dict)

    def pair(self, client: Client, quantity: Quantity) -> tuple[ByMoment, ByMoment]:
        """Give our figures of a quantity and the client's; not a number where our edge has none."""
        mine = self.ours.get(quantity.metric, {})
        theirs = self.theirs.get((client.name, quantity.metric), {})
        return {moment.name: mine.get(moment.name, nan) for moment in MOMENTS}, theirs


Read = Callable[[Family], Readings]


@pytest.fixture(scope="module")
def read(tmp_path_factory: pytest.TempPathFactory) -> Read:
    """Let everybody read a family's device at every moment, once; where that breaks off, the rest is missing."""
    done: dict[str, Readings] = {}

    def once(family: Family) -> Readings:
        name = family.device.profile
        if name not in done:
            done[name] = Readings()
            for moment in MOMENTS:
                _read_all(family, moment, tmp_path_factory.mktemp(name), done[name])
        return done[name]

    return once


def _read_all(family: Family, moment: Moment, directory: Path, readings: Readings) -> None:
    with served(family.device, moment, directory) as place:
        for metric, value in ours(place).items():
            readings.ours.setdefault(metric, {})[moment.name] = value
        for client in family.clients:
            with client.opened(place) as opened:
                for quantity in client.quantities:
                    told = readings.theirs.setdefault((client.name, quantity.metric), {})
                    told[moment.name] = quantity.asked(opened)


def _apart(mine: ByMoment, theirs: ByMoment, step: float) -> dict[str, tuple[Figure, Figure | None]]:
    """List the moments at which two readers say different things, and what; texts differ when they are not equal."""

    def alike(one: Figure, other: Figure | None) -> bool:
        if isinstance(one, str) or isinstance(other, str | None):
            return one == other
        return abs(one - other) <= _HALF_A_STEP * step

    return {at: (value, theirs.get(at)) for at, value in mine.items() if not alike(value, theirs.get(at))}


def _cases(*, wrong: bool) -> list[pytest.ParameterSet]:
    return [
        pytest.param(family, client, quantity, id=f"{family.device.profile}-{client.name}-{quantity.metric}")
        for family in FAMILIES
        for client in family.clients
        for quantity in client.quantities
        if (quantity.makes is not None) == wrong
    ]


@pytest.mark.parametrize(("family", "client", "quantity"), _cases(wrong=False))
def test_an_independent_reader_agrees(read: Read, family: Family, client: Client, quantity: Quantity) -> None:
    """Somebody else's client and our edge read the same figure, exact to the coarser of their resolutions."""
    mine, theirs = read(family).pair(client, quantity)
    assert _apart(mine, theirs, quantity.step) == {}
    assert any(mine.values()), "nothing but zeros agrees about nothing"


@pytest.mark.parametrize(("family", "client", "quantity"), _cases(wrong=True))
def test_a_disagreement_has_its_reason(read: Read, family: Family, client: Client, quantity: Quantity) -> None:
    """Where a client errs, it says just what its known fault makes of our figure, and not our figure."""
    mine, theirs = read(family).pair(client, quantity)
    assert quantity.makes is not None
    made = {moment: quantity.makes(value) for moment, value in mine.items()}
    assert _apart(made, theirs, quantity.step) == {}, quantity.why
    assert _apart(mine, theirs, quantity.step), f"mended? {quantity.why}"


@pytest.mark.parametrize(
    ("family", "client"),
    [
        pytest.param(family, client, id=f"{family.device.profile}-{client.name}")
        for family in FAMILIES
        for client in family.clients
    ],
)
def test_a_mix_up_would_show(read: Read, family: Family, client: Client) -> None:
    """No two quantities of a client have the same figures, so a wrong address cannot pass for the right one."""
    looks: dict[tuple[Figure, ...], str] = {}
    for quantity in client.quantities:
        mine, _ = read(family).pair(client, quantity)
        twin = looks.setdefault(tuple(mine.values()), quantity.metric)
        assert twin == quantity.metric
