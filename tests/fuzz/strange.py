"""Batches that the protocol allows and no sane site sends: what decodes without complaint must do no harm later."""

from __future__ import annotations

import random
from dataclasses import fields
from typing import Any, get_args

from protocol import events
from protocol.batch import Batch, Column, EventRow, TableRows
from protocol.events import Event
from protocol.limits import EPOCH_MAX, TEXT_MAX, VALUE_MAX
from tests.fuzz.target import WORDS, natural

KINDS: tuple[type[Any], ...] = get_args(Event)
_ENUMS = {
    "EndReason": events.EndReason,
    "AnchorSource": events.AnchorSource,
    "GapCause": events.GapCause,
    "CommandCode": events.CommandCode,
}
NOON_MS = 1_795_435_200_000


class Pool:
    """Numbers that a case uses again and again, so that its rows have to do with each other."""

    def __init__(self, chance: random.Random) -> None:
        self.chance = chance
        self.boots = [natural(chance) for _ in range(3)]
        self.uptimes = [natural(chance) for _ in range(3)]
        self.epochs = [1, 1, 1 + natural(chance), EPOCH_MAX]
        self.seqs = [1 + natural(chance) % (VALUE_MAX - 1) for _ in range(6)]

    def number(self, name: str) -> int:
        """Draw a value for a field of that name."""
        chance = self.chance
        if "utc" in name:
            return max(
                0, NOON_MS + chance.choice((0, 1, -1, 10**6, -(10**9), 10**12, -(10**12), natural(chance))) % VALUE_MAX
            )
        known = self.boots if "boot" in name else self.seqs if "seq" in name else self.uptimes if "_s" in name else []
        return chance.choice(known) if known and chance.random() < 0.7 else natural(chance)


def batch(chance: random.Random, pool: Pool, schema_id: bytes, widths: list[int]) -> Batch:
    """Draw a batch under a schema whose tables have these widths."""
    taken: set[int] = set()
    tables = tuple(
        _table(chance, pool, taken, number, width) for number, width in enumerate(widths) if chance.random() < 0.5
    )
    tables = tuple(table for table in tables if len(table))
    rows = tuple(_row(chance, pool, seq) for seq in _seqs(chance, pool, taken, chance.choice((0, 1, 2, 5, 30))))
    if not tables and not rows:
        rows = (EventRow(1, 1, 0, events.AlarmCleared("door")),)
    epoch = min(chance.choice(pool.epochs), EPOCH_MAX)
    return Batch(epoch, schema_id if tables else b"", tables, rows, ack_later=chance.random() < 0.2)


def event(chance: random.Random, pool: Pool) -> Event | events.UnknownEvent:
    """Draw any event, with fields that have nothing to do with each other."""
    if chance.random() < 0.05:
        return events.UnknownEvent(chance.choice((0, 11, 200, VALUE_MAX)), (natural(chance), "é" * chance.randrange(9)))
    kind = chance.choice(KINDS)
    values = {field.name: _value(chance, pool, field.name, str(field.type)) for field in fields(kind)}
    made: Event = kind(**values)
    return made


def _value(chance: random.Random, pool: Pool, name: str, declared: str) -> object:
    if declared == "str":
        return chance.choice(WORDS).encode("utf-8", "replace").decode()[:TEXT_MAX]
    if declared == "bool":
        return chance.random() < 0.5
    return chance.choice(list(_ENUMS[declared])) if declared in _ENUMS else pool.number(name)


def _row(chance: random.Random, pool: Pool, seq: int) -> EventRow:
    return EventRow(seq, pool.number("boot"), pool.number("uptime_s"), event(chance, pool))


def _table(chance: random.Random, pool: Pool, taken: set[int], number: int, width: int) -> TableRows:
    seqs = tuple(_seqs(chance, pool, taken, chance.choice((1, 2, 10, 70))))
    boots = tuple(pool.number("boot") for _ in seqs)
    uptimes = tuple(pool.number("uptime_s") for _ in seqs)
    return TableRows(number, seqs, boots, uptimes, tuple(_column(chance, len(seqs)) for _ in range(width)))


def _column(chance: random.Random, count: int) -> Column:
    match chance.randrange(4):
        case 0:
            return (None,) * count
        case 1:
            return tuple(chance.choice((None, 0, 1, -VALUE_MAX, VALUE_MAX)) for _ in range(count))
        case 2:
            return tuple(chance.randrange(1000, 1500) for _ in range(count))
        case _:
            return tuple(natural(chance) * chance.choice((1, -1)) for _ in range(count))


def _seqs(chance: random.Random, pool: Pool, taken: set[int], count: int) -> list[int]:
    found = []
    start = chance.choice(pool.seqs)
    for step in range(count):
        seq = start + step if chance.random() < 0.8 else max(1, pool.number("seq"))
        if 1 <= seq <= VALUE_MAX and seq not in taken:
            taken.add(seq)
            found.append(seq)
    return found
