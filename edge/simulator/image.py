"""From what a device tells of a village to the register image of a real device family, by its profile.

Scales, nameplate and clock stand where the profile has them; a SunSpec device gets a list of models. What the village
does not imply is told as the device tells that it has nothing, else as 0. Gaps that a reader may bridge hold 0; every
other address is absent, so that a slave refuses it. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from fractions import Fraction

from edge.encodings import Words
from edge.nameplate import Clock, Text, placed
from edge.profiles import Profile, located, registers_of
from edge.readplan import Limits, plan
from edge.registers import Cell, Quantity, Register, Scale, Table, encode
from edge.simulator.inscription import inscription
from edge.simulator.slave import Image
from edge.simulator.spread import Spread, flagged
from edge.sunspec import END, HEADER, MARKER, PLACES

_ALL_WORDS = 1 << 16


class ProfileImage:
    """Makes register images of one profile; `words` may be asked as often as a poller polls."""

    def __init__(self, profile: Profile, unit: int | None = None, only: Sequence[Quantity] | None = None) -> None:
        """Lay out all that the profile knows, or `only` some of it, which costs less each time."""
        self._blank: Image = {}
        bases = self._lay_models(profile)
        quantities = located(profile.all if only is None else only, bases)
        self._clock = profile.clock
        registers = registers_of(quantities)
        for block in plan(registers, Limits(_ALL_WORDS, profile.limits.gap_max)):
            for at in range(block.address, block.end, block.step):
                self._blank.setdefault((block.table, at), 0)
        for scale in dict.fromkeys(scale for register in registers for scale in register.scales):
            _put(self._blank, scale, scale.lay(scale.usual, _held(self._blank, scale)))
        for text in placed(profile.nameplate, bases):
            _put(self._blank, text, inscription(profile, text, profile.bus.unit if unit is None else unit))
        self._spread = Spread(quantities)
        self._quantities = sorted(quantities, key=_turn)

    def words(self, readings: Mapping[str, float], now: datetime) -> Image:
        """Lay readings (by metric name, in its unit) into the profile's registers; `now` is the device's clock.

        Raises `ValueError` for a reading that a register cannot hold.
        """
        image = dict(self._blank)
        for quantity in self._quantities:
            for register, value in self._spread.shares(quantity, readings):
                self._lay(image, register, value)
        if self._clock is not None:
            _put(image, self._clock, self._clock.laid(now))
        return image

    def _lay(self, image: Image, register: Register, value: float | None) -> None:
        held = _held(image, register)
        if value is None:
            words = register.lay(min(register.invalid), held) if register.invalid else held
        elif register.flags:
            words = register.lay(flagged(register, int(value), int(register.raw(held))), held)
        else:
            words = self._encoded(image, register, value, held)
        _put(image, register, words)

    def _encoded(self, image: Image, register: Register, value: float, held: list[int]) -> list[int]:
        """Encode a value; where the register has no sign, the scale that tells its direction is turned round."""
        try:
            return encode(register, value, held, _factors(image, register))
        except ValueError:
            signs = [scale for scale in register.scales if min(scale.map.values(), default=0) < 0]
            if not signs:
                raise
        for scale in signs:
            if not self._spread.claims(scale):
                self._turn_round(image, scale, negative=value < 0)
        with suppress(ValueError):
            return encode(register, value, held, _factors(image, register))
        # The direction is the sign of another figure, and that one rounds to nothing.
        return encode(register, 0.0, held, _factors(image, register))

    @staticmethod
    def _turn_round(image: Image, scale: Scale, *, negative: bool) -> None:
        code = next((code for code, factor in scale.map.items() if (factor < 0) == negative), scale.usual)
        _put(image, scale, scale.lay(code, _held(image, scale)))

    def _lay_models(self, profile: Profile) -> dict[int, int]:
        """Lay out a SunSpec list: the first of each kind of model, in the order of the profile, then the end."""
        bases: dict[int, int] = {}
        if not profile.models:
            return bases
        at = PLACES[0] + HEADER
        for model in profile.models:
            ends = [r.end for r in registers_of(profile.all) if r.models == model.ids]
            ends += [text.end for text in profile.nameplate if text.models == model.ids]
            length = model.length or max(ends, default=HEADER) - HEADER
            bases[model.ids[0]] = at
            self._blank |= {(Table.HOLDING, at): model.ids[0], (Table.HOLDING, at + 1): length}
            at += HEADER
            self._blank.update(((Table.HOLDING, at + i), 0) for i in range(length))
            at += length
        frame = {PLACES[0]: MARKER[0], PLACES[0] + 1: MARKER[1], at: END, at + 1: 0}
        self._blank |= {(Table.HOLDING, address): word for address, word in frame.items()}
        return bases


def _turn(quantity: Quantity) -> int:
    """Say when a figure is laid: plain ones first, as they may scale others; sums last, after their parts."""
    if quantity.join == "plus":
        return 2
    return int(any(register.scales for register in quantity.registers))


def _held(image: Image, cell: Cell) -> list[int]:
    return [image.get((cell.table, at), 0) for at in range(cell.address, cell.end, cell.step)]


def _put(image: Image, cell: Cell | Text | Clock, words: Words) -> None:
    addresses = range(cell.address, cell.end, cell.step)
    image.update(zip(((cell.table, at) for at in addresses), words, strict=True))


def _factors(image: Image, register: Register) -> tuple[Fraction, ...]:
    """Read what the register's scales stand for now."""
    factors = (scale.multiplier(scale.raw(_held(image, scale))) for scale in register.scales)
    return tuple(factor for factor in factors if factor is not None)
