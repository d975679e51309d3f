"""What a technician reads after a scan, and what goes into `site.yaml`."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest

from edge.errors import Refused, RetryLater
from edge.profiles import Profile
from edge.readplan import Block
from edge.recognition import Fit, Sign, Unit, read_through
from edge.registers import Table
from edge.scan import Found, Searched, Stranger
from edge.scan_advice import advice, no_ports
from edge.scan_report import HEADER, name_of, report, site_lines
from edge.settings import Connection as Line
from edge.settings import Device, parse
from firmware_config import board_text, profile_text
from tests.edge.devices import answering, device, image, profile

PORT = "/dev/serial/by-path/platform-fd500000.pcie-pci-0000:01:00.0-usb-0:1.2:1.0-port0"
SITE = """\
site: {id: essai, name: Essai, kind: school, commune: Kaya, shard: 0}
uplink: {host: localhost}
"""


def fit(one: Profile, **more: float) -> Fit:
    """Read a device through."""
    return read_through(one, Unit(1, lambda _, block, bus: device(one.name, **more)(block, bus)))


def found(name: str, line: Line | None = None, unit: int = 0, **more: float) -> Found:
    """Find a device, by default as it comes from the factory."""
    one = profile(name)
    return Found(
        line or Line(PORT, one.bus.baud, one.bus.parity, one.bus.stop_bits), unit or one.bus.unit, (fit(one, **more),)
    )


def told(*devices: Found) -> str:
    """Give the report of devices."""
    return "\n".join(report([Searched(PORT, found=list(devices))]))


def pasted(*devices: Found) -> dict[str, Device]:
    """Put the lines into a small site.yaml and read it as the agent does."""
    lines = site_lines(devices)
    assert lines[0] == HEADER
    text = SITE + "\n".join(lines)
    return {one.name: one for one in parse(text, "site.yaml", profile_text=profile_text, board_text=board_text).devices}


def test_a_device_is_told_so_that_it_can_be_compared() -> None:
    """Line, unit, title, confidence, nameplate, clock, readings with unit, states in words, and what to compare."""
    text = told(found("epever-tracer"))
    for part in (
        f"{PORT} at 115200 baud, no parity, unit 1: EPEVER Tracer",
        "profile epever-tracer (verified against real captures), 100% of its readings make sense",
        "its clock says 2026-11-21 11:00:00",
        "battery voltage                12.80 V\n",
        "charge stage                   boost (absorption)\n",
        "faults                         none\n",
        "Compare these with the device's own screen or a multimeter:",
        "battery voltage, state of charge, panel voltage and charge current.",
    ):
        assert part in text
    assert "address 1" in told(found("pzem-dc"))


def test_what_cannot_be_true_is_never_a_figure() -> None:
    """An implausible reading is marked, with its raw number; a missing sensor and a missing register are told apart."""
    registers = image("epever-tracer")
    registers[Table.INPUT, 0x3110] = 0x7FFF
    del registers[Table.INPUT, 0x3201]
    one = profile("epever-tracer")
    seen = read_through(one, Unit(1, lambda _, block, bus: answering(registers)(block, bus)))
    text = told(Found(Line(PORT, 115200), 1, (seen,)))
    assert "battery temperature            IMPLAUSIBLE (raw 32767)\n" in text
    assert "327.67" not in text
    assert "charge stage                   not told by this device\n" in text
    strange = image("srne-rover")
    strange[Table.HOLDING, 0x0120] = 0x00FF
    strange[Table.HOLDING, 0x010B] = 0
    rover = profile("srne-rover")
    seen = read_through(rover, Unit(1, lambda _, block, bus: answering(strange)(block, bus)))
    text = told(Found(Line(PORT, 9600), 1, (seen,)))
    assert "a code that the profile does not know (raw 255)" in text
    assert "the device says that it has no reading (raw 0)" in text


def test_a_device_without_a_reading_is_said_to_be_dark() -> None:
    """There is nothing to compare at night; the technician is told to look again."""
    dark = Fit(profile("epever-tracer"), replace(fit(profile("epever-tracer")).survey, answers={}))
    assert "Look again by day" in told(Found(Line(PORT, 115200), 1, (dark,)))


def test_names_of_metrics_are_words() -> None:
    """The unit stands behind the figure, not in the name."""
    assert name_of("battery_voltage_max_today_v") == "battery voltage highest today"
    assert name_of("soc_pct") == "state of charge"
    assert name_of("faults") == "faults"
    assert name_of("controller_temp_c") == "controller temperature"


def test_a_changed_speed_and_any_number_are_told() -> None:
    """A speed that is not the factory's, and a host that answers to every number, are worth a word."""
    assert "its speed from the factory, which is 9600" in told(found("srne-rover", Line(PORT, 115200)))
    everywhere = replace(found("sunspec", Line(host="10.0.0.7", tcp_port=502)), every_unit=True)
    assert "10.0.0.7:502, any unit number: " in told(everywhere)


def test_several_fits_leave_the_choice_to_the_technician() -> None:
    """All are shown with how much of them makes sense; the best is written, the others stand as a comment."""
    one = found("epever-tracer")
    both = replace(one, fits=(*one.fits, replace(one.fits[0], profile=profile("jk-bms"))))
    text = told(both)
    assert "You must choose" in text
    assert "jk-bms: JK-PB" in text
    assert "    # fits too, compare the readings: jk-bms" in site_lines([both])
    assert pasted(both)["controller"].profile.name == "epever-tracer"


def test_a_stranger_is_told_with_all_it_said() -> None:
    """Unit, words and how often it said no stand there, and where to send them."""
    answers = {Block(Table.INPUT, 0, 2): (0x0102, 0xBEEF)}
    errors = {Block(Table.HOLDING, 9, 1): Refused("no"), Block(Table.HOLDING, 8, 1): RetryLater("silence")}
    text = "\n".join(report([Searched(PORT, strangers=[Stranger(Line(PORT, 9600), 5, answers, errors)])]))
    for part in (
        "unit 5: SOMETHING ANSWERS",
        "input 0x0000: 0102 beef",
        "said no to 1 ",
        "nothing to 1",
        "/issues",
        "dump",
    ):
        assert part in text


def test_lines_for_the_site_say_only_what_differs_from_the_profile() -> None:
    """A device from the factory needs its profile and its port."""
    assert site_lines([found("epever-tracer")])[1:] == [
        "devices:",
        "  controller:",
        "    profile: epever-tracer",
        f"    connection: {{port: {PORT}}}",
    ]
    assert site_lines([found("srne-rover", Line("/dev/ttyUSB0", 19200), 3)])[4:] == [
        "    connection: {port: /dev/ttyUSB0, baud: 19200}",
        "    unit: 3",
    ]


def test_lines_for_the_site_are_read_by_the_agent_as_found() -> None:
    """Pasted into a site.yaml they give the same devices, numbered where several are of a kind."""
    devices = pasted(
        found("epever-tracer", Line("/dev/ttyUSB0", 115200), 1),
        found("srne-rover", Line("/dev/ttyUSB0", 115200), 2),
        found("pzem-dc", Line("/dev/ttyUSB1", 9600, "none", 2), 7),
        found("must-pv18", Line("/dev/ttyUSB2", 19200)),
        found("jk-bms", Line("/dev/tty with space", 115200)),
        found("victron-system", Line(host="10.0.0.7", tcp_port=502)),
        found("pzem-ac", Line(host="gateway.local", tcp_port=1502), 9),
    )
    assert {name: (one.profile.name, one.unit) for name, one in devices.items()} == {
        "controller-1": ("epever-tracer", 1),
        "controller-2": ("srne-rover", 2),
        "meter-1": ("pzem-dc", 7),
        "inverter": ("must-pv18", profile("must-pv18").bus.unit),
        "battery": ("jk-bms", 1),
        "overview": ("victron-system", profile("victron-system").bus.unit),
        "meter-2": ("pzem-ac", 9),
    }
    assert devices["controller-2"].connection == Line("/dev/ttyUSB0", 115200)
    assert devices["battery"].connection.port == "/dev/tty with space"
    assert devices["meter-2"].connection == Line(host="gateway.local", tcp_port=1502)


@pytest.mark.parametrize("host", ["10.0.0.7", "::1", "7", "no", "1e3", "fe80::1%eth0", "2026-11-23", "0x10"])
def test_no_host_is_misread_by_yaml(host: str) -> None:
    """What YAML takes for a number, a date or a truth is written in quotes."""
    assert pasted(found("epever-tracer", Line(host=host, tcp_port=502)))["controller"].connection.host == host


def test_what_cannot_be_used_as_it_is_stands_as_a_comment_with_the_reason() -> None:
    """The file stays valid, whatever was found: another parity, a ninth device, a network device on a serial port."""
    odd = found("srne-rover", Line("/dev/ttyUSB1", 9600, "even"))
    lines = site_lines([found("epever-tracer"), odd])
    assert "  # controller-2: answers with parity even; set the device to parity none, as its profile says" in lines
    assert list(pasted(found("epever-tracer"), odd)) == ["controller-1"]
    nine = [found("srne-rover", Line("/dev/ttyUSB0", 9600), unit) for unit in range(1, 10)]
    assert list(pasted(*nine)) == [f"controller-{i}" for i in range(1, 9)]
    assert any("at most 8 devices" in line for line in site_lines(nine))
    away = Found(Line("/dev/ttyUSB0", 9600), 1, (fit(profile("victron-system")),))
    assert "devices:" not in site_lines([away])
    assert any("over the network only" in line for line in site_lines([away]))


def test_devices_with_one_and_two_stop_bits_share_a_port() -> None:
    """A receiver takes a second stop bit for a pause, so both stand in the lines and the agent reads them."""
    pair = [found("srne-rover", Line("/dev/ttyUSB0", 9600), 1), found("pzem-dc", Line("/dev/ttyUSB0", 9600), 2)]
    assert list(pasted(*pair)) == ["controller", "meter"]


@pytest.mark.parametrize(
    ("result", "parts"),
    [
        (
            Searched(PORT, trouble=RetryLater("p cannot be opened; another program holds it")),
            ["systemctl stop kayasol-edge"],
        ),
        (Searched(PORT, trouble=RetryLater("p cannot be opened; may this user open it?")), ["sudo", "dialout"]),
        (Searched(PORT, trouble=RetryLater("p cannot be opened; is the cable in?")), ["is the cable in?", "ls -l"]),
        (Searched("h", serial=False, trouble=RetryLater("h:502 cannot be opened; is it on?")), ["h:502", "is it on?"]),
        (
            Searched(PORT, signs=Counter({Sign.NOISE: 1, Sign.SILENCE: 9})),
            ["make no sense", "--thorough", "Two masters"],
        ),
        (Searched(PORT, signs=Counter({Sign.CLASH: 1, Sign.NOISE: 9})), ["same unit number", "Leave one device"]),
        (Searched(PORT, signs=Counter({Sign.ECHO: 9})), ["hears itself", "Swap A and B"]),
        (Searched("h", serial=False, signs=Counter({Sign.HUNG_UP: 9})), ["one client at a time"]),
        (Searched("h", serial=False, signs=Counter({Sign.SILENCE: 9})), ["9 questions", "--units 1-247"]),
        (
            Searched(PORT, signs=Counter({Sign.SILENCE: 9})),
            [
                "nothing answered to 9 questions",
                "Is the device on?",
                "Swap A and B",
                "pins 1 and 2 unconnected",
                "ls -l",
                "VE.Direct",
                "Bluetooth",
                "Modbus switched on",
                "--thorough",
            ],
        ),
    ],
)
def test_nothing_found_says_what_to_do(result: Searched, parts: list[str]) -> None:
    """Each cause has its own words, in the order of what to try."""
    text = "\n".join(advice([result]))
    places = [text.find(part) for part in parts]
    assert -1 not in places
    assert places == sorted(places)


def test_the_long_list_is_given_once() -> None:
    """Two dead ports do not double the advice."""
    dead = [Searched(f"/dev/ttyUSB{i}", signs=Counter({Sign.SILENCE: 5})) for i in range(2)]
    assert sum("Swap A and B" in line for line in advice(dead)) == 1


def test_without_a_port_the_adapter_is_the_matter() -> None:
    """Nothing was asked, so nothing is said of devices."""
    text = "\n".join(no_ports())
    assert "no serial port" in text
    assert "--host" in text
    assert "Swap" not in text
