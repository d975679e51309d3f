"""`python -m edge.simulator serve` as a person would start it."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from pymodbus.client import ModbusSerialClient, ModbusTcpClient

from edge.settings import Connection
from edge.simulator.__main__ import main
from edge.simulator.chosen import chosen
from firmware_config import ConfigError, profile_names

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


def _serve(*more: str) -> subprocess.Popen[str]:
    """Start the command in its own process."""
    command = [sys.executable, "-m", "edge.simulator", "serve", "--seed", "1", "--past-days", "2"]
    return subprocess.Popen([*command, *more], cwd=ROOT, stdout=subprocess.PIPE, text=True)  # noqa: S603 - our own code


def test_it_serves_a_controller_and_pins_until_told_to_stop(tmp_path: Path) -> None:
    """It prints where it listens, answers as a 12 V controller over TCP, drives every wired pin, ends at SIGTERM."""
    site, pins = tmp_path / "site.yaml", tmp_path / "pins"
    site.write_text(SITE, encoding="utf-8")
    with _serve("--site", str(site), "--tcp-port", "0", "--pins", str(pins)) as process:
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
    with _serve("--site", str(site), "--rtu", str(link)) as process:
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


def test_it_serves_any_families_side_by_side_without_a_site(tmp_path: Path) -> None:
    """Several profiles share one line by unit number, and all show the same village to a foreign Modbus program."""
    families = ("--profile", "epever-tracer", "--profile", "pzem-dc@9", "--profile", "srne-rover")
    line = tmp_path / "line"
    with _serve(*families, "--rtu", str(line)) as process:
        assert process.stdout is not None
        told = [process.stdout.readline() for _ in range(3)]
        assert told == [
            f"simulated epever-tracer, unit 1, listens at {line}\n",
            f"simulated pzem-dc, unit 9, listens at {line}\n",
            f"simulated srne-rover, unit 2, listens at {line}\n",
        ]
        with ModbusSerialClient(str(line), baudrate=9600, timeout=2.0) as client:
            tracer = client.read_input_registers(0x331A, count=1, device_id=1).registers[0] / 100
            rover = client.read_holding_registers(0x0101, count=1, device_id=2).registers[0] / 10
            meter = client.read_input_registers(0x0000, count=1, device_id=9).registers[0] / 100
        assert tracer == pytest.approx(rover, abs=0.2)
        assert tracer == pytest.approx(meter, abs=0.2)
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=10) == 0


def test_without_a_line_it_takes_a_free_tcp_port() -> None:
    """A profile alone is enough, and what is printed is all that a program needs to connect."""
    with _serve("--profile", "eastron-sdm@247") as process:
        assert process.stdout is not None
        told = re.fullmatch(r"simulated eastron-sdm, unit 247, listens at 127.0.0.1:(\d+)\n", process.stdout.readline())
        assert told is not None
        with ModbusTcpClient("127.0.0.1", port=int(told[1]), timeout=2.0) as client:
            reply = client.read_input_registers(0, count=2, device_id=247)
            volts = client.convert_from_registers(reply.registers, client.DATATYPE.FLOAT32)
        assert volts in (0.0, 230.0)
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=10) == 0


def test_families_are_listed_and_a_wrong_name_is_answered_with_all_of_them(capsys: pytest.CaptureFixture[str]) -> None:
    """The list has a line for each profile: its name and what it is."""
    assert main(["serve", "--list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == profile_names()
    assert "epever-tracer" in lines[profile_names().index("epever-tracer")]
    assert all(len(line.split()) > 1 for line in lines)
    assert main(["serve", "--profile", "epever"]) == 2
    assert capsys.readouterr().err == f"there is no device profile 'epever'; there are {', '.join(profile_names())}\n"


@pytest.mark.parametrize("wanted", [[], ["--site", "x", "--profile", "y"], ["--profile", "srne-rover", "--pins", "x"]])
def test_either_a_site_or_profiles_and_pins_only_with_a_site(wanted: list[str]) -> None:
    """What contradicts itself is a mistake of usage."""
    with pytest.raises(SystemExit) as ended:
        main(["serve", *wanted])
    assert ended.value.code == 2


def test_units_are_given_in_order_and_those_asked_for_first() -> None:
    """A family keeps its own number if nobody else has or wants it, else it gets the next that is free."""
    wired = chosen(["epever-tracer", "srne-rover", "growatt-spf@2", "victron-system"], Connection(port="x"))
    assert [device.unit for device in wired.devices] == [1, 3, 2, 100]
    assert (wired.kiosk, wired.lights_pin) == (None, None)


@pytest.mark.parametrize(
    ("wanted", "complaint"),
    [
        (["srne-rover@1", "epever-tracer@1"], "unit 1 cannot be epever-tracer: it is srne-rover already"),
        (["srne-rover@0"], "srne-rover@0: the unit number behind the @ goes from 1 to 255"),
        (["srne-rover@x"], "srne-rover@x: the unit"),
        (["srne-rover@"], "srne-rover@: the unit"),
        (["srne-rover"] * 256, "one line has room for 255 devices"),
    ],
)
def test_a_unit_that_cannot_be_is_refused(wanted: list[str], complaint: str) -> None:
    """Taken twice, out of range, no number, or no room left."""
    with pytest.raises(ConfigError, match=complaint):
        chosen(wanted, Connection(port="x"))
