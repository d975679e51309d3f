"""Boots without anchors: bounded by their neighbours, and the bounds hold the truth whatever comes when."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from hub.ingest.boots import UPTIME_MAX_S, Boot, Edges, borders, bounds, edges, moved, seen
from hub.ingest.dating import DRIFT_PPM, SYNCED_WITHIN_MS, Anchor, Bounds, Dater, TimeQuality
from hub.io import tables as t
from protocol.batch import EventRow, TableRows
from protocol.events import (
    AgentStarted,
    AnchorSource,
    ChargingSession,
    ClockAnchor,
    EndReason,
    Gap,
    GapCause,
    SlotTaken,
)
from tests.hub.builders import NOON_MS, TestHub, anchor, event, of, samples

HOUR_S = 3600
HOUR_MS = 3_600_000
PANEL = "controller.panel_power_w"


@dataclass(frozen=True)
class Past:
    """What really happened in one boot, and what the hub was told of it."""

    boot: int
    previous: int
    zero_ms: int
    uptimes_s: tuple[int, ...]
    rate_ppm: int
    anchored_s: int | None
    error_ms: int

    def at(self, uptime_s: int) -> float:
        """Tell the true time of an uptime that this crystal counted."""
        return self.zero_ms + uptime_s * 1000 * (1 + self.rate_ppm / 1e6)

    def anchors(self) -> list[Anchor]:
        """Give its anchor, which is off by no more than it says."""
        if self.anchored_s is None:
            return []
        off_ms = self.error_ms // 2
        return [Anchor(self.anchored_s, round(self.at(self.anchored_s)) + off_ms, self.error_ms, AnchorSource.NTP)]


@st.composite
def pasts(draw: st.DrawFn, *, forgetful: bool = True) -> list[Past]:
    """Draw a life of a Pi: boots one after the other, some of which learn the time, and some of which are forgotten."""
    lives: list[Past] = []
    now_ms, numbers = NOON_MS, {0}
    for _ in range(draw(st.integers(1, 8))):
        remembered = [life.boot for life in lives]
        previous = draw(st.sampled_from(remembered)) if forgetful and remembered else max(remembered, default=0)
        boot = draw(st.integers(previous + 1, previous + 2**24).filter(lambda number: number not in numbers))
        numbers.add(boot)
        now_ms += draw(st.integers(1000, 40 * 86_400_000))
        uptimes = sorted(draw(st.lists(st.integers(0, 20 * 86_400), min_size=1, max_size=4)))
        rate = draw(st.integers(-DRIFT_PPM, DRIFT_PPM))
        anchored = draw(st.none() | st.sampled_from(uptimes))
        life = Past(boot, previous, now_ms, tuple(uptimes), rate, anchored, draw(st.integers(2, 5000)))
        lives.append(life)
        now_ms = round(life.at(uptimes[-1])) + 1
    return lives


def dated_before(lives: Sequence[Past], life: Past) -> bool:
    """Tell whether the card remembers an anchor of this boot or one before it."""
    by_number = {one.boot: one for one in lives}
    line: Past | None = life
    while line is not None and line.anchored_s is None:
        line = by_number.get(line.previous)
    return line is not None


def told(lives: Sequence[Past], order: Sequence[int], *, delay_ms: int) -> list[Boot]:
    """Let rows of these boots arrive, one uptime each, and gather what the hub then knows."""
    known: dict[int, Boot] = {}
    for index in order:
        life = lives[index]
        for uptime_s in life.uptimes_s:
            arrived_ms = round(life.at(uptime_s)) + delay_ms
            boot = seen(known.get(life.boot), life.boot, (uptime_s, uptime_s), arrived_ms)
            known[life.boot] = replace(boot, anchored=life.anchored_s is not None, previous=life.previous)
    return [known[number] for number in sorted(known)]


def placed(lives: Sequence[Past], boots: Sequence[Boot]) -> tuple[dict[int, Bounds], Dater]:
    """Bound what can be bounded, and give the dater of it all."""
    anchors = {life.boot: life.anchors() for life in lives if life.anchored_s is not None}
    dater = Dater(anchors)
    found_edges = {boot.boot: edges(boot, dater) for boot in boots if boot.anchored}
    found = bounds(boots, {number: edge for number, edge in found_edges.items() if edge is not None})
    return found, Dater(anchors, found)


@given(pasts(), st.integers(0, 90 * 86_400_000), st.randoms())
def test_bounds_hold_the_truth(lives: list[Past], delay_ms: int, chance: random.Random) -> None:
    """If the anchors are true, no row of any boot happened outside of what its date and error say."""
    order = list(range(len(lives)))
    chance.shuffle(order)
    _, dater = placed(lives, told(lives, order, delay_ms=delay_ms))
    for life in lives:
        for uptime_s in life.uptimes_s:
            date = dater.date(life.boot, uptime_s)
            if date.utc_ms is not None and date.error_ms is not None:
                assert abs(date.utc_ms - life.at(uptime_s)) <= date.error_ms + 2  # and two roundings


@given(pasts(), st.integers(0, 90 * 86_400_000))
def test_every_boot_after_a_dated_one_has_a_date(lives: list[Past], delay_ms: int) -> None:
    """Only boots before the first anchor that the card remembers stay unknown."""
    _, dater = placed(lives, told(lives, range(len(lives)), delay_ms=delay_ms))
    for life in lives:
        for uptime_s in life.uptimes_s:
            assert (dater.date(life.boot, uptime_s).utc_ms is not None) == dated_before(lives, life)


@given(pasts(forgetful=False), st.integers(0, 90 * 86_400_000))
def test_rows_of_later_boots_have_later_dates(lives: list[Past], delay_ms: int) -> None:
    """Dates keep the order of the boots, but for the drift and the errors of the anchors themselves."""
    found, dater = placed(lives, told(lives, range(len(lives)), delay_ms=delay_ms))
    for earlier, later in pairwise(lives):
        end, start = dater.date(earlier.boot, earlier.uptimes_s[-1]), dater.date(later.boot, 0)
        if end.utc_ms is None or start.utc_ms is None or not ({earlier.boot, later.boot} & found.keys()):
            continue
        spare_ms = sum(life.error_ms + life.uptimes_s[-1] * DRIFT_PPM // 500 + 2 for life in (earlier, later))
        assert end.utc_ms <= start.utc_ms + spare_ms


@given(pasts(), st.integers(0, 10**9), st.integers(0, 10**9), st.data())
def test_knowing_more_never_widens(lives: list[Past], delay_ms: int, sooner_ms: int, data: st.DataObject) -> None:
    """Another row, another boot or an earlier arrival keep every bound or draw it closer."""
    unheard = data.draw(st.sets(st.integers(0, len(lives) - 1)))
    less = [
        life if life.anchored_s is not None else replace(life, uptimes_s=life.uptimes_s[:1])
        for index, life in enumerate(lives)
        if index not in unheard
    ]
    before, _ = placed(less, told(less, range(len(less)), delay_ms=delay_ms + sooner_ms))
    after, _ = placed(lives, told(lives, range(len(lives)), delay_ms=delay_ms))
    for number, wide in before.items():
        assert wide.low_ms <= after[number].low_ms
        assert after[number].high_ms <= wide.high_ms


@given(pasts(), st.integers(0, 10**9), st.data())
def test_another_anchor_never_widens(lives: list[Past], delay_ms: int, data: st.DataObject) -> None:
    """A boot that learns the time late draws the others closer, and is itself no longer bounded but dated."""
    silent = data.draw(st.sets(st.integers(0, len(lives) - 1)))
    less = [replace(life, anchored_s=None) if index in silent else life for index, life in enumerate(lives)]
    before, _ = placed(less, told(less, range(len(less)), delay_ms=delay_ms))
    after, dater = placed(lives, told(lives, range(len(lives)), delay_ms=delay_ms))
    spare_ms = max(2 * life.error_ms + life.uptimes_s[-1] * DRIFT_PPM // 500 for life in lives) + 10
    for number, wide in before.items():
        exact = dater.date(number, 0)
        if number in after:
            assert wide.low_ms <= after[number].low_ms + spare_ms
            assert after[number].high_ms <= wide.high_ms + spare_ms
        elif exact.utc_ms is not None:
            assert wide.low_ms - spare_ms <= exact.utc_ms <= wide.high_ms + spare_ms


def boot(
    number: int, last_s: int = 0, *, previous: int = 0, latest_ms: int = 10**15, zero: Bounds | None = None
) -> Boot:
    """Describe a boot without anchors."""
    return Boot(number, 0, last_s, latest_ms, previous, zero=zero)


def dated(number: int, *, previous: int = 0) -> Boot:
    """Describe a boot with anchors."""
    return replace(boot(number, previous=previous), anchored=True)


def test_a_boot_between_two_others_is_in_the_middle() -> None:
    """It began after the one ended and had to be over before the other began; the durations between are taken off."""
    found = bounds(
        [dated(1), boot(2, 1000, previous=1), boot(5, 2000, previous=2), dated(9, previous=5)],
        {1: Edges(0, 0), 9: Edges(10_000_000, 10_000_000)},
    )
    assert found == {2: Bounds(0, 7_000_300), 5: Bounds(999_900, 8_000_200)}


def test_a_boot_is_not_bounded_by_the_numbers_beside_its_own() -> None:
    """After a card forgot boot 5, boot 3 may have begun long after it: only what the card names counts."""
    boots = [dated(1), boot(3, previous=1, latest_ms=90_000), dated(5, previous=1)]
    assert bounds(boots, {1: Edges(0, 0), 5: Edges(10_000, 20_000)}) == {3: Bounds(0, 90_000)}
    assert borders({one.boot: one for one in boots}) == [boots[0]]


def test_a_boot_that_names_none_is_unknown() -> None:
    """Without the boot before it, nothing says when it began at the earliest."""
    assert bounds([dated(1), boot(3), dated(5, previous=3)], {1: Edges(0, 0), 5: Edges(9, 9)}) == {}


def test_a_boot_that_fits_nowhere_is_unknown() -> None:
    """When a neighbour's clock was wrong, there is no room left, and no date is made up."""
    boots = [dated(1), boot(2, 1000, previous=1), dated(3, previous=2)]
    assert bounds(boots, {1: Edges(0, 5_000_000), 3: Edges(5_500_000, 6_000_000)}) == {}


def test_a_boot_whose_anchors_date_nothing_bounds_nothing() -> None:
    """An anchor outside of all reason is not passed on."""
    boots = [dated(1), dated(2, previous=1), boot(3, previous=2, latest_ms=500)]
    assert bounds(boots, {1: Edges(0, 0)}) == {}
    assert edges(boots[0], Dater({})) is None


def test_a_clock_chip_that_fits_is_believed_of_its_own_boot() -> None:
    """It narrows the bounds to its error and what it may have run away since the boot before; others gain nothing."""
    boots = [dated(1), boot(2, 1000, previous=1), boot(3, 0, previous=2), dated(4, previous=3)]
    around = {1: Edges(0, 0), 4: Edges(10**9, 10**9)}
    chip = Anchor(500, 400_500_000, 2000, AnchorSource.RTC)
    found = bounds(boots, around, {2: chip})
    assert found[2] == Bounds(400_000_000 - 2000 - 50 - 40_000, 400_000_000 + 2000 + 50 + 40_000)
    assert found[3] == bounds(boots, around)[3]


@pytest.mark.parametrize("utc_ms", [-50_000_000, 10**9 + 5_000_000])
def test_a_clock_chip_that_does_not_fit_is_not_believed(utc_ms: int) -> None:
    """Before the boot before, or after the boot after: the neighbours know better."""
    boots = [dated(1), boot(2, previous=1), dated(4, previous=2)]
    around = {1: Edges(0, 0), 4: Edges(10**9, 10**9)}
    assert bounds(boots, around, {2: Anchor(0, utc_ms, 2000, AnchorSource.RTC)}) == {2: Bounds(0, 10**9)}


def test_a_clock_chip_alone_is_off_by_what_it_loses_in_a_year() -> None:
    """Where no boot before has a date, it is all there is, as long as it does not claim the future."""
    chip = Anchor(0, NOON_MS, 2000, AnchorSource.RTC)
    year_ms = 366 * 86_400 // 10
    assert bounds([boot(2)], {}, {2: chip}) == {2: Bounds(NOON_MS - 2000 - year_ms, NOON_MS + 2000 + year_ms)}
    assert bounds([boot(2, latest_ms=NOON_MS)], {}, {2: chip})[2].high_ms == NOON_MS
    assert bounds([boot(2, latest_ms=NOON_MS - 86_400_000)], {}, {2: chip}) == {}


def test_rows_are_dated_by_a_clock_chip_until_the_hub_has_told_the_time(hub: TestHub) -> None:
    """A controller's clock dates nothing; the chip dates its boot with an honest error; an ack's time takes over."""
    far = event(4, ClockAnchor(NOON_MS + 5 * HOUR_MS, 1000, AnchorSource.CONTROLLER), uptime_s=60)
    hub.send_batch(of(samples(1, [0, 60], [1, 2]), far))
    assert dates(hub) == []
    hub.send_batch(of(event(5, ClockAnchor(NOON_MS - HOUR_MS, 2000, AnchorSource.RTC), uptime_s=60)))
    assert dates(hub) == [(-1, 1), (-1, 1)]
    hub.send_batch(of(event(6, ClockAnchor(NOON_MS - 2 * HOUR_MS, 500, AnchorSource.HUB), uptime_s=60)))
    assert dates(hub) == [(-2, 0), (-2, 0)]
    hub.send_batch(of(event(7, ClockAnchor(NOON_MS - HOUR_MS, 2000, AnchorSource.RTC), uptime_s=70)))
    assert dates(hub) == [(-2, 0), (-2, 0)]


def test_a_boot_of_centuries_is_not_believed() -> None:
    """An absurd uptime moves no neighbour."""
    assert seen(None, 1, (0, UPTIME_MAX_S + 1), NOON_MS, 2) == Boot(1, 0, 0, NOON_MS, rows=2)
    assert seen(boot(1, 5, latest_ms=0), 1, (0, UPTIME_MAX_S + 1), NOON_MS) == boot(1, 5, latest_ms=0)


def test_two_close_bounds_are_still_no_clock() -> None:
    """What nobody read a clock for is called reconstructed, however little is left open."""
    date = Dater({}, {1: Bounds(NOON_MS, NOON_MS)}).date(1, 0)
    assert (date.quality, date.error_ms) == (TimeQuality.RECONSTRUCTED, SYNCED_WITHIN_MS + 1)


def test_bounds_are_renewed_when_that_is_worth_it() -> None:
    """Bounds that stay true wait until a tenth is gained; then all are renewed, so that boots keep their order."""

    def renewed(*pairs: tuple[Bounds | None, Bounds | None]) -> list[Bounds | None]:
        boots = [boot(number, zero=before) for number, (before, _) in enumerate(pairs)]
        found: Mapping[int, Bounds] = {number: now for number, (_, now) in enumerate(pairs) if now is not None}
        return [one.zero for one in moved(boots, found)]

    wide, little, less, aside = Bounds(0, 100), Bounds(0, 90), Bounds(0, 89), Bounds(1, 101)
    assert renewed((wide, little), (wide, wide)) == []
    assert renewed((wide, little), (wide, less)) == [little, less]
    assert renewed((wide, aside)) == [aside]
    assert renewed((None, wide)) == [wide]
    assert renewed((wide, None)) == [None]
    assert renewed((None, None)) == []
    assert [one.zero for one in moved([boot(1, zero=wide)], {1: little}, anchored=True)] == [little]
    assert [one.zero for one in moved([replace(dated(1), zero=wide)], {})] == [None]


def opens(seq: int, boot: int, previous: int) -> EventRow:
    """Lay out the row that opens a boot and names the one before."""
    return event(seq, Gap(seq - 1, seq - 1, GapCause.UNUSED, previous), boot=boot)


def day(seq: int, boot: int, *, until_s: int = 10 * HOUR_S) -> list[EventRow | TableRows]:
    """Lay out a day of one boot: hourly samples and one charge."""
    uptimes = range(0, until_s + 1, HOUR_S)
    session = ChargingSession(1, seq, boot, 600, boot, 1200, EndReason.UNPLUGGED)
    return [
        event(seq, SlotTaken(1), uptime_s=600, boot=boot),
        event(seq + 1, session, uptime_s=1200, boot=boot),
        samples(seq + 2, list(uptimes), [100] * len(uptimes), boot=boot),
    ]


def dates(hub: TestHub) -> list[tuple[int, int]]:
    """List date and error of every sample that is shown, in hours after noon."""
    found = hub.store.samples("ecole-a", [PANEL], 0, 2 * NOON_MS)[PANEL]
    return [(round((one.utc_ms - NOON_MS) / HOUR_MS), round(one.error_ms / HOUR_MS)) for one in found]


def test_a_boot_that_never_learnt_the_time_is_dated_by_its_neighbours(hub: TestHub) -> None:
    """Samples, charges and events of it are shown, with half of what is left open as their error."""
    later_ms = NOON_MS + 40 * HOUR_MS
    hub.send_batch(of(anchor(1, 0, NOON_MS), *day(2, 1)), at_ms=NOON_MS + 11 * HOUR_MS)
    between_them = (opens(98, 2**50, 1), event(99, AgentStarted("1", "b"), boot=2**50), *day(100, 2**50))
    hub.send_batch(of(*between_them), at_ms=later_ms + HOUR_MS)
    hub.send_batch(
        of(opens(200, 2**51, 2**50), anchor(201, 0, later_ms, boot=2**51), *day(202, 2**51, until_s=0)),
        at_ms=later_ms + HOUR_MS,
    )
    # From hour 10 to hour 40 lie ten hours of this boot: it began from hour 10 to hour 30.
    assert dates(hub) == [(h, 0) for h in range(11)] + [(20 + h, 10) for h in range(11)] + [(40, 0)]
    between = hub.ledger.sessions("ecole-a", 0, 2 * NOON_MS)[1]
    assert between.start.quality is TimeQuality.RECONSTRUCTED
    assert between.start.utc_ms == pytest.approx(NOON_MS + 20 * HOUR_MS + 600_000, abs=5000)
    with hub.ledger.reading() as connection:
        told = connection.execute(select(t.events).where(t.events.c.seq == 99)).one()
    assert told.error_ms == pytest.approx(10 * HOUR_MS, abs=5000)


def test_an_anchor_that_comes_late_dates_its_boot_and_bounds_the_others(hub: TestHub) -> None:
    """Summaries, samples and charges follow whatever order the batches come in."""
    hub.send_batch(of(opens(100, 2, 1), *day(101, 2)), at_ms=NOON_MS + 70 * HOUR_MS)
    hub.send_batch(of(opens(200, 3, 2), *day(201, 3)), at_ms=NOON_MS + 70 * HOUR_MS)
    assert dates(hub) == []
    assert all(found.start.utc_ms is None for found in hub.ledger.sessions("ecole-a", 0, 1))
    hub.send_batch(of(anchor(1, 0, NOON_MS), *day(2, 1)), at_ms=NOON_MS + 70 * HOUR_MS)
    assert {error for _, error in dates(hub)} == {0, 20}
    hub.send_batch(of(anchor(250, 0, NOON_MS + 30 * HOUR_MS, boot=3)), at_ms=NOON_MS + 70 * HOUR_MS)
    assert dates(hub)[11:] == [(15 + h, 5) for h in range(11)] + [(30 + h, 0) for h in range(11)]
    hub.send_batch(of(anchor(251, 0, NOON_MS + 12 * HOUR_MS, boot=2)), at_ms=NOON_MS + 70 * HOUR_MS)
    assert dates(hub)[11:] == [(12 + h, 0) for h in range(11)] + [(30 + h, 0) for h in range(11)]
    starts = [found.start.utc_ms for found in hub.ledger.sessions("ecole-a", 0, 2 * NOON_MS)]
    assert starts == [NOON_MS + hours * HOUR_MS + 600_000 for hours in (0, 12, 30)]


def test_a_longer_neighbour_leaves_less_room(hub: TestHub) -> None:
    """Rows of the earlier boot that come later push the bounded one on, its old summaries included."""
    at_ms = NOON_MS + 31 * 24 * HOUR_MS
    hub.send_batch(of(anchor(1, 0, NOON_MS), *day(2, 1, until_s=HOUR_S)), at_ms=at_ms)
    hub.send_batch(
        of(opens(100, 2, 1), *day(101, 2, until_s=0), opens(200, 3, 2), anchor(201, 0, NOON_MS + 60 * HOUR_MS, boot=3)),
        at_ms=at_ms,
    )
    assert hub.store.roll_up(at_ms)
    assert dates(hub) == [(0, 0), (1, 0), (30, 29)]
    hub.send_batch(of(samples(50, [40 * HOUR_S], [100])), at_ms=at_ms)
    assert dates(hub) == [(0, 0), (1, 0), (40, 0), (50, 10)]
    while hub.store.roll_up(at_ms):
        pass
    hours = hub.store.hours("ecole-a", [PANEL], NOON_MS - 12 * HOUR_MS, NOON_MS + 84 * HOUR_MS)[PANEL]
    assert sum(hour.count for hour in hours) == 4


def test_what_is_bounded_never_makes_a_site_seem_fresh(hub: TestHub) -> None:
    """The newest value is as old as it may be, so that a later, exact one takes its place."""
    hub.send_batch(of(anchor(1, 0, NOON_MS), samples(2, [0], [1])))
    hub.send_batch(of(opens(7, 2, 1), samples(3, [0], [2], boot=2)), at_ms=NOON_MS + 100 * HOUR_MS)
    latest = hub.ledger.presence("ecole-a").latest
    assert latest is not None
    assert latest[PANEL] == (1, NOON_MS)
    exact = of(anchor(4, 60, NOON_MS + 20 * HOUR_MS, boot=3), samples(5, [0], [3], boot=3))
    hub.send_batch(exact, at_ms=NOON_MS + 100 * HOUR_MS)
    latest = hub.ledger.presence("ecole-a").latest
    assert latest is not None
    assert latest[PANEL][0] == 3


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(pasts(), st.randoms())
def test_whatever_comes_when_the_ledger_holds_the_truth(
    tmp_path_factory: pytest.TempPathFactory, lives: list[Past], chance: random.Random
) -> None:
    """Rows and anchors in any order: every sample is shown within its error, or counted as unknown."""
    hub = TestHub(tmp_path_factory.mktemp("hub"))
    at_ms = round(max(life.at(life.uptimes_s[-1]) for life in lives)) + HOUR_MS
    truth, sent, seq = {}, [], 1
    for life in lives:
        if life.previous:
            sent.append(of(opens(seq + 1, life.boot, life.previous)))
            seq += 2
        for uptime_s in sorted(set(life.uptimes_s)):
            sent.append(of(samples(seq, [uptime_s], [seq], boot=life.boot)))
            truth[seq] = life.at(uptime_s)
            seq += 1
        for found in life.anchors():
            sent.append(of(anchor(seq, found.uptime_s, found.utc_ms, boot=life.boot, error_ms=found.error_ms)))
            seq += 1
    chance.shuffle(sent)
    for one in sent:
        hub.send_batch(one, at_ms=at_ms)
    shown = hub.store.samples("ecole-a", [PANEL], 0, 2 * NOON_MS)[PANEL]
    for sample in shown:
        assert abs(sample.utc_ms - truth[round(sample.value)]) <= sample.error_ms + 2
    assert len(shown) == sum(len(set(life.uptimes_s)) for life in lives if dated_before(lives, life))
    hub.ledger.close()
