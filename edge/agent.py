"""One turn of everything the edge does: `step(now)` collects, keeps and delivers, and never waits.

The loop that calls it lives in `__main__`; tests and the simulator call it with any time they like. What takes long
(a Modbus line, the network) runs behind the ports, and its results are picked up here.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass

from edge import VERSION, device_clock, tables
from edge.account import Account
from edge.budget import restored
from edge.clock import AnchorKeeper, HubTime, Instant
from edge.delivery import Delivery
from edge.device_clock import PolledClock, first_clock
from edge.devices import PolledDevice, load_powers
from edge.errors import RetryLater
from edge.live import LiveView, Newest
from edge.ports import Link, Outbox, PollResult, Probe, RegisterReader, SlotWatcher, Values
from edge.schedule import Schedule
from edge.sessions import RESUME_WITHIN_S, SessionBook
from edge.settings import Settings
from edge.slots import Change, SlotDebouncer
from edge.traffic import Kind, Tariff
from edge.uplink import Uplink
from protocol import topics
from protocol.events import AgentStarted, AlarmCleared, AlarmRaised, Event, Lane
from protocol.live import encode_live
from protocol.schema import encode as encode_schema
from protocol.schema import schema_id

_LOG = logging.getLogger(__name__)

SETTLE_S = 1.0
"""Patience before the first look at the slots: pull-ups must have settled, or every phone would seem to have left."""

ASK_AGAIN_S = 600.0
"""When a device that did not answer is asked again at the latest."""
BUDGET = "budget"
"""Under which name the outbox remembers the account of the link."""

_DISK_REFUSES = "outbox-not-writable"


@dataclass(frozen=True, slots=True)
class Ports:
    """The world as the agent is given it; `readers` are by device name, shared between devices of one line."""

    outbox: Outbox
    readers: Mapping[str, RegisterReader]
    link: Link
    probe: Probe
    watcher: SlotWatcher | None = None


class Agent:
    """The agent of one site, in one boot of its Pi."""

    def __init__(self, settings: Settings, ports: Ports, uplink: Uplink, boot: int) -> None:
        self._settings = settings
        self._ports = ports
        self._outbox = ports.outbox
        self._lines = tuple({id(line): line for line in ports.readers.values()}.values())
        self._boot = boot
        self._tables = {table.name: i for i, table in enumerate(tables.schema_of(settings).tables)}
        self.devices = {d.name: PolledDevice(self._tables[d.name], d, d.quantities, d.name) for d in settings.devices}
        asked_daily = {tables.settings_of(d): d for d in settings.devices if d.settings}
        for job, device in asked_daily.items():
            self.devices[job] = PolledDevice(self._tables[job], device, device.settings, job, alarms_on_silence=False)
        self._clock = first_clock(settings.devices)
        self.schedule = Schedule(
            {d.name: float(d.poll_interval_s) for d in settings.devices}
            | dict.fromkeys(asked_daily, float(tables.SETTINGS_INTERVAL_S))
            | ({} if self._clock is None else {self._clock.job: float(device_clock.INTERVAL_S)})
            | {tables.SITE: float(settings.site_interval_s), tables.SYSTEM: float(settings.system_interval_s)}
        )
        self._debouncer = SlotDebouncer(settings.kiosk.debounce_s if settings.kiosk is not None else 0.0)
        self.sessions = SessionBook(boot, RESUME_WITHIN_S + settings.outbox.commit_interval_s)
        self._anchors = AnchorKeeper()
        self.uplink = uplink
        self.delivery = Delivery(ports.outbox, ports.link, uplink, _account(settings, ports.outbox), self)
        self._hours: dict[int, int] = {}
        self._newest: dict[int, Newest] = {}
        self._live = LiveView(schema_id(encode_schema(tables.schema_of(settings))))
        self._last_commit_s = 0.0
        self._commit_now = False
        self._disk_refuses = False
        self._next_levels_s = 0.0
        self._looked = False

    def start(self, now: Instant, boot_id: str) -> None:
        """Record that the agent began, and end what its predecessor could not finish."""
        uptime_s = int(now.uptime_s)
        self._next_levels_s = now.uptime_s + SETTLE_S
        self.event(uptime_s, AgentStarted(VERSION, boot_id))
        if self._outbox.damage is not None:
            self.event(uptime_s, AlarmRaised("outbox-damaged", self._outbox.damage))
        for ended in self.sessions.recover(self._outbox.open_sessions(), uptime_s):
            self.event(uptime_s, ended)
        self._commit_now = True

    def step(self, now: Instant) -> None:
        """Do everything that is due; call it a few times a second, or in a test at any moments that only grow."""
        self.collect(now)
        self.deliver(now)

    def collect(self, now: Instant) -> None:
        """Sample slots and devices, and commit what is worth it."""
        uptime_s = now.uptime_s
        self.anchor(now, None)
        if uptime_s >= self._next_levels_s and self._ports.watcher is not None:
            self._watch_slots(self._ports.watcher.levels(), uptime_s)
        for job in self.schedule.due(uptime_s):
            self._start(job, uptime_s)
        for line in self._lines:
            for result in line.finished():
                if self._clock is not None and result.device == self._clock.job:
                    self._take_clock(self._clock, result, uptime_s)
                else:
                    self._take(self.devices[result.device], result, uptime_s)
        self._commit_when_due(uptime_s)

    def deliver(self, now: Instant, *, network_s: float | None = None) -> None:
        """Send what the hub lacks and let go of what it has.

        `network_s` is the clock of the network's patience, where simulated time runs faster; the hub's time is void.
        """
        now_s = now.uptime_s if network_s is None else network_s
        self.delivery.step(now, now_s, dated=network_s is None)
        self._show_live(now.uptime_s, now_s)

    def waiting(self) -> int:
        """Count the rows that the hub has not acknowledged."""
        return self._outbox.backlog().rows

    def commit(self, uptime_s: float) -> bool:
        """Make everything taken so far survive a power cut; False when the disk refuses, which is asked again later."""
        self._last_commit_s = uptime_s
        self._commit_now = False
        self._outbox.remember(BUDGET, self.delivery.account.budget.to_text())
        try:
            self._outbox.commit(self.sessions.snapshot(int(uptime_s)))
        except RetryLater as error:
            _LOG.warning("%s", error)
            if not self._disk_refuses:
                self._outbox.add_event(self._boot, int(uptime_s), AlarmRaised(_DISK_REFUSES, str(error)[:200]))
            self._disk_refuses = True
            return False
        if self._disk_refuses:
            self.event(int(uptime_s), AlarmCleared(_DISK_REFUSES))
        self._disk_refuses = False
        return True

    def event(self, uptime_s: int, event: Event) -> int:
        """Take an event; money and alarms are committed in this very step."""
        self._commit_now = self._commit_now or event.lane in (Lane.MONEY, Lane.ALARM)
        return self._outbox.add_event(self._boot, uptime_s, event)

    def anchor(self, now: Instant, hub_time: HubTime | None) -> None:
        """Take an anchor when one is due."""
        due = self._anchors.step(now, hub_time)
        if due is not None:
            self.event(*due)

    def _start(self, job: str, uptime_s: float) -> None:
        if job in self.devices:
            polled = self.devices[job]
            poll = polled.poll(uptime_s)
            if self._ports.readers[polled.device.name].start(poll):  # else its last poll is still under way
                polled.asked(uptime_s)
        elif self._clock is not None and job == self._clock.job:
            if self._ports.readers[self._clock.device.name].start(self._clock.poll()):
                self._clock.asked(uptime_s)
        elif job == tables.SYSTEM:
            budget = self.delivery.account.budget
            readings = {
                **self._ports.probe.readings(),
                "outbox_rows": self._outbox.backlog().rows,
                "link_kb_today": budget.counts.total() // 1000,
                "budget_left_kb": max(budget.left, 0) // 1000 if budget.daily_bytes else None,
            }
            row = [readings.get(metric) for metric in tables.SYSTEM_COLUMNS]
            self._sample(self._tables[job], int(uptime_s), row)
        elif job in self._tables:
            self._sample(self._tables[job], int(uptime_s), self._site_row(uptime_s))

    def _take(self, device: PolledDevice, result: PollResult, uptime_s: float) -> None:
        values, alarms = device.take(result)
        answers = device.state.failures_in_a_row == 0
        self.schedule.settle(result.device, succeeded=answers)
        if values is None:  # a device that is still telling where its registers are is asked on at once
            self.schedule.hasten(result.device, uptime_s if answers else uptime_s + ASK_AGAIN_S)
        else:
            if device.unheard:
                self.schedule.hasten(result.device, uptime_s + ASK_AGAIN_S)
            self._sample(device.table, device.asked_at_s, values)
        for alarm in alarms:
            self.event(device.asked_at_s, alarm)

    def _take_clock(self, polled: PolledClock, result: PollResult, uptime_s: float) -> None:
        told = polled.take(result)
        if told is not None:
            self.event(polled.asked_at_s, told)
        elif device_clock.unheard(result):
            self.schedule.hasten(result.device, uptime_s + ASK_AGAIN_S)

    def _sample(self, table: int, uptime_s: int, values: Values) -> None:
        """Take a sample; the first of its table in each hour is the one that stands for the hour."""
        hour = uptime_s // 3600
        summary = self._hours.get(table) != hour
        self._hours[table] = hour
        self._newest[table] = Newest(uptime_s, values)
        self._outbox.add_sample(table, self._boot, uptime_s, values, summary=summary)

    def _show_live(self, uptime_s: float, now_s: float) -> None:
        """Send live values while a command of the hub asks for them."""
        link, left_bytes = self._ports.link, self.delivery.account.budget.live_left()
        if not link.connected():
            lost = self._live.lost()
            if lost is not None:
                self.event(int(uptime_s), lost)
            return
        for message, done in self._live.step(link.commands(), uptime_s, self._newest, left_bytes=left_bytes):
            self.delivery.publish(Kind.LIVE, encode_live(message), now_s)
            if done is not None:
                self.event(int(uptime_s), done)

    def _site_row(self, uptime_s: float) -> list[int | None]:
        row: list[int | None] = []
        if self._settings.lights is not None:
            pin = self._ports.watcher.lights() if self._ports.watcher is not None else None
            lit = self._settings.lights.lit(load_powers(self.devices, uptime_s), pin)
            row.append(None if lit is None else int(lit))
        if self._settings.kiosk is not None:
            row.append(len(self.sessions.open))
        return row

    def _watch_slots(self, levels: Mapping[int, bool], uptime_s: float) -> None:
        kiosk = self._settings.kiosk
        self._next_levels_s = uptime_s + (kiosk.sample_interval_s if kiosk is not None else 0.0)
        for change in self._debouncer.step(levels, uptime_s):
            self._change(change)
        if not self._looked:
            self._looked = True
            for ended in self.sessions.first_look_done():
                self.event(int(uptime_s), ended)

    def _change(self, change: Change) -> None:
        if change.occupied:
            taken = self.sessions.opens(change)
            if taken is not None:
                self.sessions.opened(change, self.event(int(change.uptime_s), taken))
            return
        ended = self.sessions.closes(change)
        if ended is not None:
            self.event(int(change.uptime_s), ended)

    def _commit_when_due(self, uptime_s: float) -> None:
        interval_s = self._settings.outbox.commit_interval_s
        if self._outbox.uncommitted() and (self._commit_now or uptime_s - self._last_commit_s >= interval_s):
            self.commit(uptime_s)


def _account(settings: Settings, outbox: Outbox) -> Account:
    uplink, address = settings.uplink, topics.Address(settings.shard, settings.site)
    tariff = Tariff(uplink.tls, len(address.topic(topics.Channel.UP)), uplink.qos)
    budget = restored(outbox.recall(BUDGET), uplink.daily_budget_bytes(tables.values_a_minute(settings)))
    return Account(budget, tariff, uplink.keepalive_s)
