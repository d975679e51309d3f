"""One simulated life of a site and its hub, from one seed: both are the real ones, everything else is in our hand."""

from __future__ import annotations

import heapq
import itertools
import random
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import apsw

from edge import wiring
from edge.agent import Agent
from edge.clock import Instant
from edge.errors import RetryLater
from edge.io.outbox_space import Space
from edge.simulator.virtual import VirtualProbe
from edge.tables import schema_of
from protocol import schema
from protocol.events import Lane
from protocol.topics import Address
from tests.simulation.centre import Centre, Stuck
from tests.simulation.disk import Disk, PowerCut, mounted
from tests.simulation.faults import Fault, Kind, plan
from tests.simulation.kiosk import DAY_S, Controller, Kiosk, Pins
from tests.simulation.misfortune import Misfortune
from tests.simulation.network import Network, Weather
from tests.simulation.site import COMMIT_S, DEBOUNCE_S, SLOTS, Traits, draw
from tests.simulation.truth import Truth, Watch, WatchedOutbox

START = datetime(2026, 11, 2, tzinfo=UTC)
START_MS = round(START.timestamp() * 1000)
BOOT_TAKES_S = 25.0
TICK_S = 1200.0
DUST_S = 1.1 * DAY_S
LOOK_S = 0.06


@dataclass(slots=True)
class Pi:
    """The agent's process in one boot of its Pi."""

    boot_s: float
    boot_id: str
    outbox: WatchedOutbox
    agent: Agent
    controller: Controller
    watch: Watch
    settling_s: list[float]


class Life:
    """The whole of it; `run` lives, and what is left can be judged."""

    def __init__(
        self,
        seed: int,
        folder: Path,
        days: float = 7.0,
        faults: list[Fault] | None = None,
        traits: Traits | None = None,
    ) -> None:
        self.seed = seed
        self.chance = random.Random(seed)  # noqa: S311  one seed, one life
        self.now_s = 0.0
        self.until_s = days * DAY_S
        self.truth = Truth()
        self.folder = folder
        self.network = Network(Address(0, "simulated"), self.chance, now_ms=START_MS)
        self.traits = traits or draw(self.chance)
        self.disk = Disk(self.chance, self.traits.habits)
        self.kiosk = Kiosk(SLOTS, self.until_s + DUST_S, self.chance)
        self.centre = Centre(folder, self.network, self.chance)
        self.pi: Pi | None = None
        self.faults = plan(self.chance, days) if faults is None else faults
        self._boots = itertools.count(1)
        self.turns = itertools.count()
        self._agenda: list[tuple[float, int, Callable[[], None]]] = []
        self.configured = 0
        self.clock_error_s = 0.0
        self.ntp = self.traits.ntp
        self.silent = False
        self._epoch = 0
        self.spoilt = False
        self.full_until_s = -DAY_S
        self.images: list[list[tuple[str, bytes]]] = []
        self._boot: tuple[float, str] | None = None
        self.left_waiting: set[int] = set()
        self.left_open: set[int] = set()
        self.settled_s = float("inf")
        """What was committed later has not had the time to arrive."""

    def run(self) -> None:
        """Live to the end, then let the dust settle until the hub has everything."""
        with mounted(self.disk):
            try:
                self._live_through()
            except Stuck as reason:
                self.truth.complaints.append(str(reason))

    def _live_through(self) -> None:
        self._power_on()
        misfortune = Misfortune(self)
        for fault in self.faults:
            self.at(fault.at_s, partial(misfortune.strike, fault))
        for day in range(1, round(self.until_s / DAY_S) + 1):
            self.at(day * DAY_S, self._back_up)
        self._live(self.until_s)
        self._calm()
        self._live(self.until_s + DUST_S)
        self._deliver_all()
        if self.pi is not None:
            self.left_waiting = self.pi.outbox.waiting_rows()
            self.left_open = {session.taken_seq for session in self.pi.outbox.open_sessions()}
            self.pi.outbox.close()

    def at(self, at_s: float, action: Callable[[], None]) -> None:
        """Have something happen at a moment."""
        heapq.heappush(self._agenda, (at_s, next(self.turns), action))

    def after(self, delay_s: float, action: Callable[[], None]) -> None:
        """Have something happen some time from now."""
        self.at(self.now_s + delay_s, action)

    def _live(self, until_s: float) -> None:
        """Let time pass, from one moment at which anything can change to the next."""
        while True:
            agent_s = self._next_agent_s()
            arrival_s = (self.network.next_arrival_ms() - START_MS) / 1000
            if not self.centre.running or self.pi is None:
                arrival_s = max(arrival_s, self.now_s + TICK_S)
            agenda_s = self._agenda[0][0] if self._agenda else float("inf")
            next_s = max(self.now_s, min(agent_s, arrival_s, agenda_s))
            if next_s > until_s:
                break
            self._move_to(next_s)
            while self._agenda and self._agenda[0][0] <= self.now_s:
                heapq.heappop(self._agenda)[2]()
            self._hub_step()
            self._agent_step()
        self._move_to(until_s)

    def _move_to(self, at_s: float) -> None:
        self.now_s = at_s
        self.network.now_ms = START_MS + round(at_s * 1000)

    def _hub_step(self) -> None:
        if self.network.next_arrival_ms() <= self.network.now_ms and not self.centre.step(self.network.now_ms):
            self.after(self.chance.uniform(5, 600), self.hub_up)

    def hub_up(self) -> None:
        """Start the hub, unless it runs."""
        if not self.centre.running:
            self.centre.start()

    def _back_up(self) -> None:
        if self.centre.running:
            self.centre.back_up(self.now_s)

    # The Pi

    def _next_agent_s(self) -> float:
        pi = self.pi
        if pi is None:
            return float("inf")
        tick_s = (self.now_s // TICK_S + 1) * TICK_S
        due_s = pi.boot_s + pi.agent.schedule.next_due_s()
        soon_s = self.now_s + 0.001
        return min(tick_s, max(due_s, soon_s), self.kiosk.next_edge_s(self.now_s), *pi.settling_s)

    def _power_on(self) -> None:
        if self._boot is None:
            self._boot = (self.now_s, f"boot-{next(self._boots)}")
            self.after(BOOT_TAKES_S, self.start_agent)

    def start_agent(self) -> None:
        """Start the agent's process, as systemd does; what fails is tried again."""
        if self.pi is not None or self._boot is None:
            return
        boot_s, boot_id = self._boot
        try:
            self.pi = self._process(boot_s, boot_id)
        except RetryLater:
            self.after(300.0, self.start_agent)
        except PowerCut:
            self.power_lost(self.chance.uniform(60, 3600))

    def _process(self, boot_s: float, boot_id: str) -> Pi:
        settings = self.traits.settings[self.configured]
        space = Space(self.folder / "outbox" / "outbox.db", self.traits.rows_max, 500_000_000)
        outbox = WatchedOutbox(space, self.chance, self.truth, self._clock)
        self._look_at_card(outbox)
        payload = schema.encode(schema_of(settings))
        outbox.use_schema(schema.schema_id(payload), payload)
        controller = Controller(settings.devices[0])
        controller.silent = self.silent
        agent = wiring.assemble(
            settings, outbox, boot_id=boot_id, readers={"controller": controller},
            watcher=Pins(self.kiosk, self._clock), link=self.network, probe=VirtualProbe(),
        )  # fmt: skip
        boot = outbox.last_boot
        self.truth.booted(outbox.epoch, boot, boot_s)
        watch = Watch(
            outbox.epoch,
            boot,
            boot_s,
            self.now_s + 1.0,
            self.now_s,
            poll_interval_s=settings.devices[0].poll_interval_s,
            answered=not self.silent,
        )
        self.truth.watches.append(watch)
        self.network.epoch = outbox.epoch
        agent.start(self._instant(boot_s), boot_id)
        return Pi(boot_s, boot_id, outbox, agent, controller, watch, [self.now_s + 1.0])

    def _look_at_card(self, outbox: WatchedOutbox) -> None:
        """Hold what is on the card against what was: only a spoilt, exchanged or lying one may have lost anything."""
        if not self.spoilt and (outbox.damage is not None or (self._epoch and outbox.epoch != self._epoch)):
            self.truth.complaints.append(f"an honest card was called damaged: {outbox.damage}")
        outbox.look()
        if self._epoch and self.spoilt:
            self.truth.destroy(self._epoch, outbox.left() if outbox.epoch == self._epoch else set())
            if outbox.epoch != self._epoch:
                self.truth.destroy(outbox.epoch, outbox.left())
            for watch in self.truth.watches:
                watch.sound = False
        self._epoch, self.spoilt = outbox.epoch, False

    def _agent_step(self) -> None:
        pi = self.pi
        if pi is None:
            return
        try:
            pi.agent.step(self._instant(pi.boot_s))
        except PowerCut:
            self.power_lost(self.chance.uniform(60, 6 * 3600))
            return
        except apsw.Error as error:
            if not self.disk.habits.lies:
                self.truth.complaints.append(f"the agent ended by {error!r}")
            self.kill_agent()
            self.after(10.0, self.start_agent)
            return
        pi.watch.last_step_s = self.now_s
        if self.disk.full or self.now_s < self.full_until_s + 2 * TICK_S:
            pi.watch.sound = False  # what a full disk kept from being committed is tried again now and then
        elif pi.outbox.oldest_uncommitted_s() < self.now_s - COMMIT_S - TICK_S:
            self.truth.complaints.append(
                f"at {self.now_s:.0f} s rows wait for a commit since {pi.outbox.oldest_uncommitted_s():.0f} s"
            )
        pi.settling_s = [at_s for at_s in pi.settling_s if at_s > self.now_s]
        if self.kiosk.levels(self.now_s) != self.kiosk.levels(self.now_s - LOOK_S):
            # A real agent looks 20 times a second; here a change is looked at when it comes, and when it has settled.
            pi.settling_s += [self.now_s + LOOK_S, self.now_s + DEBOUNCE_S, self.now_s + DEBOUNCE_S + LOOK_S]

    def _instant(self, boot_s: float) -> Instant:
        synced = self.ntp and self.network.link_up
        error_s = 0.0 if synced else self.clock_error_s
        utc = START + timedelta(seconds=self.now_s + error_s)
        return Instant(self.now_s - boot_s, utc, synced, self._chip(boot_s))

    def _chip(self, boot_s: float) -> datetime | None:
        """Read the clock chip."""
        if self.traits.chip is None:
            return None
        if self.traits.chip == "right":
            return START + timedelta(seconds=self.now_s)
        return datetime(2000, 1, 1, tzinfo=UTC) + timedelta(seconds=self.now_s - boot_s)

    def _clock(self) -> float:
        return self.now_s

    def kill_agent(self) -> None:
        """End the process; the kernel still has what it wrote."""
        if self.pi is None:
            return
        self.pi.outbox.dies()
        self.disk.powered = False  # a killed process does not close its files
        with suppress(apsw.Error, PowerCut):
            self.pi.outbox.close()
        self.disk.powered = True
        self.network.site_dies()
        self.pi = None

    def power_lost(self, off_s: float) -> None:
        """Take the power away, and give it back after a while."""
        self.disk.cut()
        if self.disk.lied:
            self.truth.faults[Kind.CARD_LIED] += 1
            self.spoilt = True
        if self.pi is not None:
            self.pi.outbox.dies()
            with suppress(apsw.Error, PowerCut):
                self.pi.outbox.close()
        self.disk.restore()
        self.network.site_dies()
        self.pi = self._boot = None
        self._keep_image()
        self.after(off_s, self._power_on)

    def _keep_image(self) -> None:
        directory = self.folder / "outbox"
        if directory.exists():
            self.images.append(
                [(path.name, path.read_bytes()) for path in directory.iterdir() if "corrupt" not in path.name]
            )
            del self.images[:-4]

    def hush(self, *, silent: bool) -> None:
        """Let the controller fall silent, or answer again."""
        self.silent = silent
        if self.pi is not None:
            self.pi.controller.silent = silent
        for watch in self.truth.watches[-1:]:
            watch.answered = False

    # The end

    def _calm(self) -> None:
        """End every fault."""
        self._agenda = [entry for entry in self._agenda if entry[2] in (self.start_agent, self._power_on)]
        heapq.heapify(self._agenda)
        self.network.weather = Weather(loss=0.0, twice=0.0)
        self.network.link_up, self.network.half_open, self.network.kill_hub_in = True, False, None
        self.disk.countdown, self.disk.full = None, False
        self.centre.statements_left, self.centre.dies_at_commit = None, False
        self.hush(silent=False)
        self.hub_up()
        self._power_on()
        self.start_agent()

    def _deliver_all(self) -> None:
        """Go on without watching, until the hub has acknowledged all that was committed until now."""
        if self.pi is None:
            self.truth.complaints.append("the agent does not come back")
            return
        outbox, agent, boot_s = self.pi.outbox, self.pi.agent, self.pi.boot_s
        agent.commit(self._instant(boot_s).uptime_s)
        self.settled_s = self.now_s
        # On a small budget that was spent, money waits for fuller batches, and all else may for a better day.
        wanted = outbox.waiting_rows(Lane.MONEY if self.traits.counts_bytes else Lane.TELEMETRY)
        steps = 9000 if self.traits.counts_bytes else 3000
        for _ in range(steps):
            self._move_to(self.now_s + 15)
            self._hub_step()
            agent.deliver(self._instant(boot_s))
            if outbox.uncommitted():
                agent.commit(self._instant(boot_s).uptime_s)
            wanted &= outbox.waiting_rows()
            if not wanted:
                return
        self.truth.complaints.append(f"{len(wanted)} rows never leave the outbox")
