"""SunSpec: where a device has its models, found by walking its own list. Pure; see `devices` for who asks.

The marker "SunS" stands at 40000, 0 or 50000; behind it each model begins with its id and the length of its body,
until id 0xFFFF. Addresses differ between makers (model 1 is 65 or 66 long), so none is assumed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from edge.readplan import Block
from edge.registers import Table

MARKER = (0x5375, 0x6E53)
PLACES = (40_000, 0, 50_000)
END = 0xFFFF
HEADER = 2
_MODELS_MAX = 100
_ADDRESSES = 1 << 16


@dataclass(slots=True)
class Chain:
    """The walk along one device's list; `bases` tells for each model found where its id stands."""

    bases: dict[int, int] = field(default_factory=dict)
    complete: bool = False
    _places: list[int] = field(default_factory=lambda: list(PLACES))
    _at: int | None = None
    _steps: int = 0

    def block(self) -> Block:
        """Say what to read next."""
        return Block(Table.HOLDING, self._places[0] if self._at is None else self._at, HEADER)

    def take(self, words: Sequence[int] | None) -> None:
        """Go on from what stands there; None when the device refused.

        Raises `LookupError` with a sentence when the device has no list, or one that makes no sense.
        """
        if self._at is None:
            self._look(words)
            return
        if words is None:
            raise LookupError(f"the SunSpec list breaks off at {self._at}")
        model, length = words
        self._steps += 1
        if model == END:
            self.complete = True
            return
        self.bases.setdefault(model, self._at)
        self._at += HEADER + length
        if self._at + HEADER > _ADDRESSES or self._steps > _MODELS_MAX:
            raise LookupError(f"the SunSpec list has no end; its last model is {model}, {length} words long")

    def _look(self, words: Sequence[int] | None) -> None:
        place = self._places.pop(0)
        if words is not None and tuple(words) == MARKER:
            self._at = place + HEADER
        elif not self._places:
            raise LookupError(f"no SunSpec marker at {', '.join(map(str, PLACES))}; is SunSpec switched on?")
