"""Slot levels across processes, seen by real gpiozero code on mock pins."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from gpiozero import Device, DigitalInputDevice
from gpiozero.pins.mock import MockFactory

from edge.settings import Pin
from edge.simulator.pins import MockPinDriver, PinFile

WIRING = {1: Pin(5, active_low=True), 2: Pin(6, active_low=True), 3: Pin(12, active_low=False)}
LIGHTS = Pin(26, active_low=True)
NUMBERS = [5, 6, 12, 26]


@pytest.fixture
def mock_pins() -> Iterator[MockFactory]:
    """Give a fresh mock factory as gpiozero's own, taken away afterwards."""
    before, Device.pin_factory = Device.pin_factory, MockFactory()
    yield Device.pin_factory
    Device.pin_factory.reset()
    Device.pin_factory = before


def _soon(condition: Callable[[], bool]) -> bool:
    """Wait up to two seconds for a condition."""
    for _ in range(200):
        if condition():
            return True
        time.sleep(0.01)
    return False


def test_levels_reach_gpiozero_devices(mock_pins: MockFactory, tmp_path: Path) -> None:
    """A device made before or after the level was set sees it, with the pull and polarity of its wiring."""
    assert mock_pins is Device.pin_factory
    path = tmp_path / "pins"
    with PinFile(path) as file, MockPinDriver(path, NUMBERS):
        file.show({1: True, 2: False, 3: True, 4: True}, WIRING)
        file.put(LIGHTS, active=True)
        time.sleep(0.12)
        slots = {slot: DigitalInputDevice(pin.number, pull_up=pin.active_low) for slot, pin in WIRING.items()}
        lights = DigitalInputDevice(LIGHTS.number, pull_up=True)
        assert _soon(lambda: [slots[n].is_active for n in (1, 2, 3)] == [True, False, True])
        assert _soon(lambda: lights.is_active)
        file.show({1: False, 2: True, 3: False}, WIRING)
        assert _soon(lambda: [slots[n].is_active for n in (1, 2, 3)] == [False, True, False])
        for device in (*slots.values(), lights):
            device.close()


def test_pins_are_driven_only_on_change(mock_pins: MockFactory, tmp_path: Path) -> None:
    """A level that stays gives no second edge."""
    path = tmp_path / "pins"
    with PinFile(path) as file, MockPinDriver(path, [5], factory=mock_pins):
        device = DigitalInputDevice(5, pull_up=True)
        pin = mock_pins.pin(5)
        pin.clear_states()
        file.show({1: True}, WIRING)
        assert _soon(lambda: [change.state for change in pin.states] == [True, False])
        file.show({1: True}, WIRING)
        time.sleep(0.15)
        assert [change.state for change in pin.states] == [True, False]
        device.close()


def test_another_process_writes_and_a_file_may_come_late(mock_pins: MockFactory, tmp_path: Path) -> None:
    """The driver waits for its file, then follows what another process wrote; undriven pins keep their pull."""
    path = tmp_path / "pins"
    with MockPinDriver(path, NUMBERS, factory=mock_pins):
        taken, loose = DigitalInputDevice(5, pull_up=True), DigitalInputDevice(6, pull_up=True)
        code = (
            "import sys; from pathlib import Path\n"
            "from edge.settings import Pin; from edge.simulator.pins import PinFile\n"
            "with PinFile(Path(sys.argv[1])) as f: f.put(Pin(5, active_low=True), active=True)"
        )
        root = Path(__file__).parents[3]
        subprocess.run([sys.executable, "-c", code, str(path)], check=True, cwd=root)  # noqa: S603 - our own code
        assert _soon(lambda: bool(taken.is_active))
        assert not loose.is_active
        taken.close()
        loose.close()


def test_levels_stay_in_the_file_for_the_next_run(tmp_path: Path) -> None:
    """A restarted writer finds the file and leaves what is in it."""
    with PinFile(tmp_path / "pins") as file:
        file.put(LIGHTS, active=True)
    with PinFile(tmp_path / "pins"):
        assert (tmp_path / "pins").read_bytes()[26] == 0


def test_real_pins_are_never_driven(tmp_path: Path) -> None:
    """The driver refuses any factory but the mock one."""
    with pytest.raises(TypeError, match="MockFactory"):
        MockPinDriver(tmp_path / "pins", [5], factory=object())
