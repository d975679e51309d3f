"""The broker as the hub sees it; sole importer of paho at the hub.

A message is acknowledged to the broker only when `settle` is called, after the commit. paho's thread only appends
to a queue in which each site has its share. What finds no room there is acknowledged to the broker and dropped: left
with the broker it would stand in the way of the other sites' messages, and its site sends it again anyway.
"""

from __future__ import annotations

import logging
import queue
import ssl
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.reasoncodes import ReasonCode

from hub.errors import RetryLater
from hub.ingest.decode import Message, address_of
from hub.ingest.fair import STRANGERS, FairQueue
from hub.settings import BrokerSettings
from protocol import control, live, topics
from protocol.control import Ack
from protocol.live import LiveCommand
from protocol.topics import Address, Channel

_LOG = logging.getLogger(__name__)
TELL_EVERY = 10_000
"""Of so many messages of a site that found no room, one is told of in the log."""


class MqttInbox:
    """An `Inbox` over one broker; reconnects by itself."""

    def __init__(self, settings: BrokerSettings, shards: range) -> None:
        self._settings = settings
        self._filters = topics.hub_filters(shards)
        self._queue = FairQueue()
        self._lock = threading.Lock()
        self.overflowed = 0
        self.enrolled: frozenset[str] | None = None
        """The sites that have a lane of their own in the queue; until they are known, all have."""

        secret = None if settings.password_file is None else _secret(settings.password_file)
        client = mqtt.Client(
            CallbackAPIVersion.VERSION2,
            client_id=topics.client_id(f"kayasol-hub-{shards.start}-{shards.stop}", secret),
            clean_session=not settings.keeps_session,
            manual_ack=True,
        )
        client.suppress_exceptions = True
        if secret is not None:
            client.username_pw_set(settings.username, secret)
        if settings.tls:
            client.tls_set_context(_tls(settings.ca_file))
        client.reconnect_delay_set(1, 30)
        client.on_connect = self._on_connect
        client.on_connect_fail = self._on_connect_fail
        client.on_disconnect = self._on_disconnect
        client.on_message = self._on_message
        self._client = client

    def open(self) -> None:
        """Begin to connect; returns at once."""
        self._client.connect_async(self._settings.host, self._settings.tcp_port, keepalive=60)
        self._client.loop_start()

    def close(self) -> None:
        """Disconnect; what was not settled stays with the broker."""
        self._client.disconnect()
        self._client.loop_stop()

    def connected(self) -> bool:
        """Say whether the broker is there."""
        return self._client.is_connected()

    @property
    def overflowed_by(self) -> dict[str, int]:
        """Count by site what found no room."""
        return self._queue.overflowed

    def take(self, limit: int) -> list[Message]:
        """See `Inbox.take`."""
        with self._lock:
            return self._queue.take(limit, time.monotonic())  # noqa: TID251  how fast sites may go is a matter of real time

    def charge(self, spent_s: Mapping[str, float]) -> None:
        """Book on each site the time that its messages took."""
        with self._lock:
            self._queue.charge(spent_s, time.monotonic())  # noqa: TID251  likewise

    def wait(self, seconds: float) -> None:
        """Return when there is something to take, or after so long."""
        deadline = time.monotonic() + seconds  # noqa: TID251  waiting for a thread is I/O
        while not self._ready() and time.monotonic() < deadline:  # noqa: TID251
            time.sleep(0.01)

    def settle(self, messages: Sequence[Message]) -> None:
        """See `Inbox.settle`."""
        for message in messages:
            if message.mid:
                self._client.ack(message.mid, 1)

    def publish_ack(self, address: Address, ack: Ack) -> None:
        """See `Inbox.publish_ack`. QoS 0: an ack is cumulative, and a lost one is made good by the next."""
        self._client.publish(address.topic(Channel.ACK), control.encode_ack(ack), qos=0)

    def publish_command(self, address: Address, command: LiveCommand) -> bool:
        """See `Inbox.publish_command`; not retained: a site that is away would get it long after anybody watched."""
        if not self._client.is_connected():
            return False
        self._client.publish(address.topic(Channel.CMD), live.encode_command(command), qos=1)
        return True

    def _on_connect(self, client: mqtt.Client, _: object, __: mqtt.ConnectFlags, code: ReasonCode, ___: object) -> None:
        if code.is_failure:
            _LOG.error("the broker %s refuses the hub: %s", self._settings.host, code)
            return
        client.subscribe([(topic, 1) for topic in self._filters])
        _LOG.info("connected to the broker %s:%d", self._settings.host, self._settings.tcp_port)

    def _on_connect_fail(self, *_: object) -> None:
        reason = sys.exc_info()[1]  # paho calls this while it handles what went wrong, and hands it to nobody
        _LOG.error("the broker %s:%d cannot be reached: %s", self._settings.host, self._settings.tcp_port, reason)

    def _on_disconnect(self, _: mqtt.Client, __: object, ___: object, code: ReasonCode, ____: object) -> None:
        _LOG.warning("disconnected from the broker: %s", code)

    def _on_message(self, _: mqtt.Client, __: object, message: mqtt.MQTTMessage) -> None:
        received_at_ms = time.time_ns() // 1_000_000
        mid = message.mid if message.qos else 0
        arrived = Message(message.topic, bytes(message.payload), received_at_ms, mid)
        site = self._lane(arrived.topic)
        with self._lock:
            dropped = self._queue.put(site, arrived, time.monotonic())  # noqa: TID251  likewise
        if dropped:
            self._overflow(dropped)

    def _lane(self, topic: str) -> str:
        address = address_of(topic)
        known = address is not None and (self.enrolled is None or address.site in self.enrolled)
        return address.site if address is not None and known else STRANGERS

    def _overflow(self, dropped: Sequence[Message]) -> None:
        self.overflowed += len(dropped)
        self.settle(dropped)
        for site in {self._lane(message.topic) for message in dropped}:
            if self._queue.overflowed.get(site, 0) % TELL_EVERY == 1:
                who = site or "sites that are not enrolled"
                _LOG.warning("%s: more messages than may wait; what is too much is dropped, and sent again", who)

    def _ready(self) -> bool:
        with self._lock:
            return self._queue.ready(time.monotonic())  # noqa: TID251  likewise


def knock(settings: BrokerSettings, username: str, secret: str, patience_s: float) -> str | None:
    """Try to enter the broker under a name, at the port that is the hub's; says why not, or None when let in."""
    answers: queue.Queue[str | None] = queue.Queue()
    client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=topics.client_id(username, secret))
    client.username_pw_set(username, secret)
    if settings.tls:
        client.tls_set_context(_tls(settings.ca_file))

    def on_connect(_: mqtt.Client, __: object, ___: mqtt.ConnectFlags, code: ReasonCode, ____: object) -> None:
        answers.put(f"it refuses us: {code}" if code.is_failure else None)

    def on_disconnect(*_: object) -> None:
        answers.put("it hangs up")

    client.on_connect, client.on_disconnect = on_connect, on_disconnect
    client.connect_timeout = patience_s
    try:
        client.connect(settings.host, settings.tcp_port)
    except OSError as error:
        return f"it cannot be reached: {error}"
    deadline = time.monotonic() + patience_s  # noqa: TID251
    while answers.empty() and time.monotonic() < deadline:  # noqa: TID251
        client.loop(0.1)
    answer = answers.get() if not answers.empty() else "it does not answer"
    client.disconnect()
    return answer


def _tls(ca_file: str | None) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=ca_file)
    except OSError as error:
        raise RetryLater(f"the certificate authority {ca_file} cannot be read: {error}") from error


def _secret(path: str) -> str:
    try:
        return Path(path).read_text("utf-8").strip()
    except OSError as error:
        raise RetryLater(f"the password file {path} cannot be read: {error.strerror}") from error
