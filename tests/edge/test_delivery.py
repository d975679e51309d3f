"""Delivery under a budget: what goes when little is left, what is given up and told, what an ack may wait for."""

from __future__ import annotations

from edge.delivery import fitting
from edge.ports import SampleRow
from protocol.control import Ack
from protocol.events import AlarmCleared, AlarmRaised, CommandCode, CommandDone, Gap, GapCause, Lane, SlotTaken, Traffic
from protocol.live import LiveCommand, decode_live
from protocol.topics import Channel
from tests.edge.test_agent import SITE, Bench

ECONOMY = SITE.replace("uplink: {host: hub.example.org}", "uplink: {host: hub.example.org, profile: economy}")


def acknowledged(bench: Bench) -> None:
    """Let the hub have everything that was sent."""
    bench.run(2)
    bench.acknowledge()
    bench.run(1)


def spend_all_but(bench: Bench, share: float) -> None:
    """Leave so much of a day's budget."""
    budget = bench.agent.delivery.account.budget
    budget.left = int(share * budget.daily_bytes)


def test_detail_waits_while_the_budget_is_low_and_money_goes() -> None:
    """With a tenth of a day left, samples of the hour's middle stay here; charges and notes leave."""
    bench = Bench()
    bench.run(3)
    acknowledged(bench)
    bench.run(300)
    bench.pins.taken = {1}
    spend_all_but(bench, 0.1)
    bench.run(700)
    _, sent = bench.link.batches()[-1]
    assert SlotTaken(1) in [row.event for row in sent.events]
    assert not sent.tables
    assert bench.outbox.rows_in(Lane.TELEMETRY) > 0


def test_an_alarm_in_haste_takes_money_along_and_leaves_samples() -> None:
    """Small batches of samples are dear; what is urgent does not drag them along."""
    bench = Bench()
    bench.run(3)
    acknowledged(bench)
    bench.pins.taken = {1}
    bench.run(120)
    before = len(bench.link.batches())
    bench.reader.words[0x311A] = 606
    bench.run(62)
    ((_, sent),) = bench.link.batches()[before:]
    assert {type(row.event) for row in sent.events} == {SlotTaken, AlarmRaised}
    assert not sent.tables


def test_what_no_budget_can_carry_is_given_up_with_a_gap_and_an_alarm() -> None:
    """Connected and poor: the oldest detail goes in the commit that stores its gap; the day's account counts it."""
    bench = Bench()
    bench.link.up = False
    bench.run(4000, 5)
    bench.link.up = True
    budget = bench.agent.delivery.account.budget
    waiting = bench.outbox.rows_in(Lane.TELEMETRY)
    budget.daily_bytes, budget.row_bytes = 2000, 50.0
    spend_all_but(bench, 0.1)
    bench.run(700, 5)
    assert bench.outbox.rows_in(Lane.TELEMETRY) < waiting
    gaps = [event for event in bench.committed() if isinstance(event, Gap) and event.cause is GapCause.SHED_BUDGET]
    assert gaps
    assert sum(gap.last_seq - gap.first_seq + 1 for gap in gaps) == budget.shed_rows
    assert [event.code for event in bench.committed() if isinstance(event, AlarmRaised)] == ["budget-shed"]


def test_the_alarm_ends_after_a_day_without_shedding() -> None:
    """The account of a day that gave nothing up ends it."""
    bench = Bench()
    bench.link.up = False
    bench.run(30)
    bench.agent.delivery.account.budget.shedding = True
    bench.run(86_400, 60)
    assert AlarmCleared("budget-shed") in bench.committed()


def test_a_site_that_is_not_connected_gives_nothing_up() -> None:
    """Bytes that cannot be spent are no reason to lose rows."""
    bench = Bench()
    bench.link.up = False
    bench.agent.delivery.account.budget.row_bytes = 1e6
    spend_all_but(bench, 0.0)
    bench.run(4000, 5)
    assert not [event for event in bench.committed() if isinstance(event, Gap)]


def test_every_day_is_accounted_for() -> None:
    """With the UTC midnight comes a row that says what the day has cost, by kind."""
    bench = Bench()
    bench.run(3)
    acknowledged(bench)
    bench.link.up = False
    bench.run(12 * 3600 + 120, 30)
    (account,) = (event for event in bench.committed() if isinstance(event, Traffic))
    assert account.day == int(bench.now().utc.timestamp()) // 86_400 - 1
    assert account.control_bytes > 2800
    assert account.note_bytes > 0


def test_the_account_survives_a_power_cut() -> None:
    """What was spent before the last commit stays spent."""
    first = Bench()
    first.run(3)
    acknowledged(first)
    first.run(120)
    spent = first.agent.delivery.account.budget.counts.total()
    second = Bench(first.outbox.reopen(), boot=2)
    assert 0 < second.agent.delivery.account.budget.counts.total() <= spent


def test_in_economy_three_of_four_batches_do_not_ask_for_an_ack() -> None:
    """The first of a connection asks; then every fourth does, and its ack settles those before."""
    bench = Bench(site=ECONOMY)
    bench.agent.uplink.acks_every, bench.agent.uplink.batch_interval_s = 4, 3600
    bench.run(3)
    acknowledged(bench)
    bench.link.sent.clear()
    bench.run(3 * 3600 + 1000, 5)
    assert [sent.ack_later for _, sent in bench.link.batches()] == [True, True, True]
    bench.run(3600, 5)
    asked = bench.link.batches()[3:]
    assert [sent.ack_later for _, sent in asked][:1] == [False]
    seqs = max(seq for _, sent in bench.link.batches() for seq in sent.seqs())
    bench.link.waiting.append(Ack(bench.outbox.epoch, seqs, 10**12, batches=(asked[0][0],)))
    bench.run(1)
    assert not bench.agent.uplink.in_flight


def test_a_live_view_is_sent_booked_and_recorded() -> None:
    """Values leave on their own channel, cost bytes of their own kind, and the end is a row."""
    bench = Bench()
    bench.run(30)
    bench.link.told.append(LiveCommand(7, 60))
    bench.run(70)
    messages = [decode_live(payload) for channel, payload in bench.link.sent if channel is Channel.LIVE]
    assert messages[0].tables
    assert messages[-1].code is CommandCode.DONE
    assert bench.agent.delivery.account.booked.by_kind[6] > 0
    bench.run(70)
    assert CommandDone(7, CommandCode.DONE, "the time is over") in bench.committed()


def test_a_live_view_ends_with_the_connection() -> None:
    """What cannot be sent any more is not pretended to be live."""
    bench = Bench()
    bench.run(30)
    bench.link.told.append(LiveCommand(7, 600))
    bench.run(5)
    bench.link.up = False
    bench.run(70)
    assert CommandDone(7, CommandCode.STOPPED, "the connection was lost") in bench.committed()


def test_with_nothing_left_connections_are_rare() -> None:
    """Each costs more than a batch: money waits some hours."""
    bench = Bench()
    bench.run(3)
    acknowledged(bench)
    spend_all_but(bench, 0.0)
    bench.link.up = False
    bench.link.attempts = 0
    bench.run(3600, 5)
    assert bench.link.attempts <= 1


def test_samples_of_an_earlier_configuration_do_not_wait_behind_new_ones_for_ever() -> None:
    """A batch has one schema: what it had to leave behind follows at once, not behind newer rows an interval later."""
    bench = Bench()
    bench.link.up = False
    bench.outbox.use_schema(b"earlier!", b"")
    earlier = [bench.outbox.add_sample(0, 1, uptime_s, [1]) for uptime_s in range(40)]
    bench.outbox.use_schema(bench.schema_id, b"")
    bench.run(3700)
    bench.link.up = True
    for _ in range(4):
        acknowledged(bench)
    assert bench.at_s < 3720
    sent = {seq for _, message in bench.link.batches() for seq in message.seqs()}
    assert sent.issuperset(earlier)


def test_a_sample_that_is_not_as_wide_as_its_table_goes_alone() -> None:
    """An edited card cannot stop the agent: the hub refuses that one row, and the others are sent."""
    rows = [
        SampleRow(seq, b"12345678", 0, 1, 60, values) for seq, values in enumerate([(1, 2), (3, 4), (5,), (6, 7)], 1)
    ]
    taken = []
    left = list(rows)
    while left:
        some, _, _ = fitting(7, list(left))
        taken.append([row.seq for row in some])
        left = left[len(some) :]
    assert taken == [[1, 2], [3], [4]]
