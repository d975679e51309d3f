"""What a message is: a topic and bytes to one of a few decoded shapes, or a refusal with its reason. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from protocol import batch, control, live, schema, topics
from protocol.batch import Batch
from protocol.control import SiteState
from protocol.errors import Refusal, WireError
from protocol.live import Live
from protocol.schema import Schema
from protocol.topics import Address, Channel


@dataclass(frozen=True, slots=True)
class Message:
    """What arrived, as it arrived; `mid` is the broker's handle for it."""

    topic: str
    payload: bytes
    received_at_ms: int
    mid: int = 0


@dataclass(frozen=True, slots=True)
class BatchArrived:
    """Rows of a site."""

    address: Address
    batch: Batch
    batch_id: int


@dataclass(frozen=True, slots=True)
class SchemaArrived:
    """Column names of a site."""

    address: Address
    schema_id: bytes


@dataclass(frozen=True, slots=True)
class StateArrived:
    """A site connected, or its last will says that it is gone."""

    address: Address
    state: SiteState


@dataclass(frozen=True, slots=True)
class Rejected:
    """A message that is kept aside; `address` is None when not even the topic makes sense."""

    refusal: Refusal
    reason: str
    address: Address | None = None
    batch_id: int | None = None


@dataclass(frozen=True, slots=True)
class LiveArrived:
    """A site shows its newest values."""

    address: Address
    live: Live


Decoded = BatchArrived | SchemaArrived | StateArrived | LiveArrived | Rejected | None


def decode(message: Message, shards: Mapping[str, int]) -> Decoded:
    """Decode a message from one of the sites in `shards` (site to its shard); None for what is not ours to keep."""
    address: Address | None = None
    try:
        address, channel = topics.parse(message.topic)
        _require_enrolled(address, shards)
        match channel:
            case Channel.UP:
                return BatchArrived(address, batch.decode(message.payload), batch.batch_id(message.payload))
            case Channel.SCHEMA:
                schema.decode(message.payload)
                return SchemaArrived(address, schema.schema_id(message.payload))
            case Channel.STATE:
                return StateArrived(address, control.decode_state(message.payload))
            case Channel.LIVE:
                return LiveArrived(address, live.decode_live(message.payload))
            case _:
                return None
    except WireError as error:
        return Rejected(error.refusal, str(error), address, batch_id_of(message, address))


def address_of(topic: str) -> Address | None:
    """Say which site a topic speaks of; None when it is none of ours."""
    try:
        return topics.parse(topic)[0]
    except WireError:
        return None


def batch_id_of(message: Message, address: Address | None) -> int | None:
    """Name the batch that a message is; None when it is none."""
    is_batch = address is not None and message.topic == address.topic(Channel.UP)
    return batch.batch_id(message.payload) if is_batch else None


def _require_enrolled(address: Address, shards: Mapping[str, int]) -> None:
    if shards.get(address.site) != address.shard:
        raise WireError(Refusal.UNKNOWN_SITE, f"no site {address.site!r} is enrolled on shard {address.shard}")


def misfit(arrived: BatchArrived, named: Schema) -> Rejected | None:
    """Say why a batch's tables are not those of the schema it names; None when they are."""
    for rows in arrived.batch.tables:
        if rows.table >= len(named.tables) or len(rows.columns) != len(named.tables[rows.table].columns):
            reason = f"table {rows.table} with {len(rows.columns)} columns is not of the schema that the batch names"
            return Rejected(Refusal.MALFORMED, reason, arrived.address, arrived.batch_id)
    return None
