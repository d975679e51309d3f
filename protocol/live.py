"""Commands to a site, and the values it sends while somebody watches.

A command is one-shot and never retained: a site that is not connected does not get it. What became of it comes back
as the event `CommandDone`, and, for a live view, at once on the live channel.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeGuard

from protocol import wire
from protocol.errors import Refusal, WireError
from protocol.events import CommandCode
from protocol.limits import COLUMNS_MAX, PAYLOAD_MAX_BYTES, TABLES_MAX, VALUE_MAX
from protocol.schema import ID_BYTES

LIVE_MAX_S = 600
"""The longest that one command lets a site send live values."""

LIVE_EVERY_S = 10
"""How often a site sends live values, or as often as it polls when that is less often."""

_LIVE = 1


@dataclass(frozen=True, slots=True)
class LiveCommand:
    """Send live values for some seconds, 0 to stop; a newer command replaces the one before."""

    command_id: int
    seconds: int


@dataclass(frozen=True, slots=True)
class UnknownCommand:
    """A command that a later version defined: answered with a refusal."""

    command_id: int


Command = LiveCommand | UnknownCommand


@dataclass(frozen=True, slots=True)
class LiveTable:
    """The newest sample of one table of the schema, `age_s` old as it was sent."""

    table: int
    age_s: int
    values: tuple[int | None, ...]


@dataclass(frozen=True, slots=True)
class Live:
    """What a site sends while somebody watches; `code` is there in the last message only."""

    command_id: int
    left_s: int
    schema_id: bytes = b""
    tables: tuple[LiveTable, ...] = ()
    code: CommandCode | None = None


def encode_command(command: LiveCommand) -> bytes:
    """Write a command as plain CBOR."""
    return wire.encode({1: command.command_id, 2: _LIVE, 3: command.seconds})


def decode_command(payload: bytes) -> Command:
    """Read a command; raises `WireError`."""
    message = _decode(payload)
    command_id = _integer(message, 1, VALUE_MAX)
    if _integer(message, 2, VALUE_MAX) != _LIVE:
        return UnknownCommand(command_id)
    return LiveCommand(command_id, _integer(message, 3, LIVE_MAX_S))


def encode_live(live: Live) -> bytes:
    """Write live values as plain CBOR: they are too few to deflate."""
    message: dict[int, Any] = {1: live.command_id, 2: live.left_s}
    if live.tables:
        message |= {3: live.schema_id, 4: [[t.table, t.age_s, list(t.values)] for t in live.tables]}
    if live.code is not None:
        message[5] = int(live.code)
    return wire.encode(message)


def decode_live(payload: bytes) -> Live:
    """Read live values; raises `WireError`."""
    message = _decode(payload)
    schema_id, items, code = message.get(3, b""), message.get(4, []), _code(message)
    if not isinstance(schema_id, bytes) or len(schema_id) not in (0, ID_BYTES):
        raise WireError(Refusal.MALFORMED, "the schema id of live values is not 8 bytes")
    if not isinstance(items, list) or len(items) > TABLES_MAX or bool(items) != bool(schema_id):
        raise WireError(Refusal.MALFORMED, "live values and their schema id come together or not at all")
    return Live(
        command_id=_integer(message, 1, VALUE_MAX),
        left_s=_integer(message, 2, LIVE_MAX_S),
        schema_id=schema_id,
        tables=tuple(_table(item) for item in items),
        code=code,
    )


def _code(message: dict[int, Any]) -> CommandCode | None:
    return CommandCode(_integer(message, 5, max(CommandCode))) if 5 in message else None  # noqa: PLR2004  the key


def _table(item: object) -> LiveTable:
    match item:
        case [table, age_s, [*values]] if (
            wire.is_integer(table, 0, TABLES_MAX - 1) and wire.is_integer(age_s, 0, VALUE_MAX) and _readings(values)
        ):
            return LiveTable(table, age_s, tuple(values))
    raise WireError(Refusal.MALFORMED, f"a table of live values is {item!r:.40}")


def _readings(values: list[object]) -> TypeGuard[list[int | None]]:
    within = all(value is None or wire.is_integer(value, -VALUE_MAX, VALUE_MAX) for value in values)
    return within and len(values) <= COLUMNS_MAX


def _decode(payload: bytes) -> dict[int, Any]:
    if len(payload) > PAYLOAD_MAX_BYTES:
        raise WireError(Refusal.OVERSIZED, f"message of {len(payload)} bytes, at most {PAYLOAD_MAX_BYTES}")
    return wire.decode(payload)


def _integer(message: dict[int, Any], key: int, most: int) -> int:
    value = message.get(key)
    if not wire.is_integer(value, 0, most):
        raise WireError(Refusal.MALFORMED, f"field {key} is not a number from 0 to {most}")
    return value
