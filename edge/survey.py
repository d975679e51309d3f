"""Read a device through once, outside the agent's round: for a dump, for a scan. Pure over `ask`."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from edge import readplan
from edge.errors import EdgeError, Refused
from edge.nameplate import Clock, Text, placed
from edge.profiles import Profile, located, registers_of
from edge.readplan import Block, Words
from edge.registers import Quantity
from edge.sunspec import Chain

Ask = Callable[[Block], Words]
"""Reads one block of one device; raises `EdgeError`."""


@dataclass(slots=True)
class Survey:
    """What a device answered, what it did not and why, and where a SunSpec device has its models."""

    bases: dict[int, int] = field(default_factory=dict)
    answers: dict[Block, Words] = field(default_factory=dict)
    errors: dict[Block, EdgeError] = field(default_factory=dict)


def survey(
    ask: Ask, profile: Profile, quantities: Iterable[Quantity], texts: Iterable[Text] = (), clock: Clock | None = None
) -> Survey:
    """Read these quantities, texts and the clock; raises `RetryLater` as soon as the device is silent."""
    done = Survey(walk(ask) if profile.models else {})
    registers = registers_of(located(quantities, done.bases))
    places: list[Text | Clock] = [*placed(texts, done.bases)]
    if clock is not None:
        places.append(clock)
    waiting = [*readplan.plan(registers, profile.limits), *dict.fromkeys(map(_block, places))]
    while waiting:
        block = waiting.pop(0)
        try:
            done.answers[block] = ask(block)
        except Refused as error:
            parts = readplan.pieces(block, registers)
            if parts in ([], [block]):
                done.errors[block] = error
            else:
                waiting[:0] = parts
    return done


def walk(ask: Ask) -> dict[int, int]:
    """Find the models of a SunSpec device; raises `Refused` when it has no list."""
    chain = Chain()
    while not chain.complete:
        try:
            words: Words | None = ask(chain.block())
        except Refused:
            words = None
        try:
            chain.take(words)
        except LookupError as error:
            raise Refused(str(error)) from error
    return chain.bases


def _block(place: Text | Clock) -> Block:
    return Block(place.table, place.address, place.count, place.step)
