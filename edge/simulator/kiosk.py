"""The phone-charging kiosk: customers come, wait, pay and leave, to the exact second.

It knows nothing of batteries: it is told whether its supply is on. Times are whole seconds since the village's
first instant. Customers of a day depend on the seed and the date alone, not on who found a free slot before them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from math import exp, log
from random import Random
from typing import NamedTuple

from edge.simulator.habits import is_market_day, is_school_day
from edge.simulator.timeline import Timeline

OPENS_H = 7
CLOSES_H = 18
_ARRIVALS_BY_HOUR = (1.7, 2.8, 3.2, 3.0, 2.5, 2.1, 1.9, 2.4, 2.8, 2.4, 1.1)  # 7 h to 17 h, an ordinary day
_MARKET_DAY = 1.5
_SUNDAY = 0.8
_NO_SCHOOL = 0.9
_SUNDAY_INDEX = 6
_TEACHER_ODDS = 0.07
_FULL_MEDIAN_S = 82 * 60
_FULL_SPREAD = 0.32
_FULL_LEAST_S, _FULL_MOST_S = 45 * 60, 150 * 60
_SWAP_S = 20  # nobody plugs a phone in the instant another is unplugged
_WORTH_PAYING_S = 15 * 60
_NEVER_S = 10**12


@dataclass(frozen=True, slots=True)
class Customer:
    """One person on the way to the kiosk; `full_after_s` of power fills the phone, `back_after_s` is patience.

    `arrives_s` counts from the day's midnight.
    """

    arrives_s: int
    full_after_s: int
    back_after_s: int
    exempted: bool
    lingers_s: int  # at the latest, fetched this long after closing
    whim: float  # 0-1, which of the free slots


class Sale(NamedTuple):
    """One phone physically on one slot, in seconds since the first instant, and what was paid for it."""

    slot: int
    start_s: int
    end_s: int
    charged_s: int
    paid_xof: int
    exempted: bool


class _Phone:
    """A phone on a slot; `left_s` of power are still wanted as of `since_s`."""

    __slots__ = ("back_s", "exempted", "left_s", "plugged_s", "since_s", "wanted_s")

    def __init__(self, customer: Customer, at_s: int, back_s: int) -> None:
        self.plugged_s = self.since_s = at_s
        self.wanted_s = self.left_s = customer.full_after_s
        self.back_s = back_s
        self.exempted = customer.exempted

    def ends_s(self, *, powered: bool) -> int:
        """When it leaves if the supply stays as it is."""
        return min(self.back_s, self.since_s + self.left_s) if powered else self.back_s


def customers_on(seed: int, day: date, *, slots: int, crowd: float = 1.0) -> list[Customer]:
    """Draw the customers of a local day, by arrival in seconds since midnight.

    Poisson arrivals by hour, scaled to the kiosk's size, weekday, school and market; charging times log-normal.
    """
    draw = Random(f"{seed}/kiosk/{day.isoformat()}")  # noqa: S311 - a reproducible village, no secret
    scale = crowd * slots / 8.0
    if is_market_day(day):
        scale *= _MARKET_DAY
    if day.weekday() == _SUNDAY_INDEX:
        scale *= _SUNDAY
    school = is_school_day(day)
    if not school:
        scale *= _NO_SCHOOL
    customers: list[Customer] = []
    for hour, rate in enumerate(_ARRIVALS_BY_HOUR, start=OPENS_H):
        for _ in range(_poisson(draw, rate * scale)):
            full = int(exp(draw.gauss(log(_FULL_MEDIAN_S), _FULL_SPREAD)))
            customers.append(
                Customer(
                    arrives_s=hour * 3600 + draw.randrange(3600),
                    full_after_s=min(_FULL_MOST_S, max(_FULL_LEAST_S, full)),
                    back_after_s=draw.randrange(50 * 60, 240 * 60),
                    exempted=draw.random() < _TEACHER_ODDS and school,
                    lingers_s=draw.randrange(60, 1200),
                    whim=draw.random(),
                )
            )
    return sorted(customers, key=lambda customer: customer.arrives_s)


def _poisson(draw: Random, mean: float) -> int:
    """Draw a Poisson number (Knuth's product of uniforms; means here are small)."""
    floor, product, count = exp(-mean), draw.random(), 0
    while product > floor:
        product *= draw.random()
        count += 1
    return count


class Kiosk:
    """Slots 1..n and what happens on them; `advance` must be called in the order of time."""

    def __init__(self, slots: int, *, tariff_xof: int, stuck: Sequence[tuple[int, float, float]] = ()) -> None:
        self.slots = slots
        self.sales: list[Sale] = []
        self.lost_full_s: list[int] = []
        self.lost_unpowered_s: list[int] = []
        self.occupied = {slot: Timeline(on=False) for slot in range(1, slots + 1)}
        self._tariff_xof = tariff_xof
        self._phones: dict[int, _Phone] = {}
        self._free_since_s = dict.fromkeys(self.occupied, -_SWAP_S)
        self._stuck_now: set[int] = set()
        edges = [(int(begin), slot, True) for slot, begin, _ in stuck]
        edges += [(int(end), slot, False) for slot, _, end in stuck]
        self._stuck_edges = sorted(edges)
        self._coming: list[tuple[int, Customer]] = []
        self._now_s = 0
        self._powered = True
        self._due_s = 0

    def expect(self, customers: Sequence[Customer], midnight_s: int) -> None:
        """Let a day's customers come, counted from that day's midnight (s); those before now never were."""
        arriving = [(midnight_s + customer.arrives_s, customer) for customer in customers]
        self._coming.extend(pair for pair in arriving if pair[0] >= self._now_s)
        self._due_s = self._next_due_s()

    def advance(self, to_s: int, *, powered: bool) -> int:
        """Live through [now, to_s) with the supply on or off; return the seconds phones drew power, added up."""
        if powered != self._powered:
            self._settle(self._now_s)
            self._powered = powered
            self._due_s = self._next_due_s()
        drawn_s = 0
        while self._due_s < to_s:
            drawn_s += self._drawing() * (self._due_s - self._now_s)
            self._now_s = self._due_s
            self._happen(self._now_s)
            self._due_s = self._next_due_s()
        drawn_s += self._drawing() * (to_s - self._now_s)
        self._now_s = to_s
        return drawn_s

    def phones_at(self, at_s: float) -> list[int]:
        """List the slots that truly hold a phone at `at_s` (s), in time already lived."""
        ended = {sale.slot for sale in self.sales if sale.start_s <= at_s < sale.end_s}
        return sorted(ended | {slot for slot, phone in self._phones.items() if phone.plugged_s <= at_s})

    def _drawing(self) -> int:
        """How many phones draw power now."""
        return len(self._phones) if self._powered else 0

    def _next_due_s(self) -> int:
        """When something happens next if the supply stays as it is."""
        due = self._coming[0][0] if self._coming else _NEVER_S
        if self._stuck_edges:
            due = min(due, self._stuck_edges[0][0])
        for phone in self._phones.values():
            due = min(due, phone.ends_s(powered=self._powered))
        return max(due, self._now_s)

    def _happen(self, at_s: int) -> None:
        """Do everything that falls on this second: phones leave, slots get stuck or free, a customer arrives."""
        leaving = [slot for slot, phone in self._phones.items() if phone.ends_s(powered=self._powered) <= at_s]
        for slot in leaving:
            self._unplug(slot, at_s)
            self.occupied[slot].set(at_s, on=False)
        while self._stuck_edges and self._stuck_edges[0][0] <= at_s:
            _, slot, stuck = self._stuck_edges.pop(0)
            self._stick(slot, at_s, stuck=stuck)
        while self._coming and self._coming[0][0] <= at_s:
            self._arrive(*self._coming.pop(0))

    def _arrive(self, at_s: int, customer: Customer) -> None:
        """Plug a phone in, or lose the customer: no power, or no free slot."""
        if not self._powered:
            self.lost_unpowered_s.append(at_s)
            return
        taken = self._phones.keys() | self._stuck_now
        free = [slot for slot, since in self._free_since_s.items() if slot not in taken and since + _SWAP_S <= at_s]
        if not free:
            self.lost_full_s.append(at_s)
            return
        slot = free[int(customer.whim**2 * len(free))]  # the attendant likes the near ones
        closes_s = at_s - customer.arrives_s + CLOSES_H * 3600
        back_s = min(at_s + customer.back_after_s, closes_s + customer.lingers_s)
        self._phones[slot] = _Phone(customer, at_s, back_s)
        self.occupied[slot].set(at_s, on=True)

    def _unplug(self, slot: int, at_s: int) -> None:
        """Hand a phone back and take the coins."""
        phone = self._phones.pop(slot)
        drawn_s = at_s - phone.since_s if self._powered else 0
        charged_s = phone.wanted_s - phone.left_s + drawn_s
        owes = not phone.exempted and charged_s >= _WORTH_PAYING_S
        paid = self._tariff_xof if owes else 0
        self.sales.append(Sale(slot, phone.plugged_s, at_s, charged_s, paid, phone.exempted))
        self._free_since_s[slot] = at_s

    def _stick(self, slot: int, at_s: int, *, stuck: bool) -> None:
        """Let a slot get stuck as occupied, or come free again."""
        if slot in self._phones:
            self._unplug(slot, at_s)
        (self._stuck_now.add if stuck else self._stuck_now.discard)(slot)
        self.occupied[slot].set(at_s, on=stuck)
        self._free_since_s[slot] = at_s

    def _settle(self, at_s: int) -> None:
        """Write down how much each phone has drawn, before the supply changes."""
        for phone in self._phones.values():
            if self._powered:
                phone.left_s -= at_s - phone.since_s
            phone.since_s = at_s
