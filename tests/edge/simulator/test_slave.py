"""The Modbus slave as bytes: known frames, exceptions."""

from __future__ import annotations

from struct import pack

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.frames import rtu_unwrap, rtu_wrap
from edge.registers import Table
from edge.simulator.slave import Image, RegisterBank, answer

IMAGE: Image = {
    (Table.HOLDING, 0x9013): 6149,
    (Table.HOLDING, 0x9014): 514,
    (Table.HOLDING, 0x9015): 3847,
    (Table.INPUT, 0x3000): 15000,
    (Table.INPUT, 0x3002): 52000,
    (Table.DISCRETE, 0x200C): 1,
    **{(Table.COIL, address): address % 3 == 0 for address in range(20)},
}


class Writable:
    """A bank whose coil 2 and holding registers 0x9013 to 0x9015 can be written."""

    def __init__(self) -> None:
        self.written: list[tuple[Table, int, tuple[int, ...]]] = []
        self.bank = RegisterBank(lambda: IMAGE, self._write)

    def _write(self, table: Table, address: int, words: tuple[int, ...]) -> bool:
        inside = range(0x9013, 0x9016) if table is Table.HOLDING else range(2, 3)
        if address not in inside or address + len(words) - 1 not in inside:
            return False
        self.written.append((table, address, words))
        return True


READ_ONLY = RegisterBank(lambda: IMAGE)


@pytest.mark.parametrize(
    ("request_hex", "response_hex"),
    [
        ("010390130003d90e", "010306180502020f070ae7"),  # clock of an EPEVER Tracer2215BN, as captured
        ("0104300000013eca", "0104023a98aa3a"),  # its rated panel voltage, 150.00 V
        ("0104300200019f0a", "010402cb20efd8"),  # low word of its rated panel power
        ("010330010001daca", "018302c0f1"),  # the wrong table for that address: exception 2
    ],
)
def test_it_answers_as_a_captured_controller_did(request_hex: str, response_hex: str) -> None:
    """With the captured registers in the bank, request frames give the captured response frames, checksums and all."""
    unit, pdu = rtu_unwrap(bytes.fromhex(request_hex))
    assert rtu_wrap(unit, answer(pdu, READ_ONLY)).hex() == response_hex


@pytest.mark.parametrize(
    ("pdu", "expected"),
    [
        ("0100000014", "0103499204"),  # every third of twenty coils
        ("02200c0001", "020101"),
        ("02200b0002", "8202"),  # the neighbour does not exist
        ("0390160001", "8302"),
        ("0490130001", "8402"),
        ("0390130000", "8303"),  # none asked
        ("039013007e", "8303"),  # one more than a frame holds
        ("01000007d1", "8103"),
        ("03901300", "8303"),  # cut short
        ("0690131805", "8602"),  # nothing is writable here
        ("2b0e0100", "ab01"),  # a function it does not know
    ],
)
def test_reads_and_refusals(pdu: str, expected: str) -> None:
    """Bits are packed low first; exceptions 1, 2 and 3 are what the protocol says."""
    assert answer(bytes.fromhex(pdu), READ_ONLY).hex() == expected


@pytest.mark.parametrize(
    ("pdu", "expected", "written"),
    [
        ("050002ff00", "050002ff00", (Table.COIL, 2, (1,))),
        ("0500020000", "0500020000", (Table.COIL, 2, (0,))),
        ("0500021234", "8503", None),
        ("050003ff00", "8502", None),
        ("0690131805", "0690131805", (Table.HOLDING, 0x9013, (0x1805,))),
        ("10901300030618050202000f", "1090130003", (Table.HOLDING, 0x9013, (0x1805, 0x0202, 0x000F))),
        ("109015000204180502020000", "9003", None),  # more bytes than announced
        ("10901500020418050202", "9002", None),  # runs beyond what is there
        ("1090130000", "9003", None),
    ],
)
def test_writes(pdu: str, expected: str, written: tuple[Table, int, tuple[int, ...]] | None) -> None:
    """A write is taken whole and echoed, or refused whole."""
    device = Writable()
    assert answer(bytes.fromhex(pdu), device.bank).hex() == expected
    assert device.written == ([written] if written else [])


def test_a_request_sees_one_moment() -> None:
    """The image is asked once per request, so that two words of one number belong together."""
    asked: list[int] = []

    def image() -> Image:
        asked.append(len(asked))
        return {(Table.INPUT, address): len(asked) for address in range(10)}

    response = answer(bytes.fromhex("040000000a"), RegisterBank(image))
    assert asked == [0]
    assert response == bytes((4, 20)) + pack(">10H", *[1] * 10)


@given(st.binary(max_size=260))
def test_any_bytes_get_an_answer_or_an_exception(pdu: bytes) -> None:
    """No request, however odd, makes the slave fail; a response never exceeds a frame."""
    response = answer(pdu, READ_ONLY)
    assert len(response) <= 253
    assert bool(response) == bool(pdu)
    if pdu:
        assert response[0] & 0x7F == pdu[0] & 0x7F
