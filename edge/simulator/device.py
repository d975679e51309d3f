"""One device in a simulated village: what it answers to a request at a given moment, by its family's profile. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from edge.errors import Refused
from edge.profiles import Profile
from edge.readplan import Block, Words
from edge.registers import Quantity
from edge.simulator.image import ProfileImage
from edge.simulator.slave import Image, RegisterBank, answer
from edge.simulator.told import Teller
from edge.simulator.village import Village


class SimulatedDevice:
    """Measures once a second, as devices do: within a second all of its registers belong to one moment."""

    def __init__(
        self, village: Village, profile: Profile, unit: int | None = None, only: Sequence[Quantity] | None = None
    ) -> None:
        self._teller = Teller(village, profile)
        self._maker = ProfileImage(profile, unit, only)
        self._clock_is_utc = profile.clock is not None and profile.clock.form == "epoch"
        self._step = profile.step
        self._measured_at: datetime | None = None
        self._image: Image = {}

    def image(self, at: datetime) -> Image:
        """Give all that its registers hold at `at` (UTC)."""
        at = at.replace(microsecond=0)
        if at != self._measured_at:
            clock = at if self._clock_is_utc else self._teller.local(at)
            self._image, self._measured_at = self._maker.words(self._teller.readings(at), clock), at
        return self._image

    def words(self, block: Block, at: datetime) -> Words:
        """Read one block without a line between; raises `Refused` for what is not there."""
        image = self.image(at)
        try:
            return tuple(image[block.table, address] for address in range(block.address, block.end, block.step))
        except KeyError as missing:
            raise Refused(f"nothing stands at {block.table} {block.address} to {block.end - 1}") from missing

    def respond(self, pdu: bytes, at: datetime) -> bytes:
        """Answer one request PDU."""
        image = self.image(at)
        if self._step > 1:
            image = _counted(image, int.from_bytes(pdu[1:3], "big"), self._step)
        return answer(pdu, RegisterBank(lambda: image))


def _counted(image: Image, first: int, step: int) -> Image:
    """Give the words from `first` on addresses one apart, for a device whose addresses count bytes."""
    behind = ((table, address - first, word) for (table, address), word in image.items() if address >= first)
    return {(table, first + away // step): word for table, away, word in behind if away % step == 0}
