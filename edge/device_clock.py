"""The clock of a controller, read once a day: it is told to the hub as it stands and dates nothing."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC

from edge.errors import Refused
from edge.nameplate import Clock
from edge.ports import Poll, PollResult
from edge.readplan import Block
from edge.settings import Device
from protocol.events import AnchorSource, ClockAnchor

INTERVAL_S = 86_400
_ERROR_MS = 2_000
"""Such clocks count whole seconds, and the answer takes a moment."""


@dataclass(slots=True)
class PolledClock:
    """The clock of one device, as a job of its own."""

    device: Device
    clock: Clock
    asked_at_s: int = 0

    @property
    def job(self) -> str:
        """Name the job."""
        return f"{self.device.name}-clock"

    def poll(self) -> Poll:
        """Ask for the clock and nothing else."""
        block = Block(self.clock.table, self.clock.address, self.clock.count, self.clock.step)
        return Poll(self.job, self.device.unit, (block,), any_unit=self.device.profile.bus.any_unit)

    def asked(self, uptime_s: float) -> None:
        """Note when the poll that is now under way began; the anchor will carry that moment."""
        self.asked_at_s = int(uptime_s)

    def take(self, result: PollResult) -> ClockAnchor | None:
        """Read what the clock says, taken for UTC because nobody knows its zone; None when it says no time."""
        for block, words in result.answers.items():
            told = self.clock.told(block.words_of(self.clock, words))
            if told is not None:
                return ClockAnchor(int(told.replace(tzinfo=UTC).timestamp()) * 1000, _ERROR_MS, AnchorSource.CONTROLLER)
        return None


def unheard(result: PollResult) -> bool:
    """Say whether asking again makes sense: what a device refuses, it refuses tomorrow as well."""
    return any(not isinstance(error, Refused) for error in result.errors.values())


def first_clock(devices: Iterable[Device]) -> PolledClock | None:
    """Give the clock of the first device that has one; None when no device has.

    Seconds since 1970 are the time of no place: such a clock has no midnight that could be wrong.
    """
    for device in devices:
        if device.profile.clock is not None and device.profile.clock.form != "epoch":
            return PolledClock(device, device.profile.clock)
    return None
