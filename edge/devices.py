"""Polled devices: what to ask, what the answers mean, and which of them are worth an alarm."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from edge import readplan
from edge.errors import EdgeError, Refused
from edge.ports import Poll, PollResult, Values
from edge.profiles import located, registers_of
from edge.readplan import Block, Words
from edge.registers import Problem, Quantity, Reading
from edge.schedule import BACK_OFF_AFTER
from edge.settings import Device
from edge.sunspec import Chain
from protocol.events import AlarmCleared, AlarmRaised

CLEAR_AFTER = 10
"""Plausible readings in a row that end the alarm about an implausible one."""
REST_S = 80_000
"""How long a block that the device refuses is left alone."""
SLEEP_S = 16 * 3600
"""How long a device that sleeps at night may be silent before it is an alarm."""
_NOTHING = Refused("answers everything with zeros: is it another model than the profile says?")


@dataclass(slots=True)
class DeviceState:
    """What is known of one device since the agent started; all of it is shown by `status`."""

    polls: int = 0
    failures: int = 0
    failures_in_a_row: int = 0
    problems: dict[str, int] = field(default_factory=dict)
    last_read_s: float | None = None
    last_error: str = ""
    latest: dict[str, float | None] = field(default_factory=dict)


@dataclass(slots=True)
class PolledDevice:
    """Some quantities of one device of the settings, their read plan and state; `job` names the poll."""

    table: int
    device: Device
    quantities: tuple[Quantity, ...]
    job: str
    alarms_on_silence: bool = True
    state: DeviceState = field(default_factory=DeviceState)
    asked_at_s: int = 0
    unheard: bool = False
    """Whether the last row has holes that another poll may fill."""
    _good_runs: dict[str, int] = field(default_factory=dict)
    _silent: bool = False
    _chain: Chain | None = None
    _placed: tuple[Quantity, ...] = ()
    _blocks: list[Block] = field(default_factory=list)
    _rests: dict[Block, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.device.profile.models:
            self._chain = Chain()
        else:
            self._place({})

    def poll(self, uptime_s: float) -> Poll:
        """Ask for everything wanted of this device, but for what it refused less than a day ago."""
        if self._chain is not None and not self._chain.complete:
            blocks: tuple[Block, ...] = (self._chain.block(),)
        else:
            blocks = tuple(block for block in self._blocks if self._rests.get(block, 0.0) <= uptime_s)
        return Poll(self.job, self.device.unit, blocks, any_unit=self.device.profile.bus.any_unit)

    def asked(self, uptime_s: float) -> None:
        """Note when the poll that is now under way began; its row will carry that moment."""
        self.asked_at_s = int(uptime_s)

    def load_power_w(self, uptime_s: float) -> float | None:
        """Tell the load power, as long as it is fresh."""
        read_s = self.state.last_read_s
        if read_s is None or uptime_s - read_s > 2 * self.device.poll_interval_s:
            return None
        return self.state.latest.get("load_power_w")

    def take(self, result: PollResult) -> tuple[Values | None, list[AlarmRaised | AlarmCleared]]:
        """Read the answers: the row to store (None when there is none), and alarms that begin or end."""
        self.state.polls += 1
        if self._chain is not None and not self._chain.complete:
            return None, self._walk(self._chain, result)
        unheard = self._unheard(result)
        self.unheard = bool(unheard)
        self._avoid(result.errors, alive=bool(result.answers))
        if not result.answers:
            return None, self._failed(result.errors)
        if self.device.profile.zeros_are_nothing and not any(any(words) for words in result.answers.values()):
            return None, self._failed(dict.fromkeys(result.answers, _NOTHING))
        answers: Mapping[Block, Words] = result.answers
        if self.device.profile.zeros_are_nothing:
            answers = readplan.without_void(registers_of(self._placed), answers)
        values: list[int | None] = []
        alarms = self._heard(result.errors)
        for quantity in self._placed:
            reading = None if _lost(quantity, unheard) else readplan.reading(quantity, answers)
            values.append(reading.value if reading is not None else None)
            self.state.latest[quantity.metric] = _float(reading, quantity.decimals)
            if reading is not None:
                alarms += self._judge(quantity.metric, reading)
        self.state.last_read_s = float(self.asked_at_s)
        return values, alarms

    def _place(self, bases: Mapping[int, int]) -> None:
        """Plan the blocks, now that it is known where the registers are."""
        self._placed = located(self.quantities, bases)
        self._blocks = list(readplan.plan(registers_of(self._placed), self.device.profile.limits))

    def _walk(self, chain: Chain, result: PollResult) -> list[AlarmRaised | AlarmCleared]:
        """Take one step along the list of a SunSpec device; begin anew when it cannot be walked."""
        (block,) = result.answers.keys() | result.errors.keys()
        error = result.errors.get(block)
        if error is not None and not isinstance(error, Refused):
            self._chain = Chain()
            return self._failed(result.errors)
        try:
            chain.take(result.answers.get(block))
        except LookupError as reason:
            self._chain = Chain()
            return self._failed({block: Refused(f"{self.device.name}: {reason}")})
        if chain.complete:
            self._place(chain.bases)
        return self._heard({})

    def _avoid(self, errors: Mapping[Block, EdgeError], *, alive: bool) -> None:
        """Ask for the parts of a block that was refused, and leave alone for a day what is refused by itself.

        A block that a device ignores goes last, where it keeps no other from being asked. What refuses everything
        is asked again: it may be waking up, or be another device tomorrow.
        """
        for block, error in errors.items():
            if not isinstance(error, Refused):
                if alive:
                    self._blocks.remove(block)
                    self._blocks.append(block)
                continue
            parts = readplan.pieces(block, registers_of(self._placed))
            if parts != [block]:
                at = self._blocks.index(block)
                self._blocks[at : at + 1] = parts
            elif alive:
                self._rests[block] = self.asked_at_s + REST_S

    def _unheard(self, result: PollResult) -> list[Block]:
        """List the blocks that were wanted and neither answered nor refused; behind a silent one none is asked."""
        settled = {b for b, error in result.errors.items() if isinstance(error, Refused)} | result.answers.keys()
        resting = {block for block, until_s in self._rests.items() if until_s > self.asked_at_s}
        return [block for block in self._blocks if block not in settled | resting]

    def _heard(self, errors: Mapping[Block, EdgeError]) -> list[AlarmRaised | AlarmCleared]:
        """Note that the device answered, and what it did not answer."""
        self.state.failures_in_a_row = 0
        if errors:
            self.state.last_error = _said(errors)
        was_silent, self._silent = self._silent, False
        return [AlarmCleared(f"silent:{self.device.name}")] if was_silent else []

    def _failed(self, errors: Mapping[Block, EdgeError]) -> list[AlarmRaised | AlarmCleared]:
        state = self.state
        state.failures += 1
        state.failures_in_a_row += 1
        state.last_error = _said(errors) or "the device has nothing of what is wanted from it"
        state.latest = dict.fromkeys(state.latest)
        if self.device.profile.models and state.failures_in_a_row >= BACK_OFF_AFTER:
            self._chain = Chain()  # whoever answers next may be another device, with another list
        read_s = state.last_read_s
        asleep = self.device.profile.bus.sleeps and read_s is not None and self.asked_at_s - read_s <= SLEEP_S
        if self._silent or asleep or not self.alarms_on_silence or state.failures_in_a_row < BACK_OFF_AFTER:
            return []
        self._silent = True
        return [AlarmRaised(f"silent:{self.device.name}", state.last_error[:200])]

    def _judge(self, metric: str, reading: Reading) -> list[AlarmRaised | AlarmCleared]:
        """Count readings that are no figures; one alarm opens a spell of them and one closes it."""
        code = f"{Problem.IMPLAUSIBLE}:{self.device.name}.{metric}"
        run = self._good_runs.get(metric)
        if reading.problem is not None:
            counter = f"{metric}:{reading.problem}"
            self.state.problems[counter] = self.state.problems.get(counter, 0) + 1
            if reading.problem is Problem.INVALID:
                return []
            self._good_runs[metric] = 0
            return [AlarmRaised(code, f"{reading.problem}, raw value {reading.raw}")] if run is None else []
        if run is None:
            return []
        if run + 1 < CLEAR_AFTER:
            self._good_runs[metric] = run + 1
            return []
        del self._good_runs[metric]
        return [AlarmCleared(code)]


def load_powers(devices: Mapping[str, PolledDevice], uptime_s: float) -> dict[str, float | None]:
    """Gather the load power of every device that tells one; what is older than two polls is unknown."""
    return {name: device.load_power_w(uptime_s) for name, device in devices.items()}


def _lost(quantity: Quantity, unheard: Iterable[Block]) -> bool:
    """Tell whether a source that comes before others was only not heard: one counter never stands in for another."""
    return any(block.holds(*register.cells) for block in unheard for register in quantity.registers[:-1])


def _said(errors: Mapping[Block, EdgeError]) -> str:
    return "; ".join(sorted({str(error) for error in errors.values()}))


def _float(reading: Reading | None, decimals: int) -> float | None:
    if reading is None or reading.value is None:
        return None
    return float(reading.value * 10.0**-decimals)
