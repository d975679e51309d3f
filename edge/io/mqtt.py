"""The link to the broker over MQTT 3.1.1; sole importer of paho at the edge.

paho's network thread only appends to a queue. Its own store is never relied on: the session is clean, at most the
uplink's window is handed over, and what was not sent before a disconnection is dropped here and sent again from the
outbox.
"""

from __future__ import annotations

import logging
import queue
import socket
import ssl
import sys
import time
from pathlib import Path
from typing import TypeVar

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.reasoncodes import ReasonCode

from edge import VERSION
from edge.errors import Refused, RetryLater
from edge.uplink_settings import UplinkSettings
from protocol import control, live, topics
from protocol.control import Ack, SiteState
from protocol.errors import WireError
from protocol.live import Command
from protocol.topics import Channel

_Item = TypeVar("_Item")
_LOG = logging.getLogger(__name__)
ACKS_MAX = 1000
COMMANDS_MAX = 16
CONNECT_PATIENCE_S = 90.0
DEAD_AFTER_MS = 120_000
"""When nothing sent is confirmed for so long, TCP gives a connection up: it would repeat itself for a quarter of an
hour on a network that has long forgotten it."""


class MqttLink:
    """A `Link` to one broker; connects only when told to."""

    def __init__(self, settings: UplinkSettings, address: topics.Address, epoch: int) -> None:
        self._settings = settings
        self._address = address
        self._epoch = epoch
        self._acks: queue.Queue[Ack] = queue.Queue(ACKS_MAX)
        self._commands: queue.Queue[Command] = queue.Queue(COMMANDS_MAX)
        self._trying = False
        self._tried_s = 0.0
        self.last_error = ""
        self.refused_acks = 0
        secret = None if settings.password_file is None else _secret(settings.password_file)
        client = mqtt.Client(
            CallbackAPIVersion.VERSION2,
            client_id=topics.client_id(f"kayasol-{address.site}", secret),
            clean_session=True,
            reconnect_on_failure=False,
        )
        client.suppress_exceptions = True
        if secret is not None:
            client.username_pw_set(settings.username, secret)
        if settings.tls:
            client.tls_set_context(_tls(settings.ca_file))
        client.will_set(address.topic(Channel.STATE), self._state(online=False), qos=1, retain=True)
        client.on_connect = self._on_connect
        client.on_connect_fail = self._on_connect_fail
        client.on_disconnect = self._on_disconnect
        client.on_message = self._on_message
        client.on_socket_open = _give_up_early
        self._client = client

    def connect(self) -> None:
        """See `Link.connect`."""
        self._client.loop_stop()
        self._trying, self._tried_s = True, time.monotonic()  # noqa: TID251  likewise
        try:
            self._client.connect_async(self._settings.host, self._settings.tcp_port, self._settings.keepalive_s)
            self._client.loop_start()
        except (OSError, ValueError) as error:
            self._failed(str(error))

    def connected(self) -> bool:
        """See `Link.connected`."""
        return self._client.is_connected() and not self._trying

    def connecting(self) -> bool:
        """See `Link.connecting`; an attempt that a broker accepts but never answers is given up."""
        if self._trying and time.monotonic() - self._tried_s > CONNECT_PATIENCE_S:  # noqa: TID251  the network's own time
            self._failed("the broker does not answer")
        return self._trying

    def hang_up(self) -> None:
        """See `Link.hang_up`."""
        self._client.disconnect()
        self._client.loop_stop()

    def publish(self, channel: Channel, payload: bytes) -> None:
        """See `Link.publish`."""
        qos = 0 if channel is Channel.LIVE else self._settings.qos
        self._client.publish(self._address.topic(channel), payload, qos=qos)

    def acks(self) -> list[Ack]:
        """See `Link.acks`."""
        return _emptied(self._acks)

    def commands(self) -> list[Command]:
        """See `Link.commands`."""
        return _emptied(self._commands)

    def close(self) -> None:
        """Say that the site goes offline on purpose, and disconnect."""
        if self._client.is_connected():
            state = self._state(online=False)
            self._client.publish(self._address.topic(Channel.STATE), state, qos=1, retain=True).wait_for_publish(2)
        self._client.disconnect()
        self._client.loop_stop()

    def _state(self, *, online: bool) -> bytes:
        return control.encode_state(SiteState(online, self._epoch, VERSION))

    def _on_connect(self, client: mqtt.Client, _: object, __: mqtt.ConnectFlags, code: ReasonCode, ___: object) -> None:
        if code.is_failure:
            self._failed(f"the broker refuses us: {code}")
            return
        client.subscribe([(self._address.topic(Channel.ACK), 0), (self._address.topic(Channel.CMD), 0)])
        client.publish(self._address.topic(Channel.STATE), self._state(online=True), qos=1, retain=True)
        self.last_error = ""
        self._trying = False

    def _on_connect_fail(self, *_: object) -> None:
        # paho calls this while it handles what went wrong, and hands it to nobody.
        self._failed(_why(sys.exc_info()[1], self._settings))

    def _on_disconnect(self, client: mqtt.Client, *_: object) -> None:
        client.drop_out_messages()
        if not self.last_error:
            self.last_error = "the connection was lost"
        self._trying = False

    def _on_message(self, _: mqtt.Client, __: object, message: mqtt.MQTTMessage) -> None:
        try:
            if message.topic == self._address.topic(Channel.CMD):
                self._commands.put_nowait(live.decode_command(bytes(message.payload)))
            else:
                self._acks.put_nowait(control.decode_ack(bytes(message.payload)))
        except (WireError, queue.Full) as error:
            self.refused_acks += 1
            _LOG.warning("a message on %s cannot be used: %s", message.topic, error)

    def _failed(self, reason: str) -> None:
        self.last_error = reason
        self._trying = False
        _LOG.info("%s:%d: %s", self._settings.host, self._settings.tcp_port, reason)


def _emptied(waiting: queue.Queue[_Item]) -> list[_Item]:
    items = []
    while not waiting.empty():
        items.append(waiting.get())
    return items


def _why(error: BaseException | None, settings: UplinkSettings) -> str:
    """Say why there is no connection, and what can be done about a certificate."""
    if not isinstance(error, ssl.SSLCertVerificationError):
        return f"the broker cannot be reached: {error}"
    trusted = "a public authority" if settings.ca_file is None else f"the authority in {settings.ca_file}"
    return (
        f"the broker's certificate is refused: {error.verify_message}. It must be for {settings.host} and signed by "
        f"{trusted}; if it is, look at this machine's clock. Nothing was sent"
    )


def _give_up_early(_: mqtt.Client, __: object, opened: object) -> None:
    if isinstance(opened, socket.socket):
        opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, DEAD_AFTER_MS)


def _tls(ca_file: str | None) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=ca_file)
    except (OSError, ssl.SSLError) as error:
        raise Refused(f"the certificate authority {ca_file} cannot be read: {error}") from error


def _secret(path: str) -> str:
    try:
        return Path(path).read_text("utf-8").strip()
    except OSError as error:
        raise RetryLater(f"the password file {path} cannot be read: {error.strerror}") from error
