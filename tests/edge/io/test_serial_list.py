"""Which serial ports are listed, and by which name."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge.io.serial_list import serial_ports

PATH = "platform-fd500000.pcie-pci-0000:01:00.0-usb-0:1.2:1.0-port0"
ID = "usb-FTDI_FT232R_USB_UART_A50285BI-if00-port0"


def device(root: Path, name: str, *links: str) -> None:
    """Make a device with names that point to it."""
    (root / "dev").mkdir(exist_ok=True)
    (root / "dev" / name).touch()
    for link in links:
        path = root / "dev" / link
        path.parent.mkdir(parents=True, exist_ok=True)
        path.symlink_to(root / "dev" / name)


def system(root: Path, file: str, text: str) -> None:
    """Let the kernel say something of its ports."""
    path = root / "sys/class/tty" / file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "ascii")


def listed(root: Path) -> list[str]:
    """List the ports without the folder of the test."""
    return [port.removeprefix(f"{root}/dev/") for port in serial_ports(root)]


def test_an_adapter_is_listed_once_by_where_it_is_plugged_in(tmp_path: Path) -> None:
    """Of the names of one adapter the path is given, which stays when others come and go."""
    device(tmp_path, "ttyUSB0", f"serial/by-id/{ID}", f"serial/by-path/{PATH}", f"serial/by-path/{PATH}-v2")
    assert listed(tmp_path) == [f"serial/by-path/{PATH}"]


def test_without_a_path_the_next_best_name_is_given(tmp_path: Path) -> None:
    """An adapter that has only an id is listed by it, one that has neither by the kernel's name."""
    device(tmp_path, "ttyUSB0", f"serial/by-id/{ID}")
    device(tmp_path, "ttyACM0")
    device(tmp_path, "ttyUSB1")
    assert listed(tmp_path) == [f"serial/by-id/{ID}", "ttyUSB1", "ttyACM0"]


def test_the_port_on_the_pins_of_a_pi_is_listed(tmp_path: Path) -> None:
    """It is given as serial0, whatever is behind that on this model, and not a second time."""
    device(tmp_path, "ttyAMA0", "serial0")
    assert listed(tmp_path) == ["serial0"]


@pytest.mark.parametrize(("kind", "expected"), [("0\n", []), ("4\n", ["ttyS0"]), (None, [])])
def test_a_port_without_hardware_is_left_out(tmp_path: Path, kind: str | None, expected: list[str]) -> None:
    """The kernel makes ttyS0 to ttyS3 everywhere; only those with a chip behind them count."""
    device(tmp_path, "ttyS0")
    if kind is not None:
        system(tmp_path, "ttyS0/type", kind)
    assert listed(tmp_path) == expected


def test_a_console_is_left_alone(tmp_path: Path) -> None:
    """The port on which the system talks and takes logins is not asked."""
    device(tmp_path, "ttyAMA0", "serial0")
    device(tmp_path, "ttyUSB0")
    system(tmp_path, "console/active", "ttyAMA0 tty1\n")
    assert listed(tmp_path) == ["ttyUSB0"]


def test_a_name_that_leads_nowhere_is_left_out(tmp_path: Path) -> None:
    """A link to a pulled adapter is no port."""
    device(tmp_path, "ttyUSB0", f"serial/by-path/{PATH}")
    (tmp_path / "dev/ttyUSB0").unlink()
    assert listed(tmp_path) == []


def test_no_port_is_an_empty_list(tmp_path: Path) -> None:
    """A machine without ports is no error."""
    assert serial_ports(tmp_path) == []
