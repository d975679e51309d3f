"""What physically happened in a simulated village, to hold against what a hub says. Plain frozen records."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta


@dataclass(frozen=True, slots=True)
class Span:
    """From `start` (included) to `end` (excluded), both UTC."""

    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True)
class Charge:
    """One phone on one slot from plug to unplug, how long it really drew power, and the coins left for it."""

    slot: int
    start: datetime
    end: datetime
    charged_s: int
    paid_xof: int
    exempted: bool


@dataclass(frozen=True, slots=True)
class Truth:
    """Everything up to `until` (UTC); energies are integrals since the village's start.

    `charges` ended by then, `plugged_in` are the slots with a phone still on. `generated_kwh` is what the charger
    delivered (battery side), `consumed_kwh` what left through the load output. `lit_minutes` counts by local date.
    """

    until: datetime
    charges: tuple[Charge, ...]
    plugged_in: tuple[int, ...]
    customers_lost_full: int
    customers_lost_unpowered: int
    coins_xof: int
    lit_minutes: Mapping[date, float]
    generated_kwh: float
    consumed_kwh: float
    pi_without_power: tuple[Span, ...]
    load_disconnected: tuple[Span, ...]


def minutes_by_date(spans: Iterable[Span], utc_offset: timedelta) -> dict[date, float]:
    """Add up the minutes of spans by local date, a span past midnight counting for both its days."""
    minutes: dict[date, float] = {}
    for span in spans:
        begin, end = span.start + utc_offset, span.end + utc_offset
        while begin < end:
            tomorrow = datetime(begin.year, begin.month, begin.day, tzinfo=begin.tzinfo) + timedelta(days=1)
            piece_end = min(end, tomorrow)
            lasted_min = (piece_end - begin).total_seconds() / 60.0
            minutes[begin.date()] = minutes.get(begin.date(), 0.0) + lasted_min
            begin = piece_end
    return minutes
