"""Captured exchanges: decoded, or refused with a reason."""

from __future__ import annotations

import json
from io import StringIO
from typing import Any

import pytest

from edge import inspection, profiles
from edge.captures import Captures, DeviceRefusal
from edge.frames import Framing, Request, mbap_wrap, rtu_wrap
from firmware_config import load, profile_text
from tests.edge.test_profiles import HEAD


def captures(name: str = "epever-tracer") -> Captures:
    """Decode by a profile of ours."""
    return Captures(profiles.parse(load(profile_text(name), "device", name)))


def values(told: list[Any]) -> dict[str, Any]:
    """Pick the values."""
    return {one.name: one.value for one in told}


RATED = {
    "request_hex": Request(1, 4, 0x3000, 1).encode(Framing.RTU).hex(),
    "response_hex": rtu_wrap(1, bytes.fromhex("04023a98")).hex(),
}


def test_an_exchange_is_decoded() -> None:
    """A request and its response, over serial line or network, say what the registers hold."""
    assert values(captures().told(RATED)) == {"panel_rated_voltage_v": 150.0}
    tcp = {
        "transport": "tcp",
        "request_hex": mbap_wrap(7, 1, bytes.fromhex("0430000001")).hex(),
        "response_hex": mbap_wrap(7, 1, bytes.fromhex("04023a98")).hex(),
    }
    assert values(captures().told(tcp)) == {"panel_rated_voltage_v": 150.0}
    del tcp["transport"]
    assert values(captures().told(tcp)) == {"panel_rated_voltage_v": 150.0}


def test_a_response_alone_needs_its_address() -> None:
    """Where the request was not caught, address and function stand in for it."""
    alone = {"response_hex": RATED["response_hex"], "address": 0x3000, "function": 4, "count": 1}
    assert values(captures().told(alone)) == {"panel_rated_voltage_v": 150.0}
    tcp = mbap_wrap(3, 1, bytes.fromhex("04023a98")).hex()
    assert values(captures().told({**alone, "response_hex": tcp})) == {"panel_rated_voltage_v": 150.0}


def test_bytes_around_a_reply_are_skipped_and_told() -> None:
    """An echo or a stray byte before the reply costs nothing, but a note."""
    (told,) = captures().told({**RATED, "response_hex": "00" + RATED["request_hex"] + RATED["response_hex"]})
    assert (told.value, told.note) == (150.0, "bytes around the reply were skipped")


def test_registers_alone_are_decoded() -> None:
    """A list from an address on, or a mapping with gaps."""
    assert values(captures().told({"function": 4, "address": 0x311A, "registers": [70]})) == {"soc_pct": 70}
    scattered = {"function": 3, "registers": {"36864": 1, "36865": 100, "36886": 30}}
    said = values(captures().told(scattered))
    assert said == {"battery_type": 1, "battery_capacity_ah": 100, "equalise_interval_d": 30}


def test_what_was_written_is_decoded_as_such() -> None:
    """A write of words or of a coil says what was set, and that it was not read."""
    pdu = bytes.fromhex("1090130003") + b"\x06" + bytes.fromhex("180502020f07")
    clock = {"request_hex": rtu_wrap(1, pdu).hex(), "response_hex": rtu_wrap(1, pdu[:5]).hex()}
    (told,) = captures().told(clock)
    assert (told.name, told.value, told.note) == ("clock", "2015-07-02T02:24:05", "written, not read")
    coil = rtu_wrap(1, bytes.fromhex("050002ff00")).hex()
    assert values(captures().told({"request_hex": coil, "response_hex": coil})) == {"load_on": 1}
    coils = {
        "request_hex": rtu_wrap(1, bytes.fromhex("0f000200010101")).hex(),
        "response_hex": rtu_wrap(1, bytes.fromhex("0f00020001")).hex(),
    }
    assert values(captures().told(coils)) == {"load_on": 1}
    battery = rtu_wrap(1, bytes.fromhex("0690000002")).hex()
    assert values(captures().told({"request_hex": battery, "response_hex": battery})) == {"battery_type": 2}


def test_a_device_says_who_it_is() -> None:
    """Device identification gives maker, model and firmware as the device spells them."""
    pdu = bytes.fromhex("2b0e01010000040001") + b"A" + b"\x01\x01B" + b"\x02\x01C" + b"\x07\x01D"
    asked = rtu_wrap(1, bytes.fromhex("2b0e0100")).hex()
    said = values(captures().told({"request_hex": asked, "response_hex": rtu_wrap(1, pdu).hex()}))
    assert said == {"maker": "A", "model": "B", "firmware": "C", "object_7": "D"}


def test_a_network_reply_is_believed_to_be_paired() -> None:
    """Another transaction number, or bytes behind the frame, are told in a note; unit and function must still fit."""
    asked = mbap_wrap(7, 1, bytes.fromhex("0430000001")).hex()
    answered = mbap_wrap(6, 1, bytes.fromhex("04023a98")).hex() + "00"
    (told,) = captures().told({"request_hex": asked, "response_hex": answered, "transport": "tcp"})
    assert told.value == 150.0
    assert told.note == "1 bytes behind the frame were left out; answers transaction 6, not 7"
    foreign = mbap_wrap(7, 2, bytes.fromhex("04023a98")).hex()
    with pytest.raises(ValueError, match="unit 2 answers"):
        captures().told({"request_hex": asked, "response_hex": foreign, "transport": "tcp"})


def test_holding_and_input_registers_may_be_the_same() -> None:
    """Where a device answers both functions alike, either capture is decoded."""
    for function in (3, 4):
        said = captures("sunsaver-mppt").told({"function": function, "address": 8, "registers": [3990]})
        assert values(said)["battery_voltage_v"] == 12.18


def test_a_refusal_carries_its_code() -> None:
    """An exception is told in words, with the number of the standard."""
    exchange = {**RATED, "response_hex": rtu_wrap(1, bytes.fromhex("8402")).hex()}
    with pytest.raises(DeviceRefusal, match="exception 2: the device does not know this address") as caught:
        captures().told(exchange)
    assert caught.value.code == 2


@pytest.mark.parametrize(
    ("capture", "reason"),
    [
        ({}, "neither a response nor registers"),
        ({"response_hex": "xyz"}, "response_hex is not hexadecimal"),
        ({"response_hex": 5}, "response_hex is not hexadecimal"),
        ({"response_hex": RATED["response_hex"]}, "without its request, or address and function"),
        ({**RATED, "response_hex": RATED["response_hex"][:-2] + "00"}, "checksum"),
        ({**RATED, "response_hex": rtu_wrap(2, bytes.fromhex("04023a98")).hex()}, "unit 2 answers, but unit 1"),
        ({"registers": [1]}, "without an address"),
        ({"registers": 1.5}, "registers must be a list of words"),
        ({"registers": [None], "address": 1}, "register 0 is None, not a whole number from 0 to 65535"),
        ({"registers": [70000], "address": 1}, "register 0 is 70000"),
        ({"registers": {"x": 1}}, "'x' is no address of a register"),
        ({"registers": {"-1": 1}}, "'-1' is no address of a register"),
        ({"response_hex": "01", "address": 1, "function": 3}, "too short for any reply"),
        ({"response_hex": RATED["response_hex"], "address": "0x0000", "function": 4}, "address is '0x0000'"),
        ({"registers": [1], "address": 1, "function": 43}, "function 43 is no reading"),
        ({"registers": [1], "address": 1, "function": "x"}, "function is 'x', not a whole number"),
        ({"response_hex": RATED["response_hex"], "address": 1, "function": -4}, "function is -4"),
        ({"registers": [1], "address": 1, "function": 3}, "epever-tracer knows no register here"),
        (
            {
                "request_hex": rtu_wrap(1, b"\x43\x31\0\0\x76").hex(),
                "response_hex": rtu_wrap(1, b"\x43\0\0").hex(),
            },
            "function 67 is no reading of registers",
        ),
    ],
)
def test_what_cannot_be_relied_on_is_refused(capture: dict[str, Any], reason: str) -> None:
    """A damaged, foreign or incomplete capture gives a sentence and no value."""
    with pytest.raises(ValueError, match=reason):
        captures().told(capture)


SUNSPEC = """\
models:
  - ids: [1]
    about: common
    length: 65
    nameplate:
      - {name: model, table: holding, address: 2, count: 2, form: ascii}
  - ids: [802]
    about: battery
    length: 62
    registers:
      - {metric: soc_pct, table: holding, address: 3, type: u16}
"""


def test_a_sunspec_list_tells_where_its_models_are() -> None:
    """Marker, headers and end are told; a body is decoded where the list has put it, or by its length alone."""
    decoder = Captures(profiles.parse(load(HEAD + SUNSPEC, "device", "test")))

    def told(address: int, *words: int) -> dict[str, Any]:
        return values(decoder.told({"address": address, "function": 3, "slave": 71, "registers": list(words)}))

    assert told(40000, 0x5375, 0x6E53) == {"sunspec_marker": 40000}
    assert told(40002, 1, 65) == {"sunspec_model_1": 40002}
    assert told(40069, 802, 62) == {"sunspec_model_802": 40069}
    assert told(40133, 0xFFFF, 0) == {"sunspec_end": 40133}
    assert told(40072, 88) == {"soc_pct": 88}
    assert told(40000, 0x5375, 0x6E53, 1, 65) == {"sunspec_marker": 40000, "sunspec_model_1": 40002}
    body = [0] * 62
    body[1] = 55
    assert told(50000, *body) == {"soc_pct": 55}
    assert told(60003, *([66] * 62)) == {"soc_pct": 66}
    assert told(60000, 802, 62, 0, 44, *[0] * 60) == {"sunspec_model_802": 60000, "soc_pct": 44}


def test_words_of_a_device_that_counts_bytes_stand_two_apart() -> None:
    """A bare list of a JK's words is laid out as the device has them, and a dump of it reads back."""
    said = values(captures("jk-bms").told({"function": 3, "address": 0x1200, "registers": [3300, 3301, 3302]}))
    assert said == {"cell_1_voltage_v": 3.3, "cell_2_voltage_v": 3.301, "cell_3_voltage_v": 3.302}
    mapped = {"function": 3, "registers": {"0x1200": 3300, "4610": 3301}}
    assert values(captures("jk-bms").told(mapped)) == {"cell_1_voltage_v": 3.3, "cell_2_voltage_v": 3.301}


def test_a_scale_read_before_is_used_later() -> None:
    """A controller's own scale, once captured, is better than the usual one; another unit's is another's."""
    decoder = captures("tristar-mppt")
    volts = {"function": 4, "address": 0x18, "registers": [3504]}
    assert values(decoder.told(volts)) == {"battery_voltage_v": 19.25}
    decoder.told({"function": 4, "address": 0, "registers": [123, 57409]})
    (told,) = decoder.told(volts)
    assert (told.value, told.note) == (13.25, "with V_PU 123.876, read before")
    assert values(decoder.told(volts | {"slave": 2})) == {"battery_voltage_v": 19.25}


def test_a_scale_that_was_marked_as_none_makes_no_value() -> None:
    """What a device says it has no scale for is no reading, in a later capture too."""
    decoder = captures("sunspec")
    body = [0] * 50
    body[13] = 0x8000
    for words in ([103, 50], [103, 50, *body]):
        decoder.told({"function": 3, "address": 40_070, "registers": words})
    told = {one.name: one for one in decoder.told({"function": 3, "address": 40_084, "registers": [5]})}
    assert told["inverter_power_w"].value is None
    assert "marks" in told["inverter_power_w"].refused


def test_a_direction_is_not_assumed() -> None:
    """A power whose sign stands in a word that is not here is refused, not guessed to be charging."""
    (told,) = captures("daly-bms").told({"function": 3, "address": 0x39, "registers": [1351]})
    assert (told.value, told.refused) == (None, "its direction stands in a register that is not here")


def test_a_list_without_a_function_is_of_the_profile_s_own_table() -> None:
    """A meter's list at 0 is of its input registers, which is where the meter has them."""
    words = [2428, 13211, 0, 29946, 0, 7970, 0, 500, 93, 0]
    assert values(captures("pzem-ac").told({"address": 0, "registers": words}))["load_voltage_v"] == 242.8


def test_a_response_tells_its_own_count() -> None:
    """Where neither count nor registers stand beside it, the reply's byte count says how many words it has."""
    alone = {"response_hex": "0x" + RATED["response_hex"], "address": 0x3000, "function": 4}
    assert values(captures().told(alone)) == {"panel_rated_voltage_v": 150.0}
    bits = {"response_hex": rtu_wrap(1, bytes.fromhex("020100")).hex(), "address": 0x2000, "function": 2}
    assert values(captures().told(bits)) == {"overheated": 0}


def test_a_mapping_is_told_as_one_device() -> None:
    """Registers from here and there make each value once, and a sum of parts that are far apart."""
    scattered = {"function": 3, "registers": {"15206": 528, "25205": 527, "15213": 0, "25261": 8}}
    told = captures("must-pv18").told(scattered)
    assert [one.value for one in told if one.name == "battery_voltage_v"] == [52.7]
    assert len([one for one in told if one.name == "faults"]) == 1


def test_zeros_of_a_device_that_answers_so_are_refused() -> None:
    """What a device says of registers that it does not have is no reading of nothing."""
    with pytest.raises(ValueError, match="does not have these registers"):
        captures("deye-three-phase").told({"function": 3, "address": 514, "registers": [0] * 45})


def test_a_direction_is_not_carried_from_one_capture_to_the_next() -> None:
    """Charging now says nothing of charging later."""
    decoder = captures("daly-bms")
    decoder.told({"function": 3, "address": 0x28, "registers": [140, 30030, 900, 4157, 4127, 0, 0, 1]})
    (told,) = decoder.told({"function": 3, "address": 0x39, "registers": [1351]})
    assert told.value is None


def test_a_lone_word_of_a_text_or_a_clock_says_so() -> None:
    """A part of a time is no time, and is not nothing either."""
    (told,) = captures().told({"function": 3, "address": 0x9014, "registers": [514]})
    assert (told.name, told.value, told.refused) == ("clock", None, "takes 3 words, and not all of them are here")
    (model,) = captures("srne-rover").told({"function": 3, "address": 0x000D, "registers": [514]})
    assert (model.name, model.refused) == ("model", "takes 8 words, and not all of them are here")


@pytest.mark.parametrize("number", ["NaN", "1e400", "[NaN]", '{"a": Infinity}'])
def test_a_capture_whose_name_is_no_name_is_decoded_all_the_same(number: str) -> None:
    """What is said of it stays JSON; only a text or a number is repeated as its `id`."""
    line = json.dumps(RATED)[:-1] + f', "id": {number}}}'
    out = StringIO()
    inspection.decode(profiles.parse(load(profile_text("epever-tracer"), "device", "x")), [line], out)
    (said,) = [json.loads(text, parse_constant=pytest.fail) for text in out.getvalue().splitlines()]
    assert said.keys() & {"id", "metric"} == {"metric"}
