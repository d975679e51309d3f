"""A link between a real agent and a real hub in one process: no network, and losses on demand."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field

from hub.ingest.consumer import Consumer
from hub.ingest.decode import Message
from protocol import control, live
from protocol.control import Ack
from protocol.live import Command, LiveCommand
from protocol.topics import Address, Channel


@dataclass
class Pipe:
    """The edge's `Link` and the hub's `Inbox` in one; each direction loses this share of what it carries."""

    address: Address
    now_ms: int = 0
    loss: float = 0.0
    twice: float = 0.0
    chance: random.Random = field(default_factory=lambda: random.Random(1))  # noqa: S311  tests want the same luck
    consumer: Consumer | None = None
    up_bytes: int = 0
    overflowed: int = 0
    _up: list[Message] = field(default_factory=list)
    _down: list[bytes] = field(default_factory=list)
    _commands: list[bytes] = field(default_factory=list)
    _connected: bool = True

    def connect(self) -> None:
        """See `Link.connect`."""
        self._connected = True

    def hang_up(self) -> None:
        """See `Link.hang_up`."""
        self.disconnect()

    def disconnect(self) -> None:
        """Cut the connection; what is on its way is lost."""
        self._connected = False
        self._up.clear()
        self._down.clear()

    def connected(self) -> bool:
        """See `Link.connected`."""
        return self._connected

    def connecting(self) -> bool:
        """See `Link.connecting`."""
        return False

    def publish(self, channel: Channel, payload: bytes) -> None:
        """See `Link.publish`."""
        self.up_bytes += len(payload)
        message = Message(self.address.topic(channel), payload, self.now_ms, mid=1)
        self._up += [message] * self._copies()

    def acks(self) -> list[Ack]:
        """See `Link.acks`; the hub takes its turn whenever the edge looks for acks."""
        if self.consumer is not None:
            self.consumer.step(self.now_ms)
        received, self._down = self._down, []
        return [control.decode_ack(payload) for payload in received]

    def commands(self) -> list[Command]:
        """See `Link.commands`."""
        received, self._commands = self._commands, []
        return [live.decode_command(payload) for payload in received]

    def take(self, limit: int) -> list[Message]:
        """See `Inbox.take`."""
        taken, self._up = self._up[:limit], self._up[limit:]
        return taken

    def settle(self, messages: Sequence[Message]) -> None:
        """See `Inbox.settle`."""

    def publish_ack(self, address: Address, ack: Ack) -> None:
        """See `Inbox.publish_ack`."""
        assert address == self.address
        self._down += [control.encode_ack(ack)] * self._copies()

    def publish_command(self, address: Address, command: LiveCommand) -> bool:
        """See `Inbox.publish_command`."""
        assert address == self.address
        self._commands += [live.encode_command(command)] * self._copies()
        return self._connected

    def _copies(self) -> int:
        if self.chance.random() < self.loss:
            return 0
        return 2 if self.chance.random() < self.twice else 1
