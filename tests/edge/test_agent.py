"""The agent's one loop: collects whatever fails beside it, commits what must be, delivers until the hub has it."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from edge import settings as site_settings
from edge import tables
from edge.agent import ASK_AGAIN_S, Agent, Ports
from edge.clock import Instant
from edge.delivery import fitting
from edge.errors import RetryLater
from edge.ports import Poll, PollResult, SampleRow
from edge.settings import Settings
from edge.uplink import Uplink
from firmware_config import board_text, profile_text
from protocol import batch, schema
from protocol.batch import Batch, EventRow
from protocol.control import Ack, Refused
from protocol.events import (
    AgentStarted,
    AlarmCleared,
    AlarmRaised,
    AnchorSource,
    ChargingSession,
    ClockAnchor,
    EndReason,
    Gap,
    GapCause,
    SlotTaken,
)
from protocol.limits import PAYLOAD_MAX_BYTES
from protocol.live import Command
from protocol.topics import Channel
from tests.fakes import MemoryOutbox

SITE = """\
site: {id: ecole-a, name: École A, kind: school, commune: Kaya, shard: 1}
devices:
  controller:
    profile: epever-tracer
    connection: {port: /dev/ttyUSB0}
    poll_interval_s: 10
    metrics: [battery_voltage_v, soc_pct, load_power_w]
kiosk: {board: kiosk-8, slots: [1, 2]}
lights: {from: load_power, on_above_w: 10}
uplink: {host: hub.example.org}
"""
LIGHTS = "lights: {from: load_power, on_above_w: 10}\n"
NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
WORDS = {0x310E: 2000, 0x310F: 0, 0x311A: 80, 0x331A: 1250}


@dataclass
class Reader:
    """A line whose device answers, is silent, or hangs for ever."""

    words: dict[int, int] = field(default_factory=lambda: dict(WORDS))
    silent: bool = False
    hangs: bool = False
    results: list[PollResult] = field(default_factory=list)

    def start(self, poll: Poll) -> bool:
        """See `RegisterReader.start`."""
        if self.hangs:
            return True
        if self.silent:
            self.results.append(PollResult(poll.device, {}, dict.fromkeys(poll.blocks, RetryLater("no answer"))))
        else:
            answers = {b: tuple(self.words.get(b.address + i, 0) for i in range(b.count)) for b in poll.blocks}
            self.results.append(PollResult(poll.device, answers))
        return True

    def finished(self) -> list[PollResult]:
        """See `RegisterReader.finished`."""
        results, self.results = self.results, []
        return results


@dataclass
class Link:
    """A link that the test answers by hand."""

    up: bool = True
    sent: list[tuple[Channel, bytes]] = field(default_factory=list)
    waiting: list[Ack] = field(default_factory=list)
    told: list[Command] = field(default_factory=list)
    attempts: int = 0

    def connect(self) -> None:
        """See `Link.connect`."""
        self.attempts += 1

    def connected(self) -> bool:
        """See `Link.connected`."""
        return self.up

    def connecting(self) -> bool:
        """See `Link.connecting`."""
        return False

    def hang_up(self) -> None:
        """See `Link.hang_up`."""
        self.up = False

    def publish(self, channel: Channel, payload: bytes) -> None:
        """See `Link.publish`."""
        self.sent.append((channel, payload))

    def acks(self) -> list[Ack]:
        """See `Link.acks`."""
        acks, self.waiting = self.waiting, []
        return acks

    def commands(self) -> list[Command]:
        """See `Link.commands`."""
        commands, self.told = self.told, []
        return commands

    def batches(self) -> list[tuple[int, Batch]]:
        """Decode what was sent upwards, with the batch ids."""
        payloads = [payload for channel, payload in self.sent if channel is Channel.UP]
        return [(batch.batch_id(payload), batch.decode(payload)) for payload in payloads]


@dataclass
class Pins:
    """Slot levels that the test sets."""

    taken: set[int] = field(default_factory=set)

    def levels(self) -> Mapping[int, bool]:
        """See `SlotWatcher.levels`."""
        return {slot: slot in self.taken for slot in (1, 2)}

    def lights(self) -> bool | None:
        """See `SlotWatcher.lights`."""
        return None


class Probe:
    """A Pi without a thermometer."""

    def readings(self) -> Mapping[str, int | None]:
        """See `Probe.readings`."""
        return {"cpu_temp_c": None, "memory_free_mb": 300, "disk_free_mb": 1000}


class Bench:
    """An agent with everything around it in the test's hand; time passes when the test says so."""

    def __init__(
        self,
        outbox: MemoryOutbox | None = None,
        *,
        boot: int = 1,
        synced: bool = True,
        at_s: float = 0.0,
        site: str = SITE,
    ) -> None:
        self.settings: Settings = site_settings.parse(
            site, "site.yaml", profile_text=profile_text, board_text=board_text
        )
        self.outbox = outbox if outbox is not None else MemoryOutbox()
        payload = schema.encode(tables.schema_of(self.settings))
        self.schema_id = schema.schema_id(payload)
        self.outbox.use_schema(self.schema_id, payload)
        self.reader, self.link, self.pins = Reader(), Link(), Pins()
        self.synced = synced
        uplink = Uplink(self.outbox.epoch, 900, 60, random.Random(1))  # noqa: S311
        ports = Ports(self.outbox, {"controller": self.reader}, self.link, Probe(), self.pins)
        self.agent = Agent(self.settings, ports, uplink, boot)
        self.at_s = at_s
        self.agent.start(self.now(), f"boot {boot}")

    def now(self) -> Instant:
        """Tell the present instant."""
        return Instant(self.at_s, NOON + timedelta(seconds=self.at_s), self.synced)

    def run(self, seconds: float, step_s: float = 0.5) -> None:
        """Let time pass."""
        end = self.at_s + seconds
        while self.at_s < end:
            self.agent.step(self.now())
            self.at_s += step_s

    def committed(self) -> list[object]:
        """List the events that would survive a power cut."""
        return [row.event for row in self.outbox.pending(10_000, frozenset()) if isinstance(row, EventRow)]

    def acknowledge(self, **what: object) -> None:
        """Have the hub acknowledge the last batch."""
        batch_id, sent = self.link.batches()[-1]
        ack = {"batches": (batch_id,), "utc_ms": round(self.now().utc.timestamp() * 1000), **what}
        self.link.waiting.append(Ack(sent.epoch, 0, **ack))  # type: ignore[arg-type]


def test_the_first_batch_carries_start_anchor_and_samples() -> None:
    """A site that starts says so, says what time it is, and what it measures."""
    bench = Bench()
    bench.run(3)
    _, sent = bench.link.batches()[0]
    kinds = [type(row.event) for row in sent.events]
    assert kinds == [AgentStarted, ClockAnchor]
    bench.acknowledge()
    bench.run(1000)
    _, later = bench.link.batches()[1]
    controller = next(table for table in later.tables if table.table == 0)
    assert set(controller.columns[0]) == {2000}
    site = next(table for table in later.tables if table.table == 1)
    assert set(site.columns[0]) == {1}


def test_money_is_committed_at_once_and_telemetry_together() -> None:
    """A charge survives a power cut half a second later; samples are spared one commit each."""
    bench = Bench()
    bench.run(5)
    bench.run(10)
    before = bench.outbox.uncommitted()
    bench.pins.taken = {2}
    bench.run(3)
    assert SlotTaken(2) in bench.committed()
    assert before > 0


def test_a_charge_has_its_slot_and_its_ends() -> None:
    """From first level to last, debounce not counted."""
    bench = Bench()
    bench.run(10)
    bench.pins.taken = {1}
    bench.run(600)
    bench.pins.taken = set()
    bench.run(5)
    (charge,) = (event for event in bench.committed() if isinstance(event, ChargingSession))
    assert (charge.slot, charge.start_uptime_s, charge.end_uptime_s, charge.reason) == (1, 10, 610, EndReason.UNPLUGGED)


def test_a_device_that_hangs_does_not_keep_slots_from_being_seen() -> None:
    """One dead device never starves the others or the slots."""
    bench = Bench()
    bench.reader.hangs = True
    bench.run(70)
    bench.pins.taken = {1}
    bench.run(5)
    assert SlotTaken(1) in bench.committed()


def test_a_silent_device_raises_one_alarm_and_clears_it() -> None:
    """The alarm comes after five silent polls, once, and goes with the first answer."""
    bench = Bench()
    bench.reader.silent = True
    bench.run(600)
    bench.reader.silent = False
    bench.run(120)
    alarms = [event for event in bench.committed() if isinstance(event, AlarmRaised | AlarmCleared)]
    assert [(type(alarm), alarm.code) for alarm in alarms] == [
        (AlarmRaised, "silent:controller"), (AlarmCleared, "silent:controller"),
    ]  # fmt: skip


def test_a_silent_device_leaves_the_lights_unknown() -> None:
    """Lights told by a load that nobody measured are not dark."""
    bench = Bench()
    bench.reader.silent = True
    bench.run(200)
    rows = [
        row for row in bench.outbox.pending(10_000, frozenset()) if not isinstance(row, EventRow) and row.table == 1
    ]
    assert rows
    assert all(row.values[0] is None for row in rows)


def test_an_implausible_value_is_no_figure_but_an_alarm() -> None:
    """606 % is counted, reported with its raw value, and absent from the row."""
    bench = Bench()
    bench.reader.words[0x311A] = 606
    bench.run(130)
    (alarm,) = (event for event in bench.committed() if isinstance(event, AlarmRaised))
    assert (alarm.code, "606" in alarm.detail) == ("implausible:controller.soc_pct", True)
    rows = [
        row for row in bench.outbox.pending(10_000, frozenset()) if not isinstance(row, EventRow) and row.table == 0
    ]
    assert all(row.values[1] is None for row in rows) or all(row.values[2] is None for row in rows)


def test_nothing_leaves_the_outbox_without_the_hubs_ack() -> None:
    """However long the network took the bytes, rows stay; with the ack they go."""
    bench = Bench()
    bench.run(30)
    waiting = bench.agent.waiting()
    assert waiting > 0
    assert bench.agent.uplink.in_flight
    bench.acknowledge()
    bench.run(1)
    assert bench.agent.waiting() < waiting


def test_an_ack_that_is_late_leads_to_the_same_rows_again() -> None:
    """What is not acknowledged in time is sent again with the same identities."""
    bench = Bench()
    bench.run(300)
    sent = [set(found.seqs()) for _, found in bench.link.batches()]
    assert len(sent) >= 2
    assert sent[0] <= set().union(*sent[1:])


def test_an_alarm_does_not_wait_for_the_interval() -> None:
    """The next batch leaves at once when something is wrong."""
    bench = Bench()
    bench.run(3)
    bench.acknowledge()
    bench.run(1)
    before = len(bench.link.batches())
    bench.reader.words[0x311A] = 606
    bench.run(62)
    assert len(bench.link.batches()) == before + 1


def test_a_schema_is_sent_when_the_hub_asks() -> None:
    """The batch goes again after its schema."""
    bench = Bench()
    bench.run(3)
    bench.acknowledge()
    bench.run(1000)
    count = len(bench.link.batches())
    bench.acknowledge(batches=(), schemas_wanted=(bench.schema_id,))
    bench.run(1)
    channels = [channel for channel, _ in bench.link.sent]
    assert Channel.SCHEMA in channels
    assert len(bench.link.batches()) > count


def test_a_batch_that_is_refused_is_halved_until_the_bad_row_stands_alone() -> None:
    """One bad row is set aside and declared; all others arrive."""
    bench = Bench()
    bench.run(3)
    bench.acknowledge()
    bench.run(400)
    bad = max(seq for _, sent in bench.link.batches() for seq in sent.seqs()) + 3
    stored: set[int] = set()
    answered = len(bench.link.batches())
    for _ in range(2000):
        bench.run(1, 1)
        for batch_id, sent in bench.link.batches()[answered:]:
            seqs = set(sent.seqs())
            if bad in seqs:
                bench.link.waiting.append(Ack(0, 0, 0, refused=(Refused(batch_id, "cannot be read"),)))
            else:
                stored |= seqs
                bench.link.waiting.append(Ack(bench.outbox.epoch, 0, 0, batches=(batch_id,)))
        answered = len(bench.link.batches())
        if any(
            Gap(bad, bad, GapCause.REFUSED_BY_HUB) in [r.event for r in sent.events] for _, sent in bench.link.batches()
        ):
            break
    assert bad not in stored
    assert bench.outbox.kept[bad].startswith("refused")
    assert {bad - 1, bad + 1} <= stored


def test_a_disk_that_refuses_is_reported_once_and_forgets_nothing() -> None:
    """The alarm is stored when there is room again, with everything taken meanwhile."""
    bench = Bench()
    bench.run(5)
    bench.outbox.disk_refuses = "disk is full"
    bench.pins.taken = {1}
    bench.run(300)
    assert SlotTaken(1) not in bench.committed()
    bench.outbox.disk_refuses = None
    bench.run(130)
    events = bench.committed()
    assert SlotTaken(1) in events
    alarms = [event for event in events if isinstance(event, AlarmRaised | AlarmCleared)]
    assert [(type(a), a.code) for a in alarms] == [
        (AlarmRaised, "outbox-not-writable"), (AlarmCleared, "outbox-not-writable"),
    ]  # fmt: skip


def test_a_damaged_outbox_is_reported_by_its_successor() -> None:
    """Damage is an event, not an exit."""
    bench = Bench(MemoryOutbox(damage="file is not a database"))
    bench.run(5)
    assert AlarmRaised("outbox-damaged", "file is not a database") in bench.committed()


def test_without_ntp_the_hubs_ack_tells_the_time() -> None:
    """The anchor lies between sending and receiving, and its error is half of that."""
    bench = Bench(synced=False)
    bench.run(3)
    assert not [event for event in bench.committed() if isinstance(event, ClockAnchor)]
    sent_s = next(iter(bench.agent.uplink.in_flight.values())).sent_s
    bench.at_s = sent_s + 4
    bench.acknowledge(utc_ms=1_795_000_000_000)
    bench.run(70)
    (row,) = (
        row
        for row in bench.outbox.pending(10_000, frozenset())
        if isinstance(row, EventRow) and isinstance(row.event, ClockAnchor)
    )
    assert isinstance(row.event, ClockAnchor)
    assert (row.event.source, row.event.error_ms) == (AnchorSource.HUB, 2001)
    assert row.event.utc_ms - 1000 * row.uptime_s == 1_795_000_000_000 - 1000 * (sent_s + 2)


def test_an_open_charge_survives_a_restart_of_the_agent() -> None:
    """Ten seconds without the agent do not end a charge."""
    first = Bench()
    first.run(5)
    first.pins.taken = {1}
    first.run(100)
    first.agent.commit(first.at_s)
    second = Bench(first.outbox.reopen(), at_s=first.at_s + 10)
    second.pins.taken = {1}
    second.run(50)
    second.pins.taken = set()
    second.run(5)
    (charge,) = (event for event in second.committed() if isinstance(event, ChargingSession))
    assert (charge.start_uptime_s, charge.end_uptime_s, charge.found) == (5, int(first.at_s + 10 + 50), False)


def test_a_charge_that_a_power_cut_interrupts_ends_when_it_was_last_seen() -> None:
    """The new boot closes it with the reason, and what is still plugged in begins as found."""
    first = Bench()
    first.run(5)
    first.pins.taken = {1}
    first.run(300)
    second = Bench(first.outbox.reopen(), boot=2)
    second.pins.taken = {1}
    second.run(5)
    (charge,) = (event for event in second.committed() if isinstance(event, ChargingSession))
    assert (charge.reason, charge.end_boot) == (EndReason.POWER_LOSS, 1)
    assert 240 <= charge.end_uptime_s <= 305
    assert SlotTaken(1, found=True) in second.committed()


def test_a_lost_connection_puts_everything_in_flight_back() -> None:
    """After reconnecting, what was on its way goes again."""
    bench = Bench()
    bench.run(3)
    sent = set(bench.link.batches()[0][1].seqs())
    bench.link.up = False
    bench.run(30)
    assert not bench.agent.uplink.in_flight
    assert bench.link.attempts >= 1
    bench.link.up = True
    bench.run(1)
    assert sent <= set(bench.link.batches()[-1][1].seqs())


def test_a_batch_too_large_for_the_wire_is_halved_until_it_fits() -> None:
    """However much waits, no payload exceeds what the hub takes."""
    rows: list[SampleRow | EventRow] = [
        EventRow(seq, 1, 0, AlarmRaised("".join(random.Random(seq).choices("abcdefghij", k=500)), "x" * 500))  # noqa: S311
        for seq in range(1, 481)
    ]
    taken, message, payload = fitting(1, rows)
    assert 0 < len(taken) < len(rows)
    assert [row.seq for row in message.events] == [row.seq for row in taken]
    assert len(payload) <= PAYLOAD_MAX_BYTES


def test_a_connection_without_any_ack_is_given_up() -> None:
    """A link that looks alive but brings nothing back is hung up and made anew."""
    bench = Bench()
    bench.run(4000, 5)
    assert not bench.link.up
    assert bench.link.attempts > 0


def test_a_refused_row_is_declared_before_it_is_given_up() -> None:
    """When the power goes in between, the hub still learns why the row is missing."""
    bench = Bench()
    bench.run(3)
    bench.acknowledge()
    bench.run(1)
    bench.agent.uplink.rows_max = 1
    bench.run(70)
    batch_id, sent = bench.link.batches()[-1]
    (seq,) = sent.seqs()
    bench.outbox.disk_refuses = "disk is full"
    bench.link.waiting.append(Ack(0, 0, 0, refused=(Refused(batch_id, "cannot be read"),)))
    bench.run(1)
    declared = Gap(seq, seq, GapCause.REFUSED_BY_HUB) in bench.committed()
    assert (declared, seq in bench.outbox.kept) == (False, False)
    bench.outbox.disk_refuses = None
    bench.run(130)
    assert Gap(seq, seq, GapCause.REFUSED_BY_HUB) in bench.committed()


def ratings(bench: Bench) -> list[SampleRow]:
    """List the rows of ratings and set points."""
    (table,) = [i for i, one in enumerate(tables.schema_of(bench.settings).tables) if one.name == "controller-settings"]
    rows = bench.outbox.pending(100_000, frozenset())
    return [row for row in rows if isinstance(row, SampleRow) and row.table == table]


def test_ratings_are_read_at_the_start_and_once_a_day() -> None:
    """What hardly ever changes costs one row a day."""
    bench = Bench()
    bench.link.up = False
    bench.run(3 * 3600, step_s=5)
    assert [row.uptime_s for row in ratings(bench)] == [0]
    bench.run(22 * 3600, step_s=5)
    assert [row.uptime_s for row in ratings(bench)] == [0, 86_400]


def test_ratings_that_could_not_be_read_are_asked_for_again_soon() -> None:
    """A controller that was off at the start tells its ratings within minutes of being on, and silence is one alarm."""
    bench = Bench()
    bench.link.up = False
    bench.reader.silent = True
    bench.run(300)
    bench.reader.silent = False
    bench.run(ASK_AGAIN_S)
    assert len(ratings(bench)) == 1
    silences = [event for event in bench.committed() if isinstance(event, AlarmRaised)]
    assert [event.code for event in silences] == ["silent:controller"]


def test_a_device_with_a_list_is_led_along_it_at_once() -> None:
    """A SunSpec device is not asked one model a minute: the next step follows the answer."""
    bench = Bench(site=SITE.replace("epever-tracer", "sunspec").replace(", load_power_w", "").replace(LIGHTS, ""))
    bench.link.up = False
    words = (0x5375, 0x6E53, 802, 62, *[0] * 62, 0xFFFF, 0)
    bench.reader.words = {40_000 + i: word for i, word in enumerate(words)}
    bench.run(9)
    assert bench.agent.devices["controller"].state.last_read_s is not None


def test_the_controllers_clock_is_told_once_a_day() -> None:
    """As it stands, taken for UTC, from the source that dates nothing; a cable that is out is tried again soon."""
    bench = Bench()
    bench.link.up = False
    bench.reader.words |= {0x9013: 30 << 8 | 15, 0x9014: 23 << 8 | 9, 0x9015: 26 << 8 | 11}
    bench.reader.silent = True
    bench.run(300)
    assert clocks(bench) == []
    bench.reader.silent = False
    bench.run(ASK_AGAIN_S)
    (told,) = clocks(bench)
    assert told.utc_ms == round(datetime(2026, 11, 23, 9, 30, 15, tzinfo=UTC).timestamp() * 1000)
    bench.run(86_400, step_s=5)
    assert len(clocks(bench)) == 2


def test_a_controller_without_a_time_is_asked_again_tomorrow() -> None:
    """Zeros are no time, and no reason to ask all day."""
    bench = Bench()
    bench.link.up = False
    bench.run(3600, step_s=5)
    assert clocks(bench) == []


def clocks(bench: Bench) -> list[ClockAnchor]:
    """List what the controller's clock said."""
    anchors = [event for event in bench.committed() if isinstance(event, ClockAnchor)]
    return [anchor for anchor in anchors if anchor.source is AnchorSource.CONTROLLER]
