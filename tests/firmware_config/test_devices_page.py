"""The page about devices says what the profiles say."""

from __future__ import annotations

import pytest

from firmware_config import profile_names
from scripts.devices_page import PAGE, page


def test_the_page_is_made_from_the_profiles_as_they_are() -> None:
    """Whoever changes a profile runs `make docs`."""
    assert PAGE.read_text("utf-8") == page()


@pytest.mark.parametrize("name", profile_names())
def test_every_profile_has_its_row_and_chapter(name: str) -> None:
    """A device that can be read can be found."""
    text = PAGE.read_text("utf-8")
    assert f"| [{name}](#{name}) |" in text
    assert f"\n## {name}\n" in text
