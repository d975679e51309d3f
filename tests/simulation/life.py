"""One simulated life of a site and its hub, from one seed: both are the real ones, everything else is in our hand."""

from __future__ import annotations

import heapq
import itertools
import random
import shutil
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cache, partial
from pathlib import Path

import apsw

from edge import settings as site_settings
from edge import wiring
from edge.agent import Agent
from edge.clock import Instant
from edge.errors import RetryLater
from edge.exporting import export
from edge.io.outbox_space import Space
from edge.settings import Settings
from edge.simulator.virtual import VirtualProbe
from edge.tables import schema_of
from firmware_config import board_text, profile_text
from protocol import schema
from protocol.topics import Address
from tests.simulation.centre import Centre
from tests.simulation.disk import Disk, Habits, PowerCut, mounted, taken_out
from tests.simulation.faults import Fault, Kind, plan
from tests.simulation.kiosk import DAY_S, Controller, Kiosk, Pins
from tests.simulation.network import Network, Weather
from tests.simulation.truth import Truth, Watch, WatchedOutbox

START = datetime(2026, 11, 2, tzinfo=UTC)
START_MS = round(START.timestamp() * 1000)
BOOT_TAKES_S = 25.0
TICK_S = 1200.0
DUST_S = 1.1 * DAY_S
SLOTS = (1, 2, 3, 4)
COMMIT_S = 60.0
DEBOUNCE_S = 2.0
LOOK_S = 0.06

SITE = """\
site: {{id: simulated, name: Simulated, kind: school, commune: Kaya, shard: 0}}
devices:
  controller:
    profile: epever-tracer
    connection: {{host: 127.0.0.1}}
    poll_interval_s: {poll_s}
    metrics: {metrics}
kiosk: {{board: kiosk-8, slots: [1, 2, 3, 4], sample_interval_s: 0.05, debounce_s: 2}}
lights: {{from: gpio}}
uplink: {{host: 127.0.0.1, tls: false, batch_interval_s: 21600, daily_budget_kb: {budget_kb}}}
outbox: {{directory: /nowhere, commit_interval_s: 60}}
system: {{site_interval_s: 3600, poll_interval_s: 7200}}
"""
BUDGET_KB = 25
"""What a life on a small budget may spend a day; the others do not count."""

CONFIGURATIONS = (
    (2400, "[battery_voltage_v, soc_pct, panel_power_w, generated_total_kwh]"),
    (1800, "[battery_voltage_v, generated_total_kwh]"),
)


_OF_THE_HUB = (Kind.HUB_DOWN, Kind.HUB_KILLED, Kind.HUB_KILLED_ACKING, Kind.HUB_SET_BACK)
_OF_THE_NETWORK = (
    Kind.LINK_DOWN, Kind.LINK_FLAPS, Kind.HALF_OPEN, Kind.BROKER_FORGETS, Kind.LOSSY, Kind.DOUBLED, Kind.DELAYED,
)  # fmt: skip


@cache
def configuration(number: int, budget_kb: int) -> Settings:
    """Read one of the configurations that a life changes between."""
    poll_s, metrics = CONFIGURATIONS[number]
    return settings_of(SITE.format(poll_s=poll_s, metrics=metrics, budget_kb=budget_kb))


def settings_of(text: str) -> Settings:
    """Read a site's settings."""
    return site_settings.parse(text, "site.yaml", profile_text=profile_text, board_text=board_text)


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
        settings: tuple[Settings, Settings] | None = None,
    ) -> None:
        self.seed = seed
        self.chance = random.Random(seed)  # noqa: S311  one seed, one life
        self.now_s = 0.0
        self.until_s = days * DAY_S
        self.truth = Truth()
        self.folder = folder
        self.network = Network(Address(0, "simulated"), self.chance, now_ms=START_MS)
        self.disk = Disk(self.chance)
        self.disk.habits = Habits(self.chance.choice((0.0, 0.5, 1.0)), tears=self.chance.random() < 0.5)
        if self.chance.random() < 0.15:
            self.disk.habits.lies = self.chance.choice((0.02, 0.3, 1.0))
        self.kiosk = Kiosk(SLOTS, self.until_s + DUST_S, self.chance)
        self.centre = Centre(folder, self.network, self.chance)
        self.pi: Pi | None = None
        self.faults = plan(self.chance, days) if faults is None else faults
        self.budget_kb = BUDGET_KB if self.chance.random() < 0.2 else 0
        self._settings = settings or (configuration(0, self.budget_kb), configuration(1, self.budget_kb))
        self._boots = itertools.count(1)
        self._turns = itertools.count()
        self._agenda: list[tuple[float, int, Callable[[], None]]] = []
        self._configured = 0
        self._clock_error_s = 0.0
        self._ntp = self.chance.random() < 0.4
        self._silent = False
        self._epoch = 0
        self._spoilt = False
        self._full_until_s = -DAY_S
        self._images: list[list[tuple[str, bytes]]] = []
        self._boot: tuple[float, str] | None = None
        self.left_waiting: set[int] = set()
        self.settled_s = float("inf")
        """What was committed later has not had the time to arrive."""

    def run(self) -> None:
        """Live to the end, then let the dust settle until the hub has everything."""
        with mounted(self.disk):
            self._power_on()
            for fault in self.faults:
                self._at(fault.at_s, lambda fault=fault: self._strike(fault))  # type: ignore[misc]  # mypy: defaults
            for day in range(1, round(self.until_s / DAY_S) + 1):
                self._at(day * DAY_S, self._back_up)
            self._live(self.until_s)
            self._calm()
            self._live(self.until_s + DUST_S)
            self._deliver_all()
            if self.pi is not None:
                self.left_waiting = self.pi.outbox.waiting_rows(detail=True)
                self.pi.outbox.close()

    def _at(self, at_s: float, action: Callable[[], None]) -> None:
        heapq.heappush(self._agenda, (at_s, next(self._turns), action))

    def _after(self, delay_s: float, action: Callable[[], None]) -> None:
        self._at(self.now_s + delay_s, action)

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
            self._after(self.chance.uniform(5, 600), self._hub_up)

    def _hub_up(self) -> None:
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
            self._after(BOOT_TAKES_S, self._start_agent)

    def _start_agent(self) -> None:
        """Start the agent's process, as systemd does; what fails is tried again."""
        if self.pi is not None or self._boot is None:
            return
        boot_s, boot_id = self._boot
        try:
            self.pi = self._process(boot_s, boot_id)
        except RetryLater:
            self._after(300.0, self._start_agent)
        except PowerCut:
            self._power_lost(self.chance.uniform(60, 3600))

    def _process(self, boot_s: float, boot_id: str) -> Pi:
        settings = self._settings[self._configured]
        outbox = WatchedOutbox(
            Space(self.folder / "outbox" / "outbox.db", 2_000_000, 500_000_000), self.chance, self.truth, self._clock
        )
        self._look_at_card(outbox)
        payload = schema.encode(schema_of(settings))
        outbox.use_schema(schema.schema_id(payload), payload)
        controller = Controller(settings.devices[0])
        controller.silent = self._silent
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
            answered=not self._silent,
        )
        self.truth.watches.append(watch)
        self.network.epoch = outbox.epoch
        agent.start(self._instant(boot_s), boot_id)
        return Pi(boot_s, boot_id, outbox, agent, controller, watch, [self.now_s + 1.0])

    def _look_at_card(self, outbox: WatchedOutbox) -> None:
        """Hold what is on the card against what was: only a spoilt, exchanged or lying one may have lost anything."""
        spoilt = self._spoilt or self.disk.lied > 0
        if not spoilt and (outbox.damage is not None or (self._epoch and outbox.epoch != self._epoch)):
            self.truth.complaints.append(f"an honest card was called damaged: {outbox.damage}")
        if self._epoch and spoilt:
            self.truth.destroy(self._epoch, outbox.left() if outbox.epoch == self._epoch else set())
            if outbox.epoch != self._epoch:
                self.truth.destroy(outbox.epoch, outbox.left())
            for watch in self.truth.watches:
                watch.sound = False
        outbox.look()
        self._epoch, self._spoilt, self.disk.lied = outbox.epoch, False, 0

    def _agent_step(self) -> None:
        pi = self.pi
        if pi is None:
            return
        try:
            pi.agent.step(self._instant(pi.boot_s))
        except PowerCut:
            self._power_lost(self.chance.uniform(60, 6 * 3600))
            return
        except apsw.Error as error:
            if not self.disk.habits.lies:
                self.truth.complaints.append(f"the agent ended by {error!r}")
            self._kill_agent()
            self._after(10.0, self._start_agent)
            return
        pi.watch.last_step_s = self.now_s
        if self.disk.full or self.now_s < self._full_until_s + 2 * TICK_S:
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
        synced = self._ntp and self.network.link_up
        error_s = 0.0 if synced else self._clock_error_s
        utc = START + timedelta(seconds=self.now_s + error_s)
        return Instant(self.now_s - boot_s, utc, synced)

    def _clock(self) -> float:
        return self.now_s

    def _kill_agent(self) -> None:
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

    def _power_lost(self, off_s: float) -> None:
        self.disk.cut()
        if self.disk.lied:
            self.truth.faults[Kind.CARD_LIED] += 1
        if self.pi is not None:
            self.pi.outbox.dies()
            with suppress(apsw.Error, PowerCut):
                self.pi.outbox.close()
        self.disk.restore()
        self.network.site_dies()
        self.pi = self._boot = None
        self._keep_image()
        self._after(off_s, self._power_on)

    def _keep_image(self) -> None:
        directory = self.folder / "outbox"
        if directory.exists():
            self._images.append(
                [(path.name, path.read_bytes()) for path in directory.iterdir() if "corrupt" not in path.name]
            )
            del self._images[:-4]

    # What goes wrong

    def _strike(self, fault: Fault) -> None:
        self.truth.faults[fault.kind] += 1
        if fault.kind in _OF_THE_HUB:
            self._strike_hub(fault)
        elif fault.kind in _OF_THE_NETWORK:
            self._strike_network(fault)
        else:
            self._strike_site(fault)

    def _strike_site(self, fault: Fault) -> None:
        match fault.kind:
            case Kind.POWER_CUT:
                self._power_lost(fault.lasts_s)
            case Kind.POWER_CUT_WRITING:
                self.disk.countdown = self.chance.randrange(60)
            case Kind.AGENT_KILLED:
                self._kill_agent()
                self._after(fault.lasts_s, self._start_agent)
            case Kind.CARD_REPLACED | Kind.CARD_IMAGE | Kind.OUTBOX_CORRUPTED:
                self._power_lost(fault.lasts_s)
                self._spoil(fault.kind)
            case Kind.COURIER:
                self._power_lost(fault.lasts_s)
                self._send_courier()
            case Kind.CONFIG_CHANGED:
                self._kill_agent()
                self._configured = 1 - self._configured
                self._after(10.0, self._start_agent)
            case Kind.CLOCK_1970 | Kind.CLOCK_BACK | Kind.CLOCK_FORWARD:
                self._set_clock(fault)
            case Kind.DISK_FULL:
                self.disk.full = True
                self._after(fault.lasts_s, self._disk_free)
            case _:
                self._hush(silent=True)
                self._after(fault.lasts_s, lambda: self._hush(silent=False))

    def _set_clock(self, fault: Fault) -> None:
        self._ntp = False
        self._clock_error_s = {
            Kind.CLOCK_1970: -self.now_s - START.timestamp(),
            Kind.CLOCK_BACK: -self.chance.uniform(60, 40 * DAY_S),
            Kind.CLOCK_FORWARD: self.chance.uniform(60, 400 * DAY_S),
        }[fault.kind]
        if self.chance.random() < 0.5:
            self._after(fault.lasts_s, self._ntp_again)

    def _ntp_again(self) -> None:
        self._ntp = True

    def _disk_free(self) -> None:
        self.disk.full = False
        self._full_until_s = self.now_s

    def _hush(self, *, silent: bool) -> None:
        self._silent = silent
        if self.pi is not None:
            self.pi.controller.silent = silent
        for watch in self.truth.watches[-1:]:
            watch.answered = False

    def _spoil(self, kind: Kind) -> None:
        """Exchange or damage the card while the power is off."""
        directory = self.folder / "outbox"
        if kind is Kind.CARD_IMAGE and len(self._images) > 1:
            image = self.chance.choice(self._images[:-1])
            shutil.rmtree(directory, ignore_errors=True)
            directory.mkdir()
            for name, content in image:
                (directory / name).write_bytes(content)
        elif kind is Kind.CARD_REPLACED:
            shutil.rmtree(directory, ignore_errors=True)
        elif kind is Kind.OUTBOX_CORRUPTED and directory.exists():
            path = self.chance.choice(sorted(path for path in directory.iterdir() if "corrupt" not in path.name))
            data = bytearray(path.read_bytes())
            for _ in range(self.chance.choice((1, 1, 3, 200))):
                if data:
                    data[self.chance.randrange(len(data))] ^= 1 << self.chance.randrange(8)
            path.write_bytes(data[: self.chance.randrange(len(data) + 1)] if self.chance.random() < 0.2 else data)
        self.disk.forget()
        self._spoilt = True

    def _send_courier(self) -> None:
        """Copy what waits on the card to a stick while the Pi is off; the hub gets it some day, and once more."""
        settings = self._settings[self._configured]
        outbox = replace(settings.outbox, directory=str(self.folder / "outbox"))
        stick = self.folder / f"stick-{next(self._turns)}"
        with suppress(RetryLater), taken_out():  # a card without an outbox, or a spoilt one
            export(replace(settings, outbox=outbox), stick, None, kept=False)
        for path in sorted(stick.glob("*.kayasol")) if stick.exists() else ():
            for _ in range(2):
                self._after(self.chance.uniform(0.02, 3) * DAY_S, partial(self._import, path))

    def _import(self, path: Path) -> None:
        if self.centre.running and not self.centre.take(path, self.network.now_ms):
            self._after(self.chance.uniform(5, 600), self._hub_up)

    def _strike_hub(self, fault: Fault) -> None:
        match fault.kind:
            case Kind.HUB_DOWN:
                if self.centre.running:
                    self.centre.stop()
                self._after(fault.lasts_s, self._hub_up)
            case Kind.HUB_KILLED:
                self.centre.statements_left = self.chance.randrange(80)
            case Kind.HUB_KILLED_ACKING:
                self.network.kill_hub_in = 0
            case _:
                if self.centre.running:
                    self.centre.set_back()

    def _strike_network(self, fault: Fault) -> None:
        network = self.network
        match fault.kind:
            case Kind.LINK_DOWN:
                network.cut_link()
                self._after(fault.lasts_s, self._link_up)
            case Kind.LINK_FLAPS:
                for _ in range(12):
                    at_s = self.now_s + self.chance.uniform(0, min(fault.lasts_s, 3600))
                    self._at(at_s, network.cut_link)
                    self._at(at_s + self.chance.uniform(1, 120), self._link_up)
            case Kind.HALF_OPEN:
                network.half_open = True
                self._after(min(fault.lasts_s, 6 * 3600), self._whole)
            case Kind.BROKER_FORGETS:
                network.forget()
            case Kind.LOSSY:
                self._weather(replace(network.weather, loss=self.chance.uniform(0.2, 0.9)), fault.lasts_s)
            case Kind.DOUBLED:
                self._weather(Weather(loss=0.05, twice=0.6, delay_ms=120_000), fault.lasts_s)
            case _:
                longest_ms = self.chance.choice((3_600_000, 12 * 3_600_000, 3 * 86_400_000))
                self._weather(replace(network.weather, delay_ms=longest_ms), fault.lasts_s)

    def _weather(self, weather: Weather, lasts_s: float) -> None:
        self.network.weather = weather
        self._after(lasts_s, self._clear_sky)

    def _clear_sky(self) -> None:
        self.network.weather = Weather()

    def _link_up(self) -> None:
        self.network.link_up = True

    def _whole(self) -> None:
        self.network.half_open = False

    # The end

    def _calm(self) -> None:
        """End every fault."""
        self._agenda = [entry for entry in self._agenda if entry[2] in (self._start_agent, self._power_on)]
        heapq.heapify(self._agenda)
        self.network.weather = Weather(loss=0.0, twice=0.0)
        self.network.link_up, self.network.half_open, self.network.kill_hub_in = True, False, None
        self.disk.countdown, self.disk.full = None, False
        self.centre.statements_left = None
        self._hush(silent=False)
        self._hub_up()
        self._power_on()
        self._start_agent()

    def _deliver_all(self) -> None:
        """Go on without watching, until the hub has acknowledged all that was committed until now."""
        if self.pi is None:
            self.truth.complaints.append("the agent does not come back")
            return
        outbox, agent, boot_s = self.pi.outbox, self.pi.agent, self.pi.boot_s
        agent.commit(self._instant(boot_s).uptime_s)
        self.settled_s = self.now_s
        # On a small budget, detail may wait for a better day; nothing else may.
        wanted = outbox.waiting_rows(detail=not self.budget_kb)
        for _ in range(3000):
            self._move_to(self.now_s + 15)
            self._hub_step()
            agent.deliver(self._instant(boot_s))
            if outbox.uncommitted():
                agent.commit(self._instant(boot_s).uptime_s)
            wanted &= outbox.waiting_rows(detail=True)
            if not wanted:
                return
        self.truth.complaints.append(f"{len(wanted)} rows never leave the outbox")
