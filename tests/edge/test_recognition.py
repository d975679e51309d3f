"""What is asked to recognise a device, what the answers mean, and what is never asked."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace

import pytest

from edge.errors import EdgeError, Refused, RetryLater
from edge.frames import READS, Request, crc16, find_reply
from edge.profiles import Bus, Probe, Profile
from edge.readplan import Block, Words
from edge.recognition import (
    ALONE,
    Sign,
    Unit,
    at_home,
    familiar_first,
    first_question,
    fitting,
    likely_first,
    read_through,
    recognises,
    sign_of,
)
from edge.registers import Table
from edge.settings import Connection
from edge.survey import Ask, survey
from firmware_config import profile_names
from tests.edge.devices import (
    NOW,
    SILENCE,
    all_blocks,
    answering,
    device,
    everything,
    image,
    mute,
    profile,
)

SWITCHES_OFF = (range(10_009, 10_101), range(20_017, 20_101))
"""Registers of MUST inverters; whoever reads them switches the inverter off."""

FUNCTIONS = {Table.COIL: 1, Table.DISCRETE: 2, Table.HOLDING: 3, Table.INPUT: 4}
FACTORY = Connection("/dev/ttyUSB0", 115200)
RTU = Request(1, 3, 0x100, 1)


def _crc(body: bytes) -> bytes:
    return body + crc16(body).to_bytes(2, "little")


def _asked(one: Profile, ask: Ask) -> None:
    """Ask all that a scan may ask of a device: the probe, then what is polled, nameplate and clock."""
    with suppress(EdgeError):
        recognises(one, ask)
    for line in one.probe:  # also the lines behind one that does not hold
        with suppress(EdgeError):
            texts = [text for text in one.nameplate if text.name == line.nameplate]
            survey(ask, one, [quantity for quantity in one.all if quantity.metric == line.metric], texts)
    with suppress(EdgeError):
        survey(ask, one, one.quantities, one.nameplate, one.clock)


@pytest.mark.parametrize("name", profile_names())
def test_no_question_of_a_scan_can_switch_an_inverter_off(name: str) -> None:
    """Whatever a device answers, no profile asks for registers that are deadly to MUST, and none writes."""
    blocks = all_blocks([profile(name)], _asked)
    assert blocks
    for block in blocks:
        assert FUNCTIONS[block.table] in READS
        assert block.table in (Table.COIL, Table.DISCRETE) or not any(
            at in deadly for deadly in SWITCHES_OFF for at in range(block.address, block.end)
        )


@pytest.mark.parametrize("name", profile_names())
def test_a_scan_reads_nothing_that_the_profile_does_not_name(name: str) -> None:
    """Every register read belongs to the profile, to a gap that it lets a request cross, or to a SunSpec list."""
    one = profile(name)
    if one.models:
        return
    known = {(table, at) for table, at in image(name)}
    for block in all_blocks([one], _asked):
        assert {(block.table, at) for at in range(block.address, block.end, block.step)} <= known


@pytest.mark.parametrize("one", everything(), ids=lambda one: one.name)
def test_a_device_is_recognised_by_its_profile_and_by_no_other(one: Profile) -> None:
    """Each simulated device fits its own profile, whole, and no second one."""
    unit = Unit(one.bus.unit, lambda _, block, bus: device(one.name)(block, bus))
    assert fitting(everything(), unit) == [one]


@pytest.mark.parametrize("word", [0, 1, 120, 240, 1300, 0x4141, 0xFFFF])
def test_a_device_that_says_the_same_everywhere_is_nothing_we_know(word: int) -> None:
    """Gateways and sleeping devices answer every question with the same word; that is no device."""
    assert fitting(everything(), Unit(1, lambda *asked: (word,) * asked[1].count)) == []


def test_one_that_others_may_switch_off_is_asked_nothing_more() -> None:
    """A MUST inverter that is tried first hears only questions of its own profile."""
    (must,) = (one for one in everything() if one.name.startswith(ALONE))
    asked: list[Block] = []

    def line(_: int, block: Block, bus: Bus) -> Words:
        asked.append(block)
        return device(must.name)(block, bus)

    home = Connection("/dev/ttyUSB0", must.bus.baud)
    assert fitting(likely_first(everything(), home, must.bus.unit), Unit(must.bus.unit, line)) == [must]
    assert set(asked) <= all_blocks([must], _asked)


@pytest.mark.parametrize(("like", "fits"), [("SIM", True), ("S[A-Z]+$", True), ("TED", False), ("", False)])
def test_a_nameplate_must_match_from_its_start(like: str, *, fits: bool) -> None:
    """A pattern that matches in the middle of a text only, or a text that is not there, recognises nothing."""
    one = replace(profile("srne-rover"), probe=(Probe(nameplate="model", like=like),))
    (model,) = (text for text in one.nameplate if text.name == "model")
    registers = image("srne-rover")
    for i, word in enumerate(model.laid("SIMULATED" if like else "")):
        registers[model.table, model.address + i] = word
    assert recognises(one, lambda block: answering(registers)(block, one.bus)) is fits


@pytest.mark.parametrize("volts", [7.9, 70.1, 90.0])
def test_a_metric_must_be_plausible_and_in_its_bounds(volts: float) -> None:
    """A figure beside its bounds, or one that cannot be, recognises nothing."""
    one = profile("srne-rover")
    assert recognises(one, lambda block: device("srne-rover", battery_voltage_v=12.0)(block, one.bus))
    assert not recognises(one, lambda block: device("srne-rover", battery_voltage_v=volts)(block, one.bus))


def test_a_profile_without_a_probe_recognises_nothing() -> None:
    """It is left out of a scan, rather than taken for everything."""
    bare = replace(profile("epever-tracer"), probe=())
    assert familiar_first([bare]) == ()
    assert not recognises(bare, lambda block: device("epever-tracer")(block, bare.bus))


def test_the_most_familiar_come_first() -> None:
    """EPEVER, then SRNE and Renogy, then PZEM; whom we do not rank comes last, in order of name."""
    names = [one.name for one in everything()]
    wanted = ["epever-tracer", "srne-rover", "pzem-dc"]
    assert sorted(wanted, key=names.index) == wanted
    assert names.index("pzem-dc") < names.index("victron-system")


def test_those_at_home_on_a_line_come_first() -> None:
    """The speed counts more than the unit number, and stop bits not at all."""
    epever, rover, meter = profile("epever-tracer"), profile("srne-rover"), profile("pzem-dc")
    slow = Connection("/dev/ttyUSB0", 9600, "none", 1)
    assert at_home(meter, slow)
    assert not at_home(meter, Connection("/dev/ttyUSB0", 9600, "even", 2))
    assert likely_first([epever, rover, meter], slow, 1) == [rover, meter, epever]
    assert likely_first([epever, rover, meter], FACTORY, 1)[0] == epever


def test_the_first_question_is_that_of_the_first_line_of_the_probe() -> None:
    """A presence is found out by a question that recognition needs anyway."""
    assert first_question(profile("epever-tracer")) == Block(Table.INPUT, 0x3000, 1)


def test_nothing_is_read_twice() -> None:
    """What a wider answer told already is not asked again, and neither is what was refused."""
    asked: list[Block] = []
    bus = profile("epever-tracer").bus

    def line(_: int, block: Block, __: Bus) -> Words:
        asked.append(block)
        if block.address == 9:
            raise Refused("does not know this address")
        return tuple(range(block.address, block.address + block.count))

    unit = Unit(1, line)
    assert unit.ask(Block(Table.INPUT, 0, 4), bus) == (0, 1, 2, 3)
    assert unit.ask(Block(Table.INPUT, 2, 2), bus) == (2, 3)
    for _ in range(2):
        with pytest.raises(Refused):
            unit.ask(Block(Table.INPUT, 9, 1), bus)
    assert asked == [Block(Table.INPUT, 0, 4), Block(Table.INPUT, 9, 1)]
    assert unit.alive


def test_a_lost_answer_is_asked_for_again_only_of_a_living_unit() -> None:
    """A unit that never said anything costs one time-out; one that did may lose an answer now and then."""
    losses = [True, False, True, False]
    bus = profile("epever-tracer").bus
    asked: list[int] = []

    def line(_: int, block: Block, __: Bus) -> Words:
        asked.append(block.address)
        if losses.pop(0):
            raise RetryLater(SILENCE)
        return (7,)

    unit = Unit(1, line)
    with pytest.raises(RetryLater):
        unit.ask(Block(Table.INPUT, 1, 1), bus)
    assert not unit.alive
    assert unit.ask(Block(Table.INPUT, 2, 1), bus) == (7,)
    assert unit.ask(Block(Table.INPUT, 3, 1), bus) == (7,)
    assert asked == [1, 2, 3, 3]


def test_a_silent_device_is_left_alone_once_it_is_known() -> None:
    """What a device that says nothing to strangers is, is found; then others' questions end."""
    asked: list[Block] = []

    def line(_: int, block: Block, bus: Bus) -> Words:
        asked.append(block)
        return mute(image("pzem-dc"))(block, bus)

    meter = profile("pzem-dc")
    assert fitting(likely_first(everything(), Connection("p", 9600), 1), Unit(1, line))[:1] == [meter]
    again = len(asked)
    asked.clear()
    assert fitting([meter, *everything()], Unit(1, line))[:1] == [meter]
    assert len(asked) < again


def test_a_device_is_read_through_as_far_as_it_answers() -> None:
    """One refused register costs its reading; silence twice in a row ends the questions, and both leave a share."""
    whole = read_through(profile("epever-tracer"), Unit(1, lambda _, block, bus: device("epever-tracer")(block, bus)))
    assert whole.share == 1.0
    assert whole.clock == f"{NOW:%Y-%m-%d %H:%M:%S}"
    registers = image("epever-tracer")
    del registers[Table.INPUT, 0x3201]
    less = read_through(profile("epever-tracer"), Unit(1, lambda _, block, bus: answering(registers)(block, bus)))
    assert 0.8 < less.share < 1.0
    turns = iter(range(100))

    def dying(_: int, block: Block, bus: Bus) -> Words:
        if next(turns) >= 2:
            raise RetryLater(SILENCE)
        return device("epever-tracer")(block, bus)

    part = read_through(profile("epever-tracer"), Unit(1, dying))
    assert 0 < part.share < less.share
    assert next(turns) < 10


def test_a_sunspec_device_that_hides_its_list_tells_nothing() -> None:
    """That is no crash: the fit has no readings."""

    def refusing(*_: object) -> Words:
        raise Refused("does not know this address")

    assert read_through(profile("sunspec"), Unit(1, refusing)).share == 0.0


def test_nameplate_and_missing_sensors_are_told() -> None:
    """The model is read, and a sensor that the device marks as missing speaks neither for nor against the profile."""
    one = profile("srne-rover")
    fit = read_through(
        one, Unit(1, lambda _, block, bus: device("srne-rover", battery_voltage_min_today_v=0)(block, bus))
    )
    assert "model" in fit.nameplate
    assert fit.share == 1.0
    assert fit.clock == ""


def test_zeros_of_a_sleeping_device_are_no_readings() -> None:
    """Where the profile says that zeros mean nothing, a block of them tells nothing."""
    asleep = next(one for one in everything() if one.zeros_are_nothing)
    fit = read_through(asleep, Unit(1, lambda *asked: (0,) * asked[1].count))
    blocks = [block for block in fit.survey.answers if block.count >= 4]
    assert blocks
    assert fit.share < 1.0


@pytest.mark.parametrize(
    ("heard", "sign"),
    [
        (b"", Sign.SILENCE),
        (RTU.encode(), Sign.ECHO),
        (b"\x00\xff\x13\x37", Sign.NOISE),
        (_crc(b"\x02\x03\x02\x00\x01"), Sign.NOISE),
        (_crc(b"\x01\x03\x02\x00\x01") + _crc(b"\x01\x03\x02\x00\x02"), Sign.CLASH),
    ],
)
def test_what_is_heard_is_sorted(heard: bytes, sign: Sign) -> None:
    """The complaints of the frames are known here by their words."""
    said = find_reply(heard, RTU)
    assert said.reply is None
    assert sign_of(RetryLater(f"/dev/ttyUSB0 unit 1 gave no valid answer to holding: {said.complaint}")) is sign


@pytest.mark.parametrize(
    ("error", "sign"),
    [
        (Refused("unit 1 does not know this address"), Sign.ANSWER),
        (RetryLater("unit 1 is busy"), Sign.ANSWER),
        (RetryLater("unit 1 reports a fault of its own"), Sign.ANSWER),
        (RetryLater("unit 1 answers with exception 5 (holding)"), Sign.ANSWER),
        (RetryLater("unit 1 answers with exception 10 (holding)"), Sign.SILENCE),
        (RetryLater("unit 1 answers with exception 11 (holding)"), Sign.SILENCE),
        (RetryLater("the scan is being closed"), Sign.SILENCE),
        (RetryLater("no answer within 30 s"), Sign.SILENCE),
        (RetryLater("gave no valid answer: the connection broke"), Sign.HUNG_UP),
        (RetryLater("/dev/ttyUSB0 broke off; was the adapter pulled?"), Sign.ABSENT),
        (RetryLater("h:502 cannot be opened; is the address right, the device on?"), Sign.ABSENT),
        (RetryLater("p cannot be opened; another program holds it"), Sign.TAKEN),
        (RetryLater("p cannot be opened; may this user open it? Members of dialout may"), Sign.DENIED),
    ],
)
def test_errors_of_a_line_are_sorted(error: EdgeError, sign: Sign) -> None:
    """A gateway's word that nobody answers is silence; a device that is busy is there."""
    assert sign_of(error) is sign
