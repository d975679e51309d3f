"""What physically happens at a simulated site: phones on slots, and a controller whose readings never repeat."""

from __future__ import annotations

import random
from bisect import bisect_right
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache

from edge.errors import EdgeError, RetryLater
from edge.ports import Poll, PollResult
from edge.profiles import Profile
from edge.readplan import Block, Words
from edge.settings import Device
from edge.simulator.image import ProfileImage

DAY_S = 86_400.0


@dataclass(frozen=True, slots=True)
class Plug:
    """One phone on one slot, in seconds of true time since the simulation began."""

    slot: int
    start_s: float
    end_s: float


class Kiosk:
    """The slots of a site over its whole life, known beforehand."""

    def __init__(self, slots: tuple[int, ...], until_s: float, chance: random.Random) -> None:
        self.plugs: list[Plug] = []
        for slot in slots:
            at_s = chance.uniform(0, DAY_S / 2)
            while at_s < until_s:
                # Mostly a phone; now and then a bad contact, or one that stays for days.
                long_s = chance.choices(
                    (chance.uniform(0.01, 1.5), chance.uniform(600, 12_000), 2.5 * DAY_S), (1, 12, 0.2)
                )[0]
                self.plugs.append(Plug(slot, at_s, min(at_s + long_s, until_s)))
                at_s += long_s + chance.uniform(30, DAY_S / 2)
        edges = sorted(
            (at_s, plug.slot, at_s == plug.start_s) for plug in self.plugs for at_s in (plug.start_s, plug.end_s)
        )
        self._slots = slots
        self._edges_s = [at_s for at_s, _, _ in edges]
        self._levels = [dict.fromkeys(slots, False)]
        for _, slot, taken in edges:
            self._levels.append(self._levels[-1] | {slot: taken})

    def levels(self, at_s: float) -> Mapping[int, bool]:
        """Tell which slots hold a phone."""
        return self._levels[bisect_right(self._edges_s, at_s)]

    def next_edge_s(self, at_s: float) -> float:
        """Tell when a slot next changes."""
        at = bisect_right(self._edges_s, at_s)
        return self._edges_s[at] if at < len(self._edges_s) else float("inf")


class Pins:
    """A `SlotWatcher` over a kiosk; the lights are on in the evening."""

    def __init__(self, kiosk: Kiosk, now_s: Callable[[], float]) -> None:
        self._kiosk = kiosk
        self._now_s = now_s

    def levels(self) -> Mapping[int, bool]:
        """See `SlotWatcher.levels`."""
        return self._kiosk.levels(self._now_s())

    def lights(self) -> bool | None:
        """See `SlotWatcher.lights`."""
        return 18 * 3600 <= self._now_s() % DAY_S < 22 * 3600


class Controller:
    """A `RegisterReader` of one device whose energy counter never tells the same twice; silent when told to be."""

    def __init__(self, device: Device) -> None:
        self._image = dict(_image(device.profile))
        self._reads = 0
        self._results: list[PollResult] = []
        self.silent = False

    def start(self, poll: Poll) -> bool:
        """See `RegisterReader.start`; the answer is there at once."""
        if self.silent:
            errors: dict[Block, EdgeError] = dict.fromkeys(poll.blocks, RetryLater("the cable is out"))
            self._results.append(PollResult(poll.device, {}, errors))
            return True
        self._reads += 1
        answers = {block: self._words(block) for block in poll.blocks}
        self._results.append(PollResult(poll.device, answers, {}))
        return True

    def finished(self) -> list[PollResult]:
        """See `RegisterReader.finished`."""
        results, self._results = self._results, []
        return results

    def _words(self, block: Block) -> Words:
        image = self._image
        words = [image.get((block.table, at), 0) for at in range(block.address, block.end, block.step)]
        # The state of charge wanders with the reads, so that no two rows of a boot are the same by chance.
        return tuple(word + self._reads % 7 if 0 < word < 60_000 else word for word in words)


@cache
def _image(profile: Profile) -> Mapping[tuple[object, int], int]:
    readings = {"battery_voltage_v": 12.6, "soc_pct": 70.0, "panel_power_w": 55.0, "generated_total_kwh": 12.0}
    return ProfileImage(profile).words(readings, datetime(2026, 11, 2, tzinfo=UTC))  # type: ignore[return-value]
