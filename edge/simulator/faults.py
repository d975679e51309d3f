"""What goes wrong, and when: declarative records that the village obeys. Nothing here acts by itself."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class _Spell:
    """From `start` (included) to `end` (excluded), both UTC."""

    start: datetime
    end: datetime

    def __post_init__(self) -> None:
        if self.end <= self.start:
            raise ValueError(f"{self}: ends before it begins")
        for share in ("light_lost", "capacity_fraction"):
            if not 0.0 < getattr(self, share, 1.0) <= 1.0:
                raise ValueError(f"{self}: {share} must lie in 0..1, above 0")


@dataclass(frozen=True, slots=True, kw_only=True)
class ShadedPanel(_Spell):
    """Something shades the panel: `light_lost` (0-1) of the beam never arrives."""

    light_lost: float


@dataclass(frozen=True, slots=True, kw_only=True)
class DustyPanel(_Spell):
    """A layer beyond the usual dust: `light_lost` (0-1) of all light, which neither rain nor cleaning removes."""

    light_lost: float


@dataclass(frozen=True, slots=True, kw_only=True)
class DyingBattery(_Spell):
    """Only `capacity_fraction` (0-1) of the battery's aged capacity can be used."""

    capacity_fraction: float


@dataclass(frozen=True, slots=True, kw_only=True)
class StuckSlot(_Spell):
    """Slot number `slot` says occupied and takes no phone."""

    slot: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ModbusSilent(_Spell):
    """The charge controller's cable is pulled: no answer, while the sun, the load and the kiosk go on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PiPowerCut(_Spell):
    """The Pi has no power although the battery is fine."""


Fault = ShadedPanel | DustyPanel | DyingBattery | StuckSlot | ModbusSilent | PiPowerCut


@dataclass(frozen=True, slots=True)
class Conditions:
    """What the faults do to the plant between two grid minutes; 1.0 leaves it as it is."""

    beam_kept: float = 1.0
    light_kept: float = 1.0
    capacity_kept: float = 1.0


class FaultPlan:
    """The faults of one village by time, in seconds since its `start`."""

    def __init__(self, faults: Iterable[Fault], start: datetime) -> None:
        self._spells = [
            ((fault.start - start).total_seconds(), (fault.end - start).total_seconds(), fault) for fault in faults
        ]
        self._edges_s = sorted({edge for begin, end, _ in self._spells for edge in (begin, end)})

    def conditions(self, at_s: float) -> tuple[Conditions, float]:
        """Give the plant's conditions at `at_s` and the next instant (s) at which they may differ."""
        beam = light = capacity = 1.0
        for fault in self._active(at_s):
            match fault:
                case ShadedPanel(light_lost=lost):
                    beam *= 1.0 - lost
                case DustyPanel(light_lost=lost):
                    light *= 1.0 - lost
                case DyingBattery(capacity_fraction=fraction):
                    capacity *= fraction
                case _:
                    pass
        later = next((edge for edge in self._edges_s if edge > at_s), float("inf"))
        return Conditions(beam, light, capacity), later

    def modbus_silent(self, at_s: float) -> bool:
        """Say whether the controller's cable is pulled at `at_s`."""
        return any(isinstance(fault, ModbusSilent) for fault in self._active(at_s))

    def pi_cut(self, at_s: float) -> bool:
        """Say whether the Pi's own supply is cut at `at_s`."""
        return any(isinstance(fault, PiPowerCut) for fault in self._active(at_s))

    def pi_cut_edges_s(self) -> list[float]:
        """List the instants (s) at which a cut of the Pi's supply begins or ends, in order."""
        cuts = [spell for spell in self._spells if isinstance(spell[2], PiPowerCut)]
        return sorted({edge for begin, end, _ in cuts for edge in (begin, end)})

    def stuck_slots(self) -> list[tuple[int, float, float]]:
        """List (slot, begin s, end s) of the slots that get stuck, in order of beginning."""
        stuck = [(fault.slot, begin, end) for begin, end, fault in self._spells if isinstance(fault, StuckSlot)]
        return sorted(stuck, key=lambda spell: spell[1])

    def _active(self, at_s: float) -> Iterator[Fault]:
        """Yield the faults in force at `at_s`."""
        return (fault for begin, end, fault in self._spells if begin <= at_s < end)
