"""What answers mean: rows, and alarms that begin and end once."""

from __future__ import annotations

from dataclasses import replace

import pytest

from edge import profiles, readplan
from edge.devices import CLEAR_AFTER, REST_S, SLEEP_S, PolledDevice, load_powers
from edge.errors import EdgeError, Refused, RetryLater
from edge.ports import PollResult
from edge.profiles import Profile, registers_of
from edge.readplan import Block
from edge.registers import Table
from edge.schedule import BACK_OFF_AFTER
from edge.settings import Connection, Device
from firmware_config import load
from protocol.events import AlarmCleared, AlarmRaised

HEAD = """\
profile: test
title: Three registers in two blocks
sources: [none]
confidence: one source
wiring: [two wires]
bus: {baud: 9600, parity: none, stop_bits: 1, unit: 1, timeout_s: 1.0, pause_s: 0.0}
blocks: {count_max: 10, gap_max: 0}
registers:
"""
PROFILE = profiles.parse(
    load(
        HEAD
        + """\
  - {metric: load_power_w, table: input, address: 0, type: u16, scale: 0.1}
  - {metric: soc_pct,      table: input, address: 1, type: u16, invalid: [65535]}
  - {metric: charge_stage, table: input, address: 9, type: u16, map: {0: 0, 7: 4}}
""",
        "device",
        "test",
    )
)
FIRST, SECOND = readplan.plan(registers_of(PROFILE.quantities), PROFILE.limits)
SILENT = RetryLater("the line is silent")


def polled(profile: Profile, *metrics: str) -> PolledDevice:
    """Give a device of this profile that was never asked."""
    device = Device("controller", profile, Connection(), 5, 60, profile.only(metrics))
    return PolledDevice(0, device, device.quantities, "controller")


@pytest.fixture
def device() -> PolledDevice:
    """Give a device that was never asked."""
    return polled(PROFILE)


def result(
    first: tuple[int, ...] | None = (123, 50), second: tuple[int, ...] | None = (7,), error: EdgeError = SILENT
) -> PollResult:
    """Answer the two blocks, or not."""
    given = {FIRST: first, SECOND: second}
    return PollResult(
        "controller",
        {block: words for block, words in given.items() if words is not None},
        {block: error for block, words in given.items() if words is None},
    )


def test_a_poll_asks_for_everything_of_the_right_unit(device: PolledDevice) -> None:
    """The blocks of the read plan are asked, and the second is noted in which they were."""
    poll = device.poll(0.0)
    device.asked(77.9)
    assert (poll.device, poll.unit, poll.blocks) == ("controller", 5, (FIRST, SECOND))
    assert device.asked_at_s == 77


def test_answers_become_a_row_in_the_order_of_the_registers(device: PolledDevice) -> None:
    """Values are integers with the decimals of the schema; the latest are kept in units for people."""
    device.asked(77.9)
    assert device.take(result()) == ([123, 50, 4], [])
    assert device.state.latest == {"load_power_w": 12.3, "soc_pct": 50.0, "charge_stage": 4.0}
    assert (device.state.polls, device.state.failures, device.state.last_read_s) == (1, 0, 77.0)
    assert load_powers({"controller": device}, 80.0) == {"controller": 12.3}


def test_a_block_that_was_not_answered_is_a_hole(device: PolledDevice) -> None:
    """What one block lacks does not cost the others, and why it is lacking is kept."""
    assert device.take(result(second=None)) == ([123, 50, None], [])
    assert device.state.latest["charge_stage"] is None
    assert device.state.last_error == "the line is silent"
    assert device.take(result(first=None, error=Refused("no such address"))) == ([None, None, 4], [])
    assert device.state.last_error == "no such address"
    assert load_powers({"controller": device}, 80.0) == {"controller": None}


def test_silence_is_an_alarm_after_a_while_and_once(device: PolledDevice) -> None:
    """A device that answers nothing gives no row; after some polls it raises one alarm, cleared by the next answer."""
    device.take(result())
    nothing = result(first=None, second=None)
    outcomes = [device.take(nothing) for _ in range(BACK_OFF_AFTER + 3)]
    assert [values for values, _ in outcomes] == [None] * (BACK_OFF_AFTER + 3)
    alarms = [alarm for _, raised in outcomes for alarm in raised]
    assert alarms == [AlarmRaised("silent:controller", "the line is silent")]
    assert outcomes[BACK_OFF_AFTER - 1][1] == alarms
    assert device.state.latest == {"load_power_w": None, "soc_pct": None, "charge_stage": None}
    assert device.state.failures_in_a_row == BACK_OFF_AFTER + 3
    assert device.take(result()) == ([123, 50, 4], [AlarmCleared("silent:controller")])
    assert device.take(result()) == ([123, 50, 4], [])
    assert device.state.failures_in_a_row == 0


def test_a_short_silence_is_no_alarm(device: PolledDevice) -> None:
    """A few lost polls are forgotten by the next answer."""
    for _ in range(BACK_OFF_AFTER - 1):
        assert device.take(result(first=None, second=None)) == (None, [])
    assert device.take(result()) == ([123, 50, 4], [])


def test_nonsense_is_an_alarm_with_its_raw_value_and_no_figure(device: PolledDevice) -> None:
    """An impossible reading is never stored; the first of a spell raises an alarm, ten good ones clear it."""
    values, alarms = device.take(result(first=(123, 606)))
    assert values == [123, None, 4]
    assert alarms == [AlarmRaised("implausible:controller.soc_pct", "implausible, raw value 606")]
    assert device.state.latest["soc_pct"] is None
    assert device.take(result(first=(123, 607)))[1] == []
    outcomes = [device.take(result())[1] for _ in range(CLEAR_AFTER + 2)]
    assert outcomes == [[]] * (CLEAR_AFTER - 1) + [[AlarmCleared("implausible:controller.soc_pct")], [], []]
    assert device.state.problems == {"soc_pct:implausible": 2}


def test_a_spell_of_nonsense_goes_on_until_it_is_over(device: PolledDevice) -> None:
    """A relapse within ten readings is the same alarm."""
    device.take(result(first=(123, 606)))
    for _ in range(CLEAR_AFTER - 1):
        device.take(result())
    assert device.take(result(first=(123, 606)))[1] == []
    assert [device.take(result())[1] for _ in range(CLEAR_AFTER)][-1] != []


def test_a_code_nobody_knows_is_nonsense_too(device: PolledDevice) -> None:
    """An unmapped code of the device is reported like an impossible value."""
    values, alarms = device.take(result(second=(3,)))
    assert values == [123, 50, None]
    assert alarms == [AlarmRaised("implausible:controller.charge_stage", "unmapped, raw value 3")]


def test_a_marker_for_no_reading_is_no_alarm(device: PolledDevice) -> None:
    """A device that says "nothing to tell" is counted, no more, and does not end a spell of nonsense."""
    assert device.take(result(first=(123, 65535))) == ([123, None, 4], [])
    assert device.state.problems == {"soc_pct:invalid": 1}
    device.take(result(first=(123, 606)))
    outcomes = [device.take(result(first=(123, 65535)))[1] for _ in range(CLEAR_AFTER)]
    assert outcomes == [[]] * CLEAR_AFTER


def test_only_the_metrics_of_the_settings_are_asked_for() -> None:
    """What a site does not record costs no request."""
    device = polled(PROFILE, "soc_pct")
    assert device.poll(0.0).blocks == (Block(FIRST.table, 1, 1),)
    assert load_powers({"controller": device}, 80.0) == {"controller": None}


def test_a_load_that_was_not_read_lately_is_unknown(device: PolledDevice) -> None:
    """Lights are not told by a power that is older than two polls, nor by one that was never read."""
    assert device.load_power_w(50.0) is None
    device.asked(60.0)
    device.take(result())
    assert (device.load_power_w(180.0), device.load_power_w(181.0)) == (12.3, None)


NO = Refused("does not know this address")


def asks(device: PolledDevice) -> tuple[Block, ...]:
    """List what a device is asked for now."""
    return device.poll(float(device.asked_at_s)).blocks


def answered(device: PolledDevice, *words: tuple[int, ...] | EdgeError | None) -> tuple[object, list[object]]:
    """Ask the device, and let its blocks be answered, refused, or not asked any more, in their order."""
    blocks = asks(device)
    assert len(blocks) == len(words)
    given = dict(zip(blocks, words, strict=True))
    answers = {block: said for block, said in given.items() if isinstance(said, tuple)}
    values, alarms = device.take(
        PollResult("controller", answers, {b: said for b, said in given.items() if isinstance(said, EdgeError)})
    )
    return values, list(alarms)


def test_a_refused_block_is_asked_for_in_parts_then_left_alone_for_a_day(device: PolledDevice) -> None:
    """One address that a device does not know costs its neighbours nothing, and costs the bus one request a day."""
    assert answered(device, NO, (7,)) == ([None, None, 4], [])
    assert [block.count for block in asks(device)] == [1, 1, 1]
    device.asked(10)
    assert answered(device, (123,), NO, (7,)) == ([123, None, 4], [])
    assert asks(device) == (Block(FIRST.table, 0, 1), SECOND)
    device.asked(10 + REST_S)
    assert asks(device) == (Block(FIRST.table, 0, 1), Block(FIRST.table, 1, 1), SECOND)


def test_a_device_that_refuses_everything_is_asked_again(device: PolledDevice) -> None:
    """A wrong profile is a failure with its reason; every register is tried alone, and none is given up."""
    assert answered(device, NO, NO) == (None, [])
    assert device.state.last_error == str(NO)
    assert [block.count for block in asks(device)] == [1, 1, 1]
    assert answered(device, NO, NO, NO) == (None, [])
    assert len(asks(device)) == 3


def test_one_unknown_register_does_not_cost_a_device_its_only_block() -> None:
    """A device whose one block is refused is read register by register from the next poll on."""
    device = polled(PROFILE, "load_power_w", "soc_pct")
    assert answered(device, NO) == (None, [])
    assert answered(device, (123,), NO) == ([123, None], [])


def test_a_block_that_a_device_ignores_is_asked_for_last(device: PolledDevice) -> None:
    """Behind a silent block none is asked, so it must not stand before those that are answered."""
    first, second = asks(device)
    device.take(PollResult("controller", {second: (7,)}, {first: SILENT}))
    assert asks(device) == (second, first)


def test_a_device_that_sleeps_at_night_is_no_alarm_until_it_overslept() -> None:
    """Silence of a charger without sun is expected; a whole day of it is not."""
    device = polled(replace(PROFILE, bus=replace(PROFILE.bus, sleeps=True)))
    answered(device, (123, 50), (7,))
    nothing = result(first=None, second=None)
    for _ in range(BACK_OFF_AFTER + 2):
        assert device.take(nothing) == (None, [])
    device.asked(SLEEP_S + 1)
    assert device.take(nothing) == (None, [AlarmRaised("silent:controller", "the line is silent")])


def test_zeros_may_mean_that_there_is_nothing() -> None:
    """Where a profile says so, answers of nothing but zeros are a failure, not a reading of 0 V."""
    four = "".join(
        f"  - {{metric: {metric}, table: input, address: {i}, type: u16}}\n"
        for i, metric in enumerate(("load_power_w", "soc_pct", "battery_voltage_v", "panel_voltage_v"))
    )
    text = HEAD.replace("gap_max: 0}", "gap_max: 0, zeros: nothing}") + four
    device = polled(profiles.parse(load(text, "device", "test")))
    assert answered(device, (0, 0, 0, 0)) == (None, [])
    assert "another model" in device.state.last_error
    assert answered(device, (0, 0, 12, 0)) == ([0, 0, 12, 0], [])


SUNSPEC = (
    HEAD[: HEAD.index("registers:")]
    + """\
models:
  - ids: [802]
    about: battery
    registers:
      - {metric: soc_pct, table: holding, address: 3, type: u16}
"""
)


def walked(device: PolledDevice, *words: tuple[int, ...] | EdgeError) -> list[list[object]]:
    """Lead a device along its list; give the alarms of each step."""
    alarms = []
    for said in words:
        values, raised = answered(device, said)
        assert values is None
        alarms.append(raised)
    return alarms


def test_a_sunspec_device_is_asked_for_its_list_first() -> None:
    """Marker and models are looked for one by one; then the registers are read where the device has them."""
    device = polled(profiles.parse(load(SUNSPEC, "device", "test")))
    steps: list[tuple[int, ...] | EdgeError] = [NO, (0x5375, 0x6E53), (1, 65), (802, 62)]
    assert walked(device, *steps) == [[]] * 4
    walked(device, (0xFFFF, 0))
    assert device.state.failures == 0
    assert asks(device) == (Block(Table.HOLDING, 2 + 67 + 3, 1),)
    assert answered(device, (88,)) == ([88], [])


def test_a_sunspec_device_without_a_wanted_model_says_so() -> None:
    """A meter behind an inverter's profile is a failure with its reason, not a row of holes."""
    device = polled(profiles.parse(load(SUNSPEC, "device", "test")))
    walked(device, (0x5375, 0x6E53), (203, 105), (0xFFFF, 0))
    assert answered(device) == (None, [])
    assert device.state.last_error == "the device has nothing of what is wanted from it"


def test_a_list_that_cannot_be_walked_is_begun_anew() -> None:
    """Silence, no marker and nonsense are failures with a reason; the next poll starts from the beginning."""
    device = polled(profiles.parse(load(SUNSPEC, "device", "test")))
    start = asks(device)
    walked(device, NO, NO, NO)
    assert "no SunSpec marker at 40000, 0, 50000" in device.state.last_error
    assert device.state.failures == 1
    assert asks(device) == start
    walked(device, (0x5375, 0x6E53), SILENT)
    assert asks(device) == start
    assert device.state.failures_in_a_row == 1


def test_a_device_that_was_silent_for_long_may_be_another() -> None:
    """After some failed polls the list is walked anew: a successor has its models elsewhere."""
    device = polled(profiles.parse(load(SUNSPEC, "device", "test")))
    walked(device, (0x5375, 0x6E53), (802, 62), (0xFFFF, 0))
    assert answered(device, (88,)) == ([88], [])
    for _ in range(BACK_OFF_AFTER):
        answered(device, SILENT)
    assert asks(device) == (Block(Table.HOLDING, 40_000, 2),)


TWO_COUNTERS = (
    HEAD
    + """\
  - {metric: generated_total_kwh, table: input, address: 9, type: u16}
  - {metric: generated_total_kwh, table: input, address: 0, type: u16, join: else}
"""
)


def test_a_counter_that_was_not_heard_is_not_another_counter() -> None:
    """A lost answer is a hole; a second source stands in only where the device refuses the first."""
    device = polled(profiles.parse(load(TWO_COUNTERS, "device", "test")))
    second, first = asks(device)
    assert device.take(PollResult("controller", {second: (300,), first: (800,)}))[0] == [800]
    assert device.take(PollResult("controller", {second: (300,)}, {first: SILENT}))[0] == [None]
    assert device.take(PollResult("controller", {second: (300,)}, {first: NO}))[0] == [300]


def test_a_block_of_zeros_that_cannot_be_is_not_there() -> None:
    """Where a profile says so, zeros are no reading in a block where something is never zero, and are in others."""
    lines = "".join(
        f"  - {{metric: {metric}, table: input, address: {at}, type: u16{more}}}\n"
        for metric, at, more in (
            ("battery_voltage_v", 0, ""),
            ("battery_temp_c", 1, ", offset: -1000, scale: 0.1"),
            ("panel_power_w", 9, ""),
            ("load_power_w", 20, ""),
        )
    )
    text = HEAD.replace("gap_max: 0}", "gap_max: 0, zeros: nothing}") + lines
    device = polled(profiles.parse(load(text, "device", "test")))
    assert answered(device, (0, 0), (0,), (5,)) == ([None, None, 0, 5], [])
