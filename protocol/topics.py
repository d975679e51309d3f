"""MQTT topics: built and parsed in one place, so that an access rule and a subscription cannot drift apart."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from enum import StrEnum

from protocol.errors import Refusal, WireError

ROOT = "kayasol/1"
SHARDS = 16

_SHARD_NAMES = {str(shard) for shard in range(SHARDS)}
_NAME = re.compile(r"[a-z0-9-]{1,32}\Z")


class Channel(StrEnum):
    """What a topic carries; a site writes the first four and reads the last two."""

    UP = "up"
    SCHEMA = "schema"
    STATE = "state"
    LIVE = "live"
    ACK = "ack"
    CMD = "cmd"


FROM_SITE = (Channel.UP, Channel.SCHEMA, Channel.STATE, Channel.LIVE)
TO_SITE = (Channel.ACK, Channel.CMD)


@dataclass(frozen=True, slots=True)
class Address:
    """Where a site lives on the broker; the shard is fixed at enrolment."""

    shard: int
    site: str

    def topic(self, channel: Channel) -> str:
        """Name the topic of one channel of this site."""
        return f"{ROOT}/{self.shard}/{self.site}/{channel}"


def is_name(text: str) -> bool:
    """Say whether a text may name a site, a device or a table on the wire."""
    return _NAME.match(text) is not None


def parse(topic: str) -> tuple[Address, Channel]:
    """Split a topic into address and channel; raises `WireError` for anything this version does not define."""
    parts = topic.split("/")
    if len(parts) != 5 or "/".join(parts[:2]) != ROOT:  # noqa: PLR2004  the five levels are the specification
        raise WireError(Refusal.MALFORMED, f"topic {topic!r} is not {ROOT}/shard/site/channel")
    shard, site, channel = parts[2:]
    if shard not in _SHARD_NAMES:
        raise WireError(Refusal.MALFORMED, f"topic {topic!r} has no shard between 0 and {SHARDS - 1}")
    if not is_name(site):
        raise WireError(Refusal.MALFORMED, f"topic {topic!r} names no valid site")
    if channel not in list(Channel):
        raise WireError(Refusal.MALFORMED, f"topic {topic!r} has no channel that this version knows")
    return Address(int(shard), site), Channel(channel)


def hub_filters(shards: range = range(SHARDS)) -> list[str]:
    """List the subscriptions of a hub worker that owns these shards."""
    owners = ["+"] if len(shards) == SHARDS else [str(shard) for shard in shards]
    return [f"{ROOT}/{owner}/+/{channel}" for owner in owners for channel in FROM_SITE]


def client_id(name: str, secret: str | None) -> str:
    """Name an MQTT client so that nobody else can: a broker lets who gives the same name take its place."""
    if secret is None:
        return name
    return f"{name}-{hashlib.sha256(f'kayasol client id {secret}'.encode()).hexdigest()[:16]}"
