"""Read a device through once, outside the agent's round: for a dump, for a scan. Pure over `ask`."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from edge import readplan
from edge.errors import EdgeError, Refused, RetryLater
from edge.nameplate import Clock, Text, placed
from edge.profiles import Profile, located, registers_of
from edge.readplan import Block, Words
from edge.registers import Quantity
from edge.sunspec import Chain

_SILENCES_MAX = 3

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
    """Read these quantities, texts and the clock; raises `RetryLater` when the device is silent from the start.

    A block that it ignores among others is an error of that block; after some in a row it is taken for gone.
    """
    done = Survey()
    if profile.models:
        done.bases = walk(ask, done.answers)
    registers = registers_of(located(quantities, done.bases))
    places: list[Text | Clock] = [*placed(texts, done.bases)]
    if clock is not None:
        places.append(clock)
    waiting = [*readplan.plan(registers, profile.limits), *dict.fromkeys(map(_block, places))]
    silences = 0
    while waiting:
        block = waiting.pop(0)
        try:
            done.answers[block] = ask(block)
            silences = 0
        except RetryLater as error:
            silences += 1
            if not done.answers or silences == _SILENCES_MAX:
                raise
            done.errors[block] = error
        except Refused as error:
            parts = readplan.pieces(block, registers)
            if parts in ([], [block]):
                done.errors[block] = error
            else:
                waiting[:0] = parts
    return done


def walk(ask: Ask, heard: dict[Block, Words]) -> dict[int, int]:
    """Find the models of a SunSpec device, keeping what its list says; raises `Refused` when it has none."""
    chain = Chain()
    while not chain.complete:
        try:
            words: Words | None = heard.setdefault(chain.block(), ask(chain.block()))
        except Refused:
            words = None
        try:
            chain.take(words)
        except LookupError as error:
            raise Refused(str(error)) from error
    return chain.bases


def _block(place: Text | Clock) -> Block:
    return Block(place.table, place.address, place.count, place.step)
