"""Which speeds and unit numbers a scan tries, in which order, what it costs, and where it ends."""

from __future__ import annotations

from dataclasses import replace

import pytest

from edge.errors import Refused, RetryLater
from edge.profiles import Bus
from edge.readplan import Block, Words
from edge.recognition import Sign, familiar_first, first_question
from edge.scan import ANY_UNIT, BAUDS, Plan, Search, Searched, said
from edge.settings import Connection
from tests.edge.devices import SILENCE, World, device, everything, image, mute, profile

PORT = "/dev/ttyUSB0"
FAST, SLOW, MUST = Connection(PORT, 115200), Connection(PORT, 9600), Connection(PORT, 19200)
HOST = Connection(host="gateway", tcp_port=502)
ALL = Plan(everything())
FEW = Plan(familiar_first(map(profile, ("epever-tracer", "srne-rover", "pzem-dc"))))


def look(world: World, plan: Plan = ALL) -> Searched:
    """Search a serial port."""
    return Search(PORT, plan.serial(PORT), plan, world.open, world.said.append).run()


def look_at_host(world: World, plan: Plan = ALL, tcp_port: int = 0) -> Searched:
    """Search a host."""
    return Search("gateway", plan.network("gateway", tcp_port), plan, world.open, world.said.append).run()


def names(result: Searched) -> list[tuple[int, int, str]]:
    """Say speed, unit and profile of what was found."""
    return [(one.connection.baud, one.unit, one.profile.name) for one in result.found]


def test_the_most_common_device_is_found_by_the_first_question() -> None:
    """An EPEVER as it comes from the factory answers what is asked first of all."""
    world = World({FAST: {1: device("epever-tracer")}})
    assert names(look(world)) == [(115200, 1, "epever-tracer")]
    assert world.asked[0] == (FAST, 1, first_question(profile("epever-tracer")))
    assert not [connection for connection, _, _ in world.asked if connection.baud != 115200]


def test_several_devices_of_a_line_are_found() -> None:
    """Whoever shares the speed of the first is found too, whatever its number, and is read through."""
    world = World({SLOW: {1: device("srne-rover"), 7: device("pzem-dc"), 210: device("daly-bms")}})
    result = look(world)
    assert names(result) == [(9600, 1, "srne-rover"), (9600, 7, "pzem-dc"), (9600, 210, "daly-bms")]
    assert [one.fits[0].share for one in result.found] == [1.0] * 3
    assert result.strangers == []


def test_a_number_that_was_changed_is_found() -> None:
    """When nobody has the number of the factory, 1 to 16 are tried at the speeds of the profiles."""
    assert names(look(World({SLOW: {16: device("pzem-dc")}}))) == [(9600, 16, "pzem-dc")]
    assert look(World({SLOW: {17: device("pzem-dc")}})).found == []


def test_a_silent_unit_costs_one_question() -> None:
    """On a dead line, the first round asks each number once at each speed, not once for each profile."""
    world = World({})
    result = look(world)
    own = {(one.bus.baud, one.bus.parity, one.bus.unit) for one in ALL.profiles if one.bus.baud}
    first = world.asked[: len(own)]
    assert {(connection.baud, connection.parity, unit) for connection, unit, _ in first} == own
    sweeps = 16 * len(ALL.serial(PORT))
    assert len(world.asked) <= len(own) + len(ALL.profiles) + sweeps
    assert (result.found, result.strangers, result.worst) == ([], [], Sign.SILENCE)
    assert result.signs[Sign.SILENCE] == len(world.asked)


def test_a_device_that_is_mute_to_strangers_is_found_by_its_own_question() -> None:
    """A meter that ignores whatever it does not know is asked what it does know."""
    world = World({SLOW: {1: mute(image("pzem-ac"))}})
    assert names(look(world)) == [(9600, 1, "pzem-ac")]


def test_a_must_inverter_hears_only_its_own_questions() -> None:
    """At 19200 its profile is first, and once it is known nobody else's question is asked of it."""
    own = profile("must-pv18")
    world = World({MUST: {own.bus.unit: device("must-pv18")}})
    assert names(look(world)) == [(19200, own.bus.unit, "must-pv18")]
    known = {(table, at) for table, at in image("must-pv18")}
    blocks = {block for connection, unit, block in world.asked if (connection.baud, unit) == (19200, own.bus.unit)}
    assert blocks
    assert all((block.table, at) in known for block in blocks for at in range(block.address, block.end))


def test_lines_are_opened_once_for_all_who_share_their_settings() -> None:
    """One and two stop bits are one setting, sent with two; parity makes another."""
    settings = [(one.baud, one.parity, one.stop_bits) for one in ALL.serial(PORT)]
    assert settings[:2] == [(115200, "none", 1), (9600, "none", 2)]
    assert (9600, "even", 1) in settings
    assert len(settings) == len(set(settings))


def test_a_speed_from_the_factory_is_preferred_where_any_speed_answers() -> None:
    """On a line that answers at any speed, as a simulated one does, the device is given its own."""
    assert names(look(World({}, {1: device("srne-rover")}))) == [(9600, 1, "srne-rover")]
    both = World({}, {1: device("epever-tracer"), 2: device("srne-rover")})
    assert names(look(both)) == [(115200, 1, "epever-tracer"), (115200, 2, "srne-rover")]
    two = World({}, {1: device("srne-rover"), 2: device("pzem-dc"), 3: device("epever-tracer")})
    assert {baud for baud, _, _ in names(look(two))} == {9600}


def test_a_speed_that_was_changed_is_kept() -> None:
    """A device set to another speed is found at it, and does not answer at its own."""
    assert names(look(World({FAST: {1: device("srne-rover")}}))) == [(115200, 1, "srne-rover")]


def test_thorough_tries_every_speed_and_every_number() -> None:
    """A device at an odd speed with a high number is found then, and only then."""
    odd = Connection(PORT, 57600)
    assert look(World({odd: {200: device("pzem-dc")}}), FEW).found == []
    assert names(look(World({odd: {200: device("pzem-dc")}}), replace(FEW, thorough=True))) == [(57600, 200, "pzem-dc")]
    assert {one.baud for one in replace(ALL, thorough=True).serial(PORT)} == set(BAUDS)


def test_only_what_is_wanted_is_tried() -> None:
    """Units, speeds and profiles that the technician names are the only ones asked."""
    world = World({})
    look(world, replace(ALL, units=(5, 6), bauds=(4800, 9600)))
    assert set(world.units()) == {5, 6}
    assert {connection.baud for connection, _, _ in world.asked} == {4800, 9600}
    meters = Plan((profile("pzem-dc"),))
    assert look(World({SLOW: {1: device("srne-rover")}}), meters).found == []
    assert {one.baud for one in meters.serial(PORT)} == {9600}


def test_whom_nobody_recognises_is_told_with_what_it_answered() -> None:
    """A unit that says no, or something unknown, is a stranger with its words, not silence."""

    def stranger(block: Block, _: Bus) -> Words:
        if block.address == 0:
            return (0xBEEF,) * block.count
        raise Refused("unit 3 does not know this address")

    world = World({SLOW: {3: stranger}})
    result = look(world)
    assert result.found == []
    (told,) = result.strangers
    assert (told.unit, told.connection.baud) == (3, 9600)
    assert set(told.answers.values()) >= {(0xBEEF,)}
    assert told.errors


def test_a_stranger_does_not_hide_a_device() -> None:
    """Whoever else is on the line is found beside it."""

    def stranger(_: Block, __: Bus) -> Words:
        raise Refused("unit 1 does not know this function")

    result = look(World({SLOW: {1: stranger, 4: device("pzem-dc")}}))
    assert names(result) == [(9600, 4, "pzem-dc")]
    assert [one.unit for one in result.strangers] == [1]


def test_when_several_profiles_fit_the_one_that_tells_more_is_first() -> None:
    """All are kept, in the order of how much of them makes sense; between equals the one at home comes first."""
    epever = profile("epever-tracer")
    extra = tuple(replace(one, registers=(replace(one.registers[0], address=9),)) for one in epever.quantities[:3])
    worse = replace(epever, name="epever-aaa", quantities=epever.quantities[3:] + extra)
    away = replace(epever, name="epever-bbb", bus=replace(epever.bus, baud=9600))
    result = look(World({FAST: {1: device("epever-tracer")}}), Plan((worse, away, epever)))
    (found,) = result.found
    assert [fit.profile.name for fit in found.fits] == ["epever-tracer", "epever-bbb", "epever-aaa"]
    assert found.fits[2].share < found.fits[0].share == 1.0


@pytest.mark.parametrize(
    ("why", "sign"),
    [
        ("cannot be opened; another program holds it", Sign.TAKEN),
        ("cannot be opened; may this user open it? Members of the group dialout may", Sign.DENIED),
        ("cannot be opened; is the cable in and the port name right?", Sign.ABSENT),
    ],
)
def test_a_port_that_cannot_be_opened_is_not_asked_for_long(why: str, sign: Sign) -> None:
    """One question is tried for each way to open it, and the reason is kept."""

    def closed(_: Block, __: Bus) -> Words:
        raise RetryLater(f"{PORT} {why}")

    world = World({}, dict.fromkeys(range(256), closed))
    result = look(world)
    assert result.unusable is sign
    assert len(world.asked) <= 3 * len(ALL.serial(PORT))


@pytest.mark.parametrize(
    ("complaint", "sign"),
    [
        ("4 bytes that make no sense: wrong baud rate, two masters, or a missing terminator?", Sign.NOISE),
        ("two different answers came: two masters, or two devices with the same unit number", Sign.CLASH),
        ("only our own request came back: the adapter echoes and the device is silent", Sign.ECHO),
    ],
)
def test_what_a_bad_line_says_is_remembered(complaint: str, sign: Sign) -> None:
    """A line with noise, an echo or two masters is told from a silent one, if nothing is found."""

    def noisy(block: Block, _: Bus) -> Words:
        raise RetryLater(f"gave no valid answer: {complaint if block.address else SILENCE}")

    result = look(World({}, dict.fromkeys(range(256), noisy)))
    assert (result.worst, result.unusable, result.found) == (sign, None, [])


def test_a_host_is_tried_at_the_ports_of_the_profiles() -> None:
    """502 is first; a port that is given is the only one."""
    ports = [one.tcp_port for one in ALL.network("gateway")]
    assert ports[0] == 502
    assert 8899 in ports
    assert [one.tcp_port for one in ALL.network("gateway", 1502)] == [1502]


def test_devices_behind_a_gateway_are_found() -> None:
    """Serial families stand behind a gateway too, each under its number; the gateway's no is silence."""

    def absent(_: Block, __: Bus) -> Words:
        raise RetryLater("gateway:502 unit 9 answers with exception 11 (holding)")

    devices = dict.fromkeys(range(1, 256), absent) | {1: device("epever-tracer"), 12: device("pzem-dc")}
    result = look_at_host(World({HOST: devices}))
    assert [(one.unit, one.profile.name, one.every_unit) for one in result.found] == [
        (1, "epever-tracer", False),
        (12, "pzem-dc", False),
    ]
    assert result.strangers == []
    assert result.serial is False


def test_a_host_that_answers_to_every_number_is_one_device() -> None:
    """It is told once, under the number of its profile, and the other numbers are not tried."""
    world = World({HOST: dict.fromkeys(range(1, 256), device("sunspec"))})
    (found,) = look_at_host(world).found
    assert (found.every_unit, found.unit, found.profile.name) == (True, profile("sunspec").bus.unit, "sunspec")
    assert ANY_UNIT == 246
    assert 16 not in world.units()


def test_families_without_a_serial_line_are_not_looked_for_on_one() -> None:
    """What is read over the network only is never asked for on a serial port."""
    away = [one for one in ALL.profiles if not one.bus.baud]
    assert away
    assert look(World({SLOW: {1: device(away[0].name)}})).found == []
    assert Plan(tuple(away)).serial(PORT) == []
    assert replace(Plan(tuple(away)), bauds=(9600,)).serial(PORT) == []


def test_what_is_tried_is_said() -> None:
    """The technician sees port and settings, once for each thing that is tried."""
    world = World({})
    look(world)
    assert world.said[0] == f"{PORT} at 115200 baud, no parity: with the numbers of the factory"
    assert len(set(world.said)) == len(world.said)
    assert said(HOST) == "gateway:502"
    assert said(Connection(PORT, 9600, "even")).endswith("even parity")
