"""A fresh hub for every test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.hub.builders import TestHub


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[TestHub]:
    """Give a hub that knows one site and its schema."""
    hub = TestHub(tmp_path)
    yield hub
    hub.ledger.close()
