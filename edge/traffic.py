"""What a message costs on the link, everything around it included, and the day's sums by what the bytes carried.

Estimates: no library tells the bytes below MQTT. SPEC.md section 14 says where the numbers come from, and
`make bench-wire` holds them against the packets that it captures.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import IntEnum

from protocol.events import Lane

TCP_IP_BYTES = 52
"""IPv4 and TCP headers with timestamps: around every segment, and all of a TCP acknowledgement."""

SEGMENT_BYTES = 1448
TLS_BYTES = 22
"""TLS 1.3 around one record: header, type and tag."""

PUBACK_BYTES = 4
PINGS_BYTES = 4
QOS_BYTES = 2
CONNECT_BYTES = {True: 2800, False: 900}
"""A connection from SYN to FIN with MQTT's CONNECT, SUBSCRIBE and both states; with TLS also the handshake, an
ECDSA certificate that is its own authority and two session tickets."""

ATTEMPT_BYTES = 300
"""An attempt that leads nowhere: five SYN."""


class Kind(IntEnum):
    """What bytes carried; the first five are the lanes of rows."""

    MONEY = Lane.MONEY
    ALARM = Lane.ALARM
    NOTE = Lane.NOTE
    SUMMARY = Lane.SUMMARY
    DETAIL = Lane.TELEMETRY
    SCHEMA = 5
    LIVE = 6
    CONTROL = 7


@dataclass(frozen=True, slots=True)
class Tariff:
    """What messages of one link cost: with or without TLS, over topics that are `topic_bytes` long."""

    tls: bool
    topic_bytes: int
    qos: int

    def published(self, payload_bytes: int, *, qos: int | None = None) -> int:
        """Count a message from the site and, at QoS 1, the broker's receipt."""
        level = self.qos if qos is None else qos
        sent = self._message(payload_bytes, level)
        return sent + (self._packet(PUBACK_BYTES) + TCP_IP_BYTES if level else TCP_IP_BYTES)

    def received(self, payload_bytes: int) -> int:
        """Count a message to the site (QoS 0) and the TCP acknowledgement that it costs."""
        return self._message(payload_bytes, 0) + TCP_IP_BYTES

    def connected(self) -> int:
        """Count everything that a connection costs before and after the rows."""
        return CONNECT_BYTES[self.tls]

    def pinged(self) -> int:
        """Count one keepalive: a request, its answer and a TCP acknowledgement."""
        return 2 * self._packet(PINGS_BYTES // 2) + TCP_IP_BYTES

    def _message(self, payload_bytes: int, qos: int) -> int:
        rest = 2 + self.topic_bytes + (QOS_BYTES if qos else 0) + payload_bytes
        length_bytes = max(1, math.ceil(rest.bit_length() / 7))
        return self._packet(1 + length_bytes + rest)

    def _packet(self, mqtt_bytes: int) -> int:
        record = mqtt_bytes + (TLS_BYTES if self.tls else 0)
        return record + TCP_IP_BYTES * math.ceil(record / SEGMENT_BYTES)


@dataclass(slots=True)
class Counts:
    """Bytes by kind."""

    by_kind: list[int] = field(default_factory=lambda: [0] * len(Kind))

    def add(self, kind: Kind, count: int) -> None:
        """Count bytes of one kind."""
        self.by_kind[kind] += count

    def total(self) -> int:
        """Sum all kinds."""
        return sum(self.by_kind)


def share(total: int, weights: Sequence[int]) -> list[int]:
    """Divide a total in proportion to weights, to the last byte; what does not divide goes to the first of them."""
    whole = sum(weights)
    if whole == 0:
        return [total, *[0] * (len(weights) - 1)]
    parts = [total * weight // whole for weight in weights]
    largest = max(range(len(weights)), key=lambda i: weights[i])
    parts[largest] += total - sum(parts)
    return parts
