"""What goes wrong in a simulated life and when, drawn from its seed."""

from __future__ import annotations

import random
from dataclasses import dataclass
from enum import StrEnum

from tests.simulation.kiosk import DAY_S

LEAST, MOST = 12, 26
"""Faults in a week."""


class Kind(StrEnum):
    """Every kind of fault."""

    POWER_CUT = "power cut between two steps"
    POWER_CUT_WRITING = "power cut in the middle of a write"
    AGENT_KILLED = "agent killed"
    LINK_DOWN = "link down"
    LINK_FLAPS = "link flaps"
    HALF_OPEN = "half-open connection"
    BROKER_FORGETS = "broker loses all it holds"
    LOSSY = "messages lost"
    DOUBLED = "messages doubled and reordered"
    DELAYED = "messages late by hours or days"
    HUB_DOWN = "hub down"
    HUB_KILLED = "hub killed in a transaction"
    HUB_KILLED_ACKING = "hub killed between commit and ack"
    HUB_SET_BACK = "hub restored from a backup"
    CLOCK_1970 = "clock starts in 1970"
    CLOCK_BACK = "clock jumps back"
    CLOCK_FORWARD = "clock jumps forward"
    CARD_REPLACED = "card replaced"
    CARD_IMAGE = "old image of the card put back"
    CARD_LIED = "card that lied about a flush"
    DISK_FULL = "disk full"
    OUTBOX_CORRUPTED = "outbox corrupted"
    CONFIG_CHANGED = "configuration changed"
    MODBUS_SILENT = "controller silent"
    COURIER = "stick with the outbox, imported twice"


_ODDS = {
    Kind.POWER_CUT: 5.0, Kind.POWER_CUT_WRITING: 7.0, Kind.AGENT_KILLED: 3.0, Kind.LINK_DOWN: 4.0, Kind.LINK_FLAPS: 2.0,
    Kind.HALF_OPEN: 1.5, Kind.BROKER_FORGETS: 3.0, Kind.LOSSY: 2.0, Kind.DOUBLED: 2.0, Kind.DELAYED: 2.0,
    Kind.HUB_DOWN: 2.0, Kind.HUB_KILLED: 4.0, Kind.HUB_KILLED_ACKING: 2.0, Kind.HUB_SET_BACK: 1.5,
    Kind.CLOCK_1970: 2.0, Kind.CLOCK_BACK: 2.0, Kind.CLOCK_FORWARD: 2.0, Kind.CARD_REPLACED: 0.7, Kind.CARD_IMAGE: 0.7,
    Kind.DISK_FULL: 1.5, Kind.OUTBOX_CORRUPTED: 1.0, Kind.CONFIG_CHANGED: 1.0, Kind.MODBUS_SILENT: 1.5,
    Kind.COURIER: 1.0,
}  # fmt: skip


@dataclass(frozen=True, slots=True, order=True)
class Fault:
    """One fault: when it comes, how long it lasts, and what it is."""

    at_s: float
    lasts_s: float
    kind: Kind


def plan(chance: random.Random, days: float) -> list[Fault]:
    """Draw the faults of a life, by time."""
    number = chance.randint(round(LEAST * days / 7), round(MOST * days / 7))
    kinds = chance.choices(list(_ODDS), list(_ODDS.values()), k=number)
    return sorted(Fault(chance.uniform(600, days * DAY_S), _lasts_s(chance, kind), kind) for kind in kinds)


def _lasts_s(chance: random.Random, kind: Kind) -> float:
    """Draw minutes mostly, hours often, days seldom; what would lose everything in time is kept short."""
    if kind in (Kind.HUB_KILLED, Kind.HUB_KILLED_ACKING, Kind.AGENT_KILLED):
        return chance.uniform(5, 600)
    longest_d = 0.5 if kind is Kind.DISK_FULL else 2.5
    return chance.choices(
        (chance.uniform(30, 3600), chance.uniform(3600, 12 * 3600), chance.uniform(0.3, longest_d) * DAY_S), (6, 3, 1)
    )[0]
