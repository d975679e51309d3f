"""The pins of a board, played by gpiozero's own mock pins."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from types import ModuleType

import pytest
from gpiozero import Device
from gpiozero.pins.mock import MockFactory

from edge.errors import RetryLater
from edge.io.gpio import GpioWatcher
from edge.settings import Pin

SLOTS = {1: Pin(5, active_low=True), 2: Pin(6, active_low=False)}
LIGHTS = Pin(26, active_low=True)


@pytest.fixture
def pins() -> Iterator[MockFactory]:
    """Replace the pins of the machine for one test."""
    before, Device.pin_factory = Device.pin_factory, MockFactory()
    yield Device.pin_factory
    Device.pin_factory.reset()
    Device.pin_factory = before


def test_an_input_rests_inactive(pins: MockFactory) -> None:
    """With nothing connected, the pull resistor decides: no phone, no light."""
    watcher = GpioWatcher(SLOTS, LIGHTS)
    assert watcher.levels() == {1: False, 2: False}
    assert watcher.lights() is False
    assert (pins.pin(5).pull, pins.pin(6).pull, pins.pin(26).pull) == ("up", "down", "up")
    watcher.close()


def test_levels_follow_the_pins(pins: MockFactory) -> None:
    """A switch to ground is active when low, a sensor output when high, at the very next look."""
    watcher = GpioWatcher(SLOTS, LIGHTS)
    pins.pin(5).drive_low()
    pins.pin(6).drive_high()
    assert watcher.levels() == {1: True, 2: True}
    pins.pin(5).drive_high()
    pins.pin(26).drive_low()
    assert watcher.levels() == {1: False, 2: True}
    assert watcher.lights() is True
    watcher.close()


@pytest.mark.usefixtures("pins")
def test_without_a_pin_the_lights_are_unknown() -> None:
    """A board without a lights' pin says nothing about them, and may have no slots."""
    watcher = GpioWatcher({}, None)
    assert watcher.levels() == {}
    assert watcher.lights() is None
    watcher.close()


def test_closing_frees_the_pins(pins: MockFactory) -> None:
    """A watcher that was closed leaves its pins to the next one."""
    for _ in range(2):
        watcher = GpioWatcher(SLOTS, LIGHTS)
        assert [number for number in (5, 6, 26) if pins.pin(number).function == "input"] == [5, 6, 26]
        watcher.close()


def test_a_pin_in_use_is_reported_and_the_others_are_freed(pins: MockFactory) -> None:
    """When one pin cannot be had, none is held, so that trying again can succeed."""
    other = GpioWatcher({}, Pin(6, active_low=True))
    with pytest.raises(RetryLater, match=r"the GPIO pins cannot be opened: .*GPIO6"):
        GpioWatcher(SLOTS, LIGHTS)
    other.close()
    watcher = GpioWatcher(SLOTS, LIGHTS)
    assert watcher.levels() == {1: False, 2: False}
    assert pins.pin(5).function == "input"
    watcher.close()


def test_a_pin_that_the_kernel_refuses_is_reported_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """What lgpio raises past gpiozero is told in the same sentence."""
    lgpio = ModuleType("lgpio")
    error = type("error", (Exception,), {})
    lgpio.__dict__["error"] = error
    monkeypatch.setitem(sys.modules, "lgpio", lgpio)

    class BusyFactory(MockFactory):  # type: ignore[misc]  # gpiozero is untyped
        def pin(self, _: int) -> object:
            raise error("GPIO busy")

    monkeypatch.setattr(Device, "pin_factory", BusyFactory())
    with pytest.raises(RetryLater, match="the GPIO pins cannot be opened: GPIO busy"):
        GpioWatcher(SLOTS, None)


def test_a_machine_without_pins_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """Off a Raspberry Pi there is one sentence, and no warning of gpiozero's."""
    monkeypatch.setattr(Device, "pin_factory", None)
    monkeypatch.setenv("GPIOZERO_PIN_FACTORY", "none-of-them")
    with pytest.raises(RetryLater, match=r"no GPIO here: this is no Raspberry Pi, or lgpio is not installed"):
        GpioWatcher(SLOTS, None)


@pytest.mark.usefixtures("pins")
def test_lgpio_gets_a_place_it_may_write(monkeypatch: pytest.MonkeyPatch) -> None:
    """The notification pipe goes where systemd lets us write, unless somebody chose a place."""
    monkeypatch.setenv("RUNTIME_DIRECTORY", "/run/kayasol")
    monkeypatch.setenv("LG_WD", "/chosen")
    GpioWatcher({}, None).close()
    assert os.environ["LG_WD"] == "/chosen"
    monkeypatch.delenv("LG_WD")
    GpioWatcher({}, None).close()
    assert os.environ["LG_WD"] == "/run/kayasol"
