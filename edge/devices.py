"""Polled devices: what to ask, what the answers mean, and which of them are worth an alarm."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from edge import readplan
from edge.ports import Poll, PollResult, Values
from edge.registers import Problem, Reading, decode
from edge.schedule import BACK_OFF_AFTER
from edge.settings import Device
from protocol.events import AlarmCleared, AlarmRaised

CLEAR_AFTER = 10
"""Plausible readings in a row that end the alarm about an implausible one."""


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
    """One device of the settings, its read plan and its state."""

    table: int
    device: Device
    state: DeviceState = field(default_factory=DeviceState)
    asked_at_s: int = 0
    _good_runs: dict[str, int] = field(default_factory=dict)
    _blocks: tuple[readplan.Block, ...] = ()

    def __post_init__(self) -> None:
        profile = self.device.profile
        self._blocks = readplan.plan(self.device.registers, count_max=profile.count_max, gap_max=profile.gap_max)

    def poll(self) -> Poll:
        """Ask for everything the settings want of this device."""
        return Poll(self.device.name, self.device.unit, self._blocks)

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
        """Read the answers: the row to store (None when nothing was answered), and alarms that begin or end."""
        self.state.polls += 1
        if not result.answers:
            return None, self._failed(result)
        values: list[int | None] = []
        alarms: list[AlarmRaised | AlarmCleared] = []
        for register in self.device.registers:
            words = readplan.words_of(register, result.answers)
            reading = decode(register, words) if words is not None else None
            values.append(reading.value if reading is not None else None)
            self.state.latest[register.metric] = _float(reading, register.decimals)
            if reading is not None:
                alarms += self._judge(register.metric, reading)
        if self.state.failures_in_a_row >= BACK_OFF_AFTER:
            alarms.append(AlarmCleared(f"silent:{self.device.name}"))
        self.state.failures_in_a_row = 0
        self.state.last_read_s = float(self.asked_at_s)
        if result.errors:
            self.state.last_error = "; ".join(sorted({str(error) for error in result.errors.values()}))
        return values, alarms

    def _failed(self, result: PollResult) -> list[AlarmRaised | AlarmCleared]:
        state = self.state
        state.failures += 1
        state.failures_in_a_row += 1
        state.last_error = "; ".join(sorted({str(error) for error in result.errors.values()}))
        state.latest = dict.fromkeys(state.latest)
        if state.failures_in_a_row != BACK_OFF_AFTER:
            return []
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


def _float(reading: Reading | None, decimals: int) -> float | None:
    if reading is None or reading.value is None:
        return None
    return float(reading.value * 10.0**-decimals)
