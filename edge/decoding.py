"""What a stretch of registers says, whoever read it: every metric, text and time that a profile finds in it. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

from edge import readplan
from edge.encodings import Number
from edge.nameplate import placed
from edge.profiles import Profile, located, registers_of
from edge.readplan import Block, Words
from edge.registers import Cell, Problem, Quantity, Reading, Register, Scale, decode
from protocol.metrics import CATALOGUE
from protocol.states import FAULTS_METRIC, faults_of, state_words

CLOCK = "clock"


@dataclass(frozen=True, slots=True)
class Told:
    """One thing that registers say: a value, or why it is none; `words` puts a state or fault in words."""

    name: str
    value: float | int | str | None
    unit: str = ""
    raw: Number | None = None
    refused: str = ""
    words: str = ""
    note: str = ""

    def noted(self, note: str) -> Told:
        """Give the same with a note, if there is one."""
        return replace(self, note="; ".join(filter(None, (self.note, note)))) if note else self


Known = Mapping[Scale, Number]
"""What scale cells were found to hold elsewhere on the same device."""


def scales_in(profile: Profile, block: Block, words: Sequence[int], bases: Mapping[int, int]) -> dict[Scale, Number]:
    """Read the scale cells that stand in these words."""
    registers = registers_of(located(profile.all, bases))
    found = {scale: None for register in registers for scale in register.scales if block.holds(scale)}
    return {scale: scale.raw(block.words_of(scale, tuple(words))) for scale in found}


def tell(
    profile: Profile, block: Block, words: Sequence[int], bases: Mapping[int, int], known: Known = MappingProxyType({})
) -> Iterator[Told]:
    """List what these words say; `bases` tells where a SunSpec device has its models.

    A scale that is not in these words is taken from `known`, else as most devices have it, and that is noted.
    """
    answers = {block: tuple(words)}
    quantities = located(profile.all, bases)
    for scale, raw in scales_in(profile, block, words, bases).items():
        yield _scale(scale, raw)
    for quantity in quantities:
        told = _quantity(quantity, block, answers, known)
        if told is not None:
            yield told
    for text in placed(profile.nameplate, bases):
        if block.holds(text):
            said = text.told(block.words_of(text, answers[block]))
            yield Told(text.name, said, refused="" if said is not None else "empty")
    clock = profile.clock
    if clock is not None and block.holds(clock):
        time = clock.told(block.words_of(clock, answers[block]))
        yield Told(CLOCK, time.isoformat() if time is not None else None, refused="" if time else "no time of day")


def _quantity(quantity: Quantity, block: Block, answers: Mapping[Block, Words], known: Known) -> Told | None:
    """Say what one metric is, or why not; None when nothing of it is here."""
    touched = [register for register in quantity.registers if _touches(block, register)]
    whole = [register for register in touched if block.holds(register)]
    if not touched:
        return None
    reading = readplan.reading(quantity, answers)
    if reading is not None:
        return _told(quantity, reading)
    if not whole:
        return _refused(quantity, f"takes {touched[0].count} words, and not all of them are here")
    if quantity.join == "any":
        return _told(quantity, Reading(0, 0), "other words that tell faults are not here")
    if quantity.join == "plus":
        return _refused(quantity, "belongs together with registers that are not here")
    return _assumed(quantity, whole[0], block.words_of(whole[0], answers[block]), known)


def _told(quantity: Quantity, reading: Reading, note: str = "") -> Told:
    """Put a reading into the metric's unit and into words."""
    metric = CATALOGUE[quantity.metric]
    raw = reading.raw
    if reading.value is None:
        low, high = quantity.registers[0].plausible or (metric.low, metric.high)
        said = {
            Problem.INVALID: "the device marks that it has no reading",
            Problem.UNMAPPED: "a code that the profile does not know",
            Problem.IMPLAUSIBLE: f"implausible: no {metric.name} is outside {low:g} to {high:g}",
        }
        refused = said[reading.problem] if reading.problem is not None else ""
        return Told(quantity.metric, None, metric.unit, raw, refused)
    if quantity.metric == FAULTS_METRIC:
        words = ", ".join(fault.words.en for fault in faults_of(reading.value))
        return Told(FAULTS_METRIC, reading.value, "", raw, words=words or "none", note=note)
    value = round(reading.value * 10.0**-quantity.decimals, quantity.decimals) if quantity.decimals else reading.value
    state = state_words(quantity.metric, reading.value)
    return Told(quantity.metric, value, metric.unit, raw, words=state.en if state is not None else "", note=note)


def _refused(quantity: Quantity, reason: str) -> Told:
    return Told(quantity.metric, None, CATALOGUE[quantity.metric].unit, refused=reason)


def _assumed(quantity: Quantity, register: Register, words: Words, known: Known) -> Told:
    """Read a register whose scales are elsewhere by what was read before, else as most devices have them; say which."""
    held = {scale: known.get(scale, scale.usual) for scale in register.scales}
    guessed = [scale for scale in held if scale not in known]
    if any(min(scale.map.values(), default=0) < 0 for scale in guessed):
        return _refused(quantity, "its direction stands in a register that is not here")
    named = ", ".join(
        f"{scale.name} {number if scale.exponent else float(number * scale.factor):g}" for scale, number in held.items()
    )
    note = f"assumes the usual {named}, which are not here" if guessed else f"with {named}, read before"
    multipliers = tuple(scale.multiplier(number) for scale, number in held.items())
    return _told(quantity, decode(register, words, multipliers), note)


def _scale(scale: Scale, raw: Number) -> Told:
    if scale.multiplier(raw) is None:
        return Told(scale.name, None, raw=raw, refused="the device marks that it has no scale")
    value = raw if scale.exponent or scale.map else float(raw * scale.factor)
    return Told(scale.name, value, raw=raw)


def _touches(block: Block, cell: Cell) -> bool:
    return block.table == cell.table and cell.address < block.end and block.address < cell.end
