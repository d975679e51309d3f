"""Villages that several tests look at, each lived once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from edge.simulator.village import Village, school

START = datetime(2026, 10, 12, tzinfo=UTC)
"""A Monday in term, at midnight."""


@pytest.fixture(scope="session")
def lived_school() -> Village:
    """Give a plain school that has lived three weeks."""
    village = Village(school(7, START))
    village.advance(START + timedelta(days=21))
    return village
