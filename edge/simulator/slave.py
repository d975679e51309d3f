"""A Modbus slave as pure functions: request PDUs in, response PDUs out.

It answers functions 1, 2, 3, 4, 5, 6 and 16 and refuses the rest as a real device does, with exceptions 1, 2 and 3
(Modbus Application Protocol V1.1b3). Framing is `edge.frames`; ports and threads are `bus`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from struct import pack, unpack, unpack_from

from edge.frames import EXCEPTION
from edge.registers import Table

Image = dict[tuple[Table, int], int]

ILLEGAL_FUNCTION, ILLEGAL_ADDRESS, ILLEGAL_VALUE = 1, 2, 3
_READ_BITS = {1: Table.COIL, 2: Table.DISCRETE}
_READ_WORDS = {3: Table.HOLDING, 4: Table.INPUT}
_WRITE_COIL, _WRITE_WORD, _WRITE_WORDS = 5, 6, 16
_MOST_BITS, _MOST_WORDS, _MOST_WRITTEN = 2000, 125, 123
_COIL_VALUES = {0x0000: 0, 0xFF00: 1}
_SHORT_PDU = 5


class _RefusedError(Exception):
    """The request deserves a Modbus exception; `code` says which."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


def _nothing_writable(_table: Table, _address: int, _words: tuple[int, ...]) -> bool:
    """Refuse every write."""
    return False


@dataclass(frozen=True, slots=True)
class RegisterBank:
    """What a slave has inside: `image` gives every readable (table, address) and its word, asked once per request.

    `write(table, first address, words)` takes a write whole, or returns False for "no such address".
    """

    image: Callable[[], Mapping[tuple[Table, int], int]]
    write: Callable[[Table, int, tuple[int, ...]], bool] = field(default=_nothing_writable)


def answer(pdu: bytes, bank: RegisterBank) -> bytes:
    """Answer one request PDU (function code and data, no unit, no checksum) with one response PDU."""
    if not pdu:
        return b""
    handle = _HANDLERS.get(pdu[0])
    if handle is None:
        return bytes((pdu[0] | EXCEPTION, ILLEGAL_FUNCTION))
    try:
        return handle(pdu, bank)
    except _RefusedError as refused:
        return bytes((pdu[0] | EXCEPTION, refused.code))


def _range(pdu: bytes, most: int) -> tuple[int, int]:
    """First address and count of a read, within the limits of the protocol."""
    if len(pdu) != _SHORT_PDU:
        raise _RefusedError(ILLEGAL_VALUE)
    address, count = unpack(">HH", pdu[1:])
    if not 1 <= count <= most:
        raise _RefusedError(ILLEGAL_VALUE)
    return address, count


def _fetch(bank: RegisterBank, table: Table, address: int, count: int) -> list[int]:
    """Words of a block out of one image, so that a 32-bit value is never torn; refused if one is missing."""
    image = bank.image()
    keys = [(table, at) for at in range(address, address + count)]
    if any(key not in image for key in keys):
        raise _RefusedError(ILLEGAL_ADDRESS)
    return [image[key] for key in keys]


def _read_bits(pdu: bytes, bank: RegisterBank) -> bytes:
    """Do functions 1 and 2: bits packed from the lowest bit of the first byte on."""
    address, count = _range(pdu, _MOST_BITS)
    bits = _fetch(bank, _READ_BITS[pdu[0]], address, count)
    packed = bytearray((count + 7) // 8)
    for index, bit in enumerate(bits):
        packed[index // 8] |= (bit & 1) << index % 8
    return bytes((pdu[0], len(packed))) + bytes(packed)


def _read_words(pdu: bytes, bank: RegisterBank) -> bytes:
    """Do functions 3 and 4: words, high byte first."""
    address, count = _range(pdu, _MOST_WORDS)
    words = _fetch(bank, _READ_WORDS[pdu[0]], address, count)
    return bytes((pdu[0], 2 * count)) + pack(f">{count}H", *(word & 0xFFFF for word in words))


def _write_one(pdu: bytes, bank: RegisterBank) -> bytes:
    """Do functions 5 and 6: one coil or one word; the answer repeats the request."""
    if len(pdu) != _SHORT_PDU:
        raise _RefusedError(ILLEGAL_VALUE)
    address, value = unpack(">HH", pdu[1:])
    table = Table.HOLDING
    if pdu[0] == _WRITE_COIL:
        if value not in _COIL_VALUES:
            raise _RefusedError(ILLEGAL_VALUE)
        table, value = Table.COIL, _COIL_VALUES[value]
    if not bank.write(table, address, (value,)):
        raise _RefusedError(ILLEGAL_ADDRESS)
    return pdu


def _write_many(pdu: bytes, bank: RegisterBank) -> bytes:
    """Do function 16: a block of words; the answer repeats its address and count."""
    if len(pdu) < _SHORT_PDU + 1:
        raise _RefusedError(ILLEGAL_VALUE)
    address, count, size = unpack_from(">HHB", pdu, 1)
    if not 1 <= count <= _MOST_WRITTEN or size != 2 * count or len(pdu) != _SHORT_PDU + 1 + size:
        raise _RefusedError(ILLEGAL_VALUE)
    if not bank.write(Table.HOLDING, address, unpack_from(f">{count}H", pdu, 6)):
        raise _RefusedError(ILLEGAL_ADDRESS)
    return pdu[:_SHORT_PDU]


_HANDLERS: dict[int, Callable[[bytes, RegisterBank], bytes]] = {
    **dict.fromkeys(_READ_BITS, _read_bits),
    **dict.fromkeys(_READ_WORDS, _read_words),
    _WRITE_COIL: _write_one,
    _WRITE_WORD: _write_one,
    _WRITE_WORDS: _write_many,
}
