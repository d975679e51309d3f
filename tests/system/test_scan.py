"""The command `scan` on real lines: pseudo-terminals and sockets with simulated devices, dead, noisy and taken ones."""

from __future__ import annotations

import io
import os
import signal
import threading
from argparse import ArgumentParser
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from edge import scanning
from edge.errors import EdgeError, Refused
from edge.io.serial_port import SerialPort
from edge.settings import Connection, Settings, parse
from edge.simulator.bus import Responder, RtuBus, TcpBus
from edge.simulator.mischief import Mischief
from edge.simulator.slave import RegisterBank, answer
from firmware_config import ConfigError, board_text, profile_text
from tests.edge.devices import image

SITE = """\
site: {id: essai, name: Essai, kind: school, commune: Kaya, shard: 0}
uplink: {host: localhost}
"""
FAMILIES = ("--profile", "epever-tracer", "--profile", "srne-rover", "--profile", "pzem-dc")
"""Few families keep tests short where nothing answers; which are tried in what order is tested without lines."""


@dataclass
class Scanned:
    """What the command said and how it ended."""

    code: int
    out: str
    progress: str


def slave(name: str) -> Responder:
    """Give a simulated device of this profile."""
    registers = image(name)
    return lambda pdu: answer(pdu, RegisterBank(lambda: registers))


def scan(*words: str, ports: Sequence[str] = (), progress: io.StringIO | None = None) -> Scanned:
    """Run the command as the technician types it, on a machine with these ports."""
    parser = ArgumentParser()
    scanning.add_arguments(parser)
    out, progress = io.StringIO(), progress or io.StringIO()
    code = scanning.scan(parser.parse_args(words), out, progress, lambda: ports)
    return Scanned(code, out.getvalue(), progress.getvalue())


def site(lines: str) -> Settings:
    """Read lines that were written for a site.yaml."""
    return parse(SITE + lines, "site.yaml", profile_text=profile_text, board_text=board_text)


def found(settings: Settings) -> set[tuple[str, int, str]]:
    """Say profile, unit and place of each device."""
    return {(one.profile.name, one.unit, one.connection.port or "host") for one in settings.devices}


@pytest.fixture
def plug(tmp_path: Path) -> Iterator[Callable[..., RtuBus]]:
    """Plug in serial lines with devices by unit number."""
    with ExitStack() as stack:
        count = iter(range(100))

        def make(slaves: dict[int, Responder] | None = None) -> RtuBus:
            return stack.enter_context(RtuBus(slaves or {}, link=tmp_path / f"line-{next(count)}"))

        yield make
        assert not [thread for thread in threading.enumerate() if thread.name.startswith("modbus")]


def test_three_devices_on_two_buses_are_found(plug: Callable[..., RtuBus], tmp_path: Path) -> None:
    """Two on one line and one with another number on a second are told, and written as the agent reads them."""
    first = plug({1: slave("epever-tracer"), 2: slave("srne-rover")})
    second = plug({5: slave("pzem-dc")})
    lines = tmp_path / "lines.yaml"
    done = scan(*FAMILIES, "--write", str(lines), ports=[first.port, second.port])
    assert done.code == scanning.FOUND
    assert found(site(lines.read_text("utf-8"))) == {
        ("epever-tracer", 1, first.port),
        ("srne-rover", 2, first.port),
        ("pzem-dc", 5, second.port),
    }
    assert done.out.count("Compare these") == 3
    assert "battery voltage                12.80 V" in done.out
    assert "3 devices found in " in done.out
    assert f"{first.port} at 115200 baud, no parity: with the numbers of the factory\n" in done.progress


def test_a_dead_and_a_noisy_line_do_not_hide_a_good_one(plug: Callable[..., RtuBus]) -> None:
    """The device is found, and for each of the others it is said what is wrong and what to do."""
    good, dead, noisy = (
        plug({1: slave("epever-tracer")}),
        plug(),
        plug({unit: slave("pzem-dc") for unit in range(1, 17)}),
    )
    noisy.mischief = Mischief(garble=lambda _: b"\x00\xff\x13\x37\xa5")
    done = scan(*FAMILIES, "--units", "1-4", ports=[good.port, dead.port, noisy.port])
    assert done.code == scanning.FOUND
    assert "1 device found" in done.out
    assert f"{dead.port}: nothing answered to " in done.out
    assert f"{noisy.port}: Bytes came back, but they make no sense." in done.out
    assert done.out.count("Swap A and B") == 1


def test_a_device_on_the_network_is_found(tmp_path: Path) -> None:
    """Behind a gateway a number that was changed is found, and the lines name host and port."""
    lines = tmp_path / "lines.yaml"
    with TcpBus({1: slave("epever-tracer"), 9: slave("pzem-dc")}) as bus:
        done = scan(*FAMILIES, "--host", f"127.0.0.1:{bus.port}", "--write", str(lines))
    assert done.code == scanning.FOUND
    devices = site(lines.read_text("utf-8")).devices
    assert {(one.profile.name, one.unit, one.connection.tcp_port) for one in devices} == {
        ("epever-tracer", 1, bus.port),
        ("pzem-dc", 9, bus.port),
    }


def test_a_port_that_the_agent_holds_is_left_to_it(plug: Callable[..., RtuBus]) -> None:
    """The technician is told how to stop the agent, and the agent's line is not disturbed."""
    bus = plug({1: slave("epever-tracer")})
    agent = SerialPort(bus.port, baud=115200)
    agent.exchange(b"", bool, timeout_s=0.0)
    try:
        done = scan(*FAMILIES, ports=[bus.port])
    finally:
        agent.close()
    assert done.code == scanning.NOTHING_FOUND
    assert f"{bus.port}: another program holds it" in done.out
    assert "systemctl stop kayasol-edge" in done.out


def test_a_port_or_host_that_is_not_there_is_said(tmp_path: Path) -> None:
    """A wrong name costs no wait and is named."""
    with TcpBus({}) as bus:
        free = bus.port
    done = scan(*FAMILIES, "--port", str(tmp_path / "none"), "--host", f"127.0.0.1:{free}")
    assert done.code == scanning.NOTHING_FOUND
    assert f"{tmp_path / 'none'} cannot be opened; is the cable in" in done.out
    assert f"127.0.0.1:{free} cannot be opened; is the address right" in done.out


def test_a_machine_without_ports_is_told_so() -> None:
    """Nothing is asked, and it is said how to get a port."""
    done = scan()
    assert done.code == scanning.NOTHING_FOUND
    assert done.out.startswith("This machine shows no serial port.")


def test_a_device_that_no_profile_knows_is_told(plug: Callable[..., RtuBus]) -> None:
    """Somebody answers: that is said, with what to send."""
    bus = plug({3: lambda pdu: bytes((pdu[0] | 0x80, 1))})
    done = scan(*FAMILIES, "--units", "2-4", ports=[bus.port])
    assert done.code == scanning.NOTHING_FOUND
    assert "unit 3: SOMETHING ANSWERS, but no profile fits it." in done.out
    assert "Swap A and B" not in done.out


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        """Say so."""
        return True


def test_progress_stays_on_one_line_of_a_terminal(plug: Callable[..., RtuBus]) -> None:
    """There each message takes the place of the one before, and the last is wiped away."""
    bus = plug({1: slave("epever-tracer")})
    done = scan(*FAMILIES, "--units", "1", "--baud", "115200", ports=[bus.port], progress=Terminal())
    assert "\n" not in done.progress
    assert done.progress.endswith("\r\033[K")


class Impatient(io.StringIO):
    """A terminal in front of which somebody presses Ctrl-C when a dead line is tried at a second speed."""

    def write(self, text: str) -> int:
        """Take a message."""
        if "9600 baud, no parity: 12 unit numbers" in text:
            os.kill(os.getpid(), signal.SIGINT)
        return super().write(text)


def test_ctrl_c_keeps_what_was_found(plug: Callable[..., RtuBus]) -> None:
    """A scan that takes too long is stopped at once, and what is known by then is told."""
    good, dead = plug({1: slave("epever-tracer")}), plug()
    done = scan(*FAMILIES, "--units", "1-12", ports=[good.port, dead.port], progress=Impatient())
    assert done.code == scanning.STOPPED
    assert "unit 1: EPEVER Tracer" in done.out
    assert "1 device found" in done.out
    assert "until it was stopped" in done.out


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (("--units", "1-a"), "numbers and ranges"),
        (("--units", "0"), "from 1 to 247"),
        (("--units", "9-1"), "the lower first"),
        (("--host", "h:70000"), "HOST:PORT"),
        (("--host", ":502"), "HOST:PORT"),
        (("--profile", "nothing"), "there is no device profile"),
        (("--profile", "victron-system", "--port", "/dev/ttyUSB0"), "over the network only"),
        (("--write", "/nowhere/at/all.yaml"), "no folder"),
    ],
)
def test_what_makes_no_sense_is_refused_before_anything_is_asked(words: tuple[str, ...], complaint: str) -> None:
    """The sentence says what would be right."""
    with pytest.raises((Refused, ConfigError), match=complaint):
        scan(*words, ports=["/dev/no-port"])


def test_a_file_of_somebody_else_is_never_written_over(plug: Callable[..., RtuBus], tmp_path: Path) -> None:
    """A site.yaml in use stays as it is; what an earlier scan wrote is replaced."""
    used, earlier = tmp_path / "site.yaml", tmp_path / "lines.yaml"
    used.write_text(SITE, "utf-8")
    with pytest.raises(EdgeError, match="was not written by scan"):
        scan("--write", str(used))
    used.write_bytes(b"\xff\xfe")
    with pytest.raises(EdgeError, match="was not written by scan"):
        scan("--write", str(used))
    bus = plug({1: slave("epever-tracer")})
    for _ in range(2):
        words = (*FAMILIES, "--units", "1", "--baud", "115200", "--write", str(earlier))
        assert scan(*words, ports=[bus.port]).code == scanning.FOUND
    assert len(site(earlier.read_text("utf-8")).devices) == 1


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("h", ("h", 0)),
        ("h:1502", ("h", 1502)),
        ("10.0.0.7:502", ("10.0.0.7", 502)),
        ("[::1]:502", ("::1", 502)),
        ("[::1]", ("::1", 0)),
        ("fe80::1", ("fe80::1", 0)),
    ],
)
def test_hosts_are_read_with_and_without_a_port(
    text: str, expected: tuple[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Names, both kinds of address, and a port if there is one."""
    seen: list[tuple[str | None, int]] = []

    def search(places: dict[str, list[Connection]], *_: object) -> list[object]:
        seen.extend((one.host, one.tcp_port) for connections in places.values() for one in connections)
        return []

    monkeypatch.setattr(scanning, "_search", search)
    scan("--host", text, *FAMILIES)
    assert seen == [(expected[0], expected[1] or 502)]
