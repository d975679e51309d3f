"""Finds the devices on one line: which speeds and unit numbers are tried in which order, and where that ends. Pure.

First each family is asked for where it comes from the factory, a silent unit costing one time-out and no more. If
nobody answers, each family is asked its own question with patience, and then other unit numbers are tried. As soon as
somebody answers, the speed is right, and the rest of the line is looked for at that speed only.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field

from edge.errors import EdgeError
from edge.profiles import Profile
from edge.readplan import Block, Words
from edge.recognition import (
    CLOSED,
    AskUnit,
    Fit,
    Sign,
    Unit,
    at_home,
    first_question,
    fitting,
    likely_first,
    read_through,
    sign_of,
)
from edge.settings import Connection

BAUDS = (9600, 115200, 19200, 2400, 4800, 38400, 57600, 1200)
UNITS = tuple(range(1, 17))
ALL_UNITS = tuple(range(1, 248))
TCP_PORT = 502
ANY_UNIT = 246
"""A unit number that nobody is given: who answers to it over the network answers to all of them."""

QUICK_S, PATIENT_S, NETWORK_S = 0.3, 0.6, 1.0
"""How long a device may think, beside the time that bytes take on the wire; a gateway asks on behalf of others."""

Opener = Callable[[Connection, float], AbstractContextManager[AskUnit]]
"""Opens a line with a time-out; nothing is asked before the first question."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What to look for: profiles in their order, and units or bauds if only these are wanted."""

    profiles: tuple[Profile, ...]
    units: tuple[int, ...] = ()
    bauds: tuple[int, ...] = ()
    thorough: bool = False

    def numbers(self, *, beside_others: bool) -> tuple[int, ...]:
        """List the units to try; those of every factory only on a line where somebody has answered already."""
        if self.units:
            return self.units
        own = [profile.bus.unit for profile in self.profiles] if beside_others else []
        return tuple(dict.fromkeys((*own, *(ALL_UNITS if self.thorough else UNITS))))

    def serial(self, port: str) -> list[Connection]:
        """List the settings to open a port with, most common first; two stop bits please a receiver of one too."""
        found: dict[tuple[int, str], int] = {}
        wired = [profile.bus for profile in self.profiles if profile.bus.baud]
        for bus in wired:
            if not self.bauds or bus.baud in self.bauds:
                key = (bus.baud, bus.parity)
                found[key] = max(found.get(key, 1), bus.stop_bits)
        for baud in (self.bauds or (BAUDS if self.thorough else ())) if wired else ():
            found.setdefault((baud, "none"), 1)
        return [Connection(port, baud, parity, stop_bits) for (baud, parity), stop_bits in found.items()]

    def network(self, host: str, tcp_port: int = 0) -> list[Connection]:
        """List the TCP ports of a host to try, the usual one first."""
        ports = dict.fromkeys((TCP_PORT, *(profile.bus.tcp_port for profile in self.profiles)))
        return [Connection(host=host, tcp_port=port) for port in ([tcp_port] if tcp_port else ports) if port]


@dataclass(frozen=True, slots=True)
class Found:
    """A device that at least one profile recognises, the best first."""

    connection: Connection
    unit: int
    fits: tuple[Fit, ...]
    every_unit: bool = False
    """It answers whichever unit is asked, so the number means nothing."""

    @property
    def profile(self) -> Profile:
        """The profile that fits best."""
        return self.fits[0].profile


@dataclass(frozen=True, slots=True)
class Stranger:
    """A unit that answers, and that no profile recognises."""

    connection: Connection
    unit: int
    answers: Mapping[Block, Words]
    errors: Mapping[Block, EdgeError]


@dataclass(slots=True)
class Searched:
    """What came of one port or host."""

    place: str
    serial: bool = True
    found: list[Found] = field(default_factory=list)
    strangers: list[Stranger] = field(default_factory=list)
    signs: Counter[Sign] = field(default_factory=Counter)
    trouble: EdgeError | None = None
    """Why it could not be opened, at least once."""

    @property
    def unusable(self) -> Sign | None:
        """Tell how the line was closed to us; None when it could be asked."""
        if self.trouble is None or self.signs:
            return None
        return sign_of(self.trouble)

    @property
    def worst(self) -> Sign:
        """Tell what was heard that says most of what is wrong; plain silence says least."""
        return next(
            (sign for sign in (Sign.CLASH, Sign.NOISE, Sign.HUNG_UP, Sign.ECHO) if self.signs[sign]), Sign.SILENCE
        )


class Search:
    """Looks for devices at one place; `connections` are the ways to open it, the most likely first."""

    def __init__(
        self, place: str, connections: Sequence[Connection], plan: Plan, opener: Opener, say: Callable[[str], None]
    ) -> None:
        self.result = Searched(place, serial=all(one.port is not None for one in connections))
        self._connections = connections
        self._plan = plan
        self._open = opener
        self._say = say
        self._known: dict[int, list[Profile]] = {}
        self._strangers: dict[int, Unit] = {}
        self._tried: defaultdict[Connection, set[int]] = defaultdict(set)
        self._every_unit = False

    def run(self) -> Searched:
        """Search until somebody answers, then look for the others on that line and read them through."""
        connection = self._somebody()
        if connection is None:
            return self.result
        if not self._answers_all(connection):
            self._number_by_number(connection)
        connection = self._home(connection)
        self._read(connection)
        for number, unit in sorted(self._strangers.items()):
            self.result.strangers.append(Stranger(connection, number, unit.answers, unit.errors))
        return self.result

    def _somebody(self) -> Connection | None:
        """Try one way after the other until somebody answers; tell at which settings."""
        stages = [self._number_by_number]
        if not self._plan.units:
            stages = [self._as_from_the_factory, self._with_patience, self._number_by_number]
        for stage in stages:
            for connection in self._connections:
                stage(connection)
                if self._known or self._strangers:
                    return connection
        return None

    def _own(self, connection: Connection) -> list[Profile]:
        """List the families that come with these settings; all may stand behind a gateway."""
        return [one for one in self._plan.profiles if connection.port is None or at_home(one, connection)]

    def _likely(self, connection: Connection, number: int) -> list[Profile]:
        """List the families that can be on such a line at all, the most likely first."""
        return likely_first(
            (one for one in self._plan.profiles if one.bus.baud or not connection.port), connection, number
        )

    def _as_from_the_factory(self, connection: Connection) -> None:
        numbers = dict.fromkeys(profile.bus.unit for profile in self._own(connection))
        self._try(connection, numbers, "with the numbers of the factory")

    def _with_patience(self, connection: Connection) -> None:
        """Ask each family's own question: some devices do not even say no to anybody else's."""
        questions = {(one.bus.unit, first_question(one)): one for one in self._own(connection)}
        if connection.port is None or not questions:
            return
        self._say(f"{said(connection)}: each family's own question")
        patience_s = min(PATIENT_S, max(profile.bus.timeout_s for profile in questions.values()))
        with self._open(connection, patience_s) as line:
            for (number, _), profile in questions.items():
                if number not in self._known and not self._question(Unit(number, line), connection, profile):
                    return

    def _number_by_number(self, connection: Connection) -> None:
        numbers = self._plan.numbers(beside_others=bool(self._known or self._strangers))
        tried = {*self._known, *self._strangers, *self._tried[connection]}
        left = [number for number in numbers if number not in tried]
        self._tried[connection].update(left)
        self._try(connection, left, f"{len(left)} unit numbers")

    def _try(self, connection: Connection, numbers: Collection[int], what: str) -> None:
        """Ask each of these units one question, as long as the line can be opened."""
        if not numbers:
            return
        self._say(f"{said(connection)}: {what}")
        with self._open(connection, QUICK_S if connection.port is not None else NETWORK_S) as line:
            for number in numbers:
                first = self._likely(connection, number)[0]
                if not self._question(Unit(number, line), connection, first):
                    return

    def _question(self, unit: Unit, connection: Connection, profile: Profile) -> bool:
        """Ask one question and, if the unit answers, what it is; False when the line cannot be opened."""
        try:
            unit.ask(first_question(profile), profile.bus)
        except EdgeError as error:
            sign = sign_of(error)
            if sign in CLOSED:
                self.result.trouble = error
                return False
            self.result.signs[sign] += 1
        else:
            self.result.signs[Sign.ANSWER] += 1
        if not unit.alive:
            return True
        order = [profile, *(one for one in self._likely(connection, unit.number) if one != profile)]
        fits = fitting(order, unit)
        if fits:
            self._known[unit.number] = fits
            self._strangers.pop(unit.number, None)
        else:
            self._strangers[unit.number] = unit
        return True

    def _answers_all(self, connection: Connection) -> bool:
        """Find out whether a host answers whichever unit is asked; then there is one device, not hundreds."""
        if connection.port is not None or not self._known:
            return False
        fits = next(iter(self._known.values()))
        with self._open(connection, NETWORK_S) as line:
            self._every_unit = bool(fitting(fits[:1], Unit(ANY_UNIT, line)))
        if self._every_unit:
            self._known = {fits[0].bus.unit: fits}
            self._strangers.clear()
        return self._every_unit

    def _home(self, connection: Connection) -> Connection:
        """Prefer the settings of the factory where the same devices answer to them too, as an automatic line does."""
        if connection.port is None:
            return connection
        candidates = {at: self._natives(at) for at in self._connections if at != connection}
        for at, natives in sorted(candidates.items(), key=lambda pair: -pair[1]):
            if natives > self._natives(connection) and self._all_answer(at):
                return at
        return connection

    def _natives(self, connection: Connection) -> int:
        return sum(at_home(fits[0], connection) for fits in self._known.values())

    def _all_answer(self, connection: Connection) -> bool:
        self._say(f"{said(connection)}: whether the same devices answer")
        with self._open(connection, QUICK_S) as line:
            return all(fitting(fits[:1], Unit(number, line)) for number, fits in self._known.items())

    def _read(self, connection: Connection) -> None:
        """Read every device through, by each profile that recognises it."""
        for number, profiles in sorted(self._known.items()):
            fits: list[Fit] = []
            for profile in profiles:
                self._say(f"{said(connection)}: reading unit {number} as {profile.name}")
                with self._open(connection, profile.bus.timeout_s) as line:
                    fits.append(read_through(profile, Unit(number, line)))
            fits.sort(
                key=lambda fit: (-fit.share, not at_home(fit.profile, connection), fit.profile.bus.unit != number)
            )
            self.result.found.append(Found(connection, number, tuple(fits), self._every_unit))


def said(connection: Connection) -> str:
    """Say where a line is and how it is set."""
    if connection.port is None:
        return f"{connection.host}:{connection.tcp_port}"
    parity = "no" if connection.parity == "none" else connection.parity
    return f"{connection.port} at {connection.baud} baud, {parity} parity"
