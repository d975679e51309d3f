"""Every case that once broke something, fed again."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fuzz.registry import CORPUS, targets
from tests.fuzz.worker import attempt

FILES = sorted(CORPUS.glob("*/*.bin"))


@pytest.mark.parametrize("path", FILES, ids=[f"{path.parent.name}-{path.stem}" for path in FILES])
def test_what_broke_once_breaks_no_more(path: Path) -> None:
    """The decoder returns, or refuses with the error that it documents."""
    assert attempt(targets()[path.parent.name], path.read_bytes()) is None
