"""Writes docs/devices.md from the device profiles: `make docs`. A test holds the page against the profiles."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from edge import profiles
from edge.profiles import Profile
from edge.registers import Quantity
from firmware_config import load, profile_names, profile_text
from protocol.metrics import CATALOGUE

PAGE = Path(__file__).parent.parent / "docs" / "devices.md"
_HEAD = """\
# Devices

Which charge controllers, inverters, meters and battery monitors Kayasol reads, how each is wired, and how sure we are.
This page is made from the profiles in `firmware_config/devices` by `make docs`; to change it, change a profile.

Confidence is one of three, and a test holds it against the captures in `tests/devices`:

- **verified against real captures**: exchanges recorded from real devices decode to what they mean, for at least five
  values, among them a quarter of what is recorded at every poll, and for every order of words that these use;
- **two independent sources**: documents or programs that do not copy from each other agree;
- **one source**: a document or a program that nobody has confirmed to us.

No profile has been tried by us on a device of its family; see [what has not been tried](#not-tried).

To find out what is connected: `kayasol-edge scan`. To see everything that a device says: `kayasol-edge dump`. To read
what a bus sniffer caught: `kayasol-edge decode --profile NAME frames.jsonl`.
"""
_TAIL = """\
## Not tried

Every profile is tested against a simulated device on a real serial line or socket, and, where there are any, against
captures of real devices. We had no device of any of these families on our own table. If yours says something else than
its screen, send what `kayasol-edge dump` prints: dropped into `tests/devices/<profile>/`, it is a test from then on.

## Known devices that cannot be read

- **Victron SmartSolar, SmartShunt and BMV without a GX device**: they speak VE.Direct, which is not Modbus; through a
  GX device they are read by `victron-solarcharger` and `victron-battery`.
- **Voltronic Axpert, MKS, PIP (PI30, PI18)**: a text protocol over RS-232 or USB.
- **Pylontech US2000, US3000, US5000**: a text protocol on RS-485, and CAN.
- **Steca**: no Modbus register list is public.
- **Daly's older A5 and JK's older 4E57 protocols**: serial, but not Modbus; choose Modbus in the maker's application.
"""


def page() -> str:
    """Write the page."""
    known = [profiles.parse(load(profile_text(name), "device", name)) for name in profile_names()]
    parts = [_HEAD, "\n".join(_table(known)), *("\n".join(_chapter(profile)) for profile in known), _TAIL]
    return "\n".join(parts)


def _table(known: Iterable[Profile]) -> Iterator[str]:
    yield "| profile | device | kind | line | unit | recorded | confidence |"
    yield "|---|---|---|---|---|---|---|"
    for one in known:
        recorded = f"{len(one.quantities)} values"
        link = f"[{one.name}](#{one.name})"
        yield f"| {link} | {one.title} | {one.kind} | {_line(one)} | {one.bus.unit} | {recorded} | {one.confidence} |"
    yield ""


def _line(profile: Profile) -> str:
    bus = profile.bus
    serial = f"{bus.baud} {bus.parity[0].upper()} {bus.stop_bits}" if bus.baud else ""
    network = f"TCP {bus.tcp_port}" if bus.tcp_port else ""
    return ", ".join(filter(None, (serial, network)))


def _chapter(profile: Profile) -> Iterator[str]:
    yield f"## {profile.name}\n"
    yield f"{profile.title}. {profile.confidence[0].upper()}{profile.confidence[1:]}.\n"
    yield from _items("How it is wired", profile.wiring)
    yield from _items("What surprises", profile.quirks)
    yield from _items("What it cannot tell", profile.cannot_tell)
    yield from _metrics("Recorded at every poll", profile.quantities)
    yield from _metrics("Recorded once a day", profile.settings)
    yield from _metrics("Recorded where `site.yaml` names them", profile.extra)
    if profile.nameplate or profile.clock is not None:
        texts = [text.name for text in profile.nameplate] + (["clock"] if profile.clock is not None else [])
        yield f"Says of itself: {', '.join(dict.fromkeys(texts))}.\n"
    if profile.models:
        yield from _items("SunSpec models", [f"{'/'.join(map(str, m.ids))} {m.about}" for m in profile.models])
    yield f"Sources: {', '.join(profile.sources)} (see `firmware_config/SOURCES.md`).\n"


def _items(title: str, sentences: Iterable[str]) -> Iterator[str]:
    lines = [f"- {sentence}" for sentence in sentences]
    if lines:
        yield f"{title}:\n"
        yield from lines
        yield ""


def _metrics(title: str, quantities: Iterable[Quantity]) -> Iterator[str]:
    named = [_metric(quantity.metric) for quantity in quantities]
    if named:
        yield f"{title}: {', '.join(named)}.\n"


def _metric(name: str) -> str:
    unit = CATALOGUE[name].unit
    return f"`{name}` ({unit})" if unit else f"`{name}`"


if __name__ == "__main__":
    PAGE.write_text(page(), "utf-8")
    print(f"{PAGE.name}: {len(profile_names())} profiles")
