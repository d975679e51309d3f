"""The small messages around the batches: what the hub acknowledges and what a site says of itself."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from protocol import wire
from protocol.errors import Refusal, WireError
from protocol.limits import BATCHES_MAX, EPOCH_MAX, PAYLOAD_MAX_BYTES, RANGES_MAX, TEXT_MAX, VALUE_MAX
from protocol.ranges import Range
from protocol.schema import ID_BYTES

_BATCH_ID_MAX = 2**32 - 1
_REASON_MAX = 200  # characters of four bytes: as many sentences as an ack holds still fit a payload


@dataclass(frozen=True, slots=True)
class Refused:
    """A batch that the hub keeps aside and will not take; `reason` is a sentence for the site's log."""

    batch_id: int
    reason: str


@dataclass(frozen=True, slots=True)
class Ack:
    """What the hub has committed of one epoch, sent after the commit.

    Every row up to `upto` is settled (stored, or declared lost by a `Gap`) except the `missing` ranges, and so is
    every row of the batches named in `batches`. `utc_ms` is the hub's clock when it wrote the ack. Epoch 0 stands for a
    batch that could not be read.
    """

    epoch: int
    upto: int
    utc_ms: int
    missing: tuple[Range, ...] = ()
    batches: tuple[int, ...] = ()
    schemas_wanted: tuple[bytes, ...] = ()
    refused: tuple[Refused, ...] = ()
    forked: bool = False
    """A named batch has numbers that a start of the epoch passed over: only batches that are named are settled."""

    def lacking(self) -> tuple[Range, ...]:
        """Name what the hub surely has not: what is missing and, unless more is missing than an ack lists, the rest."""
        if self.forked or self.epoch == 0:
            return ()
        full = len(self.missing) >= RANGES_MAX
        return self.missing if full else (*self.missing, (self.upto + 1, VALUE_MAX))


@dataclass(frozen=True, slots=True)
class SiteState:
    """What a site says when it connects, and what its last will says when it is gone."""

    online: bool
    epoch: int
    software: str = ""


def encode_ack(ack: Ack) -> bytes:
    """Write an ack as plain CBOR: it is too small to deflate.

    When more is missing than an ack lists, it reaches less far: a row it has no room to name is never called settled.
    """
    missing, upto = ack.missing, ack.upto
    if len(missing) > RANGES_MAX:
        missing, upto = missing[:RANGES_MAX], missing[RANGES_MAX][0] - 1
    message = {
        1: ack.epoch,
        2: upto,
        3: ack.utc_ms,
        4: [list(pair) for pair in missing],
        5: list(ack.batches[:BATCHES_MAX]),
        6: list(ack.schemas_wanted[:BATCHES_MAX]),
        7: [[refused.batch_id, refused.reason[:_REASON_MAX]] for refused in ack.refused[:BATCHES_MAX]],
        8: ack.forked or [],
    }
    return wire.encode({key: value for key, value in message.items() if value != []})


def decode_ack(payload: bytes) -> Ack:
    """Read an ack; raises `WireError`."""
    message = _decode(payload)
    upto = _integer(message, 2, VALUE_MAX)
    forked = message.get(8, False)
    if not isinstance(forked, bool):
        raise WireError(Refusal.MALFORMED, "field 8 is not true or false")
    return Ack(
        epoch=_integer(message, 1, EPOCH_MAX),
        upto=upto,
        utc_ms=_integer(message, 3, VALUE_MAX),
        missing=_missing(message, upto),
        batches=tuple(_batch_id(item) for item in _items(message, 5, BATCHES_MAX)),
        schemas_wanted=tuple(_schema_id(item) for item in _items(message, 6, BATCHES_MAX)),
        refused=tuple(_refused(item) for item in _items(message, 7, BATCHES_MAX)),
        forked=forked,
    )


def encode_state(state: SiteState) -> bytes:
    """Write the state message."""
    return wire.encode({1: state.online, 2: state.epoch, 3: state.software})


def decode_state(payload: bytes) -> SiteState:
    """Read a state message; raises `WireError`."""
    message = _decode(payload)
    online, software = message.get(1), message.get(3, "")
    if not isinstance(online, bool) or not isinstance(software, str) or len(software) > TEXT_MAX:
        raise WireError(Refusal.MALFORMED, "a state message needs online and, at most, a short software text")
    return SiteState(online, _integer(message, 2, EPOCH_MAX), software)


def _decode(payload: bytes) -> dict[int, Any]:
    if len(payload) > PAYLOAD_MAX_BYTES:
        raise WireError(Refusal.OVERSIZED, f"message of {len(payload)} bytes, at most {PAYLOAD_MAX_BYTES}")
    return wire.decode(payload)


def _integer(message: dict[int, Any], key: int, most: int) -> int:
    value = message.get(key)
    if not wire.is_integer(value, 0, most):
        raise WireError(Refusal.MALFORMED, f"field {key} is not a number from 0 to {most}")
    return value


def _items(message: dict[int, Any], key: int, most: int) -> list[Any]:
    items = message.get(key, [])
    if not isinstance(items, list) or len(items) > most or (key in message and not items):
        raise WireError(Refusal.MALFORMED, f"field {key} is not a list of 1 to {most} items")
    return items


def _missing(message: dict[int, Any], upto: int) -> tuple[Range, ...]:
    """Read the missing ranges; they must be in order and apart, or a reader might take a missing row for settled."""
    ranges = tuple(_range(item) for item in _items(message, 4, RANGES_MAX))
    if any(after[0] <= before[1] for before, after in pairwise(ranges)):
        raise WireError(Refusal.MALFORMED, "missing ranges are out of order or overlap")
    if ranges and ranges[-1][1] > upto:
        raise WireError(Refusal.MALFORMED, f"a missing range goes beyond {upto}")
    return ranges


def _range(item: object) -> Range:
    match item:
        case [first, last] if wire.is_integer(first, 1, VALUE_MAX) and wire.is_integer(last, first, VALUE_MAX):
            return first, last
    raise WireError(Refusal.MALFORMED, f"a missing range is {item!r:.40}")


def _batch_id(item: object) -> int:
    if not wire.is_integer(item, 0, _BATCH_ID_MAX):
        raise WireError(Refusal.MALFORMED, f"a batch id is {item!r:.40}")
    return item


def _schema_id(item: object) -> bytes:
    if not isinstance(item, bytes) or len(item) != ID_BYTES:
        raise WireError(Refusal.MALFORMED, f"a schema id is {item!r:.40}")
    return item


def _refused(item: object) -> Refused:
    match item:
        case [batch_id, str(reason)] if len(reason) <= TEXT_MAX:
            return Refused(_batch_id(batch_id), reason)
    raise WireError(Refusal.MALFORMED, f"a refusal is {item!r:.40}")
