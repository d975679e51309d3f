"""What a stretch of registers says, whoever read it: every metric, text and time that a profile finds in it. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

from edge import readplan
from edge.encodings import Number
from edge.nameplate import placed
from edge.profiles import Profile, located, registers_of
from edge.readplan import Block, Placed, Words
from edge.registers import Problem, Quantity, Reading, Register, Scale, decode
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


_PARTLY = "takes {} words, and not all of them are here"
Answers = Mapping[Block, Words]
Known = Mapping[Scale, Number]
"""What scale cells were found to hold elsewhere on the same device."""


def scales_in(profile: Profile, answers: Answers, bases: Mapping[int, int]) -> dict[Scale, Number]:
    """Read the scale cells that stand in these words."""
    cells = dict.fromkeys(scale for one in registers_of(located(profile.all, bases)) for scale in one.scales)
    held = {scale: block for scale in cells if (block := _holding(answers, scale)) is not None}
    return {scale: scale.raw(block.words_of(scale, answers[block])) for scale, block in held.items()}


def tell(
    profile: Profile, answers: Answers, bases: Mapping[int, int], known: Known = MappingProxyType({})
) -> Iterator[Told]:
    """List what these words say; `bases` tells where a SunSpec device has its models.

    A scale that is not in these words is taken from `known`, else as most devices have it, and that is noted.
    """
    for scale, raw in scales_in(profile, answers, bases).items():
        yield _scale(scale, raw)
    for quantity in located(profile.all, bases):
        told = _quantity(quantity, answers, known)
        if told is not None:
            yield told
    for text in placed(profile.nameplate, bases):
        block = _holding(answers, text)
        if block is not None:
            said = text.told(block.words_of(text, answers[block]))
            yield Told(text.name, said, refused="" if said is not None else "empty")
        elif _touched(answers, text):
            yield Told(text.name, None, refused=_PARTLY.format(text.count))
    yield from _time(profile, answers)


def _time(profile: Profile, answers: Answers) -> Iterator[Told]:
    clock = profile.clock
    if clock is None:
        return
    block = _holding(answers, clock)
    if block is not None:
        time = clock.told(block.words_of(clock, answers[block]))
        yield Told(CLOCK, time.isoformat() if time is not None else None, refused="" if time else "no time of day")
    elif _touched(answers, clock):
        yield Told(CLOCK, None, refused=_PARTLY.format(clock.count))


def _quantity(quantity: Quantity, answers: Answers, known: Known) -> Told | None:
    """Say what one metric is, or why not; None when nothing of it is here."""
    touched = [register for register in quantity.registers if _touched(answers, register)]
    whole = [register for register in touched if _holding(answers, register) is not None]
    if not touched:
        return None
    reading = readplan.reading(quantity, answers)
    if reading is not None:
        return _told(quantity, reading)
    if not whole:
        return _refused(quantity, _PARTLY.format(touched[0].count))
    if quantity.join == "any":
        return _told(quantity, Reading(0, 0), "other words that tell faults are not here")
    if quantity.join == "plus":
        return _refused(quantity, "belongs together with registers that are not here")
    block = _holding(answers, whole[0])
    return _assumed(quantity, whole[0], block.words_of(whole[0], answers[block]), known) if block else None


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


def _holding(answers: Answers, place: Placed) -> Block | None:
    return next((block for block in answers if block.holds(place)), None)


def _touched(answers: Answers, place: Placed) -> bool:
    """Say whether a part of it is here."""
    return any(
        block.table == place.table and place.address < block.end and block.address < place.end for block in answers
    )
