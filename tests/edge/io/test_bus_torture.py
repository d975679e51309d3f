"""A hundred thousand exchanges on serial lines that lie in every known way; not one wrong value may be believed.

Every register tells whose it is: its word is a hash of line, unit, table, address and a counter of exchanges, so an
answer shows which exchange it came from. The lines keep to two rules, without which nobody could tell right from
wrong. A reply is late by less than `late_reply_s` after the time-out, and a copy of one comes within that time. And
bytes are spoilt as real lines spoil them: some bits, some bytes lost or added, the end cut off. One spoilt frame in
65536 has a right checksum by chance, which no reader can notice; those are drawn again.

A machine with other work keeps threads waiting, and then a line breaks the first rule against its will. Requests
that were heard too late and replies that left too late are known, and what comes of them is void: counted, not judged.
"""

from __future__ import annotations

import time
import zlib
from collections import Counter, defaultdict
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from multiprocessing import get_context
from random import Random
from struct import pack, unpack
from threading import current_thread
from typing import Any, Self

import pytest

from edge.errors import Refused
from edge.frames import Request, crc16, rtu_wrap
from edge.io.modbus import ModbusLine
from edge.io.serial_port import SerialPort
from edge.ports import Poll, PollResult
from edge.readplan import Block, Words
from edge.registers import Table
from edge.settings import Connection
from edge.simulator.bus import RtuBus
from edge.simulator.mischief import Mischief
from edge.simulator.slave import RegisterBank, answer

EXCHANGES = 100_000
PROCESSES = 2
LINES = 14
HEALTHY_SHARE = 0.5
"""So many of the exchanges without mischief must bring their values, on however busy a machine; all but one did on an
idle one. Who refuses everything believes nothing wrong either."""

VOID = "void, because this machine was too slow"
OLDER = "right, but of an attempt before"
OLDER_SHARE = 3e-4
"""So few values may come from an earlier attempt at the same block; they are right, but of a moment before."""

TIMEOUT_S = 0.02
LATE_S = 0.04
MARGIN_S = 0.015
"""What a busy machine may add to the times drawn here."""

BLOCKS = (
    Block(Table.HOLDING, 0x0100, 4),
    Block(Table.HOLDING, 0x0140, 4),
    Block(Table.HOLDING, 0x3100, 18),
    Block(Table.INPUT, 0x0100, 4),
    Block(Table.INPUT, 0x0804, 4),  # its request begins as its reply does: the address looks like a byte count
    Block(Table.INPUT, 0x331A, 2),
    Block(Table.INPUT, 0x3200, 3),
    Block(Table.INPUT, 0x9000, 60),
    Block(Table.COIL, 0x0300, 20),  # its request could be its reply
    Block(Table.COIL, 0x0000, 9),
    Block(Table.DISCRETE, 0x2000, 20),
)
FUNCTIONS = {Table.COIL: 1, Table.DISCRETE: 2, Table.HOLDING: 3, Table.INPUT: 4}
TABLES = {function: table for table, function in FUNCTIONS.items()}
OTHER_SIGNATURE = 255
"""The unit that signs its replies with another number."""
UNITS = (1, 2, OTHER_SIGNATURE)


def some(chance: Random, most: int) -> bytes:
    """Draw bytes as noise has them, zeros more often than others."""
    return bytes(chance.choice((0, 0, 0xFF, chance.randrange(256))) for _ in range(chance.randint(1, most)))


def spoiling(chance: Random, how: Callable[[bytearray], object]) -> Callable[[bytes], bytes]:
    """Spoil a frame, but not so that another one with a right checksum comes of it by chance."""

    def garble(frame: bytes) -> bytes:
        while True:
            spoilt = bytearray(frame)
            for _ in range(chance.randint(1, 3)):
                how(spoilt)
            sizes = (5, len(frame))
            windows = (bytes(spoilt[at : at + size]) for size in sizes for at in range(len(spoilt) - size + 1))
            if all(crc16(window) != 0 or window == frame for window in windows):
                return bytes(spoilt)

    return garble


def flip(chance: Random) -> Mischief:
    """Turn some bits around."""

    def how(frame: bytearray) -> None:
        frame[chance.randrange(len(frame))] ^= 1 << chance.randrange(8)

    return Mischief(garble=spoiling(chance, how))


def lose(chance: Random) -> Mischief:
    """Lose some bytes."""
    return Mischief(garble=spoiling(chance, lambda frame: frame.pop(chance.randrange(len(frame)))))


def add(chance: Random) -> Mischief:
    """Slip some bytes in."""

    def how(frame: bytearray) -> None:
        frame.insert(chance.randrange(len(frame)), chance.choice((0, chance.randrange(256))))

    return Mischief(garble=spoiling(chance, how))


def half(chance: Random) -> Mischief:
    """Begin a reply, break off and begin anew."""
    share = chance.random()
    return Mischief(garble=lambda frame: frame[: int(share * len(frame))] + frame)


def neighbour(chance: Random) -> Mischief:
    """Let another unit say something of the same shape first."""
    unit = chance.choice((3, 4, 17))
    return Mischief(garble=lambda frame: rtu_wrap(unit, frame[1:3] + frame[-3:2:-1]) + frame)


def second_master(frame: bytes) -> bytes:
    """Let another master ask the unit for as much elsewhere, and the unit answer that instead of us."""
    count = frame[2] // 2 if frame[1] in (3, 4) else {2: 9, 3: 20}[frame[2]]
    request = rtu_wrap(frame[0], pack(">BHH", frame[1], 0x7777, count))
    return request + rtu_wrap(frame[0], frame[1:3] + frame[-3:2:-1])


KINDS: dict[str, tuple[int, Callable[[Random], Mischief]]] = {
    "none": (60, lambda _: Mischief()),
    "silence": (1, lambda _: Mischief(silent=True)),
    "delay": (3, lambda chance: Mischief(delay_s=chance.uniform(0, TIMEOUT_S / 2))),
    "deaf beyond the time-out": (2, lambda chance: Mischief(delay_s=chance.uniform(1.2, 2) * TIMEOUT_S)),
    "late reply": (4, lambda chance: Mischief(late_s=chance.uniform(1.2 * TIMEOUT_S, TIMEOUT_S + LATE_S - MARGIN_S))),
    "reply twice": (6, lambda chance: Mischief(duplicate_s=chance.uniform(0.0005, LATE_S - MARGIN_S))),
    "reply to the request before": (4, lambda _: Mischief(previous_s=LATE_S - MARGIN_S)),
    "echo": (4, lambda _: Mischief(echo=True)),
    "echo and silence": (1, lambda _: Mischief(echo=True, garble=lambda _: b"")),
    "zero byte first": (3, lambda _: Mischief(garbage=b"\x00")),
    "noise first": (3, lambda chance: Mischief(garbage=some(chance, 12))),
    "noise after": (3, lambda chance: Mischief(garble=lambda frame: frame + some(chance, 12))),
    "noise only": (1, lambda chance: Mischief(garble=lambda _: some(chance, 40))),
    "half a reply first": (2, half),
    "neighbour's reply first": (3, neighbour),
    "second master": (2, lambda _: Mischief(garble=second_master)),
    "cut off": (3, lambda chance: Mischief(garble=lambda frame: frame[: chance.randrange(len(frame))])),
    "bits flipped": (4, flip),
    "bytes lost": (2, lose),
    "bytes added": (2, add),
    "wrong unit": (2, lambda _: Mischief(wrong_unit=True)),
    "wrong function": (2, lambda _: Mischief(wrong_function=True)),
    "busy": (2, lambda _: Mischief(busy=True)),
}


@dataclass(slots=True)
class Tally:
    """What happened on some lines."""

    drawn: Counter[str] = field(default_factory=Counter)
    right: Counter[str] = field(default_factory=Counter)
    outcomes: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)

    def __iadd__(self, other: Tally) -> Self:
        self.drawn += other.drawn
        self.right += other.right
        self.outcomes += other.outcomes
        self.wrong += other.wrong
        return self

    def report(self, seconds: float) -> str:
        """Lay everything out."""
        lines = [f"{'mischief':30}{'exchanges':>10}{'right':>10}"]
        lines += [f"{kind:30}{self.drawn[kind]:10}{self.right[kind]:10}" for kind in KINDS]
        lines += [f"{'all':30}{self.drawn.total():10}{self.right.total():10}   in {seconds:.0f} s"]
        lines += [f"{outcome}: {count}" for outcome, count in sorted(self.outcomes.items())]
        return "\n".join([*lines, f"wrong values believed: {len(self.wrong)}", *self.wrong[:20]])


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request as the bus heard it."""

    number: int
    at_s: float
    kind: str
    unit: int
    function: int
    address: int
    count: int


class LyingLine:
    """A serial line with three units whose every exchange is drawn by lot, and the reader under test on it."""

    def __init__(self, seed: str, stack: ExitStack, asked_s: AskedAt) -> None:
        self._seed = seed
        self._chance = Random(seed)  # noqa: S311  a game of chance, not a secret
        self._plans = Random(f"{seed} plans")  # noqa: S311  likewise; lots are drawn in another thread
        self.log: list[Exchange] = []
        self._seen = dict.fromkeys(UNITS, 0)
        self.tally = Tally()
        bus = stack.enter_context(RtuBus(dict.fromkeys(UNITS, self._responder)))
        bus.lost_after_s = MARGIN_S / 2
        bus.mischief = self._draw
        self._bus = bus
        self._asked_s = asked_s
        self._thread = f"modbus {bus.port}"
        self._line = ModbusLine(
            Connection(port=bus.port, baud=921600), timeout_s=TIMEOUT_S, pause_s=0.0005, late_reply_s=LATE_S
        )
        stack.callback(self._line.close)
        self._free = set(UNITS)

    def turn(self, *, go_on: bool) -> bool:
        """Judge what was read, and start what may be started; False when nothing is under way."""
        for result in self._line.finished():
            self._judge(int(result.device), result)
            self._free.add(int(result.device))
        for unit in self._free.copy() if go_on else ():
            blocks = tuple(self._plans.sample(BLOCKS, 5))
            assert self._line.start(Poll(str(unit), unit, blocks, any_unit=unit == OTHER_SIGNATURE))
            self._free.remove(unit)
        return self._free != set(UNITS)

    def _draw(self, unit: int, pdu: bytes) -> Mischief:
        (kind,) = self._chance.choices(list(KINDS), [weight for weight, _ in KINDS.values()])
        function, address, count = unpack(">BHH", pdu)
        now_s = time.monotonic()  # noqa: TID251  a test of real time
        self.log.append(Exchange(len(self.log), now_s, kind, unit, function, address, count))
        mischief = KINDS[kind][1](self._chance)
        return replace(mischief, wrong_unit=True) if unit == OTHER_SIGNATURE else mischief

    def _responder(self, pdu: bytes) -> bytes:
        exchange = self.log[-1]
        words = self._words(exchange)
        image = {(TABLES[exchange.function], exchange.address + i): word for i, word in enumerate(words)}
        return answer(pdu, RegisterBank(lambda: image))

    def _words(self, exchange: Exchange) -> Words:
        """Tell what the registers held in that exchange."""
        mask = 1 if exchange.function in (1, 2) else 0xFFFF
        head = f"{self._seed} {exchange.unit} {exchange.function} {exchange.number}".encode()
        addresses = range(exchange.address, exchange.address + exchange.count)
        return tuple(zlib.crc32(head + pack(">H", at)) >> 8 & mask for at in addresses)

    def _judge(self, unit: int, result: PollResult) -> None:
        exchanges = [exchange for exchange in self.log[self._seen[unit] :] if exchange.unit == unit]
        self._seen[unit] = exchanges[-1].number + 1 if exchanges else self._seen[unit]
        self.tally.drawn.update(exchange.kind for exchange in exchanges)
        self.tally.outcomes["asked again"] += len(exchanges) - len(result.answers) - len(result.errors)
        for error in result.errors.values():
            self.tally.outcomes[
                "refused for good" if isinstance(error, Refused) else "given up until the next poll"
            ] += 1
        for block, words in result.answers.items():
            key = (FUNCTIONS[block.table], block.address, block.count)
            asked = [e for e in exchanges if (e.function, e.address, e.count) == key]
            if asked and words == self._words(asked[-1]):
                self.tally.right[asked[-1].kind] += 1
                self.tally.outcomes["right"] += 1
            else:
                self._suspect(unit, block, words, asked)

    def _suspect(self, unit: int, block: Block, words: Words, asked: list[Exchange]) -> None:
        """Find out whose the words are; the same registers' a moment before are merely older."""
        last = asked[-1] if asked else None
        for exchange in reversed(self.log):
            if words != self._words(exchange)[: len(words)] or len(words) != exchange.count:
                continue
            if self._overdue(exchange):
                self.tally.outcomes[VOID] += 1
                return
            mine = (unit, FUNCTIONS[block.table], block.address)
            age_s = last.at_s - exchange.at_s if last is not None else float("inf")
            if (exchange.unit, exchange.function, exchange.address) == mine and age_s < TIMEOUT_S + LATE_S:
                self.tally.outcomes[OLDER] += 1
                return
            self.tally.wrong.append(f"unit {unit} {block}: the words of {exchange} in {last}")
            return
        self.tally.wrong.append(f"unit {unit} {block}: {words}, which nobody ever held, in {last}")

    def _overdue(self, exchange: Exchange) -> bool:
        """Tell whether the machine kept this exchange waiting for longer than the line may be late by its rules."""
        request = Request(exchange.unit, exchange.function, exchange.address, exchange.count).encode()
        before = [at_s for at_s in self._asked_s[self._thread, request] if at_s <= exchange.at_s]
        words = self._words(exchange)
        reply = Request(0, exchange.function, exchange.address, exchange.count)
        image = {(TABLES[exchange.function], exchange.address + i): word for i, word in enumerate(words)}
        payload = answer(reply.pdu, RegisterBank(lambda: image))
        left_late = any(payload in frame for frame in self._bus.overdue)
        return left_late or not before or exchange.at_s - before[-1] > MARGIN_S / 2


AskedAt = defaultdict[tuple[str, bytes], list[float]]
"""When the thread of a line asked what."""


def watched(stack: ExitStack) -> AskedAt:
    """Note from now on when each line asks what."""
    asked_s: AskedAt = defaultdict(list)
    exchange = SerialPort.exchange

    def noted(port: SerialPort, frame: bytes, *args: Any, **more: Any) -> bytes:  # noqa: ANN401  passed through
        asked_s[current_thread().name, frame].append(time.monotonic())  # noqa: TID251  a test of real time
        return exchange(port, frame, *args, **more)

    patch = pytest.MonkeyPatch()
    patch.setattr(SerialPort, "exchange", noted)
    stack.callback(patch.undo)
    return asked_s


def torture(seed: int, exchanges: int) -> Tally:
    """Work on some lines at once until there were so many exchanges."""
    with ExitStack() as stack:
        asked_s = watched(stack)
        lines = [LyingLine(f"{seed}.{i}", stack, asked_s) for i in range(LINES)]
        go_on = True
        while sum(line.turn(go_on=go_on) for line in lines):
            go_on = go_on and sum(len(line.log) for line in lines) < exchanges
            time.sleep(0.002)
        tally = Tally()
        for line in lines:
            tally += line.tally
    return tally


@pytest.mark.timeout(400)
def test_no_wrong_value_is_ever_believed() -> None:
    """Whatever the line does, what is read is right or refused; and what nobody disturbs is read."""
    begun_s = time.perf_counter()
    tally = Tally()
    with ProcessPoolExecutor(PROCESSES, mp_context=get_context("spawn")) as pool:
        for part in pool.map(torture, range(PROCESSES), [EXCHANGES // PROCESSES] * PROCESSES):
            tally += part
    report = tally.report(time.perf_counter() - begun_s)
    print(report)  # noqa: T201  for whoever runs it with -s
    assert not tally.wrong, report
    assert tally.drawn.total() >= EXCHANGES, report
    assert set(tally.drawn) == set(KINDS), report
    assert tally.right["none"] >= HEALTHY_SHARE * tally.drawn["none"], report
    assert tally.outcomes[OLDER] <= OLDER_SHARE * tally.right.total(), report
