"""From what a village measures to the register image of a real device family, by its profile.

A register whose metric the village does not know holds 0, and so do the gaps that a reader may bridge; every other
address is absent, so that a slave refuses it. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping

from edge.profiles import Profile
from edge.readplan import plan
from edge.registers import Register, encode
from edge.simulator.slave import Image

_ALL_WORDS = 1 << 16
_BULK, _BOOST = 4, 2


class ProfileImage:
    """Makes register images of one profile; `words` may be asked as often as a poller polls."""

    def __init__(self, profile: Profile) -> None:
        blocks = plan(profile.registers, count_max=_ALL_WORDS, gap_max=profile.gap_max)
        self._registers = profile.registers
        self._blank: Image = {
            (block.table, address): 0
            for block in blocks
            for address in range(block.address, block.address + block.count)
        }

    def words(self, readings: Mapping[str, float]) -> Image:
        """Lay readings (by metric name, in its unit) into the profile's registers."""
        image = dict(self._blank)
        for register in self._registers:
            value = readings.get(register.metric)
            if value is None:
                continue
            keys = [(register.table, register.address + i) for i in range(register.count)]
            held = encode(register, _told(register, value), [image[key] for key in keys])
            image.update(zip(keys, held, strict=True))
        return image


def _told(register: Register, value: float) -> float:
    """Say boost where a device has no word of its own for bulk, as such devices do."""
    if register.metric == "charge_stage" and value == _BULK and _BULK not in register.map.values():
        return _BOOST
    return value
