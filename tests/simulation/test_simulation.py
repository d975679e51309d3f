"""Simulated lives in every run of the tests: what broke is printed with the command that shows it again."""

from __future__ import annotations

import os
import random
import sys

import pytest

from tests.simulation.__main__ import failures, live, live_many, table
from tests.simulation.faults import Kind

LIVES = 200
FIRST = int(os.environ.get("SEED") or random.randrange(10**9))  # noqa: S311  fresh lives every time, and printed
"""`SEED=n` lives through the same ones again."""


@pytest.mark.timeout(900)
def test_two_hundred_lives_keep_every_promise(capsys: pytest.CaptureFixture[str]) -> None:
    """Two hundred simulated weeks with faults of every kind: no promise is broken."""
    outcome = live_many(range(FIRST, FIRST + LIVES), os.cpu_count() or 1, lambda _: None)
    with capsys.disabled():
        sys.stdout.write(f"\nsimulate: seeds {FIRST} to {FIRST + LIVES - 1}\n{table(outcome)}\n")
    assert not outcome.complaints, failures(outcome)
    assert outcome.least_faults >= 10
    assert set(Kind) == {Kind(name) for name in outcome.faults}


def test_a_seed_is_one_life() -> None:
    """The same seed has the same life, to the last fault and the last row: what broke once can be watched again."""
    once, again = live(11), live(11)
    assert (once.faults, once.checked, once.complaints) == (again.faults, again.checked, again.complaints)
