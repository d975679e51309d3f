"""The small messages around the batches: what the hub acknowledges and what a site says of itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from protocol import wire
from protocol.errors import Refusal, WireError
from protocol.limits import BATCHES_MAX, EPOCH_MAX, RANGES_MAX, TEXT_MAX, VALUE_MAX
from protocol.ranges import Range
from protocol.schema import ID_BYTES


@dataclass(frozen=True, slots=True)
class Refused:
    """A batch that the hub keeps aside and will not take; `reason` is a sentence for the site's log."""

    batch_id: int
    reason: str


@dataclass(frozen=True, slots=True)
class Ack:
    """What the hub has committed of one epoch, sent after the commit.

    Every row up to `upto` is settled (stored, or declared lost by a `Gap`) except the `missing` ranges, and so is
    every row of the batches named in `batches`. `utc_ms` is the hub's clock when it wrote the ack.
    """

    epoch: int
    upto: int
    utc_ms: int
    missing: tuple[Range, ...] = ()
    batches: tuple[int, ...] = ()
    schemas_wanted: tuple[bytes, ...] = ()
    refused: tuple[Refused, ...] = ()


@dataclass(frozen=True, slots=True)
class SiteState:
    """What a site says when it connects, and what its last will says when it is gone."""

    online: bool
    epoch: int
    software: str = ""


def encode_ack(ack: Ack) -> bytes:
    """Write an ack as plain CBOR: it is too small to deflate."""
    message = {
        1: ack.epoch,
        2: ack.upto,
        3: ack.utc_ms,
        4: [list(pair) for pair in ack.missing[:RANGES_MAX]],
        5: list(ack.batches[:BATCHES_MAX]),
        6: list(ack.schemas_wanted[:BATCHES_MAX]),
        7: [[refused.batch_id, refused.reason[:TEXT_MAX]] for refused in ack.refused[:BATCHES_MAX]],
    }
    return wire.encode({key: value for key, value in message.items() if value != []})


def decode_ack(payload: bytes) -> Ack:
    """Read an ack; raises `WireError`."""
    message = wire.decode(payload)
    return Ack(
        epoch=_integer(message, 1, EPOCH_MAX),
        upto=_integer(message, 2, VALUE_MAX),
        utc_ms=_integer(message, 3, VALUE_MAX),
        missing=tuple(_range(item) for item in _items(message, 4, RANGES_MAX)),
        batches=tuple(_checked(item, isinstance(item, int)) for item in _items(message, 5, BATCHES_MAX)),
        schemas_wanted=tuple(_schema_id(item) for item in _items(message, 6, BATCHES_MAX)),
        refused=tuple(_refused(item) for item in _items(message, 7, BATCHES_MAX)),
    )


def encode_state(state: SiteState) -> bytes:
    """Write the state message."""
    return wire.encode({1: state.online, 2: state.epoch, 3: state.software})


def decode_state(payload: bytes) -> SiteState:
    """Read a state message; raises `WireError`."""
    message = wire.decode(payload)
    online, software = message.get(1), message.get(3, "")
    if not isinstance(online, bool) or not isinstance(software, str) or len(software) > TEXT_MAX:
        raise WireError(Refusal.MALFORMED, "a state message needs online and, at most, a short software text")
    return SiteState(online, _integer(message, 2, EPOCH_MAX), software)


def _integer(message: dict[int, Any], key: int, most: int) -> int:
    value = message.get(key)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= most:
        raise WireError(Refusal.MALFORMED, f"field {key} is not a number from 0 to {most}")
    return value


def _items(message: dict[int, Any], key: int, most: int) -> list[Any]:
    items = message.get(key, [])
    if not isinstance(items, list) or len(items) > most:
        raise WireError(Refusal.MALFORMED, f"field {key} is not a list of at most {most} items")
    return items


def _checked(item: Any, valid: bool) -> Any:  # noqa: ANN401, FBT001  one gate for the items of every list
    if not valid:
        raise WireError(Refusal.MALFORMED, f"a list holds {item!r:.40}")
    return item


def _range(item: object) -> Range:
    match item:
        case [int(first), int(last)] if 1 <= first <= last <= VALUE_MAX:
            return first, last
    raise WireError(Refusal.MALFORMED, f"a missing range is {item!r:.40}")


def _schema_id(item: object) -> bytes:
    return bytes(_checked(item, isinstance(item, bytes) and len(item) == ID_BYTES))


def _refused(item: object) -> Refused:
    match item:
        case [int(batch_id), str(reason)] if len(reason) <= TEXT_MAX:
            return Refused(batch_id, reason)
    raise WireError(Refusal.MALFORMED, f"a refusal is {item!r:.40}")
