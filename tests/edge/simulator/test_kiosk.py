"""Customers of the kiosk, to the second."""

from __future__ import annotations

from datetime import date, timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from edge.simulator.habits import is_market_day
from edge.simulator.kiosk import CLOSES_H, OPENS_H, Kiosk, customers_on

DAY = date(2026, 10, 13)
DAY_S = 86_400


def _lived(kiosk: Kiosk, powered: list[bool], seed: int = 1) -> int:
    """Live days whose hours have power as the list says, over and over; return phone-seconds."""
    drawn_s = 0
    for day in range(3):
        kiosk.expect(customers_on(seed, DAY + timedelta(days=day), slots=kiosk.slots), day * DAY_S)
        for hour in range(24):
            drawn_s += kiosk.advance(day * DAY_S + (hour + 1) * 3600, powered=powered[hour % len(powered)])
    return drawn_s


@given(st.lists(st.booleans(), min_size=1, max_size=24), st.integers(1, 8), st.integers(0, 50))
def test_two_phones_never_share_a_slot(powered: list[bool], slots: int, seed: int) -> None:
    """Sales on a slot follow each other with a gap, whatever the power does, and energy matches their charging."""
    kiosk = Kiosk(slots, tariff_xof=100)
    drawn_s = _lived(kiosk, powered, seed)
    for slot in range(1, slots + 1):
        sales = sorted(sale for sale in kiosk.sales if sale.slot == slot)
        assert all(before.end_s + 20 <= after.start_s for before, after in pairwise(sales))
    assert drawn_s == sum(sale.charged_s for sale in kiosk.sales)
    assert all(0 <= sale.charged_s <= sale.end_s - sale.start_s for sale in kiosk.sales)


def test_everybody_came_and_was_served_or_lost() -> None:
    """Served plus lost is all who came; nobody is forgotten overnight."""
    kiosk = Kiosk(4, tariff_xof=100)
    _lived(kiosk, [True])
    came = sum(len(customers_on(1, DAY + timedelta(days=day), slots=4)) for day in range(3))
    assert len(kiosk.sales) + len(kiosk.lost_full_s) + len(kiosk.lost_unpowered_s) == came
    assert not any(timeline.on(3 * DAY_S) for timeline in kiosk.occupied.values())


def test_the_kiosk_is_closed_at_night() -> None:
    """Phones are plugged in opening hours and all gone twenty minutes after closing."""
    kiosk = Kiosk(8, tariff_xof=100)
    _lived(kiosk, [True])
    assert all(OPENS_H * 3600 <= sale.start_s % DAY_S < CLOSES_H * 3600 for sale in kiosk.sales)
    assert all(sale.end_s % DAY_S < CLOSES_H * 3600 + 1200 for sale in kiosk.sales)


def test_a_phone_charges_between_three_quarters_and_two_and_a_half_hours() -> None:
    """With power all day nobody stays longer than a full charge, and a usual one takes over an hour."""
    kiosk = Kiosk(8, tariff_xof=100)
    _lived(kiosk, [True])
    minutes = sorted((sale.end_s - sale.start_s) / 60 for sale in kiosk.sales)
    assert minutes[-1] <= 150
    assert 60 < minutes[len(minutes) // 2] < 100


def test_a_market_day_is_busier() -> None:
    """Over a year, market days bring clearly more customers than others."""
    counts: dict[bool, list[int]] = {True: [], False: []}
    for offset in range(365):
        day = DAY + timedelta(days=offset)
        counts[is_market_day(day)].append(len(customers_on(4, day, slots=8)))
    market, other = (sum(counts[kind]) / len(counts[kind]) for kind in (True, False))
    assert market > 1.3 * other
    assert abs(len(counts[True]) - 365 / 3) < 1


def test_the_price_is_paid_by_all_but_teachers_and_the_uncharged() -> None:
    """Charged customers leave exactly the tariff; the exempted and those who got no power leave nothing."""
    kiosk = Kiosk(8, tariff_xof=75)
    _lived(kiosk, [True, True, False])
    for sale in kiosk.sales:
        assert sale.paid_xof == (0 if sale.exempted or sale.charged_s < 900 else 75)
    assert any(sale.exempted for sale in kiosk.sales)


def test_without_power_customers_go_away_unserved() -> None:
    """A kiosk without supply serves nobody and counts whom it lost."""
    kiosk = Kiosk(8, tariff_xof=100)
    assert _lived(kiosk, [False]) == 0
    assert kiosk.sales == []
    assert kiosk.lost_unpowered_s


def test_a_full_kiosk_loses_customers() -> None:
    """One slot for the customers of eight: most are lost because it is taken."""
    kiosk = Kiosk(1, tariff_xof=100)
    kiosk.expect(customers_on(1, DAY, slots=8), 0)
    kiosk.advance(DAY_S, powered=True)
    assert len(kiosk.lost_full_s) > len(kiosk.sales) > 3
