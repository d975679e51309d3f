"""The command `scan`: finds ports, speeds, unit numbers and profiles, with a thread for each port. It only reads."""

from __future__ import annotations

import shutil
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Lock
from typing import TextIO

from edge import profiles
from edge.errors import Refused, RetryLater
from edge.inspection import asking
from edge.io.modbus import ModbusLine
from edge.io.serial_list import serial_ports
from edge.profiles import Bus, Profile
from edge.readplan import Block, Words
from edge.recognition import AskUnit, familiar_first
from edge.scan import BAUDS, Opener, Plan, Search, Searched
from edge.scan_advice import advice, no_ports
from edge.scan_report import HEADER, report, site_lines
from edge.settings import Connection
from firmware_config import load, profile_names, profile_text

LATE_REPLY_S = 0.06
"""A reply that comes later still is told from the next one's by its unit number."""
LINGER_S = 0.02
FOUND, NOTHING_FOUND, STOPPED = 0, 1, 130
_UNITS_MAX = 247
_PORT_MAX = 65535


def add_arguments(parser: ArgumentParser) -> None:
    """Say what the command takes."""
    add = parser.add_argument
    add("--port", action="append", default=[], metavar="PATH", help="a serial port; default: all that there are")
    add("--host", action="append", default=[], metavar="HOST[:PORT]", help="a device or gateway on the network")
    add("--units", default="", metavar="LIST", help="only these unit numbers, as in 1-16,32")
    add("--baud", action="append", default=[], type=int, choices=sorted(BAUDS), metavar="N", help="only this speed")
    add("--profile", action="append", default=[], metavar="NAME", help="only devices of this profile")
    add("--thorough", action="store_true", help="every speed and every unit number; may take an hour")
    add("--write", type=Path, metavar="FILE", help="write the lines for site.yaml to a file")


def scan(
    arguments: Namespace, out: TextIO, progress: TextIO, list_ports: Callable[[], Sequence[str]] = serial_ports
) -> int:
    """Scan, print what was found and what to do; returns the exit code. Raises `Refused` for what makes no sense."""
    began_s = _now_s()
    if arguments.write is not None:
        _check_writable(arguments.write)
    units, hosts = _units(arguments.units), [(host, *_host(host)) for host in arguments.host]
    bar, stopping = _Progress(progress), Event()
    bar.say("reading the device profiles")
    plan = Plan(familiar_first(_profiles(arguments.profile)), units, tuple(arguments.baud), arguments.thorough)
    if not plan.profiles:
        raise Refused(
            "none of these profiles says how to recognise its devices; put the device into site.yaml yourself"
        )
    if not hosts and not any(profile.bus.baud for profile in plan.profiles):
        raise Refused("these devices are read over the network only; give --host ADDRESS")
    ports = arguments.port or ([] if hosts else list_ports())
    places = {port: plan.serial(port) for port in ports}
    places |= {place: plan.network(host, tcp_port) for place, host, tcp_port in hosts}
    bar.clear()
    if not places:
        _print(no_ports(), out)
        return NOTHING_FOUND
    _print([f"Looking at {', '.join(places)}. Nothing is changed in any device."], out)
    results = _search(places, plan, bar, stopping)
    bar.clear()
    found = [one for result in results for one in result.found]
    _print(["", *report(results)], out)
    _print(advice([result for result in results if not result.found and not result.strangers]), out)
    if found:
        lines = site_lines(found)
        _print(["", *lines, ""], out)
        if arguments.write is not None:
            _write(arguments.write, lines)
            _print([f"These lines are in {arguments.write}."], out)
    stopped = " until it was stopped" if stopping.is_set() else ""
    _print(
        [f"{len(found)} {'device' if len(found) == 1 else 'devices'} found in {_now_s() - began_s:.0f} s{stopped}."],
        out,
    )
    return STOPPED if stopping.is_set() else FOUND if found else NOTHING_FOUND


def _search(places: dict[str, list[Connection]], plan: Plan, bar: _Progress, stopping: Event) -> list[Searched]:
    """Search all places at once; Ctrl-C ends it early, and what was found until then is kept."""
    opener = _opener(plan, stopping)
    running: list[Future[Searched]] = []
    with ThreadPoolExecutor(max_workers=len(places)) as pool:
        try:
            for place, connections in places.items():
                running.append(pool.submit(Search(place, connections, plan, opener, bar.say).run))
            wait(running)
        except KeyboardInterrupt:
            stopping.set()  # every question now fails at once
        return [future.result() for future in running]


def _opener(plan: Plan, stopping: Event) -> Opener:
    hangs_up = any(profile.bus.reconnect for profile in plan.profiles)

    @contextmanager
    def opened(connection: Connection, timeout_s: float) -> Iterator[AskUnit]:
        line = ModbusLine(
            connection,
            timeout_s=timeout_s,
            pause_s=LINGER_S,
            late_reply_s=LATE_REPLY_S,
            tries=1,
            reconnect=hangs_up and connection.port is None,
        )
        ended_s = 0.0

        def ask(unit: int, block: Block, bus: Bus) -> Words:
            nonlocal ended_s
            if stopping.wait(max(0.0, ended_s + bus.pause_s - _now_s())):
                raise RetryLater("the scan is being closed")
            try:
                return asking(line, unit, any_unit=bus.any_unit and unit == bus.unit)(block)
            finally:
                ended_s = _now_s()

        try:
            yield ask
        finally:
            line.close()

    return opened


class _Progress:
    """Says what is being tried: on a terminal always on the same line, elsewhere line by line."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._same_line = stream.isatty()
        self._lock = Lock()

    def say(self, text: str) -> None:
        """Show what is tried now."""
        with self._lock:
            if self._same_line:
                width = shutil.get_terminal_size().columns - 1
                self._stream.write(f"\r\033[K{text[-width:]}")
                self._stream.flush()
            else:
                print(text, file=self._stream, flush=True)

    def clear(self) -> None:
        """Leave no trace on a terminal."""
        if self._same_line:
            self._stream.write("\r\033[K")
            self._stream.flush()


def _profiles(wanted: Sequence[str]) -> list[Profile]:
    """Read the profiles; raises `ConfigError` for one that is not there or cannot be used."""
    return [
        profiles.parse(load(profile_text(name), "device", f"profile {name}"))
        for name in (dict.fromkeys(wanted) if wanted else profile_names())
    ]


def _host(text: str) -> tuple[str, int]:
    """Read HOST, HOST:PORT or [ADDRESS]:PORT; port 0 when none is named."""
    if not text.strip():
        raise Refused("--host wants an address or a name")
    host, colon, port = text.rpartition(":")
    if not colon or text.endswith("]") or (":" in host and not host.endswith("]")):
        return text.strip("[]"), 0
    if not port.isdecimal() or not 1 <= int(port) <= _PORT_MAX or not host:
        raise Refused(f"--host {text}: write HOST or HOST:PORT, with a port from 1 to {_PORT_MAX}")
    return host.strip("[]"), int(port)


def _units(text: str) -> tuple[int, ...]:
    """Read a list such as 1-16,32."""
    units: dict[int, None] = {}
    for part in filter(None, text.replace(" ", "").split(",")):
        first, dash, last = part.partition("-")
        if not first.isdecimal() or (dash and not last.isdecimal()):
            raise Refused(f"--units {text}: write numbers and ranges, as in 1-16,32")
        numbers = range(int(first), int(last or first) + 1)
        if not numbers or numbers[0] < 1 or numbers[-1] > _UNITS_MAX:
            raise Refused(f"--units {text}: unit numbers go from 1 to {_UNITS_MAX}, the lower first")
        units.update(dict.fromkeys(numbers))
    if text and not units:
        raise Refused(f"--units {text}: write numbers and ranges, as in 1-16,32")
    return tuple(units)


def _check_writable(path: Path) -> None:
    """Refuse a file of somebody else's before anything is asked: it may be the site.yaml in use."""
    try:
        first = path.read_text("utf-8").partition("\n")[0] if path.exists() else HEADER
    except (OSError, UnicodeDecodeError):
        first = ""
    if first != HEADER:
        raise Refused(f"{path} is there already and was not written by scan; give another name to --write")
    if not path.parent.is_dir():
        raise Refused(f"{path.parent} is no folder; make it first, or give another name to --write")


def _write(path: Path, lines: Sequence[str]) -> None:
    try:
        path.write_text("\n".join((*lines, "")), "utf-8")
    except OSError as error:
        raise RetryLater(f"{path} cannot be written: {error.strerror}") from error


def _print(lines: Iterable[str], out: TextIO) -> None:
    for line in lines:
        print(line, file=out)


def _now_s() -> float:
    return time.monotonic()  # noqa: TID251  a command waits by the real clock
