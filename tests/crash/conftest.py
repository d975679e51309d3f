"""What the tests here share: chance that can be had again, and a way to say what was counted."""

from __future__ import annotations

import os
import random
import sys
from collections.abc import Callable

import pytest


@pytest.fixture
def seed() -> int:
    """Give every run other chances; the line of counts names them, and the variable SEED has them drawn again."""
    return int(os.environ.get("SEED", random.randrange(10**6)))  # noqa: S311


@pytest.fixture
def chance(seed: int) -> random.Random:
    """Draw lots by the seed."""
    return random.Random(seed)  # noqa: S311


@pytest.fixture
def tell(capsys: pytest.CaptureFixture[str]) -> Callable[[str], None]:
    """Say a line to the person at the terminal, whether or not the test passes."""

    def say(line: str) -> None:
        with capsys.disabled():
            sys.stdout.write(line)

    return say
