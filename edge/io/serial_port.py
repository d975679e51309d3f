"""A serial port for one question at a time; sole importer of pyserial.

What a name such as /dev/serial/by-path/... means may change while we run: an adapter that was pulled and put back is
a new device under the old name, so a port that failed is closed and opened anew by the next exchange.
"""

from __future__ import annotations

import errno
import select
import termios
import time
from collections.abc import Callable
from typing import Any

import serial

from edge.errors import RetryLater

BYTES_MAX = 1024
"""More than any reply with its echo and another master's talk around it; a line that says more is babbling."""

_WRITE_TIMEOUT_S = 2.0
_PARITY = {"none": serial.PARITY_NONE, "even": serial.PARITY_EVEN, "odd": serial.PARITY_ODD}
_WHY_NOT = {
    errno.EACCES: "may this user open it? Members of the group dialout may",
    errno.EAGAIN: "another program holds it",
}


class SerialPort:
    """A port that is opened when first needed, for nobody else meanwhile, and anew after it failed."""

    def __init__(self, name: str, *, baud: int, parity: str = "none", stop_bits: int = 1) -> None:
        self._name = name
        self._settings = {"baudrate": baud, "parity": _PARITY[parity], "stopbits": stop_bits}
        self._port: Any = None

    def exchange(
        self, frame: bytes, enough: Callable[[bytes], bool], *, timeout_s: float, linger_s: float = 0.0
    ) -> bytes:
        """Forget what was heard before, say `frame` and listen until `enough` or the time is over.

        Afterwards it listens for `linger_s` more, so that whoever judges the bytes hears a contradiction too. Raises
        `RetryLater` when the port cannot be opened or breaks.
        """
        port = self._opened()
        try:
            port.reset_input_buffer()
            port.write(frame)
            received = _listen(port, b"", timeout_s, enough)
            if enough(received):
                received = _listen(port, received, linger_s, lambda _: False)
        except (OSError, termios.error) as error:  # SerialException is an OSError, what the flush raises is not
            self.close()
            raise RetryLater(f"{self._name} broke off; was the adapter pulled?") from error
        return received

    def close(self) -> None:
        """Release the port; the next exchange opens it again."""
        if self._port is not None:
            self._port.close()
        self._port = None

    def _opened(self) -> Any:  # noqa: ANN401  pyserial has no types
        if self._port is None:
            try:
                self._port = serial.Serial(
                    self._name, timeout=0, write_timeout=_WRITE_TIMEOUT_S, exclusive=True, **self._settings
                )
            except (OSError, termios.error, ValueError) as error:  # ValueError: a baud rate the adapter cannot do
                why = _WHY_NOT.get(getattr(error, "errno", 0) or 0, "is the cable in and the port name right?")
                raise RetryLater(f"{self._name} cannot be opened; {why}") from error
        return self._port


def _listen(port: Any, received: bytes, for_s: float, enough: Callable[[bytes], bool]) -> bytes:  # noqa: ANN401
    """Add to what was received until it is enough, too much, or the time is over."""
    until_s = time.monotonic() + for_s  # noqa: TID251  this module is I/O
    while len(received) < BYTES_MAX and not enough(received):
        left_s = max(0.0, until_s - time.monotonic())  # noqa: TID251
        if not select.select([port.fileno()], [], [], left_s)[0]:
            break
        waiting = port.in_waiting or 1  # readable without a byte: unplugged, and `read` says so
        received += port.read(min(waiting, BYTES_MAX - len(received)))
    return received
