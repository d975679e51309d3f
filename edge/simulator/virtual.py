"""The real agent in a simulated village at any speed: months in seconds, power cuts and reboots included.

Only the wires are missing: registers are handed over as words, pins as levels. Outbox, link and everything between
them are the real ones.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from datetime import datetime, timedelta

from edge import wiring
from edge.agent import Agent
from edge.clock import Instant
from edge.errors import EdgeError, Refused, RetryLater
from edge.ports import Link, Poll, PollResult
from edge.readplan import Block, Words
from edge.settings import Device, Settings
from edge.simulator.device import SimulatedDevice
from edge.simulator.village import Village

BOOT_TAKES_S = 25.0
"""From power to the agent's first step."""

OFF_STEP = timedelta(minutes=1)


def boot_name(powered_at: datetime) -> str:
    """Name a simulated boot by the moment its Pi got power."""
    return f"simulated {powered_at.isoformat()}"


class SimulatedPi:
    """The clocks of a simulated Pi that got power at some moment; its wall clock is this machine's, and trusted."""

    def __init__(self, powered_at: datetime, utc_now: Callable[[], datetime]) -> None:
        self._powered_at = powered_at
        self._utc_now = utc_now
        self.boot_id = boot_name(powered_at)

    def now(self) -> Instant:
        """Read them all at once."""
        utc = self._utc_now()
        return Instant((utc - self._powered_at).total_seconds(), utc, synced=True)


class VirtualLine:
    """A `RegisterReader` that asks the village directly."""

    def __init__(self, village: Village, device: Device, now: Callable[[], datetime]) -> None:
        self._village = village
        # Months pass here in seconds: what is polled all the time is laid out without the rest.
        self._polled = SimulatedDevice(village, device.profile, device.unit, device.quantities)
        self._whole = SimulatedDevice(village, device.profile, device.unit)
        self._now = now
        self._results: list[PollResult] = []

    def start(self, poll: Poll) -> bool:
        """See `RegisterReader.start`; the answer is there at once."""
        answers: dict[Block, Words] = {}
        errors: dict[Block, EdgeError] = {}
        for block in poll.blocks:
            try:
                answers[block] = self._words(block)
            except EdgeError as error:
                errors[block] = error
        self._results.append(PollResult(poll.device, answers, errors))
        return True

    def finished(self) -> list[PollResult]:
        """See `RegisterReader.finished`."""
        results, self._results = self._results, []
        return results

    def _words(self, block: Block) -> Words:
        if not self._village.modbus_alive(self._now()):
            raise RetryLater("the cable is out")
        try:
            return self._polled.words(block, self._now())
        except Refused:
            return self._whole.words(block, self._now())


class VirtualPins:
    """A `SlotWatcher` over the village's slots and lights."""

    def __init__(self, village: Village, slots: frozenset[int], now: Callable[[], datetime]) -> None:
        self._village = village
        self._slots = slots
        self._now = now

    def levels(self) -> Mapping[int, bool]:
        """See `SlotWatcher.levels`."""
        levels = self._village.levels(self._now())
        return {slot: level for slot, level in levels.items() if slot in self._slots}

    def lights(self) -> bool | None:
        """See `SlotWatcher.lights`."""
        return self._village.lights_lit(self._now())


class VirtualProbe:
    """A `Probe` of a Pi that has room and is warm."""

    def readings(self) -> Mapping[str, int | None]:
        """See `Probe.readings`."""
        return {"cpu_temp_c": 480, "memory_free_mb": 300, "disk_free_mb": 20_000}


class VirtualSite:
    """One site living from the village's start; its clock is `now`."""

    def __init__(self, village: Village, settings: Settings, link: Link) -> None:
        self._village = village
        self._settings = settings
        self._link = link
        self.now = village.spec.start
        self.powered_at = self.now
        """When the Pi's present boot began."""

    def run(self, until: datetime, deliver: Callable[[Agent, Instant], None], pause: timedelta) -> None:
        """Live until then, boot by boot; `deliver` is called every `pause` of simulated time and at the end."""
        while self.now < until:
            if self._village.pi_powered(self.now):
                self._live_one_boot(until, deliver, pause)
            else:
                self.now += OFF_STEP

    def _live_one_boot(self, until: datetime, deliver: Callable[[Agent, Instant], None], pause: timedelta) -> None:
        powered_at = self.powered_at = self.now
        boot_id = boot_name(powered_at)
        with closing(wiring.open_outbox(self._settings)) as outbox:
            agent = wiring.assemble(
                self._settings,
                outbox,
                boot_id=boot_id,
                readers={d.name: VirtualLine(self._village, d, self._clock) for d in self._settings.devices},
                watcher=self._watcher(),
                link=self._link,
                probe=VirtualProbe(),
            )
            next_delivery = self.now + pause
            for now in self._moments(agent, boot_id, powered_at, until):
                if now is None:
                    return  # the power went: what was not committed never happened
                agent.collect(now)
                if self.now >= next_delivery:
                    deliver(agent, now)
                    next_delivery = self.now + pause
            last = Instant((self.now - powered_at).total_seconds(), self.now, synced=True)
            agent.commit(last.uptime_s)
            deliver(agent, last)

    def _watcher(self) -> VirtualPins | None:
        kiosk = self._settings.kiosk
        if kiosk is None and self._settings.lights_pin is None:
            return None
        return VirtualPins(self._village, frozenset(kiosk.slots if kiosk is not None else ()), self._clock)

    def _clock(self) -> datetime:
        return self.now

    def _moments(self, agent: Agent, boot_id: str, powered_at: datetime, until: datetime) -> Iterator[Instant | None]:
        """Yield the moments at which a step can change anything; None when the Pi loses power."""
        debounce = timedelta(seconds=self._settings.kiosk.debounce_s if self._settings.kiosk is not None else 0)
        self.now = min(powered_at + timedelta(seconds=BOOT_TAKES_S), until)
        agent.start(self._instant(powered_at), boot_id)
        settle: list[datetime] = [self.now + timedelta(seconds=2)]
        change = self._village.next_change(self.now)
        while self.now < until:
            if not self._village.pi_powered(self.now):
                yield None
                return
            yield self._instant(powered_at)
            if self.now >= change:
                settle.append(change + debounce)
                change = self._village.next_change(self.now)
            due = powered_at + timedelta(seconds=agent.schedule.next_due_s())
            settle = [moment for moment in settle if moment > self.now]
            self.now = min(until, max(due, self.now + timedelta(milliseconds=1)), change, *settle)

    def _instant(self, powered_at: datetime) -> Instant:
        return Instant((self.now - powered_at).total_seconds(), self.now, synced=True)
