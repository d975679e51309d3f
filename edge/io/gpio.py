"""Input pins through gpiozero, its sole importer: lgpio on a Pi, the mock factory elsewhere.

Only levels are read; debouncing is `slots.py`'s work, because gpiozero's own loses edges.
"""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Mapping

import gpiozero
from gpiozero.exc import BadPinFactory, GPIOZeroError, PinFactoryFallback

from edge.errors import RetryLater
from edge.settings import Pin


class GpioWatcher:
    """A `SlotWatcher` over the pins of a board."""

    def __init__(self, slots: Mapping[int, Pin], lights: Pin | None) -> None:
        # lgpio leaves a notification pipe in its working directory, which a hardened unit may not write.
        os.environ.setdefault("LG_WD", os.environ.get("RUNTIME_DIRECTORY", "/tmp"))  # noqa: S108
        self._slots: dict[int, gpiozero.DigitalInputDevice] = {}
        self._lights: gpiozero.DigitalInputDevice | None = None
        try:
            for slot, pin in slots.items():
                self._slots[slot] = _input(pin)
            self._lights = _input(lights) if lights is not None else None
        except BadPinFactory as error:
            raise RetryLater("no GPIO here: this is no Raspberry Pi, or lgpio is not installed") from error
        except (GPIOZeroError, _lgpio_error()) as error:
            self.close()
            raise RetryLater(f"the GPIO pins cannot be opened: {error}") from error

    def levels(self) -> Mapping[int, bool]:
        """See `SlotWatcher.levels`."""
        return {slot: bool(pin.value) for slot, pin in self._slots.items()}

    def lights(self) -> bool | None:
        """See `SlotWatcher.lights`."""
        return None if self._lights is None else bool(self._lights.value)

    def close(self) -> None:
        """Release the pins."""
        for pin in (*self._slots.values(), *([self._lights] if self._lights is not None else [])):
            pin.close()


def _input(pin: Pin) -> gpiozero.DigitalInputDevice:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PinFactoryFallback)  # four complaints where our one sentence is enough
        return gpiozero.DigitalInputDevice(pin.number, pull_up=pin.active_low)


def _lgpio_error() -> type[Exception]:
    """Name what lgpio raises past gpiozero, for a pin that another process holds; lgpio is there on a Pi only."""
    error: type[Exception] = getattr(sys.modules.get("lgpio"), "error", GPIOZeroError)
    return error
