"""The broker's door in one description, whatever the broker: who may enter, do what, and cost how much."""

from __future__ import annotations

from dataclasses import dataclass

from hub.broker.credentials import Credential, Credentials, Hashes
from hub.settings import BrokerSettings, ManagedBroker
from protocol.limits import PAYLOAD_MAX_BYTES
from protocol.topics import FROM_SITE, ROOT, TO_SITE, Address

CHECK = "hub_check"
"""A name that no site can have, and that may do nothing. Its secret is new with every writing and kept nowhere: a
broker that lets it in has read these very files."""

CERTIFICATE = "broker.pem"
"""Key and certificate in one file, so that a power cut cannot leave the one without the other."""

PACKET_MAX_BYTES = PAYLOAD_MAX_BYTES + 1024
"""The largest payload with its topic and header."""

KEEPALIVE_MAX_S = 43_200
"""As in `site.yaml`."""

IN_FLIGHT_MAX = 100
WAITING_MAX = 20_000
FORGET_AFTER_DAYS = 14
"""Where a broker keeps sessions: one that nobody came back to for so long is dropped, with what waits in it."""

HANDSHAKE_S = 30
"""A weak link needs seconds for the few packets of a TLS handshake."""


@dataclass(frozen=True, slots=True)
class Login:
    """One who may enter, and the topic filters it may write and read."""

    name: str
    hashes: Hashes
    write: tuple[str, ...] = ()
    read: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Door:
    """Everything that a broker must be told; `directory` is where it will read the files that say so."""

    directory: str
    address: str | None
    """Where it listens for sites; None: everywhere."""
    site_port: int
    hub_port: int
    """The hub's own, on loopback, where the broker can have two; else the same."""
    logins: tuple[Login, ...]
    connections_max: int
    queue_bytes: int
    store: str
    pid_file: str | None


def door_of(managed: ManagedBroker, broker: BrokerSettings, credentials: Credentials, check: Hashes) -> Door:
    """Describe the door of a hub's broker as the hub's settings and its credentials have it."""
    return Door(
        directory=managed.directory,
        address=managed.address,
        site_port=managed.tcp_port,
        hub_port=broker.tcp_port,
        logins=(*(login_of(credential) for credential in credentials.values()), Login(CHECK, check)),
        connections_max=managed.connections_max,
        queue_bytes=managed.queue_bytes,
        store=managed.store,
        pid_file=managed.pid_file,
    )


def login_of(credential: Credential) -> Login:
    """Say what a name may do: a site its own six topics, each in one direction; the hub the mirror image of all."""
    if credential.shard is None:
        every = f"{ROOT}/+/+"
        write = tuple(f"{every}/{channel}" for channel in TO_SITE)
        read = tuple(f"{every}/{channel}" for channel in FROM_SITE)
    else:
        own = Address(credential.shard, credential.name)
        write = tuple(own.topic(channel) for channel in FROM_SITE)
        read = tuple(own.topic(channel) for channel in TO_SITE)
    return Login(credential.name, credential.hashes, write, read)
