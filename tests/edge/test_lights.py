"""Lit, dark, or not observed."""

from __future__ import annotations

import pytest

from edge.lights import Lights


@pytest.mark.parametrize(("power_w", "lit"), [(12.0, True), (5.0, False), (0.0, False), (None, None)])
def test_a_load_output_is_lit_above_its_threshold(power_w: float | None, lit: bool | None) -> None:  # noqa: FBT001
    """Standby draw is no light, and a controller that said nothing leaves it unknown; the pin does not matter."""
    lights = Lights("controller", on_above_w=5.0)
    assert lights.lit({"controller": power_w, "other": 99.0}, pin=True) is lit


def test_a_device_that_was_never_read_leaves_it_unknown() -> None:
    """No reading at all is no darkness."""
    assert Lights("controller").lit({}, pin=None) is None


@pytest.mark.parametrize("pin", [True, False, None])
def test_a_pin_speaks_for_itself(pin: bool | None) -> None:  # noqa: FBT001
    """Without a device the pin decides, whatever any load draws."""
    assert Lights().lit({"controller": 99.0}, pin=pin) is pin
