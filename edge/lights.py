"""Whether the lighting circuit is on, from what the site can measure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Lights:
    """Where the state of the lights comes from: a load output drawing more than `on_above_w`, or an input pin."""

    device: str | None = None
    on_above_w: float = 0.0

    def lit(self, load_power_w: Mapping[str, float | None], pin: bool | None) -> bool | None:  # noqa: FBT001
        """Tell whether the lights are on; None when that was not observed."""
        if self.device is None:
            return pin
        power_w = load_power_w.get(self.device)
        return None if power_w is None else power_w > self.on_above_w
