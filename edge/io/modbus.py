"""Modbus lines: one worker thread per serial port or TCP host; sole importer of pymodbus.

Current pymodbus hands a late reply to the next request. So after any time-out the line stays silent until a late
reply must have passed, is flushed, and every answer is held against function and length. Reads only.
"""

from __future__ import annotations

import contextlib
import logging
import queue
import threading
import time
from collections.abc import Callable
from typing import Any

from pymodbus import FramerType, ModbusException
from pymodbus.client import ModbusSerialClient, ModbusTcpClient
from pymodbus.exceptions import ConnectionException

from edge.errors import EdgeError, Refused, RetryLater
from edge.ports import Poll, PollResult
from edge.readplan import Block, Words
from edge.registers import Table
from edge.settings import Connection

_LOG = logging.getLogger(__name__)
logging.getLogger("pymodbus").setLevel(logging.CRITICAL)  # every time-out is an error to it; ours say who and what
_PARITY = {"none": "N", "even": "E", "odd": "O"}
_READ = {
    Table.COIL: (1, "read_coils"),
    Table.DISCRETE: (2, "read_discrete_inputs"),
    Table.HOLDING: (3, "read_holding_registers"),
    Table.INPUT: (4, "read_input_registers"),
}
_FUNCTION_BITS = 0x7F  # the eighth marks an exception
_EXCEPTIONS = {
    1: "does not know this function",
    2: "does not know this address",
    3: "does not read this many words at once",
    4: "reports a fault of its own",
    6: "is busy",
}
_BUSY_CODES = (4, 5, 6, 10, 11)
TRIES = 2
LATE_REPLY_S = 1.0
"""How long after a time-out a reply may still arrive; one that takes longer could pass for another's."""


class ModbusLine:
    """A `RegisterReader` over one RTU port or TCP host; each device may have one poll waiting or under way."""

    def __init__(
        self, connection: Connection, *, timeout_s: float, pause_s: float, late_reply_s: float = LATE_REPLY_S
    ) -> None:
        self._name = connection.port or f"{connection.host}:{connection.tcp_port}"
        serial = connection.port is not None
        self._hint = "is the cable in and the port name right?" if serial else "is the address right, the device on?"
        self._client = _client(connection, timeout_s)
        self._pause_s = pause_s
        self._late_reply_s = late_reply_s
        self._asked: set[str] = set()
        self._polls: queue.SimpleQueue[Poll | None] = queue.SimpleQueue()
        self._results: queue.SimpleQueue[PollResult] = queue.SimpleQueue()
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
        """End the thread after the poll under way and release the line."""
        with contextlib.suppress(queue.Empty):
            while True:
                self._polls.get_nowait()
        self._polls.put(None)
        self._thread.join(timeout=10)
        self._hang_up()

    def _work(self) -> None:
        while (poll := self._polls.get()) is not None:
            self._results.put(self._poll(poll))

    def _poll(self, poll: Poll) -> PollResult:
        answers: dict[Block, Words] = {}
        errors: dict[Block, EdgeError] = {}
        for block in poll.blocks:
            try:
                answers[block] = self._read(poll.unit, block)
            except Refused as error:
                errors[block] = error
            except RetryLater as error:
                errors[block] = error
                break  # a silent device would only cost the line one time-out per block
            time.sleep(self._pause_s)
        return PollResult(poll.device, answers, errors)

    def _read(self, unit: int, block: Block) -> Words:
        attempt = 1
        while True:
            try:
                return self._ask(unit, block)
            except RetryLater as error:
                self._quieten()
                if attempt == TRIES:
                    raise
                _LOG.debug("%s: %s, asking again", self._name, error)
            attempt += 1

    def _ask(self, unit: int, block: Block) -> Words:
        function, method = _READ[block.table]
        read: Callable[..., Any] = getattr(self._client, method)
        where = f"{self._name} unit {unit}"
        what = f"{block.table} {block.address:#06x}+{block.count}"
        try:
            if not self._client.connected and not self._client.connect():
                raise RetryLater(f"{self._name} cannot be opened; {self._hint}")
            reply = read(block.address, count=block.count, device_id=unit)
        except (ModbusException, OSError) as error:
            self._hang_up()
            raise RetryLater(f"{where} gave no valid answer to {what}: {_reason(error)}") from error
        if reply.function_code & _FUNCTION_BITS != function:
            raise RetryLater(f"{where} answered another function than {what}: a late reply to another request")
        if reply.isError():
            code = reply.exception_code
            kind = RetryLater if code in _BUSY_CODES else Refused
            raise kind(f"{where} {_EXCEPTIONS.get(code, f'answers with exception {code}')} ({what})")
        bit_table = block.table in (Table.COIL, Table.DISCRETE)
        words = tuple(int(word) for word in (reply.bits if bit_table else reply.registers))
        expected = -(-block.count // 8) * 8 if bit_table else block.count  # bits come in whole bytes
        if len(words) != expected:
            raise RetryLater(f"{where} answered {len(words)} values to {what}: a late reply to another request")
        return words[: block.count]

    def _quieten(self) -> None:
        """Let a late reply pass and forget it, so that it cannot answer the next request."""
        self._hang_up()
        time.sleep(self._late_reply_s)

    def _hang_up(self) -> None:
        self._client.close()  # type: ignore[no-untyped-call]  # pymodbus leaves it bare


def _client(connection: Connection, timeout_s: float) -> ModbusSerialClient | ModbusTcpClient:
    if connection.port is not None:
        return ModbusSerialClient(
            connection.port,
            framer=FramerType.RTU,
            baudrate=connection.baud,
            parity=_PARITY[connection.parity],
            stopbits=connection.stop_bits,
            timeout=timeout_s,
            retries=0,
        )
    return ModbusTcpClient(connection.host or "", port=connection.tcp_port, timeout=timeout_s, retries=0)


def _reason(error: Exception) -> str:
    if isinstance(error, ConnectionException | OSError):
        return "the connection broke"
    return "silence, or bytes that make no sense"
