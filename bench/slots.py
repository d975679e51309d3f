"""How late charging slots are looked at while the Modbus lines give trouble and the broker is away.

The real agent with its real outbox samples eight slots four times a second (gpiozero, mock pins at rest). One device
is dead, one answers at the last moment, one says a thousand senseless bytes to every other request, each on a serial
line of its own. None of them may keep the loop from its slots.
"""

from __future__ import annotations

import argparse
import os
import random
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from itertools import cycle
from pathlib import Path
from struct import unpack

from bench.figures import table
from demo.processes import free_port
from edge import wiring
from edge.agent import Agent
from edge.frames import READ_BITS
from edge.io.gpio import GpioWatcher
from edge.io.mqtt import MqttLink
from edge.io.system import SystemClock, SystemProbe
from edge.settings import Settings, parse
from edge.simulator.bus import RtuBus
from edge.simulator.mischief import Mischief
from firmware_config import board_text, profile_text
from protocol import topics

TARGET_MS = 100
SLOW_S = 0.9
NOISE = random.Random(7).randbytes(1000)  # noqa: S311  noise, not a secret
MISCHIEF = {
    "dead": [Mischief(silent=True)],
    "slow": [Mischief(delay_s=SLOW_S)],
    "garbling": [Mischief(garble=lambda frame: NOISE + frame[:-2]), Mischief()],
}
SITE = """\
site: {{id: bench, name: Bench, kind: school, commune: Kaya, shard: 0}}
devices:
{devices}
kiosk: {{board: kiosk-8}}
uplink: {{host: 127.0.0.1, tcp_port: {mqtt}, tls: false}}
outbox: {{directory: {directory}, commit_interval_s: 1}}
"""
DEVICE = "  {name}: {{profile: epever-tracer, connection: {{port: {port}}}, poll_interval_s: 10}}"


class TimedSlots:
    """A `SlotWatcher` that notes when it was asked for levels."""

    def __init__(self, watcher: GpioWatcher) -> None:
        self._watcher = watcher
        self.asked_s: list[float] = []

    def levels(self) -> Mapping[int, bool]:
        """See `SlotWatcher.levels`."""
        self.asked_s.append(time.perf_counter())
        return self._watcher.levels()

    def lights(self) -> bool | None:
        """See `SlotWatcher.lights`."""
        return self._watcher.lights()


def main(argv: Sequence[str] | None = None) -> int:
    """Run the agent's loop for a while and print how late it was."""
    parser = argparse.ArgumentParser(prog="python -m bench.slots", description=__doc__)
    parser.add_argument("--seconds", type=int, default=60)
    seconds = parser.parse_args(argv).seconds
    os.environ["GPIOZERO_PIN_FACTORY"] = "mock"
    clock = SystemClock()
    with _agent(clock.boot_id) as (agent, slots, interval_s):
        agent.start(clock.now(), clock.boot_id)
        until_s = time.perf_counter() + seconds
        while time.perf_counter() < until_s:
            agent.step(clock.now())
            time.sleep(interval_s)
        polls = [[name, str(d.state.polls), str(d.state.failures)] for name, d in agent.devices.items()]
    gaps_s = [later - earlier for earlier, later in zip(slots.asked_s, slots.asked_s[1:], strict=False)]
    late_ms = sorted(1000 * (gap_s - interval_s) for gap_s in gaps_s)
    print(f"{len(gaps_s)} looks at the slots, {interval_s:g} s apart, in {seconds} s\n")
    print(table(["device", "polls", "failed"], polls))
    print(f"\nhalf of the looks were at most {late_ms[len(late_ms) // 2]:.1f} ms late")
    print(f"slots: worst delay {late_ms[-1]:.1f} ms (target {TARGET_MS})")
    return 0 if late_ms[-1] <= TARGET_MS else 1


@contextmanager
def _agent(boot_id: str) -> Iterator[tuple[Agent, TimedSlots, float]]:
    """Put the agent together around three bad lines; gives the interval of its looks, too."""
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="kayasol-bench-")))
        settings = _settings(directory, stack)
        assert settings.kiosk is not None  # noqa: S101  written above
        outbox = wiring.open_outbox(settings)
        stack.callback(outbox.close)
        lines = wiring.open_lines(settings)
        for line in set(lines.values()):
            stack.callback(line.close)
        watcher = GpioWatcher(settings.kiosk.slots, settings.lights_pin)
        stack.callback(watcher.close)
        link = MqttLink(settings.uplink, topics.Address(settings.shard, settings.site), outbox.epoch)
        stack.callback(link.close)
        slots = TimedSlots(watcher)
        probe = SystemProbe(directory)
        agent = wiring.assemble(
            settings, outbox, boot_id=boot_id, readers=dict(lines), watcher=slots, link=link, probe=probe
        )
        yield agent, slots, settings.kiosk.sample_interval_s


def _settings(directory: Path, stack: ExitStack) -> Settings:
    devices = []
    for name, mischief in MISCHIEF.items():
        bus = stack.enter_context(RtuBus({1: _zeros}, link=directory / name))
        turns = cycle(mischief)
        bus.mischief = lambda _unit, _pdu, turns=turns: next(turns)
        devices.append(DEVICE.format(name=name, port=bus.port))
    text = SITE.format(devices="\n".join(devices), mqtt=free_port(), directory=directory)
    return parse(text, "bench", profile_text=profile_text, board_text=board_text)


def _zeros(pdu: bytes) -> bytes:
    """Answer any read with as many zeros."""
    function, _, count = unpack(">BHH", pdu)
    size = (count + 7) // 8 if function in READ_BITS else 2 * count
    return bytes((function, size)) + bytes(size)


if __name__ == "__main__":
    raise SystemExit(main())
