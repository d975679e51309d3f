"""Devices chosen by the names of their profiles instead of by a site's settings: all on one line, by unit number."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from edge import profiles
from edge.profiles import Profile
from edge.settings import Connection, Device, Kiosk, Pin
from firmware_config import ConfigError, load, profile_names, profile_text

UNIT_MAX = 255
_POLL_INTERVAL_S = 60


@dataclass(frozen=True, slots=True)
class Chosen:
    """What a site's settings say of its wires, without a site: devices, and nothing on pins."""

    devices: tuple[Device, ...]
    kiosk: Kiosk | None = None
    lights_pin: Pin | None = None


def chosen(wanted: Sequence[str], connection: Connection) -> Chosen:
    """Put NAME or NAME@UNIT on a line, in the order given; a unit number that is taken passes to the next free one.

    Raises `ConfigError` for a name that no profile has, and for a unit number that was asked for twice.
    """
    asked = [_asked(text) for text in wanted]
    taken: dict[int, str] = {}
    for profile, unit in asked:
        if unit in taken:
            raise ConfigError(f"unit {unit} cannot be {profile.name}: it is {taken[unit]} already")
        if unit is not None:
            taken[unit] = profile.name
    devices = []
    for profile, said in asked:
        unit = said if said is not None else _free(profile.bus.unit, taken)
        taken[unit] = profile.name
        devices.append(
            Device(profile.name, profile, connection, unit, _POLL_INTERVAL_S, profile.quantities, profile.settings)
        )
    return Chosen(tuple(devices))


def listed() -> str:
    """List the profiles there are, a line each: name and title."""
    found = [_profile(name) for name in profile_names()]
    wide = max(len(profile.name) for profile in found)
    return "".join(f"{profile.name:{wide}}  {profile.title}\n" for profile in found)


def _asked(text: str) -> tuple[Profile, int | None]:
    name, at, number = text.partition("@")
    profile = _profile(name)
    if not at:
        return profile, None
    if not number.isdecimal() or not 1 <= int(number) <= UNIT_MAX:
        raise ConfigError(f"{text}: the unit number behind the @ goes from 1 to {UNIT_MAX}")
    return profile, int(number)


@cache
def _profile(name: str) -> Profile:
    return profiles.parse(load(profile_text(name), "device", f"profile {name}"))


def _free(unit: int, taken: dict[int, str]) -> int:
    """Find the first unit number from the family's own on that nobody has."""
    among: list[int] = [*range(unit, UNIT_MAX + 1), *range(1, unit)]
    free = next((number for number in among if number not in taken), None)
    if free is None:
        raise ConfigError(f"one line has room for {UNIT_MAX} devices")
    return free
