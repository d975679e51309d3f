"""Modbus lines against slaves that misbehave, over real TCP and over a real serial line (a pseudo-terminal)."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import pytest

from edge.errors import EdgeError, Refused, RetryLater
from edge.frames import mbap_unwrap, mbap_wrap, rtu_wrap
from edge.io.modbus import ModbusLine
from edge.io.serial_port import BYTES_MAX
from edge.ports import Poll, PollResult
from edge.readplan import Block
from edge.registers import Table
from edge.settings import Connection
from edge.simulator.bus import Responder, RtuBus, TcpBus
from edge.simulator.mischief import Mischief
from edge.simulator.slave import Image, RegisterBank, answer

TIMEOUT_S = 0.12
LATE_S = 0.18
QUIET_S = 0.24
"""After a time-out, longer than a reply that is `LATE_S` late still needs."""

SHORT_S = 0.01
"""Enough where nothing is late."""

# Every word tells its address, so a word in the wrong place shows.
IMAGE: Image = {(table, at): at for table in (Table.INPUT, Table.HOLDING) for at in range(0x100, 0x180)}
IMAGE |= {(table, at): at % 3 == 0 for table in (Table.COIL, Table.DISCRETE) for at in range(20)}

ONE = Block(Table.INPUT, 0x100, 4)
TWO = Block(Table.INPUT, 0x140, 4)
UNKNOWN = Block(Table.INPUT, 0x17E, 4)


def words(block: Block) -> tuple[int, ...]:
    """Tell what the image holds there."""
    return tuple(int(IMAGE[block.table, at]) for at in range(block.address, block.address + block.count))


def honest(pdu: bytes) -> bytes:
    """Answer from the image."""
    return answer(pdu, RegisterBank(lambda: IMAGE))


class Scripted:
    """A slave that answers the first requests as it is told, and then honestly; it counts what it is asked."""

    def __init__(self, *first: bytes | None) -> None:
        self.asked = 0
        self._first = first

    def __call__(self, pdu: bytes) -> bytes | None:
        """Answer one request."""
        self.asked += 1
        return self._first[self.asked - 1] if self.asked <= len(self._first) else honest(pdu)


@dataclass(slots=True)
class Rig:
    """A bus and the way to it."""

    bus: RtuBus | TcpBus
    connection: Connection


MakeRig = Callable[[dict[int, Responder]], Rig]
MakeLine = Callable[..., ModbusLine]


@pytest.fixture(params=["tcp", "rtu"])
def make_rig(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[MakeRig]:
    """Give each test both kinds of line in turn."""
    buses: list[RtuBus | TcpBus] = []

    def make(slaves: dict[int, Responder]) -> Rig:
        if request.param == "tcp":
            tcp = TcpBus(slaves)
            buses.append(tcp)
            return Rig(tcp, Connection(host="127.0.0.1", tcp_port=tcp.port))
        rtu = RtuBus(slaves, link=tmp_path / "line")
        buses.append(rtu)
        return Rig(rtu, Connection(port=rtu.port, baud=115200))

    yield make
    for bus in buses:
        bus.close()


@pytest.fixture
def make_line() -> Iterator[MakeLine]:
    """Open lines and close them after the test; their threads must end."""
    lines: list[ModbusLine] = []

    def make(
        connection: Connection, *, late_reply_s: float = SHORT_S, tries: int = 2, reconnect: bool = False
    ) -> ModbusLine:
        line = ModbusLine(
            connection, timeout_s=TIMEOUT_S, pause_s=0.0, late_reply_s=late_reply_s, tries=tries, reconnect=reconnect
        )
        lines.append(line)
        return line

    yield make
    for line in lines:
        line.close()
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("modbus")]


def wait(line: ModbusLine, count: int = 1) -> list[PollResult]:
    """Fetch results until there are enough."""
    results: list[PollResult] = []
    until = time.monotonic() + 10  # noqa: TID251  a test of real time
    while len(results) < count and time.monotonic() < until:  # noqa: TID251
        results += line.finished()
        time.sleep(0.002)
    assert len(results) == count
    return results


def ask(line: ModbusLine, *blocks: Block, unit: int = 1) -> PollResult:
    """Poll once and wait for the end of it."""
    assert line.start(Poll("device", unit, blocks))
    return wait(line)[0]


def only_error(result: PollResult, block: Block) -> EdgeError:
    """Take the one reason there must be."""
    assert dict(result.answers) == {}
    assert set(result.errors) == {block}
    return result.errors[block]


def test_every_table_is_read(make_rig: MakeRig, make_line: MakeLine) -> None:
    """Words and bits of all four tables arrive in order, bits cut to the count asked for."""
    line = make_line(make_rig({1: honest}).connection)
    blocks = [Block(Table.HOLDING, 0x100, 1), ONE, TWO, Block(Table.COIL, 1, 11), Block(Table.DISCRETE, 0, 8)]
    result = ask(line, *blocks)
    assert result.errors == {}
    assert result.answers == {block: words(block) for block in blocks}


def test_a_late_reply_never_answers_the_next_request(make_rig: MakeRig, make_line: MakeLine) -> None:
    """A slave slower than the time-out gives no words at all, rather than those of the request before."""
    rig = make_rig({1: honest})
    line = make_line(rig.connection, late_reply_s=QUIET_S)
    rig.bus.mischief = Mischief(late_s=LATE_S)
    for block in (ONE, TWO):
        assert isinstance(only_error(ask(line, block), block), RetryLater)
    rig.bus.mischief = Mischief()
    assert ask(line, ONE, TWO).answers == {ONE: words(ONE), TWO: words(TWO)}


def test_a_late_reply_of_one_device_never_answers_for_another(make_rig: MakeRig, make_line: MakeLine) -> None:
    """What a slow device says after its time-out does not reach the next device on the line."""
    rig = make_rig({1: honest, 2: honest})
    line = make_line(rig.connection, late_reply_s=QUIET_S)
    rig.bus.mischief = Mischief(late_s=LATE_S)
    line.start(Poll("slow", 1, (ONE,)))
    line.start(Poll("next", 2, (TWO,)))
    assert [dict(result.answers) for result in wait(line, 2)] == [{}, {}]


@pytest.mark.parametrize(
    "mischief",
    [
        Mischief(silent=True),
        Mischief(garbage=b"\x00\xff\x01\x04"),
        Mischief(garbage=b"\x01\x04\x08" + bytes(8)),
        Mischief(echo=True),
        Mischief(wrong_unit=True),
    ],
    ids=["silence", "noise", "half a reply", "echo", "another unit"],
)
def test_no_mischief_gives_wrong_words(make_rig: MakeRig, make_line: MakeLine, mischief: Mischief) -> None:
    """Whatever is on the line, the words are right or there are none; and it works again when the line does."""
    rig = make_rig({1: honest})
    line = make_line(rig.connection)
    rig.bus.mischief = mischief
    result = ask(line, ONE)
    assert result.answers == {ONE: words(ONE)} or isinstance(only_error(result, ONE), RetryLater)
    rig.bus.mischief = Mischief()
    assert ask(line, ONE, TWO).answers == {ONE: words(ONE), TWO: words(TWO)}


def test_silence_is_said_in_a_sentence_and_costs_one_block(make_rig: MakeRig, make_line: MakeLine) -> None:
    """A silent device is asked twice for its first block and not at all for the others."""
    slave = Scripted(None, None)
    rig = make_rig({1: slave})
    error = only_error(ask(make_line(rig.connection), ONE, TWO), ONE)
    where = rig.connection.port or f"127.0.0.1:{rig.connection.tcp_port}"
    why = "silence, or bytes that make no sense"
    if rig.connection.port is not None:
        why = "silence: is the device on, A and B not swapped, the baud rate right?"
    assert str(error) == f"{where} unit 1 gave no valid answer to input 0x0100+4: {why}"
    assert isinstance(error, RetryLater)
    assert slave.asked == 2


def test_what_is_lost_once_is_asked_again(make_rig: MakeRig, make_line: MakeLine) -> None:
    """One lost answer costs time, not values."""
    slave = Scripted(None)
    result = ask(make_line(make_rig({1: slave}).connection), ONE)
    assert result.answers == {ONE: words(ONE)}
    assert slave.asked == 2


def test_a_refused_block_does_not_cost_the_others(make_rig: MakeRig, make_line: MakeLine) -> None:
    """Exception 2 is final for its block, is asked once, and the rest is read."""
    slave = Scripted()
    result = ask(make_line(make_rig({1: slave}).connection), UNKNOWN, ONE)
    assert result.answers == {ONE: words(ONE)}
    assert isinstance(result.errors[UNKNOWN], Refused)
    assert str(result.errors[UNKNOWN]).endswith("unit 1 does not know this address (input 0x017e+4)")
    assert slave.asked == 2


def test_a_busy_device_is_asked_again(make_rig: MakeRig, make_line: MakeLine) -> None:
    """Exception 6 means later, not never."""
    assert ask(make_line(make_rig({1: Scripted(b"\x84\x06")}).connection), ONE).answers == {ONE: words(ONE)}
    rig = make_rig({3: Scripted(b"\x84\x06", b"\x84\x06")})
    error = only_error(ask(make_line(rig.connection), ONE, unit=3), ONE)
    assert isinstance(error, RetryLater)
    assert "unit 3 is busy" in str(error)


@pytest.mark.parametrize(
    ("block", "reply"),
    [
        (ONE, b"\x03\x08" + bytes(8)),
        (ONE, b"\x04\x06" + bytes(6)),
        (ONE, b"\x04\x0a" + bytes(10)),
        (ONE, b"\x83\x02"),
        (Block(Table.COIL, 0, 8), b"\x01\x02\x00\x00"),
        (Block(Table.COIL, 0, 9), b"\x01\x01\x00"),
    ],
    ids=["function", "too few words", "too many", "exception to another", "too many bits", "too few bits"],
)
def test_a_reply_to_another_request_is_not_taken(
    make_rig: MakeRig, make_line: MakeLine, block: Block, reply: bytes
) -> None:
    """An answer of the wrong function or length is thrown away and the question asked again."""
    slave = Scripted(reply, reply, reply)
    line = make_line(make_rig({1: slave}).connection)
    error = only_error(ask(line, block), block)
    assert isinstance(error, RetryLater)
    assert "a late reply to another request" in str(error)
    assert ask(line, block).answers == {block: words(block)}
    assert slave.asked == 4


def test_an_exception_that_nobody_knows_is_final(make_rig: MakeRig, make_line: MakeLine) -> None:
    """A code without a name is reported by its number."""
    error = only_error(ask(make_line(make_rig({1: Scripted(b"\x84\x2a")}).connection), ONE), ONE)
    assert isinstance(error, Refused)
    assert "answers with exception 42" in str(error)


def test_a_line_that_comes_back_is_used_again(make_rig: MakeRig, make_line: MakeLine, tmp_path: Path) -> None:
    """A pulled cable or a closed socket is reported and, once plugged in again, forgotten."""
    rig = make_rig({1: honest})
    line = make_line(rig.connection)
    assert ask(line, ONE).answers == {ONE: words(ONE)}
    rig.bus.close()
    for _ in range(2):
        assert isinstance(only_error(ask(line, ONE), ONE), RetryLater)
    again: RtuBus | TcpBus
    if rig.connection.port is None:
        again = TcpBus({1: honest}, port=rig.connection.tcp_port)
    else:
        again = RtuBus({1: honest}, link=tmp_path / "line")
    with again:
        assert ask(line, ONE).answers == {ONE: words(ONE)}


def test_a_port_that_is_not_there_is_named(make_line: MakeLine, tmp_path: Path) -> None:
    """The sentence tells a technician what to look at."""
    port = tmp_path / "no-adapter"
    assert str(only_error(ask(make_line(Connection(port=str(port), baud=9600)), ONE), ONE)) == (
        f"{port} cannot be opened; is the cable in and the port name right?"
    )
    with TcpBus({}) as bus:
        free_port = bus.port
    assert str(only_error(ask(make_line(Connection(host="127.0.0.1", tcp_port=free_port)), ONE), ONE)) == (
        f"127.0.0.1:{free_port} cannot be opened; is the address right, the device on?"
    )


def test_a_host_that_hangs_up_is_asked_again(make_line: MakeLine) -> None:
    """A gateway that closes the connection instead of answering is called anew."""
    with TcpBus({1: honest}) as bus:
        line = make_line(Connection(host="127.0.0.1", tcp_port=bus.port))
        bus.mischief = Mischief(garbage=b"GET / HTTP/1.0\r\n")
        assert isinstance(only_error(ask(line, ONE), ONE), RetryLater)
        bus.mischief = Mischief()
        assert ask(line, ONE).answers == {ONE: words(ONE)}


def test_a_host_that_hangs_up_after_every_answer_is_called_anew_each_time(make_line: MakeLine) -> None:
    """With `reconnect`, a controller that takes one request a connection loses none."""
    served = 0

    def serve(listener: socket.socket) -> None:
        nonlocal served
        with suppress(OSError):
            while True:
                connection, _ = listener.accept()
                with connection:
                    request = mbap_unwrap(connection.recv(300))
                    assert request is not None
                    transaction, unit, pdu, _ = request
                    connection.sendall(mbap_wrap(transaction, unit, honest(pdu)))
                    served += 1

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, args=(listener,))
        thread.start()
        line = make_line(Connection(host="127.0.0.1", tcp_port=listener.getsockname()[1]), tries=1, reconnect=True)
        for _ in range(2):
            assert ask(line, ONE, TWO).answers == {ONE: words(ONE), TWO: words(TWO)}
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()
    assert served == 4


def test_it_is_asked_as_often_as_told(make_rig: MakeRig, make_line: MakeLine) -> None:
    """`tries` counts all attempts at a block, the first included."""
    for tries in (1, 3):
        slave = Scripted(None, None)
        result = ask(make_line(make_rig({tries: slave}).connection, tries=tries), ONE, unit=tries)
        assert slave.asked == tries
        assert result.answers == ({ONE: words(ONE)} if tries > 2 else {})


def test_requests_whose_replies_look_alike_keep_their_distance(make_rig: MakeRig, make_line: MakeLine) -> None:
    """A copy of one block's reply cannot be taken for another's: it must have passed before that one is asked."""
    times: list[float] = []

    def slave(pdu: bytes) -> bytes:
        times.append(time.monotonic())  # noqa: TID251  a test of real time
        return honest(pdu)

    line = make_line(make_rig({1: slave, 2: slave}).connection, late_reply_s=QUIET_S)
    blocks = [ONE, Block(Table.HOLDING, 0x100, 4), Block(Table.INPUT, 0x100, 3), ONE, TWO]
    for block in blocks:
        assert ask(line, block).answers == {block: words(block)}
    assert ask(line, ONE, unit=2).answers == {ONE: words(ONE)}
    gaps = [later - earlier for earlier, later in pairwise(times)]
    assert gaps[3] >= QUIET_S
    assert sum(gaps[:3]) + gaps[4] < QUIET_S  # another table, another length, the same block, another unit: at once


def test_closing_does_not_wait_for_the_silence_to_end(make_rig: MakeRig) -> None:
    """A line that keeps silent for long is closed at once, and asks nothing more."""
    slave = Scripted(None, None, None)
    line = ModbusLine(make_rig({1: slave}).connection, timeout_s=SHORT_S, pause_s=0.0, late_reply_s=60.0)
    line.start(Poll("device", 1, (ONE, TWO)))
    while not slave.asked:
        time.sleep(0.002)
    time.sleep(5 * SHORT_S)
    line.close()
    assert "is being closed" in str(only_error(line.finished()[0], ONE))
    assert slave.asked == 1


def test_a_dead_device_does_not_starve_the_others(make_rig: MakeRig, make_line: MakeLine) -> None:
    """All devices of a line are polled in turn, the silent one included, however many there are."""
    names = {1: "dead"} | {unit: f"living-{unit}" for unit in range(2, 9)}
    rig = make_rig({unit: honest for unit in names if unit != 1})
    line = make_line(rig.connection)
    for unit, name in names.items():
        assert line.start(Poll(name, unit, (ONE, TWO)))
    results = {result.device: result for result in wait(line, len(names))}
    assert isinstance(only_error(results.pop("dead"), ONE), RetryLater)
    assert {name: dict(result.answers) for name, result in results.items()} == {
        name: {ONE: words(ONE), TWO: words(TWO)} for unit, name in names.items() if unit != 1
    }


def test_a_device_has_one_poll_at_a_time(make_rig: MakeRig, make_line: MakeLine) -> None:
    """A second poll is refused until the first is fetched, so a slow device cannot pile up work."""
    line = make_line(make_rig({1: honest}).connection)
    assert line.start(Poll("device", 1, (ONE,)))
    assert not line.start(Poll("device", 1, (TWO,)))
    assert wait(line)[0].answers == {ONE: words(ONE)}
    assert line.start(Poll("device", 1, (TWO,)))
    assert wait(line)[0].answers == {TWO: words(TWO)}


def test_a_dead_line_never_holds_up_the_agent(make_rig: MakeRig, make_line: MakeLine) -> None:
    """Starting polls and fetching results takes no time, whatever the line does."""
    rig = make_rig({1: honest})
    rig.bus.mischief = Mischief(silent=True)
    line = make_line(rig.connection)
    took_s = []
    for turn in range(200):
        begun_s = time.perf_counter()
        line.start(Poll(f"device-{turn % 4}", 1, (ONE, TWO)))
        line.finished()
        took_s.append(time.perf_counter() - begun_s)
        time.sleep(0.001)
    assert sorted(took_s)[-3] < 0.005  # the machine itself may pause the test once or twice


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_bug_in_the_thread_is_not_silence(make_rig: MakeRig) -> None:
    """Should the line's thread die, the agent hears of it and is started again, rather than wait forever."""
    line = ModbusLine(make_rig({1: honest}).connection, timeout_s=TIMEOUT_S, pause_s=0.0)
    line.start(Poll("device", 1, (Block("no table", 0, 1),)))  # type: ignore[arg-type]
    line.close()
    with pytest.raises(RuntimeError, match="has died"):
        line.finished()


def test_closing_forgets_what_was_not_begun(make_rig: MakeRig) -> None:
    """A line that is closed finishes the poll under way and no other."""
    rig = make_rig({1: honest, 2: honest})
    rig.bus.mischief = Mischief(silent=True)
    line = ModbusLine(rig.connection, timeout_s=TIMEOUT_S, pause_s=0.0, late_reply_s=0.0)
    for unit in (1, 2):
        line.start(Poll(f"device-{unit}", unit, (ONE,)))
    time.sleep(TIMEOUT_S / 4)
    line.close()
    assert [result.device for result in line.finished()] == ["device-1"]


# What real serial lines did, one by one.

SDM120 = Block(Table.INPUT, 0x0000, 2)


@pytest.fixture
def serial(tmp_path: Path) -> Iterator[Rig]:
    """Give a serial line with units 1, 2 and 255, the last of which never signs its own number."""
    with RtuBus({1: honest, 2: honest, 255: honest}, link=tmp_path / "line") as bus:
        yield Rig(bus, Connection(port=bus.port, baud=115200))


def said_only_once(frame: bytes) -> Callable[[int, bytes], Mischief]:
    """Let the bus say these bytes instead of the first reply, and behave from then on."""
    first = iter([Mischief(garble=lambda _: frame)])
    return lambda _unit, _pdu: next(first, Mischief())


def test_an_adapter_that_echoes_is_no_hindrance(serial: Rig, make_line: MakeLine) -> None:
    """The request that comes back is skipped; if nothing follows, the technician is told so."""
    line = make_line(serial.connection)
    serial.bus.mischief = Mischief(echo=True)
    coils = Block(Table.COIL, 1, 11)
    assert ask(line, ONE, coils).answers == {ONE: words(ONE), coils: words(coils)}
    serial.bus.mischief = Mischief(echo=True, silent=True)
    error = only_error(ask(line, ONE), ONE)
    assert str(error).endswith("only our own request came back: the adapter echoes and the device is silent")


def test_a_zero_byte_before_the_reply_costs_nothing(serial: Rig, make_line: MakeLine) -> None:
    """The captured reply of an SDM120, whose adapter slips in a 0x00, is read at the first attempt: 230.9 V."""
    serial.bus.mischief = Mischief(garble=lambda _: bytes.fromhex("000104044366e666c455"))
    assert ask(make_line(serial.connection, tries=1), SDM120).answers == {SDM120: (0x4366, 0xE666)}


@pytest.mark.parametrize("captured", ["0104044566e2a1878f", "66e2a1878f", "010404450104"])
def test_a_neighbours_late_reply_in_our_window_is_skipped(serial: Rig, make_line: MakeLine, captured: str) -> None:
    """What the meter, unit 1, still had to say, whole or cut, does not become unit 2's answer, nor hide it."""
    two = Block(Table.INPUT, 0x100, 2)
    line = make_line(serial.connection, tries=1)
    serial.bus.mischief = Mischief(garbage=bytes.fromhex(captured))
    assert ask(line, two, unit=2).answers == {two: words(two)}
    serial.bus.mischief = Mischief(garble=lambda _: bytes.fromhex(captured))
    assert isinstance(only_error(ask(line, two, unit=2), two), RetryLater)


@pytest.mark.parametrize(
    ("mischief", "sentence"),
    [
        (Mischief(wrong_unit=True), "unit 2 answers, but unit 1 was asked: a late reply to another request"),
        (Mischief(wrong_function=True), "function 1 answers, but function 4 was asked: a late reply"),
        (Mischief(garble=lambda frame: frame[:-3]), "10 bytes that make no sense: wrong baud rate, two masters, or"),
        (Mischief(garble=lambda frame: bytes(2 * BYTES_MAX) + frame), "bytes that make no sense: wrong baud rate"),
        (
            Mischief(garble=lambda frame: rtu_wrap(1, b"\x04\x08" + bytes(8)) + frame),
            "two different answers came: two masters, or two devices with the same unit number",
        ),
    ],
    ids=["unit", "function", "cut off", "babble", "contradiction"],
)
def test_a_reply_that_cannot_be_trusted_is_asked_for_again(
    serial: Rig, make_line: MakeLine, mischief: Mischief, sentence: str
) -> None:
    """It gives no words but a sentence; once the line behaves, the second attempt succeeds."""
    line = make_line(serial.connection)
    serial.bus.mischief = mischief
    error = only_error(ask(line, ONE), ONE)
    assert isinstance(error, RetryLater)
    assert sentence in str(error)
    first = iter([mischief])
    serial.bus.mischief = lambda _unit, _pdu: next(first, Mischief())
    assert ask(line, ONE).answers == {ONE: words(ONE)}


def test_a_reply_that_comes_twice_answers_once(serial: Rig, make_line: MakeLine) -> None:
    """The copy, which comes when the next block could have been asked, is not that block's answer."""
    serial.bus.mischief = Mischief(duplicate_s=LATE_S)
    line = make_line(serial.connection, late_reply_s=QUIET_S, tries=1)
    blocks = (ONE, TWO, Block(Table.INPUT, 0x120, 4))
    assert ask(line, *blocks).answers == {block: words(block) for block in blocks}


def test_a_contradiction_during_the_pause_is_heard(serial: Rig) -> None:
    """The pause that a device wants anyway is spent listening: a second, different answer takes the first back."""
    serial.bus.mischief = Mischief(garble=lambda _: rtu_wrap(1, b"\x04\x08" + bytes(8)), duplicate_s=0.05)
    line = ModbusLine(serial.connection, timeout_s=TIMEOUT_S, pause_s=0.15, late_reply_s=SHORT_S, tries=1)
    assert "two different answers came" in str(only_error(ask(line, ONE), ONE))
    line.close()


def test_a_busy_device_on_a_serial_line_is_asked_again(serial: Rig, make_line: MakeLine) -> None:
    """Exception 6, then the answer."""
    serial.bus.mischief = said_only_once(rtu_wrap(1, b"\x84\x06"))
    assert ask(make_line(serial.connection), ONE).answers == {ONE: words(ONE)}


def test_a_device_asked_as_255_may_answer_as_another(serial: Rig, make_line: MakeLine) -> None:
    """Only where the poll says that the unit may differ is such an answer taken."""
    serial.bus.mischief = Mischief(wrong_unit=True)
    line = make_line(serial.connection)
    assert line.start(Poll("inverter", 255, (ONE,), any_unit=True))
    assert wait(line)[0].answers == {ONE: words(ONE)}
    assert "unit 8 answers, but unit 255 was asked" in str(only_error(ask(line, ONE, unit=255), ONE))


def test_one_of_two_devices_may_be_dead(make_line: MakeLine) -> None:
    """The living one is read, poll after poll, beside the silent one."""
    with RtuBus({2: honest}) as bus:
        line = make_line(Connection(port=bus.port, baud=115200))
        for _ in range(3):
            line.start(Poll("dead", 1, (ONE, TWO)))
            line.start(Poll("living", 2, (ONE, TWO)))
            answers = {result.device: dict(result.answers) for result in wait(line, 2)}
            assert answers == {"dead": {}, "living": {ONE: words(ONE), TWO: words(TWO)}}


@pytest.mark.parametrize("unplugged", [True, False], ids=["pulled first", "old device still there"])
def test_an_adapter_put_back_under_the_same_name_is_used(make_line: MakeLine, tmp_path: Path, unplugged: bool) -> None:  # noqa: FBT001
    """The name means another device now; the poll after that reads from it."""
    name = tmp_path / "by-path"
    with RtuBus({1: honest}, link=name) as old:
        line = make_line(Connection(port=str(name), baud=115200))
        assert ask(line, ONE).answers == {ONE: words(ONE)}
        if unplugged:
            old.close()
            error = only_error(ask(line, ONE), ONE)
            assert isinstance(error, RetryLater)
            assert "cannot be opened; is the cable in and the port name right?" in str(error)
        else:
            old.mischief = Mischief(silent=True)
        with RtuBus({1: honest}, link=name):
            assert ask(line, ONE).answers == {ONE: words(ONE)}


def test_an_adapter_pulled_in_the_middle_of_a_request_is_said(make_line: MakeLine) -> None:
    """Bytes that stop because the port is gone are not a silent device."""
    with RtuBus({1: honest}) as bus:
        bus.mischief = Mischief(silent=True)
        line = make_line(Connection(port=bus.port, baud=115200), tries=1)
        line.start(Poll("device", 1, (ONE,)))
        time.sleep(TIMEOUT_S / 4)
    assert str(only_error(wait(line)[0], ONE)) == f"{bus.port} broke off; was the adapter pulled?"


def test_a_port_that_another_program_holds_is_left_alone(serial: Rig, make_line: MakeLine) -> None:
    """Two masters on one port would spoil each other's answers; the second is told who is in its way."""
    assert ask(make_line(serial.connection), ONE).answers == {ONE: words(ONE)}
    error = only_error(ask(make_line(serial.connection), ONE), ONE)
    assert str(error) == f"{serial.connection.port} cannot be opened; another program holds it"


def test_a_slow_line_is_given_the_time_its_bytes_take(tmp_path: Path, make_line: MakeLine) -> None:
    """At 1200 baud the bytes alone take longer than the device may think."""
    with RtuBus({1: honest}, link=tmp_path / "line") as bus:
        bus.mischief = Mischief(delay_s=TIMEOUT_S + 0.1)
        line = make_line(Connection(port=bus.port, baud=1200), tries=1)
        assert ask(line, ONE).answers == {ONE: words(ONE)}
