"""What a fault does to a simulated life, and when it is over."""

from __future__ import annotations

import shutil
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from edge.errors import RetryLater
from edge.exporting import export
from tests.simulation.disk import taken_out
from tests.simulation.faults import Fault, Kind
from tests.simulation.kiosk import DAY_S
from tests.simulation.network import Weather

if TYPE_CHECKING:
    from tests.simulation.life import Life

_OF_THE_HUB = (Kind.HUB_DOWN, Kind.HUB_KILLED, Kind.HUB_KILLED_ACKING, Kind.HUB_SET_BACK)
_OF_THE_NETWORK = (
    Kind.LINK_DOWN, Kind.LINK_FLAPS, Kind.HALF_OPEN, Kind.BROKER_FORGETS, Kind.LOSSY, Kind.DOUBLED, Kind.DELAYED,
)  # fmt: skip


class Misfortune:
    """Brings faults over one life."""

    def __init__(self, life: Life) -> None:
        self._life = life

    def strike(self, fault: Fault) -> None:
        """Let a fault happen now, and plan its end."""
        self._life.truth.faults[fault.kind] += 1
        if fault.kind in _OF_THE_HUB:
            self._strike_hub(fault)
        elif fault.kind in _OF_THE_NETWORK:
            self._strike_network(fault)
        else:
            self._strike_site(fault)

    def _strike_site(self, fault: Fault) -> None:
        match fault.kind:
            case Kind.POWER_CUT:
                self._life.power_lost(fault.lasts_s)
            case Kind.POWER_CUT_WRITING:
                self._life.disk.countdown = self._life.chance.randrange(60)
            case Kind.AGENT_KILLED:
                self._life.kill_agent()
                self._life.after(fault.lasts_s, self._life.start_agent)
            case Kind.CARD_REPLACED | Kind.CARD_IMAGE | Kind.OUTBOX_CORRUPTED:
                self._life.power_lost(fault.lasts_s)
                self._spoil(fault.kind)
            case Kind.COURIER:
                self._life.power_lost(fault.lasts_s)
                self._send_courier()
            case Kind.CONFIG_CHANGED:
                self._life.kill_agent()
                self._life.configured = 1 - self._life.configured
                self._life.after(10.0, self._life.start_agent)
            case Kind.CLOCK_1970 | Kind.CLOCK_BACK | Kind.CLOCK_FORWARD:
                self._set_clock(fault)
            case Kind.DISK_FULL:
                self._life.disk.full = True
                self._life.after(fault.lasts_s, self._disk_free)
            case _:
                self._life.hush(silent=True)
                self._life.after(fault.lasts_s, lambda: self._life.hush(silent=False))

    def _set_clock(self, fault: Fault) -> None:
        self._life.ntp = False
        self._life.clock_error_s = {
            Kind.CLOCK_1970: -self._life.network.now_ms / 1000,
            Kind.CLOCK_BACK: -self._life.chance.uniform(60, 40 * DAY_S),
            Kind.CLOCK_FORWARD: self._life.chance.uniform(60, 400 * DAY_S),
        }[fault.kind]
        if self._life.chance.random() < 0.5:
            self._life.after(fault.lasts_s, self._ntp_again)

    def _ntp_again(self) -> None:
        self._life.ntp = True

    def _disk_free(self) -> None:
        self._life.disk.full = False
        self._life.full_until_s = self._life.now_s

    def _spoil(self, kind: Kind) -> None:
        """Exchange or damage the card while the power is off."""
        directory = self._life.folder / "outbox"
        if kind is Kind.CARD_IMAGE and len(self._life.images) > 1:
            image = self._life.chance.choice(self._life.images[:-1])
            shutil.rmtree(directory, ignore_errors=True)
            directory.mkdir()
            for name, content in image:
                (directory / name).write_bytes(content)
        elif kind is Kind.CARD_REPLACED:
            shutil.rmtree(directory, ignore_errors=True)
        elif kind is Kind.OUTBOX_CORRUPTED and directory.exists():
            path = self._life.chance.choice(sorted(path for path in directory.iterdir() if "corrupt" not in path.name))
            data = bytearray(path.read_bytes())
            for _ in range(self._life.chance.choice((1, 1, 3, 200))):
                if data:
                    data[self._life.chance.randrange(len(data))] ^= 1 << self._life.chance.randrange(8)
            path.write_bytes(
                data[: self._life.chance.randrange(len(data) + 1)] if self._life.chance.random() < 0.2 else data
            )
        self._life.disk.forget()
        self._life.spoilt = True

    def _send_courier(self) -> None:
        """Copy what waits on the card to a stick while the Pi is off; the hub gets it some day, and once more."""
        settings = self._life.traits.settings[self._life.configured]
        outbox = replace(settings.outbox, directory=str(self._life.folder / "outbox"))
        stick = self._life.folder / f"stick-{next(self._life.turns)}"
        with suppress(RetryLater), taken_out():  # a card without an outbox, or a spoilt one
            export(replace(settings, outbox=outbox), stick, None, kept=False)
        for path in sorted(stick.glob("*.kayasol")) if stick.exists() else ():
            for _ in range(2):
                self._life.after(self._life.chance.uniform(0.02, 3) * DAY_S, partial(self._import, path))

    def _import(self, path: Path) -> None:
        if self._life.centre.running and not self._life.centre.take(path, self._life.network.now_ms):
            self._life.after(self._life.chance.uniform(5, 600), self._life.hub_up)

    def _strike_hub(self, fault: Fault) -> None:
        match fault.kind:
            case Kind.HUB_DOWN:
                if self._life.centre.running:
                    self._life.centre.stop()
                self._life.after(fault.lasts_s, self._life.hub_up)
            case Kind.HUB_KILLED:
                if self._life.chance.random() < 0.4:
                    self._life.centre.dies_at_commit = True
                else:
                    self._life.centre.statements_left = self._life.chance.randrange(80)
            case Kind.HUB_KILLED_ACKING:
                self._life.network.kill_hub_in = 0
            case _:
                if self._life.centre.running:
                    self._life.centre.set_back()

    def _strike_network(self, fault: Fault) -> None:
        network = self._life.network
        match fault.kind:
            case Kind.LINK_DOWN:
                network.cut_link()
                self._life.after(fault.lasts_s, self._link_up)
            case Kind.LINK_FLAPS:
                for _ in range(12):
                    at_s = self._life.now_s + self._life.chance.uniform(0, min(fault.lasts_s, 3600))
                    self._life.at(at_s, network.cut_link)
                    self._life.at(at_s + self._life.chance.uniform(1, 120), self._link_up)
            case Kind.HALF_OPEN:
                network.half_open = True
                self._life.after(min(fault.lasts_s, 6 * 3600), self._whole)
            case Kind.BROKER_FORGETS:
                network.forget()
            case Kind.LOSSY:
                self._weather(replace(network.weather, loss=self._life.chance.uniform(0.2, 0.9)), fault.lasts_s)
            case Kind.DOUBLED:
                self._weather(Weather(loss=0.05, twice=0.6, delay_ms=120_000), fault.lasts_s)
            case _:
                longest_ms = self._life.chance.choice((3_600_000, 12 * 3_600_000, 3 * 86_400_000))
                self._weather(replace(network.weather, delay_ms=longest_ms), fault.lasts_s)

    def _weather(self, weather: Weather, lasts_s: float) -> None:
        self._life.network.weather = weather
        self._life.after(lasts_s, self._clear_sky)

    def _clear_sky(self) -> None:
        self._life.network.weather = Weather()

    def _link_up(self) -> None:
        self._life.network.link_up = True

    def _whole(self) -> None:
        self._life.network.half_open = False
