"""Modbus lines: one worker thread per serial port or TCP host; sole importer of pymodbus. Reads only.

A serial reply does not say which request it answers. So what was heard is held against unit, function, byte count and
checksum (`edge.frames`), a line that was silent or made no sense is left alone until a late reply must have passed,
and no two requests whose replies would look alike follow each other within that time.
"""

from __future__ import annotations

import contextlib
import logging
import queue
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from edge.errors import EXCEPTIONS, EdgeError, Refused, RetryLater
from edge.frames import Reply, Request, find_reply, read_reply
from edge.io.serial_port import SerialPort
from edge.ports import Poll, PollResult
from edge.readplan import Block, Words
from edge.registers import Table
from edge.settings import Connection

_LOG = logging.getLogger(__name__)
logging.getLogger("pymodbus").setLevel(logging.CRITICAL)  # every time-out is an error to it; ours say who and what
_FUNCTION = {Table.COIL: 1, Table.DISCRETE: 2, Table.HOLDING: 3, Table.INPUT: 4}
_READ = {1: "read_coils", 2: "read_discrete_inputs", 3: "read_holding_registers", 4: "read_input_registers"}
_BUSY_CODES = (4, 5, 6, 10, 11)
_BITS_PER_BYTE = 11  # start, eight bits, parity or second stop, stop
_FRAMING_BYTES = 5  # unit, function, byte count, checksum
TRIES = 2
LATE_REPLY_S = 1.0
"""How long after a time-out a reply may still arrive; one that takes longer could pass for another's."""


class _Link(Protocol):
    """The way to the devices; either kind opens itself when asked and is as good as new after `close`."""

    def ask(self, request: Request, *, any_unit: bool, pause_s: float) -> Reply:
        """Give the reply and leave the line alone for `pause_s`.

        Raises `ValueError` when there is none to be trusted, and `RetryLater` when nothing could be asked.
        """

    def close(self) -> None:
        """Hang up."""


@dataclass(frozen=True, slots=True)
class _Asked:
    """A request that was answered, so that a copy of its reply may still be on the way."""

    request: Request
    any_unit: bool
    ended_s: float

    def answers(self, other: Request, *, any_unit: bool) -> bool:
        """Tell whether a copy of this one's reply would pass for the reply to the other."""
        mine, theirs = self.request, other
        alike = (mine.function, mine.count) == (theirs.function, theirs.count)
        return alike and mine != theirs and (mine.unit == theirs.unit or self.any_unit or any_unit)


class ModbusLine:
    """A `RegisterReader` over one RTU port or TCP host; each device may have one poll waiting or under way.

    `reconnect` is for controllers that close the connection after every answer.
    """

    def __init__(
        self,
        connection: Connection,
        *,
        timeout_s: float,
        pause_s: float,
        late_reply_s: float = LATE_REPLY_S,
        tries: int = TRIES,
        reconnect: bool = False,
    ) -> None:
        self._name = connection.port or f"{connection.host}:{connection.tcp_port}"
        self._link: _Link = _Tcp(connection, timeout_s) if connection.port is None else _Rtu(connection, timeout_s)
        self._pause_s = pause_s
        self._late_reply_s = late_reply_s
        self._tries = tries
        self._reconnect = reconnect
        self._recent: list[_Asked] = []
        self._asked: set[str] = set()
        self._polls: queue.SimpleQueue[Poll | None] = queue.SimpleQueue()
        self._results: queue.SimpleQueue[PollResult] = queue.SimpleQueue()
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._work, name=f"modbus {self._name}", daemon=True)
        self._thread.start()

    def start(self, poll: Poll) -> bool:
        """See `RegisterReader.start`."""
        if poll.device in self._asked:
            return False
        self._asked.add(poll.device)
        self._polls.put(poll)
        return True

    def finished(self) -> list[PollResult]:
        """See `RegisterReader.finished`."""
        results = []
        while not self._results.empty():
            results.append(self._results.get())
        self._asked.difference_update(result.device for result in results)
        if self._asked and not results and not self._thread.is_alive():
            raise RuntimeError(f"the thread of {self._name} has died, see its traceback above")
        return results

    def close(self) -> None:
        """End the thread after the request under way and release the line."""
        with contextlib.suppress(queue.Empty):
            while True:
                self._polls.get_nowait()
        self._polls.put(None)
        self._closing.set()
        self._thread.join(timeout=10)
        self._link.close()

    def _work(self) -> None:
        while (poll := self._polls.get()) is not None:
            self._results.put(self._poll(poll))

    def _poll(self, poll: Poll) -> PollResult:
        answers: dict[Block, Words] = {}
        errors: dict[Block, EdgeError] = {}
        for block in poll.blocks:
            try:
                answers[block] = self._read(poll, block)
            except Refused as error:
                errors[block] = error
            except RetryLater as error:
                errors[block] = error
                break  # a silent device would only cost the line one time-out per block
        return PollResult(poll.device, answers, errors)

    def _read(self, poll: Poll, block: Block) -> Words:
        attempt = 1
        while True:
            try:
                return self._ask(poll, block)
            except RetryLater as error:
                # What was asked may still be answered: let that pass, and begin anew.
                self._link.close()
                self._rest(self._late_reply_s)
                if attempt == self._tries:
                    raise
                _LOG.debug("%s: %s, asking again", self._name, error)
            attempt += 1

    def _ask(self, poll: Poll, block: Block) -> Words:
        request = Request(poll.unit, _FUNCTION[block.table], block.address, block.count)
        where = f"{self._name} unit {poll.unit}"
        what = f"{block.table} {block.address:#06x}+{block.count}"
        self._wait_for_likenesses(request, any_unit=poll.any_unit)
        try:
            reply = self._link.ask(request, any_unit=poll.any_unit, pause_s=self._pause_s)
        except ValueError as error:
            raise RetryLater(f"{where} gave no valid answer to {what}: {error}") from error
        finally:
            self._recent.append(_Asked(request, poll.any_unit, _now_s()))
            if self._reconnect:
                self._link.close()
        if reply.exception is None:
            return reply.values
        kind = RetryLater if reply.exception in _BUSY_CODES else Refused
        said = EXCEPTIONS.get(reply.exception, f"answers with exception {reply.exception}")
        raise kind(f"{where} {said} ({what})")

    def _wait_for_likenesses(self, request: Request, *, any_unit: bool) -> None:
        """Wait until no copy of an earlier reply can arrive that would pass for the reply to this request."""
        gone_s = _now_s() - self._late_reply_s
        self._recent = [asked for asked in self._recent if asked.ended_s > gone_s]
        alike = [asked.ended_s for asked in self._recent if asked.answers(request, any_unit=any_unit)]
        if alike:
            self._rest(max(alike) - gone_s)

    def _rest(self, seconds: float) -> None:
        """Leave the line alone; raises `RetryLater` when it is closed meanwhile, so that nothing more is asked."""
        if self._closing.wait(seconds):
            raise RetryLater(f"{self._name} is being closed")


class _Rtu:
    """A serial line."""

    def __init__(self, connection: Connection, timeout_s: float) -> None:
        port, self._timeout_s = connection.port or "", timeout_s
        self._byte_s = _BITS_PER_BYTE / connection.baud
        self._port = SerialPort(port, baud=connection.baud, parity=connection.parity, stop_bits=connection.stop_bits)

    def ask(self, request: Request, *, any_unit: bool, pause_s: float) -> Reply:
        """See `_Link.ask`; the device's time-out does not run while bytes are on the wire, which at 1200 baud takes."""
        frame = request.encode()
        wire_s = self._byte_s * (2 * len(frame) + _FRAMING_BYTES + request.reply_bytes)
        received = self._port.exchange(
            frame,
            lambda heard: find_reply(heard, request, any_unit=any_unit).reply is not None,
            timeout_s=self._timeout_s + wire_s,
            linger_s=pause_s,
        )
        heard = find_reply(received, request, any_unit=any_unit)
        if heard.reply is None:
            raise ValueError(heard.complaint)
        return heard.reply

    def close(self) -> None:
        """See `_Link.close`."""
        self._port.close()


class _Tcp:
    """A TCP host; its transaction numbers tell which reply is whose, and a broken connection ends all doubt."""

    def __init__(self, connection: Connection, timeout_s: float) -> None:
        self._name = f"{connection.host}:{connection.tcp_port}"
        # It costs some 14 MB of memory, which a site with nothing but serial lines does without.
        from pymodbus.client import ModbusTcpClient  # noqa: PLC0415

        self._client = ModbusTcpClient(connection.host or "", port=connection.tcp_port, timeout=timeout_s, retries=0)

    def ask(self, request: Request, *, any_unit: bool, pause_s: float) -> Reply:  # noqa: ARG002  pymodbus insists
        """See `_Link.ask`; the unit must be the one that was asked."""
        from pymodbus import ModbusException  # noqa: PLC0415

        read: Callable[..., Any] = getattr(self._client, _READ[request.function])
        try:
            if not self._client.connected and not self._client.connect():  # type: ignore[no-untyped-call]  # likewise
                raise RetryLater(f"{self._name} cannot be opened; is the address right, the device on?")
            response = read(request.address, count=request.count, device_id=request.unit)
        except UnicodeError as error:  # a host name that can be none
            raise RetryLater(f"{self._name} cannot be opened; is the address right, the device on?") from error
        except (ModbusException, OSError) as error:
            broke = not self._client.connected
            raise ValueError("the connection broke" if broke else "silence, or bytes that make no sense") from error
        time.sleep(pause_s)
        try:
            return read_reply(response.dev_id, bytes((response.function_code,)) + response.encode(), request)
        except ValueError as error:
            raise ValueError(f"{error}: a late reply to another request") from error

    def close(self) -> None:
        """See `_Link.close`."""
        self._client.close()  # type: ignore[no-untyped-call]  # pymodbus leaves it bare


def _now_s() -> float:
    return time.monotonic()  # noqa: TID251  this module is I/O
