"""Real Modbus for simulated slaves: TCP on a socket, RTU on a pseudo-terminal, and misbehaviour on demand.

Each bus has one thread and may hold several slaves by unit number. What a slave answers is decided elsewhere (see
`slave`); here bytes are framed, delayed, spoilt or kept back as `mischief` says, which may draw lots for each exchange.
"""

from __future__ import annotations

import os
import socket
import tty
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from operator import itemgetter
from pathlib import Path
from selectors import EVENT_READ, DefaultSelector
from threading import Thread
from time import monotonic  # noqa: TID251 - this module is I/O: replies leave by the real clock
from typing import Self

from edge import frames
from edge.simulator.mischief import Mischief

Responder = Callable[[bytes], bytes | None]
"""Request PDU in, response PDU out; None is silence."""
Wrap = Callable[[int, bytes], bytes]

_QUIET_S = 0.03  # silence that ends a serial request of unknown length
_CHUNK = 4096
_BUSY = 0x06
_NO_SUCH_UNIT = 0x0B  # "gateway target device failed to respond", as a TCP gateway says


@dataclass(slots=True)
class _Channel:
    """One connection or line: bytes not yet understood, replies not yet sent, busy or quiet until when."""

    file: int | socket.socket
    buffer: bytearray = field(default_factory=bytearray)
    replies: list[tuple[float, bytes]] = field(default_factory=list)
    busy_until: float = 0.0
    quiet_at: float = float("inf")
    previous: tuple[float, bytes] = (0.0, b"")

    def receive(self) -> bytes:
        """Read what there is; empty when the other side has gone."""
        if isinstance(self.file, int):
            return os.read(self.file, _CHUNK)
        with suppress(ConnectionError):
            return self.file.recv(_CHUNK)
        return b""

    def send(self, data: bytes) -> None:
        """Write without waiting; what a full or closed line does not take is lost, as on a wire."""
        with suppress(BlockingIOError, ConnectionError):
            if isinstance(self.file, int):
                os.write(self.file, data)
            else:
                self.file.send(data)


class _Bus(ABC):
    """The loop that both kinds of bus share."""

    def __init__(self, slaves: Mapping[int, Responder]) -> None:
        self.mischief: Mischief | Callable[[int, bytes], Mischief] = Mischief()
        self.lost_after_s = float("inf")  # a reply that a busy machine could not send in time is rather lost,
        self.overdue: list[bytes] = []  # or owned up to
        self._slaves = slaves
        self._selector = DefaultSelector()
        self._channels: list[_Channel] = []
        self._wake, self._waker = socket.socketpair()
        self._selector.register(self._wake, EVENT_READ, None)
        self._closing = False
        self._thread = Thread(target=self._serve, name=type(self).__name__, daemon=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Stop answering and give everything back; closing twice does no harm."""
        if self._closing:
            return
        self._closing = True
        self._waker.send(b"x")
        self._thread.join()
        for channel in list(self._channels):
            self._drop(channel)
        self._selector.close()
        self._wake.close()
        self._waker.close()

    def _serve(self) -> None:
        """Read, understand and answer until closed."""
        while True:
            for key, _ in self._selector.select(self._next_due_s()):
                if self._closing:
                    return
                self._ready(key.data)
            for channel in list(self._channels):
                self._work(channel)

    def _next_due_s(self) -> float | None:
        """Seconds until a reply, a free slave or a silence falls due; None when only bytes can wake us."""
        dues = [due for channel in self._channels for due, _ in channel.replies]
        dues += [channel.busy_until or channel.quiet_at for channel in self._channels if channel.buffer]
        soonest = min(dues, default=float("inf"))
        return None if soonest == float("inf") else max(0.0, soonest - monotonic())

    def _ready(self, channel: _Channel | None) -> None:
        """Take in bytes from a channel."""
        if channel is None:
            return
        data = channel.receive()
        if not data:
            self._drop(channel)
            return
        channel.buffer += data
        channel.quiet_at = monotonic() + _QUIET_S

    def _work(self, channel: _Channel) -> None:
        """Answer every request that is complete, send every reply that is due."""
        now = monotonic()
        if channel.busy_until <= now:
            channel.busy_until = 0.0
            while channel.buffer and not channel.busy_until and self._take_request(channel, now):
                pass
        for reply in sorted((reply for reply in channel.replies if reply[0] <= now), key=itemgetter(0)):
            channel.replies.remove(reply)
            if now - reply[0] <= self.lost_after_s:
                channel.send(reply[1])
                if monotonic() - reply[0] > self.lost_after_s:
                    self.overdue.append(reply[1])

    @abstractmethod
    def _take_request(self, channel: _Channel, now: float) -> bool:
        """Take one request off the buffer and answer it; False when none is complete."""

    def _respond(self, channel: _Channel, unit: int, pdu: bytes, wrap: Wrap, now: float) -> None:
        """Answer one request as well as the mischief of the moment lets it."""
        mischief = self.mischief if isinstance(self.mischief, Mischief) else self.mischief(unit, pdu)
        if mischief.echo:
            channel.replies.append((now, wrap(unit, pdu)))
        response = None if mischief.silent else self._answer(unit, pdu)
        if response is None:
            return
        if mischief.busy:
            response = bytes((pdu[0] | frames.EXCEPTION, _BUSY))
        if mischief.wrong_function:
            response = bytes((response[0] % 4 + 1,)) + response[1:]
        frame = wrap((unit + 1) % 248 if mischief.wrong_unit else unit, response)
        before_s, before = channel.previous
        channel.previous = now, frame
        if mischief.previous_s:
            frame = before if now - before_s <= mischief.previous_s else b""
        due = now + mischief.delay_s + mischief.late_s
        channel.replies.append((due, mischief.garbage + mischief.garble(frame)))
        if mischief.duplicate_s:
            channel.replies.append((due + mischief.duplicate_s, frame))
        channel.busy_until = now + mischief.delay_s if mischief.delay_s else 0.0

    def _answer(self, unit: int, pdu: bytes) -> bytes | None:
        """Response PDU of the slave with this unit number, None for silence."""
        responder = self._slaves.get(unit)
        return None if responder is None else responder(pdu)

    def _listen(self, file: int | socket.socket) -> None:
        """Begin to hear a channel."""
        channel = _Channel(file)
        self._channels.append(channel)
        self._selector.register(file, EVENT_READ, channel)

    def _drop(self, channel: _Channel) -> None:
        """Forget a channel whose other side has gone, or that is being closed."""
        channel.replies.clear()
        self._channels.remove(channel)
        self._selector.unregister(channel.file)
        if isinstance(channel.file, int):
            os.close(channel.file)
        else:
            channel.file.close()


class TcpBus(_Bus):
    """Slaves behind Modbus TCP on `host`:`port` (0 lets the system choose; `port` tells which)."""

    def __init__(self, slaves: Mapping[int, Responder], *, host: str = "127.0.0.1", port: int = 0) -> None:
        self._listener = socket.create_server((host, port))
        super().__init__(slaves)
        self._listener.settimeout(0.0)
        self.port: int = self._listener.getsockname()[1]
        self._selector.register(self._listener, EVENT_READ, None)
        self._thread.start()

    def close(self) -> None:
        """Stop answering, hang up, give the port back."""
        super().close()
        self._listener.close()

    def _ready(self, channel: _Channel | None) -> None:
        if channel is not None:
            super()._ready(channel)
            return
        with suppress(BlockingIOError):
            connection, _ = self._listener.accept()
            connection.settimeout(0.0)
            self._listen(connection)

    def _take_request(self, channel: _Channel, now: float) -> bool:
        try:
            request = frames.mbap_unwrap(bytes(channel.buffer))
        except ValueError:
            self._drop(channel)
            return False
        if request is None:
            channel.quiet_at = float("inf")
            return False
        transaction, unit, pdu, size = request
        del channel.buffer[:size]
        self._respond(channel, unit, pdu, partial(frames.mbap_wrap, transaction), now)
        return True

    def _answer(self, unit: int, pdu: bytes) -> bytes | None:
        if unit not in self._slaves:
            return bytes((pdu[0] | frames.EXCEPTION, _NO_SUCH_UNIT))
        return super()._answer(unit, pdu)


class RtuBus(_Bus):
    """Slaves on a serial line: a raw pseudo-terminal whose client end is `port`, or `link` if a stable name is asked.

    The line stays when a client closes it. Requests with a wrong checksum or another unit meet silence.
    """

    def __init__(self, slaves: Mapping[int, Responder], *, link: Path | None = None) -> None:
        if link is not None and link.exists() and not link.is_symlink():
            raise FileExistsError(f"{link} is a file of somebody else's")
        super().__init__(slaves)
        ours, self._theirs = os.openpty()
        tty.setraw(self._theirs)
        os.set_blocking(ours, False)
        self._link = link
        self.port = os.ttyname(self._theirs)
        if link is not None:
            _point(link, self.port)
            self.port = str(link)
        self._listen(ours)
        self._thread.start()

    def close(self) -> None:
        """Stop answering, unplug the line and take its stable name away."""
        if self._closing:
            return
        target = os.ttyname(self._theirs)
        super().close()
        os.close(self._theirs)
        if self._link is not None and self._link.is_symlink() and str(self._link.readlink()) == target:
            self._link.unlink()

    def _take_request(self, channel: _Channel, now: float) -> bool:
        size = frames.rtu_request_size(bytes(channel.buffer))
        if size is None or len(channel.buffer) < size:
            if now < channel.quiet_at:
                return False
            size = len(channel.buffer)
        try:
            unit, pdu = frames.rtu_unwrap(bytes(channel.buffer[:size]))
        except ValueError:
            channel.buffer.clear()  # a real slave waits for silence and begins anew
            return True
        del channel.buffer[:size]
        self._respond(channel, unit, pdu, frames.rtu_wrap, now)
        return True


def _point(link: Path, target: str) -> None:
    """Make `link` name `target` in one stroke, in place of an earlier run's."""
    fresh = link.with_name(f".{link.name}.{os.getpid()}")
    fresh.symlink_to(target)
    fresh.replace(link)
