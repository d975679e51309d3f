"""The budget: days that turn by trusted clocks, bytes that are carried over, lanes that stop in their order."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.budget import CARRY_DAYS, DAY_S, RESERVES, SHED_LEAST, Budget, restored
from edge.traffic import Kind
from protocol.events import Lane, Traffic

DAILY = 25_000
DAY = 20_780


def at(day: int, hour: float = 12.0) -> float:
    """Give the UTC seconds of an hour of a day."""
    return day * DAY_S + hour * 3600


def fresh() -> Budget:
    """Give the account of a new site."""
    return restored(None, DAILY)


def test_a_new_site_may_spend_one_day() -> None:
    """It has what the profile gives a day, and all lanes are open."""
    budget = fresh()
    assert (budget.left, budget.limit()) == (DAILY, Lane.TELEMETRY)


def test_lanes_stop_in_their_order_and_money_never() -> None:
    """Detail stops first, then summaries, notes and alarms."""
    stops = {lane: share * DAILY for lane, share in RESERVES.items()}
    assert [lane for lane, _ in sorted(stops.items(), key=lambda item: -item[1])] == [
        Lane.TELEMETRY, Lane.SUMMARY, Lane.NOTE, Lane.ALARM,
    ]  # fmt: skip
    for lane, left in stops.items():
        assert Budget(DAILY, left=int(left) + 1).limit() is lane
    assert Budget(DAILY, left=0).limit() is Lane.MONEY
    assert Budget(DAILY, left=-DAILY).limit() is Lane.MONEY


def test_a_day_turns_with_the_date_and_its_account_is_closed() -> None:
    """The account of the day that ended names it, the bytes by kind and what is left; the next begins at zero."""
    budget = fresh()
    assert budget.turn(100, at(DAY)) is None
    budget.spend(Kind.MONEY, 1000)
    budget.spend(Kind.CONTROL, 4000)
    budget.shed_rows = 7
    ended = budget.turn(100 + DAY_S / 2, at(DAY + 1, 0))
    assert ended == Traffic(DAY, DAILY, 20_000, 1000, 0, 0, 0, 0, 0, 0, 4000, 7)
    assert (budget.left, budget.counts.total(), budget.shed_rows) == (20_000 + DAILY, 0, 0)


def test_unspent_days_are_carried_over_for_a_month() -> None:
    """A site that was off for thirty days may send thirty days; after a year it has a month's bytes."""
    budget = fresh()
    budget.turn(0, at(DAY))
    budget.turn(10, at(DAY + 30))
    assert budget.left == 31 * DAILY
    budget.turn(20, at(DAY + 400))
    assert budget.left == CARRY_DAYS * DAILY


def test_without_a_trusted_clock_a_day_is_a_day_of_uptime() -> None:
    """The date does not matter; the account of such a day names none."""
    budget = fresh()
    accounts = [budget.turn(hour * 3600.0, None) for hour in range(73)]
    assert [account.day for account in accounts if account is not None] == [0, 0, 0]
    assert budget.left == 4 * DAILY


def test_uptime_before_the_agent_ran_is_no_day() -> None:
    """An agent that is restarted after a week of uptime has not been given a week."""
    budget = fresh()
    budget.turn(7.0 * DAY_S, None)
    assert budget.left == DAILY


def test_uptime_of_several_boots_makes_a_day() -> None:
    """A Pi with power for eight hours a day and no clock still gets bytes."""
    text = None
    for _ in range(3):
        budget = restored(text, DAILY)
        budget.turn(25, None)
        budget.turn(25 + 8 * 3600, None)
        text = budget.to_text()
    assert restored(text, DAILY).left == 2 * DAILY


def test_days_that_uptime_gave_are_not_given_again() -> None:
    """When the date becomes known after three days without, only what is missing is given."""
    budget = fresh()
    budget.turn(0, at(DAY, 12))
    budget = restored(budget.to_text(), DAILY)
    for hour in range(73):
        budget.turn(hour * 3600.0, None)
    assert budget.left == 4 * DAILY
    budget.turn(73 * 3600.0, at(DAY + 3, 13))
    assert budget.left == 4 * DAILY
    budget.turn(97 * 3600.0, at(DAY + 4, 13))
    assert budget.left == 5 * DAILY


def test_a_date_that_jumps_ahead_and_comes_back_has_given_nothing_in_the_end() -> None:
    """Even a trusted clock may err: what it gave too early is not given again when the day really comes."""
    budget = fresh()
    budget.turn(0, at(DAY))
    budget.turn(1, at(DAY + 10))
    budget.turn(2, at(DAY))
    for day in range(1, 11):
        budget.turn(2.0 + day * DAY_S, at(DAY + day))
    assert budget.left == 11 * DAILY
    budget.turn(2.0 + 11 * DAY_S, at(DAY + 11))
    assert budget.left == 12 * DAILY


@given(st.lists(st.tuples(st.integers(0, 3 * DAY_S), st.none() | st.integers(0, 60)), max_size=60))
def test_no_clock_gives_more_than_a_month(moves: list[tuple[int, int | None]]) -> None:
    """However clocks jump, what may be spent stays within a month's bytes, and days ahead stay counted."""
    budget, uptime_s = fresh(), 0.0
    for seconds, day in moves:
        uptime_s += seconds
        budget.turn(uptime_s, None if day is None else at(DAY + day))
        assert DAILY <= budget.left <= CARRY_DAYS * DAILY
        assert 0 <= budget.ahead_days <= CARRY_DAYS


def test_debt_is_forgiven_beyond_a_day() -> None:
    """A link that broke all day long does not silence the site for a week."""
    budget = fresh()
    budget.spend(Kind.CONTROL, 10 * DAILY)
    budget.turn(0, at(DAY))
    budget.turn(1, at(DAY + 2))
    assert budget.left == DAILY


def test_detail_that_the_coming_day_cannot_carry_is_too_much() -> None:
    """While detail is held back, what waits beyond a day's share is named; a little more is not worth a gap."""
    budget = fresh()
    budget.row_bytes = 10.0
    carried = int(0.8 * DAILY / 10)
    assert budget.excess(10 * carried) == 0
    budget.spend(Kind.DETAIL, DAILY)
    assert budget.excess(carried) == 0
    assert budget.excess(carried + SHED_LEAST - 1) == 0
    assert budget.excess(carried + SHED_LEAST) == SHED_LEAST
    assert budget.excess(5 * carried) == 4 * carried


def test_the_cost_of_a_row_is_measured() -> None:
    """A full batch replaces what was believed, a small one corrects it."""
    budget = fresh()
    budget.measured(480, 480 * 6)
    assert budget.row_bytes == 6
    budget.measured(48, 48 * 16)
    assert budget.row_bytes == pytest.approx(7)


def test_live_views_have_their_own_share() -> None:
    """Half a day's bytes, and never what is kept for rows."""
    budget = fresh()
    assert budget.live_left() == DAILY // 2
    budget.spend(Kind.LIVE, DAILY // 2)
    assert budget.live_left() == 0
    assert Budget(DAILY, left=int(0.3 * DAILY)).live_left() == int(0.3 * DAILY) - int(0.2 * DAILY)
    assert Budget(DAILY, left=0).live_left() == 0


def test_without_a_budget_nothing_is_held_back() -> None:
    """A site on a line that nobody pays for sends everything, and its account says 0."""
    budget = restored(None, 0)
    budget.turn(0, at(DAY))
    budget.spend(Kind.DETAIL, 10**9)
    assert (budget.limit(), budget.excess(10**9)) == (Lane.TELEMETRY, 0)
    assert budget.live_left() > 0
    ended = budget.turn(1, at(DAY + 1))
    assert ended is not None
    assert (ended.budget_bytes, ended.left_bytes, ended.detail_bytes) == (0, 0, 10**9)


def test_the_account_survives_a_power_cut() -> None:
    """Everything but the clock of the boot comes back."""
    budget = fresh()
    budget.turn(0, at(DAY))
    budget.turn(100, at(DAY))
    budget.spend(Kind.ALARM, 500)
    budget.shedding, budget.shed_rows = True, 3
    again = restored(budget.to_text(), DAILY)
    assert again.to_text() == budget.to_text()
    assert (again.left, again.shedding, again.counts) == (budget.left, True, budget.counts)


def test_a_smaller_budget_holds_at_once() -> None:
    """What was saved under a larger one is cut to a month of the new one."""
    budget = Budget(DAILY, left=31 * DAILY)
    assert restored(budget.to_text(), 1000).left == 31_000


@pytest.mark.parametrize(
    "text",
    [
        "", "{", "[]", "3", "null", "{}",
        json.dumps({**json.loads(Budget(DAILY).to_text()), "counts": [1]}),
        json.dumps({**json.loads(Budget(DAILY).to_text()), "counts": [-1] * 8}),
        json.dumps({**json.loads(Budget(DAILY).to_text()), "left": "x"}),
        json.dumps({**json.loads(Budget(DAILY).to_text()), "left": None}),
    ],
)  # fmt: skip
def test_a_damaged_account_is_a_first_day(text: str) -> None:
    """A flipped bit on the card neither stops the agent nor gives a month."""
    assert restored(text, DAILY) == fresh()
