"""Ingest: what is committed is acknowledged, once, and what is refused is kept aside with its reason."""

from __future__ import annotations

import zlib
from dataclasses import replace
from pathlib import Path

import cbor2
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from hub.answers.day import day_of
from hub.answers.loss import loss
from hub.answers.series import series
from hub.answers.sites import latest, list_sites
from hub.answers.times import utc
from hub.errors import Refused
from hub.io import tables as t
from hub.io import transaction
from hub.io.transaction import SqlTransaction
from hub.ports import Archived
from protocol import batch, control, schema
from protocol.control import SiteState
from protocol.errors import Refusal
from protocol.events import (
    AgentStarted,
    ChargingSession,
    CommandCode,
    EndReason,
    Gap,
    GapCause,
    SlotTaken,
    UnknownEvent,
)
from protocol.limits import PAYLOAD_MAX_BYTES
from protocol.live import Live, encode_live
from protocol.schema import ColumnSpec, Schema, TableSpec
from protocol.topics import Address, Channel
from tests.hub.builders import ADDRESS, NOON_MS, SCHEMA_ID, SCHEMA_PAYLOAD, TestHub, anchor, event, of, samples
from tests.protocol.strategies import batches

SESSION = ChargingSession(2, 1, 1, 100, 1, 3700, EndReason.UNPLUGGED)


def test_a_batch_is_acknowledged_up_to_its_last_row(hub: TestHub) -> None:
    """The ack names the batch, the cumulative seq and the hub's time."""
    sent = of(anchor(1, 60, NOON_MS), samples(2, [60, 120, 180], [100, 200, 300]))
    ack = hub.send_batch(sent)
    assert (ack.epoch, ack.upto, ack.missing, ack.utc_ms) == (1, 4, (), NOON_MS)
    assert ack.batches == (batch.batch_id(batch.encode(sent)),)


def test_a_repeated_batch_changes_nothing_and_is_acknowledged_again(hub: TestHub) -> None:
    """A lost ack costs bytes, never a second count."""
    sent = of(anchor(1, 60, NOON_MS), samples(2, [60, 120], [100, 200]), event(4, SESSION, uptime_s=3700))
    first, second = hub.send_batch(sent), hub.send_batch(sent)
    assert first == second
    assert hub.consumer.counters.rows == 4
    assert len(hub.ledger.sessions("ecole-a", 0, 2 * NOON_MS)) == 1
    assert (
        len(hub.store.samples("ecole-a", ["controller.panel_power_w"], 0, 2 * NOON_MS)["controller.panel_power_w"]) == 2
    )


def test_rows_that_overlap_an_earlier_batch_count_once(hub: TestHub) -> None:
    """After a restart the edge may gather the same rows in other company."""
    hub.send_batch(of(anchor(1, 60, NOON_MS), samples(2, [60, 120], [100, 200])))
    ack = hub.send_batch(of(samples(3, [120, 180], [200, 300])))
    assert ack.upto == 4
    found = hub.store.samples("ecole-a", ["controller.panel_power_w"], 0, 2 * NOON_MS)["controller.panel_power_w"]
    assert [sample.value for sample in found] == [100, 200, 300]


def test_a_hole_is_named_until_it_is_filled(hub: TestHub) -> None:
    """The ack lists what is missing, and no longer once it came."""
    assert hub.send_batch(of(samples(5, [300, 360], [1, 2]))).missing == ((1, 4),)
    assert hub.send_batch(of(samples(1, [60, 120], [1, 2]))).missing == ((3, 4),)
    ack = hub.send_batch(of(samples(3, [180, 240], [1, 2])))
    assert (ack.upto, ack.missing) == (6, ())


def test_a_card_that_went_back_is_acknowledged_by_name_only(hub: TestHub) -> None:
    """Numbers that one start passed over and another uses: one life of a card settles nothing of the other."""
    hub.send_batch(of(event(1, AgentStarted("1", "a"))))
    hub.send_batch(of(event(900, Gap(2, 899, GapCause.UNUSED), boot=7), event(901, SlotTaken(1), boot=7)))
    assert not hub.send_batch(of(event(902, SlotTaken(2), boot=7))).forked
    sent = of(event(401, SlotTaken(3), boot=5))
    for _ in range(2):
        ack = hub.send_batch(sent)
        assert (ack.forked, ack.upto, ack.missing) == (True, 0, ())
        assert ack.batches == (batch.batch_id(batch.encode(sent)),)
    ack = hub.send_batch(of(event(400, Gap(2, 399, GapCause.UNUSED), boot=5)))
    assert (ack.forked, ack.upto, ack.missing) == (False, 902, ((402, 899),))


def test_a_declared_gap_settles_its_rows_by_cause(hub: TestHub) -> None:
    """What the edge gave up is accounted for and not waited for."""
    ack = hub.send_batch(of(event(5, Gap(2, 4, GapCause.DISK_FULL)), event(1, AgentStarted("1", "b"))))
    assert (ack.upto, ack.missing) == (5, ())
    answer = loss(hub.ledger, "ecole-a")
    assert (answer.received, answer.missing, answer.lost) == (2, 0, {"disk_full": 3})


def test_more_holes_than_an_ack_lists_shorten_its_reach(hub: TestHub) -> None:
    """An ack never claims a row that it had no room to call missing."""
    ack = hub.send_batch(of(*(event(seq, AgentStarted("1", "b")) for seq in range(2, 402, 2))))
    sent = control.decode_ack(control.encode_ack(ack))
    assert (len(sent.missing), sent.missing[-1], sent.upto) == (64, (127, 127), 128)


def test_an_unknown_schema_is_asked_for_and_nothing_is_taken(tmp_path: Path) -> None:
    """A batch whose columns have no names yet is left to the edge until the schema has come."""
    hub = TestHub(tmp_path, schema_known=False)
    sent = of(samples(1, [60], [100]))
    ack = hub.send_batch(sent)
    assert (ack.upto, ack.batches, ack.schemas_wanted) == (0, (), (SCHEMA_ID,))
    hub.send(Channel.SCHEMA, SCHEMA_PAYLOAD)
    assert hub.send_batch(sent).upto == 1
    hub.ledger.close()


def test_a_session_arrives_whole_whatever_comes_first(hub: TestHub) -> None:
    """Opening and closing rows may arrive in either order, or the opening one never."""
    hub.send_batch(of(event(2, SESSION, uptime_s=3700), anchor(3, 0, NOON_MS)))
    hub.send_batch(of(event(1, SlotTaken(2), uptime_s=100)))
    (session,) = hub.ledger.sessions("ecole-a", 0, 2 * NOON_MS)
    assert (session.taken_seq, session.slot, session.reason) == (1, 2, EndReason.UNPLUGGED)
    assert session.start.utc_ms == NOON_MS + 100_000
    assert session.end is not None
    assert session.end.utc_ms == NOON_MS + 3_700_000


def test_rows_wait_for_the_anchor_of_their_boot(hub: TestHub) -> None:
    """What cannot be dated is kept, and shown once an anchor says when it was."""
    hub.send_batch(of(samples(1, [60, 120], [100, 200]), event(3, SlotTaken(1), uptime_s=90)))
    assert hub.store.samples("ecole-a", ["controller.panel_power_w"], 0, 2 * NOON_MS)["controller.panel_power_w"] == []
    assert hub.ledger.open_sessions("ecole-a")[0].start.utc_ms is None
    hub.send_batch(of(anchor(4, 180, NOON_MS)))
    found = hub.store.samples("ecole-a", ["controller.panel_power_w"], 0, 2 * NOON_MS)["controller.panel_power_w"]
    assert [sample.utc_ms - NOON_MS for sample in found] == [-120_000, -60_000]
    assert hub.ledger.open_sessions("ecole-a")[0].start.utc_ms == NOON_MS - 90_000


def test_a_batch_over_a_dated_and_an_undated_boot_shows_what_is_known(hub: TestHub) -> None:
    """A boot that never learnt the time does not hide the next one."""
    hub.send_batch(of(samples(1, [60], [100], boot=1), anchor(2, 0, NOON_MS, boot=2)))
    hub.send_batch(of(samples(3, [120], [1], boot=1), event(5, AgentStarted("1", "b"), boot=2)))
    mixed = of(samples(6, [180], [5], boot=1), samples(7, [60], [7], boot=2))
    hub.send_batch(mixed)
    found = hub.store.samples("ecole-a", ["controller.panel_power_w"], 0, 2 * NOON_MS)["controller.panel_power_w"]
    assert [sample.value for sample in found] == [7]
    hub.send_batch(of(anchor(8, 0, NOON_MS - 3_600_000, boot=1)))
    found = hub.store.samples("ecole-a", ["controller.panel_power_w"], 0, 2 * NOON_MS)["controller.panel_power_w"]
    assert [sample.value for sample in found] == [100, 1, 5, 7]


@pytest.mark.parametrize(
    ("address", "payload", "refusal"),
    [
        (Address(3, "ecole-x"), batch.encode(of(samples(1, [60], [1]))), Refusal.UNKNOWN_SITE),
        (Address(4, "ecole-a"), batch.encode(of(samples(1, [60], [1]))), Refusal.UNKNOWN_SITE),
        (ADDRESS, batch.encode(of(samples(1, [60], [1])))[:-5], Refusal.TRUNCATED),
        (ADDRESS, b"noise", Refusal.MALFORMED),
        (ADDRESS, bytes(70_000), Refusal.OVERSIZED),
    ],
)
def test_a_refused_payload_is_kept_aside_and_counted(
    hub: TestHub, address: Address, payload: bytes, refusal: Refusal
) -> None:
    """Nothing is dropped silently: payload and reason are stored, the counter moves, the broker is done with it."""
    hub.send(Channel.UP, payload, address)
    with hub.ledger.reading() as connection:
        (row,) = connection.execute(select(t.rejects)).all()
    assert (row.refusal, row.payload) == (refusal, payload[:PAYLOAD_MAX_BYTES])
    assert row.reason
    assert hub.consumer.counters.rejected == {refusal: 1}
    assert hub.inbox.settled[-1].payload == payload


def test_a_hopeless_batch_is_refused_in_the_ack(hub: TestHub) -> None:
    """The site learns which batch cannot be taken, so that one bad row does not block the others."""
    ack = hub.send(Channel.UP, b"noise")
    assert ack is not None
    assert (ack.epoch, ack.upto, ack.refused[0].batch_id) == (0, 0, batch.batch_id(b"noise"))


def test_a_batch_of_a_later_version_is_left_with_the_site(hub: TestHub) -> None:
    """An old hub does not make a new edge give rows up: it stays silent until it is updated."""
    assert hub.send(Channel.UP, zlib.compress(cbor2.dumps({0: 2, 1: 1}))) is None
    assert hub.consumer.counters.rejected == {Refusal.UNKNOWN_VERSION: 1}


def test_an_event_of_a_later_version_is_kept(hub: TestHub) -> None:
    """Unknown kinds are stored as they came."""
    hub.send_batch(of(event(1, UnknownEvent(150, ("x", 3)))))  # type: ignore[arg-type]
    (record,) = hub.ledger.events("ecole-a", [150], 0)
    assert record.values == ("x", 3)


def test_state_messages_tell_presence_but_no_age(hub: TestHub) -> None:
    """A last will changes whether a site is connected, not when its data was new."""
    hub.send(Channel.STATE, control.encode_state(SiteState(online=True, epoch=1, software="1.0")))
    presence = hub.ledger.presence("ecole-a")
    assert (presence.online, presence.software, presence.newest_ms, presence.received_at_ms) == (
        True,
        "1.0",
        None,
        None,
    )
    hub.send(Channel.STATE, control.encode_state(SiteState(online=False, epoch=1)))
    assert hub.ledger.presence("ecole-a").online is False


def test_a_ledger_that_refuses_loses_nothing(hub: TestHub) -> None:
    """On a full disk nothing is acknowledged, to nobody; when there is room again, everything is."""
    connection = hub.ledger.engine.raw_connection()
    pages = connection.cursor().execute("PRAGMA page_count").fetchone()[0]
    connection.close()
    hub.ledger.engine.dispose()

    def shrink(dbapi: object, _: object) -> None:
        dbapi.cursor().execute(f"PRAGMA max_page_count={pages}")  # type: ignore[attr-defined]

    from sqlalchemy import event as sa_event  # noqa: PLC0415

    sa_event.listen(hub.ledger.engine, "connect", shrink)
    big = of(*(event(seq, AgentStarted("1", "b" * 500)) for seq in range(1, 200)))
    assert hub.send(Channel.UP, batch.encode(big)) is None
    assert (hub.consumer.counters.retries, hub.inbox.settled[1:]) == (1, [])
    sa_event.remove(hub.ledger.engine, "connect", shrink)
    hub.ledger.engine.dispose()
    hub.consumer.step(NOON_MS + 10_000)
    assert hub.inbox.acks[-1][1].upto == 199
    assert len(hub.inbox.settled) == 2


def test_a_failing_commit_undoes_the_whole_step(hub: TestHub) -> None:
    """A transaction that raises leaves no trace."""

    def fail_half_way() -> None:
        with hub.ledger.begin() as transaction:
            transaction.write_receipts("ecole-a", 1, "", [(1, 5)])
            transaction.write_receipts("no such site", 1, "", [(1, 5)])

    with pytest.raises(Refused):
        fail_half_way()
    assert hub.ledger.numbers("ecole-a") == {}


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.lists(st.integers(1, 40), min_size=1, max_size=15, unique=True), min_size=1, max_size=8))
def test_any_order_and_company_counts_each_row_once(
    tmp_path_factory: pytest.TempPathFactory, groups: list[list[int]]
) -> None:
    """However rows are grouped, repeated and ordered, each is stored once and the ack tells the truth."""
    hub = TestHub(tmp_path_factory.mktemp("hub"))
    hub.send_batch(of(anchor(41, 0, NOON_MS)))
    sent: set[int] = set()
    for seqs in groups:
        rows = [samples(seq, [seq * 60], [seq]) for seq in seqs]
        table = rows[0]
        for row in rows[1:]:
            table = type(table)(
                0, table.seqs + row.seqs, table.boots + row.boots, table.uptimes_s + row.uptimes_s,
                tuple(a + b for a, b in zip(table.columns, row.columns, strict=True)),
            )  # fmt: skip
        ack = hub.send_batch(of(table))
        sent |= set(seqs)
        missing = {seq for first, last in ack.missing for seq in range(first, last + 1)}
        assert set(range(1, ack.upto + 1)) - missing == sent | {41}
    found = hub.store.samples("ecole-a", ["controller.panel_power_w"], 0, 2 * NOON_MS)["controller.panel_power_w"]
    assert sorted(sample.value for sample in found) == sorted(sent)
    hub.ledger.close()


@pytest.mark.parametrize("wrong", [{"table": 7}, {"columns": ((1,),)}])
def test_a_batch_that_does_not_fit_its_schema_is_refused(hub: TestHub, wrong: dict[str, object]) -> None:
    """A value without a name is no value: kept aside, and the site is told."""
    table = replace(samples(1, [60], [100]), **wrong)  # type: ignore[arg-type]
    ack = hub.send_batch(of(table))
    assert (ack.epoch, len(ack.refused), ack.batches) == (0, 1, ())
    assert "not of the schema" in ack.refused[0].reason
    assert hub.consumer.counters.rejected == {Refusal.MALFORMED: 1}


def test_live_values_that_nobody_asked_for_change_nothing(hub: TestHub) -> None:
    """A site that shows values without a command is neither believed nor refused."""
    assert hub.send(Channel.LIVE, encode_live(Live(7, 0, code=CommandCode.DONE))) is None
    assert (hub.consumer.counters.rejected, hub.ledger.live("ecole-a")) == ({}, None)


def test_a_batch_whose_ack_may_wait_is_told_by_the_next(hub: TestHub) -> None:
    """No ack for it alone; the next one that wants an ack covers it; committed it is at once."""
    first = replace(of(event(1, SlotTaken(1))), ack_later=True)
    assert hub.send(Channel.UP, batch.encode(first)) is None
    assert loss(hub.ledger, "ecole-a").received == 1
    ack = hub.send_batch(of(event(2, SlotTaken(2))))
    assert (ack.upto, ack.missing) == (2, ())


def test_what_cannot_wait_is_said_even_when_the_ack_may(tmp_path: Path) -> None:
    """A schema that is lacking is asked for at once, whatever the batch says of its ack."""
    hub = TestHub(tmp_path, schema_known=False)
    ack = hub.send_batch(replace(of(samples(1, [60], [100])), ack_later=True))
    assert ack.schemas_wanted == (SCHEMA_ID,)
    hub.ledger.close()


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(batches())
def test_any_batch_a_site_can_send_is_taken_and_every_answer_survives_it(
    tmp_path_factory: pytest.TempPathFactory, sent: batch.Batch
) -> None:
    """Absurd seqs, boots, uptimes and anchors from an enrolled site harm no step and no answer."""
    hub = TestHub(tmp_path_factory.mktemp("hub"))
    tables = tuple(replace(rows, table=0, columns=((1,) * len(rows),) * 3) for rows in sent.tables[:1])
    fitting = replace(sent, schema_id=SCHEMA_ID if tables else b"", tables=tables, ack_later=False)
    if tables or fitting.events:
        ack = hub.send_batch(fitting)
        assert control.decode_ack(control.encode_ack(ack)).batches == ack.batches
        assert hub.send_batch(fitting).batches == ack.batches
    now_ms = NOON_MS + 86_400_000
    list_sites(hub.ledger, now_ms)
    latest(hub.ledger, "ecole-a")
    loss(hub.ledger, "ecole-a")
    day_of(hub.ledger, hub.store, site="ecole-a", day=None, now_ms=now_ms)
    series(hub.ledger, hub.store, site="ecole-a", metric="panel_power_w", start=utc(10**12), end=utc(now_ms), step="1d")
    while hub.store.roll_up(now_ms):
        pass
    hub.ledger.close()


def test_an_anchor_that_comes_late_moves_the_rows_between_it_and_the_next(hub: TestHub) -> None:
    """Batches do not come in order: dates, spans, summaries and charges follow the anchor all the same."""
    day_ms = 86_400_000
    late = event(6, ChargingSession(1, 9, 1, 1500, 1, 1600, EndReason.UNPLUGGED), uptime_s=1600)
    hub.send_batch(of(anchor(1, 2000, NOON_MS), samples(2, [1500], [7]), late))
    assert hub.store.roll_up(NOON_MS + 3 * day_ms)
    hub.send_batch(of(anchor(3, 1000, NOON_MS - day_ms - 1_000_000)))
    found = hub.store.samples("ecole-a", ["controller.panel_power_w"], 0, 2 * NOON_MS)["controller.panel_power_w"]
    assert [sample.utc_ms for sample in found] == [NOON_MS - day_ms - 500_000]
    (session,) = hub.ledger.sessions("ecole-a", 0, 2 * NOON_MS)
    assert session.start.utc_ms == NOON_MS - day_ms - 500_000
    today, yesterday = (
        hub.store.hours("ecole-a", ["controller.panel_power_w"], start_ms, start_ms + day_ms)[
            "controller.panel_power_w"
        ]
        for start_ms in (NOON_MS // day_ms * day_ms, (NOON_MS // day_ms - 1) * day_ms)
    )
    assert (len(today), len(yesterday)) == (0, 1)


def test_an_anchor_that_comes_after_later_rows_dates_them_too(hub: TestHub) -> None:
    """Rows that overtook the last anchor of their boot are moved by it, with their summaries and charges."""
    hub.send_batch(of(anchor(1, 0, NOON_MS - 86_400_000)))
    late = event(5, ChargingSession(1, 9, 1, 1500, 1, 1600, EndReason.UNPLUGGED), uptime_s=1600)
    hub.send_batch(of(samples(4, [1500], [7]), late))
    hub.send_batch(of(anchor(2, 1000, NOON_MS - 86_400_000 + 3_600_000)))
    start_ms = NOON_MS - 86_400_000 + 3_600_000 + 500_000
    found = hub.store.samples("ecole-a", ["controller.panel_power_w"], 0, 2 * NOON_MS)["controller.panel_power_w"]
    assert [sample.utc_ms for sample in found] == [start_ms]
    (session,) = hub.ledger.sessions("ecole-a", 0, 2 * NOON_MS)
    assert session.start.utc_ms == start_ms


def test_a_gap_cannot_settle_what_is_still_to_come(hub: TestHub) -> None:
    """A row may only speak of rows before it."""
    ack = hub.send_batch(of(event(3, Gap(1, 10**6, GapCause.LOST))))
    assert (ack.upto, ack.missing) == (3, ())
    assert hub.send_batch(of(samples(5, [60], [1]))).missing == ((4, 4),)


def test_a_row_that_arrived_is_not_lost_whatever_was_declared(hub: TestHub) -> None:
    """Received, missing and lost add up to the highest row."""
    hub.send_batch(of(samples(1, [60, 120, 180], [1, 2, 3])))
    hub.send_batch(of(event(6, Gap(2, 5, GapCause.DISK_FULL))))
    answer = loss(hub.ledger, "ecole-a")
    assert (answer.received, answer.lost, answer.missing, answer.epochs[0].highest_seq) == (4, {"disk_full": 2}, 0, 6)


def test_numbers_passed_over_by_a_start_that_the_card_forgot_are_not_settled(hub: TestHub) -> None:
    """Another start lives among them: an ack that settled them would have the site drop rows that it never sent."""
    hub.send_batch(of(event(1, AgentStarted("1", "a"))))
    ack = hub.send_batch(of(event(91, Gap(2, 90, GapCause.UNUSED)), event(92, AgentStarted("1", "b"))))
    assert (ack.upto, ack.missing) == (92, ())
    ack = hub.send_batch(of(event(51, Gap(2, 50, GapCause.UNUSED)), event(52, AgentStarted("1", "c"))))
    assert (ack.upto, ack.missing) == (92, ((53, 90),))


def test_a_day_too_wild_to_be_stored_is_computed_instead(hub: TestHub) -> None:
    """Sums beyond what a column holds stop neither the ingest nor the answers."""
    schema_payload = schema.encode(Schema((TableSpec("system", 900, (ColumnSpec("system.sent_bytes", 0),)),)))
    hub.send(Channel.SCHEMA, schema_payload)
    huge = batch.TableRows(0, (2, 3, 4), (1, 1, 1), (0, 60, 120), ((2**52 - 1,) * 3,))
    wild = batch.Batch(1, schema.schema_id(schema_payload), (huge,), (anchor(1, 0, NOON_MS - 2 * 86_400_000),))
    hub.send_batch(wild)
    assert hub.store.roll_up(NOON_MS)
    assert not hub.store.roll_up(NOON_MS)
    start_ms = NOON_MS - 2 * 86_400_000
    (hour,) = hub.store.hours("ecole-a", ["system.sent_bytes"], start_ms, start_ms + 3_600_000)["system.sent_bytes"]
    assert hour.count == 3


def test_an_implausible_value_is_not_shown_by_the_hub_either(hub: TestHub) -> None:
    """A figure that no site can have measured is absent from series and present state."""
    hub.send_batch(of(anchor(1, 0, NOON_MS), samples(2, [0, 60], [10**8, 5])), at_ms=NOON_MS + 60_000)
    found = hub.store.samples("ecole-a", ["controller.panel_power_w"], 0, 2 * NOON_MS)["controller.panel_power_w"]
    assert [sample.value for sample in found] == [5]


def test_one_gap_over_thousands_of_others_is_taken(hub: TestHub) -> None:
    """However many ranges become one, no statement has more keys than a database takes."""
    gaps = (event(10**6 + number, Gap(3 * number + 1, 3 * number + 1, GapCause.LOST)) for number in range(2000))
    hub.send_batch(of(*gaps))
    ack = hub.send_batch(of(event(2 * 10**6, Gap(1, 10**6 - 1, GapCause.LOST))))
    assert hub.consumer.counters.retries == 0
    assert ack.missing == ((10**6 + 2000, 2 * 10**6 - 1),)


def test_batches_that_claim_to_be_of_every_boot_are_read_once(hub: TestHub, monkeypatch: pytest.MonkeyPatch) -> None:
    """A hundred anchors of a hundred boots cost one reading of each batch that may have their rows, not a hundred."""
    for number in range(5):
        rows = samples(1000 + 2 * number, [60, 120], [1, 2])
        hub.send_batch(of(replace(rows, boots=(1, 2**40))))
    read: list[int] = []
    sound = SqlTransaction.archived

    def archived(self: SqlTransaction, archive_id: int) -> Archived:
        read.append(archive_id)
        return sound(self, archive_id)

    monkeypatch.setattr(SqlTransaction, "archived", archived)
    hub.send_batch(of(*(anchor(10**6 + boot, 5, NOON_MS - 10**6, boot=boot) for boot in range(2, 102))))
    assert sorted(read) == [1, 2, 3, 4, 5]


def test_a_site_that_invents_columns_does_not_swell_what_is_shown_of_it(
    hub: TestHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The newest values of a bounded number of columns are kept; those that are oldest give way."""
    monkeypatch.setattr(transaction, "LATEST_MAX", 4)
    for number in range(1, 5):
        names = tuple(ColumnSpec(f"d{number}-{column}.soc_pct", 0) for column in range(2))
        payload = schema.encode(Schema((TableSpec("t", 60, names),)))
        hub.send(Channel.SCHEMA, payload)
        rows = batch.TableRows(0, (10 * number,), (1,), (60 * number,), ((50,), (60,)))
        sent = batch.Batch(
            1, schema.schema_id(payload), (rows,), (anchor(10 * number + 1, 60 * number, NOON_MS + number),)
        )
        hub.send_batch(sent, NOON_MS + 10_000)
    found = {value.column for value in latest(hub.ledger, "ecole-a")}
    assert found == {f"d{number}-{column}.soc_pct" for number in (3, 4) for column in range(2)}
