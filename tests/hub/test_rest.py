"""What a site makes the hub compute later is bounded too, and the others' summaries do not wait for it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sqlalchemy import select

from hub.errors import RetryLater
from hub.io import accounts, rest, series
from hub.io import tables as t
from protocol import batch
from protocol.events import AlarmCleared, Tally
from protocol.topics import Address, Channel
from tests.hub.builders import NOON_MS, SITE, TestHub, anchor, event, of, samples

OTHER = Address(5, "ecole-b")
DAY_MS = 86_400_000


def two_sites_with_two_days(hub: TestHub) -> None:
    """Give each of two sites samples of two days that are over."""
    hub.ledger.add_site(replace(SITE, site=OTHER.site, shard=OTHER.shard))
    for address in (Address(SITE.shard, SITE.site), OTHER):
        for day in (1, 2):
            rows = of(
                anchor(10 * day, 0, NOON_MS - (day + 1) * DAY_MS, boot=day), samples(10 * day + 1, [60], [5], boot=day)
            )
            hub.send(Channel.UP, batch.encode(rows), address)


def summarised(hub: TestHub) -> list[str]:
    """Name the site of every day that has its summary."""
    with hub.ledger.reading() as connection:
        query = select(t.rollups.c.site).where(t.rollups.c.payload.is_not(None)).order_by(t.rollups.c.site)
        return list(connection.execute(query).scalars())


def test_a_site_whose_summaries_take_long_rests_between_them(hub: TestHub, monkeypatch: pytest.MonkeyPatch) -> None:
    """The next one is another site's, and then the ingest has its thread back."""
    two_sites_with_two_days(hub)
    monkeypatch.setattr(rest, "LONG_S", -1.0)
    assert [hub.store.roll_up(NOON_MS) for _ in range(3)] == [True, True, False]
    assert summarised(hub) == ["ecole-a", "ecole-b"]


def test_summaries_that_take_no_time_follow_each_other(hub: TestHub) -> None:
    """A site of ours never rests."""
    two_sites_with_two_days(hub)
    assert [hub.store.roll_up(NOON_MS) for _ in range(5)] == [True] * 4 + [False]


def test_a_day_that_takes_too_long_is_given_up_and_said_to_be_too_much(
    hub: TestHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither the ingest nor a page of the site reads for ever."""
    two_sites_with_two_days(hub)
    monkeypatch.setattr(series, "PATIENCE_S", -1.0)
    assert hub.store.roll_up(NOON_MS)
    with pytest.raises(RetryLater, match="too much of that time"):
        hub.store.samples("ecole-a", ["controller.panel_power_w"], 0, NOON_MS)


def test_a_comparison_that_takes_too_long_waits(hub: TestHub, monkeypatch: pytest.MonkeyPatch) -> None:
    """A tally over everything a flood has left does not hold the ingest up."""
    monkeypatch.setattr(accounts, "PATIENCE_S", -1.0)
    monkeypatch.setattr(rest, "LONG_S", -1.0)
    hub.send_batch(of(event(1, AlarmCleared("x")), event(2, Tally(1, 1, 0, 0, 0, 0, 1, 0))))
    hub.send_batch(of(event(3, Tally(2, 2, 0, 0, 0, 0, 1, 0))))
    assert [hub.ledger.compare_tally(NOON_MS) for _ in range(2)] == [True, False]
    assert [tally.verdict for tally in hub.ledger.tallies("ecole-a", 5)] == [None, None]


def test_a_mistake_over_one_sites_count_or_day_stops_nobody(hub: TestHub, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is logged, that site waits, and the ingest goes on to the others."""

    def broken(*_: object) -> None:
        raise IndexError

    two_sites_with_two_days(hub)
    hub.send_batch(of(event(30, Tally(1, 29, 0, 0, 0, 0, 0, 0))))
    monkeypatch.setattr(accounts, "compare", broken)
    monkeypatch.setattr(hub.store, "_read", broken)
    assert hub.ledger.compare_tally(NOON_MS)
    assert not hub.ledger.compare_tally(NOON_MS)
    assert [hub.store.roll_up(NOON_MS) for _ in range(5)] == [True] * 4 + [False]
