"""`python -m edge.simulator serve` as a person would start it."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

from pymodbus.client import ModbusSerialClient, ModbusTcpClient

from edge.simulator.__main__ import main

ROOT = Path(__file__).parents[3]
SITE = """
site: {id: ecole-simulee, name: École simulée, kind: school, commune: Kaya, shard: 3}
devices:
  controller:
    profile: epever-tracer
    connection: {port: /dev/ttyUSB0}
kiosk: {board: kiosk-8}
lights: {from: gpio}
uplink: {host: localhost}
"""


def _serve(site: Path, *more: str) -> subprocess.Popen[str]:
    """Start the command in its own process."""
    command = [sys.executable, "-m", "edge.simulator", "serve", "--site", str(site), "--seed", "1", "--past-days", "2"]
    return subprocess.Popen([*command, *more], cwd=ROOT, stdout=subprocess.PIPE, text=True)  # noqa: S603 - our own code


def test_it_serves_a_controller_and_pins_until_told_to_stop(tmp_path: Path) -> None:
    """It prints where it listens, answers as a 12 V controller over TCP, drives every wired pin, ends at SIGTERM."""
    site, pins = tmp_path / "site.yaml", tmp_path / "pins"
    site.write_text(SITE, encoding="utf-8")
    with _serve(site, "--tcp-port", "0", "--pins", str(pins)) as process:
        assert process.stdout is not None
        told = re.fullmatch(r"simulated controller, unit 1, listens at 127.0.0.1:(\d+)\n", process.stdout.readline())
        assert told is not None
        with ModbusTcpClient("127.0.0.1", port=int(told[1]), timeout=2.0) as client:
            volts = client.read_input_registers(0x331A, count=1, device_id=1).registers[0] / 100
        assert 11.0 < volts < 15.0
        for _ in range(200):
            if pins.exists() and pins.read_bytes()[26] != 0xFF:
                break
            time.sleep(0.02)
        levels = pins.read_bytes()
        assert all(levels[pin] in (0, 1) for pin in (5, 6, 12, 13, 16, 17, 22, 23, 26))
        assert levels[4] == 0xFF
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=10) == 0


def test_it_serves_a_serial_line_by_name(tmp_path: Path) -> None:
    """The asked-for name is a serial port that a real client reads, and it is gone after the end."""
    site, link = tmp_path / "site.yaml", tmp_path / "ttyVillage"
    site.write_text(SITE, encoding="utf-8")
    with _serve(site, "--rtu", str(link)) as process:
        assert process.stdout is not None
        assert str(link) in process.stdout.readline()
        with ModbusSerialClient(str(link), baudrate=115200, timeout=2.0) as client:
            reply = client.read_input_registers(0x3100, count=18, device_id=1)
        assert len(reply.registers) == 18
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=10) == 0
    assert not os.path.lexists(link)


def test_a_bad_site_file_is_explained(tmp_path: Path) -> None:
    """A site that cannot be used gives a sentence and exit code 2."""
    site = tmp_path / "site.yaml"
    site.write_text(SITE.replace("kiosk-8", "kiosk-9"), encoding="utf-8")
    assert main(["serve", "--site", str(site), "--seed", "1"]) == 2
    assert main(["serve", "--site", str(tmp_path / "none.yaml"), "--seed", "1"]) == 2
