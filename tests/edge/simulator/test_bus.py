"""Slaves on real lines, read by the real pymodbus and by bare sockets."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from pymodbus.client import ModbusSerialClient, ModbusTcpClient

from edge.frames import mbap_unwrap, mbap_wrap, rtu_wrap
from edge.registers import Table
from edge.simulator.bus import Responder, RtuBus, TcpBus
from edge.simulator.mischief import Mischief
from edge.simulator.slave import Image, RegisterBank, answer

IMAGE: Image = {(Table.INPUT, 0x3100 + i): 1000 + i for i in range(20)} | {(Table.COIL, i): i % 2 for i in range(9)}
READ_TWO = bytes.fromhex("0431000002")
TWO_WORDS = bytes.fromhex("040403e803e9")


def _respond(pdu: bytes) -> bytes:
    """Answer from the image."""
    return answer(pdu, RegisterBank(lambda: IMAGE))


SLAVES: dict[int, Responder] = {1: _respond, 5: _respond}


@pytest.fixture
def tcp() -> Iterator[TcpBus]:
    """Give a TCP bus with units 1 and 5."""
    with TcpBus(SLAVES) as bus:
        yield bus


@pytest.fixture
def rtu() -> Iterator[RtuBus]:
    """Give a serial bus with units 1 and 5."""
    with RtuBus(SLAVES) as bus:
        yield bus


class Line:
    """A bare serial client."""

    def __init__(self, port: str) -> None:
        self.file = os.open(port, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)

    def exchange(self, request: bytes, wait_s: float = 0.15) -> bytes:
        """Send and collect what comes back in the given time."""
        os.write(self.file, request)
        received, until = b"", time.monotonic() + wait_s  # noqa: TID251 - a test of real time
        while time.monotonic() < until:  # noqa: TID251
            try:
                received += os.read(self.file, 300)
            except BlockingIOError:
                time.sleep(0.005)
        return received


@pytest.fixture
def line(rtu: RtuBus) -> Iterator[Line]:
    """Give a bare client on the serial bus."""
    line = Line(rtu.port)
    yield line
    os.close(line.file)


def test_pymodbus_reads_it_over_tcp_from_several_connections(tcp: TcpBus) -> None:
    """Two clients at once read words and bits; a unit that is not there is refused like by a gateway."""
    with (
        ModbusTcpClient("127.0.0.1", port=tcp.port, timeout=1.0) as one,
        ModbusTcpClient("127.0.0.1", port=tcp.port, timeout=1.0) as two,
    ):
        for client, unit in ((one, 1), (two, 5), (one, 5)):
            assert client.read_input_registers(0x3100, count=20, device_id=unit).registers == list(range(1000, 1020))
        assert two.read_coils(0, count=9, device_id=1).bits[:9] == [i % 2 == 1 for i in range(9)]
        assert one.read_input_registers(0x3114, count=1, device_id=1).exception_code == 2
        assert one.read_input_registers(0x3100, count=1, device_id=9).exception_code == 11


def test_pymodbus_reads_it_over_a_serial_line_and_again_after_reopening(tmp_path: Path) -> None:
    """Through a stable name: a client reads, closes, and another reads on; afterwards the name is gone."""
    link = tmp_path / "controller"
    with RtuBus(SLAVES, link=link) as bus:
        assert bus.port == str(link)
        for _ in range(2):
            with ModbusSerialClient(bus.port, baudrate=115200, timeout=1.0, retries=0) as client:
                reply = client.read_input_registers(0x3100, count=18, device_id=1)
                assert reply.registers == list(range(1000, 1018))
                assert client.read_holding_registers(0, count=1, device_id=5).exception_code == 2
    assert not link.is_symlink()


def test_a_stale_name_is_replaced_and_a_real_file_is_not(tmp_path: Path) -> None:
    """A link left by a killed run does not stop the next one; somebody's file does."""
    stale, file = tmp_path / "stale", tmp_path / "file"
    stale.symlink_to(tmp_path / "gone")
    file.write_text("mine")
    with RtuBus(SLAVES, link=stale):
        assert stale.exists()
    with pytest.raises(FileExistsError, match="somebody else"):
        RtuBus(SLAVES, link=file)
    assert file.read_text() == "mine"


def test_a_serial_slave_is_silent_on_what_is_not_for_it(line: Line) -> None:
    """A wrong checksum and another unit meet silence; the next good request is answered."""
    good = rtu_wrap(1, READ_TWO)
    assert line.exchange(good[:-1] + b"\x00") == b""
    assert line.exchange(rtu_wrap(2, READ_TWO)) == b""
    assert line.exchange(good) == rtu_wrap(1, TWO_WORDS)


def test_a_serial_request_may_come_in_pieces_or_unknown(line: Line) -> None:
    """Halves sent within the silence limit are one request; an unknown function ends with silence, exception 1."""
    good = rtu_wrap(1, READ_TWO)
    os.write(line.file, good[:3])
    assert line.exchange(good[3:]) == rtu_wrap(1, TWO_WORDS)
    assert line.exchange(rtu_wrap(1, bytes.fromhex("2b0e0100"))) == rtu_wrap(1, b"\xab\x01")


@pytest.mark.parametrize(
    ("mischief", "expected"),
    [
        (Mischief(silent=True), b""),
        (Mischief(delay_s=0.05), rtu_wrap(1, TWO_WORDS)),
        (Mischief(delay_s=0.5), b""),
        (Mischief(garbage=b"\x00"), b"\x00" + rtu_wrap(1, TWO_WORDS)),
        (Mischief(echo=True), rtu_wrap(1, READ_TWO) + rtu_wrap(1, TWO_WORDS)),
        (Mischief(wrong_unit=True), rtu_wrap(2, TWO_WORDS)),
        (Mischief(wrong_function=True), rtu_wrap(1, b"\x01" + TWO_WORDS[1:])),
        (Mischief(busy=True), rtu_wrap(1, b"\x84\x06")),
        (Mischief(echo=True, silent=True), rtu_wrap(1, READ_TWO)),
        (Mischief(duplicate_s=0.03), 2 * rtu_wrap(1, TWO_WORDS)),
        (Mischief(previous_s=1.0), b""),
        (Mischief(garble=lambda frame: frame[2:5] + b"\xff"), TWO_WORDS[1:4] + b"\xff"),
    ],
    ids=[
        "silence", "delay", "long delay", "zero byte", "echo", "unit", "function", "busy", "echo and silence",
        "duplicate", "nothing before", "garbled",
    ],
)  # fmt: skip
def test_mischief_on_demand(rtu: RtuBus, line: Line, mischief: Mischief, expected: bytes) -> None:
    """Each kind of mischief comes as ordered, and only while ordered."""
    rtu.mischief = mischief
    assert line.exchange(rtu_wrap(1, READ_TWO)) == expected
    rtu.mischief = Mischief()
    if mischief.delay_s < 0.15:
        assert line.exchange(rtu_wrap(1, READ_TWO)) == rtu_wrap(1, TWO_WORDS)


def test_a_late_reply_comes_after_the_next_one(rtu: RtuBus, line: Line) -> None:
    """A reply kept back beyond the time-out arrives while the slave already answers the next request."""
    rtu.mischief = Mischief(late_s=0.2)
    assert line.exchange(rtu_wrap(1, READ_TWO), wait_s=0.05) == b""
    rtu.mischief = Mischief()
    other = rtu_wrap(1, bytes.fromhex("0431030001"))
    received = line.exchange(other, wait_s=0.3)
    assert received == rtu_wrap(1, bytes.fromhex("040203eb")) + rtu_wrap(1, TWO_WORDS)


def test_the_reply_to_the_request_before_comes_while_it_is_young(rtu: RtuBus, line: Line) -> None:
    """A device that is one answer behind gives that answer, and none once it is too old."""
    one_word = rtu_wrap(1, bytes.fromhex("0431030001"))
    line.exchange(one_word)
    rtu.mischief = Mischief(previous_s=10.0)
    assert line.exchange(rtu_wrap(1, READ_TWO)) == rtu_wrap(1, bytes.fromhex("040203eb"))
    rtu.mischief = Mischief(previous_s=0.01)
    assert line.exchange(one_word) == b""


def test_mischief_may_be_drawn_for_each_request(rtu: RtuBus, line: Line) -> None:
    """Whoever draws is told the request, and the next exchange is drawn anew."""
    asked: list[tuple[int, bytes]] = []

    def draw(unit: int, pdu: bytes) -> Mischief:
        asked.append((unit, pdu))
        return Mischief(silent=unit == 5)

    rtu.mischief = draw
    assert line.exchange(rtu_wrap(5, READ_TWO)) == b""
    assert line.exchange(rtu_wrap(1, READ_TWO)) == rtu_wrap(1, TWO_WORDS)
    assert asked == [(5, READ_TWO), (1, READ_TWO)]


def test_a_reply_that_is_overdue_may_be_lost(rtu: RtuBus, line: Line) -> None:
    """With a limit of less than nothing no reply is in time; without one, none is ever lost."""
    rtu.lost_after_s = -1.0
    assert line.exchange(rtu_wrap(1, READ_TWO)) == b""
    rtu.lost_after_s = float("inf")
    assert line.exchange(rtu_wrap(1, READ_TWO)) == rtu_wrap(1, TWO_WORDS)


def test_tcp_mischief_and_nonsense(tcp: TcpBus) -> None:
    """A silent bus keeps the connection; bytes that are no Modbus end it, and others go on."""
    with socket.create_connection(("127.0.0.1", tcp.port), timeout=1.0) as client:
        tcp.mischief = Mischief(silent=True)
        client.sendall(mbap_wrap(7, 1, READ_TWO))
        client.settimeout(0.1)
        with pytest.raises(TimeoutError):
            client.recv(100)
        tcp.mischief = Mischief()
        client.settimeout(1.0)
        client.sendall(mbap_wrap(8, 1, READ_TWO) + mbap_wrap(9, 5, READ_TWO))
        received = b""
        while len(received) < 26:
            received += client.recv(100)
        first = mbap_unwrap(received)
        assert first == (8, 1, TWO_WORDS, 13)
        assert mbap_unwrap(received[13:]) == (9, 5, TWO_WORDS, 13)
        client.sendall(b"GET / HTTP/1.0\r\n\r\n")
        assert client.recv(100) == b""
    with socket.create_connection(("127.0.0.1", tcp.port), timeout=1.0) as client:
        client.sendall(mbap_wrap(1, 1, READ_TWO))
        assert client.recv(100) == mbap_wrap(1, 1, TWO_WORDS)


def test_a_closed_bus_is_gone() -> None:
    """After `close`, even twice, nobody listens and the port can be had again."""
    bus = TcpBus(SLAVES)
    bus.close()
    bus.close()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", bus.port), timeout=1.0)
    with TcpBus(SLAVES, port=bus.port) as again:
        assert again.port == bus.port
