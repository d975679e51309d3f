"""Ways to ask a simulated device as the edge does, without a line: blocks become PDUs, answers become words."""

from __future__ import annotations

from datetime import datetime
from functools import cache

from edge.errors import Refused
from edge.frames import EXCEPTION
from edge.profiles import Profile, parse
from edge.readplan import Block, Words
from edge.registers import Table
from edge.simulator.device import SimulatedDevice
from edge.survey import Ask
from firmware_config import load, profile_text

FUNCTIONS = {Table.COIL: 1, Table.DISCRETE: 2, Table.HOLDING: 3, Table.INPUT: 4}


@cache
def profile_of(name: str) -> Profile:
    """Read a profile that comes with Kayasol."""
    return parse(load(profile_text(name), "device", name))


def asking(device: SimulatedDevice, at: datetime) -> Ask:
    """Make a way to ask the device as it is at `at`."""

    def ask(block: Block) -> Words:
        pdu = bytes((FUNCTIONS[block.table],)) + block.address.to_bytes(2, "big") + block.count.to_bytes(2, "big")
        reply = device.respond(pdu, at)
        if reply[0] & EXCEPTION:
            raise Refused(f"exception {reply[1]}")
        data = reply[2:]
        if block.table in (Table.COIL, Table.DISCRETE):
            return tuple(data[i // 8] >> i % 8 & 1 for i in range(block.count))
        return tuple(data[i] << 8 | data[i + 1] for i in range(0, 2 * block.count, 2))

    return ask
