"""The way between a site and its hub as bad as it gets: a broker that loses what it took, doubles, reorders, delays."""

from __future__ import annotations

import heapq
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from hub.ingest.decode import Message
from protocol import control
from protocol.control import Ack, SiteState
from protocol.live import Command, LiveCommand
from protocol.topics import Address, Channel

OVERHEAD_BYTES = 300
"""TCP/IP, TLS, MQTT and the acknowledgements of a message, rounded up (protocol/SPEC.md, section 14)."""


class HubKilled(BaseException):
    """The hub's process is gone in the middle of what it did."""


@dataclass(slots=True)
class Weather:
    """How the network treats a message now: shares lost and doubled, and how late it may come."""

    loss: float = 0.02
    twice: float = 0.02
    delay_ms: int = 3_000


@dataclass
class Network:
    """The edge's `Link` and the hub's `Inbox`, over one clock."""

    address: Address
    chance: random.Random
    weather: Weather = field(default_factory=Weather)
    now_ms: int = 0
    bits_per_s: float = float("inf")
    link_up: bool = True
    half_open: bool = False
    """The link looks connected and carries nothing."""

    witness: Callable[[Ack], None] = field(default=lambda _: None)
    """Sees every ack as it is sent."""

    epoch: int = 0
    overflowed: int = 0
    up_bytes: int = 0
    lost: int = 0
    doubled: int = 0
    kill_hub_in: int | None = None
    """Acks until the hub dies while it sends one."""

    _connected: bool = False
    _free_ms: float = 0.0
    _number: int = 0
    _up: list[tuple[int, int, Message]] = field(default_factory=list)
    _down: list[tuple[int, int, bytes]] = field(default_factory=list)

    def next_arrival_ms(self) -> float:
        """Tell when something is next to be looked at."""
        return min([queue[0][0] for queue in (self._up, self._down) if queue], default=float("inf"))

    def cut_link(self) -> None:
        """Take the network away from the site."""
        self.link_up = self._connected = False

    def forget(self) -> int:
        """Let the broker lose everything it holds; returns how much that was."""
        held = len(self._up) + len(self._down)
        self._up.clear()
        self._down.clear()
        return held

    def site_dies(self) -> None:
        """Let the site's process end without a word."""
        self._connected = False

    def connect(self) -> None:
        """See `Link.connect`."""
        self._connected = self.link_up
        if self._connected:
            self.publish(Channel.STATE, control.encode_state(SiteState(online=True, epoch=self.epoch, software="0")))

    def connected(self) -> bool:
        """See `Link.connected`."""
        return self._connected

    def connecting(self) -> bool:
        """See `Link.connecting`."""
        return False

    def hang_up(self) -> None:
        """See `Link.hang_up`."""
        self._connected = False

    def publish(self, channel: Channel, payload: bytes) -> None:
        """See `Link.publish`."""
        if not self._connected:
            return
        self.up_bytes += len(payload)
        for due_ms in self._fates(len(payload)):
            message = Message(self.address.topic(channel), payload, due_ms, mid=1)
            heapq.heappush(self._up, (due_ms, self._next(), message))

    def acks(self) -> list[Ack]:
        """See `Link.acks`; what comes while nobody is connected is gone."""
        found = []
        while self._down and self._down[0][0] <= self.now_ms:
            _, _, payload = heapq.heappop(self._down)
            if self._connected:
                found.append(control.decode_ack(payload))
        return found

    def commands(self) -> list[Command]:
        """See `Link.commands`: nobody watches a simulated life."""
        return []

    def publish_command(self, address: Address, command: LiveCommand) -> bool:
        """See `Inbox.publish_command`."""
        del address, command
        return False

    def take(self, limit: int) -> list[Message]:
        """See `Inbox.take`."""
        taken: list[Message] = []
        while self._up and self._up[0][0] <= self.now_ms and len(taken) < limit:
            taken.append(replace(heapq.heappop(self._up)[2], received_at_ms=self.now_ms))
        return taken

    def settle(self, messages: Sequence[Message]) -> None:
        """See `Inbox.settle`."""

    def publish_ack(self, address: Address, ack: Ack) -> None:
        """See `Inbox.publish_ack`."""
        assert address == self.address
        self.witness(ack)
        if self.kill_hub_in is not None:
            self.kill_hub_in -= 1
            if self.kill_hub_in < 0:
                self.kill_hub_in = None
                raise HubKilled
        payload = control.encode_ack(ack)
        for due_ms in self._fates(len(payload)):
            heapq.heappush(self._down, (due_ms, self._next(), payload))

    def _fates(self, size: int) -> list[int]:
        """Draw when the copies of a message of this size arrive; none when it is lost."""
        if self.half_open or self.chance.random() < self.weather.loss:
            self.lost += 1
            return []
        copies = 1 + (self.chance.random() < self.weather.twice)
        self.doubled += copies - 1
        return [self._sent_ms(size) + 200 + self.chance.randrange(self.weather.delay_ms) for _ in range(copies)]

    def _sent_ms(self, size: int) -> int:
        """Tell when the line, which takes one message at a time, has carried this one and what surrounds it."""
        self._free_ms = max(self._free_ms, self.now_ms) + 1000 * 8 * (size + OVERHEAD_BYTES) / self.bits_per_s
        return round(self._free_ms)

    def _next(self) -> int:
        self._number += 1
        return self._number
