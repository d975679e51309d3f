"""Modbus frames: known ones byte for byte, damaged ones with a reason, and the reply among whatever else is heard."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.frames import (
    Framing,
    Heard,
    Reply,
    Request,
    crc16,
    find_reply,
    mbap_unwrap,
    mbap_wrap,
    parse_reply,
    parse_request,
    rtu_reply_size,
    rtu_request_size,
    rtu_unwrap,
    rtu_wrap,
)

VOLTAGE = Request(1, 4, 0x0000, 2)  # of an Eastron SDM120
VOLTAGE_REPLY = bytes.fromhex("0104044366e666c455")
VOLTAGE_WORDS = (0x4366, 0xE666)
BITS = Request(1, 1, 0x0300, 20)  # a request that has the very form of its reply
BITS_REPLY = rtu_wrap(1, bytes.fromhex("0103492402"))

SILENCE = "silence: is the device on, A and B not swapped, the baud rate right?"
ONLY_ECHO = "only our own request came back: the adapter echoes and the device is silent"
SENSELESS = "bytes that make no sense: wrong baud rate, two masters, or a missing terminator?"
OTHERS = "a late reply to another request, or a second master on the line"


def heard(*parts: bytes, request: Request = VOLTAGE, any_unit: bool = False) -> Heard:
    """Listen to these bytes after the request."""
    return find_reply(b"".join(parts), request, any_unit=any_unit)


@given(st.integers(0, 255), st.binary(min_size=1, max_size=200), st.integers(0, 1000), st.integers(1, 255))
def test_a_serial_frame_survives_and_a_damaged_one_does_not(unit: int, pdu: bytes, place: int, damage: int) -> None:
    """Wrapping and unwrapping is the identity; any changed byte breaks the checksum."""
    frame = rtu_wrap(unit, pdu)
    assert rtu_unwrap(frame) == (unit, pdu)
    broken = bytearray(frame)
    broken[place % len(frame)] ^= damage
    with pytest.raises(ValueError, match="the checksum is wrong"):
        rtu_unwrap(bytes(broken))


@given(st.integers(0, 65535), st.integers(0, 255), st.binary(min_size=1, max_size=253), st.binary(max_size=20))
def test_a_tcp_frame_survives_in_a_stream(transaction: int, unit: int, pdu: bytes, rest: bytes) -> None:
    """The first frame is found whatever follows, and not before its last byte is there."""
    frame = mbap_wrap(transaction, unit, pdu)
    assert mbap_unwrap(frame + rest) == (transaction, unit, pdu, len(frame))
    assert mbap_unwrap(frame[:-1]) is None
    assert mbap_unwrap(frame[:6]) is None


def test_what_is_not_modbus_tcp_is_said() -> None:
    """Another protocol on the port is no half frame to wait for."""
    with pytest.raises(ValueError, match="not Modbus TCP"):
        mbap_unwrap(b"GET / HTTP/1.0\r\n")


def test_the_checksum_is_that_of_the_standard() -> None:
    """The check value of CRC-16/MODBUS for "123456789" is 0x4B37."""
    assert crc16(b"123456789") == 0x4B37


def test_sizes_of_serial_frames() -> None:
    """Reads and single writes say their size by their function, others by a byte count, some not at all."""
    assert rtu_request_size(b"\x01") is None
    assert rtu_request_size(bytes.fromhex("0103")) == 8
    assert rtu_request_size(bytes.fromhex("011090130003")) is None
    assert rtu_request_size(bytes.fromhex("01109013000306")) == 15
    assert rtu_request_size(bytes.fromhex("012b0e01")) is None
    assert rtu_reply_size(b"\x01\x03") is None
    assert rtu_reply_size(bytes.fromhex("010306")) == 11
    assert rtu_reply_size(bytes.fromhex("018302")) == 5
    assert rtu_reply_size(bytes.fromhex("011090")) == 8
    assert rtu_reply_size(bytes.fromhex("012b0e")) is None


@pytest.mark.parametrize(
    ("frame", "request_"),
    [
        ("010390130003d90e", Request(1, 3, 0x9013, 3)),
        ("0104300000013eca", Request(1, 4, 0x3000, 1)),
        ("01050002ff002dfa", Request(1, 5, 2, 1, b"\xff\x00")),
        ("010f00000009020101252c", Request(1, 15, 0, 9, b"\x01\x01")),
        (
            rtu_wrap(1, bytes.fromhex("10901300020418050202")).hex(),
            Request(1, 16, 0x9013, 2, b"\x18\x05\x02\x02"),
        ),
        ("012b0e01007077", Request(1, 43, data=b"\x0e\x01\x00")),
    ],
    ids=["holding", "input", "coil", "coils", "registers", "identification"],
)
def test_a_captured_request_is_read_and_written_back(frame: str, request_: Request) -> None:
    """What a request says is found, and encoding it gives the captured bytes, on either kind of line."""
    data = bytes.fromhex(frame)
    assert parse_request(data, Framing.RTU) == request_
    assert request_.encode() == data
    tcp = mbap_wrap(7, 1, data[1:-2])
    over_tcp = parse_request(tcp, Framing.TCP)
    assert (over_tcp.pdu, over_tcp.transaction) == (request_.pdu, 7)
    assert over_tcp.encode(Framing.TCP) == tcp


@pytest.mark.parametrize(
    ("frame", "framing", "reason"),
    [
        ("0104300000013ecb", Framing.RTU, "the checksum is wrong: 3ecb, but these bytes give 3eca"),
        ("0104300000", Framing.RTU, "cut off: 5 of 8 bytes"),
        ("01", Framing.RTU, "cut off: a frame has at least 4 bytes, here are 1"),
        (rtu_wrap(1, b"\x04\x30\x00").hex(), Framing.RTU, "cut off: 6 of 8 bytes"),
        (rtu_wrap(1, bytes.fromhex("109013000203180502")).hex(), Framing.RTU, "the byte count says 3, but 2 values"),
        ("0007000000060104300000", Framing.TCP, "cut off: 11 bytes are no whole Modbus TCP frame"),
        ("00070000000601043000000100", Framing.TCP, "the head says 12 bytes, here are 13"),
        ("000700000004010430ff", Framing.TCP, "cut off: a request of function 4 has more than 3 bytes"),
        ("00070000000701043000000100", Framing.TCP, "a request of function 4 has 5 bytes, here are 6"),
        ("0007000000070110901300020418", Framing.TCP, "the head says 13 bytes, here are 14"),
    ],
)
def test_a_request_that_is_none_has_its_reason(frame: str, framing: Framing, reason: str) -> None:
    """Whoever captured a frame learns what is wrong with it."""
    with pytest.raises(ValueError, match=reason):
        parse_request(bytes.fromhex(frame), framing)


@pytest.mark.parametrize(
    ("request_", "reply", "expected"),
    [
        (Request(1, 3, 0x9013, 3), "010306180502020f070ae7", Reply(1, 3, (0x1805, 0x0202, 0x0F07))),
        (Request(1, 3, 0x3001, 1), "018302c0f1", Reply(1, 3, exception=2)),
        (BITS, BITS_REPLY.hex(), Reply(1, 1, (1, 0, 0, 1, 0, 0, 1, 0, 0, 0, 1, 0, 0, 1, 0, 0, 0, 1, 0, 0))),
        (Request(1, 5, 2, 1, b"\xff\x00"), "01050002ff002dfa", Reply(1, 5)),
        (Request(1, 43, data=b"\x0e"), rtu_wrap(1, b"\x2b\x0e\x01").hex(), Reply(1, 43, (0x0E, 0x01))),
    ],
    ids=["words", "exception", "bits", "write", "unknown function"],
)
def test_a_captured_reply_is_read(request_: Request, reply: str, expected: Reply) -> None:
    """Words, bits, exceptions and confirmations come out of a frame, on either kind of line."""
    data = bytes.fromhex(reply)
    assert parse_reply(data, Framing.RTU, request_) == expected
    assert parse_reply(mbap_wrap(0, 1, data[1:-2]), Framing.TCP, request_) == expected


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        (VOLTAGE_REPLY[:-1] + b"\x54", "the checksum is wrong: c454, but these bytes give c455"),
        (VOLTAGE_REPLY[:-2], "cut off: 7 of 9 bytes"),
        (rtu_wrap(2, VOLTAGE_REPLY[1:-2]), "unit 2 answers, but unit 1 was asked"),
        (rtu_wrap(1, b"\x03\x04" + bytes(4)), "function 3 answers, but function 4 was asked"),
        (rtu_wrap(1, b"\x83\x02"), "function 3 answers, but function 4 was asked"),
        (rtu_wrap(1, b"\x04\x02\x00\x01"), "2 bytes answer, but 2 values take 4"),
        (rtu_wrap(1, b"\x04\x04\x00\x01\x00\x02\x00"), "the byte count does not fit the 7 bytes"),
        (rtu_wrap(1, b"\x84\x02\x00"), "an exception has one code, here are 2 bytes"),
    ],
)
def test_a_reply_that_is_none_has_its_reason(reply: bytes, reason: str) -> None:
    """A damaged reply, or one to somebody else, is told apart from the one that was asked for."""
    with pytest.raises(ValueError, match=reason):
        parse_reply(reply, Framing.RTU, VOLTAGE)


def test_replies_over_tcp_and_to_writes_must_fit_too() -> None:
    """A transaction number tells a late reply; a confirmation must confirm what was written."""
    with pytest.raises(ValueError, match="the answer is to transaction 6, not 7"):
        parse_reply(mbap_wrap(6, 1, VOLTAGE_REPLY[1:-2]), Framing.TCP, Request(1, 4, 0, 2, transaction=7))
    with pytest.raises(ValueError, match="confirms another write"):
        parse_reply(rtu_wrap(1, b"\x06\x00\x02\x00\x01"), Framing.RTU, Request(1, 6, 2, 1, b"\x00\x02"))


def test_a_device_may_sign_with_another_number_where_that_is_allowed() -> None:
    """SRNE asked as 255 answers as 1, a Daly asked as 0x81 as 0x51; both captured, neither taken unless told so."""
    for asked, signed in ((255, 1), (0x81, 0x51)):
        request, reply = Request(asked, 3, 0x14, 2), rtu_wrap(signed, bytes.fromhex("03040297 00c9"))
        assert heard(reply, request=request, any_unit=True).reply == Reply(signed, 3, (0x0297, 0x00C9))
        assert heard(reply, request=request).complaint == (
            f"unit {signed} answers, but unit {asked} was asked: {OTHERS}"
        )


@pytest.mark.parametrize(
    "before",
    [
        b"",
        b"\x00",
        VOLTAGE.encode(),
        VOLTAGE.encode() + b"\x00",
        b"\xff\x01\x04",
        VOLTAGE_REPLY[:5],
        rtu_wrap(2, bytes.fromhex("04040102") + b"\x01\x04"),
        rtu_wrap(2, b"\x03" + bytes([8]) + VOLTAGE_REPLY[:8]),
        rtu_wrap(1, b"\x83\x02"),
        rtu_wrap(3, bytes.fromhex("0400000002")),
        rtu_wrap(3, bytes.fromhex("0600000002")),
        VOLTAGE_REPLY,
    ],
    ids=[
        "nothing", "zero", "echo", "echo and zero", "noise", "half a reply", "another unit", "ours inside another's",
        "another's exception", "a request to another unit", "a write to another unit", "the same twice",
    ],
)  # fmt: skip
@pytest.mark.parametrize("after", [b"", b"\x00\x00", b"\x01\x04\x04"])
def test_the_reply_is_found_among_others(before: bytes, after: bytes) -> None:
    """Echo, noise and other people's frames before and after do not hide the reply."""
    assert heard(before, VOLTAGE_REPLY, after).reply == Reply(1, 4, VOLTAGE_WORDS)
    for cut in range(len(VOLTAGE_REPLY)):
        early = heard(before, VOLTAGE_REPLY[:cut])
        assert early.reply is None or before == VOLTAGE_REPLY


@pytest.mark.parametrize(
    ("received", "complaint"),
    [
        ([], SILENCE),
        ([VOLTAGE.encode()], ONLY_ECHO),
        ([VOLTAGE.encode(), VOLTAGE.encode()], ONLY_ECHO),
        ([VOLTAGE.encode(), b"\x00"], f"1 {SENSELESS}"),
        ([VOLTAGE_REPLY[:-1]], f"8 {SENSELESS}"),
        ([rtu_wrap(1, b"\x03\x04" + bytes(4))], f"function 3 answers, but function 4 was asked: {OTHERS}"),
        ([rtu_wrap(1, b"\x04\x02" + bytes(2))], f"2 bytes answer, but 2 values take 4: {OTHERS}"),
        (
            [VOLTAGE_REPLY, rtu_wrap(1, b"\x04\x04" + bytes(4))],
            "two different answers came: two masters, or two devices with the same unit number",
        ),
        ([rtu_wrap(1, b"\x84\x06"), VOLTAGE_REPLY], "two different answers came"),
        (
            [rtu_wrap(1, bytes.fromhex("0400480002")), VOLTAGE_REPLY],
            "another master asks the same, and the answer may be to its request",
        ),
    ],
    ids=[
        "silence", "echo", "two echoes", "echo and noise", "cut off", "function", "length",
        "contradiction", "exception and answer", "another master",
    ],
)  # fmt: skip
def test_what_cannot_be_trusted_is_refused_with_a_reason(received: list[bytes], complaint: str) -> None:
    """A technician learns whether nothing came, only the echo, nonsense, or somebody else's talk."""
    assert heard(*received).reply is None
    assert heard(*received).complaint.startswith(complaint)


def test_a_glitch_before_a_captured_reply_is_skipped() -> None:
    """An SDM120 on a half-duplex adapter: 00 01 04 04 43 66 e6 66 c4 55 says 230.9 V."""
    assert heard(bytes.fromhex("000104044366e666c455")).reply == Reply(1, 4, VOLTAGE_WORDS)


def test_a_captured_late_reply_of_a_neighbour_is_not_taken_whole_or_in_pieces() -> None:
    """The meter, unit 1, was late: 01 04 04 45 66 E2 A1 87 8F came, partly or whole, when unit 4 had been asked."""
    late = bytes.fromhex("0104044566e2a1878f")
    inverter = Request(4, 3, 15201, 2)
    assert parse_reply(late, Framing.RTU, VOLTAGE).values == (0x4566, 0xE2A1)
    for function in (3, 4):
        request = Request(4, function, 15201, 2)
        assert heard(late, request=request).complaint == f"unit 1 answers, but unit 4 was asked: {OTHERS}"
        assert heard(late[4:], request=request).complaint == f"5 {SENSELESS}"
    own = rtu_wrap(4, bytes.fromhex("030400020001"))
    assert heard(late[4:], own, request=inverter).reply == Reply(4, 3, (2, 1))


def test_an_exception_is_a_reply() -> None:
    """A refusal is found like any answer, and only when it is to our function."""
    assert heard(b"\x00", rtu_wrap(1, b"\x84\x02")).reply == Reply(1, 4, exception=2)
    assert heard(rtu_wrap(1, b"\x83\x02")).reply is None


def test_a_request_that_looks_like_its_reply_is_not_taken_for_it() -> None:
    """Coils from 0x0300 on: the echo has a reply's form and checksum, and is an echo all the same."""
    echo = BITS.encode()
    assert parse_reply(echo, Framing.RTU, BITS).values != ()
    assert heard(echo, request=BITS).complaint == ONLY_ECHO
    reply = heard(echo, BITS_REPLY, request=BITS).reply
    assert reply == parse_reply(BITS_REPLY, Framing.RTU, BITS)


@given(st.binary(max_size=40), st.binary(max_size=40))
def test_noise_never_becomes_a_value(before: bytes, after: bytes) -> None:
    """Around a good reply, whatever noise: that reply or none."""
    assert heard(before, VOLTAGE_REPLY, after).reply in (None, Reply(1, 4, VOLTAGE_WORDS))
    assert heard(before, after).reply is None


def test_a_captured_request_for_more_than_a_reply_can_carry_finds_none() -> None:
    """It ends in a complaint about the line, not in one about bytes."""
    request = Request(1, 3, 0, 65_535)
    for heard in (b"", b"\x01\x03\xfe" + bytes(300), request.encode() + b"noise"):
        assert find_reply(heard, request).reply is None
