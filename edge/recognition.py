"""What kind of device a unit is: the questions its family's profile asks of it, and what the answers mean. Pure.

Nothing is asked but what a profile's probe names, and no unit is asked the same thing twice.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from enum import Enum, auto

from edge import readplan
from edge.errors import EdgeError, Refused, RetryLater
from edge.nameplate import placed
from edge.profiles import Bus, Probe, Profile, located, registers_of
from edge.readplan import Block, Words
from edge.registers import Problem, Quantity, Reading
from edge.settings import Connection
from edge.survey import Ask, Survey, survey

AskUnit = Callable[[int, Block, Bus], Words]
"""Reads one block of one unit in the manner of a family (its pauses, its unit numbers); raises `EdgeError`."""

FAMILIAR = ("epever", "srne-rover", "pzem", "must", "renogy", "srne", "growatt", "deye", "tristar", "morningstar")
"""How the names of the profiles begin that are met most often; they are tried in this order, the rest after them."""
ALONE = ("must",)
"""Families that a question meant for others may switch off: one that answers as such is asked nothing else."""

_SPARE = 3
_SILENCES_MAX = 2


class Sign(Enum):
    """What became of a question that brought no words."""

    ANSWER = auto()
    """An answer all the same: the unit is there and says no, or not now."""
    SILENCE = auto()
    ECHO = auto()
    NOISE = auto()
    CLASH = auto()
    HUNG_UP = auto()
    ABSENT = auto()
    DENIED = auto()
    TAKEN = auto()


CLOSED = (Sign.ABSENT, Sign.DENIED, Sign.TAKEN)
"""Signs that the line could not even be opened."""

_SAID = (
    ("another program holds it", Sign.TAKEN),
    ("may this user open it", Sign.DENIED),
    ("cannot be opened", Sign.ABSENT),
    ("broke off", Sign.ABSENT),
    ("is busy", Sign.ANSWER),
    ("reports a fault of its own", Sign.ANSWER),
    ("answers with exception 5", Sign.ANSWER),
    ("answers with exception 1", Sign.SILENCE),  # 10 and 11: a gateway says that nobody answers it
    ("two different answers", Sign.CLASH),
    ("only our own request", Sign.ECHO),
    ("the connection broke", Sign.HUNG_UP),
    ("silence", Sign.SILENCE),
    ("being closed", Sign.SILENCE),
    ("no answer within", Sign.SILENCE),
)


def sign_of(error: EdgeError) -> Sign:
    """Sort an error of a line by what it tells of the line; what is not known is noise."""
    if isinstance(error, Refused):
        return Sign.ANSWER
    return next((sign for words, sign in _SAID if words in str(error)), Sign.NOISE)


@dataclass(slots=True)
class Unit:
    """One unit on an open line: what it said is remembered, and a lost answer is asked for again a few times."""

    number: int
    line: AskUnit
    answers: dict[Block, Words] = field(default_factory=dict)
    errors: dict[Block, EdgeError] = field(default_factory=dict)
    spare: int = _SPARE
    silences: int = 0

    @property
    def alive(self) -> bool:
        """Say whether it answered anything, be it no."""
        return bool(self.answers) or any(sign_of(error) is Sign.ANSWER for error in self.errors.values())

    def asked_as(self, profile: Profile) -> Ask:
        """Give the way to ask it as a device of this family."""
        return lambda block: self.ask(block, profile.bus)

    def asked_through(self, profile: Profile) -> Ask:
        """Give the way to read all of it: what it does not answer counts as refused, and soon is not asked for."""

        def ask(block: Block) -> Words:
            if self.silences >= _SILENCES_MAX:
                raise Refused("not asked: the device has fallen silent")
            try:
                words = self.ask(block, profile.bus)
            except RetryLater as error:
                self.silences += 1
                raise Refused(str(error)) from error
            self.silences = 0
            return words

        return ask

    def ask(self, block: Block, bus: Bus) -> Words:
        """Give the words of a block, from memory if it has told them; raises `EdgeError`."""
        for known, words in self.answers.items():
            if known.step == block.step and known.holds(block):
                return known.words_of(block, words)
        if block in self.errors:
            raise self.errors[block]
        while True:
            try:
                self.answers[block] = self.line(self.number, block, bus)
            except EdgeError as error:
                if isinstance(error, Refused) or not self.alive or self.spare == 0:
                    self.errors[block] = error
                    raise
                self.spare -= 1
            else:
                return self.answers[block]


def familiar_first(profiles: Iterable[Profile]) -> tuple[Profile, ...]:
    """Order profiles by how often they are met; those without a probe cannot be recognised and are left out."""

    def rank(profile: Profile) -> tuple[int, str]:
        places = (i for i, begins in enumerate(FAMILIAR) if profile.name.startswith(begins))
        return next(places, len(FAMILIAR)), profile.name

    return tuple(sorted((profile for profile in profiles if profile.probe), key=rank))


def likely_first(profiles: Iterable[Profile], connection: Connection, unit: int) -> list[Profile]:
    """Order profiles by how well this line and unit number are their own; among equals the order stays."""
    return sorted(profiles, key=lambda one: (not at_home(one, connection), one.bus.unit != unit))


def at_home(profile: Profile, connection: Connection) -> bool:
    """Say whether a line is set as the family comes from the factory; stop bits do not matter to a receiver."""
    bus = profile.bus
    if connection.port is None:
        return bus.tcp_port == connection.tcp_port
    return (bus.baud, bus.parity) == (connection.baud, connection.parity)


def first_question(profile: Profile) -> Block:
    """Say what is read first to recognise the family."""
    asked: list[Block] = []

    def ask(block: Block) -> Words:
        asked.append(block)
        raise RetryLater("only asking what would be asked")

    with suppress(RetryLater):
        recognises(profile, ask)
    return asked[0]


def recognises(profile: Profile, ask: Ask) -> bool:
    """Say whether every line of the profile's probe holds; raises `RetryLater` when the device is silent."""
    return bool(profile.probe) and all(_holds(line, profile, ask) for line in profile.probe)


def fitting(profiles: Iterable[Profile], unit: Unit) -> list[Profile]:
    """List the profiles that recognise a unit, those given first being tried first."""
    found: list[Profile] = []
    for profile in profiles:
        try:
            if not recognises(profile, unit.asked_as(profile)):
                continue
        except RetryLater:
            if found:
                break  # it is known, and stays silent at what it does not know
            continue
        found.append(profile)
        if profile.name.startswith(ALONE):
            break
    return found


@dataclass(frozen=True, slots=True)
class Fit:
    """A profile that recognises a unit, and what the unit tells through it."""

    profile: Profile
    survey: Survey

    @property
    def readings(self) -> list[tuple[Quantity, Reading | None]]:
        """List what is polled, in the order of the profile."""
        quantities, answers = located(self.profile.quantities, self.survey.bases), self.survey.answers
        if self.profile.zeros_are_nothing:
            answers = readplan.without_void(registers_of(quantities), answers)
        return [(quantity, readplan.reading(quantity, answers)) for quantity in quantities]

    @property
    def share(self) -> float:
        """Tell how much of what is polled makes sense, of 1; that a sensor is missing speaks neither way."""
        readings = [reading for _, reading in self.readings]
        judged = [one for one in readings if one is None or one.problem is not Problem.INVALID]
        return sum(one is not None and one.value is not None for one in judged) / max(1, len(judged))

    @property
    def nameplate(self) -> dict[str, str]:
        """Tell what the device says of itself."""
        said: dict[str, str] = {}
        for text in placed(self.profile.nameplate, self.survey.bases):
            told = next(
                (
                    text.told(block.words_of(text, words))
                    for block, words in self.survey.answers.items()
                    if block.holds(text)
                ),
                None,
            )
            if told:
                said.setdefault(text.name, told)
        return said

    @property
    def clock(self) -> str:
        """Tell what time the device believes it is; empty when it has no clock or no time."""
        clock = self.profile.clock
        for block, words in self.survey.answers.items():
            if clock is not None and block.holds(clock):
                time = clock.told(block.words_of(clock, words))
                return f"{time:%Y-%m-%d %H:%M:%S}" if time is not None else ""
        return ""


def read_through(profile: Profile, unit: Unit) -> Fit:
    """Read what the agent would poll, the nameplate and the clock; whatever the device keeps to itself is missing."""
    try:
        done = survey(unit.asked_through(profile), profile, profile.quantities, profile.nameplate, profile.clock)
    except Refused:  # a SunSpec device that will not show its list again
        done = Survey()
    return Fit(profile, done)


def _holds(line: Probe, profile: Profile, ask: Ask) -> bool:
    try:
        if line.nameplate:
            texts = [text for text in profile.nameplate if text.name == line.nameplate]
            said = Fit(profile, survey(ask, profile, (), texts)).nameplate.get(line.nameplate, "")
            return bool(said) and re.match(line.like, said) is not None
        (quantity,) = (one for one in profile.all if one.metric == line.metric)
        done = survey(ask, profile, (quantity,))
    except Refused:
        return False
    reading = readplan.reading(located((quantity,), done.bases)[0], done.answers)
    if reading is None or reading.value is None:
        return False
    return line.low <= reading.value * 10.0**-quantity.decimals <= line.high
